"""How a worker in a cluster ended, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended.

    Attributes:
        reason: A phrase such as "was lost with its node beta".
        is_blameless: No trial can have caused it.
        is_node_gone: Its place is gone with it.
    """

    reason: str
    is_blameless: bool = False
    is_node_gone: bool = False


def ending(said: str, hostname: str, *, is_node_gone: bool) -> Ending:
    """Return how a worker ended, from what Ray says of it.

    Args:
        said: The message of Ray's error.
        hostname: The machine that it was on, empty if it never presented itself.
        is_node_gone: Whether the cluster has lost that machine.

    >>> ending("The actor is dead because it was killed by `ray.kill`.", "beta", is_node_gone=False).reason
    'was ended on beta by ray.kill'
    >>> ending("...", "beta", is_node_gone=True).reason
    'was lost with its node beta'
    """
    where = f" on {hostname}" if hostname else ""
    if is_node_gone or "node has died" in said or "node was terminated" in said:
        return Ending(f"was lost with its node {hostname}".rstrip(), is_blameless=True, is_node_gone=True)
    if "ray.kill" in said:
        return Ending(f"was ended{where} by ray.kill", is_blameless=True)
    if "running low on memory" in said:
        return Ending(f"was ended{where} by Ray, since the memory of the node ran low")
    if "connection error code 2" in said:  # Ray does not know either: its end of the socket was closed
        return Ending(f"died{where}, killed by a signal, by an error in native code or by os._exit")
    detail = re.search(r"Worker exit detail: (.*)", said)
    return Ending(f"died{where}: {detail[1].partition('. ')[0] if detail else said.strip().splitlines()[-1]}")

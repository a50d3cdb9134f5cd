"""Reaching a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from poptune.errors import ClusterError, MissingExtra, UsageError, nearest
from poptune.executors.machine import Machine
from poptune.trainables.packed import Resources

_PATIENCE_S = 5.0  # for a cluster to answer its port; Ray itself would try for minutes


def library() -> Any:
    """Return the module `ray`.

    Raises:
        MissingExtra: It is not installed.
        UsageError: In this process `import ray` is answered by PopTune.
    """
    spec = find_spec("ray")
    if spec is None:
        raise MissingExtra("ray", extra="ray", purpose='RunConfig(executor="ray")')
    if spec.origin == "PopTune":
        raise UsageError(
            'executor="ray" needs Ray itself, and under `poptune ray-script` PopTune answers `import ray`: import'
            " poptune.compat in the script instead."
        )
    return import_module("ray")


def connect(address: str | None) -> bool:
    """Connect this process to a cluster, unless it is connected already, and say whether the connection is ours to end.

    Args:
        address: Of the cluster, such as "10.0.0.1:6379", "auto" or "ray://10.0.0.1:10001"; None: what RAY_ADDRESS says,
            and without that a Ray of our own on this machine, for this process alone.

    Raises:
        ClusterError: There is no cluster at the address.
    """
    ray = library()
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody was asked whether Ray may phone home
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}  # what trials print comes with their reports
    if address == "local":
        ray.init("local", num_cpus=Machine.this().cpus, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
        return True
    _knock(address)
    try:
        ray.init(address, **quiet)
    except (ConnectionError, RuntimeError) as error:
        raise _nobody_at(address, str(error).partition("\n")[0]) from error
    return True


def _knock(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # "auto": Ray knows whom to ask
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
    except OSError as error:
        raise _nobody_at(address, error.strerror or str(error)) from error


def _nobody_at(address: str, why: str) -> ClusterError:
    return ClusterError(
        f"There is no Ray cluster at {address} ({why}): start one with `ray start --head`, give its address in"
        " RAY_ADDRESS, or unset RAY_ADDRESS to train on this machine."
    )


def check_fits(needs: Mapping[str, float], nodes: list[Mapping[str, float]]) -> None:
    """Refuse a trial that no node can ever hold.

    Args:
        needs: What one trial asks for, in Ray's names.
        nodes: What each node has in all.

    Raises:
        UsageError: There is none.

    >>> check_fits({"CPU": 1, "GPU": 1}, [{"CPU": 4.0}])
    Traceback (most recent call last):
    poptune.errors.UsageError: One trial asks for 1 GPU, and no node of the Ray cluster has that many.
    """
    if any(fit(needs, node) for node in nodes):
        return
    known = {name for node in nodes for name in node}
    for name, amount in needs.items():
        if not any(node.get(name, 0.0) >= amount for node in nodes):
            hint = "" if name in {*known, "CPU", "GPU", "memory"} else nearest(name, known)
            raise UsageError(
                f"One trial asks for {amount:g} {name}, and no node of the Ray cluster has that many.{hint}"
            )
    asked = ", ".join(f"{amount:g} {name}" for name, amount in needs.items())
    raise UsageError(f"One trial asks for {asked}, and no single node of the Ray cluster has all of it.")


def fit(needs: Mapping[str, float], has: Mapping[str, float]) -> int:
    """Return how many trials a node holds side by side.

    >>> fit({"CPU": 2, "GPU": 0.5}, {"CPU": 16.0, "GPU": 2.0})
    4
    """
    return min(int(has.get(name, 0.0) / amount + 1e-9) for name, amount in needs.items())


def bundle(resources: Resources) -> dict[str, float]:
    """Return what one trial asks for, in Ray's names. Ray refuses an empty bundle.

    >>> bundle(Resources(cpu=2, gpu=0.5))
    {'CPU': 2, 'GPU': 0.5}
    """
    amounts = {"CPU": resources.cpu, "GPU": resources.gpu, **resources.others}
    return {name: amount for name, amount in amounts.items() if amount} or {"CPU": 0.01}

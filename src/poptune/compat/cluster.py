"""Stand-ins for Ray's start and end, and for questions about its cluster: here it is this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from poptune.compat.notes import note
from poptune.errors import OptionError
from poptune.executors import machine
from poptune.executors.machine import Machine
from poptune.trainables import session

_is_initialized = False
_replaced: dict[str, str | None] = {}  # environment variables, as they were before `init`

# What arguments of Ray's ask for that is so anyway; what is not named here is off or absent anyway.
_EITHER = (True, False)
_ANYWAY = {
    "address": ("local",),
    "configure_logging": _EITHER,
    "ignore_reinit_error": _EITHER,
    "log_to_driver": (True,),
}


def init(
    address: str | None = None,
    *,
    num_cpus: int | None = None,
    num_gpus: int | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    **others: Any,
) -> None:
    """Say what the runs of this process may use. Nothing is started: a run starts its workers itself.

    Until `shutdown`, a further call changes nothing.

    Args:
        address: Runs are on this machine: None or "local".
        num_cpus: Cores that all trials of a run share. They are only counted: `num_cpus=8` on two cores lets eight
            trials of one core train side by side.
        num_gpus: GPUs: the first ones that this process may use. Without `CUDA_VISIBLE_DEVICES` they are only counted,
            too.
        runtime_env: `{"env_vars": {"NAME": "value"}}` for the workers. They inherit the environment of this process, so
            the variables are set in it, too.
        others: Further arguments of Ray's. Those that ask for what is not so are named in one warning.

    Raises:
        OptionError: A number is negative, more GPUs than `CUDA_VISIBLE_DEVICES` names, or a variable is no text.

    >>> init(num_cpus=4, ignore_reinit_error=True)
    >>> is_initialized(), cluster_resources()["CPU"]
    (True, 4.0)
    >>> shutdown()
    >>> is_initialized()
    False
    """
    global _is_initialized
    if _is_initialized:
        return
    budget = _budget(num_cpus, num_gpus)
    environment = dict(runtime_env or {})
    _set(environment.pop("env_vars", None) or {})
    machine.told, _is_initialized = budget, True
    others |= {"address": address, **{f"runtime_env[{key!r}]": value for key, value in environment.items()}}
    ignored = [name for name, value in others.items() if value not in (None, *_ANYWAY.get(name, (False,)))]
    if ignored:
        names = ", ".join(sorted(ignored))
        note(f"ray.init ignores {names}: runs are on this machine, in workers that they start.", UserWarning)


def is_initialized() -> bool:
    """Return whether `init` was called, and `shutdown` was not since."""
    return _is_initialized


def shutdown(*arguments: Any, **options: Any) -> None:
    """Take back what `init` said. Nothing is stopped: a run ends its workers itself."""
    global _is_initialized
    _is_initialized, machine.told = False, None
    while _replaced:
        name, value = _replaced.popitem()
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def cluster_resources() -> dict[str, float]:
    """Return what runs may use: `{"CPU": 8.0, "GPU": 1.0}`, without GPUs if there are none."""
    here = Machine.this()
    return {"CPU": float(here.cpus), **({"GPU": float(len(here.gpus))} if here.gpus else {})}


def available_resources() -> dict[str, float]:
    """Return what a run may use that starts now: all of it."""
    return cluster_resources()


def get_gpu_ids() -> list[int | str]:
    """Return the GPUs of the trial that asks, as in `CUDA_VISIBLE_DEVICES`; none outside of a trial."""
    if session.current is None:
        return []
    return [int(gpu) if gpu.isdigit() else gpu for gpu in Machine.found().gpus]


def nodes() -> list[dict[str, Any]]:
    """Return the machines that runs use: this one."""
    return [{"Alive": True, "NodeManagerHostname": socket.gethostname(), "Resources": cluster_resources()}]


def _budget(cpus: int | None, gpus: int | None) -> Machine | None:
    """Return the machine that these numbers tell of, None if they tell nothing."""
    for name, number in (("num_cpus", cpus), ("num_gpus", gpus)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise OptionError(f"ray.init: {name} must be a whole number from 0, not {number!r}.")
    if cpus is None and gpus is None:
        return None
    found = Machine.found()
    return Machine(found.cpus if cpus is None else cpus, found.gpus if gpus is None else _gpus(gpus, found.gpus))


def _gpus(number: int, found: tuple[str, ...]) -> tuple[str, ...]:
    if number <= len(found):
        return found[:number]
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        raise OptionError(
            f"ray.init(num_gpus={number}): CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']!r} names"
            f" {len(found)} for this process."
        )
    return tuple(map(str, range(number)))


def _set(variables: Mapping[str, str]) -> None:
    if wrong := [name for name, value in variables.items() if not isinstance(value, str)]:
        raise OptionError(f"ray.init: the environment variable {wrong[0]} must be a text, not {variables[wrong[0]]!r}.")
    for name, value in variables.items():
        _replaced[name] = os.environ.get(name)
        os.environ[name] = value

"""Training that runs out of memory: how it is found out, and what to do then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_WAITING = "trials that wait keep theirs, so a smaller population (num_samples) helps too."
_OF_THE_MACHINE = (
    "Let each trial hold less, with a smaller batch for example, or let fewer train at once"
    f" (TuneConfig(max_concurrent_trials=...), or more resources per trial by tune.with_resources); {_WAITING}"
)
_OF_A_GPU = (
    "Let each trial hold less, with a smaller batch for example, or let fewer share a GPU"
    f' (tune.with_resources(train, {{"gpu": 1}}) lets one train on it at a time); {_WAITING}'
)
# Libraries have no class in common: torch.OutOfMemoryError, XLA's RESOURCE_EXHAUSTED, torch's allocator for the CPU.
_WORDS = ("out of memory", "can't allocate memory")


def advice(error: BaseException) -> str:
    """Return what to do about an error if memory ran out, empty if it did not.

    >>> advice(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")).partition(",")[0]
    'Let each trial hold less'
    >>> advice(ValueError("the loss exploded"))
    ''
    """
    if isinstance(error, MemoryError):
        return _OF_THE_MACHINE
    text = str(error).lower()
    if "cpuallocator" in text:
        return _OF_THE_MACHINE
    is_named_so = any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)
    return _OF_A_GPU if is_named_so or any(words in text for words in _WORDS) else ""


def advice_on_kill(kills_before: int | None) -> str:
    """Return what to do about a process that was killed by SIGKILL, and whether the kernel did it.

    Args:
        kills_before: What `kernel_kills` said when the process was started.
    """
    now = kernel_kills()
    if now is not None and kills_before is not None and now > kills_before:
        return f"Probably memory ran out: the kernel has killed for it since that worker began. {_OF_THE_MACHINE}"
    return f"If nobody killed it, memory ran out. {_OF_THE_MACHINE}"


def kernel_kills() -> int | None:
    """Return how many processes the kernel has killed for memory here so far; None if it does not say (not Linux)."""
    for counters in _counters():
        with contextlib.suppress(OSError, ValueError):
            lines = dict(line.split() for line in counters.read_text().splitlines())
            if "oom_kill" in lines:
                return int(lines["oom_kill"])
    return None


def give_up_first(pid: int) -> None:
    """Let the kernel take a process, and whatever that starts, before its driver when memory runs out."""
    with contextlib.suppress(OSError):  # not Linux, or it has ended already
        Path(f"/proc/{pid}/oom_score_adj").write_text("200")  # as if it held a fifth of all memory more


def _counters() -> Iterator[Path]:
    """Yield files that may hold the number: of our own control group, which is exact, then of the whole machine."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:
                yield Path(f"/sys/fs/cgroup{group}/memory.events")
            elif controllers == "memory":  # version 1
                yield Path(f"/sys/fs/cgroup/memory{group}/memory.oom_control")
    yield Path("/proc/vmstat")

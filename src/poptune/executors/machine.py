"""What this machine has, and how many workers of which size it can hold."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from poptune.errors import UsageError, nearest
from poptune.trainables.packed import Resources


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and GPUs that this process may use.

    Attributes:
        cpus: Cores.
        gpus: Identifiers as in `CUDA_VISIBLE_DEVICES`.
    """

    cpus: int
    gpus: tuple[str, ...] = ()

    @classmethod
    def this(cls) -> Machine:
        """Return what this process may use: what it was told, see `told`, or else what there is."""
        return told or cls.found()

    @classmethod
    def found(cls) -> Machine:
        """Return what there is for this process."""
        affinity = getattr(os, "sched_getaffinity", None)
        cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
        return cls(cpus, _gpus())

    def slots(self, resources: Resources) -> int:
        """Return how many trials fit side by side.

        Raises:
            UsageError: Not even one does.

        >>> Machine(cpus=8, gpus=("0", "1")).slots(Resources(cpu=1, gpu=0.5))
        4
        """
        for name, has, needs in (("cpu", self.cpus, resources.cpu), ("gpu", len(self.gpus), resources.gpu)):
            if needs > has:
                raise UsageError(
                    f"One trial asks for {needs:g} {name}, and this machine has {has}. Ask for less in"
                    ' tune.with_resources, or train on a cluster with RunConfig(executor="ray").'
                )
        for name in resources.others:
            hint = nearest(name, ("cpu", "gpu"))
            raise UsageError(f"A trial asks for {name!r}, and workers of this machine have 'cpu' and 'gpu'.{hint}")
        by_cpu = math.floor(self.cpus / resources.cpu) if resources.cpu else self.cpus
        if not resources.gpu:
            return max(1, by_cpu)
        per_gpu = math.floor(1 / resources.gpu) if resources.gpu < 1 else 0
        by_gpu = len(self.gpus) * per_gpu if per_gpu else math.floor(len(self.gpus) / resources.gpu)
        return max(1, min(by_cpu, by_gpu))

    def environment(self, worker: int, resources: Resources) -> dict[str, str]:
        """Return the variables that give a worker its share: threads of numerical libraries, and GPUs.

        >>> Machine(2, ("0", "1")).environment(3, Resources(gpu=0.5))["CUDA_VISIBLE_DEVICES"]
        '1'
        >>> Machine(2).environment(0, Resources())["OMP_NUM_THREADS"]
        '1'
        """
        variables = thread_variables(max(1, math.floor(resources.cpu)))
        if resources.gpu >= 1:
            first = worker * int(resources.gpu)
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus[first : first + int(resources.gpu)])
        elif resources.gpu:
            variables["CUDA_VISIBLE_DEVICES"] = self.gpus[worker // math.floor(1 / resources.gpu)]
        else:
            variables["CUDA_VISIBLE_DEVICES"] = ""
        return variables


# What this process was told to take for the machine. Its cores are only counted: there may be more than there are.
told: Machine | None = None

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment variables that tell numerical libraries how many threads to use."""
    return dict.fromkeys(_THREAD_VARIABLES, str(threads))


def _gpus() -> tuple[str, ...]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip())
    # The driver lists its GPUs here; asking a library would start a CUDA context in the driver process.
    folder = Path("/proc/driver/nvidia/gpus")
    count = len(list(folder.iterdir())) if folder.is_dir() else 0
    return tuple(str(number) for number in range(count))

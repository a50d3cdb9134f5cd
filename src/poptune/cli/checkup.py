"""What this machine offers to runs, and whether a small one works."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import poptune as tune
from poptune.errors import PopTuneError
from poptune.executors.machine import Machine
from poptune.faces.sentences import duration
from poptune.faces.table import aligned
from poptune.testing.toys import Climber
from poptune.version import __version__

START_METHOD = "fresh interpreters, nothing is forked"
_LEAST_FREE_BYTES = 1e9
_FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow", "scikit-learn", "ray")
_NOT_FOR_USERS = ("all", "dev")
_NEEDS = re.compile(r"^(?P<name>[\w.-]+).*;.*\bextra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes:
        poptune: Its version.
        python: Version of the interpreter.
        executable: Its path.
        platform: The operating system.
        frameworks: Versions of the training frameworks that are installed.
        cpus: Cores that this process may use.
        gpus: Identifiers of GPUs that it may use.
        start_method: How worker processes begin.
        storage: Where runs are to be written.
        free_bytes: Free space there.
        run_s: Seconds that the small run took; None if it failed.
        extras: Per extra the packages that it lacks; empty if PopTune is not installed, but only on the path.
        problems: What does not work, and what to do.
    """

    poptune: str
    python: str
    executable: str
    platform: str
    frameworks: dict[str, str]
    cpus: int
    gpus: tuple[str, ...]
    start_method: str
    storage: str
    free_bytes: int
    run_s: float | None
    extras: dict[str, tuple[str, ...]]
    problems: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)

    @property
    def lines(self) -> list[str]:
        """Everything as lines of text, problems last."""
        tried = "failed" if self.run_s is None else f"worked in {duration(self.run_s)}"
        complete = [name for name, lacks in self.extras.items() if not lacks]
        rows = [
            ("poptune", f"{self.poptune}, Python {self.python} ({self.executable})"),
            ("system", self.platform),
            ("frameworks", ", ".join(f"{name} {version}" for name, version in self.frameworks.items()) or "none"),
            ("cores", str(self.cpus)),
            ("GPUs", f"{len(self.gpus)} ({', '.join(self.gpus)})" if self.gpus else "none"),
            ("workers", self.start_method),
            ("disk", f"{self.free_bytes / 1e9:.1f} GB free in {self.storage}"),
            ("small run", tried),
            (
                "extras",
                ", ".join(complete)
                or ("none" if self.extras else "unknown: PopTune is not installed, but on the path"),
            ),
        ]
        lines = aligned(rows, left=range(2))
        for name, lacks in self.extras.items():
            if lacks:
                lines.append(f'Without the extra {name} ({", ".join(lacks)}): pip install "poptune[{name}]"')
        return [*lines, *(f"Problem: {problem}" for problem in self.problems)]


def checkup(storage: Path) -> Checkup:
    """Return what is found on this machine.

    Args:
        storage: Where runs are to be written; it need not be there yet, and is left as it was.
    """
    storage = storage.expanduser().absolute()
    place = _nearest_folder(storage)
    machine, free = Machine.found(), shutil.disk_usage(place).free
    run_s, problem = _tried(place)
    problems = [problem] if problem else []
    if free < _LEAST_FREE_BYTES:
        problems.append(f"{place} has {free / 1e9:.1f} GB left. Free some, or name another directory with --storage.")
    return Checkup(
        poptune=__version__,
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        frameworks={name: version for name in _FRAMEWORKS if (version := _version(name))},
        cpus=machine.cpus,
        gpus=machine.gpus,
        start_method=START_METHOD,
        storage=str(storage),
        free_bytes=free,
        run_s=run_s,
        extras=_extras(),
        problems=tuple(problems),
    )


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _tried(place: Path) -> tuple[float | None, str | None]:
    """Train two trials in worker processes; return how many seconds that took, or what went wrong."""
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".poptune_doctor_") as folder:
            results = tune.Tuner(
                Climber,
                param_space={"speed": tune.grid_search([1.0, 2.0])},
                tune_config=tune.TuneConfig(metric="height", mode="max", seed=0),
                run_config=tune.RunConfig(stop={"training_iteration": 3}, storage_path=folder, verbose=0),
            ).fit()
            if results.num_errors:
                return None, str(results.errors[0])
    except PopTuneError as error:
        return None, str(error)
    except OSError as error:
        return None, f"Cannot write in {place}: {error.strerror or error}. Name another directory with --storage."
    return time.monotonic() - began, None


def _extras() -> dict[str, tuple[str, ...]]:
    """Return per extra what it lacks; nothing if PopTune was not installed, but only lies on the path."""
    try:
        needs = metadata.requires("poptune") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for need in needs:
        match = _NEEDS.match(need)
        if match and match["extra"] not in _NOT_FOR_USERS:
            lacks = found.setdefault(match["extra"], [])
            if _version(match["name"]) is None:
                lacks.append(match["name"])
    return {name: tuple(lacks) for name, lacks in found.items()}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

"""PopTune: Population Based Training. By convention `import poptune as tune`.

Every name is imported from its module when it is first used, so that importing the package, and starting a worker
process, costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poptune.compat.tune.tune import run
    from poptune.core.space import (
        choice,
        grid_search,
        lograndint,
        loguniform,
        qlograndint,
        qloguniform,
        qrandint,
        qrandn,
        quniform,
        randint,
        randn,
        sample_from,
        uniform,
    )
    from poptune.faces.reporters import CLIReporter, JupyterNotebookReporter
    from poptune.run.callbacks import Callback, LoggerCallback
    from poptune.run.configs import FailureConfig, RunConfig, TuneConfig
    from poptune.run.reporting import ProgressReporter
    from poptune.run.results import Result, ResultGrid
    from poptune.run.schedule import Schedule
    from poptune.run.stoppers import Stopper
    from poptune.storage.checkpoint import Checkpoint
    from poptune.storage.retention import CheckpointConfig
    from poptune.trainables.class_api import Trainable
    from poptune.trainables.packed import with_parameters, with_resources
    from poptune.trainables.session import TrialContext, get_checkpoint, get_context, report
    from poptune.tuner import Tuner
    from poptune.version import __version__

__all__ = [
    "CLIReporter",
    "Callback",
    "Checkpoint",
    "CheckpointConfig",
    "FailureConfig",
    "JupyterNotebookReporter",
    "LoggerCallback",
    "ProgressReporter",
    "Result",
    "ResultGrid",
    "RunConfig",
    "Schedule",
    "Stopper",
    "Trainable",
    "TrialContext",
    "TuneConfig",
    "Tuner",
    "__version__",
    "choice",
    "get_checkpoint",
    "get_context",
    "grid_search",
    "lograndint",
    "loguniform",
    "qlograndint",
    "qloguniform",
    "qrandint",
    "qrandn",
    "quniform",
    "randint",
    "randn",
    "report",
    "run",
    "sample_from",
    "uniform",
    "with_parameters",
    "with_resources",
]

_HOMES = {
    "poptune.core.space": (
        "choice",
        "grid_search",
        "lograndint",
        "loguniform",
        "qlograndint",
        "qloguniform",
        "qrandint",
        "qrandn",
        "quniform",
        "randint",
        "randn",
        "sample_from",
        "uniform",
    ),
    "poptune.faces.reporters": ("CLIReporter", "JupyterNotebookReporter"),
    "poptune.run.callbacks": ("Callback", "LoggerCallback"),
    "poptune.run.configs": ("FailureConfig", "RunConfig", "TuneConfig"),
    "poptune.run.reporting": ("ProgressReporter",),
    "poptune.run.results": ("Result", "ResultGrid"),
    "poptune.run.schedule": ("Schedule",),
    "poptune.run.stoppers": ("Stopper",),
    "poptune.storage.checkpoint": ("Checkpoint",),
    "poptune.storage.retention": ("CheckpointConfig",),
    "poptune.trainables.class_api": ("Trainable",),
    "poptune.trainables.packed": ("with_parameters", "with_resources"),
    "poptune.trainables.session": ("TrialContext", "get_checkpoint", "get_context", "report"),
    "poptune.tuner": ("Tuner",),
    "poptune.version": ("__version__",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
    try:
        return import_module(f"poptune.{name}")  # submodules, as in `tune.schedulers.PopulationBasedTraining`
    except ModuleNotFoundError as error:
        if error.name != f"poptune.{name}":
            raise
    from poptune import schedulers
    from poptune.errors import nearest

    hint = f" It is poptune.schedulers.{name}." if name in schedulers.__all__ else nearest(name, __all__)
    raise AttributeError(f"poptune has no name {name!r}.{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

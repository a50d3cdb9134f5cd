"""Older ways of calling PopTune, as scripts for earlier versions of Ray Tune use them. New code does without.

Change the imports of such a script, nothing else:

=========================================================  =======================================================
`from ray import tune`                                     `import poptune as tune`
`import ray`                                               `import poptune.compat as ray`
`from ray import air, train`                               `from poptune.compat import air, train`
`from ray.air import session`                              `from poptune.compat.air import session`
`from ray.tune.schedulers import PopulationBasedTraining`  `from poptune.compat import PopulationBasedTraining`
=========================================================  =======================================================

The last line is needed only for `reward_attr`; otherwise `poptune.schedulers` serves.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poptune.compat.analysis import ExperimentAnalysis, TrialSummary
    from poptune.compat.objects import ObjectRef, get, init, is_initialized, put, shutdown
    from poptune.compat.running import run
    from poptune.compat.scheduling import PopulationBasedTraining

__all__ = [
    "ExperimentAnalysis",
    "ObjectRef",
    "PopulationBasedTraining",
    "TrialSummary",
    "get",
    "init",
    "is_initialized",
    "put",
    "run",
    "shutdown",
]

_HOME_OF = {
    "ExperimentAnalysis": "analysis",
    "ObjectRef": "objects",
    "PopulationBasedTraining": "scheduling",
    "TrialSummary": "analysis",
    "get": "objects",
    "init": "objects",
    "is_initialized": "objects",
    "put": "objects",
    "run": "running",
    "shutdown": "objects",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: workers that only need the session import nothing else."""
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    try:
        return import_module(f"{__name__}.{name}")  # `compat.air`, as an attribute
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
    from poptune.errors import nearest

    raise AttributeError(f"poptune.compat has no name {name!r}.{nearest(name, __all__)}")

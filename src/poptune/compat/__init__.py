"""`ray` as scripts for Ray Tune know it, of all generations: `poptune.compat.x.y` has what they use of `ray.x.y`.

`poptune ray-script SCRIPT.py` runs such a script unchanged. Or change its imports, nothing else:

=========================================================  =======================================================
`from ray import tune`                                     `from poptune.compat import tune`
`import ray`                                               `import poptune.compat as ray`
`from ray import air, train`                               `from poptune.compat import air, train`
`from ray.air import session`                              `from poptune.compat.air import session`
`from ray.tune.schedulers import PopulationBasedTraining`  `from poptune.compat.tune.schedulers import ...`
=========================================================  =======================================================

New code has `import poptune as tune`, and does without this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poptune.compat.lookup import lookup
from poptune.version import __version__ as _poptune

if TYPE_CHECKING:
    from poptune.compat.objects import ObjectRef, get, init, is_initialized, put, shutdown
    from poptune.compat.tune.analysis import ExperimentAnalysis, TrialSummary
    from poptune.compat.tune.schedulers.pbt import PopulationBasedTraining
    from poptune.compat.tune.tune import run

__version__ = f"2.60.0+poptune{_poptune}"  # whose names these are, for scripts that ask; then whose code it is

__all__ = [
    "ExperimentAnalysis",
    "ObjectRef",
    "PopulationBasedTraining",
    "TrialSummary",
    "__version__",
    "get",
    "init",
    "is_initialized",
    "put",
    "run",
    "shutdown",
]

__getattr__ = lookup(
    __name__,
    {
        **dict.fromkeys(("ObjectRef", "get", "init", "is_initialized", "put", "shutdown"), "poptune.compat.objects"),
        **dict.fromkeys(("ExperimentAnalysis", "TrialSummary"), "poptune.compat.tune.analysis"),
        "PopulationBasedTraining": "poptune.compat.tune.schedulers.pbt",
        "run": "poptune.compat.tune.tune",
    },
)

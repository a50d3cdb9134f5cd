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
    from poptune.compat.cluster import (
        available_resources,
        cluster_resources,
        get_gpu_ids,
        init,
        is_initialized,
        nodes,
        shutdown,
    )
    from poptune.compat.objects import ObjectRef, get, put

__version__ = f"2.60.0+poptune{_poptune}"  # whose names these are, for scripts that ask; then whose code it is

__all__ = [
    "ObjectRef",
    "__version__",
    "available_resources",
    "cluster_resources",
    "get",
    "get_gpu_ids",
    "init",
    "is_initialized",
    "nodes",
    "put",
    "shutdown",
]

_CLUSTER = ("available_resources", "cluster_resources", "get_gpu_ids", "init", "is_initialized", "nodes", "shutdown")

__getattr__ = lookup(
    __name__,
    {
        **dict.fromkeys(_CLUSTER, "poptune.compat.cluster"),
        **dict.fromkeys(("ObjectRef", "get", "put"), "poptune.compat.objects"),
    },
)

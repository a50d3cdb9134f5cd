"""A run: the loop from reports to decisions to actions, and what is left of it.

The package can be called, since `tune.run(train, ...)` is how earlier versions of Ray Tune start a run; see
`poptune.compat.tune.run`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """Python binds a package to its name in `poptune` when anything in it is imported: no function can stand there."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Start a run, see `poptune.compat.tune.run`."""
        return import_module("poptune.compat.tune.tune").run(*arguments, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to workers by name, as other modules do: a function that says `tune` and `run` takes both along."""
        return import_module, (__name__,)


sys.modules[__name__].__class__ = _CallablePackage

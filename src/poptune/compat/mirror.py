"""`import ray` answered by PopTune: a module `ray.x.y` shows what `poptune.compat.x.y` offers, and nothing else.

It is one finder, the first in `sys.meta_path`, so it wins over an installed Ray. It is only there after `install()`, in
this process and in the workers of its runs. Other processes that a script starts see the ordinary `ray`: whoever
starts a program may not change what its imports mean.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType
from typing import Any

from poptune.errors import nearest
from poptune.executors import worker

_TOP = ("air", "exceptions", "train", "tune")
_MOST_NAMES = 12  # that an error message lists

# Where the generations of Ray Tune have the names of a module besides.
_ALSO_AT = {
    "tune.analysis.experiment_analysis": "tune.analysis",
    "tune.logger.csv": "tune.logger",
    "tune.logger.json": "tune.logger",
    "tune.logger.logger": "tune.logger",
    "tune.logger.tensorboardx": "tune.logger",
    "tune.sample": "tune.search.sample",
    "tune.stopper.experiment_plateau": "tune.stopper",
    "tune.stopper.function_stopper": "tune.stopper",
    "tune.stopper.maximum_iteration": "tune.stopper",
    "tune.stopper.noop": "tune.stopper",
    "tune.stopper.stopper": "tune.stopper",
    "tune.stopper.timeout": "tune.stopper",
    "tune.stopper.trial_plateau": "tune.stopper",
    "tune.suggest": "tune.search",
    "tune.suggest.basic_variant": "tune.search.basic_variant",
    "tune.suggest.variant_generator": "tune.search.variant_generator",
    "tune.trainable.trainable": "tune.trainable",
    "tune.trainable.util": "tune.trainable",
    "tune.trial": "tune.experiment.trial",
    "tune.utils.placement_groups": "tune.execution.placement_groups",
    "tune.utils.trainable": "tune.trainable",
    "tune.utils.util": "tune.utils",
}
_LOG = "Derive from ray.tune.logger.LoggerCallback, and give RunConfig(callbacks=[...]) an object of that class."
_ADVICE = {
    "ray.air.integrations": "Call the library itself, in training code or in a callback derived from LoggerCallback.",
    "ray.tune.examples": "Copy the functions that you use from Ray's examples into a file beside your script.",
    "ray.tune.integration": "Report from a callback of your framework with tune.report(...).",
    "ray.tune.logger.LegacyLoggerCallback": _LOG,
    "ray.tune.logger.Logger": _LOG,
    "ray.tune.logger.UnifiedLogger": _LOG,
}


class Mirror(ModuleType):
    """A module of the tree `ray`, with the names of another module. Made by the finder."""

    def __init__(self, name: str, home: str) -> None:
        source = import_module(home)
        super().__init__(name, source.__doc__)
        self._source = source
        self.__all__ = list(source.__all__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(self._source, name) if name in self.__all__ else None
        if value is None or isinstance(value, ModuleType):
            if not _home(f"{self.__name__}.{name}"):
                # With a `name` of its own, Python adds no second guess at what was meant.
                raise AttributeError(_sentence(self.__name__, name, self.__all__), name=f"{self.__name__}.{name}")
            return import_module(f"{self.__name__}.{name}")  # which sets it
        setattr(self, name, value)
        return value

    def __reduce__(self) -> Any:
        return import_module, (self.__name__,)  # a function that names a module takes it along to its worker

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


class _Finder(MetaPathFinder, Loader):
    """Answers for `ray` and all below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "ray":
            return None
        if _home(fullname) is None:
            parent, _, name = fullname.rpartition(".")
            # It carries no `name`: `from ray.tune import x` would take it for its own failure, and hide what it says.
            raise ModuleNotFoundError(_sentence(parent, name, sys.modules[parent].__all__))
        return spec_from_loader(fullname, self, origin="PopTune", is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Mirror(spec.name, str(_home(spec.name)))

    def exec_module(self, module: ModuleType) -> None:
        pass  # its names are looked up when they are used


_finder = _Finder()


def install() -> None:
    """Answer `import ray` in this process from now on, and in the workers of its runs. A `ray` imported before goes."""
    if _finder in sys.meta_path:
        return
    _forget()
    sys.meta_path.insert(0, _finder)
    worker.setups.append(install)


def remove() -> None:
    """Undo `install`: the next `import ray` is Python's own affair again."""
    if _finder not in sys.meta_path:
        return
    sys.meta_path.remove(_finder)
    worker.setups.remove(install)
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        del sys.modules[name]


def _home(name: str) -> str | None:
    """Return the module that a module of the tree `ray` shows, None if there is none."""
    below = name.removeprefix("ray").removeprefix(".")
    if not below:
        return "poptune.compat"
    if below.partition(".")[0] not in _TOP:
        return None
    home = f"poptune.compat.{_ALSO_AT.get(below, below)}"
    try:
        return home if find_spec(home) else None
    except ModuleNotFoundError:  # what should be a package is a module
        return None


def _sentence(parent: str, name: str, offered: Iterable[str]) -> str:
    known = sorted({*offered, *(_TOP if parent == "ray" else ())} - {"__version__"})
    advice = _ADVICE.get(f"{parent}.{name}") or f"{parent} has {_listed(name, known)}."
    return f"PopTune, which answers `import ray` here, does not offer {parent}.{name}.{nearest(name, known)} {advice}"


def _listed(name: str, known: Sequence[str]) -> str:
    if len(known) <= _MOST_NAMES:
        return ", ".join(known)
    close = sorted(get_close_matches(name, known, n=_MOST_NAMES, cutoff=0.0))
    return f"{', '.join(close)} and {len(known) - len(close)} more"

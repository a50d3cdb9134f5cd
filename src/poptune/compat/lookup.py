"""Names that are imported when they are first used: workers that only need the session import nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from poptune.errors import nearest


def lookup(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__`: for its names, and for its submodules as attributes.

    Args:
        module: The package.
        homes: The module that holds a name, by name.
    """

    def look_up(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        try:
            return import_module(f"{module}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{module}.{name}":
                raise
        raise AttributeError(f"{module} has no name {name!r}.{nearest(name, homes)}")

    return look_up

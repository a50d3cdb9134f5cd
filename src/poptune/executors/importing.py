"""Imports of training code: garbage is collected seldom until its first report, and no import moves its generators."""

from __future__ import annotations

import builtins
import gc
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from poptune.core.randomness import GlobalGenerators, imported_torch

_SELDOM = (50_000, 20, 20)  # objects, collections of the youngest, collections of the next


class Importing:
    """Makes garbage collection seldom until it is ended.

    What modules define stays: looking through it again and again takes a quarter of the time in which libraries such as
    torch and scikit-learn are imported.

    >>> importing = Importing()
    >>> gc.get_threshold()
    (50000, 20, 20)
    >>> importing.end()
    """

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        gc.set_threshold(*_SELDOM)

    def end(self) -> None:
        """Collect as often as before, unless training code has chosen how often."""
        if gc.get_threshold() == _SELDOM:
            gc.set_threshold(*self._usual)


@contextmanager
def imports_apart(thread: threading.Thread, seed: int) -> Iterator[None]:
    """Let imports of a thread leave the global generators as they were, for the length of a block.

    Modules are imported once for all trials of a process. Some draw meanwhile, as those of rich and JAX do, and the
    generator of torch is there only afterwards: whoever imports first would draw other numbers than its neighbours.

    Args:
        thread: Whose imports.
        seed: For the generators of torch, when it comes.
    """
    outer = builtins.__import__
    ours = builtins.__import__ = _Import(outer, thread, seed)
    try:
        yield
    finally:
        if builtins.__import__ is ours:
            builtins.__import__ = outer


class _Import:
    """The `import` statement."""

    def __init__(self, original: Callable[..., Any], thread: threading.Thread, seed: int) -> None:
        self._original = original
        self._thread = thread.ident
        self._seed = seed
        self._is_within = False  # a module that imports others

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  these names are Python's
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        is_elsewhere = self._is_within or threading.get_ident() != self._thread
        if is_elsewhere or _is_imported(name, globals, fromlist or (), level):
            return self._original(name, globals, locals, fromlist, level)
        before = GlobalGenerators.capture()
        self._is_within = True
        try:
            return self._original(name, globals, locals, fromlist, level)
        finally:
            self._is_within = False
            before.restore()
            if before.torch is None and (torch := imported_torch()):
                torch.manual_seed(self._seed)


def _is_imported(name: str, names: Mapping[str, Any] | None, fromlist: Sequence[str], level: int) -> bool:
    """Say whether an `import` statement finds all that it names."""
    if level:
        try:
            name = importlib.util.resolve_name("." * level + name, (names or {}).get("__package__"))
        except ImportError:  # which the statement is going to raise
            return True
    return name in sys.modules and all(item in getattr(sys.modules[name], "__dict__", {}) for item in fromlist)

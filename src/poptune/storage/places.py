"""Paths that a run directory tells: they may lead nowhere but into it, whoever wrote them."""

from __future__ import annotations

import re
from pathlib import Path

from poptune.errors import StorageError

_OUTSIDE = re.compile(r"/|~|[A-Za-z]:|(.*/)?\.\.(/|\Z)|.*[\\\x00]", re.DOTALL)


def checked_path(path: str) -> str:
    r"""Return a path that a journal tells, if it is relative and stays below where it begins.

    Raises:
        ValueError: It does not, or is no text.

    >>> checked_path("train_0/checkpoint_000003")
    'train_0/checkpoint_000003'
    >>> checked_path("train_0/../../home")
    Traceback (most recent call last):
    ValueError: the path 'train_0/../../home' leads out of the run directory
    """
    if not isinstance(path, str) or _OUTSIDE.match(path):
        raise ValueError(f"the path {path!r} leads out of the run directory")
    return path


def place_in(run_dir: Path, path: str) -> Path:
    """Return where a path of a run lies.

    Raises:
        StorageError: A link leads out of the run directory.
    """
    place = run_dir / checked_path(path)
    if not place.resolve().is_relative_to(run_dir.resolve()):
        raise StorageError(f"{place} is a link that leads out of the run directory.")
    return place

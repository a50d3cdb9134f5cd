"""Files of this process that its forks do not hold.

A lock is free and a pipe ends only when nobody holds it any more. A fork shares its parent's open files: one that
outlives it, such as a process of `multiprocessing`, would keep its lock, and would let it seem alive.
"""

from __future__ import annotations

import os

_files: set[int] = set()


def add(*files: int) -> None:
    """Keep files, by their descriptors, from processes that are forked from here on."""
    _files.update(files)


def discard(*files: int) -> None:
    """Forget files; called before they are closed, since their numbers are given to others."""
    _files.difference_update(files)


def _replace_in_fork() -> None:
    """Put nothing in their places rather than close them: what still knows their numbers must not meet other files."""
    if not _files:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in _files:
        os.dup2(nothing, file, inheritable=False)
    os.close(nothing)


os.register_at_fork(after_in_child=_replace_in_fork)

"""In which directories this process may unpickle what it finds, because somebody said so.

Loading a pickle executes whatever is in it. So nothing in a directory is trusted, not even a note that says so: trust
is given by the call that begins or restores a run (`CheckpointConfig(allow_pickle=True)`), in each of its processes.
"""

from __future__ import annotations

from pathlib import Path

_trusted: set[Path] = set()


def trust(folder: Path) -> None:
    """Allow pickles anywhere below a directory, until this process ends."""
    _trusted.add(folder.resolve())


def is_trusted(folder: Path) -> bool:
    """Whether pickles below a directory may be loaded.

    >>> is_trusted(Path("/somewhere"))
    False
    """
    place = folder.resolve()
    return any(place.is_relative_to(trusted) for trusted in _trusted)

"""What can be saved of a run whose journal is damaged: all that stands before the damage, in a new directory."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from poptune.errors import StorageError
from poptune.storage.journal import DRAFTS, FILE_NAME, Journal
from poptune.storage.lock import FILE_NAME as LOCK_NAME
from poptune.storage.store import STAGING

_NOT_COPIED = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", *DRAFTS, LOCK_NAME, STAGING)


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was saved of a damaged run.

    Attributes:
        records: How many of its first records are whole, and were copied.
        damage: What is wrong with the next one.
    """

    records: int
    damage: str


def salvage(run_dir: Path, new: Path) -> Salvage:
    """Copy the intact beginning of a damaged journal into a new directory, with all files of the run.

    Files of checkpoints are linked where that is possible, since they are never changed; all others are copied. Nothing
    in the damaged run's directory is changed.

    Args:
        run_dir: The directory of the damaged run.
        new: The directory to make, from which the run can be restored.

    Raises:
        StorageError: The run is not damaged, or its facts are, or the new directory is there or cannot be written.
    """
    with Journal.open(run_dir) as journal:
        damage = _damage(journal)
        if damage is None:
            raise StorageError(f"The journal {journal.path} is not damaged: there is nothing to repair.")
        _copy_files(run_dir, new)
        with Journal.create(new, journal.about) as copy:
            count = 0
            for count, (at, record) in enumerate(journal.intact_records(), start=1):  # noqa: B007
                copy.append([record], at)
            copy.commit()
    return Salvage(count, damage)


def _damage(journal: Journal) -> str | None:
    """Return what reading a journal to its end says, None if all is well."""
    try:
        for _ in journal.records():
            pass
    except StorageError as error:
        return str(error)
    return None


def _copy_files(run_dir: Path, new: Path) -> None:
    if new.resolve().is_relative_to(run_dir.resolve()):
        raise StorageError(f"{new} lies in the directory of the run: name one that does not.")

    def stays(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in _NOT_COPIED] if Path(folder) == run_dir else []

    try:
        shutil.copytree(run_dir, new, symlinks=True, ignore=stays, copy_function=_copied)
    except FileExistsError as error:
        raise StorageError(f"{new} is there already: name a directory that is not.") from error
    except (OSError, shutil.Error) as error:
        raise StorageError(f"Cannot copy {run_dir} to {new}: {error}") from error


def _copied(source: str, target: str) -> None:
    """Link a file of a checkpoint, copy any other."""
    if Path(source).parent.name.startswith("checkpoint_"):
        with contextlib.suppress(OSError):  # a file system without links
            os.link(source, target)
            return
    shutil.copy2(source, target)

"""The checkpoint store: checkpoints are whole or absent.

A checkpoint is staged beside its place and renamed into it, so a folder with its final name is always complete. The
files of the user are copied, never linked: what the user writes later cannot reach a stored checkpoint. Cloning a
trial copies nothing; it refers to the donor's checkpoint.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import uuid
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import StorageError
from poptune.faults import fault
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.copying import GENERATORS, Fingerprint, fingerprint, holds_links
from poptune.storage.places import place_in
from poptune.storage.space import failure
from poptune.storage.stamps import sealed, stamp_of
from poptune.storage.trust import trust

STAGING = ".staging"
_CHECKPOINT = re.compile(r"checkpoint_\d{6,}")
_IN_CHECKPOINT = re.compile(rf"[^/]+/{_CHECKPOINT.pattern}/.*", re.DOTALL)
# The owner's, and with the "sticky" bit, which means nothing for a folder that nobody else may write to, and which
# nobody sets by chance: so checkpoints are told from folders that training code made under such a name.
_MARK = stat.S_ISVTX | 0o700

if TYPE_CHECKING:
    import numpy as np

Files = dict[str, "np.ndarray[Any, Any]"]  # bytes by name; a name that ends in "/" is an empty directory


class CheckpointStore:
    """Saves and finds the checkpoints of one run.

    Args:
        run_dir: The directory of the run.
        is_durable: Whether `save` returns only when a power cut can no longer take the checkpoint.
        allow_pickle: Whether a dictionary may hold what only pickle can hold, here and below `run_dir`.
    """

    def __init__(self, run_dir: Path, is_durable: bool = False, allow_pickle: bool = False) -> None:
        self.run_dir = run_dir
        self.is_durable = is_durable
        self.allow_pickle = allow_pickle
        if allow_pickle:
            trust(run_dir)

    def save(
        self,
        checkpoint: Checkpoint,
        *,
        trial: str,
        folder: str,
        number: int,
        progress: Progress,
        generators: bytes = b"",
    ) -> SavedCheckpoint:
        """Store a checkpoint of a trial and return its record.

        Args:
            checkpoint: What the trial reported.
            trial: Id of the trial.
            folder: The trial's folder, relative to the run directory.
            number: The checkpoint's number; the next free one is taken.
            progress: The trial's counters at this report.
            generators: States of random generators to keep with it, see `core.generators`.

        Raises:
            DiskFull: There is no space left for it.
            StorageError: It cannot be written. Of this, and of whatever else is raised, nothing is left.
        """
        staged = place = self._staging_place()
        try:
            found, stamp = self._stage(checkpoint, staged)
            if generators:
                (staged / GENERATORS).write_bytes(generators)
            staged.chmod(_MARK)
            if self.is_durable:
                sync_tree(staged)
            fault("checkpoint_staged")
            place = self._settle(staged, folder, number)
            fault("checkpoint_renamed")
            if self.is_durable:
                sync_file(place.parent)
                sync_file(self.run_dir)
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if not isinstance(error, OSError):  # raised by an object that cannot be pickled, or an interrupt
                raise
            what = f"Cannot save checkpoint {number} of trial {trial} in {self.run_dir / folder}"
            raise failure(what, error) from error
        return SavedCheckpoint(f"{folder}/{place.name}", trial, progress, found.size, found.checksum, stamp)

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """Give an empty directory for files that `save` will take, for the length of a block."""
        folder = self._staging_place()
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise failure(f"Cannot write into {self.run_dir}", error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def load(self, saved: SavedCheckpoint) -> Checkpoint:
        """Return a stored checkpoint. Read its files; do not write to them.

        Raises:
            StorageError: Its folder is gone.
        """
        folder = self.run_dir / saved.path
        if not folder.is_dir():
            raise StorageError(f"Checkpoint {saved.path} of trial {saved.trial} is gone from {self.run_dir}.")
        return Checkpoint(folder)

    def generators(self, saved: SavedCheckpoint) -> bytes:
        """Return the states of random generators that were kept with a checkpoint, empty if there are none."""
        file = self.run_dir / saved.path / GENERATORS
        return file.read_bytes() if file.is_file() else b""

    def files(self, saved: SavedCheckpoint) -> Files:
        """Return what is in a stored checkpoint, so that it can travel.

        Raises:
            StorageError: Its folder is gone, or cannot be read.
        """
        import numpy as np

        self.load(saved)
        folder = self.run_dir / saved.path
        found: Files = {}
        try:
            for parent, folders, names in os.walk(folder):
                place = Path(parent).relative_to(folder)
                found |= {(place / name).as_posix(): np.fromfile(Path(parent, name), np.uint8) for name in names}
                if not folders and not names:
                    found[f"{place.as_posix()}/"] = np.empty(0, np.uint8)
        except OSError as error:
            raise StorageError(f"Checkpoint {saved.path} of trial {saved.trial} cannot be read: {error}") from error
        return found

    def put(self, saved: SavedCheckpoint, files: Files) -> None:
        """Store a checkpoint that was saved elsewhere, in the same place. One that is there whole stays as it is.

        Raises:
            StorageError: It cannot be written, or arrived otherwise than it was saved. Of this nothing is left.
        """
        with self.draft() as staged:
            try:
                for name, content in files.items():
                    (staged / name).parent.mkdir(parents=True, exist_ok=True)
                    if name.endswith("/"):
                        (staged / name).mkdir(exist_ok=True)
                    else:
                        (staged / name).write_bytes(content.data)
                if fingerprint(staged) != Fingerprint(saved.size, saved.checksum):
                    raise StorageError(f"Checkpoint {saved.path} of trial {saved.trial} was damaged on its way.")
                if self.is_durable:
                    sync_tree(staged)
                target = self.run_dir / saved.path
                target.parent.mkdir(exist_ok=True)
                staged.chmod(_MARK)
                self._move(staged, saved)
                if self.is_durable:
                    sync_file(target.parent)
                    sync_file(self.run_dir)
            except OSError as error:
                raise failure(f"Cannot write {saved.path} into {self.run_dir}", error) from error

    def _move(self, staged: Path, saved: SavedCheckpoint) -> None:
        """Put a staged checkpoint into its place, which a lost report or a neighbour may have taken."""
        try:
            staged.rename(self.run_dir / saved.path)
        except OSError:
            try:
                self.verify(saved)
            except StorageError:
                self.delete(saved)
                staged.rename(self.run_dir / saved.path)

    def verify(self, saved: SavedCheckpoint) -> None:
        """Make sure that the files of a checkpoint are those that were saved: read them through.

        If it was saved in this sitting and on this machine, it is enough that nobody touched them since.

        Raises:
            StorageError: Its files are not those that were saved, or cannot be read.
        """
        self.load(saved)
        try:
            place = place_in(self.run_dir, saved.path)
            if saved.stamp and stamp_of(place) == saved.stamp:
                return
            found = fingerprint(_without_links(place))
        except OSError as error:
            raise StorageError(f"Checkpoint {saved.path} of trial {saved.trial} cannot be read: {error}") from error
        if found != Fingerprint(saved.size, saved.checksum):
            raise StorageError(
                f"Checkpoint {saved.path} of trial {saved.trial} is damaged: it has {found.size} bytes with"
                f" checksum {found.checksum}, and was saved with {saved.size} bytes and checksum {saved.checksum}."
            )

    def delete(self, saved: SavedCheckpoint) -> None:
        """Remove a stored checkpoint. One that is gone already is no error.

        Like saving, this goes through the staging area: a removal that is cut short leaves no half a checkpoint.
        """
        doomed = self._staging_place()
        place = self.run_dir / saved.path
        try:
            doomed.parent.mkdir(exist_ok=True)
            if not is_checkpoint(place):
                return
            place.rename(doomed)
        except OSError:
            return  # gone already; or not ours to remove, which fails nobody's training
        fault("checkpoint_doomed")
        shutil.rmtree(doomed, ignore_errors=True)
        fault("checkpoint_deleted")

    def clear_staging(self) -> None:
        """Remove what killed processes left half written."""
        shutil.rmtree(self.run_dir / STAGING, ignore_errors=True)

    def clear_orphans(self, folders: Iterable[str], kept: Container[str]) -> None:
        """Remove checkpoints that the run does not know: their reports died with a process.

        What carries no mark of this store was made by somebody else, and stays.

        Args:
            folders: Of the trials, relative to the run directory.
            kept: The paths of those that it knows.
        """
        for folder in folders:
            for place in self._own(folder):
                if place.relative_to(self.run_dir).as_posix() not in kept:
                    shutil.rmtree(place, ignore_errors=True)

    def clear_from(self, folder: str, number: int) -> None:
        """Remove the checkpoints of a trial from a number on: their reports reached nobody.

        Args:
            folder: The trial's folder, relative to the run directory.
            number: One more than that of its newest checkpoint that was reported.
        """
        for place in self._own(folder, number):
            shutil.rmtree(place, ignore_errors=True)

    def _own(self, folder: str, number: int = 0) -> list[Path]:
        """Return the checkpoints that a store has put into a trial's folder, from a number on."""
        found = (self.run_dir / folder).glob("checkpoint_*")
        asked = (place for place in found if _CHECKPOINT.fullmatch(place.name) and _number_in(place.name) >= number)
        return [place for place in asked if is_checkpoint(place) and place.stat().st_mode & _MARK == _MARK]

    def _stage(self, checkpoint: Checkpoint, place: Path) -> tuple[Fingerprint, str]:
        """Bring the files of a checkpoint to a new directory, and return what they are and their stamp.

        Those of a draft are there as soon as it is renamed. They have no stamp: whoever wrote them may have mapped them
        into memory, and nothing tells when that is written to.
        """
        own = checkpoint.directory
        if own is not None and own.parent == place.parent and not holds_links(own):
            own.rename(place)
            return fingerprint(place), ""
        place.parent.mkdir(exist_ok=True)
        place.mkdir()
        fault("checkpoint_begun")
        written = checkpoint.write_to(place, allow_pickle=self.allow_pickle)
        return written, sealed(place)

    def _settle(self, staged: Path, folder: str, number: int) -> Path:
        """Give a staged checkpoint its name. It can be taken by one whose report was lost with its worker."""
        while True:
            target = self.run_dir / folder / f"checkpoint_{number:06d}"
            try:
                staged.rename(target)
            except FileNotFoundError:
                target.parent.mkdir()
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                number += 1
            else:
                return target

    def _staging_place(self) -> Path:
        # Random, since process ids are neither unique over machines nor for ever.
        return self.run_dir / STAGING / uuid.uuid4().hex


def is_checkpoint(place: Path) -> bool:
    """Whether a place is a folder with the name of a checkpoint, and no link leads to it."""
    is_named = _CHECKPOINT.fullmatch(place.name) is not None
    return is_named and stat.S_ISDIR(place.lstat().st_mode) and not place.parent.is_symlink()


def lies_in_checkpoint(path: str) -> bool:
    """Whether a file of a run belongs to a checkpoint, by its path in the run directory.

    >>> lies_in_checkpoint("net_00000/checkpoint_000012/weights"), lies_in_checkpoint("net_00000/checkpoint_best.pt")
    (True, False)
    """
    return _IN_CHECKPOINT.fullmatch(path) is not None


def number_of(saved: SavedCheckpoint) -> int:
    """Return the number in a checkpoint's name.

    >>> number_of(SavedCheckpoint("net_00000/checkpoint_000012", "00000", Progress()))
    12
    """
    return _number_in(saved.path)


def _number_in(name: str) -> int:
    return int(name.rpartition("_")[2])


def sync_file(path: Path) -> None:
    """Wait until a file, or the entries of a directory, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Wait until a directory with all that is in it would survive a power cut."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(parent, name))
        sync_file(Path(parent))


def _without_links(folder: Path) -> Path:
    """Return a checkpoint's folder, if it holds no links: whoever put one there lies."""
    if any(path.is_symlink() for path in folder.rglob("*")):
        raise StorageError(f"The checkpoint {folder} holds a link, which PopTune has not made.")
    return folder

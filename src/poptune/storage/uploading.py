"""Copies a run to remote storage in the background, while it goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from poptune.errors import StorageError
from poptune.storage.journal import FILE_NAME as JOURNAL
from poptune.storage.lock import FILE_NAME as LOCK
from poptune.storage.remote import Listed, Manifest, Remote, journal_name
from poptune.storage.store import STAGING, is_checkpoint, lies_in_checkpoint
from poptune.streams import say

PERIOD_S = 5.0
_SILENT_S = 2.0  # at the end
_LEAST_REST = 10  # an upload that took 1 s is followed by at least 10 s without one


class Mirror:
    """Keeps a copy of a run in remote storage: every few seconds, and once more at the end.

    Training never waits for it. If the storage fails, it is told once, the next round tries again, and the local
    directory stays whole.

    Args:
        run_dir: The directory of the run.
        remote: Where the copy lies.
        say: Tells a person.
        clock: Seconds.
    """

    def __init__(
        self,
        run_dir: Path,
        remote: Remote,
        say: Callable[[str], object] = say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_dir = run_dir
        self._remote = remote
        self._say = say
        self._clock = clock
        manifest = remote.manifest()
        self._there: dict[str, Listed] = dict(manifest.files) if manifest else {}
        self._number = manifest.number if manifest else 0
        self._is_failing = False
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poptune-upload")

    def start(self) -> None:
        """Begin to upload, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Upload what is left, and end. If that takes a while, a person is told what the run still does."""
        self._is_closing.set()
        self._thread.join(_SILENT_S)
        if self._thread.is_alive():
            self._say(f"The run is over; what is left of it is being uploaded to {self._remote.url}.\n")
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._is_closing.wait(pause):
            begun_at = self._clock()
            self._round(is_last=False)
            pause = max(PERIOD_S, _LEAST_REST * (self._clock() - begun_at))
        self._round(is_last=True)

    def _round(self, *, is_last: bool) -> None:
        try:
            self.upload(is_last=is_last)
        except (StorageError, OSError, sqlite3.Error) as error:
            if is_last or not self._is_failing:
                then = "Tuner.restore goes on from there and uploads it" if is_last else "it is tried again and again"
                self._say(f"The run is not uploaded: {error}\nIt lies whole in {self._run_dir}; {then}.\n")
            self._is_failing = True
        else:
            self._is_failing = False

    def upload(self, *, is_last: bool = False) -> None:
        """Bring the copy up to date: files first, then the manifest that lists them.

        Args:
            is_last: Whether the files for other programs are copied too. While they grow, they are not.

        Raises:
            StorageError: The storage failed again and again. What was there before is there still.
        """
        with self._frozen(is_last) as folder:
            files = {path: self._put(folder / path, path) for path in _files_below(folder)}
            files |= dict.fromkeys(_empty_folders(folder), Listed.of_folder())
            self._number += 1
            journal = journal_name(self._number)
            files[journal] = self._put(folder.parent / JOURNAL, journal)
        kept = {path: listed for path, listed in self._there.items() if not (is_last or _is_passing(path))}
        self._remote.publish(Manifest(journal, kept | files))
        for path in self._there.keys() - kept.keys() - files.keys():
            self._remote.remove(path)
            del self._there[path]

    def _put(self, file: Path, path: str) -> Listed:
        """Upload a file, unless it is there already."""
        known = self._there.get(path)
        if known is not None and lies_in_checkpoint(path):  # those never change
            return known
        listed = Listed.of(file)
        if listed != known:
            self._remote.put(file, path)
            self._there[path] = listed
        return listed

    @contextlib.contextmanager
    def _frozen(self, is_last: bool) -> Iterator[Path]:
        """Give a folder with files of the run as they are now, and beside it a journal that tells of no later ones.

        Checkpoints are linked, which takes no space: retention may remove them meanwhile.
        """
        staging = self._run_dir / STAGING / f"upload-{uuid.uuid4().hex}"
        folder = staging / "files"
        folder.mkdir(parents=True)
        try:
            self._freeze_checkpoints(folder)
            _copy_journal(self._run_dir / JOURNAL, staging / JOURNAL)
            self._freeze_checkpoints(folder)  # those that were saved before the journal was copied
            if is_last:
                self._copy_others(folder)
            yield folder
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _freeze_checkpoints(self, folder: Path) -> None:
        for place in self._run_dir.glob("*/checkpoint_*"):
            target = folder / place.relative_to(self._run_dir)
            if not target.exists():
                try:
                    if is_checkpoint(place):  # or training code gave a name like that to a file of its own
                        shutil.copytree(place, target, copy_function=_linked)
                except (FileNotFoundError, shutil.Error):  # removed meanwhile: no longer needed
                    shutil.rmtree(target, ignore_errors=True)

    def _copy_others(self, folder: Path) -> None:
        """Copy what training code and others wrote. What may not be read is left out, and named."""
        unreadable = []
        for path in _files_below(self._run_dir):
            if not (lies_in_checkpoint(path) or path.startswith((".", JOURNAL)) or path == LOCK):
                (folder / path).parent.mkdir(exist_ok=True, parents=True)
                try:
                    shutil.copy2(self._run_dir / path, folder / path)
                except PermissionError:
                    unreadable.append(path)
                except FileNotFoundError:
                    continue  # somebody removed it meanwhile
        if unreadable:
            self._say(f"Not uploaded to {self._remote.url}, since this user may not read it: {', '.join(unreadable)}\n")


def _copy_journal(journal: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_file(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # it lies in a directory that may not be entered
        return False


def _empty_folders(folder: Path) -> list[str]:
    """Return those in checkpoints; a store of objects has none, so that only the manifest tells of them."""
    empty = (path for path in folder.rglob("*") if path.is_dir() and next(path.iterdir(), None) is None)
    return [path for place in empty if lies_in_checkpoint(path := f"{place.relative_to(folder).as_posix()}/")]


def _is_passing(path: str) -> bool:
    """Whether a file there is replaced by others in each round."""
    return lies_in_checkpoint(path) or path.startswith("journal-")

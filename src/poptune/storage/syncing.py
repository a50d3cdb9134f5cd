"""Bounds what a power cut can take to about a second, off the path of reports."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from poptune.storage.journal import Journal
from poptune.storage.store import sync_file, sync_tree
from poptune.streams import say

PERIOD_S = 1.0


class Syncer:
    """A thread that once a second flushes new checkpoints, and then the journal that refers to them, to the disk.

    Processes that die lose nothing without it: the page cache outlives them. A file that vanished meanwhile needs
    no flushing.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal_files = [journal.path, Path(f"{journal.path}-wal"), journal.path.parent]
        self._fresh: list[Path] = []
        self._lock = threading.Lock()
        self._is_closing = threading.Event()
        self._has_told = False
        # Not a daemon: the last flush goes on for an instant after fit() has returned.
        self._thread = threading.Thread(target=self._run, name="poptune-sync")

    def start(self) -> None:
        """Begin to flush. From here on the process does not end before `close`."""
        self._thread.start()

    def add(self, folder: Path) -> None:
        """Flush a new checkpoint soon."""
        with self._lock:
            self._fresh.append(folder)

    def close(self) -> None:
        """Flush once more, in the background, and end."""
        self._is_closing.set()

    def _run(self) -> None:
        while not self._is_closing.wait(PERIOD_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            fresh, self._fresh = self._fresh, []
        trials = dict.fromkeys(folder.parent for folder in fresh)
        for flush, paths in ((sync_tree, fresh), (sync_file, trials), (sync_file, self._journal_files)):
            for path in paths:
                try:
                    flush(path)
                except OSError as error:
                    self._failed(error, path)

    def _failed(self, error: OSError, path: Path) -> None:
        """Tell once that the disk fails. Else what was to be flushed is deleted, or the file system cannot do it."""
        if error.errno == errno.EIO and not self._has_told:
            self._has_told = True
            say(
                f"The disk fails: {path} could not be written to it ({error.strerror}). The run goes on, but what it"
                " saves from now on may be gone after a power cut. Look after the disk.\n"
            )

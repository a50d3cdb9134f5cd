"""Bounds what a power cut can take to about a second, off the path of reports."""

from __future__ import annotations

import threading
from pathlib import Path

from poptune.storage.journal import Journal
from poptune.storage.store import sync_file, sync_tree

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
        # Not a daemon: the last flush goes on for an instant after fit() has returned.
        self._thread = threading.Thread(target=self._run, name="poptune-sync")
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
        for folder in fresh:
            _try_sync(folder, is_tree=True)
        for file in self._journal_files:
            _try_sync(file, is_tree=False)


def _try_sync(path: Path, *, is_tree: bool) -> None:
    try:
        if is_tree:
            sync_tree(path)
            sync_file(path.parent)
        else:
            sync_file(path)
    except OSError:
        pass  # deleted meanwhile, or a file system that cannot: the promise is about what is still there

"""The lock of a run's directory: one process at a time trains in it.

The kernel frees it when its holder ends, however it ends: there is no stale lock, and nothing to wait for. Processes
that the holder forks do not hold it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

from poptune.errors import StorageError
from poptune.storage import unshared

FILE_NAME = "lock"

_A_LOOK_S = 1.0  # no look at a lock takes that long


def is_locked(run_dir: Path) -> bool:
    """Whether a process trains in a directory now. Nothing is written, so an archive can be asked, too."""
    try:
        file = os.open(run_dir / FILE_NAME, os.O_RDONLY)
    except OSError:  # nobody ever trained there
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


class RunLock:
    """Held from its making until `release`, or the end of the process.

    Args:
        run_dir: The directory of the run.

    Raises:
        StorageError: Another process holds it; or it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = RunLock(Path(folder))
    ...     try:
    ...         RunLock(Path(folder))
    ...     except StorageError as error:
    ...         print("goes on in" in str(error))
    ...     first.release()
    ...     RunLock(Path(folder)).release()
    True
    """

    def __init__(self, run_dir: Path) -> None:
        if holder := self._take(run_dir):
            raise StorageError(f"The run {run_dir} goes on in {holder}. Wait for its end, or stop it.")

    @classmethod
    def if_free(cls, run_dir: Path) -> RunLock | None:
        """Return the lock of a directory, None if another process holds it.

        Raises:
            StorageError: It cannot be written.
        """
        lock = cls.__new__(cls)
        return None if lock._take(run_dir) else lock

    def _take(self, run_dir: Path) -> str:
        """Take the lock, or return who holds it."""
        self.run_dir = run_dir
        try:
            self._file = os.open(run_dir / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"Cannot write the journal of {run_dir}: {error.strerror}.") from error
        if not _taken(self._file):
            holder = os.pread(self._file, 1000, 0).decode(errors="replace")
            os.close(self._file)
            return holder or "another process"
        self._is_held = True
        unshared.add(self._file)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        return ""

    def release(self) -> None:
        """Let others train in the directory."""
        if self._is_held:
            self._is_held = False
            unshared.discard(self._file)
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)


def _taken(file: int) -> bool:
    """Take a lock for oneself, and say whether that was possible. Those who only look hold it, too, for a moment."""
    patience = time.monotonic() + _A_LOOK_S
    while time.monotonic() < patience:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:  # somebody has it alone
                return False
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.001)
        else:
            return True
    return False

"""Disks that are full or fail: told from other failures; space is waited for."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from poptune.errors import DiskFull, StorageError
from poptune.streams import say

T = TypeVar("T")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
PATIENCE_S = 3600.0

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_LEAST_BYTES = 1 << 16  # free on a disk that is not full
_LOOK_S = 0.5  # whoever shall end while it waits is asked this often


def failure(what: str, error: Exception) -> StorageError:
    """Return the error to raise for something that could not be written or read.

    >>> failure("Cannot save", OSError(errno.ENOSPC, "No space left on device"))
    DiskFull('Cannot save: [Errno 28] No space left on device')
    """
    return (DiskFull if is_full(error) else StorageError)(f"{what}: {error}")


def is_of_the_device(error: StorageError) -> bool:
    """Whether the disk itself failed. The kernel tells that once and may drop what it could not write: never try again.

    >>> is_of_the_device(StorageError("the folder is gone"))
    False
    """
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO


def is_full(error: Exception) -> bool:
    """Whether there was no space left."""
    if isinstance(error, OSError):
        return error.errno in _NO_SPACE
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or "disk is full" in str(error)
    return any(f"(os error {number})" in str(error) for number in _NO_SPACE)  # as Rust says it, for safetensors


def has_filled(error: Exception, folder: Path) -> bool:
    """Whether files could not be written into a directory because there was no space left, whoever wrote them."""
    return is_full(error) or (_is_of_torch(error) and shutil.disk_usage(folder).free < _LEAST_BYTES)


def advice_on_full(error: BaseException) -> str:
    """Return what an error of training code means that does not say that a disk is full, or nothing.

    >>> advice_on_full(RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"))
    'torch.save says so when the disk that it writes to is full.'
    """
    return "torch.save says so when the disk that it writes to is full." if _is_of_torch(error) else ""


def _is_of_torch(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and "inline_container" in str(error) and "unexpected pos" in str(error)


def with_space(
    write: Callable[[], T],
    who: str,
    *,
    check: Callable[[], object] = lambda: None,
    say: Callable[[str], object] = say,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Write, and as long as the disk is full wait and try again: first soon, then every half minute, for an hour.

    Args:
        write: Writes all or nothing, and returns something.
        who: Waits, as the beginning of a sentence.
        check: Called twice a second; raises if whoever waits shall end.
        say: Tells a person, once when it begins and once when it is over.
        sleep: Waits so many seconds.

    Raises:
        DiskFull: There was no space for an hour.
    """
    pause, waited = FIRST_PAUSE_S, 0.0
    while True:
        try:
            written = write()
        except DiskFull as error:
            if waited >= PATIENCE_S:
                raise
            if not waited:
                say(
                    f"{error}\n{who} waits until there is space: nothing is lost. Remove what is not needed, or press"
                    f" Ctrl-C and restore the run later. It gives up after {PATIENCE_S / 60:g} minutes.\n"
                )
        else:
            if waited:
                say(f"{who} goes on: there is space again.\n")
            return written
        until = waited + pause
        while waited < until:
            check()
            sleep(_LOOK_S)
            waited += _LOOK_S
        pause = min(2 * pause, LONGEST_PAUSE_S)

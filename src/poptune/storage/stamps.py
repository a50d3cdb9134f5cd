"""Whether a saved checkpoint was touched since: seen from what the file system tells, without reading it through."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from xxhash import xxh3_64

from poptune.storage.copying import METADATA, entries

_OPENING = os.O_RDONLY | os.O_NOFOLLOW  # opening a file makes a file system of a network ask what is new of it


def sealed(folder: str | os.PathLike[str]) -> str:
    """Return the stamp of a directory whose files were just written, by nobody but the caller.

    Clocks of file systems stand still for some milliseconds, so a file that is written twice within them would look as
    if it was written once. Therefore times of files are set back by a nanosecond: whatever is written later sets them
    forward again.

    Returns:
        What `stamp_of` says as long as nobody touches the files; empty if the file system keeps no such times.
    """
    return _stamp(os.fspath(folder), _set_back)


def stamp_of(folder: str | os.PathLike[str]) -> str:
    """Return a text that says which files a directory holds, on which machine, and when they were changed.

    Contents are not read. States of random generators and metadata do not count, as for a fingerprint.

    Returns:
        The stamp; empty if there is a link or something that cannot be looked at, which is like no other.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "weights")
    ...     _ = file.write_bytes(b"12345")
    ...     before = sealed(folder)
    ...     unchanged = stamp_of(folder) == before
    ...     _ = file.write_bytes(b"12346")
    ...     unchanged, stamp_of(folder) == before
    (True, False)
    """
    return _stamp(os.fspath(folder), os.fstat)


def _stamp(folder: str, look: Callable[[int], os.stat_result]) -> str:
    digest = xxh3_64(os.uname().nodename.encode())
    try:
        for path, name, is_folder in entries(folder):
            if name == METADATA:
                continue
            descriptor = os.open(path, _OPENING)
            try:
                found = os.fstat(descriptor) if is_folder else look(descriptor)
            finally:
                os.close(descriptor)
            times = () if is_folder else (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            digest.update(repr((name, stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino, *times)).encode())
    except OSError:
        return ""
    return digest.hexdigest()


def _set_back(descriptor: int) -> os.stat_result:
    before = os.fstat(descriptor)
    os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns - 1))
    after = os.fstat(descriptor)
    if after.st_mtime_ns >= before.st_mtime_ns:
        raise OSError("The file system keeps no times.")
    return after

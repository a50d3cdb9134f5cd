"""Directories of files: written and fingerprinted in one go, since a checkpoint is saved while training waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from io import FileIO

from xxhash import xxh3_64

from poptune.errors import UsageError

GENERATORS = ".generators"  # in a checkpoint: states of random generators, which are no part of what was saved
METADATA = ".metadata.json"  # facts that may be attached to a checkpoint that was saved long ago
_CHUNK = 2 << 20  # bytes; in smaller pieces the kernel may need four times as long, larger ones leave a core's cache
_KEEP_SIZE = 1  # of fallocate(2): the file grows as it is written


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of a directory's files.

    Attributes:
        size: Bytes of all files but those two that are no part of the state, `GENERATORS` and `METADATA`.
        checksum: XXH3 (64 bits) over their names and contents, in the order of their names, as 16 hexadecimal digits.
            It finds damage; it is no protection against somebody who means harm.
    """

    size: int
    checksum: str


def fingerprint(folder: str | os.PathLike[str]) -> Fingerprint:
    """Read a directory through.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "weights").write_bytes(b"12345")
    ...     fingerprint(folder)
    Fingerprint(size=5, checksum='2ddbde8af2574158')
    """
    return _read_through(os.fspath(folder))


def copy_files(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Fingerprint:
    """Copy the files of a directory into one that exists. Links are followed: what is written is files alone.

    Raises:
        UsageError: The target lies in the source, which would then hold itself.
    """
    return _read_through(os.fspath(source), os.fspath(target))


def write_files(folder: str | os.PathLike[str], contents: Mapping[str, Sequence[bytes | memoryview]]) -> Fingerprint:
    """Write files into a directory that exists, and say what they are: they need not be read again.

    Args:
        folder: The directory.
        contents: What each file holds by its name, in parts of bytes. Training code may change their memory meanwhile:
            what is hashed is what is written all the same.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_files(folder, {"weights": [b"123", b"45"]})
    ...     written == fingerprint(folder)
    True
    """
    size, digest, buffer = 0, xxh3_64(), _Buffer()
    for name in sorted(contents):
        digest.update(os.fsencode(name))
        with FileIO(os.path.join(folder, name), "w") as file:
            _reserve(file, sum(map(len, contents[name])))
            for chunk in buffer.join(contents[name]):
                digest.update(chunk)
                size += len(chunk)
                _write(file, chunk)
    return Fingerprint(size, digest.hexdigest())


def holds_links(folder: str | os.PathLike[str]) -> bool:
    """Say whether what is written elsewhere could change the files of a directory."""
    return any(
        os.path.islink(path) or (not is_folder and os.stat(path).st_nlink > 1)
        for path, _, is_folder in entries(os.fspath(folder))
    )


def _read_through(source: str, target: str | None = None) -> Fingerprint:
    """Read the files of a directory, and write what is read into another, if one is given."""
    size, digest, buffer = 0, xxh3_64(), _Buffer()
    for path, name, is_folder in entries(source):
        place = os.path.join(target, name) if target is not None else None
        if is_folder:
            if target is not None and place is not None:
                _check_outside(path, target, source)
                os.makedirs(place, exist_ok=True)
            continue
        is_state = name != METADATA
        if is_state:
            digest.update(os.fsencode(name))
        with FileIO(path) as file, _opened(place, file) as copy:
            for chunk in buffer.read(file):
                if is_state:
                    digest.update(chunk)
                    size += len(chunk)
                if copy is not None:
                    _write(copy, chunk)
    return Fingerprint(size, digest.hexdigest())


def entries(folder: str, prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """Yield (path, name below the folder, whether it is a directory): files by name, then directories with theirs."""
    with os.scandir(folder) as found:
        inside = sorted((entry.is_dir(), entry.name, entry.path) for entry in found if entry.name != GENERATORS)
    for is_folder, name, path in inside:
        yield path, prefix + name, is_folder
        if is_folder:
            yield from entries(path, f"{prefix}{name}/")


def _check_outside(folder: str, target: str, source: str) -> None:
    if os.path.samefile(folder, target):
        raise UsageError(
            f"The checkpoint {source} cannot be copied to {target}, which lies in it."
            " Give each checkpoint a directory of its own."
        )


def _opened(place: str | None, like: FileIO) -> AbstractContextManager[FileIO | None]:
    """Return a file to write, with the permissions of another, or nothing."""
    if place is None:
        return nullcontext()
    mode = os.fstat(like.fileno()).st_mode & 0o777
    file = FileIO(place, "w", opener=lambda path, flags: os.open(path, flags, mode))
    _reserve(file, os.fstat(like.fileno()).st_size)
    return file


class _Buffer:
    """Memory for a piece of a file, which serves one file after the other."""

    def __init__(self) -> None:
        self._memory = memoryview(b"")

    def read(self, file: FileIO) -> Iterator[memoryview]:
        """Yield what a file holds, piece by piece; each piece is good until the next."""
        memory = self._of(os.fstat(file.fileno()).st_size + 1)
        while count := file.readinto(memory):
            yield memory[:count]

    def join(self, parts: Sequence[bytes | memoryview]) -> Iterator[memoryview]:
        """Yield a copy of what parts hold, piece by piece; each piece is good until the next."""
        memory, filled = self._of(sum(map(len, parts))), 0
        for part in parts:
            left = memoryview(part)
            while left:
                count = min(len(left), len(memory) - filled)
                memory[filled : filled + count] = left[:count]
                left, filled = left[count:], filled + count
                if filled == len(memory):
                    yield memory
                    filled = 0
        yield memory[:filled]

    def _of(self, size: int) -> memoryview:
        size = min(size, _CHUNK)
        if len(self._memory) < size:
            self._memory = memoryview(bytearray(size))
        return self._memory


def _reserve(file: FileIO, size: int) -> None:
    """Let the file system find room for a large file at once, which saves a quarter of the work, as NumPy does.

    Should it not be able to, or have none, then writing will do, or say so. `os.posix_fallocate` would write into each
    block in its place.
    """
    if size > _CHUNK and (fallocate := _fallocate()):
        fallocate(file.fileno(), _KEEP_SIZE, 0, size)


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    import ctypes

    function = getattr(ctypes.CDLL(None), "fallocate", None)  # Linux only
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    return function


def _write(file: FileIO, content: memoryview) -> None:
    while content:  # a raw file may take only a part
        content = content[file.write(content) :]

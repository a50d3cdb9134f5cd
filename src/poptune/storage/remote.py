"""Runs in remote storage, through fsspec: what lies there is whole at any moment, whoever is killed when.

A run's folder there has its files, its journal under a numbered name, and a manifest that lists them with sizes and
checksums. The manifest is written last: what it lists is there, and what it does not list counts for nothing.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xxhash import xxh3_64

from poptune.errors import MissingExtra, OptionError, StorageError
from poptune.storage.journal import FILE_NAME as JOURNAL
from poptune.storage.places import checked_path

T = TypeVar("T")

MANIFEST = "manifest.json"
FORMAT = 1
ATTEMPTS = 6
FIRST_PAUSE_S = 0.5
_LONGEST_MANIFEST = 64 << 20  # bytes
_CHUNK = 1 << 20
_JOURNAL = re.compile(r"journal-\d{6,}\.sqlite")


def journal_name(number: int) -> str:
    """Return the name of a journal in remote storage."""
    return f"journal-{number:06d}.sqlite"


def is_url(path: object) -> bool:
    """Whether a path is that of remote storage.

    >>> is_url("s3://bucket/runs"), is_url("/runs")
    (True, False)
    """
    return "://" in str(path)


def address_in(folder: str, name: str) -> str:
    """Return the address of what has a name in a folder; that of the folder may end in a slash.

    >>> address_in("s3://bucket/runs/", "first"), address_in("s3://bucket/runs", "first")
    ('s3://bucket/runs/first', 's3://bucket/runs/first')
    """
    return f"{folder}{name}" if folder.endswith("/") else f"{folder}/{name}"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a manifest says of a file: its bytes, and its checksum (XXH3, 64 bits)."""

    size: int
    checksum: str

    @classmethod
    def of(cls, file: Path) -> Listed:
        """Read a file through."""
        size, digest = 0, xxh3_64()
        with open(file, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
        return cls(size, digest.hexdigest())

    @classmethod
    def of_folder(cls) -> Listed:
        """Return what is listed of an empty directory, whose path ends in a slash."""
        return cls(0, "")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run consists of in remote storage.

    Attributes:
        journal: Name of the file there that is its journal.
        files: All other files, by their paths in the run directory, and the journal by its name there. A path that ends
            in a slash is that of an empty directory of a checkpoint.
    """

    journal: str
    files: Mapping[str, Listed]

    @property
    def number(self) -> int:
        """The number of its journal."""
        return int(self.journal.removesuffix(".sqlite").removeprefix("journal-"))

    def to_text(self) -> str:
        """Return it as JSON."""
        files = {path: [listed.size, listed.checksum] for path, listed in self.files.items()}
        return json.dumps({"format": FORMAT, "journal": self.journal, "files": files})

    @classmethod
    def of_text(cls, text: bytes) -> Manifest:
        """Return the manifest in a text.

        Raises:
            ValueError: It is none, or lists what lies outside of the run.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise ValueError(f"it has format {content['format']!r}; this version of PopTune reads {FORMAT}")
            files = {
                checked_path(path): Listed(int(size), str(sum_)) for path, (size, sum_) in content["files"].items()
            }
            journal = content["journal"]
            if journal not in files or not _JOURNAL.fullmatch(journal):
                raise ValueError("it lists no journal")
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"it is no manifest ({error!r})") from error
        return cls(journal, files)


class Remote:
    """The folder of one run in remote storage; each call is tried several times, with growing pauses.

    Args:
        url: Such as "s3://bucket/runs/name".
        sleep: Waits so many seconds.

    Raises:
        OptionError: No library that is installed knows such addresses.
        MissingExtra: fsspec is not installed.
    """

    def __init__(self, url: str, sleep: Callable[[float], object] = time.sleep) -> None:
        try:
            import fsspec
        except ImportError:
            raise MissingExtra("fsspec", extra="cloud", purpose=f"Storage at {url}") from None
        self.url = url.rstrip("/")
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise OptionError(f"Cannot use {url}: {error}") from error
        self._sleep = sleep
        self._jitter = random.Random()

    def manifest(self) -> Manifest | None:
        """Return what is there, None if there is no run.

        Raises:
            StorageError: It cannot be read.
        """
        path = self._at(MANIFEST)
        if not self._try(lambda: self._files.exists(path), "look for"):
            return None
        text = self._try(lambda: self._files.cat_file(path, end=_LONGEST_MANIFEST), "read")
        try:
            return Manifest.of_text(text)
        except ValueError as error:
            raise StorageError(f"Cannot read {self.url}/{MANIFEST}: {error}.") from error

    def put(self, file: Path, path: str) -> None:
        """Upload a file."""

        def upload() -> None:
            self._files.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(file), self._at(path))

        self._try(upload, f"upload {path} to")

    def get(self, path: str, file: Path, listed: Listed) -> None:
        """Download a file.

        Raises:
            StorageError: It is not there, or not as it was uploaded.
        """

        def download() -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._files.get_file(self._at(path), str(file))
            if Listed.of(file) != listed:
                raise ValueError("it is not what was uploaded")

        self._try(download, f"download {path} from")

    def publish(self, manifest: Manifest) -> None:
        """Write the manifest: from now on, it is what is there."""
        text = manifest.to_text().encode()
        self._try(lambda: self._files.pipe_file(self._at(MANIFEST), text), f"write {MANIFEST} to")

    def remove(self, path: str) -> None:
        """Remove a file that no manifest lists. If that fails, it stays: it costs space and nothing else."""
        try:
            self._files.rm_file(self._at(path))
        except Exception:
            return

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _try(self, action: Callable[[], T], what: str) -> T:
        for attempt in range(ATTEMPTS):
            try:
                return action()
            except Exception as error:  # each storage has errors of its own
                if attempt == ATTEMPTS - 1:
                    raise StorageError(f"Cannot {what} {self.url}: {error}") from error
            self._sleep(FIRST_PAUSE_S * 2**attempt * self._jitter.uniform(0.5, 1.5))
        raise AssertionError("unreachable")


def download(remote: Remote, run_dir: Path) -> None:
    """Bring a run from remote storage into a directory that is not there yet: whole or not at all.

    Raises:
        StorageError: There is no run, it is damaged, or the directory is there already.
    """
    if run_dir.exists():
        raise StorageError(
            f"{run_dir} is there already. To go on with that copy, restore it; to use the one in {remote.url}, move it"
            " away."
        )
    manifest = remote.manifest()
    if manifest is None:
        raise StorageError(f"{remote.url} is not the folder of a PopTune run: it has no {MANIFEST}.")
    draft = run_dir.with_name(f".{run_dir.name}.{os.getpid()}.download")
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    draft.mkdir(mode=0o700)
    try:
        for path, listed in manifest.files.items():
            if path.endswith("/"):
                (draft / path).mkdir(parents=True, exist_ok=True)
            else:
                remote.get(path, draft / (JOURNAL if path == manifest.journal else path), listed)
        draft.rename(run_dir)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise

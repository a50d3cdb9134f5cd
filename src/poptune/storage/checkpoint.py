"""The checkpoint that a training function gives and gets: a directory, or a dictionary that becomes one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from poptune.errors import StorageError, UsageError
from poptune.storage import dictionary
from poptune.storage.copying import METADATA, Fingerprint, copy_files, fingerprint
from poptune.storage.trust import is_trusted, trust


class Checkpoint:
    """State of a training, as a directory of files. The API is Ray's, of all its generations.

    Args:
        path: A directory that exists.

    >>> checkpoint = Checkpoint.from_dict({"epoch": 3, "name": "net"})
    >>> checkpoint.to_dict()
    {'epoch': 3, 'name': 'net'}
    """

    def __init__(self, path: str | Path) -> None:
        self._path: Path | None = Path(path)
        self._data: Mapping[str, Any] = {}  # if there is no path yet: the dictionary, and its metadata
        self._metadata: dict[str, Any] = {}
        self._saved_as: Fingerprint | None = None  # to be verified when the files are first asked for
        if not self._path.is_dir():
            raise UsageError(
                f"A checkpoint is a directory, and {str(path)!r} is none. Save your files into one, and give that."
            )

    @classmethod
    def from_directory(cls, path: str | Path) -> Checkpoint:
        """Return a checkpoint of the files in a directory. They are copied when the checkpoint is reported."""
        return cls(path)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Checkpoint:
        """Return a checkpoint of a dictionary.

        When it is reported, NumPy arrays and torch tensors are written as safetensors and plain values as JSON. What is
        neither is refused, since whoever loads a pickle executes what is in it; `CheckpointConfig(allow_pickle=True)`
        allows it to be pickled, into a file of its own.
        """
        if not isinstance(data, Mapping):
            raise UsageError(
                f'Checkpoint.from_dict takes a dictionary such as {{"weights": ...}}, not {type(data).__name__}.'
            )
        checkpoint = cls.__new__(cls)
        checkpoint._path, checkpoint._data, checkpoint._metadata, checkpoint._saved_as = None, data, {}, None
        return checkpoint

    @classmethod
    def saved_as(cls, path: Path, saved_as: Fingerprint) -> Checkpoint:
        """Return a stored checkpoint, which is verified when its files are first asked for."""
        checkpoint = cls(path)
        checkpoint._saved_as = saved_as
        return checkpoint

    @property
    def path(self) -> str:
        """The directory. A checkpoint made of a dictionary moves to a temporary one, which is left to you."""
        if self._path is None:
            self._path, self._data = Path(self.to_directory()), {}
        self._verify()
        return str(self._path)

    @property
    def directory(self) -> Path | None:
        """The directory, None if the checkpoint was made of a dictionary and has none yet."""
        return self._path

    @property
    def is_relative(self) -> bool:
        """Whether its directory was given relative to the working directory."""
        return self._path is not None and not self._path.is_absolute()

    def to_directory(self, path: str | Path | None = None) -> str:
        """Copy the files into a directory, by default a new temporary one, and return it."""
        target = Path(path) if path is not None else Path(tempfile.mkdtemp(prefix="poptune_checkpoint_"))
        target.mkdir(parents=True, exist_ok=True)
        if path is None and self._path is None:
            trust(target)  # nobody else writes there
        self.write_to(target)
        return str(target)

    @contextmanager
    def as_directory(self) -> Iterator[str]:
        """Give the directory for the length of a block. Read it; do not write to it."""
        if self._path is not None:
            self._verify()
            yield str(self._path)
            return
        with tempfile.TemporaryDirectory(prefix="poptune_checkpoint_") as folder:
            yield self.to_directory(folder)

    def to_dict(self, *, allow_pickle: bool = False) -> dict[str, Any]:
        """Return the dictionary that the checkpoint was made of.

        Args:
            allow_pickle: Whether objects that had to be pickled are loaded, which executes whatever is in them: say yes
                only of a checkpoint from somebody whom you trust. In a run with `CheckpointConfig(allow_pickle=True)`,
                and in the process that ran it, that is said.

        Raises:
            UsageError: It holds pickled objects, and loading them is not allowed; or it was made of a directory.
            StorageError: Its files are damaged.
        """
        if self._path is None:
            return dict(self._data)
        self._verify()
        return dictionary.read(self._path, allow_pickle=allow_pickle or is_trusted(self._path))

    @property
    def is_dictionary(self) -> bool:
        """Whether `to_dict` can give it."""
        return self._path is None or dictionary.is_dictionary(self._path)

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts that were attached to the checkpoint."""
        return self.get_metadata()

    def get_metadata(self) -> dict[str, Any]:
        """Return the facts that were attached to the checkpoint."""
        if self._path is None:
            return dict(self._metadata)
        file = self._path / METADATA
        try:
            return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
        except (TypeError, ValueError, RecursionError) as error:
            raise StorageError(f"{file} is damaged: it holds no facts that can be read.") from error

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Attach facts, in place of earlier ones. They must be JSON values."""
        text = json.dumps(dict(metadata))
        if self._path is None:
            self._metadata = json.loads(text)
        else:
            (self._path / METADATA).write_text(text, encoding="utf-8")

    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Attach facts beside earlier ones."""
        self.set_metadata({**self.get_metadata(), **metadata})

    def write_to(self, folder: Path, *, allow_pickle: bool = True) -> Fingerprint:
        """Write the files into a directory that exists, and say what they are. Links are followed.

        Raises:
            UsageError: The directory lies in the checkpoint's own, which would then hold itself; or something would
                have to be pickled, and that is not allowed.
        """
        if self._path is not None:
            self._verify()
            return copy_files(self._path, folder)
        written = dictionary.write(self._data, folder, allow_pickle=allow_pickle)
        if self._metadata:
            (folder / METADATA).write_text(json.dumps(self._metadata), encoding="utf-8")
        return written

    def _verify(self) -> None:
        """Read the files through, once.

        Raises:
            StorageError: They are not those that were saved.
        """
        if self._saved_as and self._path and fingerprint(self._path) != self._saved_as:
            raise StorageError(f"The checkpoint {self._path} is damaged: its files are not those that were saved.")
        self._saved_as = None

    def __repr__(self) -> str:
        where = "of a dictionary" if self._path is None else str(self._path)
        return f"Checkpoint({where})"

"""The one place where schedulers meet files: those that the user names. Deciding never comes here."""

from __future__ import annotations

import os
from pathlib import Path

from poptune.errors import OptionError, StorageError

FilePath = str | Path


def read_text(path: FilePath, what: str, origin: str) -> str:
    """Return the text of a file; `~` is the user's home.

    Args:
        path: Where it lies.
        what: What it is, in words.
        origin: A sentence that says where such files come from, for whoever gave a wrong one.

    Raises:
        OptionError: There is no such file, or it is no text.
    """
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, RuntimeError, UnicodeDecodeError) as error:  # RuntimeError: nobody knows the home
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"Cannot read the {what} {os.path.abspath(os.path.expanduser(path))}: {reason}. {origin}"
        ) from error


def write_text(path: FilePath, text: str, what: str) -> None:
    """Write a file in place of an earlier one; `~` is the user's home.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        Path(path).expanduser().write_text(text, encoding="utf-8")
    except (OSError, RuntimeError) as error:
        raise StorageError(f"Cannot write the {what} {path}: {getattr(error, 'strerror', None) or error}.") from error


def lies_beside_a_journal(path: FilePath) -> bool:
    """Whether a file lies in the directory of a run of PopTune, which wrote it."""
    from poptune.storage.journal import FILE_NAME

    return (Path(path).expanduser().parent / FILE_NAME).is_file()

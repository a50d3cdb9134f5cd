"""Files for other programs: JSON and CSV that grow at the end, and whose newest lines can be taken back."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from poptune.core.safe_text import table_cell
from poptune.faults import fault
from poptune.storage.encoding import plain_number

_LONGEST_TEXT = 1000
_SEARCHED_AT_ONCE = 1 << 16  # bytes


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON that every program can read.

    JSON has neither NaN nor infinity: they become null, where Ray Tune writes words that are no JSON. What has no JSON
    form becomes its text, keys too.

    >>> json_text({"loss": float("nan"), "betas": (0.9, 0.99), 3: {"kind": complex(1, 2)}})
    '{"loss": null, "betas": [0.9, 0.99], "3": {"kind": "(1+2j)"}}'
    """
    encode = _ENCODE if indent is None else json.JSONEncoder(allow_nan=False, default=_other, indent=indent).encode
    try:
        return encode(value)
    except (ValueError, TypeError):  # rare: a number that is not finite, or a key that is no text
        return encode(_plain(value))


def _other(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    number = plain_number(value)
    return number if number is not value else repr(value)[:_LONGEST_TEXT]


_ENCODE = json.JSONEncoder(allow_nan=False, default=_other).encode


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    value = value if isinstance(value, (str, int, float)) or value is None else _other(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def replace_file(path: Path, text: str) -> None:
    """Write a whole file so that nobody ever reads half of it."""
    draft = draft_of(path)
    draft.write_text(text, encoding="utf-8")
    fault("file_drafted")
    os.replace(draft, path)


def draft_of(path: Path) -> Path:
    """Return where a file is written before it takes the place of an earlier one; a killed process leaves it there."""
    return path.with_name(f".{path.name}.draft")


class LineFile:
    """A file that grows at the end, and whose newest lines can be taken back.

    Args:
        path: Where it lies; what lies there before the first write is replaced.
        quote: What a line break stands between that ends no line, as in CSV.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = LineFile(Path(folder) / "log")
    ...     file.write(0, [b"one\\n", b"two\\n"])
    ...     file.write(1, [b"three\\n"])
    ...     file.path.read_text()
    'one\\nthree\\n'
    """

    def __init__(self, path: Path, quote: bytes = b"") -> None:
        self.path = path
        self._quote = quote
        self._mark = re.compile(b"[\n" + quote + b"]")
        self._end = 0  # where the next line begins
        self._taken_back = 0  # lines, by a write that failed

    def write(self, undone: int, lines: Sequence[bytes]) -> None:
        """Take the newest lines back, and add some. Each ends with its only line break that stands in no quotes.

        If it raises, for want of space perhaps, it may be called again with the same, or with what it is by then.
        """
        new = b"".join(lines)
        with open(self.path, "r+b" if self._end else "w+b") as file:
            if undone > self._taken_back:
                self._end = next(islice(self._ends(file), undone - self._taken_back, None))
                self._taken_back = undone
            file.truncate(self._end)
            file.seek(self._end)
            file.write(new)
        self._end += len(new)
        self._taken_back = 0

    def rewrite(self, change: Callable[[int, bytes], bytes]) -> None:
        """Replace every line; `change` is given its number and what it is."""
        draft = draft_of(self.path)
        end = 0
        with open(self.path, "r+b") as old, open(draft, "wb") as new:
            old.truncate(self._end)  # a write that failed may have left something
            for number, line in enumerate(self._lines(old)):
                end += new.write(change(number, line))
        fault("file_drafted")
        os.replace(draft, self.path)
        self._end = end

    def _ends(self, file: BinaryIO) -> Iterator[int]:
        """Yield where lines end, from the newest to the first, and where that begins.

        They are searched for, since few lines are ever taken back: to remember all ends would take memory that grows
        with every result.
        """
        end, is_quoted = self._end, False
        while end:
            begin = max(0, end - _SEARCHED_AT_ONCE)
            file.seek(begin)
            for mark in reversed(list(self._mark.finditer(file.read(end - begin)))):
                if mark[0] == self._quote:
                    is_quoted = not is_quoted
                elif not is_quoted:
                    yield begin + mark.end()
            end = begin
        yield 0

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        line = b""
        for piece in file:
            line += piece
            if not self._quote or line.count(self._quote) % 2 == 0:
                yield line
                line = b""


class Table:
    """A CSV file whose header grows when rows bring new columns: earlier rows leave them empty.

    Args:
        path: Where it lies; what lies there before the first write is replaced.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Table(Path(folder) / "progress.csv")
    ...     table.write(0, [{"loss": 0.5}])
    ...     table.write(0, [{"loss": 0.25, "note": "a, b"}])
    ...     print(table.path.read_text())
    loss,note
    0.5,
    0.25,"a, b"
    <BLANKLINE>
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = LineFile(path, quote=b'"')
        self._columns: dict[str, None] = {}

    def write(self, undone: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take the newest rows back, and add some. If it raises, it may be called again, as `LineFile.write`."""
        new = dict.fromkeys(key for row in rows for key in row if key not in self._columns)
        columns = {**self._columns, **new}
        if not self._columns:
            self._file.write(0, _lines([columns]))
        elif new:
            empty = b"," * len(new) + b"\n"
            (header,) = _lines([columns])
            self._file.rewrite(lambda number, line: line[:-1] + empty if number else header)
        self._columns = columns
        self._file.write(undone, _lines([row.get(key) for key in columns] for row in rows))


class _Lines(list[bytes]):
    """What csv writes, row by row.

    It puts into quotes whatever a line may end with, and others than us end one at a carriage return, too.
    """

    ENDING = "\r\n"

    def write(self, row: str) -> None:
        self.append(row.removesuffix(self.ENDING).encode("utf-8", "backslashreplace") + b"\n")


def _lines(rows: Iterable[Iterable[Any]]) -> list[bytes]:
    lines = _Lines()
    csv.writer(lines, lineterminator=_Lines.ENDING).writerows([table_cell(value) for value in row] for row in rows)
    return lines

"""Files that grow at the end, and whose newest lines can be taken back."""

from __future__ import annotations

import csv
import io
import resource
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.run.files import LineFile, Table

TEXTS = st.text("ab\"',\n\r", max_size=6)
# Each step: how many lines to take back, and what to add.
STEPS = st.lists(st.tuples(st.integers(0, 4), st.lists(TEXTS, max_size=4)), max_size=8)


@given(steps=STEPS)
def test_a_table_holds_the_rows_that_were_not_taken_back_whatever_is_in_them(tmp_path_factory, steps):
    table = Table(tmp_path_factory.mktemp("table") / "progress.csv")
    expected: list[str] = []
    table.write(0, [{"number": -1, "note": "first"}])
    for number, (undone, notes) in enumerate(steps):
        undone = min(undone, len(expected))
        del expected[len(expected) - undone :]
        expected += notes
        table.write(undone, [{"number": number, "note": note} for note in notes])
    rows = list(csv.DictReader(io.StringIO(table.path.read_bytes().decode(), newline="")))
    assert [row["note"] for row in rows] == ["first", *map(as_cell, expected)]


def as_cell(text):
    return f"'{text}" if text and text[0] in "\n\r" else text


def test_a_column_that_comes_late_is_empty_in_rows_of_several_lines(tmp_path):
    table = Table(tmp_path / "progress.csv")
    table.write(0, [{"note": 'two\n"lines"'}, {"note": "one"}])
    table.write(1, [{"note": "last", "loss": 0.5}])
    assert table.path.read_text() == 'note,loss\n"two\n""lines""",\nlast,0.5\n'


def test_more_lines_than_are_read_at_once_can_be_taken_back(tmp_path):
    file = LineFile(tmp_path / "log")
    file.write(0, [b"%05d %s\n" % (number, b"x" * 90) for number in range(5000)])
    file.write(4998, [b"new\n"])
    assert [line[:5] for line in file.path.read_text().splitlines()] == ["00000", "00001", "new"]


def test_all_lines_can_be_taken_back(tmp_path):
    file = LineFile(tmp_path / "log")
    file.write(0, [b"one\n", b"two\n"])
    file.write(2, [])
    assert file.path.read_bytes() == b""
    file.write(0, [b"three\n"])
    assert file.path.read_bytes() == b"three\n"


@contextmanager
def no_file_above(size):
    """Let no file of this process grow beyond a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_write_that_failed_may_be_made_again_with_more_to_take_back_and_to_add(tmp_path):
    file = LineFile(tmp_path / "log")
    file.write(0, [b"one\n", b"two\n", b"three\n"])
    for undone in (1, 1, 2):
        with no_file_above(10), pytest.raises(OSError, match="File too large"):
            file.write(undone, [b"four\n", b"five\n"])
    file.write(2, [b"four\n", b"five\n", b"six\n"])
    assert file.path.read_bytes() == b"one\nfour\nfive\nsix\n"
    file.write(1, [])
    assert file.path.read_bytes() == b"one\nfour\nfive\n"


@pytest.mark.parametrize("size", [0, 3, 8, 12, 17])
def test_a_table_that_failed_to_grow_may_be_written_again(tmp_path, size):
    table = Table(tmp_path / "progress.csv")
    with no_file_above(0), pytest.raises(OSError, match="File too large"):
        table.write(0, [{"note": "one"}])
    table.write(0, [{"note": "one"}, {"note": "two"}])
    with no_file_above(size), pytest.raises(OSError, match="File too large"):
        table.write(1, [{"note": "three", "loss": 0.5}])
    table.write(1, [{"note": "three", "loss": 0.5}, {"note": "four", "lr": 0.25}])
    assert table.path.read_text() == "note,loss,lr\none,,\nthree,0.5,\nfour,,0.25\n"

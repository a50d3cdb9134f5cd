"""A journal that was cut or altered: what is read is what was written, or nothing."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.events import Reported, TrialAdded
from poptune.core.trial import Progress
from poptune.errors import StorageError
from poptune.storage.journal import FILE_NAME, Journal

COMMITS = 6


def reported(step):
    return [Reported(trial, {"loss": 1.0 / (step + 1), "step": step}, Progress(step)) for trial in "ab"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with a journal as `kill -9` leaves it: most of it in the file that is written ahead."""
    folder = tmp_path_factory.mktemp("written")
    image = tmp_path_factory.mktemp("image")
    with Journal.create(folder, {"seed": 7}, [TrialAdded("a", 0, {}), TrialAdded("b", 1, {})]) as journal:
        for step in range(COMMITS):
            journal.add(reported(step))
        for file in folder.glob(f"{FILE_NAME}*"):
            shutil.copy(file, image)
    return image


@pytest.fixture(scope="module")
def merged(written, tmp_path_factory):
    """Return a folder with the same journal in one file, as the end of a run leaves it."""
    folder = tmp_path_factory.mktemp("merged")
    for file in written.iterdir():
        shutil.copy(file, folder)
    with Journal.resume(folder):
        pass
    assert [file.name for file in folder.glob(f"{FILE_NAME}*")] == [FILE_NAME]
    return folder


def read(folder: Path) -> list:
    with Journal.open(folder) as journal:
        assert journal.about["seed"] == 7
        return list(journal.records())


def all_records() -> list:
    begun = [TrialAdded("a", 0, {}), TrialAdded("b", 1, {})]
    return begun + [record for step in range(COMMITS) for record in reported(step)]


def copied(folder: Path, to: Path, change) -> Path:
    """Return a copy of a journal in which the newest file was changed."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for file in folder.glob(f"{FILE_NAME}*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, to)
    newest = to / f"{FILE_NAME}-wal"
    newest = newest if newest.exists() else to / FILE_NAME
    newest.write_bytes(change(bytearray(newest.read_bytes())))
    return to


def test_a_journal_that_was_cut_at_any_byte_of_its_last_record_goes_on(written, tmp_path, capsys):
    size = (written / f"{FILE_NAME}-wal").stat().st_size
    last = last_commit(written / f"{FILE_NAME}-wal")
    assert 4000 < size - last < 20_000
    for cut in [*range(last, size, 97), size - 1]:  # each place takes 10 ms; the others are no different
        folder = copied(written, tmp_path / "cut", lambda data, cut=cut: data[:cut])
        assert read(folder) == all_records()[:-2], cut
        with Journal.resume(folder) as journal:
            journal.add(reported(COMMITS - 1))
        assert read(folder) == all_records(), cut
    assert capsys.readouterr().err == ""  # a commit that was cut short is none


def test_a_journal_whose_newest_records_were_altered_says_what_is_lost_when_it_goes_on(written, tmp_path, capsys):
    data = (written / f"{FILE_NAME}-wal").read_bytes()
    for at in [*range(32, len(data), 997), 0, 9, 27]:  # all but the salts that mark the file's generation

        def flipped(data, at=at):
            data[at] ^= 16
            return data

        folder = copied(written, tmp_path / "altered", flipped)
        found = read(folder)
        with Journal.resume(folder) as journal:
            assert list(journal.records()) == found
        said = capsys.readouterr().err
        missing = (len(all_records()) - len(found)) // 2  # commits
        if missing <= 1:  # the last one may have been cut short when its process died
            assert said == ""
        else:
            (lost,) = re.findall(r"^Of the newest commits of the journal .* at least (\d+) cannot be read", said)
            assert missing - 1 <= int(lost) <= missing


def last_commit(wal: Path) -> int:
    """Return where the last transaction begins in a file of SQLite that is written ahead."""
    data = wal.read_bytes()
    page = int.from_bytes(data[8:12], "big")
    frame = 24 + page
    ends = [at for at in range(32, len(data), frame) if int.from_bytes(data[at + 4 : at + 8], "big")]
    return ends[-2] + frame


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_what_was_altered_in_the_file_that_is_written_ahead_ends_it_there(written, at, bit):
    def flipped(data):
        data[at % len(data)] ^= 1 << bit
        return data

    folder = copied(written, written.with_name("altered_ahead"), flipped)
    try:
        found = read(folder)
    except StorageError:
        return
    assert found == all_records()[: len(found)]


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_what_was_altered_in_the_journal_is_noticed_or_nothing_that_counts(merged, at, bit):
    def flipped(data):
        data[at % len(data)] ^= 1 << bit
        return data

    folder = copied(merged, merged.with_name("altered"), flipped)
    try:
        found = read(folder)
    except StorageError:
        return
    assert found == all_records()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE events SET body = replace(body, '0.5', '0.6') WHERE seq = 5",
            "its record 5, a Reported record of trial",
        ),
        ("UPDATE events SET trial = 'b' WHERE seq = 3", "its record 3, a Reported record of trial b, was altered"),
        ("UPDATE about SET value = 8 WHERE key = 'seed'", "it is damaged \\(its 'seed' was altered\\)"),
    ],
)
def test_what_was_altered_is_named(merged, tmp_path, change, message):
    folder = copied(merged, tmp_path / "altered", bytes)
    with sqlite3.connect(folder / FILE_NAME) as connection:
        assert connection.execute(change).rowcount == 1
    connection.close()
    with pytest.raises(StorageError, match=message):
        read(folder)

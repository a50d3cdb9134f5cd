"""What stands before the damage in a journal is copied into a directory that can be restored."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

import poptune as tune
from command import run
from interrupting import ENOUGH, go_on, told
from poptune.core.events import Reported
from poptune.errors import StorageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import FILE_NAME, Journal
from poptune.storage.salvage import salvage


def records_of(path):
    with Journal.open(path) as journal:
        return list(journal.timed_records())


def alter(path, seq):
    """Change one letter of a record, as a disk may."""
    with closing(sqlite3.connect(path / FILE_NAME)) as connection, connection:
        query = "UPDATE events SET body = replace(body, 'step', 'stop') WHERE seq = ?"
        assert connection.execute(query, [seq]).rowcount == 1


def last_report(path, iteration):
    """Return the number of the last record of a report of an iteration."""
    numbered = list(enumerate((record for _, record in records_of(path)), start=1))
    return max(n for n, record in numbered if isinstance(record, Reported) and record.progress.iteration == iteration)


def files_of(path):
    """Return all files; but not the memory that readers of a database share."""
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.endswith("-shm")]
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_a_damaged_run_is_repaired_into_one_that_ends_as_if_undisturbed(begin, interrupt, tmp_path):
    calm = begin("calm").fit()
    path, new = interrupt("hurt", 30), tmp_path / "new"
    whole, seq = records_of(path), last_report(path, 5)
    alter(path, seq)
    with pytest.raises(StorageError, match=f"its record {seq}, a Reported .* poptune repair {path} NEW_DIRECTORY"):
        ResultGrid.from_path(path)
    before = files_of(path)
    ran = run("repair", path, new)
    assert ran.exit_code == 0
    assert f"its record {seq}, a Reported record of trial" in ran.output
    assert f"The {seq - 1} records before that, and all checkpoints, are in {new} now." in ran.output
    assert records_of(new) == whole[: seq - 1]
    assert told(go_on(new)) == told(calm)
    assert files_of(path) == before


def test_where_checkpoints_were_deleted_since_trials_go_on_from_what_is_there(begin, tmp_path):
    keeping = tune.CheckpointConfig(num_to_keep=1)
    path = tmp_path / "hurt"
    begin("hurt", checkpoint_config=keeping).fit()
    alter(path, last_report(path, 5))
    salvage(path, tmp_path / "new")
    results = go_on(tmp_path / "new")
    assert results.errors == []
    for result in results:
        assert [row["training_iteration"] for row in result.rows][-1] == ENOUGH["training_iteration"]


def forget_two_records(file):
    """Let a page in the middle of a journal say that it holds two records fewer; return how many are left to read."""
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").fetchone()
    data = bytearray(file.read_bytes())

    def number(at, size):
        return int.from_bytes(data[at : at + size], "big")

    page = number(16, 2)
    table = (root - 1) * page
    assert number(table, 1) == 5, "the table has one page only"
    child = table + number(table + 12 + 2 * 3, 2)  # the fourth
    leaf = (number(child, 4) - 1) * page
    data[leaf + 3 : leaf + 5] = (number(leaf + 3, 2) - 2).to_bytes(2, "big")
    file.write_bytes(data)
    with closing(sqlite3.connect(file)) as connection:
        return len(connection.execute("SELECT * FROM events NOT INDEXED").fetchall())


def test_pages_that_do_not_fit_together_are_noticed_and_what_stands_before_is_copied(begin, tmp_path):
    begin("hurt", stop={"training_iteration": 60}).fit()
    path = tmp_path / "hurt"
    whole = records_of(path)
    assert forget_two_records(path / FILE_NAME) == len(whole) - 2, "SQLite itself notices"
    with pytest.raises(StorageError, match=r"it is damaged .* poptune repair"):
        ResultGrid.from_path(path)
    saved = salvage(path, tmp_path / "new")
    assert 0 < saved.records < len(whole)
    assert records_of(tmp_path / "new") == whole[: saved.records]


def test_checkpoints_are_linked_and_keep_their_mark(begin, tmp_path):
    begin("hurt").fit()
    path, new = tmp_path / "hurt", tmp_path / "new"
    alter(path, last_report(path, 9))
    salvage(path, new)
    for folder in path.glob("*/checkpoint_*"):
        twin = new / folder.relative_to(path)
        assert twin.stat().st_mode == folder.stat().st_mode
        assert all(os.path.samefile(file, twin / file.name) for file in folder.iterdir())
    (result, *_) = path.glob("*/result.json")
    assert not os.path.samefile(result, new / result.relative_to(path))


def test_what_cannot_be_repaired_is_refused(begin, tmp_path):
    begin("run").fit()
    path = tmp_path / "run"
    with pytest.raises(StorageError, match="is not damaged: there is nothing to repair"):
        salvage(path, tmp_path / "new")
    alter(path, last_report(path, 5))
    with pytest.raises(StorageError, match="lies in the directory of the run"):
        salvage(path, path / "deep" / "new")
    (tmp_path / "there").mkdir()
    with pytest.raises(StorageError, match="is there already"):
        salvage(path, tmp_path / "there")
    assert not (tmp_path / "new").exists()
    assert run("repair", path, tmp_path / "there").exit_code == 1

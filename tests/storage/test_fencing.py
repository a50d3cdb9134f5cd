"""A process that lost the lock of its run without knowing it writes nothing more."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.core.events import Reported, TrialAdded
from poptune.errors import StorageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from poptune.storage.lock import FILE_NAME
from runs import decisions, wait_for

TAKEN_OVER = r"Another process has taken over the run .*: this one stops here, and writes nothing more"


def added(trial, index):
    return TrialAdded(trial, index, {})


def test_it_is_told_at_its_next_commit_and_at_every_later_one(tmp_path):
    first = Journal.create(tmp_path, {}, [added("a", 0)])
    (tmp_path / FILE_NAME).unlink()  # as if the server of a network file system had forgotten it
    second = Journal.resume(tmp_path)
    second.add([added("b", 1)])
    for trial in "cd":
        with pytest.raises(StorageError, match=TAKEN_OVER):
            first.add([added(trial, 2)])
    assert (first.is_taken_over, second.is_taken_over) == (True, False)
    first.append([added("e", 4)])
    first.close()
    second.close()
    with Journal.open(tmp_path) as journal:
        assert [record.trial for record in journal.records()] == ["a", "b"]


def test_writers_after_one_another_disturb_nobody(tmp_path):
    Journal.create(tmp_path, {}, [added("0", 0)]).close()
    for index in range(1, 5):
        with Journal.resume(tmp_path) as journal:
            journal.add([added(str(index), index)])
            assert not journal.is_taken_over
    with Journal.open(tmp_path) as journal:
        assert len(list(journal.records())) == 5
        assert not journal.is_taken_over


def test_a_driver_that_was_stopped_while_another_took_over_ends_when_it_wakes(tmp_path):
    climbing_script.main(tmp_path / "calm", 40, executor="inline")
    path = tmp_path / "run"
    script = [sys.executable, climbing_script.__file__, str(path), "40", "inline"]
    sleeper = subprocess.Popen(script, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: reports(path) > 20, "training")
    wait_for(lambda: is_stopped_between_writes(sleeper, path), "its stop")
    (path / FILE_NAME).unlink()
    climbing_script.main(path, 40, executor="inline")
    sleeper.send_signal(signal.SIGCONT)
    _, said = sleeper.communicate(timeout=30)
    assert sleeper.returncode == 1
    assert "Another process has taken over the run" in said
    calm, hurt = ResultGrid.from_path(tmp_path / "calm"), ResultGrid.from_path(path)
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)
    assert [(Path(result.path) / "result.json").read_text().count("\n") for result in hurt] == [40] * 4


def is_stopped_between_writes(process, path):
    """Stop a process; let it go on if it holds the journal, which nobody can take from it."""
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: state_of(process.pid) == "T", "its stop")
    with closing(sqlite3.connect(path / "journal.sqlite", timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            return False
    return True


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def reports(path):
    if not os.path.exists(path / "journal.sqlite"):
        return 0
    with Journal.open(path) as journal:
        return sum(1 for _ in journal.records(Reported))

"""A process that lost the lock of its run without knowing it writes nothing more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.core.events import TrialAdded
from poptune.errors import StorageError
from poptune.faults import VARIABLE
from poptune.run.batches import PERIOD_S
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from poptune.storage.lock import FILE_NAME
from runs import decisions, wait_for

TAKEN_OVER = r"Another process has taken over the run .*: this one stops here, and writes nothing more"


ITERATIONS = 40


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    path = tmp_path_factory.mktemp("calm") / "run"
    climbing_script.main(path, ITERATIONS, executor="inline")
    return ResultGrid.from_path(path)


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


@pytest.mark.parametrize("point", ["records_committed", "observers_told", "checkpoint_deleted", "command_sent"])
def test_a_driver_that_was_stopped_while_another_took_over_ends_when_it_wakes(tmp_path, calm, point):
    path = tmp_path / "run"
    script = [sys.executable, climbing_script.__file__, str(path), str(ITERATIONS), "inline"]
    environment = {**os.environ, VARIABLE: f"{point}:12:stop"}
    sleeper = subprocess.Popen(script, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: state_of(sleeper.pid) == "T", "its stop")
        (path / FILE_NAME).unlink()
        climbing_script.main(path, ITERATIONS, executor="inline")
        time.sleep(PERIOD_S)  # so that it would write files for other programs, too, as soon as it wakes
        sleeper.send_signal(signal.SIGCONT)
        _, said = sleeper.communicate(timeout=60)
    finally:
        sleeper.kill()
    assert sleeper.returncode == 1
    assert "Another process has taken over the run" in said
    hurt = ResultGrid.from_path(path)
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)
    assert [(Path(result.path) / "result.json").read_text().count("\n") for result in hurt] == [ITERATIONS] * 4


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]

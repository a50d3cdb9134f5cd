"""A process dies at each of the named points, early and late, and the run ends as if nothing had happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialFailed, TrialStarted
from poptune.errors import UsageError
from poptune.faults import POINTS, VARIABLE, armed
from poptune.run.restoring import kept_checkpoints
from poptune.run.results import ResultGrid
from runs import decisions, events

ITERATIONS = 24
TRIALS = 4
WAYS = [(executor, mode) for executor in ("inline", "processes") for mode in ("synchronous", "asynchronous")]
OF_WORKERS = ["checkpoint_begun", "checkpoint_staged", "checkpoint_renamed", "report_counted", "report_sent"]
LATE = {
    **dict.fromkeys(POINTS, 10),
    **{point: 1 for point in POINTS if point.startswith(("journal", "end", "restore"))},  # passed once by a process
    "file_drafted": 3,
    "files_begun": 3,
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    path = tmp_path_factory.mktemp("calm") / "run"
    climbing_script.main(path, ITERATIONS, "inline")
    return ResultGrid.from_path(path)


def dies_at(path: Path, point: str, passing: int, executor: str, mode: str) -> bool:
    """Begin the run, or go on with it, where processes die at a point; say whether its driver did."""
    script = [sys.executable, climbing_script.__file__, str(path), str(ITERATIONS), executor, "process", mode]
    process = subprocess.run(script, env={**os.environ, VARIABLE: f"{point}:{passing}"}, check=False)
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


@pytest.mark.parametrize("point", POINTS)
def test_a_process_may_die_at_any_point(point, calm, tmp_path):
    path = tmp_path / "run"
    if point.startswith("restore"):
        assert dies_at(path, "report_sent", 30, "inline", "synchronous")
    died = [dies_at(path, point, passing, "inline", "synchronous") for passing in (1, 4)]
    climbing_script.main(path, ITERATIONS, "inline")
    assert died[0], f"nothing passed {point}"
    ends_as(ResultGrid.from_path(path), calm)


@pytest.mark.parametrize(("executor", "mode"), WAYS[1:], ids=[" ".join(way) for way in WAYS[1:]])
@pytest.mark.parametrize("point", POINTS)
def test_on_any_executor_in_any_mode(point, executor, mode, calm, tmp_path):
    path = tmp_path / "run"
    if point.startswith("restore"):
        assert dies_at(path, "observers_told", 10, executor, mode)
    has_died = dies_at(path, point, LATE[point], executor, mode)
    if executor == "processes" and point in OF_WORKERS:  # its driver goes on
        has_died = bool(events(ResultGrid.from_path(path), TrialFailed))
    else:
        climbing_script.main(path, ITERATIONS, executor, mode=mode)
    assert has_died, f"nothing passed {point}"
    hurt = ResultGrid.from_path(path)
    if mode == "synchronous":
        ends_as(hurt, calm)
    ends_whole(hurt)


def ends_as(hurt, calm):
    """Compare a run with the undisturbed one."""
    assert calm.exploits
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)
    assert files_of(hurt) == files_of(calm)


def ends_whole(results):
    """Look at what holds whoever came first: all trained to the end, and whoever became a clone did so once."""
    assert results.errors == []
    assert [result.metrics["training_iteration"] for result in results] == [ITERATIONS] * TRIALS
    for result in results:
        assert (Path(result.path) / "result.json").read_text().count("\n") == len(result.rows)
        assert (Path(result.path) / "progress.csv").read_text().count("\n") == len(result.rows) + 1
    files_of(results)
    saved, cloned, called = {}, {}, {}
    for record in events(results, Exploit, TrialStarted, Reported):
        match record:
            case Exploit():
                cloned[record.trial] = record
            case TrialStarted(cause="exploit"):
                assert record.trial in cloned, "called as a clone again"
                called[record.trial] = cloned.pop(record.trial)
            case Reported():
                assert record.trial not in cloned, "it went on as if it were no clone"
                if exploit := called.pop(record.trial, None):
                    height = saved[exploit.checkpoint.path] + exploit.config["speed"]
                    assert record.metrics["height"] == height, "it did not go on from its donor's weights"
                if record.checkpoint:
                    saved[record.checkpoint.path] = record.metrics["height"]


def files_of(results):
    """Return the names of all files of a run, without the times in them; checkpoints are those that it knows."""
    path = Path(results.experiment_path)
    names = {str(file.relative_to(path)) for file in path.rglob("*")}
    kept = kept_checkpoints(events(results))
    assert {name for name in names if re.fullmatch(r"[^/]*/checkpoint_\d+", name)} == kept
    return sorted(re.sub(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", "", name) for name in names)


@pytest.mark.parametrize("order", ["after_lunch", "records_committed:soon", ":1"])
def test_an_unknown_point_is_refused(order):
    with pytest.raises(UsageError, match="POPTUNE_FAULT must be a point and a number"):
        armed(order)


def test_a_point_that_is_not_chosen_does_nothing():
    armed("records_committed:1")("report_sent")
    armed(None)("records_committed")

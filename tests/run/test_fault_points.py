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
from poptune.errors import UsageError
from poptune.faults import POINTS, VARIABLE, armed
from poptune.run.restoring import kept_checkpoints
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from runs import decisions

ITERATIONS = 24


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    path = tmp_path_factory.mktemp("calm") / "run"
    climbing_script.main(path, ITERATIONS, executor="inline")
    return ResultGrid.from_path(path)


def dies_at(path: Path, point: str, passing: int) -> bool:
    """Begin the run, or go on with it, in a process that dies at a point; say whether it did."""
    script = [sys.executable, climbing_script.__file__, str(path), str(ITERATIONS), "inline"]
    process = subprocess.run(script, env={**os.environ, VARIABLE: f"{point}:{passing}"}, check=False)
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


@pytest.mark.parametrize("point", POINTS)
def test_a_process_may_die_at_any_point(point, calm, tmp_path):
    path = tmp_path / "run"
    if point.startswith("restore"):
        assert dies_at(path, "report_sent", 30)
    died = [dies_at(path, point, passing) for passing in (1, 4)]
    climbing_script.main(path, ITERATIONS, executor="inline")
    hurt = ResultGrid.from_path(path)
    assert died[0], f"nothing passed {point}"
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)
    assert files_of(hurt) == files_of(calm)


def files_of(results):
    """Return the names of all files of a run, without the times in them; checkpoints are those that it knows."""
    path = Path(results.experiment_path)
    with Journal.open(path) as journal:
        kept = kept_checkpoints(list(journal.records()))
    names = {str(file.relative_to(path)) for file in path.rglob("*")}
    assert {name for name in names if re.fullmatch(r"[^/]*/checkpoint_\d+", name)} == kept
    return sorted(re.sub(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", "", name) for name in names)


@pytest.mark.parametrize("order", ["after_lunch", "records_committed:soon", ":1"])
def test_an_unknown_point_is_refused(order):
    with pytest.raises(UsageError, match="POPTUNE_FAULT must be a point and a number"):
        armed(order)


def test_a_point_that_is_not_chosen_does_nothing():
    armed("records_committed:1")("report_sent")
    armed(None)("records_committed")

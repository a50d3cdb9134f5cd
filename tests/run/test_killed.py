"""The process that drives a run is killed, again and again: the run ends as if nothing had happened.

The instants are numbers of commits, so they do not depend on the machine; `tests/chaos` kills at random moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.faults import VARIABLE
from poptune.run.results import ResultGrid
from runs import decisions

ITERATIONS = 200
KILLS = 20


def kill_after(path: Path, commits: int) -> None:
    """Run the script until it has committed so often, and dies by `kill -9`: however fast the machine is."""
    script = [sys.executable, climbing_script.__file__, str(path), str(ITERATIONS)]
    process = subprocess.run(script, env={**os.environ, VARIABLE: f"records_committed:{commits}"}, check=False)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.timeout(240)
def test_a_run_whose_driver_is_killed_twenty_times_ends_like_one_that_was_left_alone(tmp_path):
    climbing_script.main(tmp_path / "calm", ITERATIONS)
    rng = random.Random(20)
    path = tmp_path / "hurt"
    for _ in range(KILLS):
        kill_after(path, rng.randint(1, 9))
    climbing_script.main(path, ITERATIONS)

    calm, hurt = ResultGrid.from_path(tmp_path / "calm"), ResultGrid.from_path(path)
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)
    assert (path / "pbt_global.txt").read_text() == (tmp_path / "calm" / "pbt_global.txt").read_text()
    for one, other in zip(hurt, calm, strict=True):
        assert [row["training_iteration"] for row in one.rows] == list(range(1, ITERATIONS + 1))
        assert policy(path, one) == policy(tmp_path / "calm", other)
        assert (Path(one.path) / "result.json").read_text().count("\n") == ITERATIONS
        assert (Path(one.path) / "progress.csv").read_text().count("\n") == ITERATIONS + 1
        assert len(list(Path(one.path).glob("checkpoint_*"))) == len(list(Path(other.path).glob("checkpoint_*")))
    assert not (path / ".staging").exists()


def policy(path, result):
    file = path / f"pbt_policy_{result.trial_id}.txt"
    return file.read_text() if file.exists() else None

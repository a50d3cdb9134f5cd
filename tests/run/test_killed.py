"""The process that drives a run is killed, again and again: the run ends as if nothing had happened."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.core.events import Reported
from poptune.errors import StorageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from runs import decisions

ITERATIONS = 200
KILLS = 20


def reports(path: Path) -> int:
    """Return how many reports a journal holds now."""
    try:
        with Journal.open(path) as journal:
            return sum(1 for _ in journal.records(Reported))
    except StorageError:  # not written yet
        return 0


def killed_after(path: Path, more: int) -> bool:
    """Run the script until its journal holds so many more reports, and kill it; say whether it came to that."""
    known = reports(path)
    script = subprocess.Popen([sys.executable, climbing_script.__file__, str(path), str(ITERATIONS)])
    while reports(path) < known + more and script.poll() is None:
        time.sleep(0.002)
    script.kill()
    return script.wait() < 0


@pytest.mark.timeout(240)
def test_a_run_whose_driver_is_killed_twenty_times_ends_like_one_that_was_left_alone(tmp_path):
    climbing_script.main(tmp_path / "calm", ITERATIONS)
    rng = random.Random(20)
    path = tmp_path / "hurt"
    kills = sum(killed_after(path, rng.randint(1, 30)) for _ in range(KILLS))
    climbing_script.main(path, ITERATIONS)

    assert kills == KILLS
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

"""The process that drives a run on a cluster is killed: the cluster clears up, and the run goes on when restored."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import climbing_script
from interrupting import without_restores
from poptune.core.events import Reported
from poptune.errors import StorageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from runs import decisions, wait_for

ITERATIONS = 40


def reports(path: Path) -> int:
    try:
        with Journal.open(path) as journal:
            return sum(1 for _ in journal.records(Reported))
    except StorageError:  # not written yet
        return 0


def test_a_driver_is_killed_and_its_run_restored(three_nodes, tmp_path):
    import ray

    environment = {**os.environ, "RAY_ADDRESS": three_nodes.address}
    command = [sys.executable, climbing_script.__file__, str(tmp_path / "hurt"), str(ITERATIONS), "ray"]
    for share in (4, 2):
        script = subprocess.Popen(command, env=environment)
        while reports(tmp_path / "hurt") < 4 * ITERATIONS // share and script.poll() is None:
            time.sleep(0.002)
        script.kill()
        assert script.wait() < 0
        wait_for(lambda: ray.available_resources().get("CPU") == 6.0, "the end of its actors")
    subprocess.run(command, env=environment, check=True)

    climbing_script.main(tmp_path / "calm", ITERATIONS, "inline")
    hurt, calm = (ResultGrid.from_path(tmp_path / name) for name in ("hurt", "calm"))
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)

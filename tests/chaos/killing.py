"""`kill -9` of the process that drives a run, at random instants, each followed by a restore."""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from chaos import digits_script
from interrupting import without_restores
from poptune.errors import StorageError
from poptune.run.restoring import kept_checkpoints
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from runs import decisions, wait_for

ITERATIONS = 90
KILLS_PER_RUN = 10
_STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def records(path: Path) -> list:
    """Return what the journal of a run holds now."""
    try:
        with Journal.open(path) as journal:
            return list(journal.records())
    except StorageError:  # not written yet
        return []


class Sweep:
    """Runs that are killed again and again.

    Args:
        folder: Where they lie.
        seed: Of the instants.

    Attributes:
        kills: How often a driver was killed.
        in_start: How many of them died before anything of theirs was in the journal.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._rng = random.Random(seed)
        self._calm = folder / "calm"
        self.kills = self.in_start = 0
        digits_script.main(self._calm, ITERATIONS)

    def run(self, number: int, kills: int) -> None:
        """Kill one run so many times, let it end, and compare it with the undisturbed one."""
        path = self._folder / f"hurt_{number}"
        safe: list = []
        for _ in range(kills):
            self._kill(path, len(safe))
            held = records(path)
            assert held[: len(safe)] == safe, "what was in the journal is not there any more"
            self.in_start += len(held) == len(safe)
            safe = held
        digits_script.main(path, ITERATIONS)
        assert records(path)[: len(safe)] == safe, "what was in the journal is not there any more"
        self._compare(path)

    def _kill(self, path: Path, known: int) -> None:
        """Begin the run, or go on with it, kill the driver at a random instant, and wait for the end of its workers."""
        mark = uuid.uuid4().hex
        driver = subprocess.Popen(
            [sys.executable, digits_script.__file__, str(path), str(ITERATIONS)],
            env={**os.environ, "POPTUNE_CHAOS": mark},
        )
        if self._rng.random() < 0.8:  # while it trains
            more = self._rng.randint(1, 40)
            wait_for(lambda: len(records(path)) >= known + more or driver.poll() is not None, "training")
            time.sleep(self._rng.uniform(0, 0.03))
        else:  # while it starts
            time.sleep(self._rng.uniform(0, 0.8))
        driver.kill()
        assert driver.wait() < 0, "the run was over before it was killed"
        self.kills += 1
        wait_for(lambda: not marked(mark), "the end of the workers")

    def _compare(self, path: Path) -> None:
        calm, hurt = ResultGrid.from_path(self._calm), ResultGrid.from_path(path)
        assert decisions(hurt) == decisions(calm), "other decisions than in the undisturbed run"
        assert without_restores(hurt) == without_restores(calm), "other results than in the undisturbed run"
        assert names(path) == names(self._calm), "other files than in the undisturbed run"


def marked(mark: str) -> list[int]:
    """Return the processes that inherited a mark: a driver's workers, and what they started."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def names(path: Path) -> list[str]:
    """Return the names of all files of a run without the times in them; of checkpoints only those that it knows."""
    found = {str(file.relative_to(path)) for file in path.rglob("*")}
    assert {name for name in found if re.fullmatch(r"[^/]*/checkpoint_\d+", name)} == kept_checkpoints(records(path))
    return sorted(_STAMP.sub("", re.sub(r"checkpoint_\d+", "checkpoint", name)) for name in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(Path(folder), arguments.seed)
        while sweep.kills < arguments.kills:
            sweep.run(sweep.kills, min(KILLS_PER_RUN, arguments.kills - sweep.kills))
            print(f"{sweep.kills} kills, all runs as if undisturbed, {time.monotonic() - began:.0f} s", flush=True)
        print(f"{sweep.in_start} of them hit a process before it had written anything of its own")


if __name__ == "__main__":
    main()

"""`kill -9` of the process that drives a run, at random instants, each followed by a restore.

Each of many runs is killed once, some of them more often, restored, and compared with a run that was left alone. The
first difference ends the sweep, keeps the directory of that run, and says how it is repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chaos import digits_script
from chaos.remains import checkpoints_on_the_way, is_decision, marked, names, place_of_death, records, undone_decisions
from interrupting import without_restores
from poptune.run.results import ResultGrid
from runs import PATIENCE_S, decisions, wait_for

ITERATIONS = 60
_KILLS = [1] * 16 + [2, 2, 3, 5]  # of one run


class Difference(AssertionError):
    """A run that was killed did not end as the undisturbed one did."""


class Sweep:
    """Runs that are killed and restored.

    Args:
        folder: Where they lie.
        seed: Of the instants; those of a run are a function of this and of its number.

    Attributes:
        equal: How many runs were compared with the undisturbed one, and were the same.
        deaths: How many drivers were killed, by where their runs were then.
        at_once: How many restores began while workers of the killed driver could still be there.
        amid_saving: How many kills left a checkpoint half written, or whole and not in the journal.
        amid_cloning: How many kills left a clone in the journal that had not started.
        too_late: How many runs were over before they were killed; they were begun again.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._calm = folder / "calm"
        self.equal = self.at_once = self.amid_saving = self.amid_cloning = self.too_late = 0
        self.deaths: Counter[str] = Counter()
        digits_script.main(self._calm, ITERATIONS)
        self._whole = records(self._calm)
        self._last_decision = max(place for place, record in enumerate(self._whole) if is_decision(record))

    def run(self, number: int, kills: int | None = None) -> None:
        """Kill one run, let it end, and compare it with the undisturbed one.

        Args:
            number: Of the run.
            kills: How often it is killed; None: once, or, in one run of five, more often.

        Raises:
            Difference: It did not end as the undisturbed one.
        """
        rng = random.Random(f"{self._seed} {number}")
        path = self._folder / f"hurt_{number}"
        try:
            self._hurt(path, rng, kills or rng.choice(_KILLS))
        except Exception as error:
            raise Difference(
                f"Run {number} of seed {self._seed}: {error}. It lies in {path}, the undisturbed one in {self._calm}."
                f" Again: PYTHONPATH=tests python -m chaos.killing --seed {self._seed} --run {number}"
            ) from error
        shutil.rmtree(path)

    def _hurt(self, path: Path, rng: random.Random, kills: int) -> None:
        safe: list = []
        marks: list[str] = []  # of the drivers that were killed
        while len(marks) < kills:
            mark = uuid.uuid4().hex
            seen, was_killed = self._kill(path, rng, len(safe), mark)
            held = records(path)
            must_begin_with(held, seen)
            must_begin_with(held, safe)
            if not was_killed:
                self.too_late += 1
                if marks:
                    break
                shutil.rmtree(path)
                continue
            marks.append(mark)
            self._note(path, safe, held)
            safe = held
            if rng.random() < 0.5:
                self.at_once += 1
            else:
                no_orphans(mark)
        _go_on(path)
        for mark in marks:
            no_orphans(mark)
        must_begin_with(records(path), safe)
        self._compare(path)

    def _kill(self, path: Path, rng: random.Random, known: int, mark: str) -> tuple[list, bool]:
        """Begin the run, or go on with it, and kill the driver at a random instant.

        Returns:
            What was in the journal shortly before, and whether the driver was alive then.
        """
        left = max(len(self._whole) - known, 1)
        tail = min(len(self._whole) - self._last_decision, left)
        more, pause_s = rng.choice(
            [
                (0, rng.uniform(0, 1.0)),  # in the start
                *[(rng.randint(1, left), rng.uniform(0, 0.03)) for _ in range(3)],
                (rng.randint(left - tail + 1, left), rng.uniform(0, 0.01)),  # after the last decision
            ]
        )
        driver = subprocess.Popen(
            [sys.executable, digits_script.__file__, str(path), str(ITERATIONS)],
            env={**os.environ, "POPTUNE_CHAOS": mark},
        )
        seen: list = []

        def is_time() -> bool:
            seen[:] = records(path)
            return len(seen) >= known + more or driver.poll() is not None

        wait_for(is_time, f"{more} more records", every_s=0.001, patience_s=10 * PATIENCE_S)
        time.sleep(pause_s)
        driver.kill()
        assert driver.wait() in (0, -signal.SIGKILL), "the driver failed"
        return seen, driver.returncode != 0

    def _note(self, path: Path, safe: Sequence, held: Sequence) -> None:
        self.deaths[place_of_death(held, held[len(safe) :], self._whole)] += 1
        self.amid_saving += checkpoints_on_the_way(path, held)
        self.amid_cloning += undone_decisions(held)

    def _compare(self, path: Path) -> None:
        calm, hurt = ResultGrid.from_path(self._calm), ResultGrid.from_path(path)
        assert decisions(hurt) == decisions(calm), "other decisions than in the undisturbed run"
        assert without_restores(hurt) == without_restores(calm), "other results than in the undisturbed run"
        assert names(path) == names(self._calm), "other files than in the undisturbed run"
        self.equal += 1

    def __str__(self) -> str:
        kills = self.deaths.total()
        places = "\n".join(f"  {place}: {count}" for place, count in self.deaths.most_common())
        return (
            f"{self.equal} runs with {kills} kills; all decisions, results and files as in the undisturbed run\n"
            f"kills, by where the run was then:\n{places}\n"
            f"  with a checkpoint half written, or whole and not in the journal: {self.amid_saving}\n"
            f"  with a clone in the journal that had not started: {self.amid_cloning}\n"
            f"restored at once, while workers could still be there: {self.at_once}\n"
            f"over before they were killed, and begun again or left as they were: {self.too_late}\n"
            "no record was lost, and no process or file was left: that, too, would have ended the sweep"
        )


def _go_on(path: Path) -> None:
    """Restore a run and let it end; that there was nothing left to train need not be told here."""
    with contextlib.redirect_stderr(io.StringIO()):
        digits_script.main(path, ITERATIONS)


def must_begin_with(held: Sequence, known: Sequence) -> None:
    """Raise if the journal does not hold what it held before."""
    assert held[: len(known)] == known, "what was in the journal is not there any more"


def no_orphans(mark: str) -> None:
    """Raise if workers of a killed driver, or what they started, do not end."""
    wait_for(lambda: not marked(mark), "the end of the workers", patience_s=10 * PATIENCE_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=int, help="only the one with this number")
    arguments = parser.parse_args()
    numbers = range(arguments.runs) if arguments.run is None else [arguments.run]
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="poptune_chaos_"))
    sweep = Sweep(folder, arguments.seed)
    for number in numbers:
        sweep.run(number)
        if sweep.equal % 10 == 0:
            print(f"{sweep.equal} runs, {sweep.deaths.total()} kills, {time.monotonic() - began:.0f} s", flush=True)
    print(sweep)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

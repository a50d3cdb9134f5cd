"""The guide's toy run against the bare loop of the same function: what does PopTune add?

The bare loop is the training function itself with its mathematics, its temporary directories and its pickled files, and
a `report` that does nothing. Both are measured in turn, in one process; medians are printed. The guide's population of
four shows what more trials than two cost.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import figure2_guide as guide
from poptune.trainables import session

ALLOWED_START_S = 0.3


class Enough(BaseException):
    """Ends the bare loop, as the stop criterion ends a trial."""


class BareSession:
    """Counts reports and does nothing else."""

    context = session.TrialContext()
    checkpoint = None

    def __init__(self, limit: int) -> None:
        self.left = limit

    def report(self, metrics, checkpoint) -> None:
        self.left -= 1
        if not self.left:
            raise Enough


def bare_loop(trials: int = 2) -> float:
    """Return the seconds that the same training takes without PopTune."""
    began = time.perf_counter()
    for trial in range(trials):
        session.current = BareSession(guide.ITERATIONS)
        config = {"lr": 0.05, "h0": float(trial), "h1": 1.0 - trial, "checkpoint_interval": guide.PERTURBATION_INTERVAL}
        with contextlib.suppress(Enough):
            guide.train_func(config)
    session.current = None
    return time.perf_counter() - began


def whole_fit(executor: str, run=guide.run_pbt) -> float:
    """Return the seconds of a whole `fit()`, worker start included."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run(seed=0, executor=executor, storage_path=folder, verbose=0)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {"bare loop": [], "processes": [], "inline": [], "4 trials": []}
    for _ in range(arguments.repetitions):
        times["bare loop"].append(bare_loop())
        times["processes"].append(whole_fit("processes"))
        times["inline"].append(whole_fit("inline"))
        times["4 trials"].append(whole_fit("processes", guide.run_population_of_4))
    bare = statistics.median(times["bare loop"])
    print(f"2 trials x {guide.ITERATIONS} iterations, medians of {arguments.repetitions} runs")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"  {name:10} {median:6.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})  ratio {median / bare:5.2f}")
    allowed = 2 * bare + ALLOWED_START_S
    verdict = "yes" if statistics.median(times["processes"]) <= allowed else "NO"
    print(f"whole fit() on processes within 2 x bare loop + {ALLOWED_START_S} s ({allowed:.3f} s): {verdict}")
    growth = statistics.median(times["4 trials"]) / statistics.median(times["processes"])
    print(f"4 trials on processes in less than twice the time of 2: {'yes' if growth < 2 else 'NO'} (x{growth:.2f})")


if __name__ == "__main__":
    main()

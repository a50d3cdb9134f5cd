"""What a thousand real trials in this process cost, with their journal, checkpoints and files for other programs."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import poptune as tune
from flood import resident_mb
from poptune.schedulers import PopulationBasedTraining

ROUNDS = 3


class Climber(tune.Trainable):
    """Climbs by its speed."""

    def setup(self, config):
        self.height = 0.0

    def step(self):
        self.height += self.config["speed"]
        return {"height": self.height}

    def save_checkpoint(self, folder):
        return {"height": self.height}

    def load_checkpoint(self, saved):
        self.height = saved["height"]


def fit(trials: int, folder: str) -> tuple[float, tune.ResultGrid]:
    """Return the seconds of a run, and its results."""
    scheduler = PopulationBasedTraining(
        perturbation_interval=1,
        time_attr="training_iteration",
        hyperparam_mutations={"speed": tune.uniform(0.0, 1.0)},
    )
    tuner = tune.Tuner(
        Climber,
        param_space={"speed": tune.uniform(0.0, 1.0)},
        tune_config=tune.TuneConfig(metric="height", mode="max", num_samples=trials, scheduler=scheduler, seed=0),
        run_config=tune.RunConfig(
            executor="inline", storage_path=folder, verbose=0, stop={"training_iteration": ROUNDS}
        ),
    )
    began = time.perf_counter()
    results = tuner.fit()
    return time.perf_counter() - began, results


def measured(trials: int) -> dict[str, float]:
    """Return what a run with so many trials takes."""
    before = resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        seconds, results = fit(trials, folder)
        size = sum(file.stat().st_size for file in Path(results.experiment_path).glob("journal.sqlite*"))
    return {
        "seconds": seconds,
        "ms a report": 1000 * seconds / (trials * ROUNDS),
        "exploits": len(results.exploits),
        "kB of memory a trial": (resident_mb() - before) * 1024 / trials,
        "kB of journal a trial": size / 1024 / trials,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    figures = measured(parser.parse_args().trials)
    for what, figure in figures.items():
        print(f"{what:24} {figure:,.4g}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

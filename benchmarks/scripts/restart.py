"""What an exploit costs when setting up takes a second. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import tempfile
import time

from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

SETUP_S = 1.0
ROUNDS = 10


class Climber(tune.Trainable):
    """Sets up slowly once, and is given its next hyperparameters in place."""

    def setup(self, config):
        time.sleep(SETUP_S)
        self.height = 0.0

    def step(self):
        self.height += self.config["speed"]
        return {"height": self.height}

    def save_checkpoint(self, folder):
        return {"height": self.height}

    def load_checkpoint(self, saved):
        self.height = saved["height"]

    def reset_config(self, config):
        return True


def climb(config):
    time.sleep(SETUP_S)
    checkpoint = tune.get_checkpoint()
    height = 0.0
    if checkpoint:
        with checkpoint.as_directory() as folder, open(f"{folder}/height") as file:
            height = float(file.read())
    while True:
        height += config["speed"]
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/height", "w") as file:
                file.write(repr(height))
            tune.report({"height": height}, checkpoint=tune.Checkpoint.from_directory(folder))


def tuned(trainable, rounds, storage):
    """Two trials, so that each round has one exploit."""
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=1,
        quantile_fraction=0.5,
        hyperparam_mutations={"speed": tune.uniform(0.0, 1.0)},
        synch=True,
    )
    tuner = tune.Tuner(
        trainable,
        param_space={"speed": tune.uniform(0.0, 1.0)},
        tune_config=tune.TuneConfig(
            metric="height", mode="max", num_samples=2, scheduler=scheduler, reuse_actors=trainable is Climber
        ),
        run_config=tune.RunConfig(stop={"training_iteration": rounds + 1}, storage_path=storage, verbose=0),
    )
    began = time.perf_counter()
    tuner.fit()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["function", "class"])
    arguments = parser.parse_args()
    trainable = Climber if arguments.kind == "class" else climb
    with tempfile.TemporaryDirectory() as storage:
        without = tuned(trainable, 0, f"{storage}/without")
        took = tuned(trainable, ROUNDS, f"{storage}/with")
    print(json.dumps({"seconds": took, "per_exploit": (took - without) / ROUNDS}))


if __name__ == "__main__":
    main()

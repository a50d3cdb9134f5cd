"""What an exploit costs when setting up takes a second. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import tempfile
import time

import rounds
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
        return {"height": self.height, "at": time.time()}

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
            tune.report({"height": height, "at": time.time()}, checkpoint=tune.Checkpoint.from_directory(folder))


def tuned(trainable, storage):
    """Return the seconds of an exploit: of two trials, one in each round."""
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
        run_config=tune.RunConfig(stop={"training_iteration": 1 + ROUNDS}, storage_path=storage, verbose=0),
    )
    return rounds.seconds(tuner.fit(), first=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["function", "class"])
    arguments = parser.parse_args()
    trainable = Climber if arguments.kind == "class" else climb
    with tempfile.TemporaryDirectory() as storage:
        print(json.dumps({"seconds": tuned(trainable, storage)}))


if __name__ == "__main__":
    main()

"""An exploit with large weights, saved as files or as a dictionary. Runs under Ray Tune, and unchanged on PopTune.

Two trials exchange their weights in each round. The limit is what cannot be avoided: writing the bytes where they stay,
as many checkpoints of each trial as the run keeps, and reading them again; as files they are written by the training
code first, and then brought to where they stay.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rounds
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

ROUNDS = 8
KEPT = 2  # checkpoints of each trial
FIRST = KEPT + 2  # until then, fewer files are removed than are written


def by_files(config):
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            weights = np.load(os.path.join(folder, "weights.npy"))
    else:
        weights = np.full(config["bytes"] // 8, 0.5)
    while True:
        with tempfile.TemporaryDirectory() as folder:
            np.save(os.path.join(folder, "weights.npy"), weights)
            tune.report(
                {"score": config["speed"], "at": time.time()}, checkpoint=tune.Checkpoint.from_directory(folder)
            )


def by_dictionary(config):
    checkpoint = tune.get_checkpoint()
    weights = checkpoint.to_dict()["weights"] if checkpoint else np.full(config["bytes"] // 8, 0.5)
    while True:
        tune.report(
            {"score": config["speed"], "at": time.time()}, checkpoint=tune.Checkpoint.from_dict({"weights": weights})
        )


def tuned(train, size, storage):
    """Return the seconds of a round of a run."""
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=1,
        quantile_fraction=0.5,
        hyperparam_mutations={"speed": tune.uniform(0.0, 1.0)},
        synch=True,
    )
    tuner = tune.Tuner(
        train,
        param_space={"speed": tune.uniform(0.0, 1.0), "bytes": size},
        tune_config=tune.TuneConfig(metric="score", mode="max", num_samples=2, scheduler=scheduler),
        run_config=tune.RunConfig(
            stop={"training_iteration": FIRST + ROUNDS},
            storage_path=storage,
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(num_to_keep=KEPT),
        ),
    )
    return rounds.seconds(tuner.fit(), FIRST)


class Bare:
    """A trial without anything around it: it writes its weights, keeps as many files as the run, and reads again.

    Args:
        form: "files": the training code writes them first, and then they are written to where they stay.
        size: Bytes of the weights.
        folder: Where they stay.
    """

    def __init__(self, form, size, folder):
        self.weights = np.full(size // 8, 0.5)
        self.form, self.folder = form, folder
        self.files = []

    def save(self):
        if self.form == "files":
            with tempfile.TemporaryDirectory() as folder:
                np.save(f"{folder}/weights.npy", self.weights)
                self.write()
        else:
            self.write()

    def write(self):
        self.files.append(f"{self.folder}/{id(self)}_{len(self.files)}.npy")
        np.save(self.files[-1], self.weights)
        for file in self.files[-KEPT - 1 : -KEPT]:
            os.remove(file)

    def load(self, file):
        self.weights = None
        self.weights = np.load(file)


def bare(form, size):
    """Return the seconds of a round that nobody can avoid: one trial loads what the other saved, then both save."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        trials = [Bare(form, size, folder), Bare(form, size, folder)]
        list(pool.map(Bare.save, trials))
        for number in range(1, FIRST + ROUNDS):
            if number == FIRST:
                began = time.perf_counter()
            trials[1].load(trials[0].files[-1])
            list(pool.map(Bare.save, trials))
        return (time.perf_counter() - began) / ROUNDS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=["files", "dictionary"])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--bare", action="store_true")
    arguments = parser.parse_args()
    size = arguments.megabytes << 20
    if arguments.bare:
        print(json.dumps({"seconds": bare(arguments.form, size)}))
        return
    train = by_files if arguments.form == "files" else by_dictionary
    with tempfile.TemporaryDirectory() as storage:
        print(json.dumps({"seconds": tuned(train, size, storage)}))


if __name__ == "__main__":
    main()

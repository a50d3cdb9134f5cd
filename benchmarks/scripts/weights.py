"""An exploit with large weights, saved as files or as a dictionary. Runs under Ray Tune, and unchanged on PopTune.

Two trials exchange their weights in each round. The limit is what cannot be avoided: writing the bytes where they stay
and reading them again; as files they are written by the training code first, and then brought to where they stay.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

ROUNDS = 4


def by_files(config):
    weights = np.zeros(config["bytes"] // 8)
    step = 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            weights = np.load(os.path.join(folder, "weights.npy"))
    while True:
        step += 1
        with tempfile.TemporaryDirectory() as folder:
            np.save(os.path.join(folder, "weights.npy"), weights)
            tune.report({"score": config["speed"]}, checkpoint=tune.Checkpoint.from_directory(folder))


def by_dictionary(config):
    weights = np.zeros(config["bytes"] // 8)
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        weights = checkpoint.to_dict()["weights"]
    while True:
        tune.report({"score": config["speed"]}, checkpoint=tune.Checkpoint.from_dict({"weights": weights}))


def tuned(train, size, rounds, storage):
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
            stop={"training_iteration": rounds + 1},
            storage_path=storage,
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
        ),
    )
    began = time.perf_counter()
    tuner.fit()
    return time.perf_counter() - began


def bare(form, size):
    """Return the seconds of a round that nobody can avoid: two trials save at once, then one loads."""
    weights = np.zeros(size // 8)

    def save(folder):
        for place in range(2 if form == "files" else 1):
            np.save(f"{folder}/{place}.npy", weights)

    taken = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other, ThreadPoolExecutor() as pool:
            began = time.perf_counter()
            list(pool.map(save, [one, other]))
            np.load(f"{one}/0.npy")
            taken.append(time.perf_counter() - began)
    return sum(taken) / len(taken)


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
        without = tuned(train, size, 0, f"{storage}/without")
        took = tuned(train, size, ROUNDS, f"{storage}/with")
    print(json.dumps({"seconds": took, "per_round": (took - without) / ROUNDS}))


if __name__ == "__main__":
    main()

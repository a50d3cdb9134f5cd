"""The toy of Ray's visual guide to PBT, with 2 or more trials. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tempfile
import time

import numpy as np
from bare import seconds
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

ITERATIONS = 100
INTERVAL = 4


def train(config):
    h = np.array([config["h0"], config["h1"]], dtype=float)
    theta, step = np.array([0.9, 0.9]), 1
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder, open(os.path.join(folder, "checkpoint.pkl"), "rb") as file:
            saved = pickle.load(file)
        theta, step = saved["theta"], saved["step"] + 1
    while True:
        slope = -2 * h * theta
        slope[0] *= 3 / 4
        theta = theta + config["lr"] * slope
        metrics = {"Q": 1.2 - (3 / 4 * theta[0] ** 2 + theta[1] ** 2), "theta0": theta[0], "theta1": theta[1]}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if step % INTERVAL == 0:
                with open(os.path.join(folder, "checkpoint.pkl"), "wb") as file:
                    pickle.dump({"theta": theta, "step": step}, file)
                checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report(metrics, checkpoint=checkpoint)
        step += 1


def tuned(trials, synch, storage):
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=INTERVAL,
        metric="Q",
        mode="max",
        quantile_fraction=0.5,
        resample_probability=0.5,
        hyperparam_mutations={
            "lr": tune.qloguniform(5e-3, 1e-1, 5e-4),
            "h0": tune.uniform(0.0, 1.0),
            "h1": tune.uniform(0.0, 1.0),
        },
        synch=synch,
    )
    tuner = tune.Tuner(
        train,
        param_space={
            "lr": 0.05,
            "h0": tune.grid_search([trial / (trials - 1) for trial in range(trials)]),
            "h1": tune.sample_from(lambda config: 1.0 - config["h0"]),
        },
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=tune.RunConfig(stop={"training_iteration": ITERATIONS}, storage_path=storage, verbose=0),
    )
    began = time.perf_counter()
    results = tuner.fit()
    return {
        "seconds": time.perf_counter() - began,
        "best": max(result.metrics["Q"] for result in results),
        "rows": sum(len(result.metrics_dataframe) for result in results),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--asynchronous", action="store_true")
    parser.add_argument("--bare", action="store_true")
    arguments = parser.parse_args()
    if arguments.bare:
        h0s = [trial / (arguments.trials - 1) for trial in range(arguments.trials)]
        found = {"seconds": sum(seconds(train, [{"lr": 0.05, "h0": h0, "h1": 1 - h0} for h0 in h0s], ITERATIONS))}
    else:
        found = tuned(arguments.trials, not arguments.asynchronous, tempfile.mkdtemp())
    print(json.dumps(found))


if __name__ == "__main__":
    main()

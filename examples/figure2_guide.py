"""The toy of Figure 2 of the PBT paper (Jaderberg et al. 2017), as Ray's visual guide to PBT trains it.

Wanted is the maximum of `Q(theta) = 1.2 - (3/4 theta0^2 + theta1^2)`, but training climbs an estimate of it in which
the hyperparameters `h0` and `h1` weigh the two terms. With h = [1, 0] training never sees theta1, with h = [0, 1]
never theta0, so on its own neither reaches 1.2. A population that exchanges weights does.

Three experiments, 100 steps each: PBT with two trials, the same two trials without PBT, and PBT with four.

    python examples/figure2_guide.py --seed 0
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
from itertools import groupby

import numpy as np

import poptune as tune
from poptune.schedulers import PopulationBasedTraining

BEST_Q = 1.2
ITERATIONS = 100
PERTURBATION_INTERVAL = 4


def get_init_theta():
    return np.array([0.9, 0.9])


def Q(theta):
    """What is wanted: 1.2 at best, at theta = [0, 0]."""
    return BEST_Q - (3 / 4 * theta[0] ** 2 + theta[1] ** 2)


def grad_Qhat(theta, h):
    """The slope that training sees: each h scales the slope of its term."""
    slope = -2 * h * theta
    slope[0] *= 3 / 4
    return slope


def train_func(config):
    h = np.array([config["h0"], config["h1"]], dtype=float)
    lr = config["lr"]
    checkpoint_interval = config.get("checkpoint_interval", 1)
    theta, train_step = get_init_theta(), 1

    # The trial's own checkpoint, or that of the trial which PBT lets it continue from.
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder, open(os.path.join(folder, "checkpoint.pkl"), "rb") as file:
            saved = pickle.load(file)
        theta, train_step = saved["theta"], saved["train_step"] + 1

    while True:  # the stop criterion of the run ends it
        theta = theta + lr * grad_Qhat(theta, h)
        result = {
            "Q": Q(theta),
            "theta0": theta[0],
            "theta1": theta[1],
            "h0": config["h0"],
            "h1": config["h1"],
            "train_step": train_step,
        }
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if train_step % checkpoint_interval == 0:
                with open(os.path.join(folder, "checkpoint.pkl"), "wb") as file:
                    pickle.dump({"h": h, "train_step": train_step, "theta": theta}, file)
                checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report(result, checkpoint=checkpoint)
        train_step += 1


def pbt_scheduler(metric=None, mode=None):
    """Synchronous, so that every fourth step the worse half takes over from the better half."""
    return PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=PERTURBATION_INTERVAL,
        metric=metric,
        mode=mode,
        quantile_fraction=0.5,
        resample_probability=0.5,
        hyperparam_mutations={
            "lr": tune.qloguniform(5e-3, 1e-1, 5e-4),
            "h0": tune.uniform(0.0, 1.0),
            "h1": tune.uniform(0.0, 1.0),
        },
        synch=True,
    )


def run_pbt(seed=None, **run):
    """Two trials, h = [0, 1] and h = [1, 0]. Here and below, `run` holds arguments for `tune.RunConfig`."""
    tuner = tune.Tuner(
        train_func,
        param_space={
            "lr": 0.05,
            "h0": tune.grid_search([0.0, 1.0]),
            "h1": tune.sample_from(lambda spec: 1.0 - spec.config["h0"]),
            "num_training_iterations": ITERATIONS,
            "checkpoint_interval": PERTURBATION_INTERVAL,  # so that every decision finds fresh weights
        },
        tune_config=tune.TuneConfig(scheduler=pbt_scheduler("Q", "max"), num_samples=1, seed=seed),
        run_config=run_config(**run),
    )
    return tuner.fit()


def run_grid(seed=None, **run):
    """The same two trials, each on its own with fixed hyperparameters."""
    tuner = tune.Tuner(
        train_func,
        param_space={
            "lr": tune.qloguniform(1e-2, 1e-1, 5e-3),
            "h0": tune.grid_search([0.0, 1.0]),
            "h1": tune.sample_from(lambda spec: 1.0 - spec.config["h0"]),
        },
        tune_config=tune.TuneConfig(metric="Q", mode="max", num_samples=1, seed=seed),
        run_config=run_config(**run),
    )
    return tuner.fit()


def run_population_of_4(seed=None, **run):
    """Four trials: a loser now takes over from either of two winners."""
    tuner = tune.Tuner(
        train_func,
        param_space={
            "lr": tune.qloguniform(5e-3, 1e-1, 5e-4),
            "h0": tune.grid_search([0.0, 1.0, 0.01, 0.99]),
            "h1": tune.sample_from(lambda spec: 1.0 - spec.config["h0"]),
            "num_training_iterations": ITERATIONS,
            "checkpoint_interval": PERTURBATION_INTERVAL,
        },
        tune_config=tune.TuneConfig(metric="Q", mode="max", scheduler=pbt_scheduler(), num_samples=1, seed=seed),
        run_config=run_config(**run),
    )
    return tuner.fit()


def run_config(**run):
    settings = {
        "stop": {"training_iteration": ITERATIONS},
        "failure_config": tune.FailureConfig(max_failures=3),
        **run,
    }
    return tune.RunConfig(**settings)


EXPERIMENTS = {
    "PBT, 2 trials": run_pbt,
    "Grid search, 2 trials": run_grid,
    "PBT, 4 trials": run_population_of_4,
}


def show(title, results):
    best = results.get_best_result()
    print(f"{title}: {len(results.exploits)} perturbations in {results.experiment_path}")
    for result in results:
        mark = "  <- best" if result is best else ""
        q = result.metrics["Q"]
        print(f"  {result.trial_id}  Q = {q:.6f}, {BEST_Q - q:.0e} below the maximum{mark}")
    for error in results.errors:
        print(f"  {error}")
    print(f"  the weights of the best were trained by: {ancestry(best.lineage)}")
    print("  with:")
    print("\n".join(f"    {line}" for line in str(best.schedule).splitlines()), end="\n\n")


def ancestry(lineage):
    """Return who trained which iterations, as `...01 (1-8), ...00 (9-100)`."""
    stretches = (list(segments) for _, segments in groupby(lineage, key=lambda segment: segment.trial))
    return ", ".join(f"...{own[0].trial[-2:]} ({own[0].first}-{own[-1].last})" for own in stretches)


def main():
    parser = argparse.ArgumentParser(description="PBT on the toy of Figure 2 of the paper.")
    parser.add_argument("--executor", choices=["processes", "inline"], default="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", default="poptune_results", help="directory for the runs")
    arguments = parser.parse_args()
    for title, experiment in EXPERIMENTS.items():
        results = experiment(
            seed=arguments.seed, executor=arguments.executor, storage_path=arguments.storage, verbose=0
        )
        show(title, results)


if __name__ == "__main__":
    main()

"""The toy of Figure 2 of the PBT paper (Jaderberg et al. 2017), as Ray's visual guide to PBT trains it.

Wanted is the maximum of `Q(theta) = 1.2 - (3/4 theta0^2 + theta1^2)`, but training climbs an estimate of it in which
the hyperparameters `h0` and `h1` weigh the two terms. With h = [1, 0] training never sees theta1, with h = [0, 1]
never theta0, so on its own neither reaches 1.2. A population that exchanges weights does.

Three experiments, 100 steps each: PBT with two trials, the same two trials without PBT, and PBT with four. Each draws
its parameters and its Q into the directory of its run, with `pbt_visualization_utils.py` beside this file; both runs
with PBT also as an animation.

    python examples/figure2_guide.py --seed 0
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import tempfile
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np

import poptune as tune
from pbt_visualization_utils import get_init_theta, make_animation, plot_parameter_history, plot_Q_history
from poptune.schedulers import PopulationBasedTraining

BEST_Q = 1.2
ITERATIONS = 100
PERTURBATION_INTERVAL = 4
COLORS = ["#c8382d", "#1f4e79", "#e39c12", "#2a8f5c"]


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
ANIMATIONS = {"PBT, 2 trials": "pbt.gif", "PBT, 4 trials": "pbt4.gif"}


# What came out


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
    print("\n".join(f"    {line}" for line in str(best.schedule).splitlines()))


def ancestry(lineage):
    """Return who trained which iterations, as `...01 (1-8), ...00 (9-100)`."""
    stretches = (list(segments) for _, segments in groupby(lineage, key=lambda segment: segment.trial))
    return ", ".join(f"...{own[0].trial[-2:]} ({own[0].first}-{own[-1].last})" for own in stretches)


def plot(title, results):
    """Draw parameters and Q side by side, and the animation if there is to be one."""
    from matplotlib.figure import Figure

    colors = COLORS[: len(results)]
    first = [result.rows[0] for result in results]
    labels = [f"from h = [{row['h0']:g}, {row['h1']:g}]" for row in first]
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    plot_parameter_history(results, colors, labels, PERTURBATION_INTERVAL, fig=figure, ax=left)
    plot_Q_history(results, colors, labels, ax=right)
    figure.suptitle(title)
    folder = Path(results.experiment_path)
    figure.savefig(folder / "history.png")
    print(f"  plot: {folder / 'history.png'}")
    if title in ANIMATIONS:
        file = folder / ANIMATIONS[title]
        make_animation(results, colors, labels, PERTURBATION_INTERVAL, filename=file)
        print(f"  animation: {file}")


def check(two, grid, four):
    """Return the claims that do not hold."""
    every_iteration = list(range(1, ITERATIONS + 1))
    claims = {
        "PBT with 2 trials gets above 1.19": final(two) > 1.19,
        "PBT with 4 trials gets above 1.19": final(four) > 1.19,
        "without PBT the best ends between 0.39 and 0.6": 0.39 < final(grid) < 0.6,
        "each trial has one row per iteration": all(
            [row["training_iteration"] for row in result.rows] == every_iteration
            for results in (two, grid, four)
            for result in results
        ),
    }
    return [claim for claim, holds in claims.items() if not holds]


def final(results):
    return results.get_best_result().metrics["Q"]


def main():
    parser = argparse.ArgumentParser(description="PBT on the toy of Figure 2 of the paper.")
    parser.add_argument("--smoke", action="store_true", help="accepted as in the other examples; this one is small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", default="poptune_results", help="directory for the runs")
    parser.add_argument("--executor", choices=["processes", "inline", "ray"], default="processes")
    arguments = parser.parse_args()
    options = {"seed": arguments.seed, "executor": arguments.executor, "storage_path": arguments.storage, "verbose": 0}
    can_draw = all(find_spec(package) for package in ("matplotlib", "pandas", "PIL"))
    outcomes = {}
    for title, experiment in EXPERIMENTS.items():
        outcomes[title] = experiment(**options)
        show(title, outcomes[title])
        if can_draw:
            plot(title, outcomes[title])
        print()
    if not can_draw:
        print('For plots: pip install "poptune[plots]"')
    if failed := check(*outcomes.values()):
        sys.exit(f"Does not hold with seed {arguments.seed}: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()

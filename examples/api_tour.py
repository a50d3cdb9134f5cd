"""The kinds of mutation that `hyperparam_mutations` takes, and what each does to a value.

A clone takes over the hyperparameters of its donor, and each of them is either drawn anew or perturbed. How it is
perturbed depends on how it is written down: as a function, as `tune.uniform(...)` or another domain, as a list, or as
`tune.choice(...)`. The first two tables show both over many draws: as PopTune does it, where a value never leaves its
domain, and with `bounds="ray"`, Ray Tune's arithmetic. Then a run uses all four.

    python examples/api_tour.py --seed 0
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter

import numpy as np

import poptune as tune
from poptune.core.explore import explore
from poptune.schedulers import PopulationBasedTraining

LOW, HIGH = 0.0, 20.0
POWERS = [1, 10, 100, 1000, 10000]
MUTATIONS = {
    "factor_1": lambda: random.uniform(LOW, HIGH),
    "factor_2": tune.uniform(LOW, HIGH),
    "factor_3": POWERS,
    "factor_4": tune.choice(POWERS),
}
WRITTEN = {  # as a person writes them, for the tables
    "factor_1": "lambda: random.uniform(0, 20)",
    "factor_2": "tune.uniform(0, 20)",
    "factor_3": "[1, 10, 100, 1000, 10000]",
    "factor_4": "tune.choice([1, 10, ...])",
}
DONOR = {"factor_1": 18.0, "factor_2": 18.0, "factor_3": 100, "factor_4": 100}
RESAMPLE_PROBABILITY = 0.25
DRAWS = 1000
INTERVAL = 10


# What exploring does to a value


def draw(bounds, seed):
    """Return, for each hyperparameter, how often exploring did what, and every new value that it gave."""
    rng = np.random.default_rng(seed)
    drawn = {name: [] for name in MUTATIONS}
    for _ in range(DRAWS):
        _, operations = explore(DONOR, MUTATIONS, rng, resample_probability=RESAMPLE_PROBABILITY, bounds=bounds)
        for operation in operations:
            drawn[operation.key].append((operation.label, operation.new))
    return drawn


def show(bounds, drawn):
    print(f'Exploring {DRAWS} times with bounds="{bounds}":')
    for name, steps in drawn.items():
        print(f"  {name}: {WRITTEN[name]}, now {DONOR[name]}")
        for label, count in sorted(Counter(label for label, _ in steps).items()):
            values = sorted({value for of, value in steps if of == label})
            print(f"    {label:<12} {count / DRAWS:4.0%}  {in_words(values)}")
    print()


def in_words(values):
    if len(values) <= len(POWERS):
        return " or ".join(f"{value:g}" for value in values)
    return f"between {values[0]:.1f} and {values[-1]:.1f}"


# A run with all four


def trainable(config):
    """Learn a little in each iteration: most with both small factors near 10, and the large ones at 1000."""
    reward = 0.0
    if checkpoint := tune.get_checkpoint():
        reward = checkpoint.to_dict()["reward"]
    while True:  # the stop criterion of the run ends it
        small = sum(1 - abs(config[name] - 10) / 10 for name in ("factor_1", "factor_2"))
        large = sum(1 - abs(np.log10(config[name]) - 3) / 3 for name in ("factor_3", "factor_4"))
        reward += 0.1 * (100 * (small + large) / 4 - reward)
        tune.report({"episode_reward_mean": reward}, checkpoint=tune.Checkpoint.from_dict({"reward": reward}))


def run(iterations, seed, **run_options):
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="episode_reward_mean",
        mode="max",
        perturbation_interval=INTERVAL,
        resample_probability=RESAMPLE_PROBABILITY,
        hyperparam_mutations=MUTATIONS,  # they also draw the first values: there is no param_space
        synch=True,
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=8, seed=seed),
        run_config=tune.RunConfig(stop={"training_iteration": iterations}, verbose=0, **run_options),
    )
    return tuner.fit()


def check(default, ray, results):
    """Return the claims that do not hold."""
    configs = [exploit.config for exploit in results.exploits]
    around = {10, 1000}
    claims = {
        "a domain keeps its values": all(LOW <= value <= HIGH for _, value in default["factor_2"]),
        "Ray's arithmetic leaves the domain": max(value for _, value in ray["factor_2"]) > HIGH,
        "a function has no bounds": max(value for _, value in default["factor_1"]) > HIGH,
        "a list moves to a neighbour": {v for label, v in default["factor_3"] if label != "resample"} == around,
        "so does a choice of numbers": {v for label, v in default["factor_4"] if label != "resample"} == around,
        "Ray scales a choice": {v for label, v in ray["factor_4"] if label != "resample"} == {80, 120},
        "the run explores": len(configs) > 0,
        "the run's values stay in their domains": all(
            LOW <= config["factor_2"] <= HIGH and config["factor_3"] in POWERS and config["factor_4"] in POWERS
            for config in configs
        ),
        "a schedule has changed on the way": any(len(result.schedule) > 1 for result in results),
    }
    return [claim for claim, holds in claims.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description="What each kind of mutation does to a value, then a run with all.")
    parser.add_argument("--smoke", action="store_true", help="a shorter run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", default="poptune_results", help="directory for the run")
    parser.add_argument("--executor", choices=["processes", "inline", "ray"], default="processes")
    arguments = parser.parse_args()
    default, ray = draw("domain", arguments.seed), draw("ray", arguments.seed)
    show("domain", default)
    show("ray", ray)
    iterations = 40 if arguments.smoke else 100
    results = run(iterations, arguments.seed, storage_path=arguments.storage, executor=arguments.executor)
    best = results.get_best_result()
    print(f"A run of {len(results)} trials: reward {best.metrics['episode_reward_mean']:.1f}, with this schedule:")
    print(best.schedule)
    if failed := check(default, ray, results):
        sys.exit(f"Does not hold with seed {arguments.seed}: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()

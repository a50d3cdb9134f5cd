"""Which configs the trials of a run begin with."""

from __future__ import annotations

import random

import numpy as np
import pytest

import poptune as tune
from poptune.core.events import TrialAdded
from runs import decisions, events, pbt


def tell(config):
    return {"height": 1.0}


def first_configs(fit, space, **options):
    """Return the configs of a run's trials before anything was varied."""
    return [added.config for added in events(fit(tell, space, **options), TrialAdded)]


MUTATIONS = {
    "lr": tune.uniform(2.0, 3.0),
    "swapped": tune.uniform(1e-2, 1e-5),
    "depth": [4, 8],
    "width": (16, 32),
    "seed": lambda: random.randint(100, 200),
    "model": {"dropout": tune.uniform(0.5, 0.75), "head": {"act": ["relu"]}},
}


def is_drawn(config):
    return (
        2.0 <= config["lr"] <= 3.0
        and 1e-5 <= config["swapped"] <= 1e-2
        and config["depth"] in (4, 8)
        and config["width"] in (16, 32)
        and 100 <= config["seed"] <= 200
        and 0.5 <= config["model"]["dropout"] <= 0.75
        and config["model"]["head"] == {"act": "relu"}
    )


def test_what_only_the_mutations_name_is_drawn_from_them(fit):
    configs = first_configs(fit, {"data": "digits"}, num_samples=4, scheduler=pbt(hyperparam_mutations=MUTATIONS))
    assert all(is_drawn(config) and config["data"] == "digits" for config in configs)
    assert len({config["lr"] for config in configs}) == 4
    assert len({config["model"]["dropout"] for config in configs}) == 4


def test_what_the_search_space_gives_is_kept_although_the_mutations_would_draw_something_else(fit):
    given = {"lr": 0.5, "swapped": 7.0, "depth": 5, "width": 5, "seed": 1, "model": {"dropout": 0, "head": {"act": ""}}}
    assert first_configs(fit, given, scheduler=pbt(hyperparam_mutations=MUTATIONS)) == [given]


def test_of_a_nested_dictionary_only_the_missing_leaves_are_drawn(fit):
    space = {"lr": 0.5, "model": {"head": {"bias": True}}}
    (config,) = first_configs(fit, space, scheduler=pbt(hyperparam_mutations=MUTATIONS))
    assert (config["lr"], config["model"]["head"]) == (0.5, {"bias": True, "act": "relu"})
    assert 0.5 <= config["model"]["dropout"] <= 0.75
    assert space == {"lr": 0.5, "model": {"head": {"bias": True}}}


@pytest.mark.parametrize(
    "other",
    [lambda spec: 1.0 - spec.config["h0"], lambda spec: 1.0 - spec.config.h0, lambda config: 1.0 - config["h0"]],
    ids=["spec", "spec attribute", "config"],
)
def test_a_computed_value_follows_the_grid(fit, other):
    space = {"h0": tune.grid_search([0.0, 1.0]), "h1": tune.sample_from(other)}
    assert first_configs(fit, space, num_samples=1) == [{"h0": 0.0, "h1": 1.0}, {"h0": 1.0, "h1": 0.0}]


NESTED = {
    "layers": [tune.randint(8, 64), {"act": tune.grid_search(["relu", "tanh"])}],
    "betas": (tune.uniform(0.5, 0.75), 0.999),
    "optimizer": tune.choice([{"momentum": tune.uniform(0.0, 1.0)}, {"warmup": tune.randint(1, 10)}]),
}


def test_trials_get_values_where_the_space_has_distributions_in_lists_tuples_and_choices(fit):
    def train(config):
        first, second = config["betas"]
        (optimizer,) = config["optimizer"].values()
        return {"height": sum((config["layers"][0], first, second, optimizer))}

    results = fit(train, NESTED, num_samples=2)
    assert not results.errors
    assert [result.config["layers"][1]["act"] for result in results] == ["relu", "tanh"] * 2
    assert all(8 <= result.config["layers"][0] < 64 and 0.5 <= result.config["betas"][0] <= 0.75 for result in results)
    assert all(result.config["betas"][1:] == (0.999,) for result in results)


def relu(x):
    return max(x, 0)


def test_a_run_with_functions_to_choose_from_has_the_same_tags_in_every_process(fit):
    results = fit(tell, {"act": tune.grid_search([relu, dict])})
    assert [added.tag for added in events(results, TrialAdded)] == ["0_act=relu", "1_act=dict"]


def test_callbacks_are_told_what_was_chosen_in_a_list(fit):
    told = {}

    class Look(tune.Callback):
        def on_trial_result(self, iteration, trials, trial, result, **info):
            told.update(trial.evaluated_params)

    fit(tell, {"layers": [16, tune.choice([32])]}, callbacks=[Look()])
    assert told == {"layers/1": 32}


SPACE = {
    "lr": tune.loguniform(1e-4, 1e-1),
    "act": tune.choice(["relu", "tanh", "elu"]),
    "noise": tune.sample_from(lambda: random.random() + np.random.random()),
}
DRAWN = {"lr": tune.uniform(0, 1), "depth": tune.randint(1, 1000), "momentum": lambda: np.random.uniform()}


def test_a_seed_gives_the_same_first_configs_on_every_run(fit):
    def configs(seed):
        random.random(), np.random.random()  # whatever else the program draws
        scheduler = pbt(hyperparam_mutations=DRAWN)
        return first_configs(fit, SPACE, num_samples=4, scheduler=scheduler, seed=seed)

    assert configs(3) == configs(3)
    assert configs(3) != configs(4)
    assert len({config["depth"] for config in configs(3)}) > 1


# Metric and mode


def climb(config):
    height = 0.0
    if checkpoint := tune.get_checkpoint():
        height = checkpoint.to_dict()["height"]
    while True:
        height += config["speed"]
        saved = tune.Checkpoint.from_dict({"height": height})
        tune.report({"height": height, "depth": -height}, checkpoint=saved)


@pytest.mark.parametrize("metric_from", ["scheduler", "config"])
@pytest.mark.parametrize("mode_from", ["scheduler", "config"])
def test_a_run_ranks_the_same_wherever_metric_and_mode_are_given(fit, metric_from, mode_from):
    own = {
        "metric": "depth" if metric_from == "scheduler" else None,
        "mode": "min" if mode_from == "scheduler" else None,
    }
    given = {"metric": None if own["metric"] else "depth", "mode": None if own["mode"] else "min"}

    def run(scheduler, **options):
        space = {"speed": tune.grid_search([1.0, 2.0, 3.0])}
        return decisions(fit(climb, space, scheduler=scheduler, stop={"training_iteration": 6}, **options))

    reference = run(pbt(metric="height", mode="max"))
    assert len(reference) == 2
    assert run(pbt(**own), **given) == reference


def test_without_metric_and_mode_nothing_trains(tmp_path):
    def train(config):
        (tmp_path / "trained").touch()
        return {"height": 1.0}

    for metric, mode in ((None, None), ("height", None)):
        with pytest.raises(ValueError, match="PopulationBasedTraining needs"):
            tune.Tuner(
                train,
                tune_config=tune.TuneConfig(metric=metric, mode=mode, scheduler=pbt(metric=None, mode=None)),
                run_config=tune.RunConfig(storage_path=tmp_path / "runs", executor="inline", verbose=0),
            ).fit()
    assert list(tmp_path.iterdir()) == []

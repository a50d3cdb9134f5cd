"""The four panels of the paper's figure 2 in whole runs: what exploring and exploiting do alone, and together."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import poptune as tune
from poptune.schedulers import PopulationBasedTraining, or_stay, stay, truncation

SEED = 2  # the first place is won by a hair, not with every seed: the mean over seeds stands in test_plug_points.py
EXAMPLE = Path(__file__).parents[2] / "examples" / "figure2_study.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("figure2_study", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def panels(study, tmp_path_factory):
    where = {"storage_path": tmp_path_factory.mktemp("study"), "executor": "inline"}
    return {name: study.run(rules, SEED, **where) for name, rules in study.PANELS.items()}


def test_the_four_panels_come_in_the_published_order(study, panels):
    q = {name: study.final(results) for name, results in panels.items()}
    assert q["pbt"] > q["exploit only"] > q["explore only"] > q["grid"]
    assert q["grid"] == pytest.approx(0.390, abs=1e-3)
    assert q["exploit only"] == pytest.approx(1.172, abs=1e-2)


def settings_of(result):
    return {(row["config/h0"], row["config/h1"]) for row in result.rows}


def test_explore_only_copies_no_weights_and_exploit_only_moves_no_hyperparameter(panels):
    copied = {name: [e.donor != e.trial for e in results.exploits] for name, results in panels.items()}
    assert not any(copied["explore only"])
    assert any(copied["exploit only"])
    assert any(copied["pbt"])
    assert copied["grid"] == []
    moved = {name: max(len(settings_of(result)) for result in results) for name, results in panels.items()}
    assert moved["grid"] == moved["exploit only"] == 1
    assert min(moved["pbt"], moved["explore only"]) > 20


def test_exploit_only_may_also_copy_hyperparameters_as_they_are(fit, study):
    """In Ray Tune's own words: factors of one, and nothing resampled."""
    scheduler = PopulationBasedTraining(
        "training_iteration",
        perturbation_interval=5,
        hyperparam_mutations={"h0": tune.uniform(0, 1), "h1": tune.uniform(0, 1)},
        quantile_fraction=0.5,
        resample_probability=0,
        perturbation_factors=(1, 1),
        synch=True,
    )
    space = {"h0": tune.grid_search([0.9, 0.1]), "h1": tune.sample_from(lambda config: config["h0"] / 2)}
    results = fit(study.climb, space, metric="Q", mode="max", scheduler=scheduler, stop={"training_iteration": 20})
    assert results.exploits
    assert [result.config for result in results] == [{"h0": 0.9, "h1": 0.45}] * 2


@pytest.mark.parametrize(
    ("rules", "copies", "moves"),
    [
        ({"exploit": or_stay(truncation(0.5)), "explore": None}, True, True),
        ({"exploit": stay(), "explore": None}, False, True),
        ({"exploit": truncation(0.5), "explore": lambda config, rng: config}, True, False),
    ],
    ids=["both", "explore only", "exploit weights only"],
)
def test_the_ready_made_rules_say_which_half_is_on(fit, study, rules, copies, moves):
    varied = {"hyperparam_mutations": {"h0": tune.uniform(0, 1), "h1": tune.uniform(0, 1)}}
    scheduler = PopulationBasedTraining(
        "training_iteration", perturbation_interval=5, private=["h0", "h1"], synch=True, **varied, **rules
    )
    space = {"h0": tune.grid_search([0.9, 0.1]), "h1": tune.sample_from(lambda config: 1 - config["h0"])}
    results = fit(study.climb, space, metric="Q", mode="max", scheduler=scheduler, stop={"training_iteration": 40})
    assert any(exploit.donor != exploit.trial for exploit in results.exploits) == copies
    assert any(len(settings_of(result)) > 1 for result in results) == moves

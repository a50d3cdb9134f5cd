"""A scheduler's settings outlive it in a file; it has no other state."""

from __future__ import annotations

import json

import numpy as np
import pytest

import poptune as tune
from poptune.errors import StorageError, UsageError
from poptune.schedulers import FIFOScheduler, PopulationBasedTraining, binary_tournament, or_stay, stay, truncation
from story import Story

MUTATIONS = {
    "lr": tune.loguniform(1e-4, 1e-1),
    "momentum": tune.quniform(0, 1, 0.1),
    "width": tune.qrandint(8, 64, 8),
    "noise": tune.randn(0, 0.5),
    "net": {"act": tune.choice(["relu", None, ("gelu", 2)]), "depth": [1, 2, 4], "size": ((3, 3), (5, 5))},
    "limit": [1.0, float("inf")],
}
ARGUMENTS = [
    *("time_attr", "metric", "mode", "perturbation_interval", "burn_in_period", "hyperparam_mutations"),
    *("quantile_fraction", "resample_probability", "perturbation_factors", "custom_explore_fn", "log_config"),
    *("require_attrs", "synch", "bounds", "exploit", "explore", "private"),
]


def settings(scheduler):
    return {name: getattr(scheduler, name) for name in ARGUMENTS}


def double(config):
    return {**config, "lr": 2 * config["lr"]}


def test_all_settings_come_back_domains_included(tmp_path):
    scheduler = PopulationBasedTraining(
        *("epoch", "loss", "min", np.float64(2.5), 3),
        hyperparam_mutations=MUTATIONS,
        quantile_fraction=0.2,
        perturbation_factors=(2, 0.5),
        synch=True,
        bounds="ray",
        private=["net/depth"],
    )
    scheduler.save(tmp_path / "pbt.json")
    restored = PopulationBasedTraining(hyperparam_mutations={"other": [1]})
    restored.restore(str(tmp_path / "pbt.json"))
    assert settings(restored) == settings(scheduler)
    assert restored.objective == scheduler.objective
    restored.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "pbt.json").read_text()


def test_a_restored_scheduler_decides_what_the_saved_one_decides(tmp_path):
    told = []
    for restores in (False, True):
        story = Story("abcd", seed=3, synch=True, quantile_fraction=0.25)
        if restores:
            other = PopulationBasedTraining(hyperparam_mutations={"other": [1]})
            story.scheduler.save(tmp_path / "pbt.json")
            other.restore(tmp_path / "pbt.json")
            story.scheduler = other
        story.all_report(10, {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0})
        told.append(story.decisions)
    assert told[0] == told[1]


def test_functions_are_those_of_the_scheduler_that_restores(tmp_path):
    given = {"custom_explore_fn": double, "exploit": stay(), "hyperparam_mutations": {"net": {"lr": lambda: 0.1}}}
    PopulationBasedTraining(**given, synch=True).save(tmp_path / "pbt.json")
    assert json.loads((tmp_path / "pbt.json").read_text())["settings"]["custom_explore_fn"]["name"] == "double"
    restored = PopulationBasedTraining(**given)
    restored.restore(tmp_path / "pbt.json")
    assert restored.synch
    assert (restored.custom_explore_fn, restored.exploit) == (double, given["exploit"])
    assert restored.hyperparam_mutations == given["hyperparam_mutations"]


@pytest.mark.parametrize("rule", [stay(), truncation(0.2), binary_tournament(), or_stay(or_stay(truncation(0.5)))])
def test_ready_made_rules_come_back(tmp_path, rule):
    PopulationBasedTraining(hyperparam_mutations={"lr": [1]}, exploit=rule).save(tmp_path / "pbt.json")
    restored = PopulationBasedTraining(hyperparam_mutations={"other": [1]})
    restored.restore(tmp_path / "pbt.json")
    assert restored.exploit == rule


def test_a_function_within_a_ready_made_rule_is_that_of_the_scheduler_that_restores(tmp_path):
    def best(population, trial, rng):
        return None

    PopulationBasedTraining(hyperparam_mutations={"lr": [1]}, exploit=or_stay(best)).save(tmp_path / "pbt.json")
    restored = PopulationBasedTraining(hyperparam_mutations={"lr": [1]}, exploit=or_stay(best))
    restored.restore(tmp_path / "pbt.json")
    assert restored.exploit == or_stay(best)
    with pytest.raises(ValueError, match=r"^exploit was the function \S*best"):
        PopulationBasedTraining(hyperparam_mutations={"lr": [1]}).restore(tmp_path / "pbt.json")


@pytest.mark.parametrize(
    ("given", "own", "message"),
    [
        ({"custom_explore_fn": double}, {"hyperparam_mutations": {"lr": [1]}}, "^custom_explore_fn was the function"),
        (
            {"hyperparam_mutations": {"net": {"lr": lambda: 0.1}}},
            {"hyperparam_mutations": {"net": {"lr": tune.uniform(0, 1)}}},
            r"^hyperparam_mutations\['net'\]\['lr'\] was the function",
        ),
    ],
)
def test_a_missing_function_is_named(tmp_path, given, own, message):
    PopulationBasedTraining(**given).save(tmp_path / "pbt.json")
    restored = PopulationBasedTraining(**own)
    before = settings(restored)
    with pytest.raises(ValueError, match=message):
        restored.restore(tmp_path / "pbt.json")
    assert settings(restored) == before


def test_what_no_file_can_hold_is_refused_by_name(tmp_path):
    scheduler = PopulationBasedTraining(hyperparam_mutations={"lr": [object()]})
    with pytest.raises(UsageError, match=r"^hyperparam_mutations holds object"):
        scheduler.save(tmp_path / "pbt.json")
    assert not (tmp_path / "pbt.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"scheduler": "PopulationBasedTraining"}'])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    (tmp_path / "pbt.json").write_text(text)
    with pytest.raises(ValueError, match="does not hold the settings of a scheduler"):
        PopulationBasedTraining(hyperparam_mutations={"lr": [1]}).restore(tmp_path / "pbt.json")


def test_settings_of_another_scheduler_or_version_are_refused(tmp_path):
    scheduler = PopulationBasedTraining(hyperparam_mutations={"lr": [1]})
    FIFOScheduler().save(tmp_path / "fifo.json")
    with pytest.raises(ValueError, match="holds the settings of FIFOScheduler, not of PopulationBasedTraining"):
        scheduler.restore(tmp_path / "fifo.json")
    FIFOScheduler().restore(tmp_path / "fifo.json")
    saved = {"scheduler": "PopulationBasedTraining", "settings": {"warp": 9}}
    (tmp_path / "new.json").write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="settings that PopulationBasedTraining does not know: warp"):
        scheduler.restore(tmp_path / "new.json")


def test_files_that_cannot_be_reached_are_named(tmp_path):
    scheduler = PopulationBasedTraining(hyperparam_mutations={"lr": [1]})
    with pytest.raises(ValueError, match=r"Cannot read the settings of a scheduler .*none.json: No such file"):
        scheduler.restore(tmp_path / "none.json")
    with pytest.raises(StorageError, match=r"Cannot write .*pbt.json: No such file"):
        scheduler.save(tmp_path / "no" / "pbt.json")

"""`PopulationBasedTraining(reward_attr=...)`, the older form of `metric=..., mode="max"`."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune import schedulers
from poptune.compat.tune.schedulers import PopulationBasedTraining
from poptune.core.objective import Objective
from poptune.errors import OptionError

MUTATIONS = {"lr": tune.uniform(0, 1)}


def by_reward(**options):
    with pytest.warns(DeprecationWarning, match="reward_attr='acc' is the older form of metric='acc', mode=\"max\""):
        return PopulationBasedTraining(reward_attr="acc", hyperparam_mutations=MUTATIONS, **options)


@pytest.mark.parametrize(("metric", "mode"), [(None, None), ("acc", "max"), ("acc", None), (None, "max")])
def test_it_is_the_metric_to_maximise_and_may_be_said_again(metric, mode):
    assert by_reward().bound(metric, mode).objective == Objective("acc", "max")


@pytest.mark.parametrize(("metric", "mode"), [("loss", "max"), ("acc", "min")])
def test_another_metric_for_the_run_is_refused(metric, mode):
    with pytest.raises(OptionError, match="is given twice"):
        by_reward().bound(metric, mode)


@pytest.mark.parametrize("other", [{"metric": "loss"}, {"mode": "min"}])
def test_another_metric_beside_it_is_refused(other):
    with pytest.raises(OptionError, match="Leave reward_attr out"):
        PopulationBasedTraining(reward_attr="acc", hyperparam_mutations=MUTATIONS, **other)


def test_without_it_the_scheduler_is_the_present_one():
    scheduler = PopulationBasedTraining("epoch", "acc", "max", hyperparam_mutations=MUTATIONS)
    assert (scheduler.time_attr, scheduler.objective) == ("epoch", Objective("acc", "max"))
    with pytest.raises(OptionError, match="is given twice"):
        scheduler.bound("acc", "max")


def test_settings_are_saved_and_restored(tmp_path):
    by_reward(time_attr="epoch").save(tmp_path / "pbt.json")
    restored = schedulers.PopulationBasedTraining(hyperparam_mutations={"any": [1, 2]})
    restored.restore(tmp_path / "pbt.json")
    assert (restored.metric, restored.mode, restored.time_attr) == ("acc", "max", "epoch")
    older = PopulationBasedTraining(hyperparam_mutations={"any": [1, 2]})
    older.restore(tmp_path / "pbt.json")
    assert older.hyperparam_mutations == MUTATIONS

import inspect
import math

import numpy as np
import pytest

from poptune.compat.tune.error import TuneError
from poptune.core.objective import Objective
from poptune.core.randomness import Purpose, rng_for
from poptune.core.space import choice, grid_search, sample_from, uniform
from poptune.errors import OptionError, PopTuneError, UsageError
from poptune.schedulers import PopulationBasedTraining, create_scheduler
from story import pbt

VARIED = {"lr": uniform(0, 1)}

RAYS_SIGNATURE = {
    "time_attr": "time_total_s",
    "metric": None,
    "mode": None,
    "perturbation_interval": 60.0,
    "burn_in_period": 0.0,
    "hyperparam_mutations": None,
    "quantile_fraction": 0.25,
    "resample_probability": 0.25,
    "perturbation_factors": (1.2, 0.8),
    "custom_explore_fn": None,
    "log_config": True,
    "require_attrs": True,
    "synch": False,
}


def test_signature_and_defaults_are_those_of_ray_tune():
    parameters = inspect.signature(PopulationBasedTraining).parameters.values()
    ours = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(ours.items()) == list(RAYS_SIGNATURE.items())


def test_what_ray_tune_does_not_know_is_keyword_only():
    parameters = inspect.signature(PopulationBasedTraining).parameters
    assert [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY] == [
        "bounds",
        "exploit",
        "explore",
        "private",
    ]


def same(config):
    return config


GIVEN = ("epoch", "loss", "min", 5, 20, VARIED, 0.5, 0.1, (2.0, 0.5), same, False, False, True)
BY_NAME = dict(zip(RAYS_SIGNATURE, GIVEN, strict=True))


@pytest.mark.parametrize(
    "scheduler",
    [
        PopulationBasedTraining(*GIVEN),
        PopulationBasedTraining(**BY_NAME),
        PopulationBasedTraining(*GIVEN[:5], **dict(list(BY_NAME.items())[5:])),
        create_scheduler("pbt", **BY_NAME),
    ],
    ids=["position", "name", "both", "create_scheduler"],
)
def test_arguments_may_be_given_by_position_by_name_and_to_create_scheduler(scheduler):
    assert type(scheduler) is PopulationBasedTraining
    assert {name: getattr(scheduler, name) for name in RAYS_SIGNATURE} == BY_NAME


def test_what_is_not_given_has_rays_default():
    scheduler = PopulationBasedTraining(hyperparam_mutations=VARIED)
    assert {name: getattr(scheduler, name) for name in RAYS_SIGNATURE} == {
        **RAYS_SIGNATURE,
        "hyperparam_mutations": VARIED,
    }


def test_given_settings_are_not_shared_with_the_caller():
    mutations, factors = dict(VARIED), [1.2]
    scheduler = PopulationBasedTraining(hyperparam_mutations=mutations, perturbation_factors=factors)
    mutations.clear()
    factors.clear()
    assert scheduler.hyperparam_mutations == VARIED
    assert scheduler.perturbation_factors == (1.2,)


@pytest.mark.parametrize(
    "options",
    [
        {"quantile_fraction": 0},
        {"quantile_fraction": 0.5},
        {"resample_probability": 0},
        {"resample_probability": 1},
        {"burn_in_period": 0},
        {"perturbation_interval": 1e-9},
        {"perturbation_interval": np.int64(5)},
        {"perturbation_interval": np.float32(0.5)},
        {"perturbation_factors": np.array([1.2, 0.8])},
        {"perturbation_factors": [1]},
        {"bounds": "ray"},
        {"synch": np.bool_(True)},
        {"synch": 1},
        {"log_config": None},
        {"metric": "eval/loss"},
        {"mode": "min"},
        {"mode": "max"},
    ],
    ids=repr,
)
def test_values_at_the_edge_are_accepted(options):
    PopulationBasedTraining(**{"hyperparam_mutations": VARIED, **options})


def test_a_custom_explore_fn_alone_is_enough():
    assert PopulationBasedTraining(custom_explore_fn=lambda config: config).hyperparam_mutations == {}


# Refusals that Ray Tune makes as well


@pytest.mark.parametrize("value", [0.1, 3, "relu", {1, 2}, range(3), np.array([1, 2])], ids=repr)
def test_mutation_that_is_no_distribution(value):
    with pytest.raises(TypeError, match=r"hyperparam_mutations\['lr'\]"):
        PopulationBasedTraining(hyperparam_mutations={"lr": value})


def test_mutation_by_sample_from():
    with pytest.raises(ValueError, match=r"hyperparam_mutations\['lr'\].*sample_from"):
        PopulationBasedTraining(hyperparam_mutations={"lr": sample_from(lambda config: 1)})


@pytest.mark.parametrize("nothing", [None, {}])
@pytest.mark.parametrize("kind", [UsageError, TuneError])
def test_nothing_to_vary(nothing, kind):
    with pytest.raises(kind, match="hyperparam_mutations, custom_explore_fn"):
        PopulationBasedTraining(hyperparam_mutations=nothing)


@pytest.mark.parametrize("mode", ["maximum", "MAX", "average"])
@pytest.mark.parametrize("kind", [AssertionError, ValueError])
def test_mode_that_is_neither_min_nor_max(mode, kind):
    with pytest.raises(kind, match=f'mode must be "min" or "max", not {mode!r}'):
        PopulationBasedTraining(mode=mode, hyperparam_mutations=VARIED)


def test_argument_of_a_time_long_gone():
    with pytest.raises(TypeError, match="reward_attr"):
        PopulationBasedTraining(reward_attr="accuracy", hyperparam_mutations=VARIED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantile_fraction", 0.6),
        ("quantile_fraction", -0.1),
        ("perturbation_interval", 0),
        ("perturbation_interval", -1),
        # From here on Ray Tune would accept it.
        ("resample_probability", 1.1),
        ("resample_probability", -0.1),
        ("burn_in_period", -1),
        ("perturbation_factors", ()),
        ("perturbation_factors", 1.2),
        ("perturbation_factors", (1.2, math.nan)),
        ("perturbation_factors", (1.2, "0.8")),
        ("perturbation_factors", (True,)),
        ("bounds", "none"),
        *((name, math.nan) for name in ("quantile_fraction", "resample_probability", "perturbation_interval")),
        *((name, math.inf) for name in ("perturbation_interval", "burn_in_period")),
        *((name, True) for name in ("quantile_fraction", "resample_probability", "perturbation_interval")),
        ("burn_in_period", "50"),
        ("perturbation_interval", None),
        ("time_attr", None),
        ("metric", ["loss"]),
        *((name, "yes") for name in ("synch", "log_config", "require_attrs")),
    ],
    ids=repr,
)
def test_argument_that_cannot_work_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} must") as refusal:
        PopulationBasedTraining(**{"hyperparam_mutations": VARIED, name: value})
    assert isinstance(refusal.value, PopTuneError)


# Stricter than Ray Tune: the key is named however deep it lies


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0.1, TypeError),
        (sample_from(lambda config: 1), ValueError),
        (grid_search([1, 2]), ValueError),
        ([], ValueError),
        ((), ValueError),
        ({}, ValueError),
        (lambda config: 1, ValueError),
    ],
    ids=["number", "sample_from", "grid_search", "empty list", "empty tuple", "empty dict", "function of the config"],
)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_mutation_that_cannot_work_is_refused_by_key(value, kind, depth):
    path = ["model", "head", "lr"][-1 - depth :]
    mutations = value
    for key in reversed(path):
        mutations = {key: mutations, "width": [1, 2]}
    with pytest.raises(kind, match=rf"hyperparam_mutations\['{'/'.join(path)}'\]"):
        PopulationBasedTraining(hyperparam_mutations=mutations)


def test_custom_explore_fn_that_cannot_be_called():
    with pytest.raises(TypeError, match="custom_explore_fn"):
        PopulationBasedTraining(custom_explore_fn={"lr": 0.1})


# Metric and mode: from the scheduler, from TuneConfig, or one from each


@pytest.mark.parametrize("metric_from", ["scheduler", "config"])
@pytest.mark.parametrize("mode_from", ["scheduler", "config"])
def test_metric_and_mode_may_come_from_either_side(metric_from, mode_from):
    own = {
        "metric": "loss" if metric_from == "scheduler" else None,
        "mode": "min" if mode_from == "scheduler" else None,
    }
    given = {"metric": None if own["metric"] else "loss", "mode": None if own["mode"] else "min"}
    assert pbt(**own).bound(**given).objective == Objective("loss", "min")


@pytest.mark.parametrize(
    ("own", "given", "twice"),
    [
        (("loss", "min"), ("loss", "min"), "metric"),
        (("loss", "min"), ("error", None), "metric"),
        (("loss", "min"), (None, "min"), "mode"),
        (("loss", None), ("loss", "min"), "metric"),
        ((None, "min"), ("loss", "max"), "mode"),
    ],
)
def test_given_twice(own, given, twice):
    with pytest.raises(ValueError, match=f"^{twice} is given twice"):
        pbt(metric=own[0], mode=own[1]).bound(*given)


@pytest.mark.parametrize(
    ("metric", "mode", "needed"), [(None, None, "needs metric and mode"), ("loss", None, "needs mode")]
)
def test_given_nowhere(metric, mode, needed):
    with pytest.raises(OptionError, match=needed):
        pbt(metric=None, mode=None).bound(metric, mode)
    with pytest.raises(OptionError, match=needed):
        pbt(metric=metric, mode=mode).bound(None, None)


def test_wrong_mode_of_the_config_is_refused():
    with pytest.raises(AssertionError, match="mode must be"):
        pbt(mode=None).bound(None, "best")


def test_a_mode_alone_means_the_one_unnamed_number():
    assert pbt(metric=None, mode=None).bound(None, "max").objective == Objective("_metric", "max")


def test_binding_leaves_the_original_open():
    original = pbt(metric=None, mode=None)
    bound = original.bound("loss", "min")
    assert original.objective is None
    assert original.bound("accuracy", "max").objective == Objective("accuracy", "max")
    assert bound.objective == Objective("loss", "min")
    assert bound.hyperparam_mutations == original.hyperparam_mutations


# First configs


def test_what_the_search_space_leaves_open_is_drawn_and_what_it_gives_is_kept():
    scheduler = pbt(hyperparam_mutations={"lr": uniform(2, 3), "model": {"act": ["relu"], "depth": choice([7])}})
    config = scheduler.initial_config({"lr": 0.1, "model": {"depth": 1}}, rng_for(0, Purpose.INITIAL_CONFIG, 0))
    assert config == {"lr": 0.1, "model": {"act": "relu", "depth": 1}}
    assert 2 <= scheduler.initial_config({}, rng_for(0, Purpose.INITIAL_CONFIG, 0))["lr"] <= 3

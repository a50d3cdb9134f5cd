"""PB2's arguments: Ray Tune's signature, what bounds mean, what is refused, and settings in a file."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import poptune as tune
from poptune.core.events import TrialAdded
from poptune.errors import MissingExtra, OptionError, UsageError
from poptune.schedulers import PB2, create_scheduler, stay
from story import Story

BOUNDS = {"lr": tune.loguniform(1e-4, 1e-1), "net": {"width": [8, 64], "drop": (0.0, 0.5)}}

RAYS_SIGNATURE = {
    "time_attr": "time_total_s",
    "metric": None,
    "mode": None,
    "perturbation_interval": 60.0,
    "hyperparam_bounds": None,
    "quantile_fraction": 0.25,
    "log_config": True,
    "require_attrs": True,
    "synch": False,
    "custom_explore_fn": None,
}
OURS = {"burn_in_period": 0.0, "exploit": None, "private": ()}


def settings(scheduler):
    return {name: getattr(scheduler, name) for name in [*RAYS_SIGNATURE, *OURS]}


def first(bounds, config, seed=0):
    """Return the config that a trial begins with."""
    return PB2(hyperparam_bounds=bounds).initial_config(config, np.random.default_rng(seed))


def test_signature_and_defaults_are_those_of_ray_tune_and_the_rest_is_keyword_only():
    parameters = inspect.signature(PB2).parameters.values()
    rays = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(rays.items()) == list(RAYS_SIGNATURE.items())
    assert {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} == OURS


def test_arguments_may_be_given_by_position():
    def explore(config):
        return config

    given = ("epoch", "loss", "min", 5, BOUNDS, 0.5, False, False, True, explore)
    scheduler = PB2(*given)
    assert {name: getattr(scheduler, name) for name in RAYS_SIGNATURE} == dict(zip(RAYS_SIGNATURE, given, strict=True))


def test_it_has_a_name_among_the_schedulers():
    scheduler = create_scheduler("pb2", hyperparam_bounds=BOUNDS, synch=True)
    assert type(scheduler) is PB2
    assert scheduler.synch


def test_given_bounds_are_not_shared_with_the_caller():
    bounds = {"net": {"width": [8, 64]}}
    scheduler = PB2(hyperparam_bounds=bounds)
    bounds["net"]["width"][1] = 9
    bounds.clear()
    assert scheduler.hyperparam_bounds == {"net": {"width": [8, 64]}}


# What bounds mean


def test_what_the_search_space_leaves_open_is_drawn_within_the_bounds():
    configs = [first(BOUNDS, {"net": {"width": 16}}, seed) for seed in range(30)]
    assert all(1e-4 <= config["lr"] <= 1e-1 and 0 <= config["net"]["drop"] <= 0.5 for config in configs)
    assert all(config["net"]["width"] == 16 for config in configs)
    assert sum(config["lr"] < 10**-2.5 for config in configs) in range(8, 23)  # spread in the logarithm


@pytest.mark.parametrize(
    ("bounds", "kind", "values"),
    [
        ([1, 3], int, {1, 2, 3}),
        ([1.0, 3.0], float, None),
        ([1, 3.0], float, None),
        (tune.randint(1, 4), int, {1, 2, 3}),
        (tune.uniform(1, 3), float, None),
        (tune.quniform(1, 3, 0.5), float, {1.0, 1.5, 2.0, 2.5, 3.0}),
        ([2, 2], int, {2}),
        ((np.int64(1), np.int64(3)), int, {1, 2, 3}),
    ],
    ids=repr,
)
def test_the_kind_of_a_first_value_follows_its_bounds(bounds, kind, values):
    drawn = [first({"x": bounds}, {}, seed)["x"] for seed in range(40)]
    assert {type(value) for value in drawn} == {kind}
    assert set(drawn) == values if values else all(1 <= value <= 3 for value in drawn)


@pytest.mark.parametrize(
    ("bounds", "old", "kind"),
    [
        ([1, 30], 2, int),
        ([1, 30], 2.0, float),
        ([1.0, 30.0], 2, int),
        ([1.0, 30.0], np.int64(2), int),
        ([1.5, 30.5], 2, int),
        ([1.5, 1.7], 2, float),
        ([0.9, 1.0], 1, float),
        ([1.0, 30.0], True, float),
        ([1, 30], None, int),
        (tune.randint(1, 30), 2.5, int),
        (tune.uniform(1, 30), 2, float),
    ],
    ids=repr,
)
def test_the_kind_of_a_new_value_follows_the_old_one_if_the_bounds_are_a_pair(bounds, old, kind):
    low, high = bounds if isinstance(bounds, list) else (1, 30)
    story = Story("")
    story.scheduler = PB2("training_iteration", "score", "max", 10, {"x": bounds}, exploit=stay())
    for index, name in enumerate("ab"):
        story.happens(TrialAdded(name, index, {"x": old}, ""))
    for iteration in (10, 20, 30):
        story.all_report(iteration, {"a": 1.0, "b": 2.0})
    values = [decision.config["x"] for decision in story.decisions]
    assert {type(value) for value in values} == {kind}
    assert all(low <= value <= high for value in values)


# Refusals


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_to_vary(nothing):
    with pytest.raises(UsageError, match="PB2 needs hyperparam_bounds"):
        PB2(hyperparam_bounds=nothing, custom_explore_fn=lambda config: config)


@pytest.mark.parametrize(
    "value",
    [
        *([], [1], [1, 2, 3], 0.5, "ab", None, {}, ["a", "b"], [True, False], {1, 2}, np.array([1, 2])),
        *(tune.choice([1, 2]), tune.randn(), tune.grid_search([1, 2]), tune.sample_from(lambda _: 1), lambda: 0.1),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("depth", [0, 1])
def test_what_is_no_pair_of_bounds_is_refused_by_key(value, depth):
    bounds = {"net": {"lr": value}} if depth else {"lr": value}
    name = "net/lr" if depth else "lr"
    with pytest.raises(ValueError, match=rf"^hyperparam_bounds\['{name}'\] must be a pair \[low, high\]"):
        PB2(hyperparam_bounds={"ok": [0, 1], **bounds})


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ([1.0, 0.5], "the lower bound 1.0 is above the upper bound 0.5"),
        ([0, float("inf")], "both bounds must be finite"),
        ([float("nan"), 1], "both bounds must be finite"),
    ],
)
def test_bounds_that_cannot_work_are_refused_by_key(pair, message):
    with pytest.raises(ValueError, match=rf"^hyperparam_bounds\['net/lr'\]: {message}"):
        PB2(hyperparam_bounds={"net": {"lr": pair}})


def test_bounds_that_are_no_dictionary():
    with pytest.raises(TypeError, match="hyperparam_bounds must be a dict, not list"):
        PB2(hyperparam_bounds=[0, 1])
    with pytest.raises(ValueError, match="the key 1 must be a string"):
        PB2(hyperparam_bounds={1: [0, 1]})


def test_other_arguments_are_checked_as_those_of_pbt():
    with pytest.raises(OptionError, match=r"^quantile_fraction must lie in"):
        PB2(hyperparam_bounds=BOUNDS, quantile_fraction=0.6)
    with pytest.raises(TypeError, match="resample_probability"):
        PB2(hyperparam_bounds=BOUNDS, resample_probability=0.25)


def test_a_config_that_has_a_number_where_the_bounds_go_deeper():
    with pytest.raises(ValueError, match=r"'net/width', but 'net' is int 3 in the config"):
        first(BOUNDS, {"net": 3})


def test_without_scikit_learn_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r'PB2 needs scikit-learn.*pip install "poptune\[pb2\]"') as refusal:
        PB2(hyperparam_bounds=BOUNDS)
    assert isinstance(refusal.value, RuntimeError)  # as in Ray Tune


def test_scikit_learn_is_not_imported_before_something_is_known():
    code = (
        "import sys; from poptune.schedulers import PB2; PB2(hyperparam_bounds={'lr': [0, 1]}); "
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Settings in a file


def test_all_settings_come_back_domains_included(tmp_path):
    scheduler = PB2("epoch", "loss", "min", 5, BOUNDS, 0.5, synch=True, private=["seed"], burn_in_period=3)
    scheduler.save(tmp_path / "pb2.json")
    restored = PB2(hyperparam_bounds={"other": [1, 2]})
    restored.restore(tmp_path / "pb2.json")
    assert settings(restored) == settings(scheduler)
    assert restored.initial_config({"seed": 1}, np.random.default_rng(0)) == first(BOUNDS, {"seed": 1})


def test_settings_of_pbt_are_refused(tmp_path):
    tune.schedulers.PopulationBasedTraining(hyperparam_mutations={"lr": [1, 2]}).save(tmp_path / "pbt.json")
    with pytest.raises(ValueError, match="holds the settings of PopulationBasedTraining, not of PB2"):
        PB2(hyperparam_bounds=BOUNDS).restore(tmp_path / "pbt.json")

"""How a whole config varies, and what holds of every distribution."""

import copy
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.explore import Operation, describe, explore, fill_missing
from poptune.core.space import (
    choice,
    lograndint,
    loguniform,
    qlograndint,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
    randint,
    randn,
    uniform,
)
from poptune.core.values import same
from poptune.errors import SpaceError

BOTH = pytest.mark.parametrize("bounds", ["domain", "ray"])


def test_nested_leaves_vary_independently_and_other_keys_stay():
    config = {"model": {"lr": 0.5, "width": 64, "act": "relu"}, "seed": 3}
    mutations = {"model": {"lr": uniform(0, 1), "width": [32, 64, 128]}}
    seen = set()
    for seed in range(60):
        new, operations = explore(config, mutations, np.random.default_rng(seed), resample_probability=0)
        assert new["seed"] == 3
        assert new["model"]["act"] == "relu"
        assert [operation.key for operation in operations] == ["model/lr", "model/width"]
        seen.add((new["model"]["lr"], new["model"]["width"]))
    assert seen == {(0.4, 32), (0.4, 128), (0.6, 32), (0.6, 128)}


def test_missing_leaf_is_drawn():
    new, operations = explore({"model": {}}, {"model": {"lr": [3]}, "x": {"y": [4]}}, np.random.default_rng(0))
    assert new == {"model": {"lr": 3}, "x": {"y": 4}}
    assert operations == (Operation("model/lr", None, 3, "resample"), Operation("x/y", None, 4, "resample"))


def test_only_missing_values_are_filled():
    mutations = {"a": uniform(2, 3), "b": {"c": [5], "d": lambda: 6}, "e": {"f": (7,)}, "g": [1]}
    config = {"b": {"c": 0}, "g": 9, "constant": [1]}
    filled = fill_missing(config, mutations, np.random.default_rng(0))
    assert 2 <= filled.pop("a") <= 3
    assert filled == {"b": {"c": 0, "d": 6}, "g": 9, "constant": [1], "e": {"f": 7}}
    assert config == {"b": {"c": 0}, "g": 9, "constant": [1]}


def test_dictionary_of_mutations_needs_a_dictionary_in_the_config():
    with pytest.raises(SpaceError, match="'model/lr', but 'model' is str 'small'"):
        fill_missing({"model": "small"}, {"model": {"lr": [1]}}, np.random.default_rng(0))


def test_same_generator_gives_the_same_config_and_globals_stay_untouched():
    mutations = {"a": lambda: random.random(), "b": lambda: np.random.uniform(), "c": uniform(0, 1)}
    config = {"a": 0.5, "b": 0.5, "c": 0.5}
    before = random.getstate()

    def explored(seed):
        return explore(config, mutations, np.random.default_rng(seed), resample_probability=0.5)

    assert explored(1) == explored(1)
    assert explored(1) != explored(2)
    assert random.getstate() == before


# custom_explore_fn


def customised(function, bounds="domain"):
    return explore(
        {"lr": 0.5, "model": {"width": 64}, "seed": 1},
        {"lr": uniform(0, 1)},
        np.random.default_rng(0),
        resample_probability=0,
        perturbation_factors=[1.2],
        custom_explore_fn=function,
        bounds=bounds,
    )


@BOTH
def test_custom_function_sees_the_whole_new_config_once(bounds):
    calls = []

    def look(config):
        calls.append(dict(config))
        return config

    new, operations = customised(look, bounds)
    assert calls == [{"lr": 0.6, "model": {"width": 64}, "seed": 1}]
    assert new == calls[0]
    assert operations == (Operation("lr", 0.5, 0.6, "* 1.2"),)


def test_custom_function_is_called_once_however_many_values_vary_and_however_deep():
    mutations = {"lr": uniform(0, 1), "model": {"width": [32, 64], "head": {"act": ["relu", "tanh"]}}}
    config = {"lr": 0.5, "model": {"width": 64, "head": {"act": "relu"}, "depth": 3}, "seed": 1}
    calls = []

    def look(new):
        calls.append(copy.deepcopy(new))
        return new

    new, _ = explore(config, mutations, np.random.default_rng(0), custom_explore_fn=look)
    assert calls == [new]
    assert (new["model"].keys(), new["model"]["depth"], new["seed"]) == (config["model"].keys(), 3, 1)


def test_changes_of_the_custom_function_are_recorded():
    def change(config):
        config["lr"] = np.float64(0.9)
        config["model"]["width"] = 32
        config["new"] = True
        del config["seed"]
        return config

    new, operations = customised(change)
    assert new == {"lr": 0.9, "model": {"width": 32}, "new": True}
    assert type(new["lr"]) is float
    assert operations == (
        Operation("lr", 0.5, 0.9, ""),
        Operation("model/width", 64, 32, ""),
        Operation("seed", 1, None, ""),
        Operation("new", None, True, ""),
    )


def test_custom_function_must_return_the_config():
    with pytest.raises(TypeError, match="custom_explore_fn must return the config, a dict, but it returned None"):
        customised(lambda config: None)


def test_custom_function_draws_from_borrowed_generators():
    before = random.getstate()
    first, _ = customised(lambda config: {**config, "x": random.random()})
    second, _ = customised(lambda config: {**config, "x": random.random()})
    assert first == second
    assert random.getstate() == before


def test_custom_function_works_alone():
    new, operations = explore({"a": 1}, {}, np.random.default_rng(0), custom_explore_fn=lambda config: {"a": 2})
    assert (new, operations) == ({"a": 2}, (Operation("a", 1, 2, ""),))


# Words


def test_operations_read_as_in_ray():
    assert describe(Operation("lr", 0.05, 0.06, "* 1.2")) == "lr : 0.05 --- (* 1.2) --> 0.06"
    assert describe(Operation("m/n", 3, 4, "shift right")) == "m/n : 3 --- (shift right) --> 4"
    assert describe(Operation("lr", 1, 2, "")) == "lr : 1 -----> 2"


# Invariants

DISTRIBUTIONS = [
    uniform(0.0, 1.0),
    uniform(-5, 5),
    quniform(0, 1, 0.05),
    loguniform(1e-5, 1e-1),
    qloguniform(5e-3, 1e-1, 5e-4),
    randint(0, 10),
    randint(-3, 4),
    qrandint(8, 64, 8),
    lograndint(1, 1000),
    qlograndint(16, 256, 16),
    randn(),
    qrandn(0, 1, 0.1),
    choice([1, 10, 100]),
    choice([True, False]),
    choice(["relu", "tanh", None, (1, 2), [3]]),
    [1, 2, 2, 3],
    (True, 1, None, "x", [1]),
]
anything = (
    st.none()
    | st.floats()
    | st.integers(-300, 300)
    | st.integers()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
)
factors = st.lists(st.floats(-3, 3), min_size=1, max_size=3)
seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
@given(old=anything, seed=seeds, probability=st.sampled_from([0.0, 0.5, 1.0]), factors=factors)
def test_new_value_always_belongs_to_its_distribution(distribution, old, seed, probability, factors):
    rng = np.random.default_rng(seed)
    new, (operation,) = explore(
        {"x": old}, {"x": distribution}, rng, resample_probability=probability, perturbation_factors=factors
    )
    if isinstance(distribution, (list, tuple)):
        assert any(same(new["x"], value) for value in distribution)
    else:
        assert distribution.contains(new["x"])
    assert operation.label.endswith("(noop)") or operation.label in ("resample", "keep") or not same(new["x"], old)


@given(start=st.integers(0, 9), seed=seeds)
def test_walk_over_integers_never_sticks(start, seed):
    rng, config = np.random.default_rng(seed), {"x": start}
    visited = set()
    for _ in range(300):
        config, _ = explore(config, {"x": randint(0, 10)}, rng, resample_probability=0.1)
        visited.add(config["x"])
    assert visited == set(range(10))


@BOTH
@given(seed=seeds, config=st.fixed_dictionaries({"a": anything, "b": st.fixed_dictionaries({"c": anything})}))
def test_input_is_never_changed_and_draws_repeat(bounds, seed, config):
    mutations = {"a": [1, [2], None], "b": {"c": choice(["x", [1]]), "d": lambda: [random.random()]}}
    before = repr(config)

    def spoil(new):
        new["b"]["c"] = new["b"]["d"] = 0
        if isinstance(new["a"], list):
            new["a"].append(0)
        return new

    first, second = (
        explore(config, mutations, np.random.default_rng(seed), custom_explore_fn=spoil, bounds=bounds)
        for _ in range(2)
    )
    assert first == second
    assert repr(config) == before
    assert repr(mutations["a"]) == "[1, [2], None]"


@pytest.mark.parametrize("module", ["numpy", "torch"])
def test_values_that_compare_element_by_element_are_moved_between(module):
    library = pytest.importorskip(module)
    rows = [library.asarray([1.0, 1.0]), library.asarray([1.0, 5.0]), library.asarray([1.0, 9.0])]
    for mutation in (rows, tuple(rows)):
        reached = set()
        for seed in range(20):
            rng = np.random.default_rng(seed)
            config, (operation,) = explore({"weights": rows[1]}, {"weights": mutation}, rng, resample_probability=0.0)
            reached.add((operation.label, float(config["weights"][1])))
        assert reached == {("shift left", 1.0), ("shift right", 9.0)}

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.explore import Operation, check_mutations, describe, explore, fill_missing
from poptune.core.space import (
    choice,
    grid_search,
    lograndint,
    loguniform,
    qlograndint,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
    randint,
    randn,
    sample_from,
    uniform,
)
from poptune.core.values import same
from poptune.errors import SpaceError

BOTH = pytest.mark.parametrize("bounds", ["domain", "ray"])


def outcomes(old, distribution, *, probability=0.0, bounds="domain", factors=(1.2, 0.8), seeds=40):
    """All new values and labels of one hyperparameter over many generators."""
    found = []
    for seed in range(seeds):
        config, (operation,) = explore(
            {"x": old},
            {"x": distribution},
            np.random.default_rng(seed),
            resample_probability=probability,
            perturbation_factors=factors,
            bounds=bounds,
        )
        assert config["x"] == operation.new
        if (config["x"], operation.label) not in found:
            found.append((config["x"], operation.label))
    return found


def values(*args, **options):
    return {value for value, _ in outcomes(*args, **options)}


def labels(*args, **options):
    return {label for _, label in outcomes(*args, **options)}


def shown(found):
    return sorted(map(repr, found))


# Lists


@BOTH
@pytest.mark.parametrize("kind", [list, tuple])
def test_value_of_a_list_moves_to_a_neighbour(kind, bounds):
    menu = kind([3, 4, 8, 10])
    assert set(outcomes(4, menu, bounds=bounds)) == {(3, "shift left"), (8, "shift right")}
    assert set(outcomes(3, menu, bounds=bounds)) == {(3, "shift left (noop)"), (4, "shift right")}
    assert set(outcomes(10, menu, bounds=bounds)) == {(8, "shift left"), (10, "shift right (noop)")}


@BOTH
def test_value_outside_the_list_and_resampling_give_any_element(bounds):
    menu = [3, 4, 8, 10]
    assert values(7, menu, bounds=bounds) == set(menu)
    assert labels(7, menu, bounds=bounds) == {"resample"}
    assert values(3, menu, bounds=bounds, probability=1.0) == set(menu)


def test_duplicates_and_float_noise_do_not_trap_the_walk():
    assert values(2, [1, 2, 2, 3]) == {1, 3}
    assert values(0.1 + 0.2, [0.1, 0.3, 0.5]) == {0.1, 0.5}
    assert values(2, [1, 2, 2, 3], bounds="ray") == {1, 2}
    assert labels(0.1 + 0.2, [0.1, 0.3, 0.5], bounds="ray") == {"resample"}


def test_bool_and_int_are_told_apart_in_a_list():
    assert labels(True, [1, 2]) == {"resample"}
    assert shown(value for value, _ in outcomes(True, [1, True, 2])) == ["1", "2"]


@BOTH
def test_list_may_hold_anything(bounds):
    menu = [None, [64, 64], {"n": 1}, "relu"]
    for old in menu:
        for value, _ in outcomes(old, menu, bounds=bounds, probability=0.3):
            assert any(same(value, item) for item in menu)
    assert labels([9], menu, bounds=bounds) == {"resample"}


def test_elements_of_a_list_are_not_shared_with_the_config():
    mutations = {"layers": [[64, 64]]}
    config, _ = explore({"layers": None}, mutations, np.random.default_rng(0))
    config["layers"].append(0)
    assert mutations == {"layers": [[64, 64]]}


# Numbers


@BOTH
@pytest.mark.parametrize("distribution", [uniform(0, 1000), lambda: 5], ids=["uniform", "callable"])
def test_float_is_multiplied_by_a_factor(distribution, bounds):
    assert set(outcomes(100.0, distribution, bounds=bounds)) == {(80.0, "* 0.8"), (120.0, "* 1.2")}
    assert values(100.0, distribution, bounds=bounds, factors=(2, 0.5)) == {50.0, 200.0}


def test_int_stays_int_with_a_callable_and_an_integer_domain():
    for bounds in ("domain", "ray"):
        assert shown(values(100, lambda: 5, bounds=bounds)) == ["120", "80"]
        assert shown(values(100, randint(0, 1000), bounds=bounds)) == ["120", "80"]
        assert shown(values(100, lambda: 7.6, bounds=bounds, probability=1.0)) == ["8"]


def test_int_start_value_of_a_float_domain_becomes_float():
    assert shown(values(100, uniform(0, 1000))) == ["120.0", "80.0"]
    assert shown(values(100, uniform(0, 1000), bounds="ray")) == ["120", "80"]
    assert all(0 < value < 1 for value in values(0, uniform(0, 1), probability=1.0))
    assert values(0, uniform(0, 1), probability=1.0, bounds="ray") == {0, 1}


def test_numpy_scalars_become_plain_numbers():
    for bounds in ("domain", "ray"):
        for old in (np.int64(10), np.float32(0.5), np.float64(0.5), np.bool_(True)):
            json.dumps(list(values(old, lambda: np.float64(3.5), bounds=bounds, probability=0.5)))
        assert shown(values(np.int64(10), lambda: 5, bounds=bounds)) == ["12", "8"]


def test_values_stay_in_bounds_unless_ray_says_otherwise():
    assert set(outcomes(0.95, uniform(0, 1), factors=[1.2])) == {(1.0, "* 1.2")}
    assert set(outcomes(1.0, uniform(0, 1), factors=[1.2])) == {(1.0, "* 1.2 (noop)")}
    assert values(0.95, uniform(0, 1), factors=[1.2], bounds="ray") == {0.95 * 1.2}
    assert values(250, randint(32, 256), factors=[1.2]) == {255}
    assert values(250, randint(32, 256), factors=[1.2], bounds="ray") == {300}
    assert values(300, randint(32, 256)) == {240, 255}
    assert values(0.03, uniform(1e-2, 1e-5)) == {0.01}


def test_quantised_values_move_at_least_one_step_and_stay_on_the_grid():
    assert values(16, qrandint(8, 64, 8)) == {8, 24}
    assert values(16, qrandint(8, 64, 8), bounds="ray") == {13, 19}
    assert set(outcomes(64, qrandint(8, 64, 8), factors=[1.2])) == {(64, "* 1.2 (noop)")}
    assert values(0.2, quniform(0, 1, 0.1)) == {0.1, 0.3}
    assert values(0.005, qloguniform(5e-3, 1e-1, 5e-4)) == {0.006, 0.005}
    assert values(17, qrandint(8, 64, 8), factors=[1.1]) == {24}  # never against the factor


def test_small_integers_move_and_never_reach_zero_without_a_domain():
    assert set(outcomes(1, randint(1, 10))) == {(2, "* 1.2"), (1, "* 0.8 (noop)")}
    assert values(2, randint(1, 10)) == {1, 3}
    assert values(1, randint(0, 10)) == {0, 2}
    assert set(outcomes(1, lambda: 5)) == {(2, "* 1.2"), (1, "* 0.8 (noop)")}
    assert values(2, lambda: 5) == {1, 3}
    assert values(-1, lambda: 5) == {-2, -1}
    assert values(5, lambda: 5, factors=[0.01]) == {1}
    assert values(1, randint(1, 10), bounds="ray") == {1}


@pytest.mark.parametrize("stuck", [0, 0.0, math.nan, math.inf, "text", None])
def test_what_a_factor_cannot_move_is_drawn_anew(stuck):
    assert labels(stuck, uniform(1, 2)) == {"resample"}
    assert labels(stuck, randint(1, 20)) == {"resample"}


def test_zero_is_absorbing_only_in_ray():
    assert values(0.0, uniform(1, 2), bounds="ray") == {0.0}
    assert values(0, lambda: 0.3) == {0.3}
    assert values(0, lambda: 0.3, bounds="ray", probability=1.0) == {0}


def test_overflowing_product_is_drawn_anew():
    assert labels(1.7e308, randn(), factors=[2.0]) == {"resample"}
    assert labels(10**400, randn()) == {"resample"}


def test_normal_is_scaled_without_bounds():
    assert values(10.0, randn()) == {8.0, 12.0}
    assert values(10.0, qrandn(0, 1, 0.5)) == {8.0, 12.0}


def test_factor_one_leaves_values_alone():
    assert set(outcomes(3, randint(0, 9), factors=[1])) == {(3, "* 1 (noop)")}
    assert set(outcomes(3, lambda: 1, factors=(1, 1))) == {(3, "* 1 (noop)")}


@BOTH
def test_bool_stays_bool_and_only_resampling_flips_it(bounds):
    for distribution in (uniform(0, 1), randint(0, 2), lambda: random.choice([0, 1])):
        for old in (True, False):
            assert shown(values(old, distribution, bounds=bounds)) == [repr(old)]
    assert shown(values(True, randint(0, 2), bounds=bounds, probability=1.0)) == ["False", "True"]


# Choices


@BOTH
@pytest.mark.parametrize("options", [["relu", "tanh"], [[64], [64, 64]], [None, 3], [(1, 2), (3,)]])
def test_choice_without_an_order_is_kept_or_resampled(options, bounds):
    assert outcomes(options[0], choice(options), bounds=bounds) == [(options[0], "keep")]
    drawn = [value for value, _ in outcomes(options[0], choice(options), bounds=bounds, probability=1.0)]
    assert len(drawn) == len(options)
    assert all(value in options for value in drawn)


def test_numeric_choice_stays_in_the_set_unless_ray_says_otherwise():
    menu = choice([1, 10, 100, 1000])
    assert set(outcomes(100, menu)) == {(10, "shift left"), (1000, "shift right")}
    assert values(7, menu) == {1, 10, 100, 1000}
    assert set(outcomes(100, menu, bounds="ray")) == {(80, "* 0.8"), (120, "* 1.2")}
    assert labels("other", choice(["relu", "tanh"])) == {"resample"}


def test_callable_that_draws_text_is_kept_or_resampled():
    for bounds in ("domain", "ray"):
        assert outcomes("sgd", lambda: "adam", bounds=bounds) == [("sgd", "keep")]
        assert outcomes("sgd", lambda: "adam", bounds=bounds, probability=1.0) == [("adam", "resample")]


# Whole configs


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


# Checks and words


@pytest.mark.parametrize("bad", [0.1, 3, "text", {1, 2}, range(3), np.array([1, 2]), None])
def test_what_is_no_distribution_is_a_type_error(bad):
    with pytest.raises(TypeError, match=r"\['lr'\] must be a dict, list, tuple, domain or callable"):
        check_mutations({"lr": bad})
    with pytest.raises(TypeError, match=r"\['model/lr'\]"):
        check_mutations({"model": {"lr": bad}})


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (sample_from(lambda: 1), "sample_from belongs in param_space"),
        (grid_search([1, 2]), "grid_search belongs in param_space"),
        ([], "is empty"),
        ((), "is empty"),
        ({}, "is empty"),
        (lambda spec: 1, "takes no arguments"),
    ],
)
def test_mutation_that_cannot_work_is_refused_by_name(bad, complaint):
    with pytest.raises(SpaceError, match=complaint):
        check_mutations({"lr": bad})
    with pytest.raises(ValueError, match=r"\['model/lr'\]"):
        check_mutations({"model": {"lr": bad}})


def test_mutations_of_every_kind_are_accepted():
    check_mutations({"a": [1], "b": (None,), "c": uniform(0, 1), "d": lambda: 1, "e": {"f": random.random}})
    with pytest.raises(TypeError, match="must be a dict, not list"):
        check_mutations([1])
    with pytest.raises(SpaceError, match="key 3 must be a string"):
        check_mutations({"a": {3: [1]}})


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

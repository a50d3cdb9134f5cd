"""How the value of one hyperparameter varies."""

import json
import math
import random

import numpy as np
import pytest

from poptune.core.explore import explore
from poptune.core.space import (
    choice,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
    randint,
    randn,
    uniform,
)
from poptune.core.values import same

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
@pytest.mark.parametrize("kind", [list, tuple])
def test_value_outside_the_list_and_resampling_give_any_element(kind, bounds):
    menu = kind([3, 4, 8, 10])
    assert values(7, menu, bounds=bounds) == set(menu)
    assert labels(7, menu, bounds=bounds) == {"resample"}
    assert values(4, menu, bounds=bounds, probability=1.0) == set(menu)
    assert labels(4, menu, bounds=bounds, probability=1.0) == {"resample"}


def test_duplicates_and_float_noise_do_not_trap_the_walk():
    assert values(2, [1, 2, 2, 3]) == {1, 3}
    assert values(0.1 + 0.2, [0.1, 0.3, 0.5]) == {0.1, 0.5}
    assert values(2, [1, 2, 2, 3], bounds="ray") == {1, 2}
    assert labels(0.1 + 0.2, [0.1, 0.3, 0.5], bounds="ray") == {"resample"}


@pytest.mark.parametrize("menu", [[1, 1, 2, 2, 2, 3], [0.1, 0.1 + 0.2, 0.3, 0.5, 0.5]], ids=["duplicates", "noise"])
def test_a_long_walk_over_a_list_reaches_every_value(menu):
    value, visited = menu[0], set()
    for seed in range(200):
        config, _ = explore({"x": value}, {"x": menu}, np.random.default_rng(seed), resample_probability=0)
        value = config["x"]
        visited.add(round(value, 9))
    assert visited == {round(item, 9) for item in menu}


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


@BOTH
@pytest.mark.parametrize("distribution", [uniform(0, 1000), lambda: 5], ids=["uniform", "callable"])
def test_factors_of_ones_own_take_the_place_of_the_usual_ones(distribution, bounds):
    found = set(outcomes(100.0, distribution, bounds=bounds, factors=(2, 0.5)))
    assert found == {(50.0, "* 0.5"), (200.0, "* 2")}
    assert values(100.0, distribution, bounds=bounds, factors=[3.0]) == {300.0}


@BOTH
@pytest.mark.parametrize(
    "distribution", [uniform(0, 1000), lambda: random.uniform(0, 1000)], ids=["uniform", "callable"]
)
def test_with_probability_one_every_value_is_a_fresh_sample(distribution, bounds):
    found = outcomes(100.0, distribution, bounds=bounds, probability=1.0)
    assert {label for _, label in found} == {"resample"}
    assert len(found) == 40
    drawn = sorted(value for value, _ in found)
    assert 0 <= drawn[0] < 200
    assert 800 < drawn[-1] <= 1000


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

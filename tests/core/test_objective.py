import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from poptune.core.objective import AUTOMATIC_KEYS, Objective, is_real, number
from poptune.errors import MetricError


@pytest.mark.parametrize("value", [1, 1.0, True, Fraction(1), np.float32(1), np.int64(1)], ids=repr)
def test_every_kind_of_real_number_is_a_score(value):
    assert Objective("x", "max").score({"x": value}) == 1.0
    assert type(Objective("x", "min").score({"x": value})) is float


def test_the_sign_of_min_is_turned_and_turned_back():
    down = Objective("loss", "min")
    assert down.score({"loss": 0.25}) == -0.25
    assert down.value(-0.25) == 0.25
    assert Objective("loss", "max").value(0.25) == 0.25


@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_stays_nan(mode):
    assert math.isnan(Objective("x", mode).score({"x": math.nan}))


def test_infinity_is_a_score():
    assert Objective("x", "max").score({"x": -math.inf}) == -math.inf


def test_an_integer_beyond_all_floats_counts_as_infinite():
    assert number({"x": 10**400}, "x", role="metric") == math.inf
    assert number({"x": -(10**400)}, "x", role="metric") == -math.inf


def test_nested_metric():
    assert number({"eval": {"test": {"acc": 0.5}}}, "eval/test/acc", role="metric") == 0.5
    assert number({"eval/acc": 0.5}, "eval/acc", role="metric") == 0.5


@pytest.mark.parametrize(
    "value", ["0.5", None, [0.5], {"mean": 0.5}, 1j, Decimal("0.5"), np.array([0.5]), np.array(0.5)], ids=repr
)
def test_what_is_no_real_number_is_refused(value):
    with pytest.raises(MetricError, match=rf"metric 'x' must be one real number, but {type(value).__name__} .* was"):
        number({"x": value}, "x", role="metric")


def test_long_values_are_shortened_in_the_message():
    with pytest.raises(MetricError) as refusal:
        number({"x": "y" * 1000}, "x", role="metric")
    assert len(str(refusal.value)) < 250


def test_the_message_names_the_nearest_of_the_users_own_keys():
    metrics = dict.fromkeys(AUTOMATIC_KEYS, 0) | {"eval": {"acuracy": 0.5}, "loss": 1}
    with pytest.raises(MetricError) as refusal:
        number(metrics, "eval/accuracy", role="metric")
    assert str(refusal.value) == (
        "metric 'eval/accuracy' is not among the reported keys: 'eval/acuracy', 'loss'. Did you mean 'eval/acuracy'?"
    )


def test_automatic_keys_are_named_where_there_is_nothing_else():
    with pytest.raises(MetricError, match="keys: 'training_iteration'"):
        number({"training_iteration": 1}, "x", role="time_attr")
    with pytest.raises(MetricError, match="keys: none"):
        number({}, "x", role="time_attr")


def test_what_a_threshold_can_be_compared_with():
    assert [is_real(value) for value in (1, 0.5, np.float64(1), "1", None, [1])] == [True] * 3 + [False] * 3

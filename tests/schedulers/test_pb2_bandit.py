"""The model behind PB2: which of some points to try next."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.schedulers.bandit import most_promising, standardised

HALL = [(0.0, 0.5, place / 20) for place in range(21)]  # 21 values of one hyperparameter, now, for the same donor


def seen_at(*places, rounds=-1.0):
    return [(rounds, 0.5, place) for place in places]


def test_where_most_was_gained_is_tried_next():
    seen = seen_at(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert HALL[most_promising(seen, [0, 0, 0, 5, 0, 0], [], HALL)][2] == pytest.approx(0.6, abs=0.1)


def test_where_nobody_was_is_tried_when_all_gained_the_same():
    seen = seen_at(0.0, 0.1, 0.2, 0.3, 0.4)
    assert HALL[most_promising(seen, [1.0] * 5, [], HALL)][2] == 1.0


def test_of_two_good_places_the_one_where_nobody_trains_is_tried():
    seen, gains = seen_at(0.0, 0.25, 0.5, 0.75, 1.0), [0, 1, 0, 1, 0]
    for here, there in ((0.25, 0.75), (0.75, 0.25)):
        training = seen_at(here, here, here, rounds=0.0)
        assert HALL[most_promising(seen, gains, training, HALL)][2] == pytest.approx(there, abs=0.1)


def test_what_trains_now_says_nothing_about_gains():
    """Where nobody knows better, a hundred that train at a good place do not make it a bad one for the model's mean."""
    seen, gains = seen_at(*(place / 10 for place in range(11))) * 8, [math.exp(-abs(p - 3)) for p in range(11)] * 8
    training = seen_at(*[0.3] * 100, rounds=0.0)
    assert HALL[most_promising(seen, gains, training, HALL)][2] == pytest.approx(0.3, abs=0.11)


def test_old_gains_count_less_than_new_ones():
    places = (0.0, 0.25, 0.5, 0.75, 1.0)
    seen = [point for rounds in (-62.0, -61.0, -60.0, -1.0) for point in seen_at(*places, rounds=rounds)]
    gains = [*[0, 9, 0, 0, 0] * 3, *[0, 0, 0, 9, 0]]
    assert HALL[most_promising(seen, gains, [], HALL)][2] == pytest.approx(0.75, abs=0.1)


NUMBERS = st.floats(allow_nan=False)
PLACES = st.floats(0, 1)


@given(
    st.lists(st.tuples(st.tuples(st.floats(-1e6, 1e6), PLACES, PLACES, PLACES), NUMBERS), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(-1e6, 1e6), PLACES, PLACES, PLACES), max_size=10),
    st.lists(st.tuples(st.just(0.0), PLACES, PLACES, PLACES), min_size=1, max_size=10),
)
def test_any_history_leads_to_a_choice(history, training, tried):
    """No warning of NumPy or scikit-learn either: in tests those are errors."""
    assert 0 <= most_promising([p for p, _ in history], [g for _, g in history], training, tried) < len(tried)


@given(st.lists(NUMBERS, min_size=1))
def test_standardised_gains_are_small_numbers_in_the_same_order(rates):
    gains = standardised(rates)
    assert np.all(np.abs(gains) <= 2)
    assert np.all(np.diff(gains[np.argsort(rates, kind="stable")]) >= -1e-6)


def test_gains_that_differ_by_rounding_are_the_same():
    assert np.abs(standardised([0.3 - 0.2, 0.2 - 0.1, 0.1 - 0.0])).max() < 1e-6


def test_numpy_may_be_set_to_raise():
    with np.errstate(all="raise"):
        most_promising(seen_at(0.0, 1.0, rounds=-1e6), [-math.inf, 1e308], seen_at(0.5), HALL)

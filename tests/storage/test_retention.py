import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import OptionError
from poptune.storage.retention import CheckpointConfig, Retention


def checkpoint(number, trial="a"):
    return SavedCheckpoint(f"net_{trial}/checkpoint_{number:06d}", trial, Progress(number))


def kept(config, metrics, needed=()):
    """Return the numbers of the checkpoints that stay, when one came with each of these metrics."""
    retention = Retention(config)
    remaining = dict.fromkeys(range(len(metrics)))
    for number, values in enumerate(metrics):
        retention.stored(checkpoint(number), values)
        for doomed in retention.doomed({checkpoint(n).path for n in needed}):
            del remaining[doomed.progress.iteration]
    return list(remaining)


def accuracies(*values):
    return [{"eval": {"accuracy": value}} for value in values]


def by_accuracy(keep, order="max"):
    return CheckpointConfig(keep, "eval/accuracy", order)


def test_by_default_all_stay():
    assert kept(CheckpointConfig(), [{}] * 5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("keep", "stay"), [(1, [4]), (2, [3, 4]), (5, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4])])
def test_without_a_score_the_newest_stay(keep, stay):
    assert kept(CheckpointConfig(keep), [{}] * 5) == stay


@pytest.mark.parametrize(
    ("order", "values", "stay"),
    [
        ("max", [0.1, 0.9, 0.5, 0.2], [1, 2]),
        ("min", [0.1, 0.9, 0.5, 0.2], [0, 3]),
        ("max", [0.5, 0.5, 0.5], [1, 2]),
        ("min", [0.5, 0.5, 0.5], [1, 2]),
        ("max", [math.nan, 0.1, math.nan, 0.2], [1, 3]),
        ("min", [math.nan, 0.1, math.nan, 0.2], [1, 3]),
        ("max", [-5.0, math.nan], [0, 1]),
        ("max", [math.inf, 1.0, 2.0, -math.inf], [0, 2]),
        ("min", [np.float32(3), np.int64(1), 2], [1, 2]),
        ("max", [0.3, "good", None, 0.1], [0, 3]),
    ],
)
def test_with_a_score_the_best_stay_and_what_is_no_number_goes_first(order, values, stay):
    assert kept(by_accuracy(2, order), accuracies(*values)) == stay


def test_a_report_without_the_score_goes_first():
    assert kept(by_accuracy(1), [*accuracies(0.1), {"loss": 3.0}, {"eval": 0.9}]) == [0]


def test_a_checkpoint_that_is_needed_stays_until_it_is_not():
    retention = Retention(CheckpointConfig(1))
    for number in range(3):
        retention.stored(checkpoint(number), {})
    assert retention.doomed({checkpoint(0).path}) == [checkpoint(1)]
    assert retention.doomed({checkpoint(0).path}) == []
    assert retention.doomed(set()) == [checkpoint(0)]
    assert retention.doomed(set()) == []


def test_what_is_needed_stays_beyond_the_best():
    assert kept(by_accuracy(1), accuracies(0.9, 0.1, 0.2), needed=[1]) == [0, 1]


def test_each_trial_keeps_its_own():
    retention = Retention(CheckpointConfig(1))
    for trial in "ab":
        retention.stored(checkpoint(0, trial), {})
    assert retention.doomed(set()) == []
    retention.stored(checkpoint(1, "b"), {})
    assert retention.doomed(set()) == [checkpoint(0, "b")]


@given(st.lists(st.floats(), max_size=30), st.integers(1, 5), st.sampled_from(["max", "min"]))
def test_never_fewer_than_asked_for_and_never_a_better_one_gone(values, keep, order):
    stay = kept(by_accuracy(keep, order), accuracies(*values))
    assert len(stay) == min(keep, len(values))
    sign = 1 if order == "max" else -1
    rank = [-math.inf if math.isnan(value) else sign * value for value in values]
    gone = set(range(len(values))) - set(stay)
    assert all(rank[worse] <= rank[better] for worse in gone for better in stay)


@pytest.mark.parametrize("keep", [0, -1, True, 1.0, "2", math.inf])
def test_a_number_to_keep_that_cannot_be_is_refused(keep):
    with pytest.raises(OptionError, match=r"num_to_keep must be None .* or a whole number from 1"):
        CheckpointConfig(num_to_keep=keep)


@pytest.mark.parametrize("order", ["best", "MAX", None])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(OptionError, match='checkpoint_score_order must be "max" or "min"'):
        CheckpointConfig(checkpoint_score_order=order)


@pytest.mark.parametrize("frequency", [-1, True, 2.5, "5", None])
def test_a_frequency_that_cannot_be_is_refused(frequency):
    with pytest.raises(OptionError, match="checkpoint_frequency must be a whole number from 0"):
        CheckpointConfig(checkpoint_frequency=frequency)

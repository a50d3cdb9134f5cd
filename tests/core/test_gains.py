from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.events import TrialReset
from poptune.core.gains import NEWEST, Gain, Gains
from poptune.core.population import Population
from poptune.schedulers import or_stay, truncation
from story import Story


def told(population):
    """Return the gains of a population in short: who, from when to when, from which score to which."""
    return [("ab"[gain.index], gain.start, gain.time, gain.before, gain.score) for gain in population.gains]


def test_the_first_decision_point_begins_a_gain_and_the_second_ends_it():
    story = Story("ab", exploit=truncation(0))
    story.all_report(10, {"a": 1.0, "b": 2.0})
    assert told(story.population) == []
    story.all_report(20, {"a": 1.5, "b": 1.0})
    assert told(story.population) == [("a", 10, 20, 1.0, 1.5), ("b", 10, 20, 2.0, 1.0)]
    assert [gain.rate for gain in story.population.gains] == [0.05, -0.1]


def test_a_clone_gains_from_the_score_of_its_donor_with_its_own_hyperparameters():
    story = Story("ab", synch=True)
    story.all_report(10, {"a": 0.0, "b": 5.0})
    varied = story.population["a"].config
    story.all_report(20, {"a": 6.0, "b": 5.5})
    gain = next(iter(story.population.gains))
    assert (gain.config, gain.before, gain.score) == (varied, 5.0, 6.0)


def test_who_explores_on_its_own_weights_gains_from_its_own_score():
    story = Story("ab", synch=True, exploit=or_stay(truncation(0)))
    story.all_report(10, {"a": 0.0, "b": 5.0})
    story.all_report(20, {"a": 1.0, "b": 4.0})
    assert told(story.population) == [("a", 10, 20, 0.0, 1.0), ("b", 10, 20, 5.0, 4.0)]


def test_a_retry_in_between_is_part_of_the_gain():
    story = Story("ab", exploit=truncation(0))
    story.report("a", 10, 1.0)
    story.report("a", 15, 7.0)
    story.fail("a", retry=True)
    story.report("a", 20, 2.0)
    assert told(story.population) == [("a", 10, 20, 1.0, 2.0)]


def test_who_began_again_from_nothing_gains_nothing_until_its_next_decision_point():
    story = Story("a")
    story.report("a", 10, 1.0)
    story.happens(TrialReset("a", {"lr": 0.5}, generation=1))
    story.report("a", 10, 3.0)
    story.report("a", 20, 4.0)
    assert told(story.population) == [("a", 10, 20, 3.0, 4.0)]


def test_what_becomes_nan_is_a_loss_without_bound():
    story = Story("a")
    story.report("a", 10, 1.0)
    story.report("a", 20, nan)
    assert [gain.rate for gain in story.population.gains] == [-inf]


@pytest.mark.parametrize("first", [nan, inf, -inf])
def test_what_began_with_no_finite_score_has_no_gain(first):
    story = Story("a")
    story.report("a", 10, first)
    story.report("a", 20, 1.0)
    assert len(story.population.gains) == 0


def test_a_history_does_not_grow_for_ever():
    story = Story("ab", exploit=truncation(0))
    for iteration in range(10, 1010, 10):
        story.all_report(iteration, {"a": 0.0, "b": 1.0})
    assert len(story.population.gains) == NEWEST
    assert {gain.start for gain in story.population.gains} == set(range(500, 1000, 10))


@given(st.permutations(range(12)))
def test_which_gains_are_kept_does_not_depend_on_who_came_first(order):
    all_gains = [Gain(i % 3, i // 3, {}, 10.0 * (i // 3), 10.0 * (i // 3) + 10, 0.0, float(i)) for i in range(12)]
    gains = Gains(most=7)
    for i in order:
        gains.add(all_gains[i])
    assert list(gains) == all_gains[-7:]


def test_the_gains_are_part_of_the_fold():
    story = Story("abcd", seed=5, quantile_fraction=0.25)
    for iteration in range(10, 100, 10):
        story.all_report(iteration, {name: iteration * (index + 1.0) for index, name in enumerate("abcd")})
    assert list(Population.of(story.events, seed=5).gains) == list(story.population.gains)

"""All trials wait for each other."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.decisions import Exploit
from poptune.core.trial import Status
from story import Story


def test_nobody_is_settled_before_everybody_is_due():
    story = Story("abc", synch=True)
    assert story.report("a", 10, score=1.0) == []
    assert story.report("b", 10, score=2.0) == []
    assert [trial.status for trial in story.population] == [Status.PAUSED, Status.PAUSED, Status.PENDING]
    assert story.report("c", 10, score=3.0) == ["c goes on", "b goes on", "a clones c"]
    assert {trial.status for trial in story.population} == {Status.RUNNING}


def test_a_round_is_settled_from_the_best_to_the_worst():
    scores = {"a": 3.0, "b": 1.0, "c": 4.0, "d": 2.0}
    for order in permutations(scores):
        story = Story("abcd", synch=True, quantile_fraction=0.25)
        assert story.all_report(10, {trial: scores[trial] for trial in order}) == [
            *("c goes on", "a goes on", "d goes on", "b clones c")
        ]


def test_each_keeps_its_own_time():
    story = Story("ab", synch=True)
    story.report("a", 10, score=2.0)
    assert story.report("b", 14, score=3.0) == ["b goes on", "a clones b"]
    assert [trial.last_ready for trial in story.population] == [14, 14]
    story.report("a", 24, score=5.0)
    story.report("b", 29, score=6.0)
    assert story.population["b"].last_ready == 29


def test_of_two_the_worse_one_clones_the_better_one_in_every_round():
    story = Story("ab", synch=True)
    rounds = []
    for iteration in range(10, 60, 10):
        better = "ab"[iteration // 10 % 2]
        rounds.append(story.all_report(iteration, {"a": float(better == "a"), "b": float(better == "b")}))
    assert rounds == [["b goes on", "a clones b"], ["a goes on", "b clones a"]] * 2 + [["b goes on", "a clones b"]]


@pytest.mark.parametrize(("heights", "best"), [((10, 20, 40), 43), ((30, 20, 10), 33)])
def test_everybody_ends_with_the_best_height_of_the_first_round(heights, best):
    """The score is the iteration plus a height that clones take over: Ray Tune's own example."""
    story = Story("abc", synch=True, perturbation_interval=1, quantile_fraction=0.25)
    height = dict(zip("abc", heights, strict=True))
    highest = dict.fromkeys("abc", 0)
    for iteration in (1, 2, 3):
        for trial in "abc":
            score = iteration + height[trial]
            highest[trial] = max(highest[trial], score)
            story.report(trial, iteration, score)
        for decision in story.decisions[-3:]:
            if isinstance(decision, Exploit):
                height[decision.trial] = height[decision.donor]
    assert highest == dict.fromkeys("abc", best)


def test_overdue_trials_are_waited_for():
    story = Story("ab", synch=True)
    story.report("a", 10, score=1.0)
    assert story.report("b", 10, score=2.0, saves=False) == []
    assert story.report("b", 11, score=3.0) == ["b goes on", "a clones b"]


def test_trials_that_have_not_started_are_waited_for():
    story = Story("abc", synch=True)
    story.start("a")
    story.start("b")
    assert story.all_report(10, {"a": 1.0, "b": 2.0}) == []
    story.start("c")
    assert len(story.report("c", 10, score=0.0)) == 3


def test_a_trial_that_fails_and_tries_again_is_waited_for():
    story = Story("abc", synch=True)
    story.all_report(10, {"a": 1.0, "b": 2.0})
    assert story.fail("c", retry=True) == []
    assert story.report("c", 10, score=3.0) == ["c goes on", "b goes on", "a clones c"]


@pytest.mark.parametrize("leave", [Story.finish, Story.fail], ids=["finishes", "fails for good"])
def test_the_last_one_missing_releases_the_round_when_it_leaves(leave):
    story = Story("abc", synch=True)
    story.all_report(10, {"a": 1.0, "b": 2.0})
    assert leave(story, "c") == ["b goes on", "a clones b"]


@pytest.mark.parametrize("leave", [Story.finish, Story.fail], ids=["finished", "failed for good"])
def test_the_others_go_on_in_rounds_without_those_who_left(leave):
    story = Story("abc", synch=True)
    story.all_report(10, {"a": 1.0, "b": 2.0, "c": 3.0})
    leave(story, "c")
    for iteration in (20, 30):
        assert story.all_report(iteration, {"a": 1.0, "b": 2.0}) == ["b goes on", "a clones b"]


def test_somebody_who_waits_may_leave_as_well():
    story = Story("abc", synch=True)
    story.all_report(10, {"a": 1.0, "b": 2.0})
    assert story.fail("b") == []
    assert story.report("c", 10, score=3.0) == ["c goes on", "a clones c"]


def test_the_last_survivor_goes_on_alone():
    story = Story("ab", synch=True)
    story.report("a", 10, score=1.0)
    assert story.fail("b") == ["a goes on"]
    assert story.report("a", 20, score=1.0) == ["a goes on"]


def test_when_all_have_left_nothing_is_decided():
    story = Story("ab", synch=True)
    assert story.finish("a") == []
    assert story.finish("b") == []


@given(
    scores=st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan"), float("inf")]), min_size=6, max_size=6),
    first=st.permutations("abcdef"),
    second=st.permutations("abcdef"),
    fraction=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_the_order_of_arrival_does_not_matter(scores, first, second, fraction):
    score = dict(zip("abcdef", scores, strict=True))

    def decisions(*orders):
        story = Story("abcdef", synch=True, quantile_fraction=fraction)
        for iteration, order in enumerate(orders, start=1):
            story.all_report(10 * iteration, {trial: score[trial] for trial in order})
        return story.decisions

    assert repr(decisions(first, second)) == repr(decisions("abcdef", "abcdef"))

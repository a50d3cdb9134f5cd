"""Who is a loser, who may be a donor."""

from collections import Counter
from math import inf, nan

import pytest

from poptune.core.lease import Lease
from poptune.schedulers import truncation
from story import Story


def losers_and_donors(scores, seeds=range(40), **options):
    """Who is cloned away and who is copied in synchronous rounds of many runs."""
    losers, donors = set(), set()
    for seed in seeds:
        story = Story("".join(scores), seed=seed, synch=True, **options)
        for words in story.all_report(10, scores):
            match words.split():
                case [loser, "clones", donor]:
                    losers.add(loser)
                    donors.add(donor)
    return "".join(sorted(losers)), "".join(sorted(donors))


def test_the_two_lowest_of_five_copy_the_two_highest():
    scores = {"a": 0, "b": 50, "c": 100, "d": 150, "e": 200}
    assert losers_and_donors(scores, quantile_fraction=0.25) == ("ab", "de")


@pytest.mark.parametrize(
    ("trials", "fraction", "expected"),
    [
        ("a", 0.5, ("", "")),
        ("ab", 0.5, ("a", "b")),
        ("ab", 0.01, ("a", "b")),
        ("abc", 0.5, ("a", "c")),
        ("abcd", 0.25, ("a", "d")),
        ("abcde", 0.25, ("ab", "de")),
        ("abcdefghi", 0.25, ("abc", "ghi")),
        ("abcdefghi", 0.0, ("", "")),
    ],
)
def test_sizes_of_the_groups(trials, fraction, expected):
    scores = {trial: float(rank) for rank, trial in enumerate(trials)}
    assert losers_and_donors(scores, quantile_fraction=fraction) == expected


def test_min_mirrors_max():
    scores = {"a": 3.0, "b": 1.0, "c": 4.0, "d": 1.5}
    up, down = Story("abcd", synch=True), Story("abcd", synch=True, mode="min")
    assert up.all_report(10, scores) == down.all_report(10, {trial: -score for trial, score in scores.items()})
    assert up.decisions == down.decisions
    assert down.scheduler.objective.value(down.population["a"].standing.score) == -3.0  # the user's own figure


@pytest.mark.parametrize("synch", [True, False])
def test_with_quantile_fraction_zero_nobody_is_ever_due_not_even_nan(synch):
    story = Story("abc", quantile_fraction=0, synch=synch)
    assert story.scheduler.lease(story.population["a"], {}) == Lease()
    for iteration in (10, 20, 30):
        assert story.all_report(iteration, {"a": 1.0, "b": nan, "c": 2.0}) == []
    assert set(story.kinds) == {"TrialAdded", "Reported"}


def test_truncation_of_nobody_looks_at_everybody_and_clones_nobody():
    story = Story("abc", exploit=truncation(0))
    assert story.all_report(10, {"a": 1.0, "b": nan, "c": 2.0}) == ["a goes on", "b goes on", "c goes on"]


def test_of_equal_scores_the_earlier_trial_ranks_lower():
    assert losers_and_donors(dict.fromkeys("abcd", 1.0)) == ("ab", "cd")
    assert losers_and_donors(dict.fromkeys("dcba", 1.0)) == ("cd", "ab")


def test_infinities_are_ordinary_scores():
    assert losers_and_donors({"a": 0.0, "b": inf, "c": -inf, "d": 1.0}, quantile_fraction=0.25) == ("c", "b")


def test_nan_ranks_below_minus_infinity():
    assert losers_and_donors({"a": -inf, "b": nan, "c": 0.0, "d": 1.0}, quantile_fraction=0.25) == ("b", "d")


def test_every_nan_is_rescued_and_none_is_copied():
    assert losers_and_donors({"a": nan, "b": nan, "c": nan, "d": 0.0}, quantile_fraction=0.5) == ("abc", "d")
    assert losers_and_donors({"a": nan, "b": nan, "c": nan, "d": 0.0}, quantile_fraction=0.25) == ("abc", "d")


def test_nobody_can_rescue_a_population_of_nan():
    story = Story("abc", synch=True)
    assert story.all_report(10, dict.fromkeys("abc", nan)) == ["c goes on", "b goes on", "a goes on"]


def test_nan_is_rescued_with_either_mode():
    scores = {"a": 1.0, "b": nan, "c": 2.0, "d": 3.0}
    assert losers_and_donors(scores, quantile_fraction=0.25, mode="max") == ("b", "d")
    assert losers_and_donors(scores, quantile_fraction=0.25, mode="min") == ("b", "a")


def test_a_trial_ranks_with_its_last_decision_and_not_with_its_newest_report():
    story = Story("ab")
    story.report("a", 10, score=5.0)
    story.report("a", 15, score=-100.0)
    assert story.report("b", 10, score=1.0) == ["b clones a"]
    assert story.last.donor_score == 5.0


def test_a_report_that_is_not_due_does_not_rank():
    story = Story("ab")
    story.report("a", 9, score=100.0)
    assert story.report("b", 10, score=1.0) == ["b goes on"]


def test_who_finished_or_failed_is_no_donor():
    story = Story("abcd", quantile_fraction=0.25)
    story.all_report(10, {"a": 9.0, "b": 8.0, "c": 7.0})
    story.finish("a")
    story.fail("b")
    assert story.report("d", 10, score=1.0) == ["d clones c"]


def test_who_fails_and_tries_again_stays_a_donor():
    story = Story("ab")
    story.report("a", 10, score=9.0)
    story.fail("a", retry=True)
    assert story.report("b", 10, score=1.0) == ["b clones a"]


def test_those_who_left_do_not_count_in_the_size_of_the_groups():
    story = Story("abcdef", quantile_fraction=0.25)
    story.all_report(10, {"a": 6.0, "b": 5.0, "c": 4.0, "d": 3.0})
    for trial in "ab":
        story.finish(trial)
    assert story.report("e", 10, score=3.5) == ["e goes on"]  # d is the worst of three


def test_nested_metric():
    story = Story("ab", metric="eval/accuracy")
    story.report("a", 10, eval={"accuracy": 0.9})
    assert story.report("b", 10, eval={"accuracy": 0.1}) == ["b clones a"]


def test_donors_are_drawn_uniformly():
    drawn = Counter()
    for seed in range(400):
        story = Story("abcdefgh", seed=seed, quantile_fraction=0.5)
        story.all_report(10, {trial: 10.0 + rank for rank, trial in enumerate("bcdefgh")})
        story.report("a", 10, score=0.0)
        drawn[story.last.donor] += 1
    assert set(drawn) == set("efgh")
    assert all(70 < times < 130 for times in drawn.values()), drawn

from math import inf, isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from poptune.core.ranking import Ranking

SCORES = st.sampled_from([nan, -inf, -1.0, -0.0, 0.0, 1.0, inf])


def ranked(*scores):
    ranking = Ranking()
    for index, score in enumerate(scores):
        ranking.place(f"t{index}", index, score)
    return ranking


def in_order(ranking):
    return [ranking.at(position) for position in range(len(ranking))]


def test_from_worst_to_best():
    assert in_order(ranked(0.5, -1.0, 2.0)) == ["t1", "t0", "t2"]


def test_nan_ranks_below_every_number():
    ranking = ranked(-inf, nan, inf, nan)
    assert in_order(ranking) == ["t1", "t3", "t0", "t2"]
    assert ranking.numbers_from == 2


def test_of_equal_scores_the_earlier_trial_ranks_lower():
    ranking = Ranking()
    for index in (2, 0, 1, 10):
        ranking.place(f"t{index}", index, 1.0)
    assert in_order(ranking) == ["t0", "t1", "t2", "t10"]


def test_the_two_zeros_are_equal():
    assert in_order(ranked(0.0, -0.0)) == ["t0", "t1"]


def test_a_new_score_replaces_the_old_one():
    ranking = ranked(1.0, 2.0)
    ranking.place("t0", 0, 3.0)
    assert in_order(ranking) == ["t1", "t0"]


def test_a_number_after_nan_and_nan_after_a_number():
    ranking = ranked(nan, 1.0)
    ranking.place("t0", 0, 2.0)
    assert ranking.numbers_from == 0
    ranking.place("t1", 1, nan)
    ranking.place("t1", 1, nan)
    assert ranking.numbers_from == 1


def test_who_leaves_is_gone():
    ranking = ranked(nan, 1.0, 2.0)
    for trial in ("t0", "t1", "t1", "nobody"):
        ranking.remove(trial)
    assert in_order(ranking) == ["t2"]
    assert ranking.numbers_from == 0
    assert ("t1" in ranking, "t2" in ranking) == (False, True)


def test_below_a_position():
    ranking = ranked(2.0, 1.0, 1.0, nan)
    assert [trial for trial in ("t0", "t1", "t2", "t3") if ranking.is_below(trial, 2)] == ["t1", "t3"]


@given(st.lists(st.tuples(st.integers(0, 7), SCORES | st.none()), max_size=30))
def test_it_is_what_a_stable_sort_gives(moves):
    ranking, scores = Ranking(), {}
    for index, score in moves:
        if score is None:
            ranking.remove(f"t{index}")
            scores.pop(index, None)
        else:
            ranking.place(f"t{index}", index, score)
            scores[index] = score
    expected = sorted(
        sorted(scores), key=lambda index: (not isnan(scores[index]), 0 if isnan(scores[index]) else scores[index])
    )
    assert in_order(ranking) == [f"t{index}" for index in expected]
    assert [ranking.position(trial) for trial in in_order(ranking)] == list(range(len(expected)))
    assert ranking.numbers_from == sum(map(isnan, scores.values()))

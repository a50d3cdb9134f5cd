"""Who trains next, and where."""

from __future__ import annotations

from poptune.core.trial import Trial
from poptune.run.turns import Turns


def turns(workers, trials):
    queue = Turns()
    for worker in range(workers):
        queue.worker_is_ready(worker)
    for trial in trials:
        queue.want(trial)
    return queue


def trial(index, last_ready=0.0):
    return Trial(f"t{index}", index, {}, last_ready=last_ready)


def test_whoever_is_furthest_behind_goes_first():
    queue = turns(1, [trial(index, last_ready) for index, last_ready in enumerate([800, 700, 600, 500, 700])])
    order = []
    for _ in range(5):
        ((_, chosen),) = queue.take(live=5, workers=1)
        order.append(chosen)
        queue.block(0)
    assert order == ["t3", "t2", "t1", "t4", "t0"]


def test_no_worker_gets_a_second_trial_before_it_is_free():
    queue = turns(2, [trial(index) for index in range(4)])
    assert queue.take(live=4, workers=2) == [(0, "t0"), (1, "t1")]
    assert queue.take(live=4, workers=2) == []
    queue.block(1)
    assert queue.take(live=4, workers=2) == [(1, "t2")]


def test_a_worker_that_is_not_ready_gets_nobody():
    queue = Turns()
    queue.want(trial(0))
    assert queue.take(live=1, workers=2) == []


def test_a_trial_goes_on_where_it_lives_even_if_another_worker_is_free():
    queue = turns(2, [trial(0), trial(1)])
    queue.take(live=2, workers=2)
    queue.block(0)
    queue.block(1)
    queue.want(trial(1, last_ready=4))
    assert queue.take(live=2, workers=2) == [(1, "t1")]


def test_a_fast_worker_takes_no_more_than_its_share():
    queue = turns(2, [trial(index) for index in range(4)])
    assert queue.take(live=4, workers=2) == [(0, "t0"), (1, "t1")]
    queue.block(0)
    assert queue.take(live=4, workers=2) == [(0, "t2")]
    queue.block(0)
    assert queue.take(live=4, workers=2) == []  # t3 waits for the slow worker, which has room for it
    queue.block(1)
    assert queue.take(live=4, workers=2) == [(1, "t3")]


def test_who_leaves_makes_room():
    queue = turns(1, [trial(0), trial(1)])
    queue.take(live=1, workers=1)
    queue.block(0)
    assert queue.take(live=1, workers=1) == []
    queue.leave("t0")
    assert queue.take(live=1, workers=1) == [(0, "t1")]


def test_who_left_is_not_called_up():
    queue = turns(1, [trial(0), trial(1)])
    queue.leave("t0")
    assert queue.take(live=1, workers=1) == [(0, "t1")]


def test_the_trials_of_a_lost_worker_can_live_anywhere():
    queue = turns(2, [trial(0), trial(1), trial(2)])
    queue.take(live=3, workers=2)
    queue.block(0)
    queue.take(live=3, workers=2)
    queue.block(0)
    assert queue.worker_is_lost(0) == ["t0", "t2"]
    assert queue.running(0) is None
    queue.block(1)
    queue.want(trial(2))
    assert queue.take(live=3, workers=2) == [(1, "t2")]


def test_trials_beyond_a_workers_share_can_be_called_away_but_for_the_one_that_trains():
    queue = turns(1, [trial(index) for index in range(4)])
    for _ in range(3):
        queue.take(live=4, workers=1)
        queue.block(0)
    queue.take(live=4, workers=1)
    assert queue.running(0) == "t3"
    assert queue.crowded(live=4, workers=1) == []
    assert queue.crowded(live=4, workers=2) == ["t0", "t1"]

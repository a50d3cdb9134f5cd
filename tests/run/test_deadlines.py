"""Nothing waits without an end: a trial that hangs is ended, a round goes on without those that do not come."""

from __future__ import annotations

import ctypes
import os
import signal

import pytest

import poptune as tune
from poptune.core.events import TrialFailed, TrialLate
from poptune.errors import OptionError
from poptune.run.deadlines import Deadlines
from runs import events, pbt, wait_for
from story import Story


def endless():
    while True:
        pass


def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)


def holding_the_interpreter():
    ctypes.PyDLL(None).sleep(100)


@pytest.mark.parametrize("hang", [endless, stopped, holding_the_interpreter])
def test_a_trial_that_hangs_is_ended_and_starts_again_from_its_checkpoint(fit, tmp_path, hang):
    def hangs_once(config):
        step = tune.get_checkpoint().to_dict()["step"] if tune.get_checkpoint() else 0
        while True:
            step += 1
            tune.report({"step": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))
            if config["hangs"] and step == 3 and not (tmp_path / "hung").exists():
                (tmp_path / "hung").touch()
                hang()

    results = fit(
        hangs_once,
        {"hangs": tune.grid_search([True, False])},
        executor="processes",
        stop={"step": 6},
        failure_config=tune.FailureConfig(max_failures=1, report_timeout_s=2.0),
    )
    assert results.errors == []
    assert [[row["step"] for row in result.rows] for result in results] == [list(range(1, 7))] * 2
    (failed,) = events(results, TrialFailed)
    assert failed.error == ("WorkerDied: it did not report for 2 s (report_timeout_s), so its worker process was ended")


def test_a_trial_that_hangs_for_good_does_not_stop_the_others(fit):
    def hangs(config):
        tune.report({"height": 0.0}, checkpoint=tune.Checkpoint.from_dict({}))
        while config["hangs"]:
            pass
        tune.report({"height": 1.0}, checkpoint=tune.Checkpoint.from_dict({}))

    results = fit(
        hangs,
        {"hangs": tune.grid_search([True, False]), "speed": 1.0},
        executor="processes",
        scheduler=pbt(interval=2),
        failure_config=tune.FailureConfig(report_timeout_s=2.0),
    )
    assert [result.error is not None for result in results] == [True, False]
    assert results[1].metrics["height"] == 1.0


def test_a_round_goes_on_without_a_straggler_which_joins_a_later_one(fit, tmp_path):
    def straggle(config):
        state = {"height": 0.0, "step": 0}
        if checkpoint := tune.get_checkpoint():
            state = checkpoint.to_dict()
        while True:
            if config["name"] == 0 and state["step"] == 1:  # until the others have passed a round
                wait_for(lambda: (tmp_path / "others").exists(), "the others")
                (tmp_path / "straggler").touch()
            if config["name"] != 0 and state["step"] == 2:
                (tmp_path / "others").touch()
                wait_for(lambda: (tmp_path / "straggler").exists(), "the straggler")
            state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
            tune.report(state, checkpoint=tune.Checkpoint.from_dict(state))

    results = fit(
        straggle,
        {"name": tune.grid_search([0, 1, 2]), "speed": tune.sample_from(lambda config: float(config["name"]))},
        executor="processes",
        scheduler=pbt(interval=2, private=["name"], quantile_fraction=0.3),
        stop={"training_iteration": 8},
        max_concurrent_trials=3,
        failure_config=tune.FailureConfig(round_timeout_s=1.0),
    )
    assert results.errors == []
    assert [result.metrics["training_iteration"] for result in results] == [8, 8, 8]
    late = events(results, TrialLate)
    assert late[0].trial == results[0].trial_id
    assert any(exploit.trial == results[0].trial_id for exploit in results.exploits)


def test_who_is_late_keeps_nobody_waiting_until_it_is_due():
    story = Story("abc", synch=True, quantile_fraction=0.3)
    assert story.report("a", 10, 1.0) == []
    assert story.report("b", 10, 2.0) == []
    assert story.happens(TrialLate("c", 5.0)) == ["b goes on", "a clones b"]
    assert story.all_report(20, {"a": 3.0, "b": 4.0}) == ["b goes on", "a clones b"]
    assert story.report("c", 10, 9.0) == []
    assert story.report("a", 30, 1.0) == []
    assert story.report("b", 30, 2.0) == ["c goes on", "b goes on", "a clones c"]


def test_who_is_late_and_leaves_is_not_waited_for():
    story = Story("abc", synch=True, quantile_fraction=0.3)
    story.happens(TrialLate("c", 5.0))
    story.fail("c")
    assert story.report("a", 10, 1.0) == []
    assert story.report("b", 10, 2.0) == ["b goes on", "a clones b"]


def test_rounds_wait_by_the_last_that_came_not_by_the_first():
    times = iter([0.0, 4.0, 8.0, 12.0, 14.0])
    deadlines = Deadlines(None, 5.0, lambda: next(times))
    story = Story("abc", synch=True)
    assert deadlines.stragglers(story.population) == []
    story.report("a", 10)
    assert deadlines.stragglers(story.population) == []
    story.report("b", 10)
    assert deadlines.stragglers(story.population) == []
    assert deadlines.stragglers(story.population) == []
    assert deadlines.stragglers(story.population) == ["c"]


def test_nobody_is_blamed_for_the_time_in_which_the_whole_job_was_suspended():
    hour_s = 3600.0
    times = iter([0.0, 0.5, 0.6 + hour_s, 1.5 + hour_s, 2.5 + hour_s, 3.4 + hour_s])
    deadlines = Deadlines(3.0, None, lambda: next(times))
    deadlines.heard(0)
    assert [deadlines.silent() for _ in range(5)] == [[], [], [], [0], []]


@pytest.mark.parametrize("name", ["report_timeout_s", "round_timeout_s"])
@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), "5", True])
def test_limits_that_cannot_be_are_refused(name, limit):
    with pytest.raises(OptionError, match=f"{name} must be None"):
        tune.FailureConfig(**{name: limit})


def test_a_limit_that_cannot_be_kept_inline_is_refused():
    with pytest.raises(OptionError, match="report_timeout_s ends the worker process of a trial that hangs"):
        tune.RunConfig(executor="inline", failure_config=tune.FailureConfig(report_timeout_s=1.0))

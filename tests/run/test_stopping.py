"""When trials, and whole runs, have trained enough: numbers, functions, stoppers, time."""

from __future__ import annotations

import math
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import poptune as tune
from poptune.core.decisions import Exploit, Stop
from poptune.core.events import Reported, TrialStarted
from poptune.errors import StopError
from poptune.executors.base import Resume, Start
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import truncation
from poptune.stopper import (
    CombinedStopper,
    ExperimentPlateauStopper,
    FunctionStopper,
    MaximumIterationStopper,
    NoopStopper,
    TimeoutStopper,
    TrialPlateauStopper,
)
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt

EXECUTORS = [
    pytest.param(InlineExecutor, id="inline"),
    pytest.param(lambda: ProcessExecutor(2), id="processes"),
    pytest.param(SimulatedExecutor, id="simulated"),
]


class After(tune.Stopper):
    """Ends the run when it has seen so many results; remembers who reported."""

    def __init__(self, results):
        self.results = results
        self.seen = []

    def __call__(self, trial_id, result):
        self.seen.append((trial_id, result["training_iteration"]))
        return False

    def stop_all(self):
        return len(self.seen) >= self.results


class Broken(tune.Stopper):
    """Raises when it sees an iteration, or when it is asked about the run after that."""

    def __init__(self, iteration, in_stop_all=False):
        self.iteration = iteration
        self.in_stop_all = in_stop_all
        self.is_due = False

    def __call__(self, trial_id, result):
        self.is_due = result["training_iteration"] == self.iteration
        if self.is_due and not self.in_stop_all:
            raise LookupError("no such threshold")
        return False

    def stop_all(self):
        if self.is_due:
            raise LookupError("no such threshold")
        return False


class Listening(SimulatedExecutor):
    """Remembers the leases that trials trained under."""

    def open(self, job):
        self.leases = []
        super().open(job)

    def send(self, worker, command):
        if isinstance(command, (Start, Resume)):
            self.leases.append(command.lease)
        super().send(worker, command)


def climb(fit, stop, executor="inline", **options):
    """Let two trials climb until they are stopped."""
    return fit(Climber, {"speed": tune.grid_search([1.0, 2.0])}, stop=stop, executor=executor, **options)


def iterations(results):
    return [result.metrics.get("training_iteration", 0) for result in results]


def reasons(results):
    return [stop.reason for stop in events(results, Stop)]


# What may be given.


@pytest.mark.parametrize(
    ("stop", "expected", "words"),
    [
        ({"training_iteration": 3, "height": 4}, [3, 2], ["training_iteration >= 3", "height >= 4"]),
        (MaximumIterationStopper(3), [3, 3], ["training_iteration >= 3"] * 2),
        ([{"training_iteration": 5}, {"training_iteration": 3}], [3, 3], ["training_iteration >= 3"] * 2),
        (lambda trial_id, result: result["height"] >= 4, [4, 2], ["stop function <lambda>"] * 2),
        (FunctionStopper(lambda trial_id, result: trial_id.endswith("0")), [1, 9], None),
        ([MaximumIterationStopper(3), lambda trial_id, result: result["height"] == 4], [3, 2], None),
        (CombinedStopper(MaximumIterationStopper(3), TrialPlateauStopper("speed", grace_period=2)), [3, 3], None),
        (TrialPlateauStopper("speed"), [4, 4], ["plateau of speed"] * 2),
        (({"height": 4}, [NoopStopper()]), [4, 2], None),
    ],
)
def test_any_criterion_that_is_given_stops_a_trial(fit, stop, expected, words):
    results = climb(fit, [stop, {"training_iteration": 9}])
    assert iterations(results) == expected
    assert [result.metrics["done"] for result in results] == [True, True]
    if words:
        assert sorted(reasons(results)) == sorted(words)


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        (100, "stop must be a dictionary such as"),
        ("training_iteration", "not str"),
        ({"height": "high"}, "stop must map names to numbers, not 'height' to 'high'"),
        ([{"height": 1}, 3], "not int 3"),
        (NoopStopper, "not the class NoopStopper: make an object of it, NoopStopper(...)"),
        (type("Foreign", (), {"__call__": print, "stop_all": print})(), "derive it from poptune.Stopper"),
    ],
)
def test_what_is_no_criterion_is_refused(stop, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        tune.Tuner(Climber, run_config=tune.RunConfig(stop=stop))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MaximumIterationStopper(0), "max_iter must be a whole number from 1"),
        (lambda: TimeoutStopper("soon"), "timeout must be a number of seconds above 0 or a datetime.timedelta"),
        (lambda: TimeoutStopper(math.nan), "timeout"),
        (lambda: tune.TuneConfig(time_budget_s=-1), "time_budget_s must be a number of seconds above 0"),
        (lambda: TrialPlateauStopper("loss", num_results=0), "num_results"),
        (lambda: TrialPlateauStopper("loss", std=-1), "std must be a number from 0"),
        (lambda: TrialPlateauStopper("loss", metric_threshold=0.5), 'mode must be "min" or "max", not None'),
        (lambda: ExperimentPlateauStopper("loss", top=1), "top must be a whole number from 2"),
        (lambda: ExperimentPlateauStopper("loss", std=0), "std must be a number above 0"),
        (lambda: ExperimentPlateauStopper("loss", mode="least"), "mode"),
        (lambda: ExperimentPlateauStopper("loss", patience=-1), "patience"),
        (lambda: CombinedStopper({"loss": 1}), "CombinedStopper takes stoppers"),
        (lambda: FunctionStopper(NoopStopper), "FunctionStopper takes a function"),
    ],
)
def test_stoppers_that_cannot_work_are_refused(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


# Stoppers, by themselves.


def answers(stopper, *values, trial="a", key="loss"):
    """Return what a stopper says to a trial's values, one after the other."""
    return [stopper(trial, {key: value}) for value in values]


def test_a_trial_has_a_plateau_when_its_last_values_hardly_differ():
    stopper = TrialPlateauStopper("loss", std=0.1, num_results=2, grace_period=0)
    assert answers(stopper, 1.0, 0.5, 0.4) == [False, False, True]
    assert answers(stopper, 0.4, trial="b") == [False]


def test_no_trial_has_a_plateau_within_its_grace_period():
    stopper = TrialPlateauStopper("loss", num_results=2, grace_period=4)
    assert answers(stopper, 1.0, 1.0, 1.0, 1.0) == [False, False, False, True]


def test_a_plateau_beyond_the_threshold_does_not_count():
    low = TrialPlateauStopper("loss", num_results=2, grace_period=0, metric_threshold=0.5, mode="min")
    assert answers(low, 0.6, 0.6, 0.5, 0.5) == [False, False, False, True]
    high = TrialPlateauStopper("loss", num_results=2, grace_period=0, metric_threshold=0.5, mode="max")
    assert answers(high, 0.4, 0.4, 0.5, 0.5) == [False, False, False, True]


def test_a_plateau_is_found_in_a_metric_that_is_reported_now_and_then():
    stopper = TrialPlateauStopper("eval/loss", num_results=2, grace_period=0)
    rare = [{"loss": 9}, {"eval": {"loss": 1.0}}, {"loss": 8}, {"eval": {"loss": 1.0}}]
    assert [stopper("a", result) for result in rare] == [False, False, False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "low"])
def test_what_is_no_finite_number_makes_no_plateau(value):
    assert answers(TrialPlateauStopper("loss", num_results=2, grace_period=0), *[value] * 5) == [False] * 5


@given(
    st.lists(st.floats(-1e3, 1e3), max_size=12), st.integers(1, 4), st.integers(0, 6), st.floats(0, 500).filter(bool)
)
def test_a_plateau_is_what_its_definition_says(values, num_results, grace_period, std):
    import numpy as np

    stopper = TrialPlateauStopper("loss", std=std, num_results=num_results, grace_period=grace_period)
    for count, answer in enumerate(answers(stopper, *values), start=1):
        spread = np.std(values[max(0, count - num_results) : count])
        if count < max(num_results, grace_period):
            assert not answer
        elif spread != pytest.approx(std):
            assert answer == (spread < std)


def test_an_experiment_has_a_plateau_when_its_best_values_hardly_differ():
    stopper = ExperimentPlateauStopper("loss", top=2)
    assert answers(stopper, 0.5, 0.9, math.nan, 0.1, 0.1) == [False, False, False, False, True]
    largest = ExperimentPlateauStopper("loss", top=2, mode="max")
    assert answers(largest, 0.1, 0.1, 0.9) == [False, True, False]
    assert answers(largest, 0.9, 0.0) == [True, True]
    assert largest.stop_all()


def test_patience_is_reports_on_the_plateau_in_a_row():
    stopper = ExperimentPlateauStopper("loss", top=2, patience=3)
    assert answers(stopper, 0.5, 0.5, 0.5) == [False, False, False]
    assert answers(stopper, 0.1, 0.1, 0.1, 0.1) == [False, False, False, True]


def test_the_clock_starts_with_the_run_and_not_before():
    now = 0.0
    stopper = TimeoutStopper(timedelta(minutes=1), clock=lambda: now)
    now = 1000.0
    stopper.begin_run()
    now = 1059.0
    assert not stopper.stop_all()
    now = 1060.0
    assert stopper.stop_all()
    stopper.begin_run()
    assert not stopper.stop_all()
    assert not stopper("a", {})


def test_all_combined_stoppers_see_every_result():
    first, second = After(2), After(2)
    both = CombinedStopper(FunctionStopper(lambda trial_id, result: True), first, second)
    both("a", {"training_iteration": 1})
    assert first.seen == second.seen == [("a", 1)]
    assert not both.stop_all()
    assert str(both) == "stop function <lambda> or After or After"


# In a run.


def test_what_a_stop_function_sees_is_the_complete_result_and_its_own(fit):
    seen = []

    def look(trial_id, result):
        seen.append((trial_id, dict(result)))
        result["config"]["speed"] = 100.0
        return result["training_iteration"] == 2

    results = climb(fit, look)
    assert [trial for trial, _ in seen] == [result.trial_id for result in results for _ in range(2)]
    assert {"config", "trial_id", "experiment_tag", "hostname", "date", "height", "time_total_s"} <= set(seen[0][1])
    assert [result.metrics["height"] for result in results] == [2.0, 4.0]
    assert [result.config["speed"] for result in results] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("stop", "waits"),
    [
        ([{"training_iteration": 3}, MaximumIterationStopper(5), TimeoutStopper(1000), NoopStopper()], False),
        (CombinedStopper(MaximumIterationStopper(3), TimeoutStopper(1000)), False),
        ([{"training_iteration": 3}, lambda trial_id, result: False], True),
        ([{"training_iteration": 3}, TrialPlateauStopper("height")], True),
    ],
)
def test_reports_wait_only_for_criteria_that_must_see_them(fit, stop, waits):
    executor = Listening(workers=1)
    results = climb(fit, stop, executor)
    assert iterations(results) == [3, 3]
    assert {lease.every for lease in executor.leases} == {waits}
    assert len(executor.leases) == (6 if waits else 2)
    assert executor.leases[0].stop_at == {"training_iteration": 3}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_stopper_can_end_the_whole_run(fit, executor):
    stopper = After(7)
    results = climb(fit, stopper, executor(), num_samples=2, scheduler=pbt())
    assert len(events(results, Reported)) == len(stopper.seen) == 7
    assert results.num_terminated == 4
    assert reasons(results) == ["After"] * 4
    kinds = [type(record) for record in events(results, Reported, Exploit, TrialStarted, Stop)]
    assert kinds[-4:] == [Stop] * 4
    assert kinds.count(Stop) == 4


def test_a_run_that_is_over_before_it_begins_trains_nothing(fit):
    results = climb(fit, After(0))
    assert iterations(results) == [0, 0]
    assert events(results, TrialStarted, Reported) == []
    assert results.num_terminated == 2


def test_time_ends_a_run_whose_trials_never_end(fit):
    executor = SimulatedExecutor(workers=2)
    results = climb(fit, TimeoutStopper(10, clock=lambda: executor.now), executor)
    assert iterations(results) == [10, 9]  # the first report at 10 s is the last of all
    assert reasons(results) == ["time budget of 10 s"] * 2


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_time_ends_a_run_in_the_middle_of_long_leases(fit, executor):
    class Hours(tune.Callback):
        passed = 0

        def on_trial_result(self, **info):
            self.passed = 1

    hours = Hours()
    results = climb(fit, TimeoutStopper(3600, lambda: 3600 * hours.passed), executor, callbacks=[hours])
    assert results.num_terminated == 2
    assert max(iterations(results)) > 0
    assert reasons(results) == ["time budget of 3600 s"] * 2


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("budget", [0.05, timedelta(milliseconds=50)])
def test_a_time_budget_ends_a_run_whose_trials_never_end(fit, executor, budget):
    results = climb(fit, None, executor, time_budget_s=budget)
    assert results.num_terminated == 2
    assert reasons(results) == ["time budget of 0.05 s"] * 2


def test_a_plateau_of_the_best_ends_the_whole_run(fit):
    results = climb(fit, ExperimentPlateauStopper("speed", top=3, mode="max"), SimulatedExecutor(workers=2))
    assert len(events(results, Reported)) == 6
    assert reasons(results) == ["plateau of the best 3 speed"] * 2


def test_what_a_function_returns_at_its_end_stops_nothing(fit):
    stopper = After(100)

    def train(config):
        tune.report({"height": 1.0})
        return {"height": 1000.0}

    results = fit(train, {}, stop=[{"height": 10}, stopper])
    assert reasons(results) == []
    assert results[0].metrics["height"] == 1000.0
    assert len(stopper.seen) == 1


def test_one_run_config_serves_several_runs(fit):
    stop = [ExperimentPlateauStopper("height", top=2, mode="max"), TrialPlateauStopper("speed")]
    assert iterations(climb(fit, stop)) == iterations(climb(fit, stop)) == [4, 2]


def test_a_trial_that_was_stopped_with_the_run_gets_no_turn_any_more(fit):
    # One worker: a trial waits in it for its turn, free to train, when the other ends the run.
    executor = Listening(workers=1)
    scheduler = pbt(synch=False, exploit=truncation(0))
    assert iterations(climb(fit, After(5), executor, scheduler=scheduler)) == [3, 2]
    assert len(executor.leases) == 5  # one for each report


# Criteria that fail.


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("in_stop_all", [False, True])
def test_a_stopper_that_raises_ends_the_run_and_loses_nothing(fit, tmp_path, executor, in_stop_all):
    with pytest.raises(StopError, match="raised LookupError: no such threshold") as caught:
        climb(fit, Broken(3, in_stop_all), executor(), name="broken")
    assert isinstance(caught.value.__cause__, LookupError)
    results = tune.ResultGrid.from_path(tmp_path / "broken")
    assert max(iterations(results)) == 3
    trial = results[iterations(results).index(3)].trial_id
    where = "stop_all() of Broken" if in_stop_all else f"Broken at iteration 3 of trial {trial}"
    assert str(caught.value) == f"{where} raised LookupError: no such threshold"


def test_a_misspelt_criterion_is_named_once(fit, capsys):
    climb(fit, [{"hieght": 5, "training_iteration": 3}, TrialPlateauStopper("spede")])
    lines = [line for line in capsys.readouterr().err.splitlines() if "waits for" in line]
    words = "which is not among the reported keys; it stops nothing until it is. Did you mean"
    assert lines == [
        f"stop waits for 'hieght', {words} 'height'?",
        f"TrialPlateauStopper waits for 'spede', {words} 'speed'?",
    ]


def test_a_criterion_that_is_reported_is_not_warned_of(fit, capsys):
    climb(fit, [{"training_iteration": 2, "time_total_s": 1000}, TrialPlateauStopper("height")])
    assert "waits for" not in capsys.readouterr().err

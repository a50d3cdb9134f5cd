"""One trial that fails, returns early, or dies with its worker does not stop the others."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import TrialEvicted, TrialFailed, TrialStarted
from poptune.errors import TrialError
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import truncation
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import decisions, events, pbt

LIMIT = 12
EXECUTORS = [
    pytest.param(InlineExecutor, id="inline"),
    pytest.param(lambda: ProcessExecutor(1), id="one worker"),
    pytest.param(lambda: ProcessExecutor(2), id="two workers"),
]


def fragile(config):
    """Climbs; at iteration 5 the trial with `fate` does what its fate says, once per call of the run."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
        height, step = state["height"], state["step"]
    while True:
        step += 1
        if step == 5 and config["fate"] and not _happened(config):
            match config["fate"]:
                case "raise":
                    raise ValueError("the loss exploded")
                case "return":
                    return
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "exit 0" | "exit 3":
                    os._exit(int(config["fate"][-1]))
        height += config["speed"]
        saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if step % 2 == 0 else None
        tune.report({"height": height}, checkpoint=saved)


def _happened(config):
    """Say whether the fate has struck before; a file remembers it beyond the death of the process."""
    if config.get("once") is None:
        return False
    try:
        os.close(os.open(config["once"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return True
    return False


def run(fit, fate, executor, **options):
    fates = ["", fate, "", ""]
    config = options.pop("config", {})
    return fit(
        fragile,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0]), "fate": tune.sample_from(_fate_of(fates)), **config},
        scheduler=pbt(exploit=truncation(0), **options.pop("pbt", {})),
        stop={"training_iteration": LIMIT},
        executor=executor,
        **options,
    )


def _fate_of(fates):
    return lambda config: fates[int(config["speed"]) - 1]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_trial_that_raises_is_an_error_and_the_others_go_on(fit, executor):
    results = run(fit, "raise", executor())
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, 4, LIMIT, LIMIT]
    assert results.num_errors == 1
    error = results[1].error
    assert isinstance(error, TrialError)
    assert "ValueError: the loss exploded" in str(error)
    assert 'raise ValueError("the loss exploded")' in str(error)
    assert "poptune/executors" not in str(error)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_trial_that_returns_early_is_done_and_the_others_go_on(fit, executor):
    results = run(fit, "return", executor())
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, 4, LIMIT, LIMIT]
    assert results.errors == []
    assert results.num_terminated == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_costs_only_the_trial_that_trained_in_it(fit, workers):
    results = run(fit, "kill", ProcessExecutor(workers))
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, 4, LIMIT, LIMIT]
    assert "was killed by signal 9 (SIGKILL) while it trained" in str(results[1].error)
    for result in (results[0], results[2], results[3]):
        assert [row["training_iteration"] for row in result.rows] == list(range(1, LIMIT + 1))
        assert result.error is None


@pytest.mark.parametrize("code", [0, 3])
def test_a_worker_that_exits_without_finishing_counts_as_dead(fit, code):
    results = run(fit, f"exit {code}", ProcessExecutor(2))
    assert f"ended with exit code {code} while it trained" in str(results[1].error)
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, 4, LIMIT, LIMIT]


@pytest.mark.parametrize("fate", ["raise", "kill"])
def test_within_max_failures_a_trial_goes_on_from_its_newest_checkpoint(fit, tmp_path, fate):
    results = run(
        fit,
        fate,
        ProcessExecutor(2),
        failure_config=tune.FailureConfig(max_failures=1),
        config={"once": str(tmp_path / "happened")},
    )
    assert results.errors == []
    assert [result.metrics["height"] for result in results] == [12.0, 24.0, 36.0, 48.0]
    assert [row["training_iteration"] for row in results[1].rows] == list(range(1, LIMIT + 1))
    (failed,) = events(results, TrialFailed)
    assert failed.retry
    recoveries = [s for s in events(results, TrialStarted) if s.cause == "recovery" and s.trial == failed.trial]
    assert [start.progress.iteration for start in recoveries] == [4]


def unlucky(places):
    """Return a function that climbs and, in the first trial, fails once at each iteration that has a file."""

    def climb(config):
        height, step = 0.0, 0
        if checkpoint := tune.get_checkpoint():
            height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
        while True:
            step += 1
            fate = places / str(step)
            if tune.get_context().get_trial_id().endswith("0") and fate.exists():
                how = fate.read_text()
                fate.unlink()
                if how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise ValueError("the loss exploded")
            height += config["speed"]
            saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if step % 2 == 0 else None
            tune.report({"height": height}, checkpoint=saved)

    return climb


@pytest.mark.parametrize("fate", ["raise", "kill"])
def test_three_failures_change_no_decision_and_repeat_no_row(fit, tmp_path, fate):
    """Scores, times, generations and tags of the trial survive, or the runs would differ."""
    runs = {}
    for luck in ("good", "bad"):
        (tmp_path / luck).mkdir()
        for iteration in (3, 6, 8) if luck == "bad" else ():
            (tmp_path / luck / str(iteration)).write_text(fate)
        runs[luck] = fit(
            unlucky(tmp_path / luck),
            {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0])},
            scheduler=pbt(quantile_fraction=0.25),
            stop={"training_iteration": LIMIT},
            failure_config=tune.FailureConfig(max_failures=3),
            executor=ProcessExecutor(1),
        )
    good, bad = runs["good"], runs["bad"]
    assert bad.errors == []
    assert len(events(bad, TrialFailed)) == 3
    assert list((tmp_path / "bad").iterdir()) == []
    assert {exploit.trial for exploit in bad.exploits} >= {bad[0].trial_id}
    assert decisions(bad) == decisions(good)
    policies = [(Path(results.experiment_path) / "pbt_global.txt").read_bytes() for results in (good, bad)]
    assert policies[0] == policies[1]
    for result in bad:
        assert [row["training_iteration"] for row in result.rows] == list(range(1, LIMIT + 1))
        tags = [row["experiment_tag"] for row in result.rows]
        assert {tag.partition("@perturbed[")[0] for tag in tags} == {tags[0]}
        assert all(tag.count("@perturbed[") <= 1 for tag in tags)


def test_beyond_max_failures_it_is_an_error(fit):
    results = run(fit, "raise", InlineExecutor(), failure_config=tune.FailureConfig(max_failures=2))
    assert [failed.retry for failed in events(results, TrialFailed)] == [True, True, False]
    assert results.num_errors == 1


def test_neighbours_of_a_killed_worker_are_not_blamed(fit):
    executor = SimulatedExecutor(workers=1, losses=[(7.5, 0)])
    results = fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0, 3.0])},
        scheduler=pbt(exploit=truncation(0)),
        stop={"training_iteration": 8},
        executor=executor,
    )
    # The worker dies while trial 0 trains its fourth interval-2 stretch; the others wait in it.
    assert [result.error is None for result in results] == [False, True, True]
    assert {evicted.trial for evicted in events(results, TrialEvicted)} == {results[1].trial_id, results[2].trial_id}
    assert [row["training_iteration"] for row in results[1].rows] == list(range(1, 9))


class WithItsEnd(SimulatedExecutor):
    """What a worker says last is heard together with its end, as from a process that dies in a report."""

    def receive(self, timeout_s):
        messages = list(super().receive(timeout_s))
        if self._agenda and self._agenda[0][0] - self.now < 0.01:
            messages += super().receive(timeout_s)
        return messages


def test_nobody_begins_in_a_worker_whose_end_is_known(fit):
    executor = WithItsEnd(workers=1, losses=[(2.001, 0)])
    results = fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0])},
        scheduler=pbt(exploit=truncation(0)),
        stop={"training_iteration": 4},
        executor=executor,
    )
    assert results.errors == []
    assert [evicted.trial for evicted in events(results, TrialEvicted)] == [results[0].trial_id]
    (first, *_) = [start for start in events(results, TrialStarted) if start.trial == results[1].trial_id]
    assert first.cause == "first"
    assert [row["training_iteration"] for row in results[1].rows] == [1, 2, 3, 4]


def test_fail_fast_stops_all_and_raise_raises(fit):
    results = run(fit, "raise", InlineExecutor(), failure_config=tune.FailureConfig(fail_fast=True))
    assert results.num_errors == 1
    assert max(result.metrics["training_iteration"] for result in results) < LIMIT
    with pytest.raises(TrialError, match="the loss exploded"):
        run(fit, "raise", InlineExecutor(), failure_config=tune.FailureConfig(fail_fast="raise"))


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("where", ["custom_explore_fn", "distribution"])
def test_explore_code_that_raises_costs_its_exploit_and_the_run_says_so(fit, capsys, where, executor):
    asked = []

    def fails_at_first(config=None):
        asked.append(config)
        if len(asked) == 1:
            raise ZeroDivisionError("no gradient yet")
        return config if where == "custom_explore_fn" else 2.0

    options = {
        "custom_explore_fn": {"custom_explore_fn": fails_at_first},
        "distribution": {"hyperparam_mutations": {"speed": lambda: fails_at_first()}, "resample_probability": 1},
    }
    results = fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0])},
        scheduler=pbt(**options[where]),
        stop={"training_iteration": LIMIT},
        executor=executor,
        verbose=1,
    )
    assert results.errors == []
    assert [result.metrics["training_iteration"] for result in results] == [LIMIT, LIMIT]
    assert [exploit.iteration for exploit in results.exploits] == [4, 6, 8, 10]
    loser, winner = (result.trial_id for result in results)
    said = capsys.readouterr()
    reason = f"could not vary the hyperparameters of {winner}: ZeroDivisionError: no gradient yet"
    assert any(loser in line and reason in line for line in (said.out + said.err).splitlines())


def test_when_every_trial_fails_the_run_ends_with_their_errors(fit):
    results = fit(Climber, {"speed": 1.0, "raises_at": 1}, num_samples=3, scheduler=pbt(), executor="processes")
    assert results.num_errors == 3
    assert "fell at iteration 1" in str(results.errors[0])
    assert [failed.retry for failed in events(results, TrialFailed)] == [False] * 3
    assert len(events(results, TrialStarted)) == 3


def test_an_unwound_function_cleans_up(fit, tmp_path):
    def tidy(config):
        try:
            climb_forever(config)
        finally:
            with open(tmp_path / "log", "a") as log:
                log.write("cleaned up\n")

    fit(tidy, {"speed": 1.0}, stop={"training_iteration": 3})
    assert (tmp_path / "log").read_text() == "cleaned up\n"


def climb_forever(config):
    height = 0.0
    while True:
        height += config["speed"]
        tune.report({"height": height})


def test_explore_code_that_raises_is_said_even_where_nothing_else_is(fit, capsys):
    def broken(config):
        return 1 / 0

    fit(
        Climber,
        {"speed": tune.uniform(0.0, 1.0)},
        scheduler=pbt(custom_explore_fn=broken),
        num_samples=2,
        stop={"training_iteration": 6},
    )
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(set(said))
    assert "goes on as it is: could not vary the hyperparameters of" in said[0]
    assert "ZeroDivisionError: division by zero" in said[0]
    assert "test_failures.py, line" in said[0]

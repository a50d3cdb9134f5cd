"""Nodes leave and join, actors and processes are killed: runs go on, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

import poptune as tune
from poptune.core.events import TrialEvicted, TrialFailed, TrialStarted
from poptune.executors.ray import RayExecutor
from runs import decisions, events, pbt

ITERATIONS = 12


def climb(config):
    """Saves at every iteration."""
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        tune.report({**state, "pid": os.getpid()}, checkpoint=tune.Checkpoint.from_dict(state))


class At(tune.Callback):
    """Does something once, as soon as every trial has reported an iteration."""

    def __init__(self, iteration, act):
        self.iteration, self.act = iteration, act
        self.reached = set()

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if result["training_iteration"] >= self.iteration:
            self.reached.add(trial.trial_id)
        if self.act and len(self.reached) == len(trials):
            act, self.act = self.act, None
            act(result)


def run(fit, executor="ray", *, trials=6, callbacks=(), **options):
    return fit(
        climb,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=trials,
        scheduler=pbt(2),
        stop={"training_iteration": ITERATIONS},
        executor=executor,
        callbacks=list(callbacks),
        **options,
    )


def is_whole(results):
    """Every trial has every iteration once, and heights that add up along its lineage."""
    return all([row["training_iteration"] for row in result.rows] == list(range(1, ITERATIONS + 1)) for result in results)


@pytest.mark.parametrize("says_goodbye", [True, False], ids=["drained", "lost without a word"])
@pytest.mark.parametrize("shared_storage", [None, False], ids=["shared storage", "own disks"])
def test_a_node_leaves_and_another_joins(fit, cluster, says_goodbye, shared_storage):
    def swap(result):
        cluster.remove("gamma", says_goodbye=says_goodbye)
        cluster.add("delta")

    results = run(fit, RayExecutor(6, shared_storage=shared_storage), callbacks=[At(4, swap)])
    assert results.errors == []
    assert is_whole(results)
    assert decisions(results) == decisions(run(fit, "inline"))
    assert events(results, TrialFailed) == []
    story = events(results, TrialEvicted, TrialStarted)
    loss = next(number for number, event in enumerate(story) if isinstance(event, TrialEvicted))
    assert story[loss].reason == "its worker process was lost with its node gamma"
    assert {start.hostname for start in story[:loss]} == {"alpha", "beta", "gamma"}
    assert {event.hostname for event in story[loss:] if isinstance(event, TrialStarted)} == {"alpha", "beta", "delta"}


def test_an_actor_and_a_process_are_killed(fit, local_ray):
    def kill_process(result):
        os.kill(result["pid"], signal.SIGKILL)

    def kill_actor(result):
        (worker, *_) = executor._workers.values()
        local_ray.kill(worker.actor)

    executor = RayExecutor(2)
    results = run(
        fit,
        executor,
        trials=4,
        callbacks=[At(3, kill_process), At(7, kill_actor)],
        failure_config=tune.FailureConfig(max_failures=2),
    )
    assert results.errors == []
    assert is_whole(results)
    assert decisions(results) == decisions(run(fit, "inline", trials=4))
    reasons = [event.reason for event in events(results, TrialEvicted)]
    assert any("was ended on" in reason and "by ray.kill" in reason for reason in reasons)
    assert all("died on" in failed.error and "by a signal" in failed.error for failed in events(results, TrialFailed))


def test_64_trials_on_three_nodes_all_advance_and_the_console_says_where(fit, cluster, capsys):
    table = tune.CLIReporter(max_progress_rows=64)
    results = run(fit, trials=64, verbose=1, progress_reporter=table)
    assert is_whole(results)
    hosts = [start.hostname for start in events(results, TrialStarted)]
    counts = {host: hosts[:64].count(host) for host in ("alpha", "beta", "gamma")}
    assert counts == {"alpha": 22, "beta": 22, "gamma": 20}
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if "TERMINATED" in line]
    assert Counter(row[2] for row in rows[-64:]) == counts

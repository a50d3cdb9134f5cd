"""On a cluster that stays as it is: workers that are killed, many trials, and checkpoints that travel."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from pathlib import Path

import pytest

import poptune as tune
from climbers import At, is_whole, run
from poptune.core.events import Reported, TrialEvicted, TrialFailed, TrialStarted
from poptune.executors.ray import RayExecutor
from poptune.storage.store import CheckpointStore
from runs import decisions, events

pytestmark = pytest.mark.usefixtures("three_nodes")


def test_an_actor_and_a_process_are_killed(fit):
    import ray

    def kill_process(result):
        os.kill(result["pid"], signal.SIGKILL)

    def kill_actor(result):
        (worker, *_) = executor._workers.values()
        ray.kill(worker.actor)

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


def test_a_worker_in_which_a_trial_hangs_is_ended(fit):
    def stuck(config):
        tune.report({"height": 1.0})
        threading.Event().wait(None if config["hangs"] else 0)
        tune.report({"height": 2.0})

    limit = tune.FailureConfig(report_timeout_s=8)
    results = fit(stuck, {"hangs": tune.grid_search([False, True])}, executor="ray", failure_config=limit)
    assert [result.metrics["height"] for result in results] == [2.0, 1.0]
    assert "did not report for 8 s" in str(results[1].error)


def test_64_trials_on_three_nodes_all_advance_and_the_console_says_where(fit, capsys):
    table = tune.CLIReporter(max_progress_rows=64)
    results = run(fit, trials=64, verbose=1, progress_reporter=table)
    assert is_whole(results)
    hosts = {start.trial: start.hostname for start in events(results, TrialStarted)}
    assert set(hosts.values()) == {"alpha", "beta", "gamma"}
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {row[0]: row[2] for row in rows if row[1:2] == ["TERMINATED"]} == hosts


def test_an_exploit_moves_bytes_once_between_nodes_and_none_on_one_node(fit):
    trials, executor = 6, RayExecutor(6, shared_storage=False)
    results = run(fit, executor, trials=trials)
    assert is_whole(results)
    assert decisions(results) == decisions(run(fit, "inline", trials=trials))
    hosts = {start.trial: start.hostname for start in events(results, TrialStarted)}
    between = {(e.checkpoint.path, hosts[e.trial]) for e in results.exploits if hosts[e.trial] != hosts[e.donor]}
    assert 0 < executor.sent_checkpoints <= len(between) < len(results.exploits)
    newest = {report.trial: report.checkpoint for report in events(results, Reported)}
    for saved in newest.values():
        CheckpointStore(Path(results.experiment_path)).verify(saved)  # all of them lie with the driver


def test_nothing_is_left_on_the_disks_of_nodes(fit):
    before = set(Path(tempfile.gettempdir()).glob("poptune-*"))
    run(fit, RayExecutor(6, shared_storage=False))
    assert set(Path(tempfile.gettempdir()).glob("poptune-*")) <= before


def test_where_all_nodes_share_the_storage_nothing_travels(fit):
    executor = RayExecutor(6, shared_storage=True)
    assert is_whole(run(fit, executor))
    assert executor.sent_checkpoints == 0

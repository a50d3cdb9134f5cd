"""Faults that few runs meet: native crashes, many restarts, odd places."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

import pytest

import poptune as tune
from interrupting import go_on, told
from poptune.core.events import TrialFailed, TrialStarted
from runs import events


def test_a_crash_in_native_code_costs_only_its_trial_and_leaves_its_last_words(fit, capfd):
    def crash(config):
        tune.report({"step": 1})
        if config["crashes"]:
            ctypes.string_at(0)
        tune.report({"step": 2})

    results = fit(crash, {"crashes": tune.grid_search([True, False])}, executor="processes", verbose=1)
    assert [result.error is not None for result in results] == [True, False]
    assert "was killed by signal 11 (SIGSEGV) while it trained" in str(results[0].error)
    assert "Fatal Python error: Segmentation fault" in "".join(capfd.readouterr())


def test_training_that_ends_its_own_worker_as_batch_systems_do_fails_at_last(fit):
    def train(config):
        tune.report({"height": 1})
        os.kill(os.getpid(), signal.SIGTERM)

    (result,) = fit(train, {}, executor="processes")
    assert "SIGTERM" in str(result.error)


def test_forty_deaths_of_workers_leave_no_process_and_no_open_file(fit):
    def dies(config):
        step = tune.get_checkpoint().to_dict()["step"] if tune.get_checkpoint() else 0
        tune.report({"step": step + 1}, checkpoint=tune.Checkpoint.from_dict({"step": step + 1}))
        os.kill(os.getpid(), signal.SIGKILL)

    open_before = len(os.listdir("/proc/self/fd"))
    failing = tune.FailureConfig(max_failures=-1)
    results = fit(dies, {}, num_samples=2, executor="processes", stop={"step": 20}, failure_config=failing)
    assert [result.metrics["step"] for result in results] == [20, 20]
    assert len(events(results, TrialFailed)) == 38
    assert len(os.listdir("/proc/self/fd")) <= open_before + 2
    pids = {started.pid for started in events(results, TrialStarted)}
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("name", ["with spaces", "größer 🎲", "x" * 200, "100%#?&'"])
def test_a_run_with_an_odd_name_goes_on_elsewhere(begin, interrupt, tmp_path, name):
    calm = begin("calm").fit()
    path = interrupt(name, 14)
    moved = tmp_path / "elsewhere" / f"{name[:20]} moved"
    moved.parent.mkdir()
    path.rename(moved)
    assert told(go_on(moved)) == told(calm)

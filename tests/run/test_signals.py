"""Told once to end, a run writes down what was reported and says how it goes on; told twice, it ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poptune.core.events import Reported, TrialFailed
from poptune.errors import StorageError
from poptune.run.results import ResultGrid
from poptune.storage.journal import Journal
from runs import PATIENCE_S, wait_for

SCRIPT = """
import os, signal, subprocess, sys, time
import poptune as tune

BEFORE

def train(config):
    step = 0
    while True:
        step += 1
        tune.report({"step": step, "pid": os.getpid()}, checkpoint=tune.Checkpoint.from_dict({"step": step}))
        THEN

tune.Tuner(
    train,
    tune_config=tune.TuneConfig(num_samples=2, seed=0),
    run_config=tune.RunConfig(name="run", storage_path=STORAGE, verbose=0, executor=EXECUTOR),
).fit()
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that starts the script as its own process, and returns it once both trials have reported."""
    started = []

    def start(executor="processes", before="", then="time.sleep(0.001)"):
        text = SCRIPT.replace("BEFORE", before).replace("THEN", then)
        file = tmp_path / "script.py"
        file.write_text(f"STORAGE = {str(tmp_path)!r}\nEXECUTOR = {executor!r}\n{text}")
        process = subprocess.Popen([sys.executable, file], stderr=subprocess.PIPE, text=True)
        started.append(process)
        trials = 1 if executor == "inline" else 2  # there one trains after the other
        wait_for(lambda: len({report.trial for report in reports(tmp_path / "run")}) == trials, "reports")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def reports(run_dir: Path) -> list[Reported]:
    try:
        with Journal.open(run_dir) as journal:
            return [record for record in journal.records(Reported) if isinstance(record, Reported)]
    except StorageError:  # it is not there yet
        return []


def failures(run_dir: Path) -> list[object]:
    with Journal.open(run_dir) as journal:
        return list(journal.records(TrialFailed))


@pytest.mark.parametrize("executor", ["processes", "inline"])
@pytest.mark.parametrize(("how", "word", "code"), [("SIGINT", "Interrupted", -2), ("SIGTERM", "Terminated", 143)])
def test_told_once_a_run_keeps_all_and_says_how_it_goes_on(script, tmp_path, executor, how, word, code):
    process = script(executor)
    process.send_signal(getattr(signal, how))
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert (
        f"{word}. Everything reported is kept; this goes on: Tuner.restore('{tmp_path / 'run'}', train).fit()" in said
    )
    assert not (tmp_path / "run" / ".staging").exists()
    assert all(result.checkpoint for result in ResultGrid.from_path(tmp_path / "run") if result.rows)


def test_told_twice_it_ends_at_once(script):
    process = script(then="while step > 1: pass")
    process.send_signal(signal.SIGINT)
    assert "Ctrl-C ends it at once" in next(line for line in process.stderr if line.strip())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - began < 4.0  # a trial that does not come back gets 5 s otherwise
    assert "Everything reported is kept" in said


def test_a_batch_system_that_tells_all_processes_makes_no_trial_fail(script, tmp_path):
    process = script()
    for pid in {report.metrics["pid"] for report in reports(tmp_path / "run")}:
        os.kill(pid, signal.SIGTERM)
    known = len(reports(tmp_path / "run"))
    wait_for(lambda: len(reports(tmp_path / "run")) > known + 10, "more reports")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert failures(tmp_path / "run") == []


TOLD_WHILE_IT_BEGINS = """
import signal, threading
import poptune as tune

start = threading.Thread.start

def start_and_be_told(thread):
    start(thread)
    if thread.name == "poptune-sync":
        signal.raise_signal(signal.SIGTERM)

threading.Thread.start = start_and_be_told
tune.Tuner(lambda config: {}, run_config=tune.RunConfig(storage_path=STORAGE, verbose=0, executor="inline")).fit()
"""


def test_a_run_that_is_told_to_end_while_it_begins_ends(tmp_path):
    script = f"STORAGE = {str(tmp_path)!r}\n{TOLD_WHILE_IT_BEGINS}"
    ran = subprocess.run([sys.executable, "-c", script], timeout=PATIENCE_S, check=False)
    assert ran.returncode == 143


def test_a_handler_of_the_script_stays_in_force(script, tmp_path):
    process = script(before="signal.signal(signal.SIGTERM, lambda *_: os._exit(7))")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 7

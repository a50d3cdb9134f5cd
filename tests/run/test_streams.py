"""Whoever reads what a run says may go, and what takes the place of the standard output may be able to do little."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import pytest

import poptune as tune
from poptune.run.results import ResultGrid
from runs import PATIENCE_S, wait_for

SCRIPT = """
import os, pathlib, time
import poptune as tune

def train(config):
    for step in range(STEPS):
        tune.report({"step": step})
        time.sleep(0.01)

tune.Tuner(
    train,
    tune_config=tune.TuneConfig(num_samples=2, seed=0),
    run_config=tune.RunConfig(name="run", storage_path=STORAGE, verbose=2, executor=EXECUTOR),
).fit()
"""


@pytest.fixture
def unread(tmp_path):
    """Return a function that starts a run of so many steps, of which only the first line is read."""
    started = []

    def start(executor, steps):
        file = tmp_path / "script.py"
        file.write_text(f"STORAGE = {str(tmp_path)!r}\nEXECUTOR = {executor!r}\nSTEPS = {steps}\n{SCRIPT}")
        process = subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        started.append(process)
        assert process.stdout.readline()
        process.stdout.close()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_a_run_whose_output_nobody_reads_any_more_goes_on(unread, tmp_path, executor):
    process = unread(executor, steps=50)
    process.wait(PATIENCE_S)
    assert [len(result.rows) for result in ResultGrid.from_path(tmp_path / "run")] == [50, 50]


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_an_interrupt_that_cannot_be_told_of_ends_the_run_as_any_other(unread, tmp_path, executor):
    process = unread(executor, steps=10**9)
    table = tmp_path / "run"
    wait_for(lambda: any(table.glob("*/progress.csv")), "the first results in files")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == -signal.SIGINT
    for result in ResultGrid.from_path(table):
        if result.rows:  # the files are complete: the run has come to its end
            assert (table / result.path / "progress.csv").read_text().count("\n") == 1 + len(result.rows)


class Tee:
    """As small as those that scripts make for themselves."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_an_object_in_place_of_the_standard_output_need_only_write(tmp_path, executor):
    with contextlib.redirect_stdout(Tee()) as tee:
        tune.Tuner(
            lambda config: {"height": 1},
            run_config=tune.RunConfig(storage_path=tmp_path, executor=executor),
        ).fit()
    assert "Results in" in tee.text

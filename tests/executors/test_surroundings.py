"""Workers are as the driver is, and neither forks nor files that lie about come between the two."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poptune.errors import StorageError
from runs import PATIENCE_S, wait_for

SCRIPT = """
import multiprocessing, os, sys, time
import poptune as tune
FIRST

def train(config):
    TRAINS

for result in tune.Tuner(
    train, run_config=tune.RunConfig(storage_path=STORAGE, verbose=0, executor=EXECUTOR, callbacks=CALLBACKS)
).fit():
    print(result.error or result.metrics["told"])
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that writes a script into a folder of its own, and returns its path."""

    def write(trains, executor="processes", first="", callbacks="[]"):
        folder = tmp_path / "folder of the script"
        folder.mkdir(exist_ok=True)
        constants = f"STORAGE = {str(tmp_path / 'runs')!r}\nEXECUTOR = {executor!r}\n"
        text = SCRIPT.replace("FIRST", first).replace("TRAINS", trains).replace("CALLBACKS", callbacks)
        (folder / "script.py").write_text(constants + text)
        return folder / "script.py"

    return write


def output_of(*arguments, cwd):
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def is_gone(pid):
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or " Z " in stat.read_text()


def test_the_death_of_a_worker_is_noticed_although_a_fork_of_it_lives(fit):
    def train(config):
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,), daemon=True).start()
        os.kill(os.getpid(), signal.SIGKILL)

    (result,) = fit(train, {}, executor="processes")
    assert "SIGKILL" in str(result.error)


def test_workers_end_with_their_driver_although_a_fork_of_it_lives(script, tmp_path):
    forking = """
class Forking(tune.Callback):
    def on_trial_result(self, iteration, trials, trial, result, **info):
        if result["training_iteration"] == 1:
            fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,))
            fork.start()
            print(fork.pid, result["pid"], flush=True)
"""
    forever = "while True: time.sleep(0.01); tune.report({'told': 1})"
    driver = subprocess.Popen(
        [sys.executable, script(forever, first=forking, callbacks="[Forking()]")], stdout=subprocess.PIPE, text=True
    )
    fork, worker = map(int, driver.stdout.readline().split())
    driver.kill()
    try:
        wait_for(lambda: is_gone(worker), "the end of the worker")
        assert not is_gone(fork)
    finally:
        os.kill(fork, signal.SIGKILL)
        driver.communicate()


def test_no_module_of_the_working_directory_takes_a_modules_place_in_a_worker(script, tmp_path):
    for name in ("random", "select", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('of the user')\n")
    assert output_of(script("return {'told': 1}"), cwd=tmp_path) == "1"


LIBRARY = """
import random, numpy, torch

def draw():
    return [random.random(), numpy.random.rand(), torch.rand(1).item()]

random.random(), numpy.random.rand()  # as rich and JAX do when they are imported
"""


def test_whoever_imports_first_draws_what_it_would_draw_later(fit, tmp_path, monkeypatch):
    (tmp_path / "a_library_that_draws.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)

    def train(config):
        from a_library_that_draws import draw

        return {"drawn": draw()}

    first, second = [result.metrics["drawn"] for result in fit(train, {}, num_samples=2, executor="processes")]
    one_after_the_other = fit(train, {}, num_samples=2, executor="processes", max_concurrent_trials=1)
    assert [result.metrics["drawn"] for result in one_after_the_other] == [first, second]
    assert not set(first) & set(second)


def test_an_import_that_fails_is_told_without_our_frames(fit):
    def train(config):
        from poptune_knows import nothing

        return {"nothing": nothing}

    (result,) = fit(train, {})
    assert "No module named 'poptune_knows'" in str(result.error)
    assert "importing.py" not in str(result.error)


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_module_that_reads_the_scripts_arguments_reads_the_same_everywhere(script, executor):
    file = script("from options import speed; return {'told': speed}", executor)
    (file.parent / "options.py").write_text("import sys\nspeed = float(sys.argv[1])\n")
    assert output_of(file, "7", cwd=file.parent) == "7.0"


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_options_of_the_interpreter_hold_everywhere(script, executor):
    file = script("return {'told': f'{sys.flags.optimize} {sys.warnoptions}'}", executor)
    assert output_of("-O", "-W", "error::UserWarning", file, cwd=file.parent) == "1 ['error::UserWarning']"


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_training_pickles_objects_of_the_scripts_classes(script, tmp_path, executor):
    trains = "import pickle; tune.report({'told': pickle.loads(pickle.dumps(main(7))).width})"
    a_class = "class main:\n    def __init__(self, width): self.width = width"
    assert output_of(script(trains, executor, first=a_class), cwd=tmp_path) == "7"


def test_what_training_spawns_does_not_run_the_script_again(script, tmp_path):
    trains = """
    spawned = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    spawned.start()
    spawned.join()
    tune.report({"told": spawned.exitcode})"""
    assert output_of(script(trains), cwd=tmp_path) == "0"


def test_a_script_that_runs_programs_and_reports_travels(script, tmp_path):
    file = script("subprocess.run(['true']); tune.report({'told': 1})", first="import subprocess")
    assert output_of(file, cwd=tmp_path) == "1"


@pytest.mark.parametrize("leaves", ["sys.stdout.close()", "sys.stdout = None"])
def test_training_that_leaves_no_output_ends_its_worker_in_silence(script, tmp_path, leaves):
    assert output_of(script(f"tune.report({{'told': 1}}); {leaves}"), cwd=tmp_path) == "1"


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_what_training_starts_can_be_interrupted(fit, executor):
    def train(config):
        program = subprocess.Popen(["sleep", "100"])
        program.send_signal(signal.SIGINT)
        return {"code": program.wait(PATIENCE_S)}

    (result,) = fit(train, {}, executor=executor)
    assert result.metrics["code"] == -signal.SIGINT


def test_workers_need_no_working_directory(script, tmp_path):
    leave = f"os.mkdir({str(tmp_path / 'gone')!r}); os.chdir({str(tmp_path / 'gone')!r}); os.rmdir(os.getcwd())"
    file = script("return {'told': 1}", first=f"{leave}; sys.path.insert(0, '')")
    assert output_of(file, cwd=tmp_path) == "1"


def test_a_relative_storage_path_needs_a_working_directory(fit, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StorageError, match="no 'runs', since the working directory was deleted: change to another one"):
        fit(lambda config: {"told": 1}, {}, storage_path="runs")


def test_where_exit_codes_are_not_kept_no_end_of_a_worker_is_told_as_one(fit):
    usual = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        (result,) = fit(lambda config: os.kill(os.getpid(), signal.SIGKILL), {}, executor="processes")
    finally:
        signal.signal(signal.SIGCHLD, usual)
    assert "nobody knows how, since the script's process ignores SIGCHLD" in str(result.error)


def test_too_few_open_files_for_all_workers_are_told_with_what_to_do(script, tmp_path):
    limit = """
import resource
from poptune.executors.processes import ProcessExecutor
EXECUTOR = ProcessExecutor(20)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20,) * 2)
"""
    file = script("return {'told': 1}", first=limit)
    ran = subprocess.run(
        [sys.executable, file], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "UsageError: 20 worker processes cannot be started (Too many open files): raise the limit" in ran.stderr
    assert ran.stderr.count("Traceback") == 1
    assert ran.stdout == ""

"""Worker processes begin clean, keep to their share of the machine, and end with their driver, however it ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import Reported
from poptune.errors import UsageError
from poptune.executors.machine import Machine
from poptune.executors.processes import ProcessExecutor
from poptune.storage.journal import Journal
from poptune.trainables.packed import Resources
from runs import PATIENCE_S, events, wait_for

# No main guard: a worker must not run the script again.
SCRIPT = """
import ctypes, os, subprocess, time
import poptune as tune

print("the script runs in", os.getpid(), flush=True)

def train(config):
    if EXECUTOR == "processes":
        subprocess.Popen(["sleep", "100"])  # ends with its worker
    while True:
        time.sleep(0.01)
        tune.report({"pid": os.getpid()})
        THEN

tune.Tuner(
    train,
    tune_config=tune.TuneConfig(num_samples=2, seed=0),
    run_config=tune.RunConfig(
        name="run", storage_path=STORAGE, verbose=0, stop={"training_iteration": LIMIT}, executor=EXECUTOR
    ),
).fit()
print("the script is done", flush=True)
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that starts the script as its own process."""
    started = []

    def start(limit, executor="processes", then="pass"):
        file = tmp_path / "script.py"
        file.write_text(
            f"STORAGE = {str(tmp_path)!r}\nLIMIT = {limit}\nEXECUTOR = {executor!r}\n{SCRIPT.replace('THEN', then)}"
        )
        process = subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def reports(run_dir):
    try:
        with Journal.open(run_dir) as journal:
            return list(journal.records(Reported))
    except Exception:  # it is not there yet
        return []


def workers_of(run_dir):
    """Return the process ids of the workers, once each has reported."""
    pids = {report.metrics["pid"] for report in reports(run_dir)}
    return pids if len(pids) == 2 else None


def group_is_gone(pid):
    """Say whether a worker and all that it started are gone."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid:
            states.append(fields[0])
    return all(state == "Z" for state in states)  # nobody of theirs runs; the init process buries the rest


def test_workers_end_with_their_driver_although_a_trial_holds_the_interpreter(script, tmp_path):
    process = script(limit=10**9, executor="processes", then="ctypes.PyDLL(None).sleep(100)")
    workers = wait_for(lambda: workers_of(tmp_path / "run"), "a report of each worker")
    process.kill()
    for pid in workers:
        wait_for(lambda pid=pid: group_is_gone(pid), f"the end of worker {pid}")


def test_a_script_without_a_main_guard_runs_once(script, tmp_path):
    process = script(limit=5)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert output.count("the script runs in") == 1
    assert "the script is done" in output


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_their_driver(script, tmp_path, how):
    process = script(limit=10**9)
    workers = wait_for(lambda: workers_of(tmp_path / "run"), "a report of each worker")
    process.send_signal(how)
    process.wait(PATIENCE_S)
    for pid in workers:
        wait_for(lambda pid=pid: group_is_gone(pid), f"the end of worker {pid}")
    assert len(reports(tmp_path / "run")) >= 2  # and what was journaled can be read


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_an_interrupt_is_raised_to_the_user_and_the_journal_is_whole(script, tmp_path, executor):
    process = script(10**9, executor)
    wait_for(lambda: reports(tmp_path / "run"), "a report")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
    assert time.monotonic() - began < 4.0


@pytest.mark.parametrize(("chosen", "from_then_on"), [(None, gc.get_threshold()[0]), (123, 123)])
def test_from_the_first_report_on_garbage_is_collected_as_usual_or_as_training_code_chose(fit, chosen, from_then_on):
    def train(config):
        if chosen:
            gc.set_threshold(chosen)
        for _ in range(2):
            tune.report({"objects": gc.get_threshold()[0]})

    (result,) = fit(train, {}, executor="processes")
    assert result.metrics["objects"] == from_then_on


def test_what_trials_start_ends_with_the_run(fit, tmp_path):
    def parent(config):
        child = subprocess.Popen(["sleep", "100"], start_new_session=False)
        return {"child": child.pid}

    child = fit(parent, {}, executor="processes")[0].metrics["child"]
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text(), "its end")


def test_a_worker_has_its_share_of_threads_and_no_gpu(fit):
    def share(config):
        import threadpoolctl

        threads = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
        return {
            "omp": os.environ["OMP_NUM_THREADS"],
            "cuda": os.environ["CUDA_VISIBLE_DEVICES"],
            "threads": max(threads),
        }

    one = fit(share, {}, executor="processes")[0].metrics
    assert (one["omp"], one["cuda"], one["threads"]) == ("1", "", 1)
    two = fit(tune.with_resources(share, {"cpu": 2}), {}, executor=ProcessExecutor(1, Machine(2)))[0].metrics
    assert (two["omp"], two["threads"]) == ("2", 2)


def test_gpus_are_shared_by_fractions():
    machine = Machine(cpus=8, gpus=("4", "5"))
    half, whole, two = Resources(gpu=0.5), Resources(gpu=1), Resources(gpu=2)
    assert [machine.slots(resources) for resources in (half, whole, two)] == [4, 2, 1]
    assert [machine.environment(n, half)["CUDA_VISIBLE_DEVICES"] for n in range(4)] == ["4", "4", "5", "5"]
    assert [machine.environment(n, whole)["CUDA_VISIBLE_DEVICES"] for n in range(2)] == ["4", "5"]
    assert machine.environment(0, two)["CUDA_VISIBLE_DEVICES"] == "4,5"
    with pytest.raises(UsageError, match="One trial asks for 3 gpu, and this machine has 2"):
        machine.slots(Resources(gpu=3))


def test_half_cores_make_twice_the_workers():
    assert Machine(cpus=2).slots(Resources(cpu=0.5)) == 4
    assert Machine(cpus=2).slots(Resources(cpu=2)) == 1


def test_workers_have_the_users_import_path_and_environment(fit, tmp_path, monkeypatch):
    (tmp_path / "of_the_user.py").write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("OF_THE_USER", "here")

    def train(config):
        import of_the_user

        return {"value": of_the_user.VALUE, "variable": os.environ["OF_THE_USER"], "cwd": os.getcwd()}

    metrics = fit(train, {}, executor="processes")[0].metrics
    assert (metrics["value"], metrics["variable"], metrics["cwd"]) == (7, "here", os.getcwd())


OF_THE_DRIVER = """
import threading
import torch
import poptune as tune

LOCK = threading.Lock()  # as libraries have them; a fork would copy it as it is

def product():
    with LOCK:
        return float((torch.ones(64, 64) @ torch.ones(64, 64)).sum())

def train(config):
    torch.set_num_threads(2)
    tune.report({"is_held": LOCK.locked(), "product": product()})
"""


def test_what_threads_of_the_driver_hold_stops_no_worker(fit, tmp_path, monkeypatch):
    (tmp_path / "of_the_driver.py").write_text(OF_THE_DRIVER)
    monkeypatch.syspath_prepend(tmp_path)
    import of_the_driver

    assert of_the_driver.product() == 64**3  # its threads are there
    with of_the_driver.LOCK:
        (result,) = fit(of_the_driver.train, {}, executor="processes")
    assert result.error is None
    assert (result.metrics["is_held"], result.metrics["product"]) == (False, 64**3)


def test_a_thousand_reports_arrive_in_order(fit):
    def flood(config):
        for number in range(1000):
            tune.report({"number": number, "padding": "x" * 500})

    results = fit(flood, {}, num_samples=2, executor="processes")
    for result in results:
        assert [row["number"] for row in result.rows] == list(range(1000))
    assert len(events(results, Reported)) == 2000


def test_a_worker_does_what_training_code_registered_for_its_exit_and_prints_its_last_words(tmp_path, capfd):
    def train(config):
        import atexit

        atexit.register(lambda: (tmp_path / "farewell").write_text("done"))
        print("no newline", end="")
        return {"score": 1}

    tune.Tuner(train, run_config=tune.RunConfig(storage_path=tmp_path, verbose=0)).fit()
    assert (tmp_path / "farewell").read_text() == "done"
    assert "no newline" in capfd.readouterr().out

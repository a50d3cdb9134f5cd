"""Training that runs out of memory costs its trial alone, and the error says what to do."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import poptune as tune
from poptune.executors.memory import kernel_kills
from poptune.run.results import ResultGrid
from runs import wait_for

OF_THE_MACHINE = "let fewer train at once (TuneConfig(max_concurrent_trials=...)"
OF_A_DISK = "torch.save says so when the disk that it writes to is full."
OF_A_GPU = 'let fewer share a GPU (tune.with_resources(train, {"gpu": 1})'


def test_a_worker_with_too_little_memory_fails_its_trial_with_what_to_do(fit):
    def train(config):
        tune.report({"step": 1})
        if config["is_greedy"]:
            in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (in_use + (64 << 20), hard))
            bytearray(256 << 20)
        tune.report({"step": 2})

    results = fit(train, {"is_greedy": tune.grid_search([True, False])}, executor="processes")
    greedy, modest = results
    assert modest.metrics["step"] == 2
    line, _, traceback = str(greedy.error).partition("\n\n")
    assert line.startswith(f"Trial {greedy.trial_id} failed: MemoryError. Let each trial hold less")
    assert OF_THE_MACHINE in line
    assert traceback.endswith("MemoryError")


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (OutOfMemoryError("Allocation on device 0 would exceed the allowed memory."), OF_A_GPU),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), OF_A_GPU),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8589934592 bytes"), OF_A_GPU),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), OF_THE_MACHINE),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"), OF_A_DISK),
        (ValueError("the loss exploded"), None),
    ],
)
def test_what_a_library_says_is_followed_by_what_to_do_and_the_traceback_stays_as_it_is(fit, error, hint):
    def train(config):
        raise error

    (result,) = fit(train, {})
    line, _, traceback = str(result.error).partition("\n\n")
    assert str(error) in line
    assert (hint in line) if hint else line.endswith(str(error))
    assert traceback.endswith(str(error))


def test_a_killed_worker_says_that_memory_may_be_behind_it(fit):
    def train(config):
        tune.report({"step": 1})
        os.kill(os.getpid(), signal.SIGKILL)

    (result,) = fit(train, {}, executor="processes")
    assert "was killed by signal 9 (SIGKILL) while it trained. If nobody killed it, memory ran out." in str(
        result.error
    )
    assert OF_THE_MACHINE in str(result.error)


SCRIPT = """
import sys
import poptune as tune

def train(config):
    begins = tune.get_checkpoint() is None
    tune.report({"step": 1}, checkpoint=tune.Checkpoint.from_dict({"step": 1}))
    if config["kind"] == "greedy" or (config["kind"] == "greedy at first" and begins):
        hoard = [bytearray(b"x" * (16 << 20)) for _ in range(100)]
    tune.report({"step": 2})

tune.Tuner(
    train,
    param_space={"kind": tune.grid_search(["greedy", "greedy at first", "modest"])},
    run_config=tune.RunConfig(
        name="run", storage_path=sys.argv[1], executor="processes", verbose=0,
        failure_config=tune.FailureConfig(max_failures=2),
    ),
).fit()
"""


@pytest.fixture
def small_group():
    """Return the file that takes processes into a control group with 400 MB of memory."""
    name = f"poptune_test_{os.getpid()}"
    version_2, version_1 = Path("/sys/fs/cgroup", name), Path("/sys/fs/cgroup/memory", name)
    group, limit = (version_1, "memory.limit_in_bytes") if version_1.parent.is_dir() else (version_2, "memory.max")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        (group / limit).write_text(str(400 << 20))
        yield group / "cgroup.procs"
    except OSError as error:
        pytest.skip(f"no memory limit can be set here: {error}")
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "the end of all processes in the group")
        group.rmdir()


def test_a_worker_that_the_kernel_kills_for_memory_is_told_from_one_that_somebody_killed(small_group, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = ["sh", "-c", 'echo $$ > "$1" && shift && exec "$@"', "sh", str(small_group)]
    before = kernel_kills()
    done = subprocess.run(
        [*command, sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert kernel_kills() == before, "the group of the tests counts what happened in another one"
    greedy, *others = ResultGrid.from_path(tmp_path / "run")
    assert "was killed by signal 9 (SIGKILL) while it trained. Probably memory ran out: the kernel" in str(greedy.error)
    assert OF_THE_MACHINE in str(greedy.error)
    assert [(result.error, result.metrics["step"]) for result in others] == [(None, 2), (None, 2)]

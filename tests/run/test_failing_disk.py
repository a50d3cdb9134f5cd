"""A disk that fails to take what was written: nothing that may be lost is believed to be safe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import climbing_script
from interrupting import without_restores
from poptune.core.events import CheckpointDeleted, Reported
from poptune.run.restoring import kept_checkpoints
from poptune.run.results import ResultGrid
from poptune.storage.store import STAGING
from runs import decisions, events, stable_rows
from shims import compiled

ITERATIONS = 24

# Takes the place of the two functions in the C library: one call of many fails, as when a disk goes bad.
SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_chosen(int file) {
    static int passed = 0;
    char link[64], path[4096];
    const char *chosen = getenv("FSYNC_FAILS_FOR"), *passing = getenv("FSYNC_FAILS_AT");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (!chosen || !passing || size < 0) return 0;
    path[size] = 0;
    if (!strstr(path, chosen) || ++passed != atoi(passing)) return 0;
    fprintf(stderr, "the disk fails for %s\n", path);
    errno = EIO;
    return 1;
}

int fsync(int file) { return is_chosen(file) ? -1 : syscall(SYS_fsync, file); }
int fdatasync(int file) { return is_chosen(file) ? -1 : syscall(SYS_fdatasync, file); }
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return compiled(SHIM, tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    path = tmp_path_factory.mktemp("calm") / "run"
    climbing_script.main(path, ITERATIONS, executor="inline")
    return ResultGrid.from_path(path)


def climb_on_a_failing_disk(shim, path: Path, chosen: str, passing: int, durability: str = "power"):
    script = [sys.executable, climbing_script.__file__, str(path), str(ITERATIONS), "inline", durability]
    failing = {"LD_PRELOAD": str(shim), "FSYNC_FAILS_FOR": chosen, "FSYNC_FAILS_AT": str(passing)}
    ran = subprocess.run(script, env={**os.environ, **failing}, capture_output=True, text=True, check=False)
    assert ran.stderr.startswith("the disk fails for "), ran.stderr
    return ran


def trained(results):
    """Return all rows without what they say of checkpoints: one fewer was saved."""
    of_checkpoints = {"checkpoint_dir_name", "should_checkpoint"}
    return [
        [{k: v for k, v in row.items() if k not in of_checkpoints} for row in rows] for rows in stable_rows(results)
    ]


def test_a_journal_that_could_not_be_flushed_ends_the_run_which_then_goes_on_as_if_undisturbed(shim, calm, tmp_path):
    path = tmp_path / "run"
    ran = climb_on_a_failing_disk(shim, path, "journal.sqlite-wal", 10)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].endswith("journal.sqlite: disk I/O error")
    climbing_script.main(path, ITERATIONS, executor="inline")
    hurt = ResultGrid.from_path(path)
    assert decisions(hurt) == decisions(calm)
    assert without_restores(hurt) == without_restores(calm)


# Among the first flushes are those of the first checkpoints, at iteration 2: nobody is due before iteration 4.
@pytest.mark.parametrize(("chosen", "passing"), [(f"/{STAGING}/", 1), (f"/{STAGING}/", 2), ("/climb_", 1)])
def test_a_checkpoint_that_could_not_be_flushed_counts_as_not_saved_and_the_trial_goes_on(
    shim, calm, tmp_path, chosen, passing
):
    path = tmp_path / "run"
    ran = climb_on_a_failing_disk(shim, path, chosen, passing)
    assert ran.returncode == 0, ran.stderr
    assert "[Errno 5] Input/output error\nTrial " in ran.stderr
    assert "goes on without this checkpoint. Look after the disk." in ran.stderr
    hurt = ResultGrid.from_path(path)
    assert hurt.errors == []
    assert decisions(hurt) == decisions(calm)
    assert trained(hurt) == trained(calm)
    without = [report for report in events(hurt, Reported) if report.checkpoint is None]
    assert [report.progress.iteration for report in without if report.progress.iteration % 2 == 0] == [2]
    assert not list((path / STAGING).glob("*"))
    there = {folder.relative_to(path).as_posix() for folder in path.glob("*/checkpoint_*")}
    assert there == kept_checkpoints(events(hurt, Reported, CheckpointDeleted))
    assert [result.checkpoint.to_dict()["step"] for result in hurt] == [ITERATIONS] * 4


def test_who_does_not_wait_for_the_disk_is_told_that_it_fails(shim, calm, tmp_path):
    path = tmp_path / "run"
    ran = climb_on_a_failing_disk(shim, path, "/checkpoint_0", 1, "process")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("The disk fails: ") == ran.stderr.count("Look after the disk.") == 1
    assert decisions(ResultGrid.from_path(path)) == decisions(calm)

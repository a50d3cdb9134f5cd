"""Clocks that jump by hours change no decision, and reach no deadline."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from interrupting import go_on, told
from poptune.core.events import Reported
from poptune.run.results import ResultGrid
from runs import decisions, events
from shims import compiled

# Whoever asks for the time of day gets it, then an hour more, then an hour less. Time that passes is left alone.
SHIM = r"""
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long jump(void) {
    static const long hours[] = {0, 1, -1};
    static unsigned asked = 0;
    return 3600 * hours[asked++ % 3];
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
"""

SCRIPT = """
import sys
import poptune as tune
from climbing_script import SPEED, climb
from poptune.schedulers import PopulationBasedTraining

scheduler = PopulationBasedTraining(
    "training_iteration", "height", "max", perturbation_interval=4, hyperparam_mutations={"speed": SPEED}, synch=True
)
results = tune.Tuner(
    climb,
    param_space={"speed": SPEED},
    tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=4, seed=3, time_budget_s=600),
    run_config=tune.RunConfig(
        name=sys.argv[1], storage_path=sys.argv[2], stop={"training_iteration": 24}, executor=sys.argv[3], verbose=0,
        failure_config=tune.FailureConfig(round_timeout_s=300, report_timeout_s=EACH),
    ),
).fit()
"""


@pytest.mark.parametrize(("executor", "each"), [("inline", None), ("processes", 300)])
def test_a_run_whose_clocks_jump_decides_as_if_they_did_not(tmp_path, executor, each):
    shim = compiled(SHIM, tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT.replace("EACH", str(each)))
    for name, more in (("calm", {}), ("jumping", {"LD_PRELOAD": str(shim)})):
        command = [sys.executable, str(tmp_path / "script.py"), name, str(tmp_path), executor]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}
        subprocess.run(command, env=environment, check=True, timeout=60)
    calm, jumping = (ResultGrid.from_path(tmp_path / name) for name in ("calm", "jumping"))
    assert decisions(jumping) == decisions(calm) != []
    assert [result.metrics["training_iteration"] for result in jumping] == [24] * 4
    stamps = [report.metrics["timestamp"] for report in events(jumping, Reported)]
    assert max(stamps) - time.time() > 1800 > min(stamps) - time.time() + 3600, "the clocks did not jump"
    spent = [row["time_this_iter_s"] for result in jumping for row in result.rows]
    assert 0 <= min(spent) <= max(spent) < 60


def test_a_journal_whose_times_jump_goes_on_as_if_they_did_not(begin, interrupt):
    calm = begin("calm").fit()
    path = interrupt("hurt", 14)
    connection = sqlite3.connect(path / "journal.sqlite")
    with connection:
        connection.execute("UPDATE events SET at = CASE seq % 3 WHEN 0 THEN at - 3600 WHEN 1 THEN at + 3600 ELSE 0 END")
    connection.close()
    assert len(ResultGrid.from_path(path)) == 4
    assert told(go_on(path)) == told(calm)

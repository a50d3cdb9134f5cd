"""More trials than slots: all advance together, nothing is repeated, nothing is loaded without need."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.core.events import Reported, TrialStarted
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import truncation
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt

LIMIT = 10


def climb(config):
    """Logs each call of the function and each checkpoint load in its reports."""
    height, step, loads = 0.0, 0, 0
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
        height, step, loads = state["height"], state["step"], state["loads"] + 1
    while True:
        step += 1
        height += config["speed"]
        saved = tune.Checkpoint.from_dict({"height": height, "step": step, "loads": loads})
        tune.report({"height": height, "step": step, "loads": loads}, checkpoint=saved)


@pytest.mark.parametrize("workers", [1, 2])
def test_four_synchronous_trials_share_the_slots(fit, workers):
    results = fit(
        climb,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0])},
        scheduler=pbt(),
        stop={"training_iteration": LIMIT},
        executor=ProcessExecutor(workers),
    )
    assert len(events(results, Reported)) == 4 * LIMIT
    for result in results:
        assert [row["training_iteration"] for row in result.rows] == list(range(1, LIMIT + 1))
        assert [row["step"] for row in result.rows] == list(range(1, LIMIT + 1))
    starts = events(results, TrialStarted)
    assert [start.cause for start in starts].count("first") == 4
    assert [start.cause for start in starts].count("exploit") == len(results.exploits) == 8
    assert len(starts) == 12
    assert {start.worker for start in starts} == set(range(workers))


def test_trials_are_spread_evenly_over_the_workers(fit):
    results = fit(
        climb,
        {"speed": tune.grid_search([1.0] * 6)},
        scheduler=pbt(exploit=truncation(0)),
        stop={"training_iteration": LIMIT},
        executor=ProcessExecutor(2),
    )
    homes = [start.worker for start in events(results, TrialStarted)]
    assert sorted(homes) == [0, 0, 0, 1, 1, 1]


def test_asynchronous_trials_stay_within_one_interval_of_each_other(fit):
    executor = SimulatedExecutor(workers=2)
    results = fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0, 5.0])},
        scheduler=pbt(synch=False, exploit=truncation(0)),
        stop={"training_iteration": LIMIT},
        executor=executor,
    )
    iterations = dict.fromkeys((result.trial_id for result in results), 0)
    for report in events(results, Reported):
        iterations[report.trial] = report.progress.iteration
        assert max(iterations.values()) - min(iterations.values()) <= 2 * 2
    assert executor.loads == 0


def test_independent_trials_run_one_after_the_other(fit):
    results = fit(Climber, {"speed": tune.grid_search([1.0, 2.0, 3.0])}, stop={"training_iteration": 4})
    reported = [report.trial for report in events(results, Reported)]
    ids = [result.trial_id for result in results]
    assert reported == [trial for trial in ids for _ in range(4)]


def test_max_concurrent_trials_limits_the_slots_and_cuts_nobody_off(fit):
    results = fit(
        climb,
        {"speed": tune.grid_search([1.0, 2.0, 3.0])},
        scheduler=pbt(),
        stop={"training_iteration": 6},
        executor="processes",
        max_concurrent_trials=1,
    )
    assert {start.worker for start in events(results, TrialStarted)} == {0}
    assert [result.metrics["training_iteration"] for result in results] == [6, 6, 6]

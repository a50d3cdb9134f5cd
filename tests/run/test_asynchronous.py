"""Whole asynchronous runs: whoever is fine goes on, whatever happens to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import Ready, TrialFailed, TrialStarted
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.storage.journal import Journal
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt, wait_for

LIMIT = 12


def two_climbers(fit, executor, **options):
    """The first is slow and loses; the second is fast and never copies anybody."""
    return fit(
        Climber,
        {"speed": tune.grid_search([1.0, 10.0]), **options.pop("config", {})},
        scheduler=pbt(2, synch=False, private=["speed"]),
        stop={"training_iteration": LIMIT},
        executor=executor,
        **options,
    )


def begins_again_slowly(trial, iteration):
    """The first trial comes late to its decision, and its training as a clone takes very long to begin."""
    return 1.0 if trial.endswith("1") else {1: 1.1, 2: 1.1}.get(iteration, 100.0)


def test_a_trial_that_is_fine_loses_no_second_while_a_clone_starts(fit):
    results = two_climbers(fit, SimulatedExecutor(2, seconds=begins_again_slowly))
    assert [exploit.trial for exploit in results.exploits][:1] == [results[0].trial_id]
    assert [row["timestamp"] for row in results[1].rows] == list(range(1, LIMIT + 1))
    assert results[0].rows[2]["timestamp"] > LIMIT


def test_a_trial_that_is_fine_loses_no_second_while_a_worker_is_replaced(fit):
    executor = SimulatedExecutor(2, seconds=begins_again_slowly, losses=[(3.5, 0), (5.5, 0)])
    results = two_climbers(fit, executor, failure_config=tune.FailureConfig(max_failures=2))
    assert len(events(results, TrialFailed)) == 2
    assert [row["timestamp"] for row in results[1].rows] == list(range(1, LIMIT + 1))


@pytest.mark.parametrize("executor", [InlineExecutor, SimulatedExecutor])
def test_nobody_is_started_again_but_clones(fit, executor):
    results = two_climbers(fit, executor())
    clones = [exploit.trial for exploit in results.exploits]
    assert set(clones) == {results[0].trial_id}
    assert [(start.trial, start.cause) for start in events(results, TrialStarted) if start.cause != "first"] == [
        (trial, "exploit") for trial in clones
    ]


class SavesSlowly(Climber):
    """The second trial is the best; its second save takes until the first one has copied its first save three times."""

    def step(self):
        if self.config["rank"] == 0 and self.training_iteration == 1:
            wait_for(lambda: self.journaled(Ready), "the first decision of the donor")
        return {**super().step(), "rank": self.config["rank"]}

    def save_checkpoint(self, checkpoint_dir):
        if self.config["rank"] == 1 and self.training_iteration == 4:
            wait_for(lambda: self.journaled(Exploit) >= 3, "three exploits")
        return super().save_checkpoint(checkpoint_dir)

    def journaled(self, kind):
        with Journal.open(Path(self.logdir).parent) as journal:
            return len(list(journal.records(kind)))


def test_others_are_settled_while_a_donor_saves(fit):
    results = fit(
        SavesSlowly,
        {"rank": tune.grid_search([0, 1]), "speed": 1.0},
        scheduler=pbt(2, "rank", synch=False, private=["rank"]),
        stop={"training_iteration": 8},
        executor=ProcessExecutor(2),
    )
    assert results.errors == []
    loser, donor = (result.trial_id for result in results)
    assert {(exploit.trial, exploit.donor) for exploit in results.exploits} == {(loser, donor)}
    assert [exploit.checkpoint.progress.iteration for exploit in results.exploits][:3] == [2, 2, 2]
    assert [result.metrics["training_iteration"] for result in results] == [8, 8]

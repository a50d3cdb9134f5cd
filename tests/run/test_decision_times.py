"""When a run looks at its trials: from the first report on that is late enough, and again after each interval."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.core.decisions import Continue, Exploit
from poptune.core.events import Overdue, Ready
from poptune.executors.processes import ProcessExecutor
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt

SPEEDS = {"speed": tune.grid_search([1.0, 2.0])}


def epochs(config):
    """Reports at the epochs of `config["at"]`, each time with a checkpoint."""
    done, height = 0, 0.0
    if checkpoint := tune.get_checkpoint():
        done, height = checkpoint.to_dict()["done"], checkpoint.to_dict()["height"]
    for at in config["at"][done:]:
        done, height = done + 1, height + config["speed"]
        saved = tune.Checkpoint.from_dict({"done": done, "height": height})
        tune.report({"epoch": at, "height": height}, checkpoint=saved)


def considered(results):
    """Return the times at which each trial was looked at."""
    return [[ready.time for ready in events(results, Ready) if ready.trial == result.trial_id] for result in results]


def looked_at(fit, at, **options):
    """Return the epochs at which each of two trials was looked at, if both report at the same ones."""
    space = {**SPEEDS, "at": at}
    return considered(fit(epochs, space, scheduler=pbt(time_attr="epoch", **options)))


BOTH = pytest.mark.parametrize("synch", [True, False])


@BOTH
def test_of_reports_at_10_15_and_20_with_interval_10_the_first_and_the_last_count(fit, synch):
    first, second = looked_at(fit, [10, 15, 20], interval=10, synch=synch)
    assert set(first) == set(second) == {10, 20}


@BOTH
def test_the_interval_is_time_since_the_last_decision_and_not_multiples(fit, synch):
    first, second = looked_at(fit, [3, 6, 9, 12, 15, 18], interval=4, synch=synch)
    assert set(first) == set(second) == {6, 12, 18}


@BOTH
def test_epochs_may_start_at_zero(fit, synch):
    first, second = looked_at(fit, list(range(7)), interval=2, synch=synch)
    assert set(first) == set(second) == {2, 4, 6}


@BOTH
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_after_the_burn_in_period_a_run_goes_on_to_its_end(fit, synch, workers):
    results = fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0, 3.0])},
        scheduler=pbt(interval=5, burn_in_period=50, synch=synch, quantile_fraction=0.3),
        stop={"training_iteration": 70},
        executor=ProcessExecutor(workers) if workers else "inline",
    )
    assert [result.metrics["training_iteration"] for result in results] == [70, 70, 70]
    times = {time for trial in considered(results) for time in trial}
    assert min(times) == 50
    if synch:
        assert considered(results) == [[50, 55, 60, 65]] * 3
        assert [exploit.iteration for exploit in results.exploits] == [50, 55, 60, 65]
    else:
        assert results.exploits
        assert times <= {50, 55, 60, 65}


def test_a_hundred_iterations_with_interval_4_hold_24_rounds(fit):
    results = fit(Climber, SPEEDS, scheduler=pbt(interval=4), stop={"training_iteration": 100})
    assert considered(results) == [list(range(4, 100, 4))] * 2
    assert [exploit.iteration for exploit in results.exploits] == list(range(4, 100, 4))
    assert len(results.exploits) == 24


@BOTH
def test_time_may_be_the_seconds_that_a_trial_has_trained(fit, synch):
    results = fit(
        Climber,
        SPEEDS,
        scheduler=pbt(interval=2.5, time_attr="time_total_s", synch=synch),
        stop={"training_iteration": 10},
        executor=SimulatedExecutor(workers=2),  # each iteration takes a second
    )
    assert {time for trial in considered(results) for time in trial} == {3.0, 6.0, 9.0}
    assert results.exploits


@BOTH
def test_without_a_quantile_nobody_is_cloned_and_nothing_is_saved_for_it(fit, synch):
    results = fit(
        Climber,
        SPEEDS,
        scheduler=pbt(quantile_fraction=0, synch=synch),
        stop={"training_iteration": 10},
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
    )
    assert events(results, Exploit, Continue, Ready, Overdue) == []
    assert [result.best_checkpoints for result in results] == [[], []]
    assert [result.metrics["training_iteration"] for result in results] == [10, 10]


@BOTH
def test_a_trial_alone_is_never_cloned(fit, synch):
    results = fit(Climber, {"speed": 1.0}, scheduler=pbt(synch=synch), stop={"training_iteration": 10})
    assert results.exploits == []
    assert considered(results) == [[2, 4, 6, 8]]

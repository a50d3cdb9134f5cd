"""What a run says about its decisions, as its user reads it."""

from __future__ import annotations

import re

import pytest

import poptune as tune
from poptune.core.events import Overdue, Ready
from poptune.errors import MetricError
from poptune.schedulers import truncation
from poptune.testing.toys import Climber
from runs import events, pbt


@pytest.fixture
def said(fit, capsys):
    """Return a function that runs a trainable and returns its results and the lines that the run said."""

    def run(trainable, space, **options):
        results = fit(trainable, space, verbose=1, **options)
        shown = capsys.readouterr()
        return results, (shown.out + shown.err).splitlines()

    return run


@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_scores_are_said_as_the_user_reported_them(said, mode, sign):
    space = {"speed": tune.grid_search([1.0 * sign, 3.0 * sign])}
    stop = {"training_iteration": 4}
    results, lines = said(Climber, space, scheduler=pbt(mode=mode), stop=stop)
    (exploit,) = [line for line in lines if line.startswith("Exploit: ")]
    loser, winner = results[0].trial_id, results[1].trial_id
    assert exploit == (
        f"Exploit: {loser} (height {2 * sign} at iteration 2) takes over from {winner} (height {6 * sign})"
    )
    best = results.get_best_result()
    assert f"Best at the end: {best.trial_id} with height {best.metrics['height']:.4g} at iteration 4" in lines


# Checkpoints


def climb_saving(every):
    def climb(config):
        height, step = 0.0, 0
        if checkpoint := tune.get_checkpoint():
            height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
        while True:
            step += 1
            height += config["speed"]
            saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if every and step % every == 0 else None
            tune.report({"height": height, "step": step}, checkpoint=saved)

    return climb


@pytest.mark.parametrize("synch", [True, False])
def test_intervals_out_of_step_are_both_named_once_and_cost_no_exploit_and_no_iteration(said, synch):
    space = {"speed": tune.grid_search([3.0, 1.0])}
    scheduler = pbt(interval=4, synch=synch)
    results, lines = said(climb_saving(every=3), space, scheduler=scheduler, stop={"training_iteration": 20})
    assert [exploit.iteration for exploit in results.exploits][:1] == [6]
    assert len(results.exploits) == 3 or not synch  # otherwise a clone may stay ahead
    for result in results:
        assert [r.time for r in events(results, Ready) if r.trial == result.trial_id] == [6, 12, 18]
        assert [row["training_iteration"] for row in result.rows] == list(range(1, 21))
        assert [row["step"] for row in result.rows] == list(range(1, 21))
    (advice,) = [line for line in lines if line.startswith("Advice: ")]
    assert "(perturbation_interval=4)" in advice
    assert "saves a checkpoint every 3 iterations" in advice


@pytest.mark.parametrize("synch", [True, False])
def test_without_any_checkpoint_nothing_starts_over_and_the_run_says_once_that_weights_cannot_be_copied(said, synch):
    space = {"speed": tune.uniform(0.0, 10.0)}
    stop = {"training_iteration": 12}
    results, lines = said(climb_saving(every=0), space, num_samples=4, scheduler=pbt(synch=synch), stop=stop)
    for result in results:
        assert [row["training_iteration"] for row in result.rows] == list(range(1, 13))
        assert [row["step"] for row in result.rows] == list(range(1, 13))
        assert result.config == {"speed": result.rows[0]["config/speed"]}
    assert len(events(results, Overdue)) == 4
    assert "".join(lines).count("Without one PBT can neither copy its weights nor start it from another's") == 1
    assert sum(line.startswith("Advice: ") for line in lines) == 1


# Reports that lack the metric or the time


def forget(key, at):
    """Return a trainable whose trial of speed 1 leaves out a key from some iteration on; it also names its epochs."""

    def climb(config):
        height = 0.0
        if checkpoint := tune.get_checkpoint():
            height = checkpoint.to_dict()["height"]
        for epoch in range(10):
            height += config["speed"]
            metrics = {"height": height, "epoch": epoch}
            if config["speed"] == 1.0 and epoch >= at:
                del metrics[key]
            tune.report(metrics, checkpoint=tune.Checkpoint.from_dict({"height": height}))

    return climb


KEYS = pytest.mark.parametrize(("key", "role"), [("height", "metric"), ("epoch", "time_attr")])


@KEYS
def test_a_required_key_that_is_missing_is_an_error_of_that_trial_alone(said, key, role):
    space = {"speed": tune.grid_search([2.0, 1.0, 3.0])}
    scheduler = pbt(interval=3, time_attr="epoch", exploit=truncation(0))
    results, lines = said(forget(key, at=4), space, scheduler=scheduler)
    assert [result.error is None for result in results] == [True, False, True]
    assert f"MetricError: {role} '{key}' is not among the reported keys" in str(results[1].error)
    assert [len(result.rows) for result in results] == [10, 5, 10]
    assert any(f"{role} '{key}' is not among the reported keys" in line for line in lines)


@KEYS
def test_a_required_key_that_is_missing_from_the_very_first_report_ends_the_run(said, key, role):
    with pytest.raises(MetricError, match=f"{role} '{key}' is not among the reported keys"):
        said(forget(key, at=0), {"speed": 1.0}, num_samples=2, scheduler=pbt(interval=3, time_attr="epoch"))


@KEYS
@pytest.mark.parametrize("at", [0, 4])
def test_a_key_that_is_not_required_and_missing_is_one_warning_and_training_goes_on(said, key, role, at):
    space = {"speed": tune.grid_search([2.0, 1.0, 1.0])}
    scheduler = pbt(interval=3, time_attr="epoch", exploit=truncation(0), require_attrs=False, synch=False)
    results, lines = said(forget(key, at), space, scheduler=scheduler)
    assert results.errors == []
    assert [len(result.rows) for result in results] == [10, 10, 10]
    (warning,) = [line for line in lines if "not among the reported keys" in line]
    assert re.search(rf"trial \w+.* at iteration {at + 1}\b.*{role} '{key}'", warning)


def test_a_last_result_without_the_metric_is_no_reason_for_a_warning(said):
    def climb(config):
        for step in range(1, 5):
            tune.report({"height": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))
        return {"final": 4}

    results, lines = said(climb, {"speed": 1.0}, num_samples=2, scheduler=pbt(require_attrs=False))
    assert results.errors == []
    assert not [line for line in lines if "among the reported keys" in line]

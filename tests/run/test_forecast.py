"""Whether checkpoints will fit is told when the first one shows how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import CheckpointDeleted, Reported
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.run.forecast import SpaceForecast

MB = 1_000_000
RUN_DIR = Path("/runs/climb")


def saved(number, every=1, trial="a"):
    checkpoint = SavedCheckpoint(f"{trial}/{number}", trial, Progress(every * number), 100 * MB)
    return Reported(trial, {}, Progress(every * number), checkpoint)


def told(free, *, keep=None, stop=None, trials=8, past=(), now=None):
    """Return what is said about checkpoints of 100 MB."""
    said = []
    config = tune.CheckpointConfig(num_to_keep=keep)
    forecast = SpaceForecast(RUN_DIR, past, trials, config, stop or {}, free=lambda folder: free, say=said.append)
    for record in [saved(1)] if now is None else now:
        forecast.on_records([record], Population())
    return said


@pytest.mark.parametrize(
    ("keep", "stop", "needed"),
    [
        (None, {"training_iteration": 20}, 15_900),
        (None, {"loss": 0.1}, 1_500),
        (1, {"training_iteration": 20}, 1_500),
        (4, {"training_iteration": 20}, 3_900),
        (4, {"training_iteration": 3}, 2_300),
    ],
)
def test_what_does_not_fit_is_told_and_what_fits_is_not(keep, stop, needed):
    assert told(needed * MB, keep=keep, stop=stop) == []
    assert len(told(needed * MB - 1, keep=keep, stop=stop)) == 1


def test_it_says_how_much_is_needed_how_much_is_there_and_what_to_do():
    (said,) = told(2_000 * MB, stop={"training_iteration": 20})
    assert said == (
        "The checkpoints of this run may not fit: 8 trials x 20 checkpoints of 100 MB need 15.9 GB more, and"
        " /runs/climb has 2 GB left. CheckpointConfig(num_to_keep=1) needs 1.6 GB.\n"
    )
    (said,) = told(100 * MB, keep=1)
    assert said.endswith("has 100 MB left.\n")


def test_it_is_told_once():
    assert len(told(0, now=(saved(1), saved(2), saved(1, trial="b")))) == 1


def test_who_saves_every_fifth_iteration_needs_a_fifth():
    assert told(3_100 * MB, stop={"training_iteration": 20}, now=(saved(1, every=5),)) == []


def test_a_restored_run_is_told_at_once_and_what_lies_there_counts():
    past = (saved(1), saved(2), CheckpointDeleted("a", "a/1"), saved(3))
    assert told(1_400 * MB, keep=1, past=past, now=()) == []
    assert len(told(1_400 * MB - 1, keep=1, past=past, now=())) == 1


def test_a_run_asks_the_disk_that_it_is_on(fit, capsys):
    def train(config):
        tune.report({"loss": 1.0}, checkpoint=tune.Checkpoint.from_dict({"weights": [0.5] * 100}))

    fit(train, {}, stop={"training_iteration": 10**15})
    assert "may not fit: 1 trials x 1000000000000000 checkpoints" in capsys.readouterr().err

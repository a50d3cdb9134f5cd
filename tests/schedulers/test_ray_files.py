"""Policy files that Ray Tune 2.60.0 wrote, as it wrote them: three trials that saved every fourth iteration."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.schedulers import PopulationBasedTrainingReplay

FILES = Path(__file__).parents[1] / "data" / "ray_2_60"


def trained_with(config):
    """Report the config in force; save every fourth iteration, as the population did."""
    step = 0
    if checkpoint := tune.get_checkpoint():
        step = checkpoint.to_dict()["step"]
    while True:
        step += 1
        saved = tune.Checkpoint.from_dict({"step": step}) if step % 4 == 0 else None
        tune.report({"lr": config["lr"], "h0": config["h0"]}, checkpoint=saved)


def stretches(result):
    """Return (first iteration, config) of each stretch of training."""
    found = []
    for row in result.rows:
        config = {"lr": row["lr"], "h0": row["h0"]}
        if not found or found[-1][1] != config:
            found.append((row["training_iteration"], config))
    return found


def test_iterations_that_ray_logged_one_too_low_are_put_right(fit):
    with pytest.warns(UserWarning, match="1 of 1 changes were logged one iteration too early"):
        scheduler = PopulationBasedTrainingReplay(str(FILES / "synchronous.txt"))
    (result,) = fit(trained_with, {}, scheduler=scheduler, stop={"training_iteration": 16})
    assert stretches(result) == [(1, {"lr": 0.05, "h0": 1.0}), (13, {"lr": 0.07167308875690852, "h0": 1.2})]


def test_an_asynchronous_file_is_replayed_at_the_iterations_of_the_donors(fit):
    with pytest.warns(UserWarning, match="logged at different iterations, as in asynchronous runs"):
        scheduler = PopulationBasedTrainingReplay(str(FILES / "asynchronous.txt"))
    (result,) = fit(trained_with, {}, scheduler=scheduler, stop={"training_iteration": 16})
    assert stretches(result) == [
        (1, {"lr": 0.05, "h0": 1.0}),
        (5, {"lr": 0.06, "h0": 0.8}),
        (13, {"lr": 0.048, "h0": 0.738169304213404}),
    ]

"""Training is called with the values that the run shows, whatever it did to those that it was called with before."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.schedulers import truncation
from runs import pbt

LIMIT = 12
SPACE = {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0]), "net": {"layers": [32, 32]}}
SPOILT = 1000.0


def spoil(config):
    """Change a config in place, as careless code does, at each depth."""
    assert (config["net"], "extra" in config) == ({"layers": [32, 32]}, False), "somebody's changes came back"
    config["speed"] = SPOILT
    config["net"]["layers"].append(64)
    config["extra"] = object()


def climb(config):
    state = {"height": 0.0, "step": 0, "failed": False}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    speed = config["speed"]
    spoil(config)
    while state["step"] < LIMIT:
        state = {**state, "height": state["height"] + speed, "step": state["step"] + 1}
        measured = {"calls": [speed]}
        tune.report(
            {"height": state["height"], "in_force": speed, "measured": measured},
            checkpoint=tune.Checkpoint.from_dict(state),
        )
        measured["calls"][0] = state["height"] = SPOILT  # too late to matter: it was reported and saved
        state = tune.get_checkpoint().to_dict()
        if speed == 2.0 and state["step"] == 3 and not state["failed"]:
            state["failed"] = True
            raise ValueError("the loss exploded")


class Climb(tune.Trainable):
    """The same as a class that is kept when its trial becomes a clone."""

    def setup(self, config):
        self.height = 0.0
        self.speed = config["speed"]
        spoil(config)
        self.config["speed"] = SPOILT

    def reset_config(self, new_config):
        self.height = 0.0
        self.speed = new_config["speed"]
        spoil(new_config)
        return True

    def step(self):
        self.height += self.speed
        self.config["speed"] = SPOILT
        return {"height": self.height, "in_force": self.speed, "measured": {"calls": [self.speed]}}

    def save_checkpoint(self, checkpoint_dir):
        return {"height": self.height}

    def load_checkpoint(self, checkpoint):
        self.height = checkpoint["height"]


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("trainable", [climb, Climb])
def test_what_training_does_to_its_config_reaches_nobody(fit, trainable, executor):
    results = fit(
        trainable,
        SPACE,
        scheduler=pbt(interval=2, exploit=truncation(0.25)),
        stop={"training_iteration": LIMIT},
        failure_config=tune.FailureConfig(max_failures=1),
        executor=executor,
    )
    assert results.errors == []
    assert len(results.exploits) >= 4
    for exploit in results.exploits:
        assert exploit.config["net"] == exploit.donor_config["net"] == {"layers": [32, 32]}
        assert set(exploit.config) == {"speed", "net"}
        assert exploit.config["speed"] <= 10.0
    for result in results:
        assert result.config["net"] == {"layers": [32, 32]}
        assert result.rows[-1]["in_force"] == result.config["speed"]
        for row in result.rows:
            assert row["in_force"] == row["config/speed"] == row["measured/calls"][0] <= 10.0
            assert row["height"] < SPOILT

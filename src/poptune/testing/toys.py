"""Trainables small enough to reason about."""

from __future__ import annotations

from typing import Any

from poptune.core.nested import Config
from poptune.trainables.class_api import Trainable


class Climber(Trainable):
    """Climbs `config["speed"]` a step, and says how high it is.

    With `config["raises_at"]` it raises when it would begin that iteration; with `config["done_at"]` it is done then.

    >>> climber = Climber({"speed": 2.0})
    >>> climber.step()
    {'height': 2.0, 'speed': 2.0}
    """

    def setup(self, config: Config) -> None:
        """Start at the bottom."""
        self.height = 0.0

    def step(self) -> dict[str, Any]:
        """Climb."""
        iteration = self.training_iteration + 1
        if iteration == self.config.get("raises_at"):
            raise RuntimeError(f"fell at iteration {iteration}")
        self.height += self.config["speed"]
        report: dict[str, Any] = {"height": self.height, "speed": self.config["speed"]}
        return {**report, "done": True} if iteration == self.config.get("done_at") else report

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Return the height."""
        return {"height": self.height}

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Go on from a height."""
        self.height = checkpoint["height"]

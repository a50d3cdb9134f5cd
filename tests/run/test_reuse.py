"""Workers and objects are kept for clones; a run comes out the same as if everything were built anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import poptune as tune
from poptune.core.events import TrialStarted
from poptune.executors.processes import ProcessExecutor
from runs import decisions, events, pbt, stable_rows

LIMIT = 10


class Rebuilt(tune.Trainable):
    """Climbs with noise; an object of it is built for each clone."""

    def setup(self, config):
        self.height = 0.0
        self.speed = config["speed"]
        self.objects = 1

    def step(self):
        self.height += self.speed + np.random.normal()
        return {"height": self.height, "speed": self.speed, "objects": self.objects}

    def save_checkpoint(self, checkpoint_dir):
        return {"height": self.height}

    def load_checkpoint(self, checkpoint):
        self.height = checkpoint["height"]


class Kept(Rebuilt):
    """The same, but an object can be reset."""

    def reset_config(self, new_config):
        self.speed = new_config["speed"]
        self.objects += 1
        return True


class Declined(Rebuilt):
    """The same, but it says each time that it cannot be reset."""

    def reset_config(self, new_config):
        self.speed = float("nan")
        return False


def run(fit, trainable, executor):
    return fit(
        trainable,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0])},
        scheduler=pbt(),
        stop={"training_iteration": LIMIT},
        executor=executor,
    )


def without_objects(results):
    """Return all results without how often their object was reset."""
    return [[{k: v for k, v in row.items() if k != "objects"} for row in rows] for rows in stable_rows(results)]


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_results_are_the_same_with_kept_and_with_rebuilt_objects(fit, executor):
    rebuilt, kept, declined = (run(fit, trainable, executor) for trainable in (Rebuilt, Kept, Declined))
    assert {row["objects"] for result in rebuilt for row in result.rows} == {1}
    assert max(row["objects"] for result in kept for row in result.rows) > 2
    assert decisions(rebuilt) == decisions(kept) == decisions(declined)
    assert without_objects(rebuilt) == without_objects(kept) == without_objects(declined)


@pytest.mark.parametrize("trainable", [Rebuilt, Kept])
def test_no_row_is_lost_or_repeated_by_reuse(fit, trainable):
    for result in run(fit, trainable, ProcessExecutor(2)):
        assert [row["training_iteration"] for row in result.rows] == list(range(1, LIMIT + 1))
        with open(Path(result.path) / "result.json") as file:
            assert [json.loads(line)["training_iteration"] for line in file] == list(range(1, LIMIT + 1))


def test_by_default_a_worker_is_kept_and_results_are_those_of_a_worker_for_each_trial(fit):
    def climb(config):
        height, step = 0.0, 0
        if checkpoint := tune.get_checkpoint():
            height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
        while True:
            step += 1
            height += config["speed"] + np.random.normal()
            saved = tune.Checkpoint.from_dict({"height": height, "step": step})
            tune.report({"height": height}, checkpoint=saved)

    one, many = (run(fit, climb, ProcessExecutor(workers)) for workers in (1, 4))
    assert len({start.pid for start in events(one, TrialStarted)}) == 1
    assert len({start.pid for start in events(many, TrialStarted)}) == 4
    assert decisions(one) == decisions(many)
    assert stable_rows(one) == stable_rows(many)

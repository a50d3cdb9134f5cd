"""Training that draws random numbers draws on after an interruption as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest

import poptune as tune
from interrupting import Interrupted, go_on, told
from poptune.core.generators import Marks, packed, unpacked
from poptune.core.randomness import GlobalGenerators
from poptune.storage.copying import GENERATORS
from runs import stable_rows


def drunken(config, *, draw):
    """Climb by chance: first weights, steps and whether a checkpoint is saved are drawn."""
    height, step = draw(), 0
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
        height, step = state["height"], state["step"]
    while True:
        height, step = height + config["speed"] * draw(), step + 1
        state = {"height": height, "step": step}
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if step % 2 == 0 or draw() < 0.3 else None)


def by_random(config):
    drunken(config, draw=random.random)


def by_gauss(config):
    drunken(config, draw=lambda: random.gauss(0, 1))


def by_numpy(config):
    drunken(config, draw=np.random.random)


def by_normal(config):
    drunken(config, draw=lambda: float(np.random.normal()))  # draws pairs, and holds one back


def by_both(config):
    drunken(config, draw=lambda: random.random() * np.random.normal())


class ByClass(tune.Trainable):
    def setup(self, config):
        self.height = random.random()

    def step(self):
        self.height += self.config["speed"] * random.random()
        return {"height": self.height}

    def save_checkpoint(self, checkpoint_dir):
        return {"height": self.height}

    def load_checkpoint(self, checkpoint):
        self.height = checkpoint["height"]


@pytest.mark.parametrize("after", [3, 14, 29])
@pytest.mark.parametrize("trainable", [by_random, by_gauss, by_numpy, by_normal, by_both, ByClass])
def test_a_restored_run_draws_what_the_undisturbed_one_drew(begin, interrupt, trainable, after):
    calm = begin("calm", trainable=trainable).fit()
    path = interrupt("hurt", after, trainable=trainable)
    assert told(go_on(path, trainable)) == told(calm)


def test_a_run_that_is_interrupted_again_and_again_draws_what_the_undisturbed_one_drew(begin, interrupt):
    calm = begin("calm", trainable=by_both).fit()
    path = interrupt("hurt", 7, trainable=by_both)
    for after in (2, 2, 9, 3):
        with pytest.raises(KeyboardInterrupt):
            go_on(path, by_both, callbacks=[Interrupted(after)])
    assert told(go_on(path, by_both)) == told(calm)


def test_neighbours_of_a_trial_whose_worker_died_draw_on(fit, tmp_path):
    def kills_once(config):
        if config["kills"] and not (tmp_path / "killed").exists():
            tune.report({"height": 0.0, "step": 0})
            tune.report({"height": 0.0, "step": 0})
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        by_both({"speed": 1.0})

    options = {
        "stop": {"training_iteration": 9},
        "executor": "processes",
        "max_concurrent_trials": 1,
        "scheduler": tune.schedulers.PopulationBasedTraining(
            "training_iteration",
            "height",
            "max",
            2,
            hyperparam_mutations={"speed": [1.0]},
            quantile_fraction=0.5,
            exploit=lambda population, trial, rng: None,
            synch=True,
        ),
        "failure_config": tune.FailureConfig(max_failures=1),
    }
    hurt = fit(kills_once, {"kills": tune.grid_search([False, True])}, name="hurt", **options)
    calm = fit(kills_once, {"kills": tune.grid_search([False, True])}, name="calm", **options)
    heights = [[row["height"] for row in results[0].rows] for results in (hurt, calm)]
    assert heights[0] == heights[1]


def test_a_failed_trial_draws_anew_what_made_it_fail_may_be_what_it_drew(fit):
    drawn = []

    def unlucky(config):
        step = tune.get_checkpoint().to_dict()["step"] if tune.get_checkpoint() else 0
        random.random()
        tune.report({"height": 0.0}, checkpoint=tune.Checkpoint.from_dict({"step": step + 1}))
        drawn.append(random.random())
        if len(drawn) < 4:
            raise ValueError("bad luck")

    fit(unlucky, {}, failure_config=tune.FailureConfig(max_failures=3))
    assert len(set(drawn)) == 4


def test_checkpoints_of_training_that_draws_nothing_hold_no_states(begin):
    results = begin("calm").fit()
    assert list(Path(results.experiment_path).glob(f"*/checkpoint_*/{GENERATORS}")) == []


def test_states_of_a_copied_checkpoint_are_not_taken_for_ones_own(fit):
    def copies(config):
        checkpoint = tune.get_checkpoint()
        if not checkpoint:
            random.random()
            tune.report({"height": 0.0}, checkpoint=tune.Checkpoint.from_dict({"step": 1}))
            raise ValueError("it begins again")
        tune.report({"height": 0.0}, checkpoint=tune.Checkpoint.from_directory(checkpoint.path))

    results = fit(copies, {}, failure_config=tune.FailureConfig(max_failures=1))
    states = [(Path(results[0].path) / f"checkpoint_00000{n}" / GENERATORS).exists() for n in (0, 1)]
    assert states == [True, False]


def test_damaged_states_are_said_and_training_goes_on(begin, interrupt, capsys):
    path = interrupt("hurt", 14, trainable=by_random)
    for file in path.glob(f"*/checkpoint_*/{GENERATORS}"):
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    results = go_on(path, by_random)
    assert len(stable_rows(results)) == 4
    assert "does not draw on from" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"x", b"{}", b"null\n", b'{"order": "none"}\nabc'])
def test_what_are_no_states_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        unpacked(data)


def test_states_come_back_as_they_were():
    marks = Marks.now()
    own = GlobalGenerators.capture()
    try:
        random.gauss(0, 1)
        np.random.normal()
        data = packed(marks.drawn())
        expected = [random.gauss(0, 1), random.random(), np.random.normal(), np.random.random()]
        unpacked(data).restore()
        assert [random.gauss(0, 1), random.random(), np.random.normal(), np.random.random()] == expected
    finally:
        own.restore()
    assert packed(GlobalGenerators()) == b""

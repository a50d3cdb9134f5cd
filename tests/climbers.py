"""The vocabulary of the tests of runs that lose workers: trials that climb, and what happens to them on the way."""

from __future__ import annotations

import os

import poptune as tune
from runs import pbt

ITERATIONS = 12


def climb(config):
    """Saves at every iteration."""
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        tune.report({**state, "pid": os.getpid()}, checkpoint=tune.Checkpoint.from_dict(state))


class At(tune.Callback):
    """Does something once, as soon as every trial has reported an iteration."""

    def __init__(self, iteration, act):
        self.iteration, self.act = iteration, act
        self.reached = set()

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if result["training_iteration"] >= self.iteration:
            self.reached.add(trial.trial_id)
        if self.act and len(self.reached) == len(trials):
            act, self.act = self.act, None
            act(result)


def run(fit, executor="ray", *, trials=6, callbacks=(), **options):
    return fit(
        climb,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=trials,
        scheduler=pbt(2),
        stop={"training_iteration": ITERATIONS},
        executor=executor,
        callbacks=list(callbacks),
        **options,
    )


def is_whole(results):
    """Say whether every trial has every iteration once, in order."""
    every_one = list(range(1, ITERATIONS + 1))
    return all([row["training_iteration"] for row in result.rows] == every_one for result in results)

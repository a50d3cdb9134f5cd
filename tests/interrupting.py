"""The vocabulary of the tests of runs that are interrupted and go on, with the fixtures `begin` and `interrupt`."""

from __future__ import annotations

from pathlib import Path

import poptune as tune
from runs import decisions, stable_rows

ITERATIONS = 12


def climb(config):
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        saves = state["step"] % 2 == 0
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if saves else None)


class Interrupted(tune.Callback):
    """Ends a run in the middle, as Ctrl-C does: after so many results."""

    def __init__(self, after):
        self.after = after

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt


class Enough(tune.Stopper):
    def __call__(self, trial_id, result):
        return result["training_iteration"] >= ITERATIONS

    def stop_all(self):
        return False


class Told(tune.Callback):
    def __init__(self):
        self.iterations = []

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.iterations.append((trial.trial_id[-1], result["training_iteration"]))


SPACE = {"speed": tune.uniform(0.0, 10.0)}
ENOUGH = {"training_iteration": ITERATIONS}


def go_on(path, trainable=climb, *, tune_config=None, param_space=None, resume=None, **run):
    run = {"callbacks": [], **run}
    return tune.Tuner.restore(
        path,
        trainable,
        param_space=param_space,
        tune_config=tune_config,
        run_config=tune.RunConfig(**run),
        **(resume or {}),
    ).fit()


def without_restores(results):
    """Return all rows without the counters since the last restore."""
    left_out = "iterations_since_restore"
    return [[{k: v for k, v in row.items() if k != left_out} for row in rows] for rows in stable_rows(results)]


def told(results):
    """Return what results and files say, without what differs between two runs of the same thing."""
    policies = sorted(Path(results.experiment_path).glob("pbt_*.txt"))
    tables = [(Path(result.path) / "progress.csv").read_text().count("\n") for result in results]
    return decisions(results), without_restores(results), {file.name: file.read_text() for file in policies}, tables

"""Loggers of one's own: classes derived from `LoggerCallback` that write files beside those of the trial."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.logger import LoggerCallback
from poptune.testing.toys import Climber


class Book(LoggerCallback):
    """Keeps a file in the folder of each trial, open from its start to its end.

    Args:
        folder: What a version of Ray Tune calls the folder of a trial.
        prepare: What it does first with a trial.
    """

    def __init__(self, folder, prepare=lambda trial: None):
        self.folder = folder
        self.prepare = prepare
        self.files = {}

    def log_trial_start(self, trial):
        self.prepare(trial)
        path = Path(getattr(trial, self.folder), f"{trial}.txt")
        self.files[trial] = path.open("a")

    def log_trial_result(self, iteration, trial, result):
        self.files[trial].write(f"{result['height']}\n")

    def log_trial_end(self, trial, failed=False):
        self.files.pop(trial).close()


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize(
    "book", [Book("local_path", lambda trial: trial.init_local_path()), Book("local_path"), Book("logdir")]
)
def test_it_may_write_into_the_folder_of_a_trial_from_its_start(fit, capsys, book, executor):
    space = {"speed": tune.grid_search([1.0, 2.0])}
    results = fit(Climber, space, callbacks=[book], stop={"training_iteration": 2}, executor=executor)
    for result, heights in zip(results, ["1.0\n2.0\n", "2.0\n4.0\n"], strict=True):
        assert Path(result.path, f"Climber_{result.trial_id}.txt").read_text() == heights
    assert "is left out" not in capsys.readouterr().err

"""Where training code works, and where it may leave its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import poptune as tune
from poptune.errors import UsageError


def leave_in_place(config):
    """Write into the working directory, as scripts do; go on from there."""
    for step in range(1, 6):
        os.makedirs("model", exist_ok=True)
        Path("model/state").write_text(f"{config['who']} {step}")
        tune.report({"step": step, "here": os.getcwd()}, checkpoint=tune.Checkpoint.from_directory("model"))


SPACE = {"who": tune.grid_search([0, 1, 2])}


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_in_their_own_folders_trials_cannot_overwrite_each_others_files(tmp_path, executor):
    here = os.getcwd()
    results = tune.Tuner(
        leave_in_place,
        param_space=SPACE,
        tune_config=tune.TuneConfig(chdir_to_trial_dir=True),
        run_config=tune.RunConfig(storage_path=tmp_path, executor=executor, verbose=0),
    ).fit()
    assert os.getcwd() == here
    assert results.errors == []
    for who, result in enumerate(results):
        assert {row["here"] for row in result.rows} == {result.path}
        saved = [(Path(checkpoint.path) / "state").read_text() for checkpoint, _ in result.best_checkpoints]
        assert saved == [f"{who} {step}" for step in range(1, 6)]


def test_a_checkpoint_in_a_working_directory_that_all_share_is_refused(fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"(?s)'model' lies in the working directory.*line \d+, in leave_in_place"):
        fit(leave_in_place, SPACE)

"""The page for those who come from Ray Tune says what is so."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import poptune.compat
from poptune.compat import mirror, tune
from runs import pbt

PAGE = (Path(__file__).parents[2] / "docs" / "from-ray.md").read_text()
STATEMENTS = re.findall(r"`((?:from [\w.]+ )?import [\w., ]+?)`", PAGE)


@pytest.mark.parametrize("statement", sorted(set(STATEMENTS)))
def test_its_imports_work(statement):
    mirror.install()
    try:
        exec(statement, {})
    finally:
        mirror.remove()


def test_it_shows_imports_of_both_kinds():
    assert {one.split()[1].split(".")[0] for one in STATEMENTS} == {"ray", "poptune"}


def test_names_that_it_calls_offered_are_and_others_are_not():
    offered, _, missing = PAGE.partition("## What is not offered")
    for name in re.findall(r"`tune\.(\w+)", offered):
        assert hasattr(tune, name), name
    for name in re.findall(r"`ray\.(\w+)`", missing):
        assert not hasattr(poptune.compat, name), name
    for name in ("ASHAScheduler", "HyperBand"):
        assert name in missing
        assert not hasattr(tune.schedulers, name)


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Return a function that runs one or more trials in worker processes, in a folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(trainable, space=None, chdir_to_trial_dir=True, **options):
        return tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(
                scheduler=options.pop("scheduler", None), chdir_to_trial_dir=chdir_to_trial_dir
            ),
            run_config=tune.RunConfig(verbose=0, **options),
        ).fit()

    return run


def test_where_results_go_and_where_training_runs(trial, tmp_path):
    def tell(config):
        return {"here": os.getcwd(), "folder": tune.get_context().get_trial_dir()}

    (result,) = trial(tell, name="hill")
    assert result.path.startswith(str(tmp_path / "poptune_results" / "hill"))
    assert (result.metrics["here"], result.metrics["folder"]) == (result.path, result.path)
    (plain,) = trial(tell, name="plain", chdir_to_trial_dir=False)
    assert plain.metrics["here"] == str(tmp_path)
    assert trial(tell, name="hill").experiment_path == str(tmp_path / "poptune_results" / "hill_2")


def test_an_exploit_stays_in_its_process(trial):
    def climb(config):
        for height in range(1, 5):
            state = tune.Checkpoint.from_dict({"height": height})
            tune.report({"height": height * config["speed"], "process": os.getpid()}, checkpoint=state)

    results = trial(climb, {"speed": tune.grid_search([1.0, 2.0])}, scheduler=pbt(), stop={"training_iteration": 4})
    assert results.exploits
    for result in results:
        assert len({row["process"] for row in result.rows}) == 1


def test_without_checkpoints_trials_train_on_and_the_run_says_so(tmp_path, capsys):
    def climb(config):
        for height in range(1, 5):
            tune.report({"height": height * config["speed"]})

    results = tune.Tuner(
        climb,
        param_space={"speed": tune.grid_search([1.0, 2.0])},
        tune_config=tune.TuneConfig(scheduler=pbt()),
        run_config=tune.RunConfig(storage_path=tmp_path, executor="inline"),
    ).fit()
    assert results.exploits == []
    assert [len(result.rows) for result in results] == [4, 4]
    assert "but it has saved no checkpoint yet" in capsys.readouterr().out

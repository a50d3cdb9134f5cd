"""The page for those who come from Ray Tune says what is so."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import poptune.compat
from poptune.compat import mirror, tune
from poptune.compat.exceptions import RayTaskError
from poptune.testing.toys import Climber
from runs import pbt

PAGE = (Path(__file__).parents[2] / "docs" / "from-ray.md").read_text()
STATE = tune.Checkpoint.from_dict({})
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


def test_older_places_are_those_that_the_mirror_knows():
    rows = re.findall(r"^\| (`ray\.tune\.\w.*) \| `(poptune\.compat\..*)` \|$", PAGE, re.MULTILINE)
    told = {place: home for places, home in rows for place in re.findall(r"`ray\.([\w.]+)`", places)}
    assert told == {place: f"poptune.compat.{home}" for place, home in mirror._ALSO_AT.items()}


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


def test_a_callback_that_raises_is_left_out(trial, capsys):
    class Clumsy(tune.Callback):
        told = 0

        def on_trial_result(self, **info):
            self.told += 1
            raise KeyError("dropped")

    clumsy = Clumsy()
    (result,) = trial(lambda config: [tune.report({"height": n}) for n in range(3)] and None, callbacks=[clumsy])
    assert (len(result.rows), clumsy.told) == (3, 1)
    assert "KeyError: 'dropped'" in capsys.readouterr().err


def test_a_reporter_is_used_and_silenced(tmp_path):
    class Told(tune.ProgressReporter):
        times = 0

        def should_report(self, trials, done=False):
            return True

        def report(self, trials, done, *sys_info):
            self.times += 1

    for verbose, is_told in ((0, False), (1, True)):
        told = Told()
        run_config = tune.RunConfig(storage_path=tmp_path, executor="inline", verbose=verbose, progress_reporter=told)
        tune.Tuner(lambda config: {"height": 1}, run_config=run_config).fit()
        assert bool(told.times) == is_told


@pytest.mark.parametrize("trainable", [Climber, lambda config: tune.report({"height": 1}, checkpoint=STATE)])
def test_keys_of_results_and_files_of_a_trial(trial, trainable):
    (result,) = trial(trainable, {"speed": 1.0}, stop={"training_iteration": 1})
    assert {"checkpoint_dir_name", "should_checkpoint"} <= set(result.metrics)
    assert sorted(os.listdir(result.path)) == ["checkpoint_000000", "params.json", "progress.csv", "result.json"]


def test_keys_that_an_object_is_told(fit):
    class Telling(Climber):
        def log_result(self, result):
            self.keys = sorted(result)

        def cleanup(self):
            told.extend(self.keys)

    told = []
    (result,) = fit(Telling, {"speed": 1.0}, stop={"training_iteration": 1})
    missing = {"trial_id", "date", "experiment_tag", "pid", "hostname", "node_ip", "config"}
    assert set(result.metrics) - set(told) - {"checkpoint_dir_name", "should_checkpoint"} == missing


def test_to_fail_fast_raises_an_error_of_a_trial(trial):
    def stumble(config):
        raise LookupError("no foothold")

    with pytest.raises(RayTaskError, match=r"(?s)def stumble|raise LookupError.*LookupError: no foothold\n?$"):
        trial(stumble, failure_config=tune.FailureConfig(fail_fast="raise"))


SEEDED = """
import random
import numpy
from ray import tune

random.seed(0)
numpy.random.seed(0)
for _ in range(2):
    run_config = tune.RunConfig(verbose=0, executor="inline")
    (result,) = tune.Tuner(
        lambda config: {"drawn": random.random()}, param_space={"speed": tune.uniform(0, 1)}, run_config=run_config
    ).fit()
    print(result.config, result.metrics["drawn"])
"""


def test_a_script_that_seeds_repeats_itself_and_runs_in_it_differ(ray_script, script):
    first, second = (ray_script(script(SEEDED)).stdout for _ in range(2))
    assert first == second
    assert len(set(first.splitlines())) == 2

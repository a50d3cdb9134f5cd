"""`ExperimentAnalysis`: the results of a run under their older names."""

from __future__ import annotations

import math

import pytest

import poptune as tune
from poptune.compat.tune import ExperimentAnalysis
from poptune.errors import NoResultError, OptionError, StorageError


def climb(config):
    for step in range(1, 4):
        height = config["speed"] * step
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))


def slip(config):
    for height in config["heights"]:
        tune.report({"height": height})


SPEEDS = {"speed": {"grid_search": [1, 3, 2]}}


@pytest.fixture
def analysis(fit):
    return ExperimentAnalysis.of(fit(climb, SPEEDS, metric="height", mode="max"))


def test_the_best_trial_in_the_metric_of_the_run(analysis):
    assert analysis.best_trial.trial_id.endswith("_00001")
    assert analysis.best_config == {"speed": 3}
    assert analysis.best_result["height"] == 9
    assert analysis.best_checkpoint.to_dict() == {"height": 9}
    assert list(analysis.best_dataframe["height"]) == [3, 6, 9]


def test_folders_and_checkpoints(analysis):
    best = analysis.best_trial
    assert analysis.best_logdir == analysis.get_best_logdir("height", "max") == best.logdir
    assert analysis.get_best_logdir("height", "min") == analysis.trials[0].logdir
    with pytest.warns(UserWarning, match="depth"):
        assert analysis.get_best_logdir("depth", "max") is None
    kept = analysis.get_trial_checkpoints_paths(best)
    assert [(tune.Checkpoint(path).to_dict()["height"], height) for path, height in kept] == [(3, 3), (6, 6), (9, 9)]
    assert [value for _, value in analysis.get_trial_checkpoints_paths(best, "training_iteration")] == [1, 2, 3]


def test_trials_tell_what_the_search_space_chose_for_them(analysis, fit):
    assert [trial.evaluated_params for trial in analysis.trials] == [{"speed": 1}, {"speed": 3}, {"speed": 2}]
    assert [trial.experiment_tag for trial in analysis.trials] == ["0_speed=1", "1_speed=3", "2_speed=2"]
    (silent,) = ExperimentAnalysis.of(fit(lambda config: None, {"speed": {"grid_search": [7]}})).trials
    assert (silent.experiment_tag, silent.evaluated_params) == ("0_speed=7", {"speed": 7})


def test_data_frames(analysis):
    ids = [trial.trial_id for trial in analysis.trials]
    assert list(analysis.results_df.index) == ids
    assert list(analysis.results_df["height"]) == [3, 9, 6]
    assert list(analysis.results_df["config/speed"]) == [1, 3, 2]
    assert list(analysis.best_result_df.index) == [ids[1]]
    assert {trial: len(frame) for trial, frame in analysis.trial_dataframes.items()} == dict.fromkeys(ids, 3)
    assert list(analysis.dataframe()["height"]) == [3, 9, 6]
    assert list(analysis.dataframe("height", "min")["height"]) == [1, 3, 2]


def test_a_data_frame_needs_metric_and_mode_together(analysis):
    with pytest.raises(OptionError, match="metric and mode, or neither"):
        analysis.dataframe(metric="height")


def test_results_and_configs_by_trial(analysis):
    ids = [trial.trial_id for trial in analysis.trials]
    assert [analysis.results[trial]["height"] for trial in ids] == [3, 9, 6]
    assert list(analysis.get_all_configs().values()) == [{"speed": 1}, {"speed": 3}, {"speed": 2}]
    assert analysis.get_all_configs(prefix=True)[ids[0]] == {"config/speed": 1}


def test_another_metric_may_decide(analysis):
    assert analysis.get_best_config("height", "min") == {"speed": 1}
    assert analysis.get_best_trial("height", "min", scope="avg").config == {"speed": 1}


def test_checkpoints_of_any_trial(analysis):
    slowest = analysis.trials[0]
    assert analysis.get_best_checkpoint(slowest).to_dict() == {"height": 3}
    assert analysis.get_best_checkpoint(slowest, "height", "min").to_dict() == {"height": 1}
    assert analysis.get_last_checkpoint(slowest).to_dict() == {"height": 3}
    assert analysis.get_last_checkpoint(metric="height").to_dict() == {"height": 9}


def test_a_trial_of_another_run_is_refused(analysis):
    with pytest.raises(OptionError, match="has no trial 'x'"):
        analysis.get_best_checkpoint("x")


def test_without_a_metric_nothing_is_best(fit):
    analysis = ExperimentAnalysis.of(fit(climb, SPEEDS))
    with pytest.raises(OptionError, match=r"best_config needs a metric.* use get_best_config\(metric, mode\)"):
        _ = analysis.best_config
    with pytest.raises(OptionError, match="The run has no metric"):
        analysis.get_best_trial()
    assert analysis.get_best_config("height", "max") == {"speed": 3}


def test_no_value_that_counts(fit):
    results = fit(slip, {"heights": {"grid_search": [[1.0, math.nan], [math.nan]]}}, metric="height", mode="max")
    analysis = ExperimentAnalysis.of(results)
    with pytest.warns(UserWarning, match="No trial ended with a finite value"):
        assert analysis.get_best_trial() is None
    with pytest.raises(NoResultError):
        _ = analysis.best_config
    assert analysis.get_best_trial(scope="all").config == {"heights": [1.0, math.nan]}


def test_a_run_is_opened_again_from_its_directory(analysis):
    again = ExperimentAnalysis(analysis.experiment_path)
    assert again.best_config == {"speed": 3}
    other = ExperimentAnalysis(analysis.experiment_path, default_mode="min")
    assert other.best_config == {"speed": 1}


def test_another_directory_is_refused(tmp_path):
    with pytest.raises(StorageError, match="is not the directory of a PopTune run"):
        ExperimentAnalysis(tmp_path)


def test_a_trial_knows_its_folder(analysis):
    trial = analysis.trials[0]
    assert trial.path == trial.logdir == trial.local_path
    assert trial.trial_id in trial.path

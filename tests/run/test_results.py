"""What a run leaves can be read afterwards."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import CheckpointDeleted, Reported
from poptune.core.population import Population
from poptune.errors import NoResultError, OptionError
from poptune.executors.processes import ProcessExecutor
from poptune.testing.toys import Climber
from runs import events, pbt


def scripted(config):
    """Reports the given values."""
    for value in config["values"]:
        tune.report({"value": value, "nested": {"twice": 2 * value}})


@pytest.fixture
def grid(fit):
    def run(*series, **options):
        space = {"values": tune.grid_search([list(values) for values in series])}
        return fit(scripted, space, **{"metric": "value", "mode": "max", **options})

    return run


BEST_BY_SCOPE = {  # each trial is the best by one scope alone
    "last": [0] * 11 + [20],
    "all": [60] + [0] * 11,
    "avg": [50, 50] + [0] * 10,
    "last-5-avg": [0] * 7 + [10] * 5,
    "last-10-avg": [0, 0] + [13] * 5 + [0] * 5,
}


@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_the_best_result_by_scope(grid, mode, sign):
    results = grid(*([sign * value for value in series] for series in BEST_BY_SCOPE.values()), mode=mode)
    for best, scope in enumerate(BEST_BY_SCOPE):
        assert results.get_best_result(scope=scope) is results[best], scope


def test_the_only_trial_is_the_best_whatever_it_reported(grid):
    results = grid([math.nan])
    assert results.get_best_result() is results[0]


def test_the_best_result_by_another_metric_and_mode(grid):
    results = grid([1, 2], [3, 1])
    assert results.get_best_result(metric="nested/twice", mode="min") is results[1]
    assert results.get_best_result() is results[0]


def test_values_that_are_not_finite_are_left_out_unless_asked_for(grid):
    results = grid([1.0], [math.inf], [math.nan])
    assert results.get_best_result() is results[0]
    assert results.get_best_result(filter_nan_and_inf=False).metrics["value"] == math.inf


def test_no_best_result_is_an_error_that_says_why(grid, fit):
    with pytest.raises(NoResultError, match="No trial reported a finite value of 'value'"):
        grid([math.nan], [math.nan]).get_best_result()
    with pytest.raises(NoResultError, match="No trial ended with a finite value of 'value'; scope=\"all\""):
        grid([1, math.nan], [math.inf]).get_best_result()
    results = fit(scripted, {"values": [1]}, num_samples=2)
    with pytest.raises(ValueError, match="say which, as in get_best_result"):
        results.get_best_result()
    with pytest.raises(RuntimeError, match="Did you mean 'value'"):
        results.get_best_result(metric="valeu", mode="max")
    with pytest.raises(OptionError, match="Did you mean 'last'"):
        results.get_best_result(metric="value", mode="max", scope="lsat")


def test_if_all_trials_failed_the_best_result_says_why(fit):
    def stumble(config):
        raise ValueError("no foothold")

    results = fit(stumble, {}, metric="value", mode="max", num_samples=2)
    with pytest.raises(
        NoResultError, match=r"2 of 2 trials failed: .*\. Trial \w+_00000 failed: ValueError: no foothold$"
    ):
        results.get_best_result()


def test_metrics_have_the_automatic_keys(fit):
    result = fit(Climber, {"speed": 2.0}, stop={"training_iteration": 3})[0]
    metrics = result.metrics
    assert metrics["training_iteration"] == metrics["iterations_since_restore"] == 3
    assert metrics["config"] == {"speed": 2.0}
    assert metrics["trial_id"] == result.trial_id
    assert metrics["experiment_tag"] == "0"
    assert metrics["checkpoint_dir_name"] == "checkpoint_000000"
    for key in ("date", "timestamp", "time_this_iter_s", "time_total_s", "time_since_restore", "done"):
        assert key in metrics
    assert [row["done"] for row in result.rows] == [False, False, True]
    assert metrics["done"] is True
    for result_of in (metrics, result.rows[0]):
        assert result_of["pid"] > 0
        assert result_of["hostname"]
        assert result_of["node_ip"]
    assert result.rows[0]["config/speed"] == 2.0


def test_timesteps_and_episodes_are_summed(fit):
    def count(config):
        for _ in range(3):
            tune.report({"timesteps_this_iter": 10, "episodes_this_iter": 2})

    metrics = fit(count, {})[0].metrics
    assert (metrics["timesteps_total"], metrics["episodes_total"]) == (30, 6)


def test_data_frames(grid):
    results = grid([1, 3, 2], [5, 4])
    frame = results[0].metrics_dataframe
    assert list(frame["value"]) == [1, 3, 2]
    assert list(frame["nested/twice"]) == [2, 6, 4]
    assert list(results.get_dataframe()["value"]) == [2, 4]
    assert list(results.get_dataframe(filter_metric="value", filter_mode="max")["value"]) == [3, 5]


def test_generators_and_final_results_are_reports_too(fit):
    def yields(config):
        yield {"value": 1}
        yield {"value": 2}
        return {"final": 3}

    result = fit(yields, {})[0]
    assert [row.get("value") for row in result.rows] == [1, 2, None]
    assert result.metrics["final"] == 3
    assert result.metrics["training_iteration"] == 3
    assert result.metrics["done"] is True


def test_a_final_result_need_not_hold_the_metric(fit):
    def train(config):
        tune.report({"value": 1.0})
        return {"final_value": 1.0}

    results = fit(train, {}, metric="value", mode="max", num_samples=2)
    assert results.errors == []
    assert results[0].metrics["final_value"] == 1.0


def test_a_bare_number_is_the_anonymous_metric(fit):
    results = fit(lambda config: config["x"] ** 2, {"x": tune.grid_search([1, 3, 2])}, mode="max")
    assert results.get_best_result().config == {"x": 3}


def test_the_population_is_the_fold_of_the_journal(fit):
    results = fit(
        Climber,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=4,
        scheduler=pbt(),
        stop={"training_iteration": 9},
        executor=ProcessExecutor(2),
    )
    population = Population.of(events(results), seed=0)
    assert [trial.config for trial in population] == [result.config for result in results]
    assert [trial.progress.iteration for trial in population] == [9] * 4
    assert population.live == 0
    assert population.exploits == len(results.exploits) == 8


def test_final_checkpoints_hold_the_final_state(fit):
    results = fit(
        Climber, {"speed": tune.uniform(0.0, 10.0)}, num_samples=4, scheduler=pbt(), stop={"training_iteration": 9}
    )
    for result in results:
        assert result.checkpoint.to_dict()["state"] == {"height": result.metrics["height"]}


@pytest.mark.parametrize("synch", [True, False])
@pytest.mark.parametrize("trials", [2, 5, 8])
def test_keeping_one_checkpoint_is_safe_and_keeps_the_disk_small(fit, synch, trials):
    results = fit(
        Climber,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=trials,
        scheduler=pbt(interval=1, synch=synch),
        stop={"training_iteration": 50},
        checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
    )
    assert results.errors == []
    assert len(results.exploits) >= (49 if synch else 1)
    saved = [report for report in events(results, Reported) if report.checkpoint]
    assert len(saved) - len(events(results, CheckpointDeleted)) <= 2 * trials
    for result in results:
        assert result.checkpoint.to_dict()["state"] == {"height": result.metrics["height"]}


def test_the_best_checkpoints_are_kept(fit):
    def wave(config):
        for value in [1.0, 5.0, 3.0, 4.0, 2.0]:
            tune.report({"value": value}, checkpoint=tune.Checkpoint.from_dict({"value": value}))

    keep = tune.CheckpointConfig(num_to_keep=2, checkpoint_score_attribute="value")
    result = fit(wave, {}, checkpoint_config=keep)[0]
    kept = {checkpoint.to_dict()["value"] for checkpoint, _ in result.best_checkpoints}
    assert kept == {5.0, 4.0, 2.0}  # the best two, and the last
    assert result.get_best_checkpoint("value", "max").to_dict() == {"value": 5.0}
    assert result.checkpoint.to_dict() == {"value": 2.0}
    shutil.rmtree(result.get_best_checkpoint("value", "max").path)  # somebody makes room
    assert [checkpoint.to_dict()["value"] for checkpoint, _ in result.best_checkpoints] == [4.0, 2.0]
    assert result.get_best_checkpoint("value", "max").to_dict() == {"value": 4.0}


def test_stop_by_a_function(fit):
    results = fit(
        Climber, {"speed": 2.0}, stop=lambda trial_id, result: result["height"] >= result["config"]["speed"] * 3
    )
    assert results[0].metrics["training_iteration"] == 3


def test_a_class_that_can_reset_is_built_once(fit, tmp_path):
    class Warm(Climber):
        def setup(self, config):
            super().setup(config)
            with open(tmp_path / "log", "a") as log:
                log.write("built\n")

        def reset_config(self, new_config):
            return True

    results = fit(
        Warm, {"speed": tune.uniform(0.0, 10.0)}, num_samples=2, scheduler=pbt(), stop={"training_iteration": 10}
    )
    assert len(results.exploits) == 4
    assert (tmp_path / "log").read_text() == "built\n" * 2
    cold = fit(
        Climber, {"speed": tune.uniform(0.0, 10.0)}, num_samples=2, scheduler=pbt(), stop={"training_iteration": 10}
    )
    assert [r.metrics["height"] for r in results] == [r.metrics["height"] for r in cold]


def test_bound_parameters_reach_functions_and_classes(fit):
    def train(config, data):
        return {"total": sum(data)}

    assert fit(tune.with_parameters(train, data=[1, 2, 3]), {}, executor="processes")[0].metrics["total"] == 6


def test_the_context_of_a_trial(fit):
    def train(config):
        context = tune.get_context()
        return {"name": context.get_trial_name(), "dir": context.get_trial_dir(), "id": context.get_trial_id()}

    result = fit(train, {}, name="my run")[0]
    assert result.metrics["name"] == f"train_{result.trial_id}"
    assert result.metrics["dir"] == result.path
    assert "/my run/" in result.path


def test_two_runs_of_one_name_do_not_share_a_directory(fit):
    first = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 1}, name="same")
    second = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 1}, name="same")
    assert first.experiment_path != second.experiment_path
    assert second.experiment_path.endswith("same_2")


def test_configs_may_hold_any_object(fit):
    class Model:
        pass

    def train(config):
        return {"value": config["function"](3), "kind": type(config["model"]).__name__}

    for executor in ("inline", "processes"):
        result = fit(train, {"function": lambda x: x * 2, "model": Model(), "pair": (1, 2)}, executor=executor)[0]
        assert (result.metrics["value"], result.metrics["kind"]) == (6, "Model")
        assert result.config["pair"] == (1, 2)


@pytest.mark.parametrize("name", ["t" * 120, "t" * 250, "größer" * 40])
def test_trials_of_a_trainable_with_a_very_long_name_have_a_folder_each(fit, name):
    def climb(config):
        return {"height": config["speed"]}

    climb.__name__ = name
    told = {}

    class Names(tune.Callback):
        def on_trial_complete(self, iteration, trials, trial, **info):
            told[trial.trial_id] = str(trial)

    results = fit(climb, {"speed": tune.grid_search([1, 2])}, callbacks=[Names()])
    assert len({result.path for result in results}) == 2
    assert [len((Path(result.path) / "result.json").read_text().splitlines()) for result in results] == [1, 1]
    for trial, text in told.items():
        begun, _, rest = text.partition(f"_{trial}")
        assert (name.startswith(begun), rest) == (True, "")

"""A run can be opened again from its directory: in another process, at another place, and while it goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.nested import flatten
from poptune.errors import NoResultError, StorageError, UsageError
from poptune.run.results import Result, ResultGrid
from poptune.testing.toys import Climber
from runs import events, pbt


@pytest.fixture
def results(fit):
    return fit(
        Climber,
        {"speed": tune.uniform(0.0, 10.0), "raises_at": tune.sample_from(lambda config: None)},
        num_samples=4,
        scheduler=pbt(),
        stop={"training_iteration": 9},
    )


def assert_same(again, result):
    assert again.trial_id == result.trial_id
    assert again.config == result.config
    assert again.metrics == result.metrics
    assert again.rows == result.rows
    assert again.lineage == result.lineage
    assert str(again.schedule) == str(result.schedule)
    assert again.checkpoint.to_dict() == result.checkpoint.to_dict()
    assert str(again.error) == str(result.error)


def test_all_results_of_a_run(results):
    again = ResultGrid.from_path(results.experiment_path)
    for one, other in zip(again, results, strict=True):
        assert_same(one, other)
        assert one.path == other.path
    assert again.experiment_path == results.experiment_path
    assert again.exploits == results.exploits
    assert again.lineage == results.lineage
    assert (again.num_terminated, again.num_errors) == (4, 0)
    assert again.get_best_result().trial_id == results.get_best_result().trial_id
    assert again.get_dataframe().equals(results.get_dataframe())
    assert again[2].metrics_dataframe.equals(results[2].metrics_dataframe)


def test_the_result_of_one_trial(results):
    for result in results:
        assert_same(Result.from_path(result.path), result)
        assert_same(Result.from_path(Path(result.path)), result)


def test_a_run_that_was_moved(results, tmp_path):
    place = shutil.move(results.experiment_path, tmp_path / "elsewhere" / "renamed")
    again = ResultGrid.from_path(place)
    for one in again:
        assert one.path.startswith(str(place))
        assert one.checkpoint.to_dict()["state"] == {"height": one.metrics["height"]}
        assert one.metrics_dataframe["training_iteration"].tolist() == list(range(1, 10))


def test_failed_trials_keep_their_error(fit):
    results = fit(Climber, {"speed": 1.0, "raises_at": tune.grid_search([None, 4])}, stop={"training_iteration": 6})
    again = ResultGrid.from_path(results.experiment_path)
    assert again.num_errors == 1
    assert str(again[1].error) == str(results[1].error)
    assert "fell at iteration 4" in str(again[1].error)
    assert again[1].metrics["training_iteration"] == 3


def test_trials_that_never_reported(fit):
    results = fit(Climber, {"speed": 1.0, "raises_at": 1}, num_samples=2, metric="height", mode="max")
    again = ResultGrid.from_path(results.experiment_path)
    assert [result.metrics for result in again] == [{}, {}]
    assert Result.from_path(again[0].path).rows == []
    with pytest.raises(NoResultError):
        again.get_best_result()


def look(config):
    """Climbs, and reports what is seen of the run while it goes on."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
    while step < 4:
        step += 1
        height += config["speed"]
        seen = ResultGrid.from_path(Path(tune.get_context().get_trial_dir()).parent)
        own = next(result for result in seen if result.trial_id == tune.get_context().get_trial_id())
        metrics = {
            "height": height,
            "seen": own.metrics.get("training_iteration", 0),
            "seen_speed": own.metrics.get("config", own.config)["speed"],
            "config_seen": own.config["speed"],
            "ended": seen.num_terminated,
        }
        tune.report(metrics, checkpoint=tune.Checkpoint.from_dict({"height": height, "step": step}))


def test_a_run_that_goes_on(fit):
    clone, best = results = fit(look, {"speed": tune.grid_search([1.0, 20.0])}, scheduler=pbt(interval=1))
    assert [exploit.trial for exploit in results.exploits] == [clone.trial_id] * 4
    assert [row["seen"] for row in best.rows] == [0, 1, 2, 3]
    assert [row["seen"] for row in clone.rows] == [0, 1, 2, 3]
    # A clone trains with its new config; its newest result is still one of the old config.
    speeds = [row["config/speed"] for row in clone.rows]
    assert speeds == [1.0, *(exploit.config["speed"] for exploit in results.exploits[:3])]
    assert [row["config_seen"] for row in clone.rows] == speeds
    assert [row["seen_speed"] for row in clone.rows] == [1.0, *speeds[:-1]]
    assert flatten(clone.metrics) == clone.rows[-1]
    assert clone.config == results.exploits[3].config


class Tripwire:
    """Touches a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (Path(self.marker),)


def test_nothing_in_the_directory_is_executed(fit, tmp_path):
    marker = tmp_path / "marker"

    def train(config):
        tune.report({"value": 1.0}, checkpoint=tune.Checkpoint.from_dict({"wire": Tripwire(marker)}))

    space = {"wire": tune.sample_from(lambda config: Tripwire(marker)), "function": len}
    results = fit(train, space, checkpoint_config=tune.CheckpointConfig(allow_pickle=True))
    marker.unlink(missing_ok=True)
    moved = Path(results.experiment_path).rename(tmp_path / "from elsewhere")
    again = ResultGrid.from_path(moved)[0]
    assert again.rows[0]["value"] == 1.0
    with pytest.raises(UsageError, match="holds pickled objects"):
        again.checkpoint.to_dict()
    with pytest.raises(UsageError, match="may hold pickled objects"):
        tune.Tuner.restore(moved, train, param_space=space)
    assert not marker.exists()
    again.checkpoint.to_dict(allow_pickle=True)  # only this does
    assert marker.exists()


def test_what_has_no_json_form_comes_back_as_text(fit):
    results = fit(lambda config: {"value": 1}, {"function": len, "pair": (1, 2), "nan": float("nan")})
    config = ResultGrid.from_path(results.experiment_path)[0].config
    assert config["function"] == "builtins.len"
    assert config["pair"] == (1, 2)
    assert config["nan"] != config["nan"]


def refusal(open_again, path):
    with pytest.raises(StorageError) as caught:
        open_again(path)
    return str(caught.value)


def test_a_folder_that_is_no_run_is_refused_with_what_was_meant(results, tmp_path):
    run_dir, trial = Path(results.experiment_path), Path(results[0].path)
    misspelt = refusal(ResultGrid.from_path, run_dir.with_name(run_dir.name + "x"))
    assert f"does not exist. Did you mean {run_dir.name!r}?" in misspelt
    assert f"holds runs. Give one of them: {run_dir.name}." in refusal(ResultGrid.from_path, run_dir.parent)
    of_trial = refusal(ResultGrid.from_path, trial)
    assert f"Give that of the run, {run_dir}; a trial's folder is for Result.from_path." in of_trial
    (tmp_path / "empty").mkdir()
    empty = refusal(ResultGrid.from_path, tmp_path / "empty")
    assert "is not the directory of a PopTune run: it has no journal.sqlite" in empty
    assert "is not a directory" in refusal(ResultGrid.from_path, trial / "result.json")


def test_a_path_that_is_no_folder_is_not_meant_to_be_itself(tmp_path):
    (tmp_path / "notes").write_text("no run")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for name in ("notes", "dangling"):
        assert "Did you mean" not in refusal(ResultGrid.from_path, tmp_path / name)


def test_a_folder_that_is_no_trial_is_refused_with_what_was_meant(results, tmp_path):
    run_dir, trial = Path(results.experiment_path), Path(results[0].path)
    of_run = refusal(Result.from_path, run_dir)
    assert "is the directory of a whole run, for ResultGrid.from_path" in of_run
    assert trial.name in of_run
    misspelt = refusal(Result.from_path, run_dir / trial.name.replace("Climber", "Clmber"))
    assert f"Did you mean {trial.name!r}?" in misspelt
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert f"{tmp_path / 'a'} has no journal.sqlite" in refusal(Result.from_path, tmp_path / "a" / "b")
    assert "does not exist" in refusal(Result.from_path, tmp_path / "a" / "c")


def test_reopening_reads_the_journal_alone(results):
    for path in Path(results.experiment_path).rglob("*"):
        if path.suffix in (".json", ".csv", ".txt") and "checkpoint" not in str(path):
            path.unlink()
    again = ResultGrid.from_path(results.experiment_path)
    assert [result.metrics for result in again] == [result.metrics for result in results]
    assert again.exploits == events(results, Exploit)

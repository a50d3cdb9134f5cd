"""A list of runs says where each of them stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import edge_runs
import poptune as tune
from poptune.errors import StorageError
from poptune.run.listing import listed, runs_below
from poptune.run.results import ResultGrid
from poptune.storage.journal import FILE_NAME, Journal
from runs import three_climbers


def test_a_finished_run_is_told_as_its_results_are(fit):
    results = three_climbers(fit)
    run = listed(results.experiment_path)
    assert (run.state, run.trials, run.failed, run.iterations) == ("finished", 3, 0, 9)
    assert (run.metric, run.mode, run.best) == ("height", "max", results.get_best_result().metrics["height"])
    assert (run.name, run.path, run.scheduler) == (
        Path(results.experiment_path).name,
        Path(results.experiment_path),
        "PopulationBasedTraining",
    )
    with Journal.open(run.path) as journal:
        assert run.began == next(journal.timed_records())[0]


def test_a_run_is_running_while_a_process_trains_in_it(fit):
    seen = []

    class Look(tune.Callback):
        def on_trial_result(self, iteration, trials, trial, result, **info):
            seen.append(listed(Path(trial.local_path).parent).state)

    results = three_climbers(fit, callbacks=[Look()])
    assert set(seen) == {"running"}
    assert listed(results.experiment_path).state == "finished"


def test_a_crashed_run_is_interrupted_and_one_with_failed_trials_is_finished(tmp_path):
    assert listed(edge_runs.crashed(tmp_path)).state == "interrupted"
    assert listed(edge_runs.no_reports(tmp_path)).best is None
    run = listed(edge_runs.failing(tmp_path))
    assert (run.state, run.trials, run.failed) == ("finished", 4, 1)


@pytest.mark.parametrize("name", ["nested", "all_nan", "no_metric"])
def test_the_best_is_the_best_finite_newest_value(tmp_path, name):
    path = edge_runs.EDGE_RUNS[name](tmp_path)
    best = None
    if name == "nested":
        best = ResultGrid.from_path(path).get_best_result().metrics["eval"]["loss"]
    assert listed(path).best == best


def test_what_a_function_returns_at_its_end_hides_no_score(fit):
    def climb(config):
        tune.report({"height": config["speed"]})
        return {"note": "done"}

    results = fit(climb, {"speed": tune.grid_search([1.0, 2.0])}, metric="height", mode="max")
    assert listed(results.experiment_path).best == 2.0


def test_damaged_and_newer_runs_are_listed_with_what_is_wrong(fit, tmp_path):
    good = Path(three_climbers(fit).experiment_path)
    newer, damaged = (shutil.copytree(good, good.with_name(name)) for name in ("newer", "damaged"))
    with Journal.resume(newer) as journal:
        journal.note("format", 99)
    (damaged / FILE_NAME).write_bytes(b"not a database" * 1000)
    assert [listed(path).state for path in (good, newer, damaged)] == ["finished", "unreadable", "unreadable"]
    assert "newer version" in listed(newer).problem
    assert "damaged" in listed(damaged).problem
    with pytest.raises(StorageError, match="is not the directory of a run, but holds runs"):
        listed(good.parent)


def test_runs_are_found_at_any_depth_but_not_in_hidden_places_or_other_runs(tmp_path):
    for name in ("b/deep/er", "a", "a/trial", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / FILE_NAME).touch()
    assert list(runs_below(tmp_path)) == [tmp_path / "a", tmp_path / "b" / "deep" / "er"]
    assert list(runs_below(tmp_path / "a")) == [tmp_path / "a"]
    assert list(runs_below(tmp_path / "nowhere")) == []

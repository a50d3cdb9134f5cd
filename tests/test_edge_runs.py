"""The edge runs are what they say: other tests and the gallery rely on it."""

import math

import pytest

from edge_runs import ATTACK, EDGE_RUNS, LONG, large
from poptune.run.history import History


@pytest.mark.parametrize("name", EDGE_RUNS)
def test_every_edge_run_has_a_history(name, tmp_path):
    history = History.read(EDGE_RUNS[name](tmp_path))
    assert len(history.trials) == {"one_trial": 1, "two_trials": 2, "many_trials": 64, "asynchronous": 8}.get(name, 4)
    has_reports = any(stint.iterations for stint in history.stints)
    assert has_reports == (name != "no_reports")
    assert (history.winner is None) == (name in ("all_nan", "no_reports", "no_metric"))
    assert bool(list(history.exploits)) == (name not in ("one_trial", "all_nan", "no_reports", "no_metric"))


def test_a_crashed_run_has_only_live_trials_and_a_failing_one_a_dead_one(tmp_path):
    crashed = History.read(EDGE_RUNS["crashed"](tmp_path))
    assert {trial.status.is_live for trial in crashed.population} == {True}
    failing = History.read(EDGE_RUNS["failing"](tmp_path))
    assert [trial.status.value for trial in failing.population] == ["TERMINATED", "ERROR", "TERMINATED", "TERMINATED"]


def test_hostile_names_are_everywhere(tmp_path):
    history = History.read(EDGE_RUNS["hostile"](tmp_path))
    assert all(ATTACK in trial for trial in history.trials)
    assert all(ATTACK in name for name in (*history.metrics, *history.hyperparameters, history.about["name"]))
    assert any(ATTACK in trial.error for trial in history.population if trial.error)
    assert len(LONG) > 200


def test_a_large_run_is_written_without_running_it(tmp_path):
    history = History.read(large(tmp_path, trials=8, iterations=60, interval=20))
    assert sum(len(stint.iterations) for stint in history.stints) == 8 * 60
    assert len(list(history.exploits)) == 3 * 2
    assert math.isfinite(history.last_score(history.winner.trial))

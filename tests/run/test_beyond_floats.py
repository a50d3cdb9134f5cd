"""Values near and beyond the ends of a float are reported, ranked and shown, and nothing of a run fails for them."""

import math

import pytest

import poptune as tune
from command import json_of, run
from edge_runs import EDGE_RUNS, two_trials
from poptune.errors import NoResultError
from poptune.run.health import Health
from poptune.run.history import History
from poptune.run.results import ResultGrid


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    EDGE_RUNS["extreme"](folder)
    return folder


def test_an_integer_beyond_all_floats_is_infinite_in_the_history(folder):
    history = History.read(folder / "extreme")
    assert all(stint.values["score"][0] == math.inf for stint in history.stints if stint.start == 0)
    assert math.isfinite(history.last_score(history.winner.trial))


def test_the_health_of_a_run_that_diverges_can_be_told(folder):
    health = Health.of(History.read(folder / "extreme"))
    assert (health.best, health.not_finite) == (1e308, 24)
    assert math.isfinite(health.winner_mean)


@pytest.mark.parametrize("command", ["show", "replay", "report"])
def test_every_command_looks_at_such_a_run(folder, command):
    ran = run(command, folder / "extreme")
    assert (ran.exit_code, ran.exception) == (0, None)


def test_a_list_holds_the_runs_beside_one_that_ended_beyond_all_floats(fit, tmp_path):
    def leave(config):
        tune.report({"score": 10**400})

    fit(leave, {}, num_samples=2, metric="score", mode="max", name="beyond")
    two_trials(tmp_path)
    assert [(found["name"], found["state"]) for found in json_of("ls", tmp_path)] == [
        ("beyond", "finished"),
        ("two_trials", "finished"),
    ]
    with pytest.raises(NoResultError, match="No trial reported a finite value of 'score'"):
        ResultGrid.from_path(tmp_path / "beyond").get_best_result()


def test_its_results_can_be_looked_at(folder):
    results = ResultGrid.from_path(folder / "extreme")
    assert len(results.get_dataframe()) == 4
    assert results.get_best_result(scope="all", filter_nan_and_inf=False).trial_id in [r.trial_id for r in results]
    assert all("score" in result._repr_html_() for result in results)

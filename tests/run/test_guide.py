"""The visual guide's experiment: two trials on the PBT paper's quadratic, synchronous, interval 4."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from poptune.core.events import TrialStarted
from runs import events

EXAMPLE = Path(__file__).parents[2] / "examples" / "figure2_guide.py"


@pytest.fixture(scope="module")
def guide():
    spec = importlib.util.spec_from_file_location("figure2_guide", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["inline", "processes"])
def results(guide, request, tmp_path_factory):
    return guide.run_pbt(executor=request.param, storage_path=tmp_path_factory.mktemp("guide"), seed=0, verbose=0)


def test_both_trials_reach_the_optimum(results):
    assert [result.metrics["Q"] > 1.19 for result in results] == [True, True]
    assert results.errors == []


def test_every_interval_but_the_last_perturbs_one_trial(results):
    assert [exploit.iteration for exploit in results.exploits] == list(range(4, 100, 4))


def test_each_trial_has_every_iteration_once_and_in_order(results):
    for result in results:
        frame = result.metrics_dataframe
        assert list(frame["training_iteration"]) == list(range(1, 101))
        assert list(frame["train_step"]) == list(range(1, 101))


def test_the_files_hold_the_same_hundred_rows(results):
    for result in results:
        with open(Path(result.path) / "result.json") as file:
            of_json = [json.loads(line) for line in file]
        with open(Path(result.path) / "progress.csv", newline="") as file:
            of_csv = list(csv.DictReader(file))
        frame = result.metrics_dataframe
        for key, kind in (("training_iteration", int), ("theta0", float), ("theta1", float), ("Q", float)):
            assert [row[key] for row in of_json] == [kind(row[key]) for row in of_csv] == list(frame[key])


def test_24_rounds_and_24_clones_need_no_new_process(results):
    """Starting processes is where Ray Tune spends 98 % of this run."""
    starts = events(results, TrialStarted)
    assert [start.cause for start in starts] == ["first"] * 2 + ["exploit"] * 24
    homes = {start.trial: set() for start in starts}
    for start in starts:
        homes[start.trial].add(start.pid)
    for result in results:
        assert {row["pid"] for row in result.rows} == homes[result.trial_id]
        assert len(homes[result.trial_id]) == 1


def test_the_final_config_is_what_the_last_explore_made_it(results):
    last = {exploit.trial: exploit.config for exploit in results.exploits}
    for result in results:
        assert result.config == last[result.trial_id]
        row = result.metrics_dataframe.iloc[-1]
        assert (row["h0"], row["h1"]) == (result.config["h0"], result.config["h1"])
        assert row["config/lr"] == result.config["lr"]


def test_a_loser_jumps_to_the_donor_between_iterations_4_and_5(results):
    first = results.exploits[0]
    by_id = {result.trial_id: result.metrics_dataframe for result in results}
    donor_at_4 = by_id[first.donor].iloc[3]
    loser_at_5 = by_id[first.trial].iloc[4]
    for axis, weight in (("theta0", 0.75), ("theta1", 1.0)):
        h = first.config["h0" if axis == "theta0" else "h1"]
        step = first.config["lr"] * -2 * h * donor_at_4[axis] * weight
        assert loser_at_5[axis] == pytest.approx(donor_at_4[axis] + step, rel=1e-12)


def test_the_winners_schedule_covers_all_iterations_and_is_what_was_trained_with(results):
    best = results.get_best_result()
    assert best.lineage[0].first == 1
    assert best.lineage[-1].last == 100
    for before, after in zip(best.lineage, best.lineage[1:], strict=False):
        assert after.first == before.last + 1
    frames = {result.trial_id: result.metrics_dataframe for result in results}
    for segment in best.lineage:
        stretch = frames[segment.trial].query("@segment.first <= training_iteration <= @segment.last")
        assert set(stretch["h0"]) == {segment.config["h0"]}


def test_grid_search_alone_does_not_get_there(guide, tmp_path):
    results = guide.run_grid(executor="inline", storage_path=tmp_path, seed=0, verbose=0)
    assert [0.3 < result.metrics["Q"] < 0.7 for result in results] == [True, True]


def test_a_population_of_four_gets_there(guide, tmp_path):
    results = guide.run_population_of_4(executor="inline", storage_path=tmp_path, seed=0, verbose=0)
    assert all(result.metrics["Q"] > 1.19 for result in results)
    assert len(results.exploits) == 48

"""A run's history says who trained what with which weights: the same as the lineages that results have."""

import math
from itertools import pairwise
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.domains import Float
from poptune.errors import StorageError
from poptune.run.history import History
from runs import pbt, three_climbers


@pytest.mark.parametrize("synch", [True, False])
def test_the_lineage_of_every_trial_is_the_one_that_its_result_has(fit, synch):
    results = three_climbers(fit, executor="inline", pbt={"synch": synch})
    history = History.read(results.experiment_path)
    assert len(history.stints) == 3 + len(results.exploits)
    for result in results:
        newest = history.by_trial[result.trial_id][-1]
        behind = [(stint.trial, last, stint.config) for stint, last in newest.lineage if last > stint.start]
        assert behind == [(segment.trial, segment.last, segment.config) for segment in result.lineage]
        assert history.schedule(result.trial_id) == result.schedule


def test_every_report_is_in_one_stint_in_order(fit):
    results = three_climbers(fit)
    history = History.read(results.experiment_path, "height/else")
    for result in results:
        stints = history.by_trial[result.trial_id]
        heights = [value for stint in stints for value in stint.values["height"]]
        assert heights == [row["height"] for row in result.rows]
        assert all(before.ending == "exploited" for before, _ in pairwise(stints))
        assert stints[-1].ending == "left"
    assert history.metrics == ("height", "height/else")
    assert all(math.isnan(value) for stint in history.stints for value in stint.values["height/else"])


def test_a_metric_keeps_its_value_between_evaluations_and_when_it_is_copied(fit):
    def climb(config):
        checkpoint = tune.get_checkpoint()
        start = checkpoint.to_dict()["n"] if checkpoint else 0
        for n in range(start + 1, 6):
            height = {"height": math.nan if n == 4 and config["speed"] == 2.0 else n * config["speed"]}
            saved = tune.Checkpoint.from_dict({"n": n})
            tune.report({"else": n, **(height if n % 2 == 0 else {})}, checkpoint=saved)

    scheduler = pbt(interval=2, require_attrs=False, explore=lambda config, *_: {"speed": 10.0}, synch=True)
    results = fit(climb, {"speed": tune.grid_search([1.0, 2.0])}, scheduler=scheduler, executor="inline")
    history = History.read(results.experiment_path, "else")
    heights = [stint.values["height"] for stint in history.stints]
    first, fallen, clone, rescued = heights
    assert (first, fallen) == (
        pytest.approx([math.nan, 2.0], nan_ok=True),
        pytest.approx([math.nan, 4.0, 4.0, math.nan], nan_ok=True),
    )
    assert (clone, rescued) == ([4.0, 40.0, 40.0], [40.0])  # of their donors, until they are evaluated themselves
    assert history.measured(history.stints[2]) == [(4, 40.0)]


def test_it_knows_the_winner_the_domains_and_what_was_varied(fit):
    results = three_climbers(fit)
    history = History.read(results.experiment_path)
    assert history.winner.trial == results.get_best_result().trial_id
    assert history.domains == {"speed": Float(0.0, 10.0)}
    assert history.hyperparameters == ["speed"]
    assert [exploit for _, exploit in history.exploits] == results.exploits
    assert history.duration_s >= history.stints[-1].ended_s > 0


def test_reports_that_a_failure_undid_are_not_there(fit, tmp_path):
    mark = tmp_path / "failed"

    def climb(config):
        checkpoint = tune.get_checkpoint()
        start = checkpoint.to_dict()["n"] if checkpoint else 0
        for n in range(start + 1, 8):
            if n == 5 and not mark.exists():
                mark.touch()
                raise ValueError("once")
            tune.report({"height": n}, checkpoint=tune.Checkpoint.from_dict({"n": n}) if n == 3 else None)

    results = fit(climb, {}, scheduler=pbt(interval=100), failure_config=tune.FailureConfig(max_failures=1))
    (stint,) = History.read(results.experiment_path).stints
    assert stint.iterations == [1, 2, 3, 4, 5, 6, 7]
    assert stint.values["height"] == [1, 2, 3, 4, 5, 6, 7]


def test_a_run_without_a_metric_or_reports_has_a_history_too(fit):
    results = fit(lambda config: None, {"lr": tune.grid_search([0.1, 0.2])})
    history = History.read(results.experiment_path)
    assert (history.objective, history.winner, history.domains) == (None, None, {})
    assert history.scores(history.stints[0]) == []
    assert history.stints[0].last == 0


def test_what_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(StorageError, match="is not the directory of a PopTune run"):
        History.read(tmp_path)

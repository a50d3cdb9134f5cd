"""What a notebook shows of results, schedules and lineages."""

from __future__ import annotations

import re

import pytest

import edge_runs
from poptune.core.lineage import Segment
from poptune.run.family import Lineage
from poptune.run.results import ResultGrid
from poptune.run.schedule import Schedule
from poptune.testing.toys import Climber
from runs import three_climbers
from watching import words

SEGMENTS = (
    Segment("a", 1, 5, {"lr": 0.1, "act": "relu"}, None),
    Segment("b", 6, 10, {"lr": 0.08, "act": "tanh"}, "a"),
    Segment("b", 11, 20, {"lr": 0.05, "act": "tanh"}, "b"),
)


def test_a_schedule_shows_each_stretch_and_draws_what_is_a_number():
    html = Schedule(SEGMENTS)._repr_html_()
    assert words(html) == "iterations lr act lr 1-5 0.1 relu 6-10 0.08 tanh 11-20 0.05 tanh"
    (points,) = re.findall(r'points="([^"]*)"', html)  # from 0.1 at the top to 0.05 at the bottom
    assert points == "0.0,1.0 22.5,1.0 22.5,7.4 45.0,7.4 45.0,17.0 90.0,17.0"


def test_a_schedule_that_never_changes_is_not_drawn():
    html = Schedule(SEGMENTS[:1])._repr_html_()
    assert words(html) == "iterations lr act 1-5 0.1 relu"
    assert "<svg" not in html


def test_a_lineage_says_who_trained_what_with_whose_weights():
    assert words(Lineage(SEGMENTS)._repr_html_()) == (
        "iterations trial copied lr act 1-5 a - 0.1 relu 6-10 b a 0.08 tanh 11-20 b b 0.05 tanh"
    )


def test_the_family_tree_says_who_trained_the_last_weights_of_each_trial(fit):
    results = three_climbers(fit)
    shown = words(results.lineage._repr_html_())
    for result in results:
        first, last = result.lineage[0], result.lineage[-1]
        assert f" {result.trial_id} {first.trial.rpartition('_')[2]} (1-" in shown
        assert f"-{last.last})" in shown
    assert results.lineage == {result.trial_id: tuple(result.lineage) for result in results}


def test_results_show_the_best_and_a_table(fit):
    results = three_climbers(fit, metric="height", mode="max", pbt={"metric": None, "mode": None})
    best = results.get_best_result()
    shown = words(results._repr_html_())
    assert shown.startswith(
        f"3 trials: 3 TERMINATED Best: {best.trial_id} with height {best.metrics['height']:.4g}"
        f" trial status iter height exploits speed time {best.trial_id} "
    )
    assert shown.endswith(results.experiment_path)


def test_a_result_shows_metrics_hyperparameters_and_where_it_lies(fit):
    result = three_climbers(fit)[0]
    shown = words(result._repr_html_())
    assert shown == (
        f"Trial {result.trial_id} Iteration 9, {result.path}"
        f" height {result.metrics['height']:.4g} speed {result.config['speed']:.4g}"
        f" config/speed {result.config['speed']:.4g}"
    )


def test_a_failed_result_opens_to_its_traceback(tmp_path):
    results = ResultGrid.from_path(edge_runs.failing(tmp_path))
    (html,) = [result._repr_html_() for result in results if result.error]
    assert re.search(r"<details><summary>Trial \w+ failed: ValueError: fell at 8</summary>", html)
    assert "raise ValueError" in html


def test_secrets_are_masked():
    secret = Segment("a", 1, 5, {"api_key": "k-123", "lr": 0.1}, None)
    other = Segment("b", 6, 9, {"api_key": "k-456", "lr": 0.2}, "a")
    for shown in (Schedule((secret, other)), Lineage((secret, other))):
        assert "k-" not in shown._repr_html_() + repr(shown)
        assert "***" in shown._repr_html_()
        assert "Segment(trial='a', first=1, last=5, config={'api_key': '***', 'lr': 0.1}, donor=None)" in repr(shown)


def test_secrets_of_results_are_masked(fit):
    results = fit(Climber, {"speed": 1.0, "api_key": "k-123"}, stop={"training_iteration": 2})
    for shown in (results, results[0]):
        assert "k-123" not in shown._repr_html_() + repr(shown)
        assert "***" in repr(shown)
    assert results[0].config["api_key"] == "k-123"


@pytest.mark.parametrize("name", [name for name in edge_runs.EDGE_RUNS if name != "many_trials"])
def test_runs_at_the_edges_are_shown_without_markup_of_theirs(tmp_path, name):
    results = ResultGrid.from_path(edge_runs.EDGE_RUNS[name](tmp_path))
    shown = [results, results.lineage, *results]
    shown += [part for result in results for part in (result.schedule, result.lineage)]
    for part in shown:
        html = part._repr_html_()
        assert "<img" not in html
        assert "<script" not in html
        assert "\x1b" not in html
        assert html.count("<div") == html.count("</div>") == 1
        assert len(html) < 40_000

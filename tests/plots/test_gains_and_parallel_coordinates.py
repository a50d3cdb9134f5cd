"""Gains between decisions, and trials across their hyperparameters, are those of the journal."""

import math
from itertools import combinations

import numpy as np
import pytest

import poptune as tune
from edge_runs import EDGE_RUNS, all_nan, nested
from poptune import plots
from poptune.core.decisions import Exploit
from poptune.core.events import Ready
from poptune.errors import OptionError
from poptune.plots.gains import gains_of
from poptune.run.history import History
from poptune.testing.toys import Climber
from runs import events, pbt, three_climbers


def test_gains_are_the_differences_of_scores_between_decision_points(fit):
    results = three_climbers(fit)
    score_before: dict[str, float] = {}
    expected = []
    for record in events(results, Ready, Exploit):
        if isinstance(record, Exploit):
            score_before[record.trial] = record.donor_score
            continue
        if record.trial in score_before:
            expected.append((record.trial, record.score - score_before[record.trial]))
        score_before[record.trial] = record.score
    gains = gains_of(History.read(results.experiment_path))
    assert sorted((gain.trial, gain.score) for gain in gains) == sorted(expected)
    assert all(gain.last - gain.first == 2 for gain in gains)
    # Who climbs `speed` a step gains twice that until the next decision.
    assert all(gain.score == pytest.approx(2 * gain.config["speed"]) for gain in gains)

    (dots,) = [item for item in plots.value_gains(results).axes[0].collections if item.get_gid() == "gains"]
    x, y = np.asarray(dots.get_offsets()).T
    assert y == pytest.approx(2 * x)
    assert sorted(x) == pytest.approx(sorted(gain.config["speed"] for gain in gains))


def test_who_diverged_is_marked_below(fit):
    class Diverging(Climber):
        def step(self):
            report = super().step()
            return {**report, "height": math.nan} if self.training_iteration >= 3 else report

    space = {"speed": tune.grid_search([1.0, 2.0, 3.0])}
    results = fit(Diverging, space, scheduler=pbt(interval=2, quantile_fraction=0.3), stop={"training_iteration": 5})
    gains = gains_of(History.read(results.experiment_path))
    assert len(gains) == 3
    assert all(math.isnan(gain.score) for gain in gains)
    axes = plots.value_gains(results, "speed").axes[0]
    (marks,) = [line for line in axes.lines if line.get_label() == "no finite score"]
    assert sorted(marks.get_xdata()) == sorted(gain.config["speed"] for gain in gains)


def test_one_panel_for_each_hyperparameter_and_a_wrong_name_is_refused(tmp_path):
    run = nested(tmp_path)
    shown = [axes.get_xlabel() for axes in plots.value_gains(run).axes if axes.get_xlabel()]
    assert shown == ["optimizer/lr", "optimizer/schedule/warmup", "model/activation"]
    assert plots.value_gains(run, "optimizer/lr").axes[0].get_xscale() == "log"
    for figure in (plots.value_gains, plots.parallel_coordinates):
        with pytest.raises(OptionError, match="optimizer/lr"):
            figure(run, "optimizer/rl")


@pytest.mark.parametrize("width", [3.5, 7.0])
def test_texts_below_a_panel_lie_on_nothing_else(fit, width):
    layers = [f"{kind}_linear_unit" for kind in ("gated", "rectified", "hyperbolic", "exponential", "scaled")]
    space = {"layers": tune.choice(layers), "day": tune.randint(20240101, 20240131)}
    space["a_name_that_is_as_wide_as_its_panel"] = tune.uniform(1e-6, 9e-6)
    scheduler = pbt(hyperparam_mutations=space)
    results = fit(Climber, {"speed": 1.0, **space}, scheduler=scheduler, num_samples=6, stop={"training_iteration": 7})
    figure = plots.value_gains(results, *space, width=width)
    figure.draw_without_rendering()
    for axes in figure.axes[:-1]:
        texts = [axes.xaxis.label, axes.xaxis.get_offset_text()]
        texts += [
            tick.label1
            for tick in axes.xaxis.get_major_ticks()
            if axes.get_xlim()[0] <= tick.get_loc() <= axes.get_xlim()[1]
        ]
        boxes = [text.get_window_extent() for text in texts if text.get_text()]
        assert not [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)]
    first = figure.axes[0]
    assert first.yaxis.label.get_window_extent().height <= first.get_window_extent().height
    days = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert all(20240000 < int(day) < 20240200 for day in days)


def test_without_gains_the_figure_says_so(tmp_path):
    (text,) = plots.value_gains(EDGE_RUNS["no_metric"](tmp_path)).axes[0].texts
    assert text.get_text() == "nobody has come to\na second decision yet"


def test_lines_cross_the_axes_where_the_values_lie(tmp_path):
    run = nested(tmp_path)
    history = History.read(run)
    axes = plots.parallel_coordinates(run).axes[0]
    names = [text.get_text() for text in axes.texts if text.get_gid() == "name"]
    assert names == ["optimizer/lr", "optimizer…e/warmup", "model/activation", "eval/loss"]
    heights = {line.get_gid(): line.get_ydata() for line in axes.lines if line.get_gid() in history.trials}
    assert set(heights) == set(history.trials)
    at_end = {trial: stints[-1] for trial, stints in history.by_trial.items()}
    for number, value in (
        (0, lambda stint: stint.config["optimizer"]["lr"]),
        (3, lambda s: -s.values["eval/loss"][-1]),
    ):
        ranked = sorted(history.trials, key=lambda trial: value(at_end[trial]))
        assert [heights[trial][number] for trial in ranked] == sorted(ys[number] for ys in heights.values())
    assert max(heights, key=lambda trial: heights[trial][3]) == history.winner.trial


def test_an_iteration_can_be_chosen(fit):
    results = three_climbers(fit)
    axes = plots.parallel_coordinates(results, iteration=1).axes[0]
    ends = [line.get_ydata()[-1] for line in axes.lines if line.get_gid()]
    assert sorted(ends) == pytest.approx([0.0536, 0.5, 0.9464], abs=1e-3)  # heights 1, 2 and 3
    with pytest.raises(OptionError, match="No trial has reported at iteration 77; the last iteration is 9"):
        plots.parallel_coordinates(results, iteration=77)


def test_without_any_score_lines_are_grey_and_have_no_axis_for_it(tmp_path):
    axes = plots.parallel_coordinates(all_nan(tmp_path)).axes[0]
    assert [text.get_text() for text in axes.texts if text.get_gid() == "name"] == ["lr"]

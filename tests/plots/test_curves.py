"""Curves show what the journal holds: every report once, the best so far, and each rescue from loser to donor."""

import math

import numpy as np
import pytest

import poptune as tune
from edge_runs import asynchronous
from poptune import plots
from poptune.errors import ModeError, OptionError
from poptune.plots.trails import best_so_far, middle_half
from poptune.run.history import History
from poptune.testing.toys import Climber
from runs import pbt, three_climbers


def lines(figure, at=0):
    """Return the lines of axes by their group ids, without the gaps between stints."""
    found = {}
    for line in figure.axes[at].get_lines():
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        found.setdefault(line.get_gid(), []).append((x[~np.isnan(x)].tolist(), y[~np.isnan(x)].tolist()))
    return found


def rows(results, trial, name):
    return next([row[name] for row in result.rows] for result in results if result.trial_id == trial)


@pytest.mark.parametrize("draw", [plots.objective_history, plots.learning_curves, plots.rescues])
def test_each_line_is_what_its_trial_reported(fit, draw):
    results = three_climbers(fit)
    drawn = lines(draw(results))
    for result in results:
        [(x, y)] = drawn[result.trial_id]
        assert x == rows(results, result.trial_id, "training_iteration")
        assert y == rows(results, result.trial_id, "height")


def test_a_line_is_interrupted_where_its_trial_became_a_clone(fit):
    results = three_climbers(fit)
    figure = plots.objective_history(results.experiment_path)
    gaps = {
        line.get_gid(): int(np.isnan(np.asarray(line.get_xdata(), float)).sum()) for line in figure.axes[0].get_lines()
    }
    clones = [exploit.trial for exploit in results.exploits]
    assert gaps == {result.trial_id: clones.count(result.trial_id) for result in results}


def test_the_best_so_far_never_gets_worse_and_is_the_best_of_all_reports(fit):
    results = three_climbers(fit)
    [(x, y)] = lines(plots.learning_curves(results))["best"]
    best = [
        max(row["height"] for result in results for row in result.rows if row["training_iteration"] <= at) for at in x
    ]
    assert y == best
    assert x[-1] == 9


def test_less_is_better_where_the_run_says_so():
    x, y = np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.5, 0.7, 0.2, math.nan])
    assert [column.tolist() for column in best_so_far(x, y, "min")] == [[1.0, 2.0], [0.5, 0.2]]


def test_the_band_holds_the_middle_half_of_the_newest_values():
    ladder = [(np.array([1.0, 3.0]), np.array([height, 10.0 * height])) for height in (1.0, 2.0, 3.0, 4.0, 5.0)]
    late = (np.array([2.0]), np.array([math.nan]))
    places, low, high = middle_half([*ladder, late])
    assert places.tolist() == [1.0, 2.0, 3.0]
    assert low.tolist() == [2.0, 2.0, 20.0]
    assert high.tolist() == [4.0, 4.0, 40.0]


def test_over_seconds_the_reports_stand_where_they_were_recorded(fit):
    results = three_climbers(fit)
    history = History.read(results.experiment_path)
    drawn = lines(plots.learning_curves(history, over="seconds"))
    for trial, stints in history.by_trial.items():
        assert drawn[trial][0][0] == [second for stint in stints for second in stint.seconds]


def test_a_tooth_leads_from_the_losers_last_value_to_the_donors(tmp_path):
    history = History.read(asynchronous(tmp_path))
    drawn = lines(plots.rescues(history))
    teeth = sorted(tooth for gid, found in drawn.items() if gid.startswith("from ") for _, tooth in found)
    expected = []
    for _, exploit in history.exploits:
        donors = {
            at: value
            for stint in history.by_trial[exploit.donor]
            for at, value in zip(stint.iterations, stint.values["score"], strict=True)
            if stint.began_s <= exploit_time(history, exploit)
        }
        loser = [stint for stint in history.by_trial[exploit.trial] if stint.began_s < exploit_time(history, exploit)][
            -1
        ]
        expected.append([loser.values["score"][-1], donors[exploit.checkpoint.progress.iteration]])
    assert teeth == sorted(expected)
    assert len(teeth) > 5


def exploit_time(history, exploit):
    return next(at for at, record in history.records if record is exploit)


def test_two_runs_are_told_apart_by_their_names(fit):
    one, two = three_climbers(fit, name="one"), three_climbers(fit, name="two")
    figure = plots.learning_curves(one, other=two)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["one", "two"]
    assert len(lines(figure)["best"]) == 2


def test_a_metric_besides_the_runs_own_has_a_best_only_when_told_what_is_better(fit):
    results = three_climbers(fit)
    assert "best" not in lines(plots.learning_curves(results, "speed"))
    assert lines(plots.learning_curves(results, "speed", mode="min"))["best"][0][1][-1] == min(
        row["speed"] for result in results for row in result.rows
    )


def test_a_misspelt_metric_is_named_with_the_nearest_one(fit):
    results = three_climbers(fit)
    with pytest.raises(OptionError, match=r"No trial of the run \S+ reported 'heigth'\. Did you mean 'height'\?"):
        plots.objective_history(results, "heigth")


def test_a_run_without_a_metric_says_what_to_give(fit):
    def count(config):
        tune.report({"n": 1})

    results = fit(count, {"lr": 0.1})
    with pytest.raises(OptionError, match="metric="):
        plots.learning_curves(results)
    assert lines(plots.learning_curves(results, "n"))[results[0].trial_id] == [([1.0], [1.0])]


def test_values_far_from_all_others_leave_the_axes_and_the_figure_says_so(fit):
    def explode(config):
        for n in range(100):
            tune.report({"loss": 1e9 if n == 20 else float(n)})

    results = fit(explode, {"speed": 1.0}, metric="loss", mode="min")
    axes = plots.learning_curves(results).axes[0]
    assert axes.get_ylim()[1] < 200
    assert [text.get_text() for text in axes.texts if "outside" in text.get_text()] == [
        "1 of 100 values lie outside: from 0 to 1e+09"
    ]


def test_a_logarithmic_axis_has_round_numbers_and_is_refused_where_values_are_not_above_0(fit):
    results = three_climbers(fit)
    for draw in (plots.objective_history, plots.learning_curves, plots.rescues):
        axes = draw(results, log=True).axes[0]
        assert axes.get_yscale() == "log"
        assert [label.get_text() for label in axes.get_yticklabels()] == ["1", "3", "10", "30"]
    fallen = fit(lambda config: [tune.report({"height": h}) for h in (1.0, -2.0)], {}, metric="height", mode="max")
    with pytest.raises(OptionError, match=r"A value is -2, .* log=True"):
        plots.learning_curves(fallen, log=True)


def test_what_curves_can_run_over_is_named_when_it_is_something_else(fit):
    results = three_climbers(fit)
    with pytest.raises(OptionError, match=r"'iterations' or 'seconds', not 'second'.*Did you mean 'seconds'"):
        plots.rescues(results, over="second")
    with pytest.raises(ModeError):
        plots.learning_curves(results, "speed", mode="up")


@pytest.mark.parametrize("draw", [plots.objective_history, plots.learning_curves, plots.rescues])
def test_a_value_without_a_neighbour_is_seen_as_a_dot(fit, draw):
    for interval, last in ((1, 9), (2, 1)):
        results = fit(
            Climber,
            {"speed": tune.grid_search([1.0, 2.0, 3.0])},
            scheduler=pbt(interval=interval, quantile_fraction=0.3),
            stop={"training_iteration": last},
        )
        history = History.read(results.experiment_path)
        own = [line for line in draw(results).axes[0].get_lines() if line.get_gid() in history.trials]
        dots = [len(line.get_markevery()) for line in own if line.get_marker() == "."]
        alone = [stint for stint in history.stints if len(stint.iterations) == 1]
        assert sum(dots) == len(alone) >= 2


def test_a_run_to_compare_with_that_lacks_the_metric_is_named(fit):
    other = fit(lambda config: tune.report({"loss": 1.0}), {}, metric="loss", mode="min", name="another")
    with pytest.raises(OptionError, match="No trial of the run another reported 'height'"):
        plots.learning_curves(three_climbers(fit), other=other)

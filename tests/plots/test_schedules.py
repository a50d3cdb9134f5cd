"""Schedules in figures are those of the journal: every stretch, every mark, the winner's way, bounds and scales."""

import csv
import math

import numpy as np
import pytest
from matplotlib.figure import Figure

import poptune as tune
from edge_runs import EDGE_RUNS
from poptune import plots
from poptune.core.nested import MISSING
from poptune.core.space import choice, loguniform, randint, uniform
from poptune.errors import MissingExtra, OptionError
from poptune.plots.scales import Scale
from poptune.run.history import History
from runs import pbt, three_climbers


def with_id(axes, gid):
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def stretches(line):
    """Return (first, last, value) of each piece of a line."""
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    return [(x[at], x[at + 1], y[at]) for at in range(0, len(x), 3)]


@pytest.mark.parametrize("synch", [True, False])
def test_each_line_has_the_values_that_its_trial_trained_with(fit, synch):
    results = three_climbers(fit, pbt={"synch": synch})
    [axes] = plots.hyperparameter_schedules(results).axes
    for result in results:
        [line] = with_id(axes, result.trial_id)
        drawn = {at: value for first, last, value in stretches(line) for at in range(int(first) + 1, int(last) + 1)}
        reported = {row["training_iteration"]: row["config/speed"] for row in result.rows}
        assert drawn == pytest.approx(reported)


def test_a_dot_is_a_perturbed_value_and_a_ring_one_that_was_drawn_anew(fit):
    results = three_climbers(fit, pbt={"resample_probability": 0.5})
    [axes] = plots.hyperparameter_schedules(results).axes
    done = [operation for exploit in results.exploits for operation in exploit.operations]
    drawn_anew = sorted(operation.new for operation in done if operation.label == "resample")
    perturbed = sorted(o.new for o in done if o.label != "resample" and o.old != o.new)
    assert sorted(line.get_ydata()[0] for line in with_id(axes, "drawn anew")) == drawn_anew
    assert sorted(line.get_ydata()[0] for line in with_id(axes, "perturbed")) == perturbed
    assert drawn_anew
    assert perturbed
    assert {line.get_markerfacecolor() for line in with_id(axes, "drawn anew")} == {"white"}


def test_the_thick_line_is_the_winners_schedule_rebuilt_from_the_file_for_other_programs(fit):
    results = three_climbers(fit)
    winner = results.get_best_result()
    winner.schedule.to_csv(path := f"{results.experiment_path}/schedule.csv")
    with open(path, newline="") as file:
        expected = [
            (float(row["first_iteration"]) - 1, float(row["last_iteration"]), float(row["speed"]))
            for row in csv.DictReader(file)
        ]
    for figure in (plots.hyperparameter_schedules(results), plots.winner_schedule(results), winner.schedule.plot()):
        thick = [line for line in figure.axes[0].get_lines() if line.get_linewidth() > 2]
        assert [(*line.get_xdata(), line.get_ydata()[0]) for line in thick] == expected


def test_bounds_are_dashed_and_the_axis_is_logarithmic_where_the_domain_is(fit):
    results = fit(
        lambda config: [tune.report({"height": n}) for n in range(3)],
        {"lr": loguniform(1e-4, 1.0), "momentum": uniform(0.0, 0.9)},
        scheduler=pbt(hyperparam_mutations={"lr": loguniform(1e-4, 1.0), "momentum": uniform(0.0, 0.9)}),
        num_samples=2,
    )
    lr, momentum = plots.hyperparameter_schedules(results).axes
    assert (lr.get_yscale(), momentum.get_yscale()) == ("log", "linear")
    assert [line.get_ydata()[0] for line in with_id(lr, "bound")] == [1e-4, 1.0]
    assert [line.get_ydata()[0] for line in with_id(momentum, "bound")] == [0.0, 0.9]
    assert lr.get_ylim()[0] < 1e-4 < 1.0 < lr.get_ylim()[1]


def test_values_that_are_no_numbers_have_lanes_in_which_trials_lie_side_by_side(tmp_path):
    history = History.read(EDGE_RUNS["nested"](tmp_path))
    figure = plots.hyperparameter_schedules(history, "model/activation")
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "gelu", "tanh"]
    for trial in history.trials:
        [line] = with_id(axes, trial)
        lanes = [["relu", "gelu", "tanh"][round(value)] for _, _, value in stretches(line)]
        assert lanes == [stint.config["model"]["activation"] for stint in history.by_trial[trial]]
    first = {stretches(with_id(axes, trial)[0])[0][2] for trial in history.trials}
    assert len(first) == len(history.trials)


def test_only_some_hyperparameters_are_drawn_when_they_are_named(tmp_path):
    run_dir = EDGE_RUNS["nested"](tmp_path)
    names = ("optimizer/schedule/warmup", "optimizer/lr")
    for draw in (plots.hyperparameter_schedules, plots.winner_schedule):
        assert tuple(axes.get_title(loc="left") for axes in draw(run_dir, *names).axes) == names
        with pytest.raises(OptionError, match="Did you mean 'optimizer/lr'"):
            draw(run_dir, "optimizer/rl")


@pytest.mark.parametrize(
    ("domain", "values", "is_log", "bounds"),
    [
        (loguniform(1e-3, 1e-2), [0.002], True, (1e-3, 1e-2)),
        (uniform(0.001, 1.0), [0.002, 0.9], False, (0.001, 1.0)),
        (randint(1, 100), [5, MISSING], False, (1, 99)),
        ([16, 64, 512], [64], True, (16, 512)),
        (choice([16, 32]), [16], False, (16, 32)),
        (loguniform(1e-3, 1e-2), [-1.0], False, (1e-3, 1e-2)),
        (None, [0.001, 1.0], True, None),
        (None, [5.0, 5.0], False, None),
        (None, [], False, None),
        (None, [10**400, math.inf, 1], False, None),
    ],
)
def test_the_scale_follows_the_domain_or_else_the_values(domain, values, is_log, bounds):
    scale = Scale.of("x", values, domain)
    assert (scale.is_log, scale.bounds) == (is_log, bounds)
    assert all(map(math.isfinite, scale.limits))
    assert scale.limits[0] < scale.limits[1]


def test_secrets_and_formulas_have_lanes_without_being_told_or_set():
    assert Scale.of("api_key", ["k-1", "k-2"]).lanes == ("***",)
    scale = Scale.of("act", ["$x^2$", None, True])
    assert scale.lanes == ("$x^2$", "None", "True")
    scale.dress(axes := Figure().subplots())
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"\$x^2\$", "None", "True"]
    assert math.isnan(Scale.of("act", ["a"]).place(MISSING))


def test_without_matplotlib_the_error_says_what_to_install(fit, monkeypatch):
    results = three_climbers(fit)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r'hyperparameter_schedules needs .*pip install "poptune\[plots\]"'):
        plots.hyperparameter_schedules(results)

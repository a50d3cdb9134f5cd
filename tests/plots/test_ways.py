"""The pictures of the guide show where trials were, where clones came from, and how they moved."""

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch
from PIL import Image

import figure2_guide as guide
from edge_runs import EDGE_RUNS
from poptune import plots
from poptune.errors import OptionError
from poptune.run.history import History
from runs import three_climbers


def Q(theta0, theta1):  # noqa: N802 - as in the guide
    return float(guide.Q((theta0, theta1)))


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The run of the guide: two trials of which the worse takes over from the better."""
    return guide.run_pbt(seed=0, executor="inline", storage_path=tmp_path_factory.mktemp("toy"), verbose=0)


def points(line):
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    return set(zip(x[np.isfinite(x)].tolist(), y[np.isfinite(y)].tolist(), strict=True))


def test_the_way_of_a_trial_goes_through_all_that_it_reported(toy):
    figure = plots.parameter_history(toy, "theta0", "theta1", objective=Q)
    ways = {line.get_gid(): line for line in figure.axes[0].get_lines()}
    for result in toy:
        assert {(row["theta0"], row["theta1"]) for row in result.rows} <= points(ways[result.trial_id])


def test_arrows_lead_from_where_the_loser_gave_up_to_where_the_donor_was(toy):
    figure = plots.parameter_history(toy, "theta0", "theta1")
    arrows = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    at = {result.trial_id: {row["training_iteration"]: row for row in result.rows} for result in toy}
    jumps = {
        tuple(
            (at[trial][exploit.iteration]["theta0"], at[trial][exploit.iteration]["theta1"])
            for trial in (exploit.trial, exploit.donor)
        )
        for exploit in toy.exploits
    }
    drawn = {tuple(tuple(map(float, point)) for point in arrow._posA_posB) for arrow in arrows}
    assert drawn <= jumps
    assert len(drawn) >= 3  # the others are too short to be seen


def test_hyperparameters_have_ways_too_on_the_scale_of_their_domain(tmp_path):
    history = History.read(EDGE_RUNS["nested"](tmp_path))
    axes = plots.parameter_history(history, "optimizer/lr", "model/activation").axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "gelu", "tanh"]
    ways = {line.get_gid(): line for line in axes.get_lines()}
    for trial, stints in history.by_trial.items():
        assert {stint.config["optimizer"]["lr"] for stint in stints} <= {x for x, _ in points(ways[trial])}


def test_among_many_trials_the_way_of_the_winners_weights_stands_out(tmp_path):
    history = History.read(EDGE_RUNS["many_trials"](tmp_path))
    axes = plots.parameter_history(history, "lr", "score").axes[0]
    [way] = [line for line in axes.get_lines() if line.get_gid() == "winner"]
    reported = [
        (stint.config["lr"], value)
        for stint, last in history.winner.lineage
        for iteration, value in zip(stint.iterations, stint.values["score"], strict=True)
        if iteration <= last
    ]
    assert set(reported) <= points(way)
    assert float(way.get_ydata()[-1]) == history.winner.values["score"][-1]


def test_a_misspelt_name_is_named_with_the_nearest_one(fit):
    results = three_climbers(fit)
    with pytest.raises(OptionError, match=r"no metric or hyperparameter 'sped'.*Did you mean 'speed'"):
        plots.parameter_history(results, "sped", "height")


def test_the_animation_has_a_frame_per_iteration_and_ends_as_the_figure(toy, tmp_path):
    moving = plots.animation(toy, "theta0", "theta1", objective=Q, frames=5, width=4)
    moving.save(tmp_path / "run.gif", writer="pillow")
    with Image.open(tmp_path / "run.gif") as image:
        assert image.n_frames == 5
    parameters, metric = moving._fig.axes[:2]
    assert parameters.get_title(loc="left") == "iteration 100"
    places = {line.get_gid(): points(line) for line in parameters.get_lines() if line.get_gid() != "jump"}
    curves = {line.get_gid(): points(line) for line in metric.get_lines()}
    for result in toy:
        assert places[result.trial_id] == {(result.metrics["theta0"], result.metrics["theta1"])}
        assert curves[result.trial_id] == {(row["training_iteration"], row["Q"]) for row in result.rows}


def test_the_animation_shows_at_each_moment_what_was_reported_until_then(toy, tmp_path):
    moving = plots.animation(toy, "theta0", "theta1", frames=100, width=4)
    moving._func(12)
    parameters, metric = moving._fig.axes[:2]
    places = {line.get_gid(): points(line) for line in parameters.get_lines()}
    for result in toy:
        row = result.rows[11]
        assert places[result.trial_id] == {(row["theta0"], row["theta1"])}
    assert {x for line in metric.get_lines() for x, _ in points(line)} == set(range(1, 13))
    moving._draw_was_started = True  # or it would warn that nobody looked at it

"""What differs looks different in figures: labels stand where lines end, and have the digits that tell values apart."""

import math

import pytest

import poptune as tune
from edge_runs import EDGE_RUNS
from poptune import plots
from poptune.plots.scales import Scale
from poptune.run.history import History


@pytest.fixture
def close(tmp_path):
    return History.read(EDGE_RUNS["close"](tmp_path))


@pytest.mark.parametrize("draw", [plots.objective_history, plots.learning_curves])
def test_labels_of_lines_stand_where_they_end(close, draw):
    figure = draw(close)
    (axes,) = figure.axes
    figure.canvas.draw()
    low, high = axes.get_ylim()
    ends = [(line.get_ydata()[-1] - low) / (high - low) for line in axes.get_lines() if len(line.get_ydata())]
    beside = [text.get_position()[1] for text in axes.texts]
    assert beside
    assert all(min(abs(height - end) for end in ends) < 0.1 for height in beside)


def test_of_values_that_are_all_the_same_none_lies_outside(fit):
    def stay(config):
        while True:
            tune.report({"score": 0.5})

    results = fit(stay, {}, num_samples=3, metric="score", mode="max", stop={"training_iteration": 5})
    for draw in (plots.objective_history, plots.learning_curves, plots.rescues):
        (axes,) = draw(results).axes
        assert not [text for text in axes.texts if "outside" in text.get_text()]


@pytest.mark.parametrize("draw", [plots.lineage_tree, plots.phylogenetic_tree])
def test_the_values_beside_a_bar_of_colours_differ(close, draw):
    figure = draw(close)
    figure.canvas.draw()
    ticks = [text.get_text() for text in figure.axes[-1].get_yticklabels()]
    assert len(set(ticks)) == len(ticks) > 2
    assert all(-1234567 <= float(tick) <= -1234566 for tick in ticks)


def test_the_values_beside_parallel_coordinates_and_at_the_best_so_far_differ(close):
    texts = [text.get_text() for text in plots.parallel_coordinates(close).axes[0].texts]
    assert sum(text.startswith("-123456") for text in texts) == len({t for t in texts if t.startswith("-123456")}) > 1
    assert sum(text.startswith("202401") for text in texts) == len({t for t in texts if t.startswith("202401")}) > 1
    (best,) = (float(text.get_text()) for text in plots.learning_curves(close).axes[0].texts)
    reported = [value for stint in close.stints for value in stint.values["score"]]
    assert best == pytest.approx(max(reported), abs=1e-3)


def test_choices_with_an_infinite_one_have_a_lane_each():
    clip = Scale.of("clip", [0.5, math.inf], [0.5, 1.0, math.inf])
    assert clip.lanes == ("0.5", "1", "inf")
    assert clip.place(math.inf) == 2.0


def test_functions_among_choices_have_one_lane_each(tmp_path):
    history = History.read(EDGE_RUNS["extreme"](tmp_path))
    act = Scale.in_run(history, "act")
    assert act.lanes == ("math.tanh", "math.erf")
    assert all(act.place(stint.config["act"]) in (0.0, 1.0) for stint in history.stints)

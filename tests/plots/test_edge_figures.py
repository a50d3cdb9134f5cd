"""Every figure of any run can be drawn, at a column's width, without a warning."""

import io

import pytest

from edge_runs import EDGE_RUNS, large
from poptune import plots
from poptune.errors import OptionError
from poptune.plots.style import COLUMN
from poptune.run.history import History

FIGURES = [
    plots.objective_history,
    plots.learning_curves,
    plots.rescues,
    plots.hyperparameter_schedules,
    plots.winner_schedule,
    lambda history, width: plots.parameter_history(history, *named(history), width=width),
]
OF_ANY_RUN = [  # with or without a metric
    plots.lineage_tree,
    plots.phylogenetic_tree,
    plots.ancestor_shares,
    plots.exploit_matrix,
    plots.event_timeline,
    plots.value_gains,
    plots.parallel_coordinates,
]


def named(history):
    """Return the names of a hyperparameter and of the metric."""
    return history.hyperparameters[-1], history.metrics[0]


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("name", sorted({*EDGE_RUNS} - {"no_metric"}))
def test_every_figure_of_an_edge_run_can_be_drawn(name, tmp_path):
    history = History.read(EDGE_RUNS[name](tmp_path))
    for draw in FIGURES + OF_ANY_RUN:
        figure = draw(history, width=COLUMN)
        figure.savefig(io.BytesIO(), format="png")
        assert figure.get_figwidth() == COLUMN


def test_a_run_without_a_metric_can_be_drawn_when_told_which(tmp_path):
    run_dir = EDGE_RUNS["no_metric"](tmp_path)
    for draw in (plots.objective_history, plots.learning_curves, plots.rescues):
        with pytest.raises(OptionError, match="no metric of its own"):
            draw(run_dir)
        draw(run_dir, "score").savefig(io.BytesIO(), format="png")
    for draw in OF_ANY_RUN:
        draw(run_dir).savefig(io.BytesIO(), format="png")
    assert texts(plots.winner_schedule(run_dir)) == ["no trial has a number to win with"]


def test_what_has_nothing_to_show_says_why(tmp_path):
    nan, empty = EDGE_RUNS["all_nan"](tmp_path), EDGE_RUNS["no_reports"](tmp_path)
    for draw in (plots.objective_history, plots.learning_curves, plots.rescues):
        assert "no value is a number" in texts(draw(nan))
        assert "no reports yet" in texts(draw(empty))
        assert "no reports yet" in texts(draw(History.read(empty), "any_metric"))
    assert texts(plots.winner_schedule(nan)) == ["no trial has a number to win with"]
    assert set(texts(plots.hyperparameter_schedules(empty))) == {"no reports yet"}


@pytest.mark.parametrize("name", ["all_nan", "no_reports", "one_trial", "asynchronous", "hostile"])
def test_the_animation_of_an_edge_run_can_be_saved(name, tmp_path):
    history = History.read(EDGE_RUNS[name](tmp_path))
    moving = plots.animation(history, *named(history), frames=2, width=COLUMN)
    moving.save(tmp_path / "run.gif", writer="pillow")
    assert (tmp_path / "run.gif").stat().st_size > 1000


def test_256_trials_have_no_giant_legend(tmp_path):
    history = History.read(large(tmp_path, trials=256, iterations=40, interval=10))
    for draw in FIGURES + OF_ANY_RUN:
        figure = draw(history, width=COLUMN)
        figure.savefig(io.BytesIO(), format="png")
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
        assert all(len(legend.get_texts()) <= 6 for legend in legends)


def test_names_are_shown_as_text(tmp_path):
    history = History.read(EDGE_RUNS["hostile"](tmp_path))
    titles = [axes.get_title(loc="left") for axes in plots.hyperparameter_schedules(history).axes]
    assert all("<img src=x onerror" in title for title in titles)
    assert len(max(titles, key=len)) <= 80

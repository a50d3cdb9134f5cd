"""Lineage tree, phylogenetic tree and ancestor shares: what the lines are, where they lie, and what stands out."""

import math
from io import BytesIO

import numpy as np
import pytest

from edge_runs import EDGE_RUNS, large, many_trials
from poptune import plots
from poptune.plots.family import pieces
from poptune.plots.phylogeny import _angles
from poptune.run.health import Health
from poptune.run.history import History
from runs import three_climbers


@pytest.fixture
def history(fit):
    return History.read(three_climbers(fit).experiment_path)


def lines(axes, name):
    return [path for item in axes.collections if item.get_gid() == name for path in item.get_segments()]


def test_pieces_cover_every_stint_once_and_end_with_its_scores(history):
    for stint in history.stints:
        own = [piece for piece in pieces(history) if piece.stint is stint]
        assert [piece.first for piece in own] == [stint.start, *(piece.last for piece in own[:-1])]
        assert [(piece.last, piece.score) for piece in own] == list(
            zip(stint.iterations, stint.values["height"], strict=True)
        )


def test_a_long_run_is_drawn_in_few_pieces_that_still_end_where_branches_die(tmp_path):
    history = History.read(large(tmp_path, trials=4, iterations=1500, interval=250))
    found = list(pieces(history))
    assert len(found) <= 4 * 300 + len(history.stints)
    copied = {(exploit.donor, exploit.checkpoint.progress.iteration) for _, exploit in history.exploits}
    ends = {(piece.stint.trial, piece.last) for piece in found if piece.survives}
    assert any(iteration % 5 for _, iteration in copied) is False  # 1500 iterations in 300 columns: 5 each
    last_survivors = {(t, max(p.last for p in found if p.survives and p.stint.trial == t)) for t, _ in ends}
    assert last_survivors <= copied | {(trial, 1500) for trial in history.trials}


def test_rows_of_the_lineage_tree_are_trials_and_the_winner_is_bold(history):
    axes = plots.lineage_tree(history).axes[0]
    bold = [label.get_text() for label in axes.get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == [history.winner.trial.rpartition("_")[2]]
    trained = sum(path[-1][0] - path[0][0] for name in ("dead", "surviving") for path in lines(axes, name))
    assert trained == sum(stint.last - stint.start for stint in history.stints)
    row = history.trials.index(history.winner.trial)
    assert lines(axes, "winning")[-1][-1].tolist() == [history.winner.last, row]


def test_colours_are_explained_in_the_users_values(fit, tmp_path):
    results = EDGE_RUNS["nested"](tmp_path)
    figure = plots.lineage_tree(results)
    bar = figure.axes[1]
    figure.savefig(BytesIO())
    assert bar.get_ylabel() == "eval/loss\nlower is better"
    shown = [float(label.get_text()) for label in bar.get_yticklabels()]
    assert shown == sorted(shown, reverse=True)  # upwards it gets better, so losses fall
    assert min(shown) > 0


def test_no_branches_of_the_phylogenetic_tree_cross(tmp_path):
    history = History.read(many_trials(tmp_path, 16))
    angle = _angles(history)
    assert len(set(angle)) == len(history.stints)
    for stint in history.stints:
        if stint.origin is None:
            continue
        low, high = sorted((angle[stint.index], angle[stint.origin.index]))
        between = [other for other in history.stints if low < angle[other.index] < high]
        # Whoever lies between a clone and its donor begins no earlier than the clone leaves.
        assert all(other.start >= stint.start for other in between)


def test_the_phylogenetic_tree_grows_by_iterations(history):
    axes = plots.phylogenetic_tree(history).axes[0]
    tips = np.hypot(*np.array([path[-1] for path in lines(axes, "surviving")]).T)
    assert tips.max() == pytest.approx(0.14 + 1)
    assert len(lines(axes, "dead links")) + len(lines(axes, "links")) == len(history.stints)
    assert {text.get_text() for text in axes.texts if text.get_gid() == "tip"} == {"00000", "00001", "00002"}
    assert "9 iterations" in [text.get_text() for text in axes.texts]


def test_bands_of_ancestors_are_the_shares_and_their_number_is_that_of_health(history):
    upper, lower = plots.ancestor_shares(history).axes
    bands = {int(band.get_gid()): band.get_paths()[0].get_extents() for band in upper.collections}
    assert len(bands) == 3
    health = Health.of(history)
    assert lower.lines[0].get_xdata().tolist() == list(health.iterations)
    assert lower.lines[0].get_ydata().tolist() == list(health.ancestors)
    assert math.isclose(max(extent.y1 for extent in bands.values()), 1.0)
    survivor = history.winner.founder.index
    assert bands[survivor].x1 == 9
    assert (bands[survivor].y0, bands[survivor].y1) == (0.0, 1.0)

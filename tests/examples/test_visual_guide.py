"""The pictures of the visual guide, and that a user's own copy of its helper functions works on our results."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

import figure2_guide as guide
import pbt_visualization_utils as pictures

INTERVAL = guide.PERTURBATION_INTERVAL
COLORS = ["red", "black", "blue", "green"]
LABELS = ["first", "second", "third", "fourth"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return guide.run_pbt(executor="inline", storage_path=tmp_path_factory.mktemp("two"), seed=0, verbose=0)


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return guide.run_population_of_4(executor="inline", storage_path=tmp_path_factory.mktemp("four"), seed=0, verbose=0)


# A user's own helper, in the form of the guide's: rows are counted, so there must be one per iteration.


def own_parameter_history(results, colors, labels, perturbation_interval=None, fig=None, ax=None):
    for i in range(len(results)):
        frame = results[i].metrics_dataframe
        ax.scatter(frame["theta0"], frame["theta1"], color=colors[i], label=labels[i])
        for row in range(perturbation_interval, len(frame), perturbation_interval):
            before, after = frame.iloc[row - 1], frame.iloc[row]
            ax.plot(
                [before["theta0"], after["theta0"]], [before["theta1"], after["theta1"]], "--", color=colors[i],
                label=f"{labels[i]} {int(before['training_iteration'])} to {int(after['training_iteration'])}",
            )  # fmt: skip


def own_q_history(results, colors, labels, ax=None):
    for i in range(len(results)):
        frame = results[i].metrics_dataframe
        ax.plot(frame["training_iteration"], frame["Q"], color=colors[i], label=labels[i])


def test_in_a_picture_of_the_users_own_the_loser_jumps_to_the_donor_from_4_to_5(two):
    left, right = Figure().subplots(1, 2)
    own_parameter_history(two, COLORS[:2], LABELS[:2], perturbation_interval=INTERVAL, ax=left)
    own_q_history(two, COLORS[:2], LABELS[:2], ax=right)
    steps = {line.get_label(): line.get_xydata() for line in left.get_lines()}
    winner, loser = steps["first 4 to 5"], steps["second 4 to 5"]
    assert two.exploits[0].trial == two[1].trial_id
    assert loser[1] == pytest.approx(winner[0], abs=0.05)
    assert np.linalg.norm(loser[1] - loser[0]) > 0.3
    assert np.linalg.norm(winner[1] - winner[0]) < 0.1
    assert len(steps) == 2 * 24
    assert [line.get_xydata()[-1].tolist() for line in right.get_lines()] == [
        [100.0, result.metrics["Q"]] for result in two
    ]


# Ours


@pytest.mark.parametrize("population", ["two", "four"])
def test_jumps_are_seen_where_the_run_has_exploits(population, request):
    results = request.getfixturevalue(population)
    for result in results:
        exploited = [exploit.iteration for exploit in results.exploits if exploit.trial == result.trial_id]
        assert pictures.jumps(pictures.path(result), INTERVAL) == exploited


def test_trials_without_pbt_never_jump(tmp_path):
    results = guide.run_grid(executor="inline", storage_path=tmp_path, seed=0, verbose=0)
    assert [pictures.jumps(pictures.path(result), INTERVAL) for result in results] == [[], []]


def test_a_dashed_arrow_shows_the_jump_from_4_to_5(two):
    axes = pictures.plot_parameter_history(two, COLORS[:2], LABELS[:2], perturbation_interval=INTERVAL)
    lost, copied = pictures.path(two[1])[[3, 4]]
    outlines = [patch.get_path().vertices for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert any(is_near(lost, outline) and is_near(copied, outline) for outline in outlines)
    numbers = [text.get_text() for text in axes.texts]
    assert numbers[:3] == ["4", "8", "12"]
    assert all(int(number) % INTERVAL == 0 for number in numbers)


def is_near(point, outline):
    return np.linalg.norm(outline - point, axis=1).min() < 0.03


def test_no_two_numbers_lie_on_each_other(four):
    axes = pictures.plot_parameter_history(four, COLORS, LABELS, perturbation_interval=INTERVAL)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) > 20
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_q_is_drawn_over_iterations_under_the_most_there_is(four):
    axes = pictures.plot_Q_history(four, COLORS, LABELS)
    *trials, most = axes.get_lines()
    assert [line.get_xdata()[-1] for line in trials] == [100] * 4
    assert [line.get_ydata()[-1] for line in trials] == [result.metrics["Q"] for result in four]
    assert set(most.get_ydata()) == {1.2}


def test_the_animation_has_a_frame_per_iteration(two, tmp_path):
    file = tmp_path / "pbt.gif"
    pictures.make_animation(two, COLORS[:2], LABELS[:2], perturbation_interval=INTERVAL, filename=file)
    with Image.open(file) as animation:
        assert animation.n_frames == 100


def test_pictures_go_into_the_figure_that_is_given(two):
    figure = Figure()
    axes = figure.subplots()
    assert pictures.plot_parameter_history(two, COLORS[:2], LABELS[:2], INTERVAL, fig=figure, ax=axes) is axes


def test_the_start_is_the_papers():
    assert pictures.get_init_theta().tolist() == [0.9, 0.9]

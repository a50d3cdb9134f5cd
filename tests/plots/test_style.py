"""Names in figures are text, whatever they hold; and a history is read again only if something is missing."""

from itertools import pairwise

import matplotlib as mpl
import matplotlib.style
import pytest
from matplotlib.text import Text

from edge_runs import EDGE_RUNS
from poptune import plots
from poptune.plots.style import history_of, label_ends, new_figure, shown
from poptune.run.history import History
from runs import three_climbers


def test_a_name_is_never_a_formula_nor_a_command_of_tex():
    assert not mpl.cbook.is_math_text(shown("$x^{2}$ and $"))
    with mpl.rc_context({"text.usetex": True}):
        assert shown(r"\input{a_b}$%") == r"\char92{}input\{a\_b\}\$\%"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("学習率", "???"),
        ("é🐙", "é?"),
        ("a\x1b[2Jb\u202e", r"a\x1b[2Jb\u202e"),
        ("", ""),
        ("y" * 50, "y" * 20 + "…" + "y" * 19),
    ],
)
def test_a_label_has_only_letters_that_the_font_has(name, label):
    assert shown(name) == label


def test_a_history_is_read_again_only_for_metrics_that_it_lacks(fit):
    results = three_climbers(fit)
    history = History.read(results.experiment_path)
    assert history_of(history, "height", "not reported") is history
    assert history_of(results, "speed").metrics == history_of(history, "speed").metrics == ("height", "speed")


def test_labels_at_the_ends_of_lines_do_not_overlap():
    figure = new_figure("a test", 3.5, 2.0)
    axes = figure.subplots()
    axes.set_ylim(0, 1)
    label_ends(axes, [(0.5 + at / 1000, str(at), "black") for at in range(8)])
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))


@pytest.mark.parametrize("style", ["dark_background", "fivethirtyeight"])
def test_texts_have_their_colours_whatever_style_the_user_has_chosen(style, tmp_path):
    history = History.read(EDGE_RUNS["two_trials"](tmp_path))
    for draw in (plots.lineage_tree, plots.phylogenetic_tree, plots.exploit_matrix, plots.value_gains):
        usual = text_colours(draw(history))
        with mpl.style.context(style):
            assert text_colours(draw(history)) == usual


def text_colours(figure):
    figure.canvas.draw()
    return {mpl.colors.to_hex(text.get_color()) for text in figure.findobj(Text) if text.get_text()}

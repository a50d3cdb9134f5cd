"""Which values pay, and when: each value of a hyperparameter against what a trial gained while it was in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.core.nested import Config, lookup
from poptune.plots.scales import Scale, drawable
from poptune.plots.schedules import hyperparameters_of
from poptune.plots.style import (
    FEW,
    GREY,
    INK,
    MUTED,
    NORMAL,
    PAGE,
    SCORES,
    SMALL,
    Source,
    add_legend,
    furnish,
    history_of,
    new_figure,
    note,
    shown,
)
from poptune.run.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL, _LEAST_PANEL = 0.5, 2.4  # height of a panel: per width, and in inches
_COLUMNS = 3
_WIDE = 20.0  # gains that are so many times their median apart are drawn on a logarithmic scale
_LETTER = SMALL * 0.6 / 72  # inches
_SWAY = 0.25  # how far dots are moved aside in the lane of a category


@dataclass(frozen=True, slots=True)
class Gain:
    """What a trial gained from one decision point to the next.

    Attributes:
        trial: Who.
        first: Iteration at which it began.
        last: Iteration at which it ended.
        config: The hyperparameters in force.
        score: By how much the score grew; NaN if one of the two is not finite.
    """

    trial: str
    first: int
    last: int
    config: Config
    score: float


def gains_of(history: History) -> list[Gain]:
    """Return what trials gained between decision points; a clone begins at the score that its donor had then."""
    found = []
    for stint in history.stints:
        before = stint.origin
        first = [] if before is None else [(stint.start, history.score_at(before, stint.start))]
        points = [*first, *((iteration, history.score_at(stint, iteration)) for iteration in stint.decided)]
        for (start, low), (end, high) in pairwise(points):
            gain = high - low if math.isfinite(high) and math.isfinite(low) else math.nan
            found.append(Gain(stint.trial, start, end, stint.config, gain))
    return found


def value_gains(source: Source, *hyperparameters: str, width: float = PAGE) -> Figure:
    """Return a figure of the values of hyperparameters against what trials gained until the next decision.

    Gains are of the score, of which more is always better: the highest dots show which values pay, their colour says
    when. Where training ended without a finite score, there is a mark at the lower edge.

    Source: the gains that PB2 learns from (Parker-Holder et al. 2020).

    Args:
        source: The results of a run, its directory, or a history of it.
        hyperparameters: Which ones, nested names joined by `/`; by default all that the run varied.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: No trial has such a hyperparameter.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.value_gains(results, "speed")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('speed', 'gain until the next decision')
    """
    history = history_of(source)
    names = hyperparameters_of(history, hyperparameters)
    columns = min(_COLUMNS if width > 5 else 1, max(len(names), 1))
    rows = math.ceil(max(len(names), 1) / columns)
    figure = new_figure("plots.value_gains", width, max(_LEAST_PANEL, _PANEL * width / columns) * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel().tolist()
    gains = gains_of(history)
    for axes, name in zip(panels, names, strict=False):
        _draw_panel(axes, history, name, gains)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    texts = [text for axes in panels for text in axes.get_xticklabels() if text.get_rotation()]
    upright = max((len(text.get_text()) for text in texts), default=0)  # texts that would leave panels too low
    figure.set_figheight(figure.get_figheight() + rows * upright * _LETTER)
    panels[0].set_ylabel("gain until the next decision", fontsize=NORMAL)
    if gains:
        _add_bar(panels, gains)
    add_legend(panels[0])
    return figure


def _draw_panel(axes: Axes, history: History, name: str, gains: Sequence[Gain]) -> None:
    furnish(axes, x=shown(name))
    scale = Scale.in_run(history, name)
    scale.dress(axes, "x")
    axes.axhline(0, color=GREY, linewidth=1.0)
    if not gains:
        note(axes, "nobody has come to\na second decision yet")
        return
    x = np.array([scale.place(lookup(gain.config, name)) for gain in gains])
    y = drawable(gain.score for gain in gains)
    if scale.lanes:
        x = x + _SWAY * np.sin(np.arange(len(x)) * 2.4)  # spread evenly, and always the same
    order = np.argsort([gain.last for gain in gains], kind="stable")
    known = order[np.isfinite(y[order])]
    when = np.array([gain.last for gain in gains])
    looks: dict[str, Any] = {"cmap": SCORES, "vmin": 0, "vmax": when.max() / 0.93, "s": 14 if len(known) < 400 else 5}
    axes.scatter(x[known], y[known], c=when[known], alpha=0.85, linewidths=0, gid="gains", **looks)
    if len(lost := x[~np.isfinite(y)]):
        bottom = axes.get_xaxis_transform()
        axes.plot(
            lost, np.full(len(lost), 0.02), "|", color=FEW[1], markersize=7, transform=bottom, label="no finite score"
        )
    _stretch(axes, y[known])


def _stretch(axes: Axes, gains: np.ndarray) -> None:
    sizes = np.abs(gains[gains != 0])
    if sizes.size and sizes.max() > _WIDE * np.median(sizes):
        decade = 10.0 ** math.floor(math.log10(np.median(sizes)))  # so that ticks around zero keep apart
        axes.set_yscale("symlog", linthresh=decade)
        axes.yaxis.set_major_formatter("{x:.3g}")


def _add_bar(panels: Sequence[Axes], gains: Sequence[Gain]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    end = max(gain.last for gain in gains)
    shades = ScalarMappable(Normalize(0, end / 0.93), SCORES)
    bar = panels[0].figure.colorbar(shades, ax=list(panels), fraction=0.04, pad=0.02, aspect=30)
    bar.set_label("iteration", fontsize=NORMAL, color=INK)
    bar.ax.set_ylim(0, end)
    bar.ax.tick_params(labelsize=SMALL, colors=MUTED, length=2)
    bar.outline.set_visible(False)

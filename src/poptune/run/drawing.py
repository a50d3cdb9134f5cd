"""A schedule as a picture: a panel for each hyperparameter, a colour for each trial that the weights went through."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from poptune.core.lineage import Segment
from poptune.core.nested import flatten
from poptune.core.objective import is_real
from poptune.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL_INCHES = (8.0, 1.8)
_LOG_FROM = 30.0  # a hyperparameter whose values are so many times apart is drawn on a logarithmic scale


def draw(segments: Sequence[Segment], names: Sequence[str]) -> Figure:
    """Return a figure of some hyperparameters over iterations, which needs no display.

    Args:
        segments: Stretches of constant hyperparameters, oldest first.
        names: Which hyperparameters; nested ones joined by `/`.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("matplotlib", extra="plots", purpose="Schedule.plot") from None
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width, height * len(names) + 0.8), layout="constrained")
    panels = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    trials = list(dict.fromkeys(segment.trial for segment in segments))
    colors = {trial: f"C{at % 10}" for at, trial in enumerate(trials)}
    for axes, name in zip(panels, names, strict=True):
        _draw_panel(axes, name, segments, colors)
    panels[-1].set_xlabel("iteration")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)
    return figure


def _draw_panel(axes: Axes, name: str, segments: Sequence[Segment], colors: dict[str, str]) -> None:
    values = [flatten(segment.config).get(name) for segment in segments]
    heights = _heights(axes, values)
    labelled: set[str] = set()
    for segment, height in zip(segments, heights, strict=True):
        label = None if segment.trial in labelled else segment.trial
        labelled.add(segment.trial)
        ends = [segment.first - 1, segment.last]
        axes.plot(ends, [height, height], color=colors[segment.trial], linewidth=2.5, label=label)
    for (before, after), (low, high) in zip(pairwise(segments), pairwise(heights), strict=True):
        axes.plot([before.last, after.first - 1], [low, high], color="0.7", linewidth=0.8, zorder=1)
    axes.set_ylabel(name)
    axes.grid(color="0.92")


def _heights(axes: Axes, values: Sequence[Any]) -> list[float]:
    """Return where values are drawn; those that are no numbers have a line each, in the order of their appearance."""
    if all(is_real(value) for value in values):
        if min(values) > 0 and max(values) / min(values) >= _LOG_FROM:
            axes.set_yscale("log")
        return [float(value) for value in values]
    texts = [str(value) for value in values]
    kinds = list(dict.fromkeys(texts))
    axes.set_yticks(range(len(kinds)), kinds)
    return [float(kinds.index(text)) for text in texts]

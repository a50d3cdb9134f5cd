"""Whose descendants the population consists of: a share for each of the first trials, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.plots.style import (
    BEST,
    FEW,
    INK,
    NORMAL,
    PAGE,
    SMALL,
    Source,
    furnish,
    history_of,
    new_figure,
    note,
    short_id,
    shown,
)
from poptune.run.health import effective
from poptune.run.history import History
from poptune.run.moments import Moment, founders, moments, shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PALE = ("#e4e4e4", "#cfcfcf")  # of founders whose lines die out, in turn
_LIGHT = (FEW[4], FEW[5])  # on which white could not be read
_WIDEST_NAME, _HIGHEST_NAME = 0.07, 0.055  # parts of the axes that a name needs
_EDGE: dict[str, Any] = {"linewidth": 0.5, "edgecolor": "white"}
_HEIGHT = 0.6  # of a figure, per width


def ancestor_shares(source: Source, *, width: float = PAGE) -> Figure:
    """Return a figure of which share of the trials goes back to each first one, and how many those are in effect.

    Founders that have descendants in the end are coloured, the winner's blue; names stand where there is room. The
    effective number of ancestors is that of `ResultGrid.health`: of k equal shares, k. Where trials do not wait for
    each other, iterations are those of the one that is furthest.

    Args:
        source: The results of a run, its directory, or a history of it.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.ancestor_shares(results)
    >>> figure.axes[1].lines[0].get_ydata()[:2].round(2).tolist()
    [4.0, 2.67]
    """
    history = history_of(source)
    figure = new_figure("plots.ancestor_shares", width, _HEIGHT * width)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    seen = list(moments(history))
    furnish(upper, title="Whose descendants the trials are", y="share of trials", grid="none")
    furnish(lower, x="iteration", y="ancestors\nin effect", grid="y")
    if len(seen) < 2:
        note(upper, "nobody has reported yet")
        return figure
    founder_of = founders(history)
    parts = [shares(moment, founder_of) for moment in seen]
    iterations = [moment.iteration for moment in seen]
    _draw_shares(upper, history, seen, parts)
    lower.plot(iterations, np.array([effective(part) for part in parts]), color=INK, drawstyle="steps-post")
    lower.set_ylim(bottom=0)
    lower.locator_params(axis="y", integer=True, nbins=4)
    lower.set_xlim(0, iterations[-1])
    return figure


def _draw_shares(axes: Axes, history: History, seen: Sequence[Moment], parts: Sequence[dict[int, float]]) -> None:
    iterations = [moment.iteration for moment in seen]
    first = sorted({index for part in parts for index in part}, reverse=True)  # upwards, so that the first is on top
    table = np.array([[part.get(index, 0.0) for part in parts] for index in first])
    tops = np.cumsum(table, axis=0)
    colour = _colours(history, parts[-1], first)
    for index, share, top in zip(first, table, tops, strict=True):
        axes.fill_between(
            iterations,
            top - share,
            top,
            step="post",
            color=colour[index],
            **_EDGE,
            gid=str(index),
        )
        name = shown(short_id(history.stints[index].trial), 12)
        if place := _room(iterations, share, top):
            ink = INK if colour[index] in (*_PALE, *_LIGHT) else "white"
            axes.text(*place, name, fontsize=SMALL, color=ink, ha="center", va="center")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"], fontsize=NORMAL - 1)


def _colours(history: History, last: dict[int, float], first: Sequence[int]) -> dict[int, str]:
    own = history.winner.founder.index if history.winner else None
    others = sorted((index for index in last if index != own), key=lambda index: -last[index])
    colour = {index: _PALE[at % 2] for at, index in enumerate(first)}
    colour |= dict(zip(others, FEW[1:], strict=False))
    return colour | ({own: BEST} if own is not None else {})


def _room(iterations: Sequence[int], share: np.ndarray, top: np.ndarray) -> tuple[float, float] | None:
    """Return the middle of the place where a band is high enough for a name for long enough, None if it never is."""
    wanted = _WIDEST_NAME * iterations[-1]
    best: tuple[float, float, float] | None = None
    for at in range(len(iterations) - 1):
        low, high, until = top[at] - share[at], top[at], at
        while until < len(iterations) - 1:
            low, high = max(low, top[until] - share[until]), min(high, top[until])
            if high - low < _HIGHEST_NAME:
                break
            until += 1
            room = iterations[until] - iterations[at]
            if room >= wanted and (best is None or high - low > best[0]):
                best = high - low, (iterations[at] + iterations[until]) / 2, (low + high) / 2
                break
    return best[1:] if best else None

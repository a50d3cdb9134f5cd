"""What lines in figures are made of: the values along a stint, from the point at which its weights began."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from poptune.core.objective import Mode
from poptune.errors import OptionError, nearest
from poptune.plots.scales import Array, drawable
from poptune.plots.style import reported_names
from poptune.run.history import History, Stint
from poptune.schedulers.base import check_mode

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

Over = Literal["iterations", "seconds"]

_AXIS = {"iterations": "iteration", "seconds": "seconds since the run began"}


@dataclass(frozen=True)
class Trail:
    """The values of a metric along one stint.

    Attributes:
        stint: Which one.
        x: Iterations or seconds, ascending.
        y: Values; NaN where there is none that can be drawn. The first one of a clone is its donor's.
    """

    stint: Stint
    x: Array
    y: Array

    @property
    def own(self) -> tuple[Array, Array]:
        """The points that the trial itself reported."""
        return own(self.stint, self.x), own(self.stint, self.y)


def axis_label(over: Over) -> str:
    """Return what an axis of iterations or seconds is called.

    Raises:
        OptionError: It is neither.
    """
    if over not in _AXIS:
        raise OptionError(f"over must be 'iterations' or 'seconds', not {over!r}.{nearest(over, _AXIS)}")
    return _AXIS[over]


def own(stint: Stint, column: Array) -> Array:
    """Return what a stint reported itself, without the point of its donor before it."""
    return column[len(column) - len(stint.iterations) :]


def trails(history: History, metric: str, over: Over = "iterations") -> list[Trail]:
    """Return the trail of each stint, in the order in which they began."""
    return [trail(stint, metric, over) for stint in history.stints]


def trail(stint: Stint, metric: str, over: Over = "iterations") -> Trail:
    """Return the values of a metric along a stint, from those of its donor when it was copied."""
    x: list[float] = list(stint.iterations if over == "iterations" else stint.seconds)
    y = stint.values[metric]
    if stint.origin is None:
        return Trail(stint, np.array(x, float), drawable(y))
    start = stint.start if over == "iterations" else stint.began_s
    begun = stint.origin.value_at(metric, stint.start)
    return Trail(stint, np.array([start, *x], float), drawable([begun, *y]))


def clones(history: History) -> list[tuple[Stint, Stint]]:
    """Return the stints before and after each exploit of another trial."""
    pairs = [pair for stints in history.by_trial.values() for pair in pairwise(stints)]
    return [(a, b) for a, b in pairs if b.origin is not None and b.origin.trial != b.trial]


def with_gaps(pieces: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return several lines as one that is interrupted between them."""
    gap = np.array([math.nan])
    xs, ys = [], []
    for x, y in pieces:
        if len(x):
            xs += [x, gap]
            ys += [y, gap]
    return np.concatenate(xs[:-1] or [gap[:0]]), np.concatenate(ys[:-1] or [gap[:0]])


def mark_lonely(line: Line2D) -> None:
    """Put dots where a line has a value without a neighbour, as after one report: there is no line to be seen there."""
    known = np.pad(np.isfinite(np.asarray(line.get_ydata(), float)), 1)
    lonely = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])
    line.set(marker="." if len(lonely) else "", markersize=2 + 2 * line.get_linewidth(), markevery=lonely.tolist())


def best_so_far(x: Array, y: Array, mode: Mode) -> tuple[Array, Array]:
    """Return where the best value so far got better, and that value.

    >>> best_so_far(np.array([2.0, 1.0, 3.0]), np.array([5.0, 4.0, 4.5]), "max")
    (array([1., 2.]), array([4., 5.]))
    """
    known = np.isfinite(y)
    order = np.argsort(x[known], kind="stable")
    x, y = x[known][order], y[known][order]
    best = np.maximum.accumulate(y) if mode == "max" else np.minimum.accumulate(y)
    places = np.flatnonzero(np.diff(x, append=math.inf))  # the last one of each x knows all of them
    x, best = x[places], best[places]
    better = np.flatnonzero(np.diff(best, prepend=math.nan))
    return x[better], best[better]


def middle_half(lines: Iterable[tuple[Array, Array]], points: int = 400) -> tuple[Array, Array, Array]:
    """Return the quartiles of a population: at each place, of the newest value of each line.

    Args:
        lines: Of each trial.
        points: At most so many places.

    Returns:
        Places, first quartiles, third quartiles.
    """
    lines = [(x, y) for x, y in lines if len(x)]
    places = np.unique(np.concatenate([x for x, _ in lines])) if lines else np.zeros(0)
    if len(places) > points:
        places = places[np.linspace(0, len(places) - 1, points).round().astype(int)]
    newest = np.full((len(lines), len(places)), math.nan)
    for row, (x, y) in zip(newest, lines, strict=True):
        order = np.argsort(x, kind="stable")
        last = np.searchsorted(x[order], places, side="right") - 1
        row[last >= 0] = y[order][last[last >= 0]]
    is_known = np.isfinite(newest).any(axis=0) if len(newest) else np.zeros(0, bool)
    if not is_known.any():
        return np.zeros(0), np.zeros(0), np.zeros(0)
    low, high = np.nanquantile(newest[:, is_known], [0.25, 0.75], axis=0)
    return places[is_known], low, high


def metric_of(history: History, metric: str | None) -> str:
    """Return the metric to draw: the one asked for, or the run's own.

    Raises:
        OptionError: There is none, or it is not among what was reported.
    """
    if metric is None and history.objective is None:
        raise OptionError('This run has no metric of its own. Say which to draw, as in metric="loss".')
    if metric is None:
        return history.metrics[0]
    known = reported_names(history)
    if known and metric not in known:
        run = history.about["name"]
        raise OptionError(f"No trial of the run {run} reported {metric!r}.{nearest(metric, known)}")
    return metric


def mode_of(history: History, metric: str, mode: Mode | None) -> Mode | None:
    """Return which values of a metric are better: as asked for, or as in the run; None if neither says it.

    Raises:
        ModeError: It is neither "min" nor "max".
    """
    check_mode(mode)
    is_own = history.objective is not None and history.objective.metric == metric
    return mode or (history.objective.mode if history.objective and is_own else None)

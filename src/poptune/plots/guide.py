"""The way of trials through two parameters, as in Ray Tune's visual guide to PBT, for any run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.core.nested import MISSING, lookup
from poptune.errors import OptionError, nearest
from poptune.plots.scales import Array, Scale
from poptune.plots.style import (
    BEST,
    FEW,
    GREY,
    INK,
    MARKS,
    NORMAL,
    PAGE,
    SMALL,
    Source,
    add_legend,
    colours,
    faintness,
    furnish,
    history_of,
    key,
    new_figure,
    note,
    reported_names,
    shown,
    trial_label,
    winning,
)
from poptune.plots.trails import clones, own, trail, with_gaps
from poptune.run.history import History, Stint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Objective = Callable[[float, float], float]

_HEIGHT = 0.72  # of a figure with one square of axes, per width
_DOTS = 100  # of a trial, at most
_LARGEST, _SMALLEST = 36.0, 5.0  # areas of the first dot and the last, in square points
_NEAR = 0.02  # a way so short, in parts of the axes, needs no arrow
_CONTOUR_POINTS = 81


def parameter_history(
    source: Source, x: str, y: str, *, objective: Objective | None = None, width: float = PAGE
) -> Figure:
    """Return a figure of the way of each trial through two parameters.

    Up to six trials have a colour each: a dot is an iteration, the smaller the later, and a dashed arrow leads from
    where a trial gave up to where its donor was, with the iteration at its end. Of more trials, the thick line is the
    way to the winner's weights. Source: the left picture of Ray Tune's visual guide to PBT, after figure 2 of Jaderberg
    et al. 2017.

    Args:
        source: The results of a run, its directory, or a history of it.
        x: A reported metric or a hyperparameter, nested names joined by `/`.
        y: Another one.
        objective: What is wanted at a point `(x, y)`, if that is known: contours in the background.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: There is no metric or hyperparameter of that name.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.parameter_history(results, "speed", "height")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('speed', 'height')
    """
    figure = new_figure("plots.parameter_history", width, _HEIGHT * width)
    history = history_of(source, x, y)
    plane = Plane.of(history, x, y)
    axes = figure.subplots()
    plane.dress(axes, objective)
    _draw_ways(axes, history, plane)
    add_legend(axes, _keys(history))
    return figure


@dataclass(frozen=True)
class Plane:
    """Two parameters, and where they have a place.

    Attributes:
        x: The scale of one.
        y: The scale of the other.
        metrics: Which of their names are reported metrics; the others are hyperparameters.
    """

    x: Scale
    y: Scale
    metrics: frozenset[str]

    @classmethod
    def of(cls, history: History, x: str, y: str) -> Plane:
        """Return the plane of two metrics or hyperparameters.

        Raises:
            OptionError: There is no metric or hyperparameter of that name.
        """
        reported = reported_names(history)
        metrics = frozenset(
            name for name in (x, y) if name in reported or not (reported or _is_hyperparameter(history, name))
        )
        return cls(_scale(history, x, x in metrics), _scale(history, y, y in metrics), metrics)

    def dress(self, axes: Axes, objective: Objective | None) -> None:
        """Give axes the scales of this plane, with the contours of an objective."""
        furnish(axes, x=shown(self.x.name), y=shown(self.y.name, 24))
        self.x.dress(axes, "x")
        self.y.dress(axes, "y")
        if objective is not None:
            _draw_contours(axes, objective)

    def way(self, stint: Stint) -> tuple[Array, Array]:
        """Return the points of a stint, from that of its donor when it was copied."""
        x, y = (self._along(stint, scale) for scale in (self.x, self.y))
        return x, y

    def _along(self, stint: Stint, scale: Scale) -> Array:
        if scale.name in self.metrics:
            return trail(stint, scale.name).y
        begun = [] if stint.origin is None else [scale.place(lookup(stint.origin.config, scale.name))]
        own = scale.place(lookup(stint.config, scale.name))
        return np.array([*begun, *[own] * len(stint.iterations)], float)


def _is_hyperparameter(history: History, name: str) -> bool:
    return any(lookup(stint.config, name) is not MISSING for stint in history.stints)


def _scale(history: History, name: str, is_metric: bool) -> Scale:
    if is_metric:
        return Scale.of_metric(name, [value for stint in history.stints for value in trail(stint, name).y])
    if _is_hyperparameter(history, name):
        return Scale.in_run(history, name)
    known = [*reported_names(history), *history.hyperparameters]
    raise OptionError(f"There is no metric or hyperparameter {name!r} in this run.{nearest(name, known)}")


# The ways


def _draw_ways(axes: Axes, history: History, plane: Plane) -> None:
    few, color_of = len(history.trials) <= len(FEW), colours(history)
    ways = {stint.index: plane.way(stint) for stint in history.stints}
    if not any(np.isfinite(x + y).any() for x, y in ways.values()):
        note(axes, "no reports yet" if not any(s.iterations for s in history.stints) else "no value is a number")
        return
    last = max(stint.last for stint in history.stints)
    looks: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.7 if few else faintness(len(history.trials))}
    for trial, stints in history.by_trial.items():
        x, y = with_gaps(ways[stint.index] for stint in stints)
        axes.plot(x, y, color=color_of[trial] if few else GREY, gid=trial, **looks)
        for stint in stints if few else ():
            mark = MARKS[history.trials.index(trial)]
            _draw_dots(axes, stint, ways[stint.index], last, color=color_of[trial], marker=mark)
    if few:
        _draw_jumps(axes, history, ways, color_of)
    else:
        _draw_winning(axes, history, ways)


def _draw_dots(axes: Axes, stint: Stint, way: tuple[Array, Array], last: int, **looks: Any) -> None:
    x, y = own(stint, way[0]), own(stint, way[1])
    every = max(1, last // _DOTS)
    sizes = np.interp(stint.iterations, [1, max(last, 2)], [_LARGEST, _SMALLEST])
    edge: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.35, "zorder": 3}
    axes.scatter(x[::every], y[::every], s=sizes[::every], **edge, **looks)


def _draw_jumps(axes: Axes, history: History, ways: dict[int, tuple[Array, Array]], color_of: dict[str, str]) -> None:
    """Draw an arrow from where a trial gave up to where its donor was, and number its end where there is room."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.patheffects import withStroke

    to_axes = axes.transScale + axes.transLimits
    numbered: list[Array] = []
    apart = 20 / 72 / (axes.get_window_extent().width / axes.figure.dpi)  # room for a number
    for before, after in clones(history):
        start, end = _point(ways[before.index], -1), _point(ways[after.index], 0)
        if not np.isfinite([*start, *end]).all():
            continue
        here, there = (np.array(to_axes.transform(point)) for point in (start, end))
        if np.linalg.norm(there - here) < _NEAR:
            continue
        color = color_of[after.trial]
        looks: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "linestyle": (0, (4, 2)), "linewidth": 0.9}
        axes.add_patch(FancyArrowPatch(start, end, color=color, zorder=2, shrinkA=2, shrinkB=2, **looks))
        if all(np.linalg.norm(there - other) > apart for other in numbered):
            numbered.append(there)
            place: dict[str, Any] = {"xytext": (5, 4), "textcoords": "offset points"}
            halo = [withStroke(linewidth=2, foreground="white")]
            axes.annotate(str(after.start), end, fontsize=SMALL, color=INK, zorder=4, path_effects=halo, **place)


def _draw_winning(axes: Axes, history: History, ways: dict[int, tuple[Array, Array]]) -> None:
    columns: list[tuple[Array, Array]] = []
    for stint, last in winning(history):
        x, y = ways[stint.index]
        joined = len(x) - len(stint.iterations)
        count = joined + int(np.searchsorted(stint.iterations, last, side="right"))
        columns.append((x[:count], y[:count]))
    if columns:
        x, y = (np.concatenate(column) for column in zip(*columns, strict=True))
        axes.plot(x, y, color=BEST, linewidth=2.0, zorder=4, gid="winner")
        axes.plot(x[-1:], y[-1:], color=BEST, marker="o", markersize=5, markeredgecolor="white", zorder=5)


def _point(way: tuple[Array, Array], at: int) -> tuple[float, float]:
    x, y = way
    return (float(x[at]), float(y[at])) if len(x) else (math.nan, math.nan)


def _draw_contours(axes: Axes, objective: Objective) -> None:
    x, y = (np.linspace(*limits, _CONTOUR_POINTS) for limits in (axes.get_xlim(), axes.get_ylim()))
    heights = np.array([[float(objective(float(a), float(b))) for a in x] for b in y])
    filled = axes.contourf(x, y, heights, levels=12, cmap="Greys_r", alpha=0.45, zorder=0)
    axes.contour(x, y, heights, levels=filled.levels, colors="white", linewidths=0.6, linestyles="solid", zorder=1)
    axes.grid(visible=False)
    bar = axes.figure.colorbar(filled, ax=axes, pad=0.02)
    bar.set_label("objective", fontsize=NORMAL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_visible(False)


def _keys(history: History) -> list[Line2D]:
    if len(history.trials) <= len(FEW):
        looks = zip(colours(history).items(), MARKS, strict=False)
        return [key(trial_label(trial), color, marker=mark, markersize=4) for (trial, color), mark in looks]
    return [key("each trial", GREY, linewidth=1.0), key("to the winner", BEST, linewidth=2.0)]

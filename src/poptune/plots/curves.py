"""How a metric went: trial by trial, as a population with its best so far, and by whom the losers were rescued."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.core.objective import Mode
from poptune.plots.scales import Array, digits_of, focus
from poptune.plots.style import (
    BEST,
    FEW,
    GREY,
    MUTED,
    PAGE,
    Source,
    add_legend,
    colours,
    faintness,
    furnish,
    history_of,
    key,
    label_ends,
    metric_label,
    new_figure,
    note,
    shown,
    trial_label,
)
from poptune.plots.trails import (
    Over,
    Trail,
    axis_label,
    best_so_far,
    clones,
    mark_lonely,
    metric_of,
    middle_half,
    mode_of,
    trail,
    trails,
    with_gaps,
)
from poptune.run.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST_FOR_A_BAND = 4
_NAMED_DONORS = 5
_DASHES = ("-", (0, (6, 1.2)))  # so that two runs differ in grey
_HEIGHT, _LEAST_HEIGHT = 0.55, 2.3  # of a figure: per width, and in inches


def objective_history(
    source: Source,
    metric: str | None = None,
    *,
    optimum: float | None = None,
    log: bool = False,
    width: float = PAGE,
) -> Figure:
    """Return a figure of a metric of each trial over iterations.

    Up to six trials have a colour each; of more, the winner stands out. A line is interrupted where the trial became a
    clone. Source: the right picture of Ray Tune's visual guide to PBT, after figure 2 of Jaderberg et al. 2017.

    Args:
        source: The results of a run, its directory, or a history of it.
        metric: Which metric, nested names joined by `/`; by default the run's own.
        optimum: The best value that there is, if it is known: a dashed line.
        log: Whether the axis of the values is logarithmic.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: The metric is not among what was reported.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.objective_history(results, optimum=90.0)
    >>> figure.axes[0].get_ylabel()
    'height\\nhigher is better'
    """
    figure = new_figure("plots.objective_history", width, _height(width))
    history = history_of(source, *([metric] if metric else []))
    draw_objective(figure.subplots(), history, metric_of(history, metric), optimum, log=log)
    return figure


def draw_objective(
    axes: Axes, history: History, metric: str, optimum: float | None = None, *, log: bool = False
) -> None:
    """Draw a metric of each trial over iterations; each line has its trial as its group id."""
    furnish(axes, x=axis_label("iterations"), y=metric_label(history, metric))
    color_of, lines = colours(history), lines_of(history, metric)
    few = len(history.trials) <= len(FEW)
    for trial, (x, y) in lines.items():
        looks: dict[str, Any] = {"linewidth": 1.6, "zorder": 3}
        if color_of[trial] == GREY:
            looks = {"alpha": faintness(len(lines)), "linewidth": 0.8}
        mark_lonely(*axes.plot(x, y, color=color_of[trial], gid=trial, **looks))
    if optimum is not None:
        axes.axhline(optimum, color=MUTED, linestyle=(0, (4, 3)), linewidth=0.9, gid="best")
    if _is_empty(axes, lines.values()):
        return
    focus(axes, log=log)
    named = lines if few else [trial for trial in lines if color_of[trial] == BEST]
    ends = [(_last(lines[trial][1]), trial_label(trial), color_of[trial]) for trial in named]
    label_ends(axes, [*ends, *([(optimum, f"optimum {optimum:g}", MUTED)] if optimum is not None else [])])


def learning_curves(
    source: Source,
    metric: str | None = None,
    *,
    over: Over = "iterations",
    other: Source | None = None,
    mode: Mode | None = None,
    log: bool = False,
    width: float = PAGE,
) -> Figure:
    """Return a figure of how a population learns: each trial, its middle half, and the best value so far.

    Args:
        source: The results of a run, its directory, or a history of it.
        metric: Which metric, nested names joined by `/`; by default the run's own.
        over: "iterations", counted along the lineage of the weights, or "seconds" since the run began.
        other: Another run to compare with, such as random search with the same budget.
        mode: Which values are better, for a metric that is not the run's own; else there is no best so far.
        log: Whether the axis of the values is logarithmic.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: The metric is not among what was reported.
        StorageError: A source is not the directory of a PopTune run.

    >>> figure = plots.learning_curves(results, over="seconds")
    >>> figure.axes[0].get_xlabel()
    'seconds since the run began'
    """
    figure = new_figure("plots.learning_curves", width, _height(width))
    axes = figure.subplots()
    wanted = [metric] if metric else []
    history = history_of(source, *wanted)
    name = metric_of(history, metric)
    mode = mode_of(history, name, mode)
    furnish(axes, x=axis_label(over), y=metric_label(history, name))
    runs = [history] if other is None else [history, history_of(other, name)]
    lines = [lines_of(run, metric_of(run, name), over) for run in runs]
    ends = []
    for color, dash, run, own in zip(FEW, _DASHES, runs, lines, strict=False):
        label = shown(str(run.about["name"]), 24) if other is not None else ""
        ends += _draw_population(axes, own, mode, color, dash, label)
    if not _is_empty(axes, [line for own in lines for line in own.values()]):
        focus(axes, log=log)
        label_ends(axes, ends)
        add_legend(axes)
    return figure


def _draw_population(
    axes: Axes, lines: dict[str, tuple[Array, Array]], mode: Mode | None, color: str, dash: Any, run: str
) -> list[tuple[float, str, str]]:
    """Draw the lines of one run, by its name if there are two, and return the label of its best."""
    thin, opacity = (color if run else GREY), faintness(len(lines)) * (0.5 if run else 1.0)
    for number, (trial, (x, y)) in enumerate(lines.items()):
        label = None if number or run else "each trial"
        mark_lonely(*axes.plot(x, y, color=thin, alpha=opacity, linewidth=0.7, gid=trial, label=label))
    if len(lines) >= _FEWEST_FOR_A_BAND:
        x, low, high = middle_half(lines.values())
        label = None if run else "middle half of the trials"
        axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0, label=label)
    if mode is None or not lines:
        return []
    xs, ys = zip(*lines.values(), strict=True)
    all_y = np.concatenate(ys)
    x, y = best_so_far(np.concatenate(xs), all_y, mode)
    if not len(x):
        return []
    end = max(float(np.nanmax(at)) for at, _ in lines.values() if len(at))
    looks: dict[str, Any] = {"color": color, "linestyle": dash, "linewidth": 2.2, "zorder": 4}
    steps = ([*x, end], [*y, y[-1]]) if end > x[0] else (x, y)
    mark_lonely(*axes.plot(*steps, drawstyle="steps-post", gid="best", label=run or "best so far", **looks))
    digits = digits_of(float(np.nanmin(all_y)), float(np.nanmax(all_y)), 4)
    return [(float(y[-1]), f"{y[-1]:.{digits}g}", color)]


def rescues(
    source: Source,
    metric: str | None = None,
    *,
    over: Over = "iterations",
    log: bool = False,
    width: float = PAGE,
) -> Figure:
    """Return a figure of who was rescued by whom: from the loser's last value straight to the donor's.

    The lines of the trials make saw teeth: each tooth is an exploit and ends in a dot at the donor's value, in the
    colour of the donor if it is one of those who were copied most. Teeth of one moment stand side by side. A ring is a
    donor whose loser had no number to show, such as NaN.

    Args:
        source: The results of a run, its directory, or a history of it.
        metric: Which metric, nested names joined by `/`; by default the run's own.
        over: "iterations", counted along the lineage of the weights, or "seconds" since the run began.
        log: Whether the axis of the values is logarithmic.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: The metric is not among what was reported.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.rescues(results)
    >>> sum(line.get_gid().startswith("from ") for line in figure.axes[0].get_lines()) == len(results.exploits)
    True
    """
    figure = new_figure("plots.rescues", width, _height(width))
    axes = figure.subplots()
    history = history_of(source, *([metric] if metric else []))
    name = metric_of(history, metric)
    furnish(axes, x=axis_label(over), y=metric_label(history, name))
    lines = lines_of(history, name, over)
    for trial, (x, y) in lines.items():
        mark_lonely(*axes.plot(x, y, color=GREY, alpha=faintness(len(history.trials)), linewidth=0.8, gid=trial))
    _draw_rescues(axes, [(trail(a, name, over), trail(b, name, over)) for a, b in clones(history)])
    if not _is_empty(axes, lines.values()):
        focus(axes, log=log)
    return figure


def _draw_rescues(axes: Axes, teeth: list[tuple[Trail, Trail]]) -> None:
    copied = Counter(_donor(after) for _, after in teeth)
    most = _NAMED_DONORS if axes.figure.bbox.width / axes.figure.dpi > 5 else 3
    color_of = {donor: color for (donor, _), color in zip(copied.most_common(most), FEW, strict=False)}
    keys = [key(f"{trial_label(donor)} rescued {copied[donor]}", color) for donor, color in color_of.items()]
    if rest := sum(number for donor, number in copied.items() if donor not in color_of):
        keys.append(key(f"others rescued {rest}", MUTED))
    add_legend(axes, keys)
    opacity, dot = max(0.35, faintness(len(teeth) // 4)), 4.0 if len(teeth) < 150 else 2.0
    for x, (before, after) in zip(_side_by_side(teeth), teeth, strict=True):
        donor, y = _donor(after), after.y[0]
        looks: dict[str, Any] = {"color": color_of.get(donor, MUTED), "alpha": opacity, "gid": f"from {donor}"}
        lost = _last(before.y)
        if math.isnan(lost):
            axes.plot([x], [y], marker="o", markersize=4, markerfacecolor="white", zorder=3, **looks)
        else:
            axes.plot([x, x], [lost, y], linewidth=1.1, marker=".", markersize=dot, markevery=[1], zorder=3, **looks)


def _donor(after: Trail) -> str:
    return after.stint.origin.trial if after.stint.origin else ""


def _side_by_side(teeth: list[tuple[Trail, Trail]]) -> list[float]:
    """Return where each tooth stands: those of one moment beside each other, the deepest first."""
    places = [float(after.x[0]) for _, after in teeth]
    rounds = sorted(set(places))
    room = 0.6 * min((b - a for a, b in pairwise(rounds)), default=1.0)
    most = max(Counter(places).values(), default=1)
    step = min(room / most, 0.007 * (rounds[-1] - rounds[0])) if len(rounds) > 1 else room / most
    found = list(places)
    for place in rounds:
        group = [at for at, other in enumerate(places) if other == place]
        group.sort(key=lambda at: abs(teeth[at][1].y[0] - _last(teeth[at][0].y)), reverse=True)
        for rank, at in enumerate(group):
            found[at] = place + rank * step
    return found


def lines_of(history: History, metric: str, over: Over = "iterations") -> dict[str, tuple[Array, Array]]:
    """Return the line of each trial: all that it reported, interrupted where it became a clone."""
    found = trails(history, metric, over)
    return {trial: with_gaps(found[stint.index].own for stint in stints) for trial, stints in history.by_trial.items()}


def _height(width: float) -> float:
    return max(_HEIGHT * width, _LEAST_HEIGHT)


def _last(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else math.nan


def _is_empty(axes: Axes, lines: Iterable[tuple[Array, Array]]) -> bool:
    """Return whether nothing can be seen, and say in the axes why."""
    values = np.concatenate([np.zeros(0), *(y for _, y in lines)])
    if np.isfinite(values).any():
        return False
    note(axes, "no value is a number" if len(values) else "no reports yet")
    return True

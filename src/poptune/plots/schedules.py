"""How hyperparameters moved: those of a whole population, and those behind one trial's weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from poptune.core.domains import Domain
from poptune.core.lineage import Segment
from poptune.core.nested import MISSING, lookup
from poptune.core.values import same
from poptune.errors import OptionError, nearest
from poptune.plots.scales import Scale
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
    new_figure,
    note,
    shown,
    trial_label,
    winning,
)
from poptune.run.history import History, Stint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_PANEL, _LEAST_PANEL, _FRAME = 0.2, 1.0, 0.7  # heights: of a panel, per width of the figure; in inches; around panels
_MOST_PANELS = 12
_LANE = 0.7  # how much of a lane the trials share
_BOUND: dict[str, Any] = {"color": MUTED, "linestyle": (0, (4, 3)), "linewidth": 0.8}
_DOTS_UP_TO = 32  # trials whose every change has a mark


def hyperparameter_schedules(source: Source, *names: str, width: float = PAGE) -> Figure:
    """Return a figure of the values of hyperparameters over iterations, a panel for each.

    A line is a stretch of a trial with one value; it is interrupted where the trial became a clone. There a dot is a
    value that was perturbed, a ring one that was drawn anew; among more than 32 trials only those behind the winner.
    The thick line leads to the winner's weights. Dashed lines are the bounds of the domain, and the axis is logarithmic
    where the domain is. Values that are no numbers have a lane each, in which trials lie side by side.

    Args:
        source: The results of a run, its directory, or a history of it.
        names: Which hyperparameters, nested names joined by `/`; by default those that differ, at most twelve.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: No trial has a hyperparameter of that name.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.hyperparameter_schedules(results)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['speed']
    """
    history = history_of(source)
    chosen = hyperparameters_of(history, names)
    figure, panels = _panels("plots.hyperparameter_schedules", chosen, width)
    for axes, name in zip(panels, chosen, strict=True):
        _draw_population(axes, history, _dressed(axes, Scale.in_run(history, name)))
    _finish(figure, panels, max((stint.last for stint in history.stints), default=0), _population_keys(history))
    return figure


def winner_schedule(source: Source, *names: str, width: float = PAGE) -> Figure:
    """Return a figure of the hyperparameters that made the winner's weights, through all exploits.

    It is what a replay repeats. Colours say which trial trained, if the weights went through few.

    Args:
        source: The results of a run, its directory, or a history of it.
        names: Which hyperparameters, nested names joined by `/`; by default those that change on the way, or all.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: No trial has a hyperparameter of that name.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.winner_schedule(results)
    >>> figure.axes[0].get_xlabel()
    'iteration'
    """
    history = history_of(source)
    purpose = "plots.winner_schedule"
    if history.winner is None:
        figure, panels = _panels(purpose, hyperparameters_of(history, names)[:1], width)
        furnish(panels[0])
        note(panels[0], "no trial has a number to win with")
        return figure
    schedule = history.schedule(history.winner.trial)
    chosen = hyperparameters_of(history, names) if names else schedule.hyperparameters
    return schedule_figure(schedule.segments, chosen, domains=history.domains, width=width, purpose=purpose)


def schedule_figure(
    segments: Sequence[Segment],
    names: Sequence[str],
    *,
    domains: Mapping[str, Domain | Sequence[Any]] | None = None,
    width: float = PAGE,
    purpose: str,
) -> Figure:
    """Return a figure of the hyperparameters behind some weights, over iterations.

    Args:
        segments: Stretches of constant hyperparameters, oldest first.
        names: Which hyperparameters; nested ones joined by `/`.
        domains: Where they may lie, as far as that is known.
        width: Of the figure, in inches.
        purpose: What needs it, for the message if there is no matplotlib.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    names = names[:_MOST_PANELS]
    figure, panels = _panels(purpose, names, width)
    trials = list(dict.fromkeys(segment.trial for segment in segments))
    few = len(trials) <= len(FEW)
    color_of = dict(zip(trials, FEW, strict=False)) if few else dict.fromkeys(trials, BEST)
    for axes, name in zip(panels, names, strict=True):
        values = [lookup(segment.config, name) for segment in segments]
        scale = _dressed(axes, Scale.of(name, values, (domains or {}).get(name)))
        stretches = [(s.first - 1, s.last, scale.place(value)) for s, value in zip(segments, values, strict=True)]
        _draw_steps(axes, stretches, [color_of[segment.trial] for segment in segments])
    keys = [key(trial_label(trial), color_of[trial], linewidth=2.4) for trial in trials] if few else []
    _finish(figure, panels, segments[-1].last if segments else 0, keys)
    return figure


def hyperparameters_of(history: History, names: Sequence[str]) -> list[str]:
    """Return the hyperparameters to draw: those asked for, or those that differ, at most twelve.

    Raises:
        OptionError: No trial has one of that name.
    """
    for name in names:
        if all(lookup(stint.config, name) is MISSING for stint in history.stints):
            raise OptionError(f"No trial has a hyperparameter {name!r}.{nearest(name, history.hyperparameters)}")
    return list(names or history.hyperparameters[:_MOST_PANELS])


# Panels


def _panels(purpose: str, names: Sequence[str], width: float) -> tuple[Figure, list[Axes]]:
    number = max(1, len(names))
    figure = new_figure(purpose, width, max(_LEAST_PANEL, _PANEL * width) * number + _FRAME)
    return figure, list(figure.subplots(number, sharex=True, squeeze=False)[:, 0])


def _dressed(axes: Axes, scale: Scale) -> Scale:
    furnish(axes, title=shown(scale.name, int(axes.figure.bbox.width / axes.figure.dpi * 9)))
    scale.dress(axes)
    for bound in scale.bounds or ():
        axes.axhline(bound, gid="bound", **_BOUND)
    return scale


def _finish(figure: Figure, panels: Sequence[Axes], last: int, keys: Sequence[Line2D]) -> None:
    panels[-1].set_xlabel("iteration", fontsize=8)
    if last == 0:
        for axes in panels:
            note(axes, "no reports yet")
    add_legend(figure, keys)


# Lines and marks


def _draw_population(axes: Axes, history: History, scale: Scale) -> None:
    color_of, behind = colours(history), {stint.index for stint, _ in winning(history)}
    few = len(history.trials) <= len(FEW)
    looks: dict[str, Any] = {"linewidth": 1.0, "alpha": 0.8 if few else faintness(len(history.trials))}
    for trial, stints in history.by_trial.items():
        points = [(stint.start, stint.last, _height(scale, history, stint)) for stint in stints]
        x = [x for start, last, _ in points for x in (start, last, math.nan)]
        y = [y for _, _, height in points for y in (height, height, math.nan)]
        axes.plot(x, y, color=color_of[trial] if few else GREY, gid=trial, **looks)
    best = [(stint.start, last, _height(scale, history, stint)) for stint, last in winning(history)]
    _draw_steps(axes, best, [color_of[stint.trial] if few else BEST for stint, _ in winning(history)])
    marked = [s for s in history.stints if s.index in behind or len(history.trials) <= _DOTS_UP_TO]
    for stint in marked:
        if mark := _mark(stint, scale.name):
            color = color_of[stint.trial] if few else BEST if stint.index in behind else GREY
            face, order = (color if mark == "perturbed" else "white"), 5 if stint.index in behind else 3
            dot: dict[str, Any] = {"marker": "o", "markersize": 3.5, "markerfacecolor": face, "markeredgewidth": 0.9}
            axes.plot([stint.start], [_height(scale, history, stint)], color=color, zorder=order, gid=mark, **dot)


def _draw_steps(axes: Axes, stretches: Sequence[tuple[int, int, float]], colors: Sequence[str]) -> None:
    """Draw stretches of constant values as thick lines, joined by thin ones."""
    for (start, last, height), color in zip(stretches, colors, strict=True):
        axes.plot([start, last], [height, height], color=color, linewidth=2.4, solid_capstyle="butt", zorder=4)
    for (_, before, low), (after, _, high) in pairwise(stretches):
        axes.plot([before, after], [low, high], color=MUTED, linewidth=0.7, zorder=2)


def _height(scale: Scale, history: History, stint: Stint) -> float:
    """Return where a stint's value lies; in lanes, the trials lie side by side."""
    height, number = scale.place(lookup(stint.config, scale.name)), len(history.trials)
    if not scale.lanes or number == 1:
        return height
    return height + _LANE * (history.population[stint.trial].index / (number - 1) - 0.5)


def _mark(stint: Stint, name: str) -> str:
    """Return what was done to a hyperparameter where a stint began, nothing if it kept its value."""
    done = next((operation for operation in stint.operations if operation.key == name), None)
    if done is None or same(done.old, done.new):
        return ""
    return "drawn anew" if done.label == "resample" else "perturbed"


def _population_keys(history: History) -> list[Line2D]:
    if len(history.trials) <= len(FEW):
        keys = [key(trial_label(trial), color) for trial, color in colours(history).items()]
    else:
        keys = [key("each trial", GREY, linewidth=1.0), key("to the winner", BEST, linewidth=2.4)]
    if any(stint.operations for stint in history.stints):
        dot: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linewidth": 0}
        keys.append(key("perturbed", MUTED, **dot))
        keys.append(key("drawn anew", MUTED, markerfacecolor="white", **dot))
    if history.domains:
        keys.append(key("bounds", **_BOUND))
    return keys

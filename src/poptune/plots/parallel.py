"""Parallel coordinates: a line for each trial across its hyperparameters and its score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poptune.core.nested import lookup
from poptune.errors import OptionError
from poptune.plots.family import ScoreColours
from poptune.plots.scales import Scale, digits_of, log_ticks
from poptune.plots.schedules import hyperparameters_of
from poptune.plots.style import (
    GREY,
    INK,
    MUTED,
    NORMAL,
    PAGE,
    SMALL,
    Source,
    faintness,
    furnish,
    history_of,
    new_figure,
    note,
    short_id,
    shown,
)
from poptune.run.history import History, Stint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _LOWEST = 0.5, 2.3  # of a figure: per width, and in inches
_MOST_TICKS = 6
_ROOM = 1.3  # inches between two axes, which their names need to stand beside each other
_MISSING = -0.12  # where a line passes by an axis on which it has no value


def parallel_coordinates(
    source: Source, *hyperparameters: str, iteration: int | None = None, width: float = PAGE
) -> Figure:
    """Return a figure with an axis for each hyperparameter and one for the score, and a line for each trial.

    Lines that lie high at the right are good ones; follow them to the left to see their values. The winner's has an
    edge. A line that has no value somewhere passes below that axis.

    Args:
        source: The results of a run, its directory, or a history of it.
        hyperparameters: Which ones, nested names joined by `/`; by default those that differ, at most twelve.
        iteration: At which iteration, counted along the lineages; by default at the newest report of each trial.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: No trial has such a hyperparameter, or has reported at that iteration.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.parallel_coordinates(results)
    >>> [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "name"]
    ['speed', 'height']
    """
    history = history_of(source)
    names = hyperparameters_of(history, hyperparameters)
    figure = new_figure("plots.parallel_coordinates", width, max(_HEIGHT * width, _LOWEST))
    axes = figure.subplots()
    moments = _moments(history, iteration)
    scores = [_score(history, stint, at) for stint, at in moments]
    furnish(axes, grid="none")
    axes.spines[:].set_visible(False)
    axes.set(xticks=[], yticks=[])
    if not moments:
        note(axes, "nobody has reported yet")
        return figure
    posts = [
        _post(shown(name, 18), Scale.in_run(history, name), [lookup(stint.config, name) for stint, _ in moments])
        for name in names
    ]
    colours = ScoreColours(history, scores)
    if history.objective and not colours.is_empty:
        metric, value = history.objective.metric, history.objective.value
        scale = Scale.of_metric(metric, scores)
        posts.append(_post(shown(metric, 18), scale, scores, value))
        axes.set_title("better ↑", fontsize=SMALL, color=MUTED, loc="right")
    _draw_posts(axes, posts)
    _draw_lines(axes, history, moments, posts, colours)
    return figure


@dataclass(frozen=True, slots=True)
class _Post:
    """One of the axes.

    Attributes:
        name: Below it.
        places: Where each line crosses it, from 0 to 1; NaN where it does not.
        ticks: Places and their texts.
    """

    name: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]


def _moments(history: History, iteration: int | None) -> list[tuple[Stint, int]]:
    """Return what each trial that has reported trained with, and the iteration: the newest, or the one asked for."""
    found = []
    for stints in history.by_trial.values():
        known = [stint for stint in stints if stint.iterations and (iteration is None or iteration in stint.iterations)]
        if known:
            found.append((known[-1], known[-1].last if iteration is None else iteration))
    if not found and iteration is not None:
        end = max((stint.last for stint in history.stints), default=0)
        raise OptionError(f"No trial has reported at iteration {iteration}; the last iteration is {end}.")
    return found


def _score(history: History, stint: Stint, iteration: int) -> float:
    score = history.score_at(stint, iteration)
    return score if math.isfinite(score) else math.nan


def _post(name: str, scale: Scale, values: Sequence[Any], said: Callable[[float], float] = float) -> _Post:
    from matplotlib.ticker import MaxNLocator

    def height(number: float) -> float:
        low, at, high = (math.log(end) if scale.is_log else end for end in (scale.limits[0], number, scale.limits[1]))
        return (at - low) / (high - low)

    if scale.lanes:
        every = math.ceil(len(scale.lanes) / _MOST_TICKS)
        ticks = [(height(at), shown(lane, 12)) for at, lane in enumerate(scale.lanes)][::every]
    else:
        found = log_ticks(*scale.limits) if scale.is_log else MaxNLocator(_MOST_TICKS - 1).tick_values(*scale.limits)
        digits = 3 if scale.is_log else digits_of(*scale.limits, 3)
        within = [tick for tick in found if scale.limits[0] <= tick <= scale.limits[1]]
        ticks = [(height(tick), f"{said(tick):.{digits}g}") for tick in within]
    return _Post(name, [height(scale.place(value)) for value in values], ticks)


def _draw_posts(axes: Axes, posts: Sequence[_Post]) -> None:
    room = axes.figure.bbox.width / axes.figure.dpi / len(posts)
    for x, post in enumerate(posts):
        axes.plot([x, x], [0, 1], color=GREY, linewidth=0.9, zorder=4)
        # Names in turn above and below each other, so that long neighbours do not meet.
        axes.annotate(
            post.name,
            (x, 0),
            xytext=(0, -10 if x % 2 == 0 or room > _ROOM else -22),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=NORMAL,
            color=INK,
            gid="name",
        )
        for height, text in post.ticks:
            label = axes.annotate(
                text, (x, height), xytext=(3, 0), textcoords="offset points", va="center", fontsize=SMALL, zorder=5
            )
            label.set(color=MUTED, bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.4})
            axes.plot([x], [height], "_", color=GREY, markersize=4, zorder=4)
    axes.set(xlim=(-0.3, len(posts) - 0.6), ylim=(-0.02, 1.02))


def _draw_lines(
    axes: Axes, history: History, moments: Sequence[tuple[Stint, int]], posts: Sequence[_Post], colours: ScoreColours
) -> None:
    best = history.winner.trial if history.winner else None
    scores = [_score(history, stint, at) for stint, at in moments]
    shades = colours.of(scores)
    for at in sorted(range(len(moments)), key=lambda at: -math.inf if math.isnan(scores[at]) else scores[at]):
        trial = moments[at][0].trial
        x, y = [*range(len(posts))], [_MISSING if math.isnan(post.places[at]) else post.places[at] for post in posts]
        if trial == best:
            axes.plot(x, y, color=INK, linewidth=3.6, zorder=6)
            axes.annotate(
                shown(short_id(trial), 12),
                (x[-1], y[-1]),
                xytext=(-6, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=SMALL,
                fontweight="bold",
                color=INK,
                zorder=8,
                gid="winner",
            ).set_bbox({"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.4})
        thin: dict[str, Any] = {"linewidth": 1.3, "alpha": faintness(len(moments))}
        looks: dict[str, Any] = {"linewidth": 2.2, "zorder": 7} if trial == best else thin
        marker = "o" if len(posts) == 1 else ""  # a line needs two axes to be seen
        axes.plot(x, y, color=shades[at], gid=trial, marker=marker, markersize=4, **looks)

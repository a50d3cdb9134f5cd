"""The phylogenetic tree of a run: everything that was ever trained, growing outwards from the first trials."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from poptune.plots.family import Piece, ScoreColours, pieces
from poptune.plots.style import (
    GREY,
    GRID,
    INK,
    MUTED,
    PAGE,
    SMALL,
    Source,
    add_legend,
    history_of,
    key,
    new_figure,
    note,
    short_id,
    shown,
    winning,
)
from poptune.run.history import History, Stint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HOLE = 0.14  # radius of the circle that the first trials begin on, per radius of the newest iteration
_GAP = math.radians(14)  # left open at the top, for the scale
_NAMED_TIPS = 48
_ARC_STEP = math.radians(2)
_HEIGHT = 0.86  # of a figure, per width


def phylogenetic_tree(source: Source, *, width: float = PAGE) -> Figure:
    """Return a figure of the family as a tree with the first trials at its root: iterations go outwards.

    A branch leaves its donor's where the copied weights were trained to. Colours are scores; branches that survive are
    thick, the winner's lineage has an edge, and living trials have a dot and their name.

    Source: the phylogenetic trees of Jaderberg et al. 2017.

    Args:
        source: The results of a run, its directory, or a history of it.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.phylogenetic_tree(results)
    >>> sorted(text.get_text() for text in figure.axes[0].texts if text.get_gid() == "tip")
    ['00000', '00001', '00002', '00003']
    """
    history = history_of(source)
    figure = new_figure("plots.phylogenetic_tree", width, _HEIGHT * width)
    axes = figure.subplots()
    axes.set_axis_off()
    parts = list(pieces(history))
    if not parts:
        note(axes, "nobody has reported yet")
        return figure
    colours = ScoreColours(history, [part.score for part in parts if part.survives])
    tree = _Tree(history, max(part.last for part in parts))
    _draw_scale(axes, tree)
    _draw_branches(axes, tree, parts, colours)
    _draw_tips(axes, tree, colours)
    axes.set_aspect("equal")
    add_legend(figure, [key("winner's lineage", INK, linewidth=2.4)] if history.winner else [])
    colours.add_bar(axes, shrink=0.6)
    return figure


class _Tree:
    """Where everything lies.

    Args:
        history: Of the run.
        end: Its last iteration.
    """

    def __init__(self, history: History, end: int) -> None:
        self.history = history
        self.end = end
        self.angle = _angles(history)

    def at(self, stint: Stint, iteration: float) -> tuple[float, float]:
        """Return the point of a stint at an iteration."""
        return self.point(self.angle[stint.index], iteration)

    def point(self, angle: float, iteration: float) -> tuple[float, float]:
        """Return the point at an angle, clockwise from the top, and an iteration."""
        radius = _HOLE + iteration / self.end
        return radius * math.sin(angle), radius * math.cos(angle)

    def arc(self, stint: Stint) -> list[tuple[float, float]]:
        """Return the way from the branch of the donor to the branch of a clone; from the root, to a first one."""
        to = self.angle[stint.index]
        if stint.origin is None:
            return [(0.0, 0.0), self.point(to, 0)]
        since = self.angle[stint.origin.index]
        steps = max(2, math.ceil(abs(to - since) / _ARC_STEP))
        return [self.point(angle, stint.start) for angle in np.linspace(since, to, steps)]


def _angles(history: History) -> list[float]:
    """Return the angle of each stint: a donor comes after its clones, and late clones after early ones.

    So no two branches cross: where a clone leaves, later ones of the same donor have not begun.
    """
    clones: defaultdict[int | None, list[Stint]] = defaultdict(list)
    for stint in history.stints:
        clones[stint.origin.index if stint.origin else None].append(stint)
    order: list[int] = []
    waiting = list(clones[None])[::-1]
    opened: set[int] = set()
    while waiting:
        stint = waiting[-1]
        if stint.index not in opened:
            opened.add(stint.index)
            waiting += sorted(clones[stint.index], key=lambda clone: clone.start, reverse=True)
        else:
            order.append(waiting.pop().index)
    angle = [0.0] * len(order)
    for place, index in enumerate(order):
        angle[index] = _GAP / 2 + (2 * math.pi - _GAP) * (place + 0.5) / len(order)
    return angle


def _draw_scale(axes: Axes, tree: _Tree) -> None:
    from matplotlib.ticker import MaxNLocator

    turn = np.linspace(_GAP / 2, 2 * math.pi - _GAP / 2, 181)
    ticks = [tick for tick in MaxNLocator(4, integer=True).tick_values(0, tree.end) if 0 <= tick <= tree.end]
    for tick in ticks:
        circle = np.array([tree.point(angle, tick) for angle in turn])
        axes.plot(*circle.T, color=GRID, linewidth=0.8, zorder=0)
        text = f"{tick:g} iterations" if tick == ticks[-1] else f"{tick:g}"
        axes.text(*tree.point(0, tick), text, fontsize=SMALL, color=MUTED, ha="center", va="center")


def _draw_branches(axes: Axes, tree: _Tree, parts: Sequence[Piece], colours: ScoreColours) -> None:
    from matplotlib.collections import LineCollection

    won = {stint.index: last for stint, last in winning(tree.history)}
    alive = {part.stint.index for part in parts if part.survives}
    trunk, twig = (2.4, 0.8) if len(tree.angle) <= 100 else (1.2, 0.5)

    def line(part: Piece) -> list[tuple[float, float]]:
        return [tree.at(part.stint, part.first), tree.at(part.stint, part.last)]

    def add(lines: Sequence[object], name: str, **looks: object) -> None:
        axes.add_collection(LineCollection(lines, gid=name, **looks))  # type: ignore[arg-type]

    arcs = {stint.index: tree.arc(stint) for stint in tree.history.stints}
    add([arc for index, arc in arcs.items() if index not in alive], "dead links", colors=GREY, linewidths=0.5, zorder=1)
    add([arc for index, arc in arcs.items() if index in alive], "links", colors=MUTED, linewidths=0.9, zorder=2)
    dead = [part for part in parts if not part.survives]
    kept = [part for part in parts if part.survives]
    add([line(part) for part in dead], "dead", colors=colours.of([part.score for part in dead]), linewidths=twig)
    add([arc for index, arc in arcs.items() if index in won], "winning links", colors=INK, linewidths=trunk, zorder=3)
    edge = [line(part) for part in kept if part.last <= won.get(part.stint.index, -1)]
    add(edge, "edge", colors=INK, linewidths=1.9 * trunk, capstyle="round", zorder=3)
    shade = colours.of([part.score for part in kept])
    add([line(part) for part in kept], "surviving", colors=shade, linewidths=trunk, capstyle="round", zorder=4)
    axes.autoscale_view()


def _draw_tips(axes: Axes, tree: _Tree, colours: ScoreColours) -> None:
    history = tree.history
    tips = [stints[-1] for trial, stints in history.by_trial.items() if not history.population[trial].error]
    points = np.array([tree.at(stint, stint.last) for stint in tips]).reshape(-1, 2)
    scores = [scores[-1] if (scores := history.scores(stint)) else math.nan for stint in tips]
    size = 16 if len(tips) <= _NAMED_TIPS else 5
    axes.scatter(points[:, 0], points[:, 1], s=size, color=colours.of(scores), edgecolors=INK, linewidths=0.5, zorder=5)
    for stint in tips if len(tips) <= _NAMED_TIPS else ():
        angle = tree.angle[stint.index]
        is_best = stint is history.winner
        axes.text(
            *tree.point(angle, stint.last + 0.04 * tree.end),
            shown(short_id(stint.trial)),
            gid="tip",
            fontsize=SMALL - 0.5,
            color=INK if is_best else MUTED,
            fontweight="bold" if is_best else "normal",
            rotation=math.degrees(-angle) + (90 if angle <= math.pi else -90),
            rotation_mode="anchor",
            ha="left" if angle <= math.pi else "right",
            va="center",
        )

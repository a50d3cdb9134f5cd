"""The lineage tree: who copied whom and when, which branches survived, and the way of the winner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from poptune.core.decisions import Exploit
from poptune.plots.family import Piece, ScoreColours, pieces, reaches
from poptune.plots.style import (
    BEST,
    FEW,
    GREY,
    INK,
    MUTED,
    PAGE,
    SMALL,
    Source,
    add_legend,
    furnish,
    history_of,
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

_ROW, _MARGIN, _TALLEST = 0.2, 0.9, 9.0  # inches
_NAMED_ROWS = 40
_LINK_POINTS = 16
_LINK_WIDTH = 0.025  # part of the axis that a link takes from donor to loser


def lineage_tree(source: Source, *, width: float = PAGE) -> Figure:
    """Return a figure of who copied whom: a row for each trial, a link from donor to loser for each exploit.

    What is behind anybody's present weights is coloured by score; dead branches are grey, the winner's lineage thick.
    Where trials do not wait for each other, a clone may begin before the iteration at which its row ended.

    Source: the family trees of Jaderberg et al. 2017.

    Args:
        source: The results of a run, its directory, or a history of it.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.lineage_tree(results)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['00000', '00001', '00002', '00003']
    """
    history = history_of(source)
    height = min(_ROW * max(len(history.trials), 8) + _MARGIN, _TALLEST)
    figure = new_figure("plots.lineage_tree", width, height)
    axes = figure.subplots()
    parts = list(pieces(history))
    colours = ScoreColours(history, [part.score for part in parts if part.survives])
    furnish(axes, x="iteration", y="trial", grid="x")
    _name_rows(axes, history)
    if not parts:
        note(axes, "nobody has reported yet")
        return figure
    draw_lineage(axes, history, parts, colours, thickness=_thickness(height, len(history.trials)))
    add_legend(axes)
    colours.add_bar(axes)
    return figure


def draw_lineage(
    axes: Axes, history: History, parts: Sequence[Piece], colours: ScoreColours, thickness: float = 2.0
) -> None:
    """Draw rows and links; the collections have what they show as group ids.

    Args:
        axes: Where to.
        history: Of the run.
        parts: Its training in pieces.
        colours: For the scores of those that survive.
        thickness: Of the row of a survivor, in points.
    """
    from matplotlib.collections import LineCollection

    row = {trial: at for at, trial in enumerate(history.trials)}
    won = {stint.index: last for stint, last in winning(history)}
    stout = max(thickness, 1.0)  # the winner is to be seen among 256 trials, too
    fine = min(0.9, thickness)

    def line(part: Piece) -> list[tuple[float, float]]:
        return [(part.first, row[part.stint.trial]), (part.last, row[part.stint.trial])]

    def add(lines: Sequence[object], name: str, **looks: object) -> None:
        axes.add_collection(LineCollection(lines, gid=name, **looks))  # type: ignore[arg-type]

    dead = [part for part in parts if not part.survives]
    alive = [part for part in parts if part.survives]
    thick = [part for part in alive if part.last <= won.get(part.stint.index, -1)]
    alive_links, dead_links, won_links = _links(history, row, won)
    add([line(part) for part in dead], "dead", colors=GREY, linewidths=0.6 * thickness, zorder=1)
    add(dead_links, "dead links", colors=GREY, linewidths=0.7 * fine, alpha=0.7, zorder=1)
    add(alive_links, "links", colors=MUTED, linewidths=fine, zorder=2)
    shade = colours.of([part.score for part in alive])
    add([line(part) for part in alive], "surviving", colors=shade, linewidths=1.2 * thickness, zorder=3)
    add(won_links, "winning links", colors=INK, linewidths=0.8 * stout, zorder=4)
    # The winner's lineage has an edge of ink, so that it stands out in grey, too.
    add([line(part) for part in thick], "edge", colors=INK, linewidths=2.4 * stout, capstyle="round", zorder=5)
    shade = colours.of([part.score for part in thick])
    add([line(part) for part in thick], "winning", colors=shade, linewidths=1.6 * stout, capstyle="round", zorder=6)
    lost = [stints[-1] for trial, stints in history.by_trial.items() if history.population[trial].error]
    if lost:
        ends = [stint.last for stint in lost], [row[stint.trial] for stint in lost]
        axes.plot(*ends, "x", color=FEW[1], markersize=5, markeredgewidth=1.4, label="failed for good", zorder=7)
    if thick:
        axes.plot([], [], color=INK, linewidth=2.4, label="winner's lineage")
    if dead:
        axes.plot([], [], color=GREY, linewidth=1.2, label="dead branch")
    axes.set_xlim(0, max(part.last for part in parts) * 1.01)


def _links(
    history: History, row: dict[str, int], won: dict[int, int]
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Return the links whose clones survive, those of dead branches, and those of the winner's lineage."""
    reach = reaches(history)
    end = max(stint.last for stint in history.stints)
    alive: list[np.ndarray] = []
    dead: list[np.ndarray] = []
    winner: list[np.ndarray] = []
    for _, record, stint in history.beginnings:
        if isinstance(record, Exploit) and record.donor != record.trial:
            kind = winner if stint.index in won else alive if stint.index in reach else dead
            kind.append(_link(stint, row[record.donor], row[record.trial], _LINK_WIDTH * end))
    return alive, dead, winner


def _link(stint: Stint, donor: int, loser: int, width: float) -> np.ndarray:
    way = np.linspace(0.0, 1.0, _LINK_POINTS)
    return np.column_stack([stint.start + width * way, donor + (loser - donor) * way**2 * (3 - 2 * way)])


def _name_rows(axes: Axes, history: History) -> None:
    count = len(history.trials)
    every = -(-count // _NAMED_ROWS)
    rows = range(0, count, every)
    axes.set_yticks(rows, [shown(short_id(history.trials[row])) for row in rows])
    axes.set_ylim(count - 0.4, -0.6)
    best = history.winner.trial if history.winner else None
    for label, at in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontsize(SMALL if every == 1 and count <= 20 else SMALL - 1.5)
        if history.trials[at] == best:
            label.set(color=BEST, fontweight="bold")


def _thickness(height: float, rows: int) -> float:
    return max(0.4, min(2.2, 0.22 * 72 * (height - _MARGIN) / rows))

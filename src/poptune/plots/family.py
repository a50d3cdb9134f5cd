"""What pictures of a family have in common: which stretches of training survive, and the colours of their pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.plots.scales import digits_of, drawable
from poptune.plots.style import GREY, INK, MUTED, NORMAL, SCORES, SMALL, metric_label, shown
from poptune.run.history import History, Stint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 300  # pieces of different colours along the whole axis: finer than one sees
_LETTERS = 13  # that fit beside an inch of a bar
_LOWEST = 0.05  # so many of the scores share the darkest colour: one early failure must not use up the scale


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stint, with one colour.

    Attributes:
        stint: Of which it is a part.
        first: Iteration at which it begins.
        last: Iteration at which it ends.
        score: At its end; NaN if that is not known.
        survives: Whether somebody's present weights come from it.
    """

    stint: Stint
    first: int
    last: int
    score: float
    survives: bool


def reaches(history: History) -> dict[int, int]:
    """Return up to which iteration each surviving stint is behind the present weights of a trial, by its index.

    A stint that is missing is a dead branch. So is the end of one, if it went on after it was copied for the last time.
    Trials that failed for good have no present weights.
    """
    found: dict[int, int] = {}
    for trial, stints in history.by_trial.items():
        if history.population[trial].error:
            continue
        for stint, last in stints[-1].lineage:
            found[stint.index] = max(found.get(stint.index, 0), last)
    return found


def pieces(history: History) -> Iterator[Piece]:
    """Yield all training in pieces, stint by stint, none of them longer than one sees."""
    reach = reaches(history)
    stride = math.ceil(max((stint.last for stint in history.stints), default=0) / _COLUMNS)
    for stint in history.stints:
        scores, before = history.scores(stint), stint.start
        end = reach.get(stint.index, -1)
        for at in _ends(stint, stride, end):
            last = stint.iterations[at]
            yield Piece(stint, before, last, scores[at] if scores else math.nan, last <= end)
            before = last


def _ends(stint: Stint, stride: int, reach: int) -> list[int]:
    """Return at which of its reports a stint is cut: now and then, where it stops to survive, and at its end."""
    count = len(stint.iterations)
    cuts = {*range(stride - 1, count, stride), count - 1} if count else set[int]()
    cuts |= {at for at in (reach - stint.start - 1,) if 0 <= at < count and stint.iterations[at] == reach}
    return sorted(cuts)


class ScoreColours:
    """Colours for scores: the lighter, the better; grey where there is none.

    Args:
        history: Of the run.
        scores: All that are drawn.
    """

    def __init__(self, history: History, scores: Sequence[float]) -> None:
        import matplotlib as mpl
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        self._history = history
        finite = drawable(scores)
        finite = finite[np.isfinite(finite)]
        self.is_empty = not finite.size
        low, high = (np.quantile(finite, _LOWEST), finite.max()) if finite.size else (0.0, 1.0)
        self.norm = Normalize(low, high)
        self._digits = digits_of(float(low), float(high), 3)
        whole = mpl.colormaps[SCORES]
        # The lightest yellow of the map could not be seen on white.
        cmap = LinearSegmentedColormap.from_list("scores", whole(np.linspace(0.0, 0.93, 64)))
        self.cmap = cmap.with_extremes(bad=GREY)

    def of(self, scores: Sequence[float]) -> Any:
        """Return an array of colours, one row of red, green, blue and opacity for each score."""
        return self.cmap(self.norm(np.ma.masked_invalid(drawable(scores))))

    def add_bar(self, axes: Axes | Sequence[Axes], **options: Any) -> None:
        """Add a bar that explains the colours in the user's own values, if there are any."""
        from matplotlib.cm import ScalarMappable

        objective = self._history.objective
        if self.is_empty or objective is None:
            return
        first = axes if not isinstance(axes, Sequence) else axes[0]
        bar = first.figure.colorbar(
            ScalarMappable(self.norm, self.cmap),
            ax=axes,
            format=lambda score, _: f"{objective.value(score):.{self._digits}g}",
            **{"fraction": 0.04, "pad": 0.02, "aspect": 30, **options},
        )
        letters = int(bar.ax.figure.bbox.height / bar.ax.figure.dpi * _LETTERS)
        label = metric_label(self._history, objective.metric)
        bar.set_label(label if len(label) <= letters else shown(objective.metric, letters), fontsize=NORMAL, color=INK)
        bar.ax.tick_params(labelsize=SMALL, colors=MUTED, length=2)
        bar.outline.set_visible(False)

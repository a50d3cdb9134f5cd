"""What all figures share: paper, ink and colours, how axes look, how names become labels, and which run is drawn.

Colours tell apart whoever cannot see some of them, and in grey. Nothing here goes through pyplot, so no figure needs a
display, stays open, or changes what the user draws.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from poptune.core.nested import flatten
from poptune.core.safe_text import inert
from poptune.errors import MissingExtra
from poptune.run.history import History, Stint
from poptune.run.results import ResultGrid

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Source = ResultGrid | History | str | os.PathLike[str]  # what can be drawn: a run, or where it lies

PAGE, COLUMN = 7.0, 3.5  # widths of a figure in inches: of a page, and of one of two columns
SMALL, NORMAL = 7.0, 8.0  # sizes of text in points

INK, MUTED, GREY, GRID = "#222222", "#666666", "#b0b0b0", "#ebebeb"  # text, lesser text, who is not the point, grid
FEW = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # of Okabe and Ito, without the pale ones
MARKS = ("o", "s", "^", "D", "v", "P")  # beside the colours of few, so that they differ in grey
BEST = FEW[0]
SCORES = "viridis"  # colour map of scores: the lighter, the better

_LONGEST_NAME, _LONGEST_LABEL = 40, 24  # characters: of a name, and of one beside an axis or a line
_SIGN_INCHES = 0.5  # what an entry of a legend needs beside its text


def history_of(source: Source, *metrics: str) -> History:
    """Return the history of a run, with the values of some metrics beside those of its own metric.

    Args:
        source: The results of a run, its directory, or a history of it.
        metrics: Which metrics; nested names joined by `/`.

    Raises:
        StorageError: It is not the directory of a PopTune run.
    """
    if isinstance(source, History):
        known = reported_names(source) or metrics  # a hyperparameter is none; before the first report, anything may be
        missing = [metric for metric in metrics if metric not in source.metrics and metric in known]
        return History.read(source.run_dir, *source.metrics, *missing) if missing else source
    path = source.experiment_path if isinstance(source, ResultGrid) else os.fspath(source)
    return History.read(path, *metrics)


def reported_names(history: History) -> list[str]:
    """Return the names of all metrics that were reported, nested ones joined by `/`."""
    return list(dict.fromkeys(name for trial in history.population for name in flatten(trial.metrics)))


# Paper


def new_figure(purpose: str, width: float, height: float) -> Figure:
    """Return an empty white figure that arranges what comes into it.

    Args:
        purpose: What needs it, for the message if there is no matplotlib, such as "plots.learning_curves".
        width: In inches.
        height: In inches.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("matplotlib", extra="plots", purpose=purpose) from None
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def furnish(
    axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: Literal["x", "y", "both", "none"] = "both"
) -> None:
    """Give axes their looks and their texts, which must be `shown` where they hold names."""
    axes.set_facecolor("white")
    axes.set_title(title, fontsize=NORMAL + 1, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=NORMAL, color=INK)
    axes.set_ylabel(y, fontsize=NORMAL, color=INK)
    axes.tick_params(which="both", labelsize=SMALL, colors=MUTED, length=2.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(GREY)
    axes.set_axisbelow(True)
    axes.grid(visible=False)
    if grid != "none":
        axes.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)


def note(axes: Axes, text: str) -> None:
    """Say in the middle of axes why they are empty."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=NORMAL, color=MUTED)


def key(label: str, color: str, **looks: Any) -> Line2D:
    """Return an entry of a legend: a line or, with `linewidth=0`, its marker."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=color, label=label, **looks)


def add_legend(target: Axes | Figure, keys: Sequence[Artist] | None = None) -> None:
    """Add a small legend above some axes, or above all axes of a figure, at the right.

    Args:
        target: Axes or a figure.
        keys: Artists with labels; by default everything in the axes that has one.
    """
    from matplotlib.axes import Axes

    place: dict[str, Any] = {"loc": "outside upper right", "borderaxespad": 0.2}
    if isinstance(target, Axes):
        place |= {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
        keys = target.get_legend_handles_labels()[0] if keys is None else keys
    if keys:
        width = (target.figure.bbox if isinstance(target, Axes) else target.bbox).width / target.figure.dpi
        entry = max(len(str(each.get_label())) for each in keys) * SMALL * 0.55 / 72 + _SIGN_INCHES
        looks: dict[str, Any] = {
            "frameon": False,
            "fontsize": SMALL,
            "labelcolor": INK,
            "handlelength": 1.6,
            "columnspacing": 1.2,
        }
        target.legend(handles=list(keys), ncols=max(1, int(width / entry)), **looks, **place)


def label_ends(axes: Axes, ends: Iterable[tuple[float, str, str]]) -> None:
    """Write beside the right edge what lines are, instead of a legend, and keep the texts apart.

    Args:
        axes: With all their lines, so that their limits are settled.
        ends: Height of each line at its end, in data; its text, `shown`; its colour.
    """
    axes.get_ylim()  # limits that follow the lines are brought up to date only when somebody asks for them
    to_axes = axes.transScale + axes.transLimits
    placed = sorted((float(to_axes.transform((1.0, y))[1]), text, colour) for y, text, colour in ends if y == y)
    inches = axes.get_window_extent().height / axes.figure.dpi
    heights = spread([min(max(at, 0.0), 1.0) for at, _, _ in placed], SMALL * 1.25 / 72 / inches)
    for height, (_, text, colour) in zip(heights, placed, strict=True):
        axes.text(1.015, height, text, transform=axes.transAxes, va="center", fontsize=SMALL, color=colour)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return ascending places moved apart to at least a gap, below 1 where they fit.

    >>> spread([0.2, 0.25, 0.9], 0.1), spread([0.95, 1.0], 0.25)
    ([0.2, 0.3, 0.9], [0.75, 1.0])
    """
    found: list[float] = []
    for place in places:
        found.append(round(max(place, found[-1] + gap), 6) if found else place)
    top = 1.0
    for at in range(len(found) - 1, -1, -1):
        found[at] = min(found[at], top)
        top = round(found[at] - gap, 6)
    return found


# Names and colours

_TEX = str.maketrans({sign: rf"\{sign}" for sign in "#$%&_{}"} | {sign: rf"\char{ord(sign)}{{}}" for sign in "\\^~"})


def shown(text: str, longest: int = _LONGEST_NAME) -> str:
    r"""Return a name as a label shows it: as text and never as a formula, on one line, with letters that the font has.

    Args:
        text: Anything, such as the name of a metric.
        longest: Most characters; the middle is left out of what is longer.

    >>> shown("loss_$x$"), shown("a/very/long/name", longest=9), shown("two\nlines")
    ('loss_\\$x\\$', 'a/ve…name', 'two\\nlines')
    """
    text = inert(text)
    if len(text) > longest:
        head = longest // 2
        text = f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"
    from matplotlib import rcParams

    letters = _letters_of(tuple(rcParams["font.family"]))
    text = "".join(letter if ord(letter) in letters else "?" for letter in text)
    return text.translate(_TEX) if rcParams["text.usetex"] else text.replace("$", r"\$")


@lru_cache(8)
def _letters_of(families: tuple[str, ...]) -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset().union(*(get_font(findfont(FontProperties(family=[name]))).get_charmap() for name in families))


def short_id(trial: str) -> str:
    """Return the part of a trial's id that differs within a run.

    >>> short_id("4f1c2_00003")
    '00003'
    """
    return trial.rpartition("_")[2]


def trial_label(trial: str) -> str:
    """Return what stands beside the lines of a trial."""
    return shown(short_id(trial), _LONGEST_LABEL)


def metric_label(history: History, metric: str) -> str:
    """Return the name of a metric for an axis; of the run's own, also which values are better, in a second line."""
    name = shown(metric, _LONGEST_LABEL)
    if history.objective is None or metric != history.objective.metric:
        return name
    return f"{name}\n{'higher' if history.objective.mode == 'max' else 'lower'} is better"


def colours(history: History) -> dict[str, str]:
    """Return the colour of each trial: one of its own if there are few, else the winner's and grey for the others."""
    if len(history.trials) <= len(FEW):
        return dict(zip(history.trials, FEW, strict=False))
    best = history.winner.trial if history.winner else None
    return {trial: BEST if trial == best else GREY for trial in history.trials}


def faintness(lines: int) -> float:
    """Return the opacity of each of many lines, so that 256 of them are no black block."""
    return max(0.2, min(0.9, 4 / math.sqrt(max(lines, 1))))


def winning(history: History) -> list[tuple[Stint, int]]:
    """Return the stints behind the winner's weights, each with the iteration up to which it counts; none won: none."""
    return history.winner.lineage if history.winner else []

"""What each worker did when: who trained there, who waited, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from poptune.core.decisions import Stop
from poptune.core.events import TrialEvicted, TrialFailed, TrialFinished, TrialReset, TrialStarted
from poptune.plots.style import (
    FEW,
    GREY,
    INK,
    MUTED,
    NORMAL,
    PAGE,
    SMALL,
    Source,
    add_legend,
    colours,
    furnish,
    history_of,
    new_figure,
    note,
    short_id,
    shown,
)
from poptune.run.history import History
from poptune.run.restoring import INTERRUPTED
from poptune.storage.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _MARGIN, _LEAST, _TALLEST = 0.17, 0.9, 2.0, 9.0  # inches
_LANE_GAP = 0.6  # rows between two workers
_NAMED_TRIALS = 32
_SEEN = 1 / 1500  # part of the axis: what lies closer together is drawn as one
_PALE = 0.25  # opacity of who waits
_BAR_GAP = 0.16  # between two rows, in rows


@dataclass(frozen=True, slots=True)
class Stay:
    """A trial's time in a worker, from a start of its training to the next, or to its end.

    Attributes:
        trial: Who.
        worker: Number of the worker.
        began_s: In seconds since the run began.
        ended_s: Likewise.
        cause: Of the start: "first", "exploit" or "recovery".
    """

    trial: str
    worker: int
    began_s: float
    ended_s: float
    cause: str


def stays_of(history: History) -> list[Stay]:
    """Return who was in which worker when, in the order of the starts.

    Where a run was interrupted, stays end with what was last recorded before.
    """
    found: list[Stay] = []
    current: dict[str, tuple[float, TrialStarted]] = {}

    def leave(trial: str, at: float) -> None:
        if trial in current:
            since, start = current.pop(trial)
            found.append(Stay(trial, start.worker, since, max(at, since), start.cause))

    for at, record in history.records:
        match record:
            case TrialStarted():
                leave(record.trial, at)
                current[record.trial] = at, record
            case TrialEvicted(reason=reason) if reason == INTERRUPTED:
                before = _last_before(history, at)
                for trial in list(current):
                    leave(trial, before)
            case Stop() | TrialFinished() | TrialFailed() | TrialEvicted() | TrialReset():
                leave(record.trial, at)
    for trial in list(current):
        leave(trial, history.duration_s)
    return sorted(found, key=lambda stay: stay.began_s)


def _last_before(history: History, moment: float) -> float:
    reports = (at for stint in history.stints for at in stint.seconds if at < moment)
    return max([*reports, *(at for at, _ in history.records if at < moment)], default=0.0)


def event_timeline(source: Source, *, width: float = PAGE) -> Figure:
    """Return a figure of what each worker did when: a lane for each worker, a bar for each trial that lived there.

    A bar is strong where the trial trained and pale where it waited: for its turn, a decision, or the others of a
    synchronous round. Marks are exploits, failures, and starts after one. Up to six trials have a colour each; of more,
    the winner stands out.

    Args:
        source: The results of a run, its directory, or a history of it.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        StorageError: The source is not the directory of a PopTune run.

    >>> figure = plots.event_timeline(results)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['worker 0']
    """
    history = history_of(source)
    stays = stays_of(history)
    rows, lanes = _places(stays)
    count = lanes[-1].bottom if lanes else 0.0
    height = min(max(_ROW * count + _MARGIN, _LEAST), _TALLEST)
    figure = new_figure("plots.event_timeline", width, height)
    axes = figure.subplots()
    furnish(axes, x="seconds since the run began", grid="x")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([(lane.top + lane.bottom) / 2 for lane in lanes], [f"worker {lane.worker}" for lane in lanes])
    axes.tick_params(axis="y", length=0, labelsize=NORMAL)
    if not stays:
        note(axes, "nothing has started yet")
        return figure
    _draw_bars(axes, history, stays, rows)
    _draw_marks(axes, history, stays, rows)
    for before, after in pairwise(lanes):
        axes.axhline((before.bottom + after.top) / 2, color=GREY, linewidth=0.6)
    axes.set_ylim(count + 0.2, -0.2)
    axes.set_xlim(0, history.duration_s * 1.01 or 1.0)
    add_legend(axes)
    return figure


@dataclass(frozen=True, slots=True)
class _Lane:
    worker: int
    top: float
    bottom: float


def _places(stays: Sequence[Stay]) -> tuple[dict[Stay, float], list[_Lane]]:
    """Return the row of each stay, counted from the top, and the lane of each worker; nobody lies on anybody."""
    rows: dict[Stay, float] = {}
    lanes: list[_Lane] = []
    top = 0.0
    for worker in sorted({stay.worker for stay in stays}):
        free_from: list[float] = []  # of each row of the lane
        last_row: dict[str, int] = {}
        for stay in (stay for stay in stays if stay.worker == worker):
            row = last_row.get(stay.trial, -1)
            if row < 0 or free_from[row] > stay.began_s:
                row = next((at for at, free in enumerate(free_from) if free <= stay.began_s), len(free_from))
            free_from += [0.0] * (row == len(free_from))
            free_from[row], last_row[stay.trial], rows[stay] = stay.ended_s, row, top + row
        lanes.append(_Lane(worker, top, top + len(free_from)))
        top += len(free_from) + _LANE_GAP
    return rows, lanes


def _draw_bars(axes: Axes, history: History, stays: Sequence[Stay], rows: dict[Stay, float]) -> None:
    colour = colours(history)
    trained = {trial: _merged(history, trial) for trial in history.trials}
    _add_bars(axes, "there", [(stay.began_s, stay.ended_s, stay) for stay in stays], rows, colour, alpha=_PALE)
    training = [(since, until, stay) for stay in stays for since, until in _within(trained[stay.trial], stay)]
    _add_bars(axes, "trained", training, rows, colour, zorder=2)
    named: set[tuple[str, float]] = set()
    for stay in stays if len(history.trials) <= _NAMED_TRIALS else ():
        if (stay.trial, rows[stay]) not in named:
            named.add((stay.trial, rows[stay]))
            _name(axes, stay, rows[stay])


def _add_bars(
    axes: Axes,
    name: str,
    bars: Sequence[tuple[float, float, Stay]],
    rows: dict[Stay, float],
    colour: dict[str, str],
    **looks: Any,
) -> None:
    """Add bars, from one second to another in the row of a stay, as one collection: thousands of them are quick so."""
    from matplotlib.collections import PolyCollection

    corners = [
        [(since, top), (until, top), (until, top + 1 - _BAR_GAP), (since, top + 1 - _BAR_GAP)]
        for since, until, top in ((since, until, rows[stay] + _BAR_GAP / 2) for since, until, stay in bars)
    ]
    shades = [colour[stay.trial] for _, _, stay in bars]
    shades = [MUTED if shade == GREY and name == "trained" else shade for shade in shades]  # thin strips of it
    axes.add_collection(PolyCollection(corners, facecolors=shades, linewidths=0, gid=name, **looks))


def _name(axes: Axes, stay: Stay, row: float) -> None:
    text = axes.annotate(
        shown(short_id(stay.trial), 16),
        (stay.began_s, row + 0.5),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=SMALL - 0.5,
        color=INK,
        va="center",
        zorder=6,
    )
    text.set_bbox({"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})


def _merged(history: History, trial: str) -> list[tuple[float, float]]:
    """Return when a trial trained, as pairs of seconds; what cannot be seen apart is one."""
    gap = _SEEN * history.duration_s
    found: list[tuple[float, float]] = []
    for stint in history.by_trial[trial]:
        for at, length in zip(stint.seconds, stint.trained_s, strict=True):
            since = at - length
            if found and since - found[-1][1] <= gap:
                found[-1] = found[-1][0], max(at, found[-1][1])
            else:
                found.append((since, at))
    return found


def _within(pairs: Sequence[tuple[float, float]], stay: Stay) -> Iterator[tuple[float, float]]:
    """Yield what of some pairs of seconds lies in a stay."""
    for since, until in pairs:
        first, last = max(since, stay.began_s), min(until, stay.ended_s)
        if first < last:
            yield first, last


def _draw_marks(axes: Axes, history: History, stays: Sequence[Stay], rows: dict[Stay, float]) -> None:
    size = 3.0 if len(stays) <= 200 else 1.5
    starts = {
        "exploit": ("o", INK, size, [stay for stay in stays if stay.cause == "exploit"]),
        "started again": (">", FEW[4], 5.0, [stay for stay in stays if stay.cause == "recovery"]),
    }
    for label, (marker, colour, markersize, marked) in starts.items():
        if marked:
            points = [stay.began_s for stay in marked], [rows[stay] + 0.5 for stay in marked]
            axes.plot(*points, marker, color=colour, markersize=markersize, label=label, zorder=4)
    failed = {(at, record.trial) for at, record in history.records if _is_failure(record)}
    ends = [stay for stay in stays if (stay.ended_s, stay.trial) in failed]
    if ends:
        points = [stay.ended_s for stay in ends], [rows[stay] + 0.5 for stay in ends]
        axes.plot(*points, "x", color=FEW[1], markersize=6, markeredgewidth=1.6, label="failure", zorder=5)


def _is_failure(record: Record) -> bool:
    return isinstance(record, TrialFailed) or (isinstance(record, TrialEvicted) and record.reason != INTERRUPTED)

"""The way of trials through two parameters as a moving picture, with a metric beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poptune.plots.curves import draw_objective
from poptune.plots.guide import Objective, Plane
from poptune.plots.scales import Array
from poptune.plots.style import GREY, INK, NORMAL, PAGE, Source, colours, faintness, history_of, new_figure
from poptune.plots.trails import clones, mark_lonely, metric_of, own, with_gaps
from poptune.run.history import History

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_FRAME_MS = 200
_JUMP_FRAMES = 5  # how long one sees where a clone came from


def animation(
    source: Source,
    x: str,
    y: str,
    *,
    metric: str | None = None,
    objective: Objective | None = None,
    frames: int = 100,
    width: float = PAGE,
) -> FuncAnimation:
    """Return an animation: the trials on their way through two parameters, and a metric beside them.

    `plots.animation(results, "a", "b").save("run.gif", writer="pillow")` writes it to a file; in a notebook,
    `HTML(animation.to_jshtml())` shows it with a slider. A dashed line shows where a new clone came from.

    Args:
        source: The results of a run, its directory, or a history of it.
        x: A reported metric or a hyperparameter, nested names joined by `/`.
        y: Another one.
        metric: What is drawn beside them over iterations; by default the run's own metric.
        objective: What is wanted at a point `(x, y)`, if that is known: contours in the background.
        frames: At most so many, evenly spread over the iterations; each stays 0.2 s.
        width: Of the figure, in inches.

    Raises:
        MissingExtra: matplotlib is not installed.
        OptionError: There is no metric or hyperparameter of that name.
        StorageError: The source is not the directory of a PopTune run.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.animation(results, "speed", "height", frames=3).save(f"{folder}/run.gif", writer="pillow")
    """
    figure = new_figure("plots.animation", width, 0.45 * width)
    from matplotlib.animation import FuncAnimation

    history = history_of(source, x, y, *([metric] if metric else []))
    plane = Plane.of(history, x, y)
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    plane.dress(left, objective)
    draw_objective(right, history, metric_of(history, metric))
    last = max((stint.last for stint in history.stints), default=0)
    title = left.set_title(f"iteration {last}", loc="left", fontsize=NORMAL + 1, color=INK)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # or everything would tremble
    times = np.unique(np.linspace(min(1, last), last, max(1, min(frames, last))).round().astype(int))
    travellers = [_Traveller.on(left, right, history, plane, trial) for trial in history.trials]

    def show(time: int) -> Sequence[Line2D]:
        title.set_text(f"iteration {time}")
        fresh = _JUMP_FRAMES * last / max(len(times), 1)
        return [line for traveller in travellers for line in traveller.show(time, fresh)]

    return FuncAnimation(figure, show, frames=[int(time) for time in times], interval=_FRAME_MS, cache_frame_data=False)


@dataclass(frozen=True)
class _Traveller:
    """A trial in the animation: its way so far, where it is, where it came from as a clone, and its metric so far.

    Attributes:
        times: The iteration of each point of its way.
        way: Its points: x and y.
        jumps: Of each time it became a clone: the iteration, and the two ends of the jump.
        metric: Iterations and values of the metric.
        lines: Way, jump, place and metric, as drawn.
    """

    times: Array
    way: tuple[Array, Array]
    jumps: tuple[tuple[int, Array, Array], ...]
    metric: tuple[Array, Array]
    lines: tuple[Line2D, Line2D, Line2D, Line2D]

    @classmethod
    def on(cls, left: Axes, right: Axes, history: History, plane: Plane, trial: str) -> _Traveller:
        """Return the traveller of a trial, whose metric has been drawn already."""
        color, stints = colours(history)[trial], history.by_trial[trial]
        many: dict[str, Any] = {"alpha": faintness(len(history.trials)) if color == GREY else 0.9}
        (path,) = left.plot([], [], color=color, linewidth=1, **many)
        (jump,) = left.plot([], [], color=color, linewidth=1, linestyle=(0, (4, 2)), gid="jump")
        (place,) = left.plot([], [], color=color, marker="o", markersize=6, markeredgecolor="white", gid=trial, **many)
        curve = next(line for line in right.get_lines() if line.get_gid() == trial)
        times, x = with_gaps((np.array(stint.iterations, float), own(stint, plane.way(stint)[0])) for stint in stints)
        _, y = with_gaps((np.array(stint.iterations, float), own(stint, plane.way(stint)[1])) for stint in stints)
        jumps = tuple(
            (after.start, np.array([a[-1], b[0]]), np.array([c[-1], d[0]]))
            for before, after in clones(history)
            if after.trial == trial and before.iterations
            for (a, c), (b, d) in [(plane.way(before), plane.way(after))]
        )
        data = np.asarray(curve.get_xdata(), float), np.asarray(curve.get_ydata(), float)
        return cls(times, (x, y), jumps, data, (path, jump, place, curve))

    def show(self, time: int, fresh: float) -> tuple[Line2D, ...]:
        """Show the trial as it was after an iteration, with jumps that are no older than `fresh` iterations."""
        path, jump, place, curve = self.lines
        seen = ~(self.times > time)  # gaps have no iteration, and stay gaps
        x, y = (column[seen] for column in self.way)
        path.set_data(x, y)
        here = np.flatnonzero(np.isfinite(x) & np.isfinite(y))[-1:]
        place.set_data(x[here], y[here])
        jumped = [(x, y) for start, x, y in self.jumps if start <= time <= start + fresh]
        jump.set_data(*(jumped[-1] if jumped else (x[:0], y[:0])))
        iterations, values = self.metric
        reached = ~(iterations > time)
        curve.set_data(iterations[reached], values[reached])
        mark_lonely(curve)
        return self.lines

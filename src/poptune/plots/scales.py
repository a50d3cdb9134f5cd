"""Where values lie on an axis: numbers on a scale like that of their domain, anything else in lanes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from poptune.core.domains import Categorical, Domain, Float, Integer
from poptune.core.nested import MISSING, lookup
from poptune.core.safe_text import masked_value
from poptune.core.values import brief, is_number
from poptune.errors import OptionError
from poptune.plots.style import MUTED, SMALL, shown
from poptune.run.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]

_LOG_FROM = 30.0  # without a domain that says so, values that are so many times apart are on a logarithmic scale
_MARGIN = 0.06  # between what lies outermost and the end of the axis
_MOST_LANES = 12  # so many have their names beside them
_LONGEST_VALUE = 16
_LETTER = 0.6  # width of a letter per size of its text
_DIGITS_IN_SUM = 5  # matplotlib writes ticks of more digits as a sum
_BEYOND = 1e150  # a value that no axis can show


@dataclass(frozen=True)
class Scale:
    """How the values of one hyperparameter lie on an axis.

    Attributes:
        name: The name of the hyperparameter.
        is_log: Whether the axis is logarithmic.
        limits: Where the axis begins and ends: beyond all values and bounds.
        bounds: Where its domain ends, if it ends.
        lanes: Its values as texts, in order, if they are no finite numbers; a value lies where its text is.

    >>> Scale.of("act", ["relu", "tanh", "relu"]).place("tanh")
    1.0
    >>> Scale.of("lr", [0.1, 0.001]).is_log, Scale.of("clip", [0.1, None]).lanes
    (True, ('0.1', 'None'))
    """

    name: str
    is_log: bool
    limits: tuple[float, float]
    bounds: tuple[float, float] | None = None
    lanes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, values: Iterable[Any], domain: Domain | Sequence[Any] | None = None) -> Scale:
        """Return the scale for the values that a hyperparameter had.

        Args:
            name: Its name, which tells whether values are secrets.
            values: What it was; `MISSING` where a config did not have it.
            domain: What it may be, if that is known.
        """
        values = [value for value in values if value is not MISSING]
        choices = _choices(domain)
        has_place = is_number if isinstance(domain, (Float, Integer)) else _has_place  # a range is no list of lanes
        if not all(map(has_place, [*values, *choices])):
            lanes = tuple(dict.fromkeys(_text(name, value) for value in (*choices, *values)))
            return cls(name, False, (-0.5, len(lanes) - 0.5), lanes=lanes)
        bounds = _bounds(domain, choices)
        found = [*_known(values), *(bounds or ())]
        low, high = min(found, default=0.0), max(found, default=1.0)
        wants_log = getattr(domain, "log", low > 0 and high / low >= _LOG_FROM)
        return cls(name, low > 0 and wants_log, _limits(low, high, is_log=low > 0 and wants_log), bounds)

    @classmethod
    def in_run(cls, history: History, name: str) -> Scale:
        """Return the scale for all values that a hyperparameter had in a run."""
        return cls.of(name, [lookup(stint.config, name) for stint in history.stints], history.domains.get(name))

    @classmethod
    def of_metric(cls, name: str, values: Iterable[float]) -> Scale:
        """Return the scale for the values of a metric, which is never logarithmic."""
        found = _known(values)
        return cls(name, False, _limits(min(found, default=0.0), max(found, default=1.0), is_log=False))

    def place(self, value: Any) -> float:
        """Return where a value lies on the axis; NaN if it has no place there."""
        if self.lanes:
            text = _text(self.name, value)
            return float(self.lanes.index(text)) if text in self.lanes else math.nan
        return _number(value)

    def dress(self, axes: Axes, side: Literal["x", "y"] = "y") -> None:
        """Give one side of axes this scale, with the lanes' names beside it."""
        axis = axes.yaxis if side == "y" else axes.xaxis
        if self.is_log:
            make_logarithmic(axes, side, self.limits)
        if self.lanes:
            every = math.ceil(len(self.lanes) / _MOST_LANES)
            names = [shown(lane, _LONGEST_VALUE) for lane in self.lanes[::every]]
            axis.set_ticks(range(0, len(self.lanes), every), names)
            if side == "x" and _texts_beside(axes, max(map(len, names))) < len(names):
                axis.set_tick_params(labelrotation=90)
        elif side == "x" and not self.is_log:
            _write_in_full(axes, *self.limits)
        axes.set(**{f"{side}lim": self.limits})


def make_logarithmic(axes: Axes, side: Literal["x", "y"], limits: tuple[float, float]) -> None:
    """Give one side of axes a logarithmic scale, with a few round numbers."""
    axis = axes.yaxis if side == "y" else axes.xaxis
    axes.set(**{f"{side}scale": "log", f"{side}lim": limits})
    ticks = log_ticks(*limits)
    axis.set_ticks([], minor=True)
    axis.set_ticks(ticks, [f"{tick:.3g}" for tick in ticks])


def _write_in_full(axes: Axes, low: float, high: float) -> None:
    """Let ticks of the x axis say numbers in full where a sum or a factor beside them would lie on the axis' name."""
    digits = digits_of(low, high, 3)
    if digits <= _DIGITS_IN_SUM and 1e-3 <= max(abs(low), abs(high)) < 1e5:
        return
    from matplotlib.ticker import MaxNLocator

    longest = max(len(f"{end:.{digits}g}") for end in (low, high))
    axes.xaxis.set_major_locator(MaxNLocator(max(1, min(5, _texts_beside(axes, longest) - 1))))
    axes.xaxis.set_major_formatter(f"{{x:.{digits}g}}")


def _texts_beside(axes: Axes, letters: int) -> int:
    """Return how many texts of so many letters axes have room for below them, side by side."""
    inches = axes.get_window_extent().width / axes.figure.dpi
    return int(inches * 72 / (SMALL * _LETTER * (letters + 1)))


def focus(axes: Axes, *, log: bool = False) -> None:
    """Give axes with lines limits that show most of them; of a few values far away it is only said that they are.

    Args:
        axes: Their lines whose group id is "best" always stay within.
        log: Whether the axis of the values is to be logarithmic.

    Raises:
        OptionError: It is to be logarithmic, and a value is not above 0.
    """
    best, values = _drawn(axes, is_best=True), _drawn(axes, is_best=False)
    if log and len(values):
        if values.min() <= 0:
            raise OptionError(f"A value is {values.min():.4g}, so the axis cannot be logarithmic. Leave out log=True.")
        make_logarithmic(axes, "y", _limits(values.min(), values.max(), is_log=True))
    elif len(values) > 1:
        _leave_out(axes, values, best)


def _leave_out(axes: Axes, values: Array, best: Array) -> None:
    low, high = np.quantile(values, [0.02, 0.98])
    room = 0.6 * (high - low)
    low = min([max(values.min(), low - room), *best])
    high = max([min(values.max(), high + room), *best])
    if high - low >= 0.25 * (values.max() - values.min()):
        return
    axes.set_ylim(*_limits(low, high, is_log=False))
    outside = np.count_nonzero((values < low) | (values > high))
    text = f"{outside} of {len(values)} values lie outside: from {values.min():.3g} to {values.max():.3g}"
    is_above = values.max() - high > low - values.min()
    edge: dict[str, Any] = {"y": 0.985, "va": "top"} if is_above else {"y": 0.015, "va": "bottom"}
    axes.text(0.99, s=text, ha="right", transform=axes.transAxes, fontsize=6.5, color=MUTED, zorder=5, **edge)


def _drawn(axes: Axes, *, is_best: bool) -> Array:
    lines = [line for line in axes.get_lines() if (line.get_gid() == "best") == is_best]
    values: Array = np.concatenate([np.zeros(0), *(np.asarray(line.get_ydata(), float) for line in lines)])
    return values[np.isfinite(values)]


def drawable(values: Iterable[float]) -> Array:
    """Return values as an array, with NaN for what no axis can show."""
    found = np.array(list(values), float)
    found[~(np.abs(found) < _BEYOND)] = math.nan
    return found


def digits_of(low: float, high: float, least: int) -> int:
    """Return how many significant digits tell the values of a range apart, where `least` would do from 0 on.

    >>> digits_of(0.0, 0.9, 3), digits_of(0.9990, 0.9999, 3), digits_of(1e6, 1e6 + 1, 3)
    (3, 6, 9)
    """
    size, spread = max(abs(low), abs(high)), high - low
    return min(17, least + max(0, math.floor(math.log10(size / spread)))) if 0 < spread < math.inf else least


def log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers for a logarithmic axis, some two to five.

    >>> log_ticks(0.004, 0.12), log_ticks(1e-6, 1e-2), log_ticks(15, 600)
    ([0.005, 0.01, 0.02, 0.05, 0.1], [1e-06, 1e-05, 0.0001, 0.001, 0.01], [20.0, 50.0, 100.0, 200.0, 500.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{digit}e{power}") for power in decades for digit in digits]
        within = [tick for tick in found if low <= tick <= high]
        if len(within) <= most:
            return within if len(within) > 1 else [low, high]
    return within[:: math.ceil(len(within) / most)]


def _limits(low: float, high: float, *, is_log: bool) -> tuple[float, float]:
    if is_log:
        part = (high / low) ** _MARGIN if high > low else 2.0
        return low / part, high * part
    room = _MARGIN * (high - low) if high > low else max(abs(high) / 2, 0.5)
    return low - room, high + room


def _number(value: Any) -> float:
    try:
        number = float(value) if is_number(value) else math.nan
    except OverflowError:  # an integer beyond all floats
        return math.nan
    return number if abs(number) < _BEYOND else math.nan


def _has_place(value: Any) -> bool:
    return not math.isnan(_number(value))


def _known(values: Iterable[Any]) -> list[float]:
    return [_number(value) for value in values if _has_place(value)]


def _text(name: str, value: Any) -> str:
    return str(value) if value is None else brief(masked_value(name, value))


def _choices(domain: Domain | Sequence[Any] | None) -> Sequence[Any]:
    if isinstance(domain, Categorical):
        return domain.categories
    return () if domain is None or isinstance(domain, Domain) else domain


def _bounds(domain: Domain | Sequence[Any] | None, choices: Sequence[Any]) -> tuple[float, float] | None:
    ends = (_number(min(choices)), _number(max(choices))) if choices else _ends(domain)
    return ends if ends and all(map(math.isfinite, ends)) else None


def _ends(domain: Any) -> tuple[float, float] | None:
    if isinstance(domain, Integer):
        return _number(domain.first), _number(domain.last)
    return (_number(domain.lower), _number(domain.upper)) if isinstance(domain, Float) else None

"""Where values of a hyperparameter lie on an axis: numbers on a scale like their domain's, anything else in lanes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from poptune.core.domains import Categorical, Domain, Float, Integer
from poptune.core.nested import MISSING, Config, lookup
from poptune.core.safe_text import masked_value
from poptune.core.values import brief, is_number
from poptune.plots.style import shown
from poptune.run.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOG_FROM = 30.0  # without a domain that says so, values that are so many times apart are on a logarithmic scale
_MOST_LANES = 12  # so many have their names beside them
_LONGEST_VALUE = 16


@dataclass(frozen=True)
class Scale:
    """How the values of one hyperparameter lie on an axis.

    Attributes:
        is_log: Whether the axis is logarithmic.
        bounds: Where its domain ends, if it ends.
        lanes: Its values as texts, in order, if they are no numbers; a value lies where its text is.

    >>> Scale.of("act", ["relu", "tanh", "relu"]).place("tanh")
    1.0
    >>> Scale.of("lr", [0.1, 0.001]).is_log, Scale.of("lr", [0.1, None]).place(None)
    (True, nan)
    """

    name: str
    is_log: bool
    bounds: tuple[float, float] | None
    lanes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, values: Iterable[Any], domain: Domain | Sequence[Any] | None = None) -> Scale:
        """Return the scale for the values that a hyperparameter had.

        Args:
            name: Its name, which tells whether values are secrets.
            values: What it was; None where a config did not have it.
            domain: What it may be, if that is known.
        """
        values = [value for value in values if value is not None]
        choices = _choices(domain)
        if not all(map(is_number, [*values, *choices])):
            return cls(name, False, None, tuple(dict.fromkeys(_text(name, value) for value in (*choices, *values))))
        numbers = [number for number in map(_number, [*values, *choices]) if math.isfinite(number)]
        bounds = _bounds(domain, choices)
        wants_log = getattr(domain, "log", None)
        if wants_log is None:
            wants_log = bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= _LOG_FROM
        return cls(name, bool(wants_log) and min([*numbers, *(bounds or ())], default=1.0) > 0, bounds)

    @classmethod
    def in_run(cls, history: History, name: str) -> Scale:
        """Return the scale for all values that a hyperparameter had in a run."""
        return cls.of(name, [value_in(stint.config, name) for stint in history.stints], history.domains.get(name))

    def place(self, value: Any) -> float:
        """Return where a value lies on the axis; NaN if it has no place there."""
        if self.lanes:
            text = _text(self.name, value)
            return float(self.lanes.index(text)) if text in self.lanes else math.nan
        return _number(value)

    def dress(self, axes: Axes, side: Literal["x", "y"] = "y") -> None:
        """Give one side of axes this scale, with the lanes' names beside it."""
        if self.is_log:
            axes.set(**{f"{side}scale": "log"})
        if self.lanes:
            every = math.ceil(len(self.lanes) / _MOST_LANES)
            axis = axes.yaxis if side == "y" else axes.xaxis
            axis.set_ticks(range(0, len(self.lanes), every), [shown(lane) for lane in self.lanes[::every]])
            axes.set(**{f"{side}lim": (-0.5, len(self.lanes) - 0.5)})


def value_in(config: Config, name: str) -> Any:
    """Return a hyperparameter of a config, nested names joined by `/`; None if the config has none.

    >>> value_in({"optimizer": {"betas": (0.9, 0.99)}}, "optimizer/betas/1")
    0.99
    """
    value = lookup(config, name)
    return None if value is MISSING else value


def _number(value: Any) -> float:
    try:
        number = float(value) if is_number(value) else math.nan
    except OverflowError:  # an integer beyond all floats
        return math.nan
    return number if math.isfinite(number) else math.nan


def _text(name: str, value: Any) -> str:
    return brief(masked_value(name, value), _LONGEST_VALUE)


def _choices(domain: Domain | Sequence[Any] | None) -> Sequence[Any]:
    if isinstance(domain, Categorical):
        return domain.categories
    return () if domain is None or isinstance(domain, Domain) else domain


def _bounds(domain: Domain | Sequence[Any] | None, choices: Sequence[Any]) -> tuple[float, float] | None:
    ends = (_number(min(choices)), _number(max(choices))) if choices else _ends(domain)
    return ends if ends and all(map(math.isfinite, ends)) else None


def _ends(domain: Any) -> tuple[float, float] | None:
    if isinstance(domain, Integer):
        return float(domain.first), float(domain.last)
    return (domain.lower, domain.upper) if isinstance(domain, Float) else None

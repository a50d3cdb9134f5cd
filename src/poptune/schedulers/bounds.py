"""Bounds of hyperparameters: the numbers that PB2 chooses from, and where between the bounds a number lies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poptune.core.domains import LARGEST_INTEGER, Domain, Float, Integer
from poptune.core.nested import Config, Path, lookup, with_value
from poptune.core.space import is_grid_search
from poptune.core.values import is_number, plain
from poptune.errors import SpaceError, UsageError

Interval = Float | Integer


@dataclass(frozen=True, slots=True)
class Bound:
    """One hyperparameter and what its values may be, which can depend on the value that a trial has.

    Attributes:
        path: Where it stands in a config.
        first: Values for a trial that has no number there.
        whole: Values for one that has an int.
        real: Values for one that has a float; says how the numbers are spread.
    """

    path: Path
    first: Interval
    whole: Interval
    real: Interval

    def value(self, config: Mapping[str, Any]) -> Any:
        """Return the value that a config has, MISSING if it has none."""
        return plain(lookup(config, "/".join(self.path)))

    def interval(self, config: Mapping[str, Any]) -> Interval:
        """Return the values that a trial with this config may get."""
        old = self.value(config)
        if not is_number(old):
            return self.first
        return self.whole if isinstance(old, int) else self.real

    def place(self, value: float) -> float:
        """Return where a number lies: 0 is the lower bound or less, 1 the upper one or more.

        >>> from poptune.core.space import loguniform
        >>> bound, = bounds_of({"lr": loguniform(0.01, 1)})
        >>> bound.place(0.1), bound.place(7)
        (0.5, 1.0)
        """
        low, high = self.real.lower, self.real.last if isinstance(self.real, Integer) else self.real.upper
        value = min(max(value, low), high)
        return between(*map(math.log, (low, value, high))) if self.real.log else between(low, value, high)


def between(low: float, value: float, high: float) -> float:
    """Return how far a number is on the way from `low` to `high`, in [0, 1].

    >>> between(-1e308, 0, 1e308), between(3, 3, 3), between(0, float("inf"), 1)
    (0.5, 0.0, 1.0)
    """
    way = high / 2 - low / 2  # half of it cannot overflow
    return (min(max(low, value), high) / 2 - low / 2) / way if way else 0.0


def places_in(config: Mapping[str, Any], bounds: Sequence[Bound]) -> list[float]:
    """Return where the values of a config lie between the bounds; nothing if one of them is no number.

    >>> places_in({"h0": 1.0, "h1": 0.25}, bounds_of({"h0": [0.0, 2.0], "h1": [0.0, 1.0]}))
    [0.5, 0.25]
    """
    values = [bound.value(config) for bound in bounds]
    if not all(is_number(value) and value == value for value in values):  # NaN is not equal to itself
        return []
    return [bound.place(value) for bound, value in zip(bounds, values, strict=True)]


def bounds_of(hyperparam_bounds: Mapping[str, Any] | None) -> tuple[Bound, ...]:
    """Return the bounds in a nested dictionary.

    Raises:
        TypeError: It is no dictionary.
        UsageError: There are none.
        SpaceError: One is neither a pair nor a domain with bounds, or a lower bound is above its upper one.

    >>> bounds_of({"net": {"width": [8, 64]}})[0].first
    randint(8, 65)
    >>> bounds_of({"lr": [0.1, 0.01]})
    Traceback (most recent call last):
    poptune.errors.SpaceError: hyperparam_bounds['lr']: the lower bound 0.1 is above the upper bound 0.01.
    """
    if hyperparam_bounds is not None and not isinstance(hyperparam_bounds, Mapping):
        raise TypeError(f"hyperparam_bounds must be a dict, not {type(hyperparam_bounds).__name__}.")
    if not hyperparam_bounds:
        raise UsageError(
            'PB2 needs hyperparam_bounds, such as {"lr": tune.loguniform(1e-4, 1e-1), "gamma": [0.9, 1.0]}.'
        )
    return tuple(_bounds(hyperparam_bounds, ()))


def first_values(bounds: Sequence[Bound]) -> Config:
    """Return, nested like a config, where the first values are drawn from."""
    tree: Config = {}
    for bound in bounds:
        tree = with_value(tree, bound.path, bound.first)
    return tree


def _bounds(tree: Mapping[Any, Any], prefix: Path) -> Iterator[Bound]:
    for key, value in tree.items():
        if not isinstance(key, str):
            raise SpaceError(f"hyperparam_bounds: the key {key!r} must be a string.")
        path = (*prefix, key)
        name = f"hyperparam_bounds[{'/'.join(path)!r}]"
        if isinstance(value, Interval):
            yield Bound(path, value, value, value)
        elif isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value)):
            yield _pair(path, name, *map(plain, value))
        elif isinstance(value, Mapping) and value and not is_grid_search(value):
            yield from _bounds(value, path)
        else:
            raise SpaceError(f"{name} must be {_WANTED}, not {_shown(value)}.")


def _pair(path: Path, name: str, low: float, high: float) -> Bound:
    if not (abs(low) < math.inf and abs(high) < math.inf):
        raise SpaceError(f"{name}: both bounds must be finite, not {low!r} and {high!r}.")
    if low > high:
        raise SpaceError(f"{name}: the lower bound {low!r} is above the upper bound {high!r}.")
    real, whole = Float(low, high), _whole(low, high)
    is_whole = isinstance(low, int) and isinstance(high, int)
    if whole is None or not (is_whole or whole.last > whole.lower):
        return Bound(path, real, real, real)
    return Bound(path, whole if is_whole else real, whole, real)


def _whole(low: float, high: float) -> Integer | None:
    """Return the integers between two bounds, None if there are none that could be drawn."""
    first, last = math.ceil(low), math.floor(high)
    return Integer(first, last + 1) if -LARGEST_INTEGER <= first <= last < LARGEST_INTEGER else None


_WANTED = "a pair [low, high] or one of tune.uniform, loguniform, randint, lograndint and their q forms"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (Domain, list, tuple, dict)) else f"{type(value).__name__} {value!r}"

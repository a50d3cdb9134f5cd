"""Domains: the values that a hyperparameter may take, and how to draw, recognise and approach them.

A domain is a frozen record. It draws values, tells whether a value belongs to it, and moves a stray value to the
nearest one that does. Values are plain Python numbers, never NumPy scalars, so that a config can be written as JSON.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Any

from poptune.core.values import is_number, plain, same, without_addresses
from poptune.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np

LARGEST_INTEGER = 2**63 - 1  # what a NumPy generator can draw


class Domain(ABC):
    """The values that a hyperparameter may take, with a distribution over them."""

    __slots__ = ()

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """Return one value as a plain Python object."""

    @abstractmethod
    def contains(self, x: Any) -> bool:
        """Whether `x` has the right type, lies within the bounds and on the grid."""

    @abstractmethod
    def is_valid(self, x: Any) -> bool:
        """Whether `x` lies within the bounds, both included. As in Ray Tune, the grid does not matter."""

    @abstractmethod
    def clip(self, x: Any) -> Any:
        """Return the nearest value that the domain contains.

        Raises:
            SpaceError: No value of the domain is near to `x`, as for a string in an interval.
        """

    def cast(self, value: Any) -> Any:
        """Return `value` in the type of the domain."""
        return value

    def sample(self, config: Mapping[str, Any] | None = None, size: int = 1, random_state: Any = None) -> Any:
        """Return one value, or a list of `size` values if `size` is above 1.

        Args:
            config: Not needed by a domain; accepted because Ray Tune passes it.
            size: How many values.
            random_state: None for fresh entropy, an int seed, a NumPy `Generator` or a `RandomState`. The
                global generator of NumPy is never used.

        >>> from poptune.core.space import uniform
        >>> uniform(0, 1).sample(random_state=1) == uniform(0, 1).sample(random_state=1)
        True
        >>> from poptune.core.space import randint
        >>> len(randint(0, 10).sample(size=3))
        3
        """
        rng = _generator(random_state)
        return self.draw(rng) if size == 1 else [self.draw(rng) for _ in range(size)]


@dataclass(frozen=True, slots=True, repr=False)
class Float(Domain):
    """Real numbers in [lower, upper], evenly spread, or evenly spread in their logarithm.

    Attributes:
        lower: Smallest value.
        upper: Largest value.
        q: Values are multiples of this; None for all real numbers.
        log: Whether the logarithm is evenly spread.
    """

    lower: float
    upper: float
    q: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        lower, upper = (_finite(self, name, getattr(self, name)) for name in ("lower", "upper"))
        if lower > upper and not self.log and self.q is None:
            lower, upper = upper, lower  # Ray Tune draws from uniform(1e-2, 1e-5) as well
        _check_order(self, lower, upper, lower <= upper)
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        if self.q is not None:
            object.__setattr__(self, "q", _positive_step(self, self.q))
            _check_divisible(self, self.q)

    def draw(self, rng: np.random.Generator) -> float:
        """Return a value; with `q` a real number is drawn and then rounded to the grid, as in Ray Tune."""
        low, high = (math.log(self.lower), math.log(self.upper)) if self.log else (self.lower, self.upper)
        part = float(rng.random())
        x = low * (1 - part) + high * part  # unlike low + part * (high - low), this cannot overflow
        return self.clip(math.exp(x) if self.log else x)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a number within the bounds and on the grid; an int counts as a real number.

        >>> from poptune.core.space import quniform
        >>> quniform(0, 1, 0.1).contains(0.3), quniform(0, 1, 0.1).contains(0.35)
        (True, False)
        """
        return self.is_valid(x) and _is_multiple(x, self.q)

    def is_valid(self, x: Any) -> bool:
        """Whether `x` is a number with `lower <= x <= upper`."""
        return is_number(x) and self.lower <= x <= self.upper

    def clip(self, x: Any) -> float:
        """Return the nearest number within the bounds and on the grid.

        >>> from poptune.core.space import quniform, uniform
        >>> uniform(0, 1).clip(1.14), quniform(0, 1, 0.25).clip(0.4)
        (1.0, 0.5)
        """
        within = float(min(max(_comparable(self, x), self.lower), self.upper))
        return within if self.q is None else min(max(_nearest_multiple(within, self.q), self.lower), self.upper)

    def cast(self, value: Any) -> float:
        """Return `value` as a float."""
        return float(value)

    def __repr__(self) -> str:
        name = f"{'q' * (self.q is not None)}{'log' * self.log}uniform"
        return call_text(name, self.lower, self.upper, *_given(self.q))


@dataclass(frozen=True, slots=True, repr=False)
class Integer(Domain):
    """Integers from `lower` up to `upper`, evenly spread, or evenly spread in their logarithm.

    Attributes:
        lower: Beginning of the range: no value is smaller.
        upper: End of the range: no value is larger and, if `q` is 1, none is equal, as in Ray Tune.
        q: Values are multiples of this; the bounds need not be.
        log: Whether the logarithm is evenly spread.
    """

    lower: int
    upper: int
    q: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "q"):
            object.__setattr__(self, name, _integer(self, name, getattr(self, name)))
        if self.q < 1:
            raise SpaceError(f"{self!r}: q must be a positive integer, not {self.q}.")
        _check_order(self, self.lower, self.upper, self.lower < self.upper)
        if self.first > self.last:
            raise SpaceError(f"{self!r}: there is no multiple of q={self.q} from {self.lower} to {self.upper}.")

    @property
    def first(self) -> int:
        """The smallest value.

        >>> from poptune.core.space import qrandint
        >>> qrandint(1, 100, 10).first
        10
        """
        return -(-self.lower // self.q) * self.q

    @property
    def last(self) -> int:
        """The largest value.

        >>> from poptune.core.space import qrandint, randint
        >>> randint(0, 10).last, qrandint(0, 10, 5).last, qrandint(0, 10, 4).last
        (9, 10, 8)
        """
        return self.upper - 1 if self.q == 1 else self.upper // self.q * self.q

    def draw(self, rng: np.random.Generator) -> int:
        """Return a value; a logarithmic one is drawn as a real number first and rounded to the grid then."""
        if not self.log:
            return int(rng.integers(self.first // self.q, self.last // self.q, endpoint=True)) * self.q
        low, high = math.log(self.first), math.log(self.upper if self.q == 1 else self.last)
        x = math.exp(low + (high - low) * float(rng.random()))
        return self.clip(math.floor(x) if self.q == 1 else x)

    def contains(self, x: Any) -> bool:
        """Whether `x` is an integer in the range and on the grid.

        >>> from poptune.core.space import randint
        >>> randint(32, 256).contains(255), randint(32, 256).contains(256), randint(32, 256).contains(64.0)
        (True, False, False)
        """
        return is_number(x) and isinstance(x, Integral) and self.lower <= int(x) <= self.last and int(x) % self.q == 0

    def is_valid(self, x: Any) -> bool:
        """Whether `x` is a number with `lower <= x <= upper`."""
        return is_number(x) and self.lower <= x <= self.upper

    def clip(self, x: Any) -> int:
        """Return the nearest integer in the range and on the grid.

        >>> from poptune.core.space import qrandint, randint
        >>> randint(32, 256).clip(300), qrandint(8, 64, 8).clip(19.2)
        (255, 16)
        """
        within = min(max(_comparable(self, x), self.first), self.last)
        return round(within) if self.q == 1 else round(Fraction(within) / self.q) * self.q

    def cast(self, value: Any) -> int:
        """Return `value` as an int."""
        return int(value)

    def __repr__(self) -> str:
        name = f"{'q' * (self.q != 1)}{'log' * self.log}randint"
        return call_text(name, self.lower, self.upper, *_given(self.q if self.q != 1 else None))


@dataclass(frozen=True, slots=True, repr=False)
class Normal(Domain):
    """Real numbers around a mean, without bounds.

    Attributes:
        mean: Centre.
        sd: Standard deviation; 0 gives the mean itself.
        q: Values are multiples of this; None for all real numbers.
    """

    mean: float = 0.0
    sd: float = 1.0
    q: float | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "sd"):
            object.__setattr__(self, name, _finite(self, name, getattr(self, name)))
        if self.sd < 0:
            raise SpaceError(f"{self!r}: sd must not be negative.")
        if self.q is not None:
            object.__setattr__(self, "q", _positive_step(self, self.q))

    @property
    def lower(self) -> float:
        """Minus infinity: there is no bound."""
        return -math.inf

    @property
    def upper(self) -> float:
        """Infinity: there is no bound."""
        return math.inf

    def draw(self, rng: np.random.Generator) -> float:
        """Return a value."""
        return self.clip(float(rng.normal(self.mean, self.sd)))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a finite number on the grid."""
        return is_number(x) and math.isfinite(x) and _is_multiple(x, self.q)

    def is_valid(self, x: Any) -> bool:
        """Whether `x` is a number."""
        return is_number(x)

    def clip(self, x: Any) -> float:
        """Return the nearest number on the grid.

        >>> from poptune.core.space import qrandn
        >>> qrandn(0, 1, 0.2).clip(0.33)
        0.4
        """
        x = _comparable(self, x)
        if not math.isfinite(x):
            raise SpaceError(f"{self!r} has no value near {x!r}.")
        return float(x) if self.q is None else _nearest_multiple(x, self.q)

    def cast(self, value: Any) -> float:
        """Return `value` as a float."""
        return float(value)

    def __repr__(self) -> str:
        return call_text("randn" if self.q is None else "qrandn", self.mean, self.sd, *_given(self.q))


@dataclass(frozen=True, slots=True, repr=False)
class Categorical(Domain):
    """One of some given values, all equally likely.

    Attributes:
        categories: The values, in the order given.
    """

    categories: tuple[Any, ...]

    def __post_init__(self) -> None:
        given = self.categories
        if isinstance(given, (str, bytes, set, frozenset, Mapping)) or not isinstance(given, Iterable):
            raise SpaceError(f"choice needs a list of values, not {type(given).__name__} {given!r}.")
        categories = tuple(plain(value) for value in given)
        if not categories:
            raise SpaceError("choice needs at least one value, but the list is empty.")
        object.__setattr__(self, "categories", categories)

    @property
    def is_numeric(self) -> bool:
        """Whether all categories are numbers."""
        return all(is_number(category) for category in self.categories)

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one of the categories."""
        return self.categories[int(rng.integers(len(self.categories)))]

    def contains(self, x: Any) -> bool:
        """Whether `x` is one of the categories, apart from noise in the last digits of a float."""
        return any(same(x, category) for category in self.categories)

    def is_valid(self, x: Any) -> bool:
        """Whether `x` is one of the categories."""
        return self.contains(x)

    def clip(self, x: Any) -> Any:
        """Return the category that equals `x` or, if all are numbers, the nearest one.

        >>> from poptune.core.space import choice
        >>> choice([1, 10, 100]).clip(80)
        100
        """
        for category in self.categories:
            if same(x, category):
                return category
        if not (self.is_numeric and is_number(x)):
            raise SpaceError(f"{self!r} has no value near {x!r}.")
        x = _comparable(self, x)
        return min(self.categories, key=lambda category: abs(category - x))

    def __repr__(self) -> str:
        return call_text("choice", list(self.categories))


def _generator(random_state: Any) -> np.random.Generator:
    import numpy as np

    if isinstance(random_state, np.random.RandomState):
        random_state = int(random_state.randint(2**32, dtype=np.uint64))
    return np.random.default_rng(random_state)


def _is_multiple(x: Any, q: float | None) -> bool:
    if q is None:
        return True
    return math.isclose(x, _nearest_multiple(x, q), rel_tol=1e-9, abs_tol=1e-9 * q)


def _nearest_multiple(x: Any, q: float) -> float:
    """Return a multiple of `q` as one would write it down: 0.3, not 3 * 0.1 = 0.30000000000000004."""
    step = Fraction(repr(q))
    return float(round(Fraction(plain(x)) / step) * step)


def _comparable(domain: Domain, x: Any) -> Any:
    x = plain(x)
    if not is_number(x) or x != x:
        raise SpaceError(f"{domain!r} has no value near {x!r}.")
    return x


def _finite(domain: Domain, name: str, value: Any) -> float:
    if not is_number(value):
        raise SpaceError(f"{domain!r}: {name} must be a number, not {type(value).__name__}.")
    if not math.isfinite(value):
        raise SpaceError(f"{domain!r}: {name} must be finite.")
    return float(value)


def _integer(domain: Domain, name: str, value: Any) -> int:
    if not is_number(value) or value != value or math.isinf(value) or int(value) != value:
        raise SpaceError(f"{domain!r}: {name} must be an integer, not {type(value).__name__} {value!r}.")
    if abs(value) > LARGEST_INTEGER:
        raise SpaceError(f"{domain!r}: {name} must lie between -2**63 and 2**63.")
    return int(value)


def _check_order(domain: Float | Integer, lower: float, upper: float, in_order: bool) -> None:
    if not in_order:
        raise SpaceError(f"{domain!r}: lower must be below upper.")
    if domain.log and lower <= 0:
        raise SpaceError(
            f"{domain!r}: lower must be positive, because the logarithm of {lower!r} is not a number."
            " Give a small one, such as 1e-6, or take uniform."
        )


def _positive_step(domain: Domain, q: Any) -> float:
    step = _finite(domain, "q", q)
    if step <= 0:
        raise SpaceError(f"{domain!r}: q must be positive.")
    return step


def _check_divisible(domain: Float, q: float) -> None:
    for name in ("lower", "upper"):
        if not _is_multiple(getattr(domain, name), q):
            raise SpaceError(f"{domain!r}: {name} must be a multiple of q={q!r}.")


def _given(q: float | None) -> tuple[float, ...]:
    return () if q is None else (q,)


def call_text(name: str, *args: Any) -> str:
    """Return the call that describes a domain, as one would write it."""
    return f"{name}({', '.join(without_addresses(repr(arg)) for arg in args)})"

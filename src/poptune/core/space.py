"""The search space under Ray Tune's names: each function describes one distribution of a hyperparameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from poptune.core.domains import Categorical, Domain, Float, Integer, Normal, call_text
from poptune.core.nested import ATOMS, items_of
from poptune.core.values import accepts, plain
from poptune.errors import SpaceError


@dataclass(frozen=True, slots=True, repr=False)
class SampleFrom:
    """A value computed from the rest of the config when a trial is created. Mutations cannot use it.

    Attributes:
        func: Takes the config, or nothing.
    """

    func: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.func):
            raise SpaceError(f"sample_from needs a function, not {type(self.func).__name__} {self.func!r}.")
        if not (accepts(self.func) or accepts(self.func, None)):
            raise SpaceError(
                f"sample_from calls its function with the config or with nothing, but {self.func!r} needs "
                "other arguments. Write it as `lambda config: ...`."
            )

    def sample(self, config: Any = None) -> Any:
        """Return what the function makes of `config`.

        A function whose arguments all have defaults is called with nothing, so `lambda i=i: i` keeps its `i`.
        """
        return self.func() if accepts(self.func) else self.func(config)

    def __repr__(self) -> str:
        return call_text("sample_from", self.func)


def uniform(lower: float, upper: float) -> Float:
    """Return real numbers in [lower, upper], evenly spread. Swapped bounds are put in order, as in Ray Tune.

    Raises:
        SpaceError: A bound is not a finite number.

    >>> uniform(1e-2, 1e-5)
    uniform(1e-05, 0.01)
    """
    return Float(lower, upper)


def quniform(lower: float, upper: float, q: float) -> Float:
    """Return multiples of `q` in [lower, upper], evenly spread and rounded to the grid.

    Raises:
        SpaceError: `q` is not positive or does not divide both bounds; bounds are swapped or not finite.

    >>> quniform(0, 1, 0.1).contains(0.3)
    True
    """
    return Float(lower, upper, q)


def loguniform(lower: float, upper: float) -> Float:
    """Return real numbers in [lower, upper] whose logarithm is evenly spread.

    Raises:
        SpaceError: `lower` is not positive, or the bounds are swapped or not finite.

    >>> loguniform(1e-4, 1e-1)
    loguniform(0.0001, 0.1)
    """
    return Float(lower, upper, log=True)


def qloguniform(lower: float, upper: float, q: float) -> Float:
    """Return multiples of `q` in [lower, upper] whose logarithm is evenly spread before rounding to the grid.

    Raises:
        SpaceError: As for `quniform` and `loguniform`.

    >>> qloguniform(5e-3, 1e-1, 5e-4).clip(0.0171)
    0.017
    """
    return Float(lower, upper, q, log=True)


def randint(lower: int, upper: int) -> Integer:
    """Return integers from `lower` to `upper - 1`.

    Raises:
        SpaceError: A bound is not an integer, or `lower` is not below `upper`.

    >>> randint(0, 10).contains(10)
    False
    """
    return Integer(lower, upper)


def qrandint(lower: int, upper: int, q: int = 1) -> Integer:
    """Return multiples of `q` between `lower` and `upper`, both included; `upper` is no value if `q` is 1.

    As in Ray Tune, the bounds need not be multiples themselves.

    Raises:
        SpaceError: `q` is not a positive integer, or no multiple of it lies between the bounds, or as for `randint`.

    >>> sorted(set(qrandint(8, 32, 8).sample(size=200, random_state=0)))
    [8, 16, 24, 32]
    >>> sorted(set(qrandint(1, 50, 20).sample(size=200, random_state=0)))
    [20, 40]
    """
    return Integer(lower, upper, q)


def lograndint(lower: int, upper: int) -> Integer:
    """Return integers from `lower` to `upper - 1` whose logarithm is about evenly spread.

    Raises:
        SpaceError: `lower` is not positive, or as for `randint`.

    >>> lograndint(1, 1000)
    lograndint(1, 1000)
    """
    return Integer(lower, upper, log=True)


def qlograndint(lower: int, upper: int, q: int) -> Integer:
    """Return multiples of `q` as `qrandint` does, evenly spread in their logarithm before rounding.

    Raises:
        SpaceError: As for `qrandint` and `lograndint`.

    >>> qlograndint(16, 256, 16).clip(100)
    96
    """
    return Integer(lower, upper, q, log=True)


def randn(mean: float = 0.0, sd: float = 1.0) -> Normal:
    """Return real numbers of a normal distribution.

    Raises:
        SpaceError: `sd` is negative, or a number is not finite.

    >>> randn()
    randn(0.0, 1.0)
    """
    return Normal(mean, sd)


def qrandn(mean: float, sd: float, q: float) -> Normal:
    """Return numbers of a normal distribution, rounded to multiples of `q`.

    Raises:
        SpaceError: `q` is not positive, or as for `randn`.

    >>> qrandn(10, 2, 0.2)
    qrandn(10.0, 2.0, 0.2)
    """
    return Normal(mean, sd, q)


def choice(categories: Iterable[Any]) -> Categorical:
    """Return one of the given values, all equally likely.

    In a search space the values may hold domains and `sample_from`, which are drawn only where they are chosen:
    `choice([{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": uniform(0.5, 1)}])`. Mutations cannot use these.

    Raises:
        SpaceError: There is no value, or `categories` is a string, or a set: its order changes between runs.

    >>> choice(["relu", "tanh"])
    choice(['relu', 'tanh'])
    """
    return Categorical(categories)  # type: ignore[arg-type]


def sample_from(func: Callable[..., Any]) -> SampleFrom:
    """Return a value that `func` computes when a trial is created, from the values drawn before.

    Args:
        func: `func(config)`, `func()`, or with Ray Tune's older `func(spec)` that reads `spec.config["x"]`.

    Raises:
        SpaceError: `func` cannot be called in any of these ways.

    >>> sample_from(lambda config: 2 * config["width"]).sample({"width": 8})
    16
    """
    return SampleFrom(func)


def grid_search(values: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the mark for trying every value: each gets a trial of its own, crossed with all other grids.

    >>> grid_search([0.0, 1.0])
    {'grid_search': [0.0, 1.0]}
    """
    return {"grid_search": [plain(value) for value in values]}


def is_grid_search(value: Any) -> bool:
    """Whether `value` is what `grid_search` returns.

    >>> is_grid_search(grid_search([1, 2])), is_grid_search({"lr": 1})
    (True, False)
    """
    return isinstance(value, Mapping) and len(value) == 1 and "grid_search" in value


# Where in a search space something is: the keys of dictionaries, and the positions in lists and tuples.
Place = tuple[str | int, ...]


def unresolved(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield (place, node) of all domains, grids and `sample_from` in dictionaries, lists and tuples.

    >>> list(unresolved({"betas": (uniform(0, 1), 0.999), "seed": 3, "n": grid_search([1, 2])}))
    [(('betas', 0), uniform(0.0, 1.0)), (('n',), {'grid_search': [1, 2]})]
    """
    if isinstance(value, (Domain, SampleFrom)) or is_grid_search(value):
        yield place, value
        return
    for key, item in items_of(value):
        if type(item) not in ATOMS:
            yield from unresolved(item, (*place, key))

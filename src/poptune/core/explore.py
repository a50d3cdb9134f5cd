"""How PBT varies the hyperparameters that a clone takes over from its donor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from poptune.core.domains import Categorical, Domain, Float, Integer, Normal
from poptune.core.mutations import Mutations
from poptune.core.nested import MISSING, Config, Path, copy_tree, leaves, with_value
from poptune.core.randomness import below, borrowed_globals
from poptune.core.values import is_number, plain, readable, same
from poptune.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Operation:
    """What was done to one hyperparameter.

    Attributes:
        key: Its path, such as `"model/lr"`.
        old: Value before, in the config that the clone inherited; None if there was none.
        new: Value in the new config, None if a function of the user took it out.
        label: In Ray Tune's words: "* 1.2", "resample", "shift left", "shift right"; with " (noop)" behind it
            if the value could not move that way; "keep" if nothing but resampling can change it; "" for a
            change made by a function of the user, or by a schedule.
    """

    key: str
    old: Any
    new: Any
    label: str


def describe(operation: Operation) -> str:
    """Return an operation as Ray Tune logs it, with functions and classes by their names.

    >>> describe(Operation("lr", 0.05, 0.06, "* 1.2")), describe(Operation("lr", 0.05, 0.1, ""))
    ('lr : 0.05 --- (* 1.2) --> 0.06', 'lr : 0.05 -----> 0.1')
    """
    arrow = f"--- ({operation.label}) -->" if operation.label else "----->"
    return f"{operation.key} : {readable(operation.old)} {arrow} {readable(operation.new)}"


def fill_missing(config: Mapping[str, Any], mutations: Mutations, rng: np.random.Generator) -> Config:
    """Return the config with every hyperparameter that it lacks drawn from its distribution.

    A value that is there stays, also beside a missing one in the same nested dictionary.

    Raises:
        SpaceError: The config has a single value where the mutations have a dictionary.

    >>> import numpy as np
    >>> fill_missing({"model": {"lr": 0.1}}, {"model": {"lr": [1], "depth": [3]}}, np.random.default_rng(0))
    {'model': {'lr': 0.1, 'depth': 3}}
    """
    filled = dict(config)
    for path, distribution in leaves(mutations):
        if _at(filled, path) is MISSING:
            filled = with_value(filled, path, _drawn(distribution, rng))
    return copy_tree(filled)


def explore(
    config: Mapping[str, Any],
    mutations: Mutations,
    rng: np.random.Generator,
    *,
    resample_probability: float = 0.25,
    perturbation_factors: Sequence[float] = (1.2, 0.8),
    custom_explore_fn: Callable[[Config], Config] | None = None,
    bounds: Literal["domain", "ray"] = "domain",
) -> tuple[Config, tuple[Operation, ...]]:
    """Return a new config with each mutated hyperparameter resampled or perturbed, and what was done.

    Each hyperparameter, nested ones included, is drawn anew with `resample_probability`, or if it is missing.
    Otherwise it is perturbed:

    * A value of a list or tuple moves to its left or right neighbour; any other value is drawn anew.
    * A number is multiplied by one of the factors.

    With `bounds="domain"` values stay what their distribution can give:

    * A product is moved to the nearest value of the domain. Integers, and values on a grid, go at least one
      step the way the factor points, unless the domain ends there: "* 1.2 (noop)".
    * Zero, NaN, infinity and text cannot leave where they are by multiplication: they are drawn anew.
    * The domain decides whether the result is an int or a float. A callable has no domain: an int stays an
      int, unless a fraction below 1 was drawn, which rounding would destroy; no factor takes an int to zero.
    * `choice` of numbers moves to a neighbour, like a list. `choice` of anything else keeps its value.
    * A bool stays a bool, which no factor changes. Of a callable, what is not a number is kept.
    * In a list, repeated values count once, and float noise does not matter.

    With `bounds="ray"` the arithmetic is Ray Tune's: products are not bounded, an int is rounded, `choice` of
    numbers is scaled, and a list is searched for its first equal element. What Ray Tune fails on, such as
    scaling text, is kept.

    Source: Jaderberg et al. 2017, section 4.1.1; Ray Tune for the rules of each kind.

    Args:
        config: Hyperparameters of the donor; not changed.
        mutations: A distribution per hyperparameter.
        rng: Where all draws come from. Callables find the global generators seeded from it.
        resample_probability: Per hyperparameter, in [0, 1].
        perturbation_factors: At least one factor, all equally likely.
        custom_explore_fn: Gets the whole new config last, and returns the one to use.
        bounds: "domain" or "ray".

    Raises:
        TypeError: `custom_explore_fn` did not return a dict.
        ValueError: It made a value NaN.
        SpaceError: The config has a single value where the mutations have a dictionary.

    >>> import numpy as np
    >>> from poptune.core.space import uniform
    >>> config, operations = explore(
    ...     {"h0": 0.9, "seed": 1}, {"h0": uniform(0, 1)}, np.random.default_rng(0), resample_probability=0,
    ...     perturbation_factors=[1.2])
    >>> config, describe(operations[0])
    ({'h0': 1.0, 'seed': 1}, 'h0 : 0.9 --- (* 1.2) --> 1.0')
    """
    perturb = _perturbed_as_ray if bounds == "ray" else _perturbed
    new = config
    operations = []
    for path, distribution in leaves(mutations):
        old = plain(_at(config, path))
        is_resampled = rng.random() < resample_probability
        step = None if is_resampled or old is MISSING else perturb(old, distribution, perturbation_factors, rng)
        if step is None:
            drawn = _drawn(distribution, rng)
            step = _resampled(old, drawn, distribution, bounds), "resample"
        value, label = step
        new = with_value(new, path, value)
        operations.append(Operation("/".join(path), None if old is MISSING else old, value, label))
    new = copy_tree(new)
    if custom_explore_fn is None:
        return new, tuple(operations)
    return _customised(new, operations, custom_explore_fn, rng)


# The new value and the label; None in its place where no step can be taken, so that a new draw is due.
Step = tuple[Any, str]


def _perturbed(old: Any, distribution: Any, factors: Sequence[float], rng: np.random.Generator) -> Step | None:
    is_range = isinstance(distribution, (Float, Integer, Normal))
    if not is_range:
        if isinstance(distribution, Categorical) and not distribution.is_numeric:
            return (old, "keep") if distribution.contains(old) else None
        if isinstance(distribution, (list, tuple, Categorical)):
            values = distribution.categories if isinstance(distribution, Categorical) else distribution
            return _shifted(old, _distinct(values), rng)
    if isinstance(old, bool) or not (is_range or isinstance(distribution, Domain) or is_number(old)):
        return old, "keep"
    if not _can_scale(old):
        return None
    factor = plain(factors[below(len(factors), rng)])
    product = old * factor
    if not math.isfinite(product):
        return None
    scaled = _scaled_in if is_range else _scaled_freely
    new = scaled(old, product, distribution)
    has_stayed = abs(new - old) <= 1e-6 * abs(old) and same(new, old)  # the full question only where it is close
    return new, f"* {factor} (noop)" if has_stayed else f"* {factor}"


def _can_scale(old: Any) -> bool:
    try:
        return is_number(old) and old != 0 and math.isfinite(old)
    except OverflowError:  # an integer too large for a float
        return False


def _scaled_in(old: float, product: float, domain: Float | Integer | Normal) -> float:
    new = domain.clip(product)
    if domain.q is None:
        return new
    way = (product > old) - (product < old)
    is_back = (new - old) * way <= 0  # rounded to where it was
    return domain.clip(old + way * domain.q) if is_back else new


def _scaled_freely(old: float, product: float, _: Any) -> float:
    if not isinstance(old, int):
        return product
    way = (product > old) - (product < old)
    new = round(product) if round(product) != old else old + way
    return new if new or not product else int(math.copysign(1, product))


def _perturbed_as_ray(old: Any, distribution: Any, factors: Sequence[float], rng: np.random.Generator) -> Step | None:
    if isinstance(distribution, (list, tuple)):
        return _shifted(old, distribution, rng, match=_equal)
    if not is_number(old) and not isinstance(old, bool):
        return old, "keep"
    factor = plain(factors[below(len(factors), rng)])
    return _typed_like(old, old * factor), f"* {factor}"


def _shifted(
    old: Any, values: Sequence[Any], rng: np.random.Generator, match: Callable[[Any, Any], bool] = same
) -> Step | None:
    at = next((index for index, value in enumerate(values) if match(old, value)), None)
    if at is None:
        return None
    way = 1 if below(2, rng) else -1
    to = min(max(at + way, 0), len(values) - 1)
    return plain(values[to]), f"shift {'right' if way == 1 else 'left'}{' (noop)' * (to == at)}"


def _distinct(values: Sequence[Any]) -> list[Any]:
    distinct: list[Any] = []
    for value in values:
        if not any(same(value, other) for other in distinct):
            distinct.append(value)
    return distinct


def _drawn(distribution: Any, rng: np.random.Generator) -> Any:
    if isinstance(distribution, Domain):
        return distribution.draw(rng)
    if isinstance(distribution, (list, tuple)):
        return plain(distribution[below(len(distribution), rng)])
    with borrowed_globals(rng):
        return plain(distribution())


def _resampled(old: Any, drawn: Any, distribution: Any, bounds: str) -> Any:
    """Return what was drawn in the type to keep: Ray Tune goes by the old value, we go by the domain."""
    if isinstance(distribution, (list, tuple)):
        return drawn
    if isinstance(distribution, Domain) and bounds == "domain":
        is_flag = isinstance(old, bool) and not isinstance(distribution, Categorical)
        return bool(drawn) if is_flag else drawn
    if bounds == "domain" and is_number(drawn) and 0 < abs(drawn) < 1 and not isinstance(old, bool):
        return drawn  # an int 0 would be rounded to 0 for ever
    return _typed_like(old, drawn)


def _typed_like(old: Any, new: Any) -> Any:
    if isinstance(old, bool) and is_number(new):
        return bool(new)
    if isinstance(old, int) and is_number(new) and math.isfinite(new):
        return round(new)
    return new


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except (TypeError, ValueError, RuntimeError):  # arrays and tensors compare element by element: no single answer
        return False


def _customised(
    config: Config,
    operations: list[Operation],
    custom_explore_fn: Callable[[Config], Config],
    rng: np.random.Generator,
) -> tuple[Config, tuple[Operation, ...]]:
    with borrowed_globals(rng):
        returned = custom_explore_fn(copy_tree(config))
    if not isinstance(returned, dict):
        raise TypeError(
            f"custom_explore_fn must return the config, a dict, but it returned {type(returned).__name__}. "
            "End it with `return config`."
        )
    final = _plain_tree(copy_tree(returned))
    _refuse_new_nan(config, final)
    done = {operation.key: operation for operation in operations}
    for change in differences(config, final):
        old = done[change.key].old if change.key in done else change.old
        done[change.key] = Operation(change.key, old, change.new, "")
    return final, tuple(done.values())


def _refuse_new_nan(before: Config, after: Config) -> None:
    """Refuse a value that became NaN: weights that trained with it once are lost."""
    for path, value in leaves(after):
        if _is_nan(value) and not _is_nan(_at(before, path)):
            raise ValueError(f"{'/'.join(path)!r} became NaN.")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _plain_tree(tree: Config) -> Config:
    return {key: _plain_tree(value) if type(value) is dict else plain(value) for key, value in tree.items()}


def differences(before: Config, after: Config) -> tuple[Operation, ...]:
    """Return every leaf that differs between two configs as an operation without a label.

    >>> differences({"lr": 0.1, "seed": 1}, {"lr": 0.2, "seed": 1})
    (Operation(key='lr', old=0.1, new=0.2, label=''),)
    """
    was, now = dict(leaves(before)), dict(leaves(after))
    changes = []
    for path in {**was, **now}:
        a, b = was.get(path, MISSING), now.get(path, MISSING)
        if a is not b and not (type(a) is type(b) and _equal(a, b)):
            changes.append(Operation("/".join(path), None if a is MISSING else a, None if b is MISSING else b, ""))
    return tuple(changes)


def _at(config: Any, path: Path) -> Any:
    for depth, key in enumerate(path):
        if not isinstance(config, (dict, Mapping)):  # dict first: asking an abstract class takes longer
            raise SpaceError(
                f"The space varies {'/'.join(path)!r}, but {'/'.join(path[:depth])!r} is "
                f"{type(config).__name__} {config!r} in the config. Make it a dictionary."
            )
        if key not in config:
            return MISSING
        config = config[key]
    return config

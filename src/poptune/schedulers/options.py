"""Checks of a scheduler's arguments: each refusal begins with the name of the argument."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from poptune.core.nested import MISSING, flatten, lookup
from poptune.core.values import plain
from poptune.errors import OptionError, nearest


def check_number(name: str, value: Any) -> None:
    """Refuse what is not one finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise OptionError(f"{name} must be a finite number, not {value!r}.")


def check_fraction(name: str, value: Any, highest: float, why: str = "") -> None:
    """Refuse what does not lie between 0 and `highest`; `why` is a sentence that says why no more than that can be."""
    check_number(name, value)
    if not 0 <= value <= highest:
        way_out = f" For {value:g} % give {value / 100:g}." if 1 < value <= 100 * highest else why and f" {why}"
        raise OptionError(f"{name} must lie in [0, {highest:g}], not {value!r}.{way_out}")


def check_factors(name: str, factors: Any) -> None:
    """Refuse what is not a sequence of at least one finite number."""
    if not hasattr(factors, "__len__") or len(factors) == 0:
        raise OptionError(f"{name} must hold at least one factor, such as (1.2, 0.8).")
    for factor in factors:
        check_number(name, factor)


def check_function(name: str, value: Any) -> None:
    """Refuse what is neither None nor callable.

    >>> check_function("explore", 0.1)
    Traceback (most recent call last):
    TypeError: explore must be callable, not float.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable, not {type(value).__name__}.")


def check_key(name: str, value: Any) -> None:
    """Refuse what cannot be the name of a reported number.

    >>> check_key("metric", ["loss"])
    Traceback (most recent call last):
    poptune.errors.OptionError: metric must be the name of one reported number, such as "eval/loss", not ['loss'].
    """
    if not isinstance(value, str):
        raise OptionError(f'{name} must be the name of one reported number, such as "eval/loss", not {value!r}.')


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither on nor off; numbers and None stand for what they are in a condition.

    >>> check_flag("synch", "no")
    Traceback (most recent call last):
    poptune.errors.OptionError: synch must be True or False, not 'no'.
    """
    if value is not None and not isinstance(plain(value), int):  # a bool is an int
        raise OptionError(f"{name} must be True or False, not {value!r}.")


def check_names(name: str, names: Any) -> None:
    """Refuse what is not a list of keys or paths.

    >>> check_names("private", "seed")
    Traceback (most recent call last):
    poptune.errors.OptionError: private must be a list of keys or paths such as ["seed", "data/fold"], not 'seed'.
    """
    if not isinstance(names, (list, tuple)) or not all(isinstance(each, str) and each for each in names):
        raise OptionError(f'{name} must be a list of keys or paths such as ["seed", "data/fold"], not {names!r}.')


def check_present(name: str, names: Sequence[str], config: Mapping[str, Any]) -> None:
    """Refuse names that a trial's first config lacks: they are misspelt."""
    for each in names:
        if lookup(config, each) is MISSING:
            hint = nearest(each, {*config, *flatten(config)})
            raise OptionError(f"{name} names {each!r}, which param_space does not have.{hint}")

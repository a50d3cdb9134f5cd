"""Plain Python values: telling numbers apart, comparing them, showing them, and calling what makes them."""

from __future__ import annotations

import inspect
import math
import re
import reprlib
import sys
from collections.abc import Callable
from numbers import Number, Real
from typing import Any

from poptune.core.safe_text import inert

_LONGEST_VALUE = 40


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python object it stands for, and anything else as it is."""
    # If nobody imported NumPy, or another thread is about to, there is no scalar of it.
    scalar = getattr(sys.modules.get("numpy"), "generic", None)
    return value.item() if scalar is not None and isinstance(value, scalar) else value


def is_number(value: Any) -> bool:
    """Whether `value` is a real number. A bool is none: True must not be mistaken for 1."""
    kind = type(value)
    return kind is float or kind is int or (isinstance(value, Real) and kind is not bool)


def same(a: Any, b: Any) -> bool:
    """Whether two hyperparameter values are equal, apart from noise in the last digits of a float.

    Arrays and tensors are equal if they have one shape and equal elements.

    >>> same(0.1 + 0.2, 0.3), same(1, 1.0), same(True, 1), same(None, None)
    (True, True, False, True)
    """
    if a is b:
        return True
    if is_number(a) and is_number(b):
        return a == b or ((isinstance(a, float) or isinstance(b, float)) and _close(a, b))
    if isinstance(plain(a), bool) is not isinstance(plain(b), bool):
        return False
    try:
        if _shape(a) != _shape(b):
            return False
        answer = a == b
        return bool(answer.all() if _shape(answer) else answer)  # arrays and tensors compare element by element
    except (TypeError, ValueError, RuntimeError):  # there is no single answer
        return False


def readable(value: Any) -> str:
    """Return a value as text for people: the same in every process, functions and classes by their names.

    >>> readable(math.sqrt), readable(ValueError), readable(0.5), readable([object()])
    ('sqrt', 'ValueError', '0.5', '[<object object>]')
    """
    name = getattr(value, "__name__", None) if callable(value) else None
    return name if isinstance(name, str) else without_addresses(str(value))


def without_addresses(text: str) -> str:
    """Return a `repr` without the memory addresses that Python puts into it.

    >>> without_addresses("<function relu at 0x7f0c212bc860>")
    '<function relu>'
    """
    return _ADDRESS.sub("", text)


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def short(value: Any) -> str:
    """Return a value in few characters.

    >>> short(0.0123456789), short("relu"), short(None)
    ('0.01235', 'relu', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def brief(value: Any, longest: int = _LONGEST_VALUE) -> str:
    """Return a value on one short line.

    Args:
        value: Anything.
        longest: Most characters.

    >>> brief(0.123456), brief(None), brief({"a": [1] * 50}), brief("a\\nb")
    ('0.1235', '-', "{'a': [1, 1, 1, 1, 1, 1, ...]}", 'a b')
    >>> brief(math.sqrt), brief([ValueError])
    ('sqrt', '[ValueError]')
    """
    try:
        text = short(value) if isinstance(value, (Number, str, type(None))) else _BRIEF.repr(value)
    except Exception:  # an integer of thousands of digits, or a repr that fails
        text = f"<{type(value).__name__}>"
    text = inert(" ".join(text.split()))
    return text if len(text) <= longest else text[: longest - 3] + "..."


class _Brief(reprlib.Repr):
    """Shortens lists and dictionaries, and shows functions and classes in them by their names."""

    def repr_instance(self, x: Any, level: int) -> str:
        text = readable(x) if callable(x) else without_addresses(repr(x))
        return text if len(text) <= self.maxother else text[: self.maxother - 3] + "..."


_BRIEF = _Brief()


def accepts(func: Callable[..., Any], *args: Any) -> bool:
    """Whether `func` can be called with these arguments; assumed of built-ins that hide their signature."""
    try:
        inspect.signature(func).bind(*args)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _shape(value: Any) -> Any:
    return getattr(value, "shape", ()) or ()


def _close(a: Any, b: Any) -> bool:
    try:
        return math.isclose(a, b, rel_tol=1e-9) or (a != a and b != b)
    except OverflowError:  # an integer too large for a float
        return False

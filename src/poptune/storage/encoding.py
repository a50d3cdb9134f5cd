"""Plain values as JSON and back, without losing what JSON cannot say: tuples, NaN, dictionaries with other keys.

Whatever has no JSON form is written as `{"$": tag, ...}`. Reading never runs code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

TAG = "$"
_LONGEST_TEXT = 1000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

Encoder = Callable[[Any], Any]
Decoder = Callable[[dict[str, Any]], Any]


class TextOf(str):
    """The text of a value that has no JSON form: all that is left of it."""

    __slots__ = ()


def dumps(value: Any, other: Encoder | None = None) -> str:
    """Return a value as JSON text.

    Args:
        value: Any nesting of dicts, lists, tuples, numbers, strings, booleans and None.
        other: Encodes what is none of these, as a number, a string or a dict with a `$`. By default NumPy scalars are
            kept as numbers and paths as paths, and of anything else only the text.

    >>> dumps({"lr": 0.1, "betas": (0.9, 0.99), "score": float("nan")})
    '{"lr":0.1,"betas":{"$":"tuple","items":[0.9,0.99]},"score":{"$":"float","value":"nan"}}'
    """
    return _JSON.encode(_encode(value, other or _as_text))


_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def loads(text: str, other: Decoder | None = None) -> Any:
    """Return the value of JSON text that `dumps` wrote.

    >>> loads('{"betas":{"$":"tuple","items":[0.9,0.99]}}')
    {'betas': (0.9, 0.99)}
    """
    value = json.loads(text)
    return _decode(value, other or _from_text) if f'"{TAG}"' in text else value


def _encode(value: Any, other: Encoder) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else {TAG: "float", "value": repr(value)}
    if kind in _AS_THEY_ARE:
        return value
    if kind is list:
        return [_encode(item, other) for item in value]
    if kind is tuple:
        return {TAG: "tuple", "items": [_encode(item, other) for item in value]}
    if kind is dict or isinstance(value, Mapping):
        if _TEXT.issuperset(map(type, value)) and TAG not in value:
            return {key: item if type(item) in _AS_THEY_ARE else _encode(item, other) for key, item in value.items()}
        return {TAG: "dict", "items": [[_encode(k, other), _encode(v, other)] for k, v in value.items()]}
    coded = other(value)
    return _encode(coded, other) if type(coded) is float else coded  # it may be NaN


_TEXT = frozenset((str,))
_AS_THEY_ARE = frozenset((str, int, bool, type(None)))


def _decode(value: Any, other: Decoder) -> Any:
    if type(value) is list:
        return [_decode(item, other) for item in value]
    if type(value) is not dict:
        return value
    match value.get(TAG):
        case None:
            return {key: _decode(item, other) for key, item in value.items()}
        case "float":
            return float(value["value"])
        case "tuple":
            return tuple(_decode(item, other) for item in value["items"])
        case "path":
            return Path(value["path"])
        case "dict":
            return {_decode(k, other): _decode(v, other) for k, v in value["items"]}
        case _:
            return other(value)


def _as_text(value: Any) -> Any:
    number = plain_number(value)
    if number is not value:
        return number
    if isinstance(value, PurePath):
        return {TAG: "path", "path": str(value)}
    return {TAG: "text", "text": text_of(value)}


def text_of(value: Any) -> str:
    """Return the text of a value that has no JSON form: the same in every process.

    >>> text_of(json.dumps), text_of(complex(1, 2))
    ('json.dumps', '(1+2j)')
    """
    if isinstance(value, TextOf):
        return str(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return _ADDRESS.sub("", repr(value))[:_LONGEST_TEXT]


def _from_text(value: dict[str, Any]) -> Any:
    return TextOf(value["text"]) if "text" in value else None


def plain_number(value: Any) -> Any:
    """Return a NumPy scalar, or array of no dimensions, as the number, bool or string that JSON has for it.

    Anything else comes back as it is, NumPy's dates and complex numbers too: JSON has nothing for them.
    """
    is_numpy = type(value).__module__.partition(".")[0] == "numpy"
    if not is_numpy or getattr(value, "shape", None) != () or value.dtype.kind not in "biufU":
        return value
    return float(value) if value.dtype.kind == "f" else value.item()  # the item of a longdouble is a longdouble

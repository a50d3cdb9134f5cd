"""Nested dictionaries of hyperparameters and metrics, addressed by paths such as `"eval/accuracy"` and `"betas/0"`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Config = dict[str, Any]
Path = tuple[str, ...]

MISSING = object()


def flatten(tree: Mapping[str, Any], separator: str = "/") -> dict[str, Any]:
    """Return the leaves of a nested dictionary under joined keys, as Ray Tune names them.

    >>> flatten({"loss": 1, "eval": {"acc": 0.5}})
    {'loss': 1, 'eval/acc': 0.5}
    """
    if not any(isinstance(value, Mapping) for value in tree.values() if type(value) not in ATOMS):
        return dict(tree)
    return {separator.join(path): value for path, value in leaves(tree)}


def leaves(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) of every leaf, in insertion order. An empty dictionary is a leaf."""
    for key, value in tree.items():
        if type(value) not in ATOMS and isinstance(value, Mapping) and value:
            yield from leaves(value, (*prefix, str(key)))
        else:
            yield (*prefix, str(key)), value


def lookup(tree: Mapping[str, Any], name: str) -> Any:
    """Return the value under a key or a `/`-joined path, or `MISSING`. In lists and tuples, positions are keys.

    >>> lookup({"eval": {"acc": 0.5}}, "eval/acc"), lookup({"betas": (0.9, 0.99)}, "betas/1")
    (0.5, 0.99)
    >>> lookup({}, "acc") is MISSING
    True
    """
    if name in tree:
        return tree[name]
    head, slash, rest = name.partition("/")
    below = tree.get(head) if slash else None
    if isinstance(below, (list, tuple)):
        below = {str(position): item for position, item in enumerate(below)}
    return lookup(below, rest) if isinstance(below, Mapping) else MISSING


def with_value(config: Mapping[str, Any], path: Path, value: Any) -> Config:
    """Return a config with one value replaced; every dictionary on the way to it is new.

    >>> with_value({"lr": 0.1, "net": {"depth": 2}}, ("net", "width"), 8)
    {'lr': 0.1, 'net': {'depth': 2, 'width': 8}}
    """
    head, rest = path[0], path[1:]
    return {**config, head: with_value(config.get(head, {}), rest, value) if rest else value}


def copy_tree(tree: Mapping[str, Any]) -> Config:
    """Return a copy whose dictionaries, lists and tuples are new, and whose other leaves are shared.

    Configs may hold models and data sets, which a deep copy would duplicate.
    """
    return {key: _copied(value) if type(value) in _COPIED else value for key, value in tree.items()}


_COPIED = (dict, list, tuple)


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return copy_tree(value)
    if type(value) is list:
        return [_copied(item) for item in value]
    if type(value) is tuple:
        return tuple(_copied(item) for item in value)
    return value


def items_of(value: Any) -> Iterable[tuple[str | int, Any]]:
    """Return what stands under the keys of a dictionary or at the positions of a list or tuple; else nothing.

    >>> list(items_of({"lr": 0.1})), list(items_of([8, 16])), list(items_of("relu"))
    ([('lr', 0.1)], [(0, 8), (1, 16)], [])
    """
    if isinstance(value, Mapping):
        return ((str(key), item) for key, item in value.items())
    return enumerate(value) if _maker(value) else ()


def rebuilt(value: Any, change: Callable[[str | int, Any], Any]) -> Any:
    """Return a dictionary, list or tuple with `change(key or position, item)` in place of each item.

    Anything else comes back as it is, and so do plain numbers and strings in a list: it may be long.

    >>> rebuilt({"lr": 0.1, "n": 2}, lambda key, item: key), rebuilt((None, [1]), lambda position, item: position)
    ({'lr': 'lr', 'n': 'n'}, (None, 1))
    """
    if isinstance(value, Mapping):
        return {key: change(str(key), item) for key, item in value.items()}
    make = _maker(value)
    if make is None:
        return value
    return make(item if type(item) in ATOMS else change(position, item) for position, item in enumerate(value))


ATOMS = frozenset((int, float, str, bool, type(None)))  # what holds nothing else


def _maker(value: Any) -> Callable[[Iterator[Any]], Any] | None:
    """Return what makes a list or tuple of the kind of `value`, None if it is neither, or of a class of its own."""
    if type(value) in (list, tuple):
        return type(value)
    return getattr(type(value), "_make", None) if isinstance(value, tuple) else None  # a named tuple

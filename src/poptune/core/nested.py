"""Nested dictionaries of hyperparameters and metrics, addressed by paths such as `"eval/accuracy"`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Config = dict[str, Any]
Path = tuple[str, ...]

MISSING = object()


def flatten(tree: Mapping[str, Any], separator: str = "/") -> dict[str, Any]:
    """Return the leaves of a nested dictionary under joined keys, as Ray Tune names them.

    >>> flatten({"loss": 1, "eval": {"acc": 0.5}})
    {'loss': 1, 'eval/acc': 0.5}
    """
    if not any(isinstance(value, Mapping) for value in tree.values()):
        return dict(tree)
    return {separator.join(path): value for path, value in leaves(tree)}


def leaves(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) of every leaf, in insertion order. An empty dictionary is a leaf."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*prefix, str(key)))
        else:
            yield (*prefix, str(key)), value


def lookup(tree: Mapping[str, Any], name: str) -> Any:
    """Return the value under a key or a `/`-joined path, or `MISSING`.

    >>> lookup({"eval": {"acc": 0.5}}, "eval/acc")
    0.5
    >>> lookup({}, "acc") is MISSING
    True
    """
    if name in tree:
        return tree[name]
    head, slash, rest = name.partition("/")
    below = tree.get(head) if slash else None
    return lookup(below, rest) if isinstance(below, Mapping) else MISSING


def with_value(config: Mapping[str, Any], path: Path, value: Any) -> Config:
    """Return a config with one value replaced; every dictionary on the way to it is new.

    >>> with_value({"lr": 0.1, "net": {"depth": 2}}, ("net", "width"), 8)
    {'lr': 0.1, 'net': {'depth': 2, 'width': 8}}
    """
    head, *rest = path
    return {**config, head: with_value(config.get(head, {}), tuple(rest), value) if rest else value}


def copy_tree(tree: Mapping[str, Any]) -> Config:
    """Return a copy whose dictionaries and lists are new, and whose other leaves are shared.

    Configs may hold models and data sets, which a deep copy would duplicate.
    """
    return {key: _copied(value) if type(value) in _COPIED else value for key, value in tree.items()}


_COPIED = (dict, list)


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return copy_tree(value)
    if type(value) is list:
        return [_copied(item) for item in value]
    return value

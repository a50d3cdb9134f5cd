"""Events and decisions as rows of the journal, and rows as events and decisions."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from poptune.core.decisions import Decision
from poptune.core.events import Event
from poptune.core.explore import Operation
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import StorageError
from poptune.storage.encoding import dumps, loads
from poptune.storage.places import checked_path

Record = Event | Decision

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(Event | Decision)}


def to_row(record: Record) -> tuple[str, str, str]:
    """Return (kind, trial id, body as JSON text) of a record."""
    body = {name: _flat(getattr(record, name)) for name in record.__slots__ if name != "trial"}
    return type(record).__name__, record.trial, dumps(body)


def from_row(kind: str, trial: str, body: str) -> Record:
    """Return the record of a row.

    Raises:
        StorageError: The row is of a kind that this version does not know, or is damaged.
    """
    try:
        checked_path(trial)
        fields = dict(loads(body))
        for name in _PATHS & fields.keys():
            checked_path(fields[name])
        for name, rebuild in _REBUILD.items():
            if fields.get(name) is not None:
                fields[name] = rebuild(fields[name])
        record: Record = _KINDS[kind](trial=trial, **fields)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(
            f"The journal holds a {kind} record of trial {trial} that cannot be read ({error!r})."
            " It was written by a newer version of PopTune, or is damaged."
        ) from error
    return record


def _flat(value: Any) -> Any:
    """Return nested records as plain dicts."""
    kind = type(value)
    if kind in _NESTED:
        return {name: _flat(getattr(value, name)) for name in value.__slots__ if name not in _TRANSIENT}
    if kind is tuple and value and type(value[0]) in _NESTED:
        return [_flat(item) for item in value]
    return value


_NESTED = frozenset((Progress, SavedCheckpoint, Operation))


def _saved(fields: dict[str, Any]) -> SavedCheckpoint:
    checked_path(fields["path"])
    return SavedCheckpoint(**{**fields, "progress": Progress(**fields["progress"]), "stamp": ""})


_PATHS = {"path", "folder"}
_TRANSIENT = {"stamp"}  # not even if a journal has one: what it refers to is to be read through


_REBUILD: dict[str, Callable[[Any], Any]] = {
    "progress": lambda fields: Progress(**fields),
    "checkpoint": _saved,
    "operations": lambda items: tuple(Operation(**item) for item in items),
}

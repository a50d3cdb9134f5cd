"""Stand-ins for Ray's object store: objects travel by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poptune.errors import UsageError


class ObjectRef:
    """A reference to a value. It holds the value itself, so it works in any process that it is sent to.

    Inside a search space it is one constant, which is neither copied by clones nor written into files. For large
    data prefer `tune.with_parameters`, which sends it to each worker once.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __copy__(self) -> ObjectRef:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ObjectRef:
        return self

    def __repr__(self) -> str:
        return f"ObjectRef({type(self._value).__name__})"


def put(value: Any) -> ObjectRef:
    """Return a reference to a value.

    >>> reference = put([1, 2, 3])
    >>> reference, get(reference)
    (ObjectRef(list), [1, 2, 3])
    """
    return ObjectRef(value)


def get(references: ObjectRef | Sequence[ObjectRef], *, timeout: float | None = None) -> Any:
    """Return the value of a reference, or a list of the values of several.

    Args:
        references: What `put` returned, or a list of those.
        timeout: Without meaning: values are always there.

    Raises:
        UsageError: It is no reference.
    """
    if isinstance(references, (list, tuple)):
        return [get(reference) for reference in references]
    if not isinstance(references, ObjectRef):
        raise UsageError(f"get() takes what put() returned, or a list of those, not {type(references).__name__}.")
    return references._value

"""Finds what in a trainable cannot be sent to a worker process, and says so."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import cloudpickle

from poptune.errors import UsageError
from poptune.trainables.packed import Packed


def explain(trainable: Packed, error: Exception) -> UsageError:
    """Return the error that names the object in the way."""
    culprits = [f"{where} = {_short(value)}" for where, value in _parts(trainable) if not _can_pickle(value)]
    blame = f": {'; '.join(culprits)}" if culprits else ""
    return UsageError(
        f"{trainable.name} cannot be sent to worker processes{blame} ({type(error).__name__}: {error})."
        f" Make that object inside the function, or run with RunConfig(executor='inline')."
    )


def _parts(trainable: Packed) -> Iterator[tuple[str, Any]]:
    """Yield (description, value) of what a trainable takes along."""
    for name, value in trainable.parameters.items():
        yield f"with_parameters({name}=...)", value
    functions = (
        [value for value in vars(trainable.target).values() if inspect.isfunction(value)]
        if inspect.isclass(trainable.target)
        else [trainable.target]
    )
    for function in functions:
        try:
            variables = inspect.getclosurevars(function)
        except TypeError:  # no Python function
            continue
        for name, value in variables.nonlocals.items():
            yield f"closure variable {name}", value
        for name, value in variables.globals.items():
            yield f"global {name}", value


def _can_pickle(value: Any) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:
        return False
    return True


def _short(value: Any) -> str:
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= 80 else text[:77] + "..."

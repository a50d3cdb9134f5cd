"""Trainables as before Ray 0.8, which are told what has another name now."""

from __future__ import annotations

import inspect
from typing import Any

from poptune.errors import UsageError
from poptune.trainables.class_api import Trainable
from poptune.trainables.packed import Packed

_RENAMED = {
    "_setup": "setup",
    "_train": "step",
    "_save": "save_checkpoint",
    "_restore": "load_checkpoint",
    "_stop": "cleanup",
    "_log_result": "log_result",
}


def check_generation(trainable: Any) -> None:
    """Refuse a function `train(config, reporter)`, and a class with `_setup` and `_train`.

    Raises:
        UsageError: It is one; the message says what to rename.

    >>> check_generation(lambda config, reporter: reporter(loss=0))
    Traceback (most recent call last):
    poptune.errors.UsageError: <lambda>(config, reporter) is ... Take the config alone, and call tune.report(...)...
    """
    packed = trainable if isinstance(trainable, Packed) else Packed(trainable)
    if packed.is_class:
        _check_class(packed.target)
    elif _takes_reporter(packed):
        raise UsageError(
            f"{packed.name}(config, reporter) is a form that Ray Tune has given up. Take the config alone, and call"
            " tune.report(...) in place of reporter(...)."
        )


def _takes_reporter(packed: Packed) -> bool:
    if not inspect.isroutine(packed.target) or "reporter" in packed.parameters:
        return False
    return "reporter" in inspect.signature(packed.target).parameters


def _check_class(cls: Any) -> None:
    if cls.step is not Trainable.step:
        return
    if found := [f"{old} to {new}" for old, new in _RENAMED.items() if hasattr(cls, old)]:
        raise UsageError(f"{cls.__name__} has methods by names that Ray Tune has given up. Rename {', '.join(found)}.")

"""Experiment tags: short texts that tell trials apart in results, logs and file names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from poptune.core.decisions import Exploit
from poptune.core.safe_text import masked_value
from poptune.core.values import readable


def experiment_tag(index: int, tag_values: Mapping[str, Any]) -> str:
    """Return a short text that tells the initial configs of trials apart and can be part of a file name.

    As in Ray Tune, keys are in alphabetical order, positions in lists in that of numbers, of a nested key only the last
    part is shown, floats have four decimals, and whatever is not a letter, digit or one of `_.=-` becomes `_`, which
    neither begins nor ends a value. Functions and classes are shown by their names, and no text holds a memory
    address, so that seeded runs have the same tags in every process.

    >>> experiment_tag(0, {"model/lr": 0.029, "activation": "leaky relu"})
    '0_activation=leaky_relu,lr=0.0290'
    >>> experiment_tag(1, {"betas/10": 0.5, "betas/2": 0.25, "score": max})
    '1_2=0.2500,10=0.5000,score=max'
    >>> experiment_tag(3, {})
    '3'
    """
    pairs = (_pair(key, tag_values[key]) for key in sorted(tag_values, key=_in_order))
    return "_".join(filter(None, [str(index), ",".join(pairs)]))


def tag_after(exploit: Exploit, first_tag: str) -> str:
    """Return the experiment tag of a clone: its first tag, and the present values of what was varied.

    As in Ray Tune, of a nested hyperparameter the outermost key counts.

    Args:
        exploit: What made the clone.
        first_tag: The trial's tag before it ever was a clone.

    >>> from poptune.core.explore import Operation
    >>> from poptune.core.trial import Progress, SavedCheckpoint
    >>> weights, config = SavedCheckpoint("b/checkpoint_000000", "b", Progress(4)), {"lr": 0.06, "act": "leaky relu"}
    >>> operations = (Operation("lr", 0.05, 0.06, "* 1.2"), Operation("act", "tanh", "leaky relu", "shift right"))
    >>> tag_after(Exploit("a", "b", weights, config, {}, operations, 4, 4.0, 0.1, 0.2, 1, 1), "1_lr=0.0500")
    '1_lr=0.0500@perturbed[act=leaky_relu,lr=0.0600]'
    """
    varied = sorted({operation.key.partition("/")[0] for operation in exploit.operations} & exploit.config.keys())
    pairs = (_pair(key, exploit.config[key]) for key in varied)
    return f"{first_tag}@perturbed[{','.join(pairs)}]"


def _in_order(key: str) -> list[str]:
    """Return what keys are sorted by: numbers by their size."""
    return [part.zfill(20) if part.isdecimal() else part for part in key.split("/")]


def _pair(key: str, value: Any) -> str:
    return f"{_clean(key.split('/')[-1])}={_clean(masked_value(key, value))}"


def _clean(value: Any) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else readable(value)
    return _UNSAFE.sub("_", text).strip("_")


_UNSAFE = re.compile(r"[^A-Za-z0-9_.=-]+")

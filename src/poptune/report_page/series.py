"""Who trained when, with what and how well, in the compact form that the page draws."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from poptune.core.explore import Operation
from poptune.core.nested import lookup
from poptune.core.objective import as_float
from poptune.plots.scales import Scale, digits_of, drawable
from poptune.run.history import History, Stint

_MOST_POINTS = 60_000  # drawn at once without a delay, and about 1 MB
_DIGITS = 6  # of what is drawn, told apart from its like: many more than pixels


def finite(value: float, digits: int | None = None) -> float | None:
    """Return a number, or None for what JSON cannot say; with so many significant digits.

    >>> finite(0.123456789, 6), finite(float("nan")), finite(12)
    (0.123457, None, 12)
    """
    if not math.isfinite(as_float(value)):
        return None
    return value if digits is None else float(f"{value:.{digits}g}")


def thinning(history: History, most: int = _MOST_POINTS) -> int:
    """Return how many reports stand behind each drawn point: 1 if all are drawn."""
    return max(1, math.ceil(sum(len(stint.iterations) for stint in history.stints) / most))


def kept(values: Sequence[float], every: int, also: Collection[int] = ()) -> list[int]:
    """Return which of a stint's values are drawn: its first and last, and the extremes of each stretch between.

    Args:
        values: In order; NaN is drawn as a gap.
        every: How many values stand behind each that is kept, about.
        also: What must not be left out.

    >>> kept([0, 5, 1, 1, 1, 1, 1, -3, 1, 2], every=4)
    [0, 1, 7, 8, 9]
    >>> kept([math.nan] * 9, every=2)
    [0, 4, 8]
    """
    if every == 1 or len(values) <= 2:
        return list(range(len(values)))
    found = {0, len(values) - 1, *also}
    for begin in range(0, len(values), 2 * every):
        stretch = range(begin, min(begin + 2 * every, len(values)))
        numbers = [at for at in stretch if math.isfinite(values[at])] or stretch[:1]
        found |= {min(numbers, key=values.__getitem__), max(numbers, key=values.__getitem__)}
    return sorted(found)


def series(history: History, scales: Sequence[Scale], every: int) -> list[dict[str, Any]]:
    """Return the stints of a run, in the order in which they began.

    Each has its `trial` by number, its `origin` by number (null at a root), the iteration of the weights that it
    `start`ed with, when it `began` (in seconds), how it ended, the places of its `values` on the scales of the
    hyperparameters, what was done to them (`marks`: p for perturbed, r for resampled, - for neither), and its points:
    their iterations `x`, each but the first as the difference to the one before, the metric `y`, and their seconds `t`.

    Args:
        history: Of the run.
        scales: Of the hyperparameters that are drawn.
        every: How many reports stand behind each point, about.
    """
    number_of = {trial: number for number, trial in enumerate(history.trials)}
    copied_at: defaultdict[int, set[int]] = defaultdict(set)
    for stint in history.stints:
        if stint.origin:
            copied_at[stint.origin.index].add(stint.start)
    decimals = max(0, 4 - math.floor(math.log10(history.duration_s))) if history.duration_s > 0 else 4
    digits = _digits_of_metric(history)
    return [
        {
            "trial": number_of[stint.trial],
            "origin": stint.origin.index if stint.origin else None,
            "start": stint.start,
            "began": round(stint.began_s, decimals),
            "ending": stint.ending,
            "values": [
                finite(scale.place(lookup(stint.config, scale.name)), digits)
                for scale, digits in zip(scales, map(digits_on, scales), strict=True)
            ],
            "marks": "".join(_mark(stint.operations, scale.name) for scale in scales),
            **_points(history, stint, every, copied_at[stint.index], decimals, digits),
        }
        for stint in history.stints
    ]


def digits_on(scale: Scale) -> int:
    """Return how many significant digits tell values on a scale apart."""
    return _DIGITS if scale.is_log else digits_of(*scale.limits, _DIGITS)


def _digits_of_metric(history: History) -> int:
    """Return how many significant digits tell the values of the metric apart, but for a few far from the others."""
    if history.objective is None:
        return _DIGITS
    drawn = drawable(score for stint in history.stints for score in history.scores(stint))
    values = sorted(drawn[np.isfinite(drawn)].tolist())
    few = len(values) // 20
    usual = values[few : len(values) - few]
    return digits_of(usual[0], usual[-1], _DIGITS) if usual else _DIGITS


def _points(
    history: History, stint: Stint, every: int, copied_at: set[int], decimals: int, digits: int
) -> dict[str, list[Any]]:
    metric = history.objective.metric if history.objective else None
    values = stint.values[metric] if metric else [math.nan] * len(stint.iterations)
    at = kept(values, every, [i for i, iteration in enumerate(stint.iterations) if iteration in copied_at])
    return {
        "x": list(_differences([stint.iterations[i] for i in at])),
        "y": [finite(value, digits) for value in drawable(values[i] for i in at).tolist()],
        "t": [round(stint.seconds[i], decimals) for i in at],
    }


def _differences(numbers: Sequence[int]) -> Iterator[int]:
    yield from numbers[:1]
    yield from (after - before for before, after in pairwise(numbers))


def _mark(operations: Sequence[Operation], name: str) -> str:
    for operation in operations:
        if operation.key == name:
            return "r" if operation.label.startswith("resample") else "p"
    return "-"

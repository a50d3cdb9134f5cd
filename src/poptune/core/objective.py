"""What a run optimises. The sign of `mode` is handled here, once: a score is larger when it is better."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from poptune.core.nested import MISSING, flatten, lookup
from poptune.errors import MetricError, nearest

Mode = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Objective:
    """The reported metric that ranks trials, and whether less or more of it is better.

    >>> Objective("loss", "min").score({"loss": 0.25})
    -0.25
    """

    metric: str
    mode: Mode = "max"

    def score(self, metrics: Mapping[str, Any]) -> float:
        """Return the score of a report, larger is better; NaN stays NaN.

        Raises:
            MetricError: The metric is missing or is not one real number.
        """
        value = number(metrics, self.metric, role="metric")
        return value if self.mode == "max" else -value

    def value(self, score: float) -> float:
        """Return the user's own figure for a score."""
        return score if self.mode == "max" else -score


def number(metrics: Mapping[str, Any], name: str, *, role: str) -> float:
    """Return one reported number as a float.

    Args:
        metrics: What was reported, nested as reported.
        name: A key or a `/`-joined path.
        role: What the number is for, used in the message: "metric" or "time_attr".

    Raises:
        MetricError: It is missing, or is a string, tensor, list or anything else that cannot be ranked.
    """
    value = lookup(metrics, name)
    if is_real(value):
        return as_float(value)
    if value is MISSING:
        others = " or training_iteration, which every report has" if role == "time_attr" else ""
        way_out = nearest(name, flatten(metrics)) or f" Report it, or name one of these{others}."
        raise MetricError(f"{role} {name!r} is not among the reported keys: {_keys(metrics)}.{way_out}")
    raise MetricError(
        f"{role} {name!r} must be one real number, but {type(value).__name__} {_short(value)} was reported."
        " Convert it first, for example with float(value) or value.item()."
    )


def is_real(value: Any) -> bool:
    """Say whether a reported value can be compared with a threshold."""
    return isinstance(value, numbers.Real)


def as_float(value: Any) -> float:
    """Return a real number as a float; an integer beyond all floats is infinite.

    >>> as_float(True), as_float(-(10**400))
    (1.0, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# Keys that PopTune adds to every report: a user who misspelt a key wants to see the user's own.
AUTOMATIC_KEYS = frozenset(
    {
        *("training_iteration", "iterations_since_restore", "done", "trial_id", "config", "experiment_tag"),
        *("timestamp", "date", "time_this_iter_s", "time_total_s", "time_since_restore"),
        *("timesteps_total", "timesteps_since_restore", "episodes_total"),
        *("pid", "hostname", "node_ip", "checkpoint_dir_name", "should_checkpoint"),
    }
)


def _keys(metrics: Mapping[str, Any]) -> str:
    keys = flatten(metrics)
    own = [key for key in keys if key not in AUTOMATIC_KEYS]
    return ", ".join(map(repr, own or keys)) or "none"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""When a trial has trained enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poptune.core.lease import Lease
from poptune.core.objective import is_real
from poptune.errors import OptionError


class StopCriteria:
    """The stop criteria of a run, checked once on construction.

    >>> criteria = StopCriteria({"training_iteration": 100})
    >>> criteria.reason("a", {"training_iteration": 100})
    'training_iteration >= 100'
    """

    def __init__(self, stop: Mapping[str, float] | Callable[[str, dict[str, Any]], bool] | None) -> None:
        self.thresholds: dict[str, float] = {}
        self.function: Callable[[str, dict[str, Any]], bool] | None = None
        if isinstance(stop, Mapping):
            for name, threshold in stop.items():
                if not isinstance(name, str) or not is_real(threshold):
                    raise OptionError(f"stop must map names to numbers, not {name!r} to {threshold!r}.")
            self.thresholds = dict(stop)
        elif callable(stop):
            self.function = stop
        elif stop is not None:
            raise OptionError(
                f'stop must be a dictionary such as {{"training_iteration": 100}} or a function'
                f" f(trial_id, result), not {type(stop).__name__}."
            )
        self._lease = Lease(stop_at=self.thresholds)

    def reason(self, trial: str, metrics: Mapping[str, Any]) -> str | None:
        """Return the criterion that a trial's report meets, in words, or None."""
        if reason := self._lease.stops(metrics):
            return reason
        if self.function is not None and self.function(trial, dict(metrics)):
            return "stop function"
        return None

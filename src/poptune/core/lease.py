"""A lease: how far a trial may train before its report waits for an answer.

The scheduler knows when a trial can next be due; before that nothing can be decided, and a report that nobody needs
to answer costs no round trip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poptune.core.nested import MISSING, lookup
from poptune.core.objective import is_real


@dataclass(frozen=True, slots=True)
class Lease:
    """What ends the lease of a trial.

    Attributes:
        ready_at: A reported number and the value from which on the trial may be due for a decision, or None.
        stop_at: Reported numbers and the values from which on the trial stops.
        every: Each report waits for an answer.

    >>> lease = Lease(ready_at=("training_iteration", 8), stop_at={"accuracy": 0.99})
    >>> lease.ends({"training_iteration": 7, "accuracy": 0.5}), lease.ends({"training_iteration": 8, "accuracy": 0.5})
    (False, True)
    """

    ready_at: tuple[str, float] | None = None
    stop_at: Mapping[str, float] = field(default_factory=dict)
    every: bool = False

    def ends(self, metrics: Mapping[str, Any]) -> bool:
        """Say whether a report with these metrics must wait for an answer."""
        return self.every or self.is_due(metrics) or self.stops(metrics) is not None

    def is_due(self, metrics: Mapping[str, Any]) -> bool:
        """Say whether a decision may be due. A number that is missing or NaN counts as due: that must be answered."""
        if self.ready_at is None:
            return False
        name, threshold = self.ready_at
        value = lookup(metrics, name)
        return not is_real(value) or not value < threshold

    def stops(self, metrics: Mapping[str, Any]) -> str | None:
        """Return the criterion of `stop_at` that is met, in words, or None. Numbers that are missing meet nothing."""
        if lookup(metrics, "done") is True:
            return "done"
        for name, threshold in self.stop_at.items():
            value = lookup(metrics, name)
            if value is not MISSING and is_real(value) and value >= threshold:
                return f"{name} >= {threshold:g}"
        return None

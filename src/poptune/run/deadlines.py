"""How long a run waits for a report, and for the last trials of a synchronous round."""

from __future__ import annotations

import time
from collections.abc import Callable

from poptune.core.population import Population

_LONGEST_LOOK_S = 1.0


class Deadlines:
    """Knows who lets the run wait for too long. Clocks that people set play no part.

    Nobody is blamed for a report that did not come while everything stood still: batch systems suspend whole jobs. The
    run looks many times a second, so whatever lies between two looks counts for a second at most.

    Args:
        report_s: Most seconds in which a trial that trains must report; None: no limit.
        round_s: Most seconds between two trials that come to the same round; None: no limit.
        clock: Says the time in seconds.

    >>> times = iter([0.0, 0.2, 0.5, 1.1])
    >>> deadlines = Deadlines(1, None, lambda: next(times))
    >>> deadlines.heard(0), deadlines.heard(1)
    (None, None)
    >>> deadlines.silent(), deadlines.silent()
    ([], [0])
    """

    def __init__(
        self, report_s: float | None, round_s: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report_s = report_s
        self._round_s = round_s
        self._clock = clock
        self._heard: dict[int, float] = {}  # when a worker in which a trial trains last said something of it
        self._looked_at: float | None = None
        self._awake_s = 0.0
        self._came: tuple[int, float] = 0, 0.0  # how many wait for a decision, and since when they are so many

    def heard(self, worker: int) -> None:
        """A trial reported, or begins to train, in a worker."""
        if self._report_s is not None:
            self._heard[worker] = self._look()

    def rests(self, worker: int) -> None:
        """No trial trains in a worker now."""
        self._heard.pop(worker, None)

    def silent(self) -> list[int]:
        """Return, and forget, the workers in which a trial has trained for too long without a report."""
        if not self._heard or self._report_s is None:
            return []
        since = self._look() - self._report_s
        found = [worker for worker, heard in self._heard.items() if heard < since]
        for worker in found:
            self.rests(worker)
        return found

    def _look(self) -> float:
        """Return the seconds since the first look, without those in which the run was stopped."""
        now = self._clock()
        if self._looked_at is not None:
            self._awake_s += min(now - self._looked_at, _LONGEST_LOOK_S)
        self._looked_at = now
        return self._awake_s

    def stragglers(self, population: Population) -> list[str]:
        """Return the trials that a round has waited for too long, and that are not known to be late."""
        if self._round_s is None:
            return []
        now, waiting = self._clock(), len(population.due)
        if waiting != self._came[0]:
            self._came = waiting, now
        if not waiting or now - self._came[1] < self._round_s:
            return []
        return [
            trial.id
            for trial in population
            if trial.status.is_live and trial.id not in population.due and trial.id not in population.late
        ]

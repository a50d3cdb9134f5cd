"""Who trains next, and where: a population larger than the workers takes turns, whoever is furthest behind first."""

from __future__ import annotations

import math
from collections import Counter

from poptune.core.population import Population
from poptune.core.trial import Trial


class Turns:
    """Which trials could train, and which workers are free.

    A trial stays in the worker that it was first given to, so that its turn costs no checkpoint. A worker takes no more
    than its share of the live trials.

    Args:
        workers: How many there are; they are free once `worker_is_ready` says so.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._homes: dict[str, int] = {}
        self._residents: Counter[int] = Counter()
        self._running: dict[int, str | None] = {}
        self._eager: dict[str, None] = {}

    def home(self, trial: str) -> int | None:
        """Return the worker that a trial lives in."""
        return self._homes.get(trial)

    def running(self, worker: int) -> str | None:
        """Return the trial that trains in a worker now."""
        return self._running.get(worker)

    def worker_is_ready(self, worker: int) -> None:
        """A worker can take its first trial."""
        self._running[worker] = None

    def worker_is_lost(self, worker: int) -> list[str]:
        """A worker is gone: return who lived there."""
        self._running.pop(worker, None)
        lost = [trial for trial, home in self._homes.items() if home == worker]
        for trial in lost:
            self.leave(trial)
        return lost

    def want(self, trial: str) -> None:
        """A trial could train."""
        self._eager[trial] = None

    def block(self, worker: int) -> None:
        """The trial that trained in a worker waits, or has ended: the worker is free."""
        self._running[worker] = None

    def leave(self, trial: str) -> None:
        """A trial lives nowhere any more."""
        self._eager.pop(trial, None)
        if (home := self._homes.pop(trial, None)) is not None:
            self._residents[home] -= 1

    def take(self, population: Population) -> list[tuple[int, str]]:
        """Return (worker, trial) for every free worker that somebody can train in, and consider them running."""
        taken = []
        room = math.ceil(population.live / self._workers) if population.live else 0
        for worker, running in self._running.items():
            if running is None and (trial := self._next(worker, room, population)) is not None:
                del self._eager[trial]
                if trial not in self._homes:
                    self._homes[trial] = worker
                    self._residents[worker] += 1
                self._running[worker] = trial
                taken.append((worker, trial))
        return taken

    def _next(self, worker: int, room: int, population: Population) -> str | None:
        can_move_in = self._residents[worker] < room
        candidates = [
            trial
            for trial in self._eager
            if (home := self._homes.get(trial)) == worker or (home is None and can_move_in)
        ]
        return min(candidates, key=lambda trial: _behind(population[trial]), default=None)


def _behind(trial: Trial) -> tuple[float, int]:
    return trial.last_ready, trial.index

"""Who trains next, and where: a population larger than the workers takes turns, whoever is furthest behind first."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict

from poptune.core.trial import Trial

Entry = tuple[tuple[int, float, int], str]  # how far a trial is, and its id: the smallest goes first


class Turns:
    """Which trials could train, and which workers are free.

    A trial stays in the worker that it was first given to, so that its turn costs no checkpoint. A worker takes no more
    than its share of the live trials. Workers are free once `worker_is_ready` says so.
    """

    def __init__(self) -> None:
        self._homes: dict[str, int] = {}
        self._residents: Counter[int] = Counter()
        self._running: dict[int, str] = {}
        self._free: set[int] = set()
        # Queues by home; None is the queue of those that live nowhere yet. An entry counts only while it is the trial's
        # entry in `_wanting`: those that left are skipped when they come up.
        self._queues: defaultdict[int | None, list[Entry]] = defaultdict(list)
        self._wanting: dict[str, Entry] = {}

    def home(self, trial: str) -> int | None:
        """Return the worker that a trial lives in."""
        return self._homes.get(trial)

    def running(self, worker: int) -> str | None:
        """Return the trial that trains in a worker now."""
        return self._running.get(worker)

    def worker_is_ready(self, worker: int) -> None:
        """A worker can take its first trial."""
        self._free.add(worker)

    def worker_is_lost(self, worker: int) -> list[str]:
        """A worker is gone: return who lived there."""
        self._running.pop(worker, None)
        self._free.discard(worker)
        lost = [trial for trial, home in self._homes.items() if home == worker]
        for trial in lost:
            self.leave(trial)
        return lost

    def want(self, trial: Trial) -> None:
        """A trial could train."""
        entry = (trial.behind, trial.id)
        self._wanting[trial.id] = entry
        heapq.heappush(self._queues[self._homes.get(trial.id)], entry)

    def block(self, worker: int) -> None:
        """The trial that trained in a worker waits, or has ended: the worker is free."""
        self._running.pop(worker, None)
        self._free.add(worker)

    def leave(self, trial: str) -> None:
        """A trial lives nowhere any more."""
        self._wanting.pop(trial, None)
        if (home := self._homes.pop(trial, None)) is not None:
            self._residents[home] -= 1

    def crowded(self, live: int, workers: int) -> list[str]:
        """Return trials that do not train now and live in a worker beyond its share, as many as are beyond it."""
        room = _share(live, workers)
        beyond = {worker: count - room for worker, count in self._residents.items() if count > room}
        crowded = []
        for trial, home in self._homes.items() if beyond else ():
            if beyond.get(home, 0) > 0 and self._running.get(home) != trial:
                beyond[home] -= 1
                crowded.append(trial)
        return crowded

    def take(self, live: int, workers: int) -> list[tuple[int, str]]:
        """Return (worker, trial) for every free worker that somebody can train in, and consider them running.

        Args:
            live: How many trials share the workers.
            workers: How many workers there are, those included that will be ready soon.
        """
        room = _share(live, workers)
        taken = []
        for worker in sorted(self._free) if self._wanting else ():
            if (trial := self._next(worker, room)) is not None:
                del self._wanting[trial]
                if trial not in self._homes:
                    self._homes[trial] = worker
                    self._residents[worker] += 1
                self._free.remove(worker)
                self._running[worker] = trial
                taken.append((worker, trial))
        return taken

    def _next(self, worker: int, room: int) -> str | None:
        queues = [self._queues[worker]]
        if self._residents[worker] < room:
            queues.append(self._queues[None])
        heads = [(queue[0], queue) for queue in queues if self._has_head(queue)]
        if not heads:
            return None
        entry, queue = min(heads, key=lambda head: head[0])
        heapq.heappop(queue)
        return entry[1]

    def _has_head(self, queue: list[Entry]) -> bool:
        """Drop entries of trials that left, and say whether one remains."""
        while queue and self._wanting.get(queue[0][1]) is not queue[0]:
            heapq.heappop(queue)
        return bool(queue)


def _share(live: int, workers: int) -> int:
    return math.ceil(live / max(1, workers))

"""An executor on virtual time: a study of hours with many workers takes seconds, and is the same each time.

It runs class trainables in this process, keeps their checkpoints in memory, and moves a clock of its own from one
report to the next.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from poptune.core.lease import Lease
from poptune.core.nested import Config, copy_tree
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import UsageError
from poptune.executors.base import (
    Command,
    Halt,
    Job,
    Message,
    ReportArrived,
    Resume,
    Start,
    TrialRaised,
    WorkerLost,
    WorkerReady,
)
from poptune.executors.counting import count
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables.class_api import ClassRun
from poptune.trainables.session import TrialContext

Seconds = Callable[[str, int], float]


class SimulatedExecutor:
    """Runs class trainables on virtual time.

    The trainables must return their checkpoints as dictionaries.

    Args:
        workers: How many trials train at the same time.
        seconds: How long an iteration takes, by trial id and iteration.
        losses: (time in seconds, worker): that worker dies then, and a new one takes its place.

    Attributes:
        now: The virtual time, in seconds.
        loads: How often a trial was started from a checkpoint.
    """

    def __init__(
        self,
        workers: int = 2,
        seconds: Seconds = lambda trial, iteration: 1.0,
        losses: Sequence[tuple[float, int]] = (),
    ) -> None:
        self.now = 0.0
        self.loads = 0
        self._workers = workers
        self._seconds = seconds
        self._losses = losses
        self._order = itertools.count()  # of equal times, what was scheduled first comes first
        self._agenda: list[tuple[float, int, int, _SimulatedTrial | None]] = []  # no trial: the worker is lost
        self._trials: dict[str, _SimulatedTrial] = {}
        self._saved: dict[str, Checkpoint] = {}
        self._messages: list[Message] = []

    @property
    def workers(self) -> int:
        """How many trials train at the same time."""
        return self._workers

    def open(self, job: Job) -> None:
        """Take up a job."""
        if not job.trainable.is_class:
            raise UsageError("SimulatedExecutor runs class trainables: derive one from tune.Trainable.")
        self._job = job
        self._messages = [WorkerReady(n, 0, "simulated", "0.0.0.0") for n in range(self._workers)]
        for time, worker in self._losses:
            heapq.heappush(self._agenda, (time, next(self._order), worker, None))

    def send(self, worker: int, command: Command) -> None:
        """Carry out a command."""
        match command:
            case Start():
                self._start(worker, command)
            case Resume():
                self._trials[command.trial].lease = command.lease
                self._schedule(worker, command.trial)
            case Halt():
                self._forget(command.trial)

    def end(self, worker: int) -> None:
        """Lose a worker now."""
        self._lose(worker)

    def _start(self, worker: int, start: Start) -> None:
        trial = self._trials.get(start.trial)
        if trial is None:
            trial = self._trials[start.trial] = _SimulatedTrial(start.trial, self._job)
        checkpoint = self._saved[start.checkpoint.path] if start.checkpoint else None
        self.loads += checkpoint is not None
        trial.assign(start, worker, checkpoint)
        self._schedule(worker, start.trial)

    def _schedule(self, worker: int, trial: str) -> None:
        resident = self._trials[trial]
        seconds = self._seconds(trial, resident.progress.iteration + 1)
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), worker, resident))

    def receive(self, timeout_s: float) -> Sequence[Message]:
        """Move the clock to the next thing that happens, and return what is said then."""
        while not self._messages and self._agenda:
            self.now, _, worker, trial = heapq.heappop(self._agenda)
            if trial is None:
                self._lose(worker)
            elif self._trials.get(trial.name) is trial:  # not one that was lost with its worker
                self._advance(worker, trial.name)
        messages, self._messages = self._messages, []
        return messages

    def _advance(self, worker: int, name: str) -> None:
        trial = self._trials[name]
        try:
            metrics, saved = trial.advance(self.now)
        except Exception as error:
            line = f"{type(error).__name__}: {error}"
            usage = isinstance(error, UsageError)
            self._messages.append(TrialRaised(worker, name, line, traceback.format_exc(), usage))
            self._forget(name)
            return
        record = None
        if saved is not None:
            record = SavedCheckpoint(f"{trial.folder}/checkpoint_{trial.saves:06d}", name, trial.progress)
            trial.saves += 1
            self._saved[record.path] = saved
        waits = trial.lease.ends(metrics)
        self._messages.append(ReportArrived(worker, name, metrics, trial.progress, record, waits, is_final=False))
        if not waits:
            self._schedule(worker, name)

    def _lose(self, worker: int) -> None:
        for name in [name for name, trial in self._trials.items() if trial.worker == worker]:
            del self._trials[name]
        self._messages.append(WorkerLost(worker, "was lost as planned"))
        self._messages.append(WorkerReady(worker, 0, "simulated", "0.0.0.0"))

    def _forget(self, trial: str) -> None:
        if gone := self._trials.pop(trial, None):
            gone.run.end()

    def close(self) -> Sequence[Message]:
        """End all trials."""
        for trial in list(self._trials):
            self._forget(trial)
        return []


class _SimulatedTrial:
    """One trial that lives in a simulated worker."""

    def __init__(self, name: str, job: Job) -> None:
        self.name = name
        self.run = ClassRun(job.trainable.target, job.checkpointing, job.trainable.parameters)  # type: ignore[arg-type]
        self.config: Config = {}
        self.checkpoint: Checkpoint | None = None
        self.progress = self.first = Progress()
        self.context = TrialContext()
        self.lease = Lease()
        self.worker = 0
        self.folder = ""
        self.saves = 0
        self.resumed_at: float | None = None

    def assign(self, start: Start, worker: int, checkpoint: Checkpoint | None) -> None:
        self.config = copy_tree(start.config)
        self.checkpoint = copy.deepcopy(checkpoint)
        self.progress = self.first = start.progress
        self.context = TrialContext(trial_id=start.trial)
        self.lease = start.lease
        self.worker, self.folder, self.saves = worker, start.folder, start.next_checkpoint
        self.run.begin(self)

    def advance(self, now: float) -> tuple[dict[str, Any], Checkpoint | None]:
        """Train one iteration."""
        metrics = self.run.step()
        report, self.progress = count(metrics, before=self.progress, first=self.first, elapsed_s=1.0, timestamp=now)
        if not self.run.wants_checkpoint(report, self.progress.iteration, self.lease):
            return report, None
        return report, copy.deepcopy(self.run.save(Path()))

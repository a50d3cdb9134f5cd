"""Who trains next, where, and what workers are told."""

from __future__ import annotations

from collections.abc import Callable

from poptune.core.events import TrialEvicted, TrialStarted
from poptune.core.lease import Lease
from poptune.core.population import Population
from poptune.core.trial import Status, Trial
from poptune.executors.base import Command, Executor, Halt, Resume, WorkerReady
from poptune.faults import fault
from poptune.run.deadlines import Deadlines
from poptune.run.recording import Recording
from poptune.run.turns import Turns


class Dispatch:
    """Gives trials turns in workers.

    Args:
        population: Whose trials.
        executor: Has the workers.
        recording: Writes down who starts, before it does.
        lease: Says how far a trial may train before it waits for an answer.
        deadlines: Are told who begins to train.
    """

    def __init__(
        self,
        population: Population,
        executor: Executor,
        recording: Recording,
        lease: Callable[[Trial], Lease],
        deadlines: Deadlines,
    ) -> None:
        self._population = population
        self._executor = executor
        self._recording = recording
        self._lease = lease
        self._deadlines = deadlines
        self._turns = Turns()
        self._ready: dict[int, WorkerReady] = {}
        self._workers = 0  # how many there were when trials were last spread over them
        self._commands: list[tuple[int, Command]] = []

    # Workers.

    def worker_is_ready(self, message: WorkerReady) -> None:
        """A worker can take its first trial."""
        self._ready[message.worker] = message
        self._turns.worker_is_ready(message.worker)

    def is_ready(self, worker: int) -> bool:
        """Whether a worker could ever take a trial."""
        return worker in self._ready

    def worker_is_free(self, worker: int) -> None:
        """The trial that trained in a worker waits, or has ended."""
        self._turns.block(worker)

    def worker_is_lost(self, worker: int) -> list[str]:
        """A worker is gone, with what it was to be told: return who lived there."""
        self._commands = [command for command in self._commands if command[0] != worker]
        self._ready.pop(worker, None)
        return self._turns.worker_is_lost(worker)

    def running(self, worker: int) -> str | None:
        """Return the trial that trains in a worker now."""
        return self._turns.running(worker)

    # Trials.

    def want(self, trial: str) -> None:
        """A trial could train."""
        self._turns.want(self._population[trial])

    def forget(self, trial: str) -> None:
        """A trial lives nowhere any more."""
        self._turns.leave(trial)

    def halt(self, trial: str, worker: int | None = None) -> None:
        """End what lives of a trial, wherever it does.

        Args:
            worker: Where it waits, if that is known; it may have been forgotten.
        """
        home = self._turns.home(trial) if worker is None else worker
        if home is not None:
            self._commands.append((home, Halt(trial)))
        self._turns.leave(trial)

    def evict(self, trial: str, reason: str) -> None:
        """Let a trial that lives nowhere any more go on from its newest checkpoint."""
        self._recording.note(TrialEvicted(trial, reason))
        if self._population[trial].status is Status.PENDING:
            self.want(trial)

    # Commands.

    def spread(self) -> None:
        """Workers joined: let waiting trials that lose nothing by it move there."""
        workers = self._executor.workers
        if workers <= self._workers:
            self._workers = workers
            return
        crowded = self._turns.crowded(self._population.live, workers) if self._workers else []
        for trial in map(self._population.__getitem__, crowded):
            if trial.checkpoint and trial.checkpoint.progress == trial.progress:
                self.halt(trial.id)
                self.evict(trial.id, "it moves to a worker that joined")
            else:
                return  # it reports first: then trials are spread
        self._workers = workers

    def give_turns(self) -> None:
        """Let trials train in the workers that are free."""
        starts = self._recording.starts
        for worker, trial_id in self._turns.take(self._population.live, self._executor.workers):
            trial = self._population[trial_id]
            lease = self._lease(trial)
            self._deadlines.heard(worker)
            if cause := starts.cause(trial_id):
                where = self._ready[worker]
                at = where.pid, where.hostname, where.node_ip
                self._recording.note(TrialStarted(trial_id, cause, trial.progress, worker, *at))
                self._commands.append((worker, starts.command(trial, lease)))
            else:
                self._commands.append((worker, Resume(trial_id, lease)))

    def carry_out(self) -> None:
        """Send the commands that were given. What they rest on must have been written."""
        commands, self._commands = self._commands, []
        for worker, command in commands:
            self._executor.send(worker, command)
            fault("command_sent")

"""What an executor is: commands in, messages out.

A *worker* is a place where one trial trains at a time; further trials may live in it and wait. The runner says who
trains next and never gives a worker a second trial before the first has blocked, ended or been halted.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

from poptune.core.lease import Lease
from poptune.core.nested import Config
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.packed import Packed


@dataclass(frozen=True, slots=True)
class Job:
    """What all workers of a run know.

    Attributes:
        trainable: What to train.
        run_dir: The directory of the run, absolute.
        experiment_name: Its name.
        checkpointing: When class trainables save.
        is_durable: Whether a checkpoint must survive a power cut before its report counts.
        in_trial_dirs: Whether training code has its trial's folder as working directory.
    """

    trainable: Packed
    run_dir: Path
    experiment_name: str
    checkpointing: CheckpointConfig = field(default_factory=CheckpointConfig)
    is_durable: bool = False
    in_trial_dirs: bool = False


# Commands: from the runner to a worker.


@dataclass(frozen=True, slots=True)
class Start:
    """Call a trial's function, from the beginning or from a checkpoint; if it runs there already, unwind it first.

    Attributes:
        folder: The trial's folder, relative to the run directory.
        config: Hyperparameters to train with.
        progress: Counters to go on from.
        checkpoint: Weights to go on from; None at the beginning.
        next_checkpoint: Number of the next checkpoint.
        seed: What the global generators are seeded with.
        lease: How far to train without an answer.
        draws_on: The checkpoint is the trial's own: once it takes it, its generators stand where they stood then.
    """

    trial: str
    folder: str
    config: Config
    progress: Progress
    checkpoint: SavedCheckpoint | None
    next_checkpoint: int
    seed: int
    lease: Lease
    draws_on: bool = False


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a trial that waits go on under a new lease."""

    trial: str
    lease: Lease


@dataclass(frozen=True, slots=True)
class Halt:
    """Unwind a trial and forget it."""

    trial: str


Command = Start | Resume | Halt


# Messages: from a worker to the runner.


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker can take commands."""

    worker: int
    pid: int
    hostname: str
    node_ip: str


@dataclass(frozen=True, slots=True)
class ReportArrived:
    """A trial reported.

    Attributes:
        metrics: Its metrics with the automatic ones.
        progress: Its counters, this report included.
        checkpoint: The checkpoint that came along, stored already.
        waits: The trial is blocked until it is answered; its worker is free for another.
        is_final: The function returned it; no decision looks at it.
    """

    worker: int
    trial: str
    metrics: Mapping[str, Any]
    progress: Progress
    checkpoint: SavedCheckpoint | None
    waits: bool
    is_final: bool


@dataclass(frozen=True, slots=True)
class TrialReturned:
    """A trial's function returned. Its worker is free."""

    worker: int
    trial: str


@dataclass(frozen=True, slots=True)
class TrialRaised:
    """A trial's function raised. Its worker is free.

    Attributes:
        error: The exception in one line, with a hint if memory ran out.
        traceback: The user's part of the traceback.
        is_usage_error: PopTune raised it because it was called wrongly.
    """

    worker: int
    trial: str
    error: str
    traceback: str
    is_usage_error: bool


@dataclass(frozen=True, slots=True)
class CheckpointBroken:
    """A trial was not started: the checkpoint that it should go on from is damaged or gone. Its worker is free.

    Attributes:
        checkpoint: Which one.
        reason: What is wrong with it.
    """

    worker: int
    trial: str
    checkpoint: SavedCheckpoint
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker is gone with all trials that lived in it. A new one takes its number, at once or when there is room.

    Attributes:
        reason: What is known of its end, such as "was killed by signal 9 (SIGKILL)".
        is_blameless: No trial can have caused it: its machine left, for example.
        hint: Sentences on what may be behind it and what to do, or empty.
    """

    worker: int
    reason: str
    is_blameless: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class WorkerBroken:
    """A worker cannot take up its job, and no other would: the trainable cannot be loaded there, for example."""

    worker: int
    error: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Code in a worker wrote to its standard output or error."""

    worker: int
    text: str


Message = (
    WorkerReady | ReportArrived | TrialReturned | TrialRaised | CheckpointBroken | WorkerLost | WorkerBroken | Printed
)


def _travels_as_call(kind: type[Any]) -> None:
    """Let records of a kind be pickled as the call that makes them, in half the time that dataclasses take."""
    values = attrgetter(*(each.name for each in fields(kind)))
    copyreg.pickle(kind, lambda record: (kind, values(record)))


for _kind in (ReportArrived, Progress, SavedCheckpoint, Resume, Lease):  # what travels with every report
    _travels_as_call(_kind)


class Executor(Protocol):
    """Runs trials in workers. `poptune.testing.contracts` says in tests what every executor promises."""

    @property
    def workers(self) -> int:
        """How many trials train at the same time. May change from one call to the next, as machines join and leave."""

    def open(self, job: Job) -> None:
        """Start the workers. Each says `WorkerReady` once."""

    def send(self, worker: int, command: Command) -> None:
        """Carry out a command. A command to a lost worker is dropped: `WorkerLost` says so."""

    def end(self, worker: int) -> None:
        """Kill a worker in which a trial hangs, and say `WorkerLost`; if it is the driver itself, do nothing."""

    def receive(self, timeout_s: float) -> Sequence[Message]:
        """Return the messages that have come, in order per worker; wait up to a time if there are none."""

    def close(self) -> Sequence[Message]:
        """Unwind all trials and end all workers; may be called at any time, and twice.

        Returns:
            What workers still printed.
        """

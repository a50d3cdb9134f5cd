"""What happened. The journal is a list of these and of decisions; a population is the fold of that list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from poptune.core.nested import Config
from poptune.core.trial import Progress, SavedCheckpoint

Cause = Literal["first", "exploit", "recovery"]


@dataclass(frozen=True, slots=True)
class TrialAdded:
    """A trial joined the population.

    Attributes:
        index: Its position, from 0.
        config: Its first hyperparameters.
        tag: Short text that tells first configs apart.
        folder: Its folder, relative to the run directory.
    """

    trial: str
    index: int
    config: Config
    tag: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial's training was started: for the first time, as a clone, or again after a failure.

    Attributes:
        cause: Why. After a `"recovery"`, reports beyond `progress` are lost and will come again.
        progress: Counters that training goes on from.
        worker: Number of the worker that hosts it.
        pid: Process id of that worker.
        hostname: Name of its machine.
        node_ip: Address of its machine.
    """

    trial: str
    cause: Cause
    progress: Progress
    worker: int
    pid: int
    hostname: str
    node_ip: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A trial reported metrics, and perhaps saved a checkpoint."""

    trial: str
    metrics: Mapping[str, Any]
    progress: Progress
    checkpoint: SavedCheckpoint | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A trial is due for a decision; it ranks with this score from now on, and waits.

    Attributes:
        time: The `time_attr` of the report.
        score: Larger is better; NaN ranks below everything.
    """

    trial: str
    time: float
    score: float


@dataclass(frozen=True, slots=True)
class Overdue:
    """A trial is due for a decision, but its report carries no checkpoint: the decision waits for one that does.

    Attributes:
        interval: The perturbation interval, in units of `time_attr`; None if a schedule says when.
        checkpoint_every: Iterations between the trial's last two checkpoints; None if it never saved one.
    """

    trial: str
    time: float
    interval: float | None
    checkpoint_every: int | None


@dataclass(frozen=True, slots=True)
class TrialLate:
    """A synchronous round has waited for a trial for too long, and goes on without it until it is due.

    Attributes:
        waited_s: How long nobody else came, in seconds.
    """

    trial: str
    waited_s: float


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial's function returned."""

    trial: str


@dataclass(frozen=True, slots=True)
class TrialFailed:
    """A trial's code raised, or its worker died while it trained.

    Attributes:
        error: One line: what happened.
        traceback: The user's traceback, or empty.
        retry: It starts again from its newest checkpoint.
    """

    trial: str
    error: str
    traceback: str
    retry: bool


@dataclass(frozen=True, slots=True)
class TrialEvicted:
    """A trial lost its place in a worker through no fault of its own, and starts again from its newest checkpoint."""

    trial: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrialRevived:
    """A trial that had failed for good is live again, and starts from its newest checkpoint."""

    trial: str


@dataclass(frozen=True, slots=True)
class TrialReset:
    """A trial gave up its weights and begins again from nothing.

    Attributes:
        config: Its first hyperparameters.
        generation: Decision points that it had passed. What it was at them may still be behind weights of others.
    """

    trial: str
    config: Config
    generation: int


@dataclass(frozen=True, slots=True)
class CheckpointDeleted:
    """Retention removed a checkpoint that nothing needs any more."""

    trial: str
    path: str


@dataclass(frozen=True, slots=True)
class CheckpointLost:
    """A checkpoint cannot be used any more: its files are damaged, or gone. Found out before it was used.

    Attributes:
        trial: Who saved it.
        path: Its folder, relative to the run directory.
        reason: What is wrong with it.
    """

    trial: str
    path: str
    reason: str


Event = (
    TrialAdded
    | TrialStarted
    | Reported
    | Ready
    | Overdue
    | TrialLate
    | TrialFinished
    | TrialFailed
    | TrialEvicted
    | TrialRevived
    | TrialReset
    | CheckpointDeleted
    | CheckpointLost
)

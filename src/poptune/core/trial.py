"""A trial: one member of the population, as a frozen record that events replace by its successor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from poptune.core.nested import Config


class Status(str, Enum):
    """Where a trial is in its life; the words are Ray Tune's.

    PENDING ──▶ RUNNING ◀──▶ PAUSED        PAUSED: due for a decision, waits for it
       ▲           │
       └─ failed ──┤──▶ TERMINATED          reached its stop criterion, or its function returned
          (retry)  └──▶ ERROR               failed for good
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    TERMINATED = "TERMINATED"
    ERROR = "ERROR"

    @property
    def is_live(self) -> bool:
        """Whether the trial may still train."""
        return self in (Status.PENDING, Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Progress:
    """The counters that belong to weights, and go where the weights go.

    Attributes:
        iteration: `training_iteration`: reports behind these weights.
        time_total_s: Seconds of training behind these weights.
        timesteps_total: Sum of the reported `timesteps_this_iter`, None if never reported.
        episodes_total: Sum of the reported `episodes_this_iter`, None if never reported.
    """

    iteration: int = 0
    time_total_s: float = 0.0
    timesteps_total: int | None = None
    episodes_total: int | None = None


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """A checkpoint that lies whole in the store.

    Attributes:
        path: Folder, relative to the run directory, with `/` between its parts.
        trial: Id of the trial that saved it.
        progress: Counters at the report that carried it.
        size: Bytes of all its files.
        checksum: XXH3 over names and contents of all its files, as 16 hexadecimal digits.
        stamp: By which is seen that nobody touched its files since they were saved; empty if that cannot be known. It
            is good for this sitting and never written down.
    """

    path: str
    trial: str
    progress: Progress
    size: int = 0
    checksum: str = ""
    stamp: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial at its last decision point: what ranking sees, and what a clone of it would be.

    Score, weights, counters and config belong to one moment, so a clone never mixes two.
    """

    score: float
    time: float
    generation: int
    progress: Progress
    checkpoint: SavedCheckpoint
    config: Config


@dataclass(frozen=True, slots=True)
class Trial:
    """One member of the population.

    Attributes:
        id: Unique in the run, such as `"4f1c2_00003"`.
        index: Position in the population, from 0.
        config: Hyperparameters in force.
        tag: Its experiment tag: short text that tells trials apart, such as `"3_lr=0.0100"`; once it is a clone, also
            what was varied, as in `"3_lr=0.0100@perturbed[lr=0.0080]"`.
        folder: Its folder, relative to the run directory.
        status: Where the trial is in its life.
        progress: Counters of its present weights.
        metrics: The newest value of each key that it reported.
        generation: Decision points passed.
        last_ready: `time_attr` at the last decision point of its present weights.
        last_score: Score that those had there, None before the first.
        is_overdue: A decision is due and waits for a report that carries a checkpoint.
        standing: The trial at its last decision point; None before the first.
        checkpoint: Newest saved state of its present weights: where a restart begins.
        checkpoint_every: Iterations between its last two checkpoints, None before the first.
        exploits: How often it became a clone, of itself with other hyperparameters included.
        failures: How often it failed.
        error: What made it fail for good, with the user's traceback.
        hostname: Name of the machine that its training was last started on, empty before the first start.
    """

    id: str
    index: int
    config: Config
    tag: str = ""
    folder: str = ""
    status: Status = Status.PENDING
    progress: Progress = Progress()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0
    last_ready: float = 0.0
    last_score: float | None = None
    is_overdue: bool = False
    standing: Standing | None = None
    checkpoint: SavedCheckpoint | None = None
    checkpoint_every: int | None = None
    exploits: int = 0
    failures: int = 0
    error: str | None = None
    hostname: str = ""

    @property
    def behind(self) -> tuple[int, float, int]:
        """Who has the smallest is furthest behind, and trains next.

        Turns taken count before `time_attr`: a clone may be set back in time, and would otherwise be furthest behind
        again and again while its donor never gets a turn.
        """
        return self.generation + self.failures, self.last_ready, self.index

    @property
    def first_tag(self) -> str:
        """Its experiment tag before it ever was a clone."""
        return self.tag.partition("@perturbed[")[0]

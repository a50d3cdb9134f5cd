"""What to do next. Decisions are values: journaled first, then carried out by an executor.

There is no decision to wait: a trial that is due and has no decision yet waits.
"""

from __future__ import annotations

from dataclasses import dataclass

from poptune.core.explore import Operation
from poptune.core.nested import Config
from poptune.core.trial import SavedCheckpoint


@dataclass(frozen=True, slots=True)
class Continue:
    """The trial goes on as it is.

    Attributes:
        note: Why a clone was not made although one was due; empty otherwise.
    """

    trial: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exploit:
    """The trial goes on as a clone of its donor, with hyperparameters varied.

    Attributes:
        donor: Whose weights are taken; the trial itself if it goes on from its own with other hyperparameters.
        checkpoint: Those weights; saved when the donor got the score that it ranks with.
        config: The hyperparameters to go on with.
        donor_config: The hyperparameters that the donor ranked with.
        operations: What was done to each varied hyperparameter.
        iteration: `training_iteration` of the trial when it was decided.
        time: `time_attr` at the donor's decision point.
        score: Score of the trial, larger is better.
        donor_score: Score of the donor.
        generation: Decision points that the trial has passed, this one included.
        donor_generation: Decision points that the donor had passed when `checkpoint` was saved.
    """

    trial: str
    donor: str
    checkpoint: SavedCheckpoint
    config: Config
    donor_config: Config
    operations: tuple[Operation, ...]
    iteration: int
    time: float
    score: float
    donor_score: float
    generation: int
    donor_generation: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The trial has trained enough.

    Attributes:
        reason: The criterion that it met, such as `"training_iteration >= 100"`.
    """

    trial: str
    reason: str


Decision = Continue | Exploit | Stop

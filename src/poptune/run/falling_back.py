"""What a trial goes on from when the checkpoint that it should go on from is lost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from poptune.core.decisions import Exploit
from poptune.core.events import CheckpointDeleted, CheckpointLost, Ready, Reported, TrialAdded, TrialReset
from poptune.core.nested import Config, lookup
from poptune.core.objective import is_real
from poptune.core.trial import SavedCheckpoint, Trial
from poptune.errors import MetricError
from poptune.schedulers.base import Scheduler
from poptune.storage.journal import Journal
from poptune.storage.records import Record

_KINDS = (TrialAdded, Exploit, TrialReset, Ready, Reported, CheckpointDeleted, CheckpointLost)


def fallen_back(trial: Trial, lost: SavedCheckpoint, journal: Journal, scheduler: Scheduler) -> Exploit | TrialReset:
    """Return how a trial goes on without the checkpoint that it should go on from, with the config that it has.

    It goes on from the newest older checkpoint of whoever saved the lost one. If there is none, from the newest one of
    its own; if it has none, it begins again. Going on from other weights is an exploit, so that lineage, policy files
    and a restored run need no second case.

    Args:
        trial: Who should have gone on.
        lost: From what.
        journal: Of the run; it knows already that the checkpoint is lost.
        scheduler: Of the run; bound to its metric.
    """
    for owner in dict.fromkeys([lost.trial, trial.id]):
        if found := _newest(journal.records(*_KINDS, trial=owner), before=lost.path):
            return _exploit(trial, owner, *found, scheduler)
    return TrialReset(trial.id, trial.config, trial.generation)


def _newest(records: Iterable[Record], before: str) -> tuple[Reported, Config, int] | None:
    """Return the newest report with a checkpoint that is there, its config, and the decision points passed with it."""
    found: dict[str, tuple[Reported, Config, int]] = {}
    config: Config = {}
    generation = 0
    is_older = True
    for record in records:
        match record:
            case TrialAdded() | Exploit():
                config = record.config
            case TrialReset():
                config = record.config
                found.clear()
            case Ready():
                generation += 1
            case Reported(checkpoint=SavedCheckpoint(path=path)):
                is_older = is_older and path != before
                if is_older:
                    found[path] = record, config, generation + 1
            case CheckpointDeleted() | CheckpointLost():
                found.pop(record.path, None)
    return next(reversed(found.values()), None)


def _exploit(
    trial: Trial, donor: str, report: Reported, donor_config: Config, donor_generation: int, scheduler: Scheduler
) -> Exploit:
    assert report.checkpoint is not None  # it was chosen for it
    return Exploit(
        trial=trial.id,
        donor=donor,
        checkpoint=report.checkpoint,
        config=trial.config,
        donor_config=donor_config,
        operations=(),
        iteration=trial.progress.iteration,
        time=_time(report, scheduler),
        score=math.nan if trial.last_score is None else trial.last_score,
        donor_score=_score(report, scheduler),
        generation=trial.generation,
        donor_generation=donor_generation,
    )


def _time(report: Reported, scheduler: Scheduler) -> float:
    time: Any = lookup(report.metrics, getattr(scheduler, "time_attr", "training_iteration"))
    return time if is_real(time) else report.progress.iteration


def _score(report: Reported, scheduler: Scheduler) -> float:
    try:
        return scheduler.objective.score(report.metrics) if scheduler.objective else math.nan
    except MetricError:
        return math.nan

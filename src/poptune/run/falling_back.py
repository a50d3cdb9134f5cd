"""What a trial goes on from when the checkpoint that it should go on from is lost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
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

    It goes on from the newest checkpoint behind the lost one: an older one of whoever saved it, or what those weights
    were copied from. Weights that were given up for others are not behind these. If there is none, it goes on from the
    newest one of its own; if it has none, it begins again. Going on from other weights is an exploit, so that lineage,
    policy files and a restored run need no second case.

    Args:
        trial: Who should have gone on.
        lost: From what.
        journal: Of the run; it knows already that the checkpoint is lost.
        scheduler: Of the run; bound to its metric.
    """
    again = _behind(trial, lost, journal, scheduler)
    if again is None and (own := _older(journal.records(*_KINDS, trial=trial.id), lost.path)[0]):
        again = _exploit(trial, own[-1], scheduler)
    return again or TrialReset(trial.id, trial.config, trial.generation)


def _behind(trial: Trial, lost: SavedCheckpoint, journal: Journal, scheduler: Scheduler) -> Exploit | None:
    """Return how a trial goes on from the newest checkpoint that is behind a lost one and is there."""
    while True:
        older, origin = _older(journal.records(*_KINDS, trial=lost.trial), lost.path)
        if same := [saved for saved in older if saved.origin is origin]:
            return _exploit(trial, same[-1], scheduler)
        if origin is None:
            return None
        lost = origin.checkpoint
        gone = journal.records(CheckpointDeleted, CheckpointLost, trial=lost.trial)
        if lost.path not in {record.path for record in gone if isinstance(record, (CheckpointDeleted, CheckpointLost))}:
            return replace(origin, **_of(trial))


@dataclass(frozen=True, slots=True)
class _Saved:
    """A report with a checkpoint.

    Attributes:
        report: The report.
        config: In force then.
        generation: Decision points passed with it.
        origin: The exploit by which the trial had got its weights; None if it had begun with them.
    """

    report: Reported
    config: Config
    generation: int
    origin: Exploit | None


def _older(records: Iterable[Record], than: str) -> tuple[list[_Saved], Exploit | None]:
    """Return what a trial saved before a checkpoint and is there, oldest first, and how it got that one's weights."""
    saved: dict[str, _Saved] = {}
    config: Config = {}
    generation = 0
    origin: Exploit | None = None
    is_older = True
    behind: Exploit | None = None
    for record in records:
        match record:
            case TrialAdded():
                config = record.config
            case Exploit():
                config, origin = record.config, record
            case TrialReset():
                config, origin = record.config, None
                saved.clear()
            case Ready():
                generation += 1
            case Reported(checkpoint=SavedCheckpoint(path=path)):
                if path == than:
                    is_older, behind = False, origin
                if is_older:
                    saved[path] = _Saved(record, config, generation + 1, origin)
            case CheckpointDeleted() | CheckpointLost():
                saved.pop(record.path, None)
    return list(saved.values()), behind


def _exploit(trial: Trial, saved: _Saved, scheduler: Scheduler) -> Exploit:
    assert saved.report.checkpoint is not None  # it was chosen for it
    return Exploit(
        donor=saved.report.trial,
        checkpoint=saved.report.checkpoint,
        donor_config=saved.config,
        time=_time(saved.report, scheduler),
        donor_score=_score(saved.report, scheduler),
        donor_generation=saved.generation,
        **_of(trial),
    )


def _of(trial: Trial) -> dict[str, Any]:
    """Return what an exploit says of the trial that goes on from other weights with its own config."""
    return {
        "trial": trial.id,
        "config": trial.config,
        "operations": (),
        "iteration": trial.progress.iteration,
        "score": math.nan if trial.last_score is None else trial.last_score,
        "generation": trial.generation,
    }


def _time(report: Reported, scheduler: Scheduler) -> float:
    time: Any = lookup(report.metrics, getattr(scheduler, "time_attr", "training_iteration"))
    return time if is_real(time) else report.progress.iteration


def _score(report: Reported, scheduler: Scheduler) -> float:
    try:
        return scheduler.objective.score(report.metrics) if scheduler.objective else math.nan
    except MetricError:
        return math.nan

"""A run that was interrupted goes on: from its journal, and from what a journal cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poptune.core.decisions import Exploit, Stop
from poptune.core.domains import Categorical
from poptune.core.events import (
    CheckpointDeleted,
    Reported,
    TrialAdded,
    TrialEvicted,
    TrialReset,
    TrialRevived,
)
from poptune.core.nested import MISSING, Config, lookup
from poptune.core.population import Population
from poptune.core.space import is_grid_search
from poptune.core.trial import Status, Trial
from poptune.errors import UsageError
from poptune.storage.encoding import TextOf, dumps, loads
from poptune.storage.journal import Journal
from poptune.storage.records import Record


@dataclass(frozen=True)
class Resumption:
    """Which trials go on when a run is restored.

    Args:
        unfinished: Whether those that had neither ended nor failed go on, from their newest checkpoints.
        errored: Whether those that failed for good go on, from their newest checkpoints.
        restarted: Whether those that failed for good begin again from nothing.
    """

    unfinished: bool = True
    errored: bool = False
    restarted: bool = False


def resumed(past: Sequence[Record], seed: int, resumption: Resumption) -> list[Record]:
    """Return what happens first when a run is restored, so that every live trial waits for a worker.

    >>> past = [TrialAdded("a", 0, {"lr": 0.1}), Stop("a", "enough"), TrialAdded("b", 1, {"lr": 0.2})]
    >>> resumed(past, 0, Resumption(unfinished=False))
    [Stop(trial='b', reason='it was not finished, and resume_unfinished is off')]
    """
    population = Population.of(past, seed)
    first = {record.trial: record for record in past if isinstance(record, TrialAdded)}
    return [record for trial in population for record in _resumed(trial, first[trial.id], resumption)]


def _resumed(trial: Trial, added: TrialAdded, resumption: Resumption) -> Iterator[Record]:
    if trial.status.is_live and not resumption.unfinished:
        yield Stop(trial.id, "it was not finished, and resume_unfinished is off")
    elif trial.status is Status.RUNNING:
        yield TrialEvicted(trial.id, "the run was interrupted")
    elif trial.status is Status.ERROR and (resumption.errored or resumption.restarted):
        yield TrialRevived(trial.id)
        if resumption.restarted:
            yield TrialReset(trial.id, added.config, trial.generation)


def folders_of(past: Sequence[Record]) -> list[str]:
    """Return the folders of a run's trials, relative to its directory."""
    return [record.folder for record in past if isinstance(record, TrialAdded)]


def kept_checkpoints(past: Sequence[Record]) -> set[str]:
    """Return the paths of the checkpoints that a run keeps; whatever else lies there was left by a killed process."""
    saved = {record.checkpoint.path for record in past if isinstance(record, Reported) and record.checkpoint}
    return saved - {record.path for record in past if isinstance(record, CheckpointDeleted)}


def whole_records(journal: Journal, param_space: Mapping[str, Any]) -> list[Record]:
    """Return all records of a run; where configs held what has no JSON form, it is taken from the search space.

    Raises:
        UsageError: A trial that goes on lacks a value, since the search space does not have it.
    """
    past = [_refilled(record, param_space) for record in journal.records()]
    for trial in Population.of(past):
        if trial.status is Status.TERMINATED:
            continue
        if (lost := next(_lost(trial.config), None)) is not None:
            key, text = lost
            raise UsageError(
                f"{key!r} in the config of trial {trial.id} was {text}, which a journal cannot hold: give the search"
                " space again, Tuner.restore(path, trainable, param_space=...)."
            )
    return past


def _refilled(record: Record, space: Mapping[str, Any]) -> Record:
    match record:
        case TrialAdded() | TrialReset():
            return replace(record, config=_whole(record.config, space))
        case Exploit():
            return replace(record, config=_whole(record.config, space), donor_config=_whole(record.donor_config, space))
    return record


def _whole(config: Config, space: Mapping[str, Any], prefix: str = "") -> Config:
    whole: Config = {}
    for key, value in config.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            whole[key] = _whole(dict(value), space, f"{path}/")
        else:
            whole[key] = _original(value, lookup(space, path)) if _is_lost(value) else value
    return whole


def _original(value: Any, given: Any) -> Any:
    """Return what a text stands for: the constant of the search space, or the choice that has this text."""
    if given is MISSING:
        return value
    if isinstance(given, Categorical):
        choices: Sequence[Any] = given.categories
    elif is_grid_search(given):
        choices = given["grid_search"]
    else:
        return given
    return next((choice for choice in choices if loads(dumps(choice)) == value), value)


def _lost(config: Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, text) of what came back only as a text."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _lost(dict(value), f"{prefix}{key}/")
        elif _is_lost(value):
            yield f"{prefix}{key}", str(value)


def _is_lost(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_lost(item) for item in value)
    return isinstance(value, TextOf)

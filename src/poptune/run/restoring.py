"""A run that was interrupted goes on: from its journal, and from what a journal cannot hold."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
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
from poptune.core.nested import MISSING, Config, leaves
from poptune.core.population import Population
from poptune.core.trial import Status, Trial
from poptune.core.values import same
from poptune.errors import UsageError
from poptune.storage.encoding import TextOf, dumps, loads
from poptune.storage.records import Record

Keys = tuple[Hashable, ...]

INTERRUPTED = "the run was interrupted"  # why trials that trained then were evicted


@dataclass(frozen=True)
class Resumption:
    """Which trials go on when a run is restored.

    Args:
        unfinished: Whether those that had neither ended nor failed go on, from their newest checkpoints.
        errored: Whether those that failed for good go on, from their newest checkpoints.
        restarted: Whether those that failed for good begin again from nothing.
        extended: Whether those that were stopped train on if they have not trained enough by what counts now.
        force: Whether they go on although settings differ from those that the run was begun with.
    """

    unfinished: bool = True
    errored: bool = False
    restarted: bool = False
    extended: bool = False
    force: bool = False


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
        yield TrialEvicted(trial.id, INTERRUPTED)
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


class Originals:
    """The values behind texts: where a config held what has no JSON form, the journal has only its text.

    Args:
        first: Every trial's first config, drawn again from the search space; empty if it was not given.
        mutations: What the scheduler chooses new values from.

    >>> originals = Originals({"a": {"act": print}}, {})
    >>> originals.whole("a", {"act": TextOf("builtins.print"), "lr": 0.1})
    {'act': <built-in function print>, 'lr': 0.1}
    """

    def __init__(self, first: Mapping[str, Config], mutations: Mapping[str, Any]) -> None:
        self._first = first
        self._mutations = mutations

    def whole(self, trial: str | None, config: Config, path: Keys = ()) -> Config:
        """Return a config with values in place of texts; a text stays if no value, or more than one, has it.

        Args:
            trial: Whose first config it is; None: it is that of a clone.
            config: As it came from the journal.
            path: Where in the whole config it lies.
        """
        return {
            key: self.whole(trial, value, (*path, key))
            if type(value) is dict
            else self._original(trial, value, (*path, key))
            for key, value in config.items()
        }

    def _original(self, trial: str | None, value: Any, path: Keys) -> Any:
        if not is_lost(value):
            return value
        known = self._first.values() if trial is None else [self._first.get(trial, {})]
        values = [_at(config, path) for config in known]
        if trial is None:
            values += _choices(_at(self._mutations, path))
        alike = [one for one in values if one is not MISSING and loads(dumps(one)) == value]
        return alike[0] if alike and all(_is_same(one, alike[0]) for one in alike) else value


def whole_records(records: Iterable[Record], originals: Originals) -> list[Record]:
    """Return the records of a run with whole configs."""
    return [_whole(record, originals) for record in records]


def _whole(record: Record, originals: Originals) -> Record:
    match record:
        case TrialAdded() | TrialReset():
            return replace(record, config=originals.whole(record.trial, record.config))
        case Exploit():
            config, donor_config = (originals.whole(None, held) for held in (record.config, record.donor_config))
            return replace(record, config=config, donor_config=donor_config)
    return record


def check_whole(population: Population, is_given: bool) -> None:
    """Refuse to go on with a trial whose config is not whole.

    Args:
        population: As the run goes on.
        is_given: Whether the search space was given again.

    Raises:
        UsageError: It says which value of which trial is missing, and what to do.
    """
    for trial in population:
        for key, value in leaves(trial.config) if trial.status.is_live else ():
            if is_lost(value):
                name = "/".join(key)
                lost = f"{name!r} in the config of trial {trial.id} was {value}, which a journal cannot hold"
                if not is_given:
                    raise UsageError(
                        f"{lost}: give the search space again, Tuner.restore(path, trainable, param_space=...)."
                    )
                raise UsageError(
                    f"{lost}. In the search space and mutations that are given, no value has this text there, or"
                    " several have. Give those of the run; things to choose between must print differently."
                )


def is_lost(value: Any) -> bool:
    """Whether of a value, or of a part of it, only the text is left."""
    if isinstance(value, (list, tuple)):
        return any(is_lost(item) for item in value)
    if isinstance(value, dict):
        return any(is_lost(item) for item in value.values())
    return isinstance(value, TextOf)


def has_lost(records: Iterable[Record]) -> bool:
    """Whether some config among records is not whole."""
    return any(is_lost(record.config) for record in records if isinstance(record, (TrialAdded, TrialReset, Exploit)))


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same, or lists of the same: each trial has lists of its own."""
    if type(one) in (list, tuple) and type(one) is type(other) and len(one) == len(other):
        return all(map(_is_same, one, other))
    return same(one, other)


def _at(tree: Any, path: Keys) -> Any:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return MISSING
        tree = tree[key]
    return tree


def _choices(mutation: Any) -> list[Any]:
    if isinstance(mutation, Categorical):
        return list(mutation.categories)
    return list(mutation) if isinstance(mutation, (list, tuple)) else []

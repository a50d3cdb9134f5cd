"""A run that ended is extended: trials that had trained enough train further, and new ones join."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from poptune.core.decisions import Exploit, Stop
from poptune.core.events import Reported, TrialAdded, TrialFinished, TrialReset, TrialRevived
from poptune.core.nested import MISSING, Config, leaves
from poptune.core.population import Population
from poptune.core.safe_text import masked_value
from poptune.core.trial import Status
from poptune.errors import MetricError, OptionError
from poptune.run.rows import every_result
from poptune.run.stopping import StopCriteria
from poptune.schedulers.base import Scheduler
from poptune.storage.encoding import dumps
from poptune.storage.records import Record

_MOST_DIFFERENCES = 10


def revived(
    past: Sequence[Record], population: Population, criteria: StopCriteria, scheduler: Scheduler
) -> list[Record]:
    """Return what makes trials live again that were stopped, but have not trained enough by what counts now.

    The report that ended such a trial was never judged. It is judged now if the trial goes on from it, so that the
    extended run decides what one decides that was as long from the beginning.

    Args:
        past: All records of the run.
        population: Their fold; it takes in what is returned.
        criteria: When a trial has trained enough now.
        scheduler: Of the run.
    """
    last: dict[str, Record] = {}
    reports: dict[str, Reported] = {}
    for record in past:
        if isinstance(record, (Stop, TrialFinished, TrialRevived)):
            last[record.trial] = record
        elif isinstance(record, (Exploit, TrialReset)):
            reports.pop(record.trial, None)
        elif isinstance(record, Reported):
            reports[record.trial] = record
    stopped = [trial for trial, record in last.items() if isinstance(record, Stop)]
    enough = _met(past, reports, criteria)
    found: list[Record] = []
    for trial in stopped:
        if population[trial].status is Status.TERMINATED and trial not in enough:
            _take(TrialRevived(trial), population, found)
            if (report := reports.get(trial)) and report.checkpoint == population[trial].checkpoint is not None:
                _judge(report, population, scheduler, found)
    return found


def _met(past: Sequence[Record], reports: Mapping[str, Reported], criteria: StopCriteria) -> set[str]:
    """Return the trials whose newest result meets a criterion."""
    if not criteria.sees_results:
        return {trial for trial, report in reports.items() if criteria.reason(trial, report.metrics)}
    criteria.begin()
    reasons = {result["trial_id"]: criteria.reason(result["trial_id"], result) for result in every_result(past)}
    return {trial for trial, reason in reasons.items() if reason}


def _judge(report: Reported, population: Population, scheduler: Scheduler, found: list[Record]) -> None:
    try:
        verdict = scheduler.judge(population, report)
    except MetricError:  # its next report will say so
        return
    if verdict is not None:
        _take(verdict, population, found)


def _take(record: Record, population: Population, found: list[Record]) -> None:
    population.apply(record)
    found.append(record)


def config_differences(recorded: Sequence[TrialAdded], drawn: Sequence[TrialAdded]) -> list[str]:
    """Return in words how the first configs of a search space differ from those that a run began with.

    >>> config_differences([TrialAdded("a", 0, {"lr": 0.1})], [TrialAdded("a", 0, {"lr": 0.2, "depth": 3})])
    ['first config of trial a: lr was 0.1, now 0.2', 'first config of trial a: depth was not there, now 3']
    """
    if len(drawn) < len(recorded):
        return [f"trials: there were {len(recorded)}, now {len(drawn)}"]
    return [
        f"first config of trial {was.trial}: {difference}"
        for was, now in zip(recorded, drawn, strict=False)
        for difference in _differing(was.config, now.config)
    ]


def _differing(was: Config, now: Config) -> Iterator[str]:
    before, after = dict(leaves(was)), dict(leaves(now))
    for key in {**before, **after}:
        one, other = (tree.get(key, MISSING) for tree in (before, after))
        if one is MISSING or other is MISSING or dumps(one) != dumps(other):
            was_now = [_shown(str(key[-1]), value) for value in (one, other)]
            yield f"{'/'.join(map(str, key))} was {was_now[0]}, now {was_now[1]}"


def _shown(key: str, value: Any) -> str:
    return "not there" if value is MISSING else str(masked_value(key, value))


def refuse_differences(differences: Sequence[str]) -> None:
    """Refuse to go on with what differs from what the run was begun with.

    Raises:
        OptionError: There is a difference; it shows all of them, but for long lists.
    """
    if not differences:
        return
    shown = [*differences[:_MOST_DIFFERENCES]]
    if len(differences) > len(shown):
        shown.append(f"and {len(differences) - len(shown)} more")
    lines = "".join(f"\n  {line}" for line in shown)
    raise OptionError(
        f"What is given differs from what the run was begun with:{lines}\nGive what it was begun with, leave it out,"
        " begin a new run, or go on nevertheless with Tuner.restore(..., force=True)."
    )

"""The results of a trial: what was reported, with the keys that Ray Tune adds to every result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from poptune.core.decisions import Exploit, Stop
from poptune.core.events import Reported, TrialAdded, TrialFinished, TrialReset, TrialRevived, TrialStarted
from poptune.core.nested import flatten
from poptune.core.objective import is_real
from poptune.core.tags import tag_after
from poptune.core.trial import Status, Trial
from poptune.storage.journal import Journal
from poptune.storage.records import Record

ROW_KINDS = (TrialAdded, TrialStarted, TrialReset, TrialRevived, Exploit, Reported, Stop, TrialFinished)


def complete(report: Reported, trial: Trial, start: TrialStarted | None) -> dict[str, Any]:
    """Return one result: a report, with the keys that the trial and its start give to all its reports.

    Args:
        report: What was reported.
        trial: Who, as it was at that report.
        start: The start of the trial before that report.
    """
    result: dict[str, Any] = {
        "trial_id": trial.id,
        "date": _date(report.metrics.get("timestamp")),
        "experiment_tag": trial.tag,
        "checkpoint_dir_name": report.checkpoint.path.rpartition("/")[2] if report.checkpoint else None,
        **report.metrics,
        "config": trial.config,
    }
    if report.checkpoint:
        result["should_checkpoint"] = True
    if start:
        result |= {"pid": start.pid, "hostname": start.hostname, "node_ip": start.node_ip}
    return result


@dataclass(frozen=True, slots=True)
class Edit:
    """What one record changes at the end of a trial's results.

    Attributes:
        undone: How many of the newest results are taken back.
        result: The result that is added then, if any.
    """

    undone: int = 0
    result: dict[str, Any] | None = None

    @property
    def is_mark(self) -> bool:
        """Whether the newest result only changes its `done`."""
        return self.undone == 1 and self.result is not None


class TrialResults:
    """The fold of one trial's records into its results, each exactly once and in order.

    Results that a failure undid, because training went back to an earlier checkpoint, are taken back: they come again.
    What a trial reported before it became a clone stays. A reset takes back everything.

    Args:
        added: The beginning of the trial.

    Attributes:
        trial: The trial as far as results show it: its config and its tag.

    >>> from poptune.core.trial import Progress
    >>> results = TrialResults(TrialAdded("a", 0, {"lr": 0.1}, "0_lr=0.1000"))
    >>> results.take(Reported("a", {"loss": 0.5}, Progress(1))).result["config"]
    {'lr': 0.1}
    >>> results.take(TrialFinished("a")).is_mark
    True
    """

    def __init__(self, added: TrialAdded) -> None:
        self.trial = Trial(added.trial, added.index, added.config, added.tag, added.folder)
        self._start: TrialStarted | None = None
        self._newest: dict[str, Any] | None = None
        self._safe: dict[str, Any] | None = None  # the newest result that no failure can undo
        self._unsafe = 0  # how many came after it
        self._count = 0  # how many there are
        self._unmarked: dict[str, Any] | None = None  # the newest result before it was marked as done

    def take(self, record: Record) -> Edit | None:
        """Take in the trial's next record, and return what it changes, if anything."""
        match record:
            case Reported():
                return self._reported(record)
            case Exploit():
                self.trial = replace(self.trial, config=record.config, tag=tag_after(record, self.trial.first_tag))
                self._keep()
            case TrialStarted():
                self._start = record
                if record.cause == "recovery" and self._unsafe:
                    return self._undo()
            case TrialReset():
                self.trial = replace(self.trial, config=record.config, tag=self.trial.first_tag)
                self._safe, self._unsafe = None, self._count
                return self._undo()
            case Stop() | TrialFinished() if self._newest is not None:
                self._unmarked = self._newest
                self._newest = {**self._newest, "done": True}
                return Edit(1, self._newest)
            case TrialRevived() if self._unmarked is not None:
                self._newest, self._unmarked = self._unmarked, None
                return Edit(1, self._newest)
        return None

    def _reported(self, report: Reported) -> Edit:
        self._newest = complete(report, self.trial, self._start)
        self._unsafe += 1
        self._count += 1
        if report.checkpoint:
            self._keep()
        return Edit(0, self._newest)

    def _keep(self) -> None:
        self._safe, self._unsafe = self._newest, 0

    def _undo(self) -> Edit:
        edit = Edit(self._unsafe)
        self._count -= self._unsafe
        self._newest, self._unsafe = self._safe, 0
        return edit


def every_result(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """Yield each result of a run as it was reported, in order; also those that were undone later."""
    folds: dict[str, TrialResults] = {}
    for record in records:
        if isinstance(record, TrialAdded):
            folds[record.trial] = TrialResults(record)
        elif (edit := folds[record.trial].take(record)) and edit.result and isinstance(record, Reported):
            yield edit.result


def results(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return every result of one trial exactly once, in order.

    Args:
        records: The trial's records of `ROW_KINDS`, in order.
    """
    found: list[dict[str, Any]] = []
    fold: TrialResults | None = None
    for record in records:
        if isinstance(record, TrialAdded):
            fold = TrialResults(record)
        elif fold and (edit := fold.take(record)):
            del found[len(found) - edit.undone :]
            found += [edit.result] if edit.result else []
    return found


def rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return every result of one trial exactly once, in order, flattened with `/`."""
    return [flatten(result) for result in results(records)]


def last_result(trial: Trial, journal: Journal) -> dict[str, Any]:
    """Return the newest result of a trial that was not undone, empty if there is none."""
    report, start = journal.last(Reported, trial.id), journal.last(TrialStarted, trial.id)
    if report is None:
        return {}
    is_clone_as_copied = trial.checkpoint is not None and trial.checkpoint.trial != trial.id
    if is_clone_as_copied or report.progress != trial.progress:  # something came after it: look closely
        return next(reversed(results(journal.records(*ROW_KINDS, trial=trial.id))), {})
    newest = complete(report, trial, start)
    return {**newest, "done": True} if trial.status is Status.TERMINATED else newest


def _date(timestamp: Any) -> str | None:
    """Return a time as Ray Tune writes it; None of what is no time, since users may report what they like."""
    try:
        return _date_of(timestamp) if is_real(timestamp) else None
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(1024)  # reports of one second have one date
def _date_of(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp).strftime("%Y-%m-%d_%H-%M-%S")

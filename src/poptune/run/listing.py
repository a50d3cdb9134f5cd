"""The runs below a directory, each in one line: read from a few records, so that a long list comes quickly."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poptune.core.decisions import Stop
from poptune.core.events import Reported, TrialAdded, TrialFailed, TrialFinished, TrialRevived
from poptune.core.nested import MISSING, lookup
from poptune.core.objective import Mode, as_float, is_real
from poptune.errors import StorageError
from poptune.run.reopening import known_run
from poptune.storage.journal import FILE_NAME, Journal
from poptune.storage.lock import is_locked

State = Literal["running", "finished", "interrupted", "unreadable"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in a list.

    Attributes:
        path: Its directory.
        state: "running" while a process trains in it, "finished" if all its trials ended, "interrupted" if some would
            go on when it is restored, "unreadable" if its journal is damaged or from a newer version.
        name: Of the run.
        began: When, in seconds since 1970; None if its journal cannot be read.
        trials: How many it has.
        failed: How many of them failed for good.
        iterations: Of the trial that is furthest on.
        scheduler: Its class.
        metric: What the run ranks its trials by, if anything.
        mode: Whether larger or smaller is better.
        best: The best of the newest values that its trials reported of the metric; None if none is finite.
        problem: Why it is unreadable; empty otherwise.
    """

    path: Path
    state: State
    name: str
    began: float | None = None
    trials: int = 0
    failed: int = 0
    iterations: int = 0
    scheduler: str = ""
    metric: str | None = None
    mode: Mode | None = None
    best: float | None = None
    problem: str = ""


def runs_below(folder: str | Path) -> Iterator[Path]:
    """Yield the directories of the runs in and below a directory, in the order of their names.

    Hidden directories and those of runs are not looked into, and links are not followed.
    """
    for path, folders, files in os.walk(folder):
        if FILE_NAME in files:
            folders.clear()
            yield Path(path)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def listed(run_dir: str | Path) -> Listed:
    """Return one run as a line of a list; the run may be going on. Nothing in the directory is executed.

    Raises:
        StorageError: It is not the directory of a PopTune run.
    """
    try:
        run_dir = known_run(run_dir)
    except StorageError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        return _unreadable(Path(run_dir), error)
    try:
        with Journal.open(run_dir) as journal:
            journal.hold()
            return _listed(run_dir, journal)
    except StorageError as error:
        return _unreadable(run_dir, error)


def _unreadable(run_dir: Path, error: StorageError) -> Listed:
    return Listed(run_dir, "unreadable", run_dir.name, problem=str(error))


def state_of(run_dir: Path, *, has_live_trials: bool) -> State:
    """Return whether a run goes on, has ended, or would go on if it were restored."""
    if is_locked(run_dir):
        return "running"
    return "interrupted" if has_live_trials else "finished"


def _listed(run_dir: Path, journal: Journal) -> Listed:
    about = journal.about
    began, _ = next(journal.timed_records(), (None, None))
    live: dict[str, bool] = {}
    failed: set[str] = set()
    for record in journal.records(TrialAdded, TrialFinished, TrialFailed, TrialRevived, Stop):
        fails = isinstance(record, TrialFailed) and not record.retry
        if fails or not isinstance(record, TrialFailed):
            live[record.trial] = isinstance(record, (TrialAdded, TrialRevived))
            (failed.add if fails else failed.discard)(record.trial)
    newest = {trial: journal.last(Reported, trial) for trial in live}
    values = [_value(journal, report, about["metric"]) for report in newest.values() if report]
    finite = [value for value in values if value is not None]
    return Listed(
        run_dir,
        state_of(run_dir, has_live_trials=any(live.values())),
        about["name"],
        began,
        len(live),
        len(failed),
        max((report.progress.iteration for report in newest.values() if report), default=0),
        about["scheduler"],
        about["metric"],
        about["mode"],
        (max if about["mode"] == "max" else min)(finite) if finite else None,
    )


def _value(journal: Journal, newest: Reported, metric: str | None) -> float | None:
    """Return a trial's newest value of a metric, None if there is none or it is not finite."""
    if metric is None:
        return None
    found = lookup(newest.metrics, metric)
    if found is MISSING:  # what a function returns at its end need not have it
        reports = (record for record in journal.records(Reported, trial=newest.trial) if isinstance(record, Reported))
        for report in reports:
            value = lookup(report.metrics, metric)
            found = found if value is MISSING else value
    return value if is_real(found) and math.isfinite(value := as_float(found)) else None

"""What a killed driver leaves behind: records, files and processes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from poptune.core.decisions import Continue, Exploit, Stop
from poptune.core.events import Reported, TrialAdded, TrialStarted
from poptune.errors import StorageError
from poptune.run.restoring import kept_checkpoints
from poptune.storage.journal import Journal
from poptune.storage.store import STAGING

_STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def records(path: Path) -> list:
    """Return what the journal of a run holds now."""
    try:
        with Journal.open(path) as journal:
            return list(journal.records())
    except StorageError:  # not written yet
        return []


def is_decision(record: object) -> bool:
    """Whether a record is a decision of the scheduler."""
    return isinstance(record, (Continue, Exploit))


def place_of_death(held: Sequence, new: Sequence, whole: Sequence) -> str:
    """Say in words where a run was when its driver was killed.

    Args:
        held: What the journal holds.
        new: What of it came from the killed process.
        whole: What the journal of the undisturbed run holds.
    """
    if not new:
        return "before the process had written anything"
    if not any(isinstance(record, Reported) for record in new):
        return "before its first report"
    if count(held, Stop) == count(held, TrialAdded):
        return "after the last trial had ended"
    if sum(map(is_decision, held)) == sum(map(is_decision, whole)):
        return "after the last decision"
    return "before the last decision"


def count(held: Sequence, kind: type) -> int:
    """Return how many records are of a kind."""
    return sum(isinstance(record, kind) for record in held)


def checkpoints_on_the_way(path: Path, held: Sequence) -> bool:
    """Whether a checkpoint is half written or half deleted, or lies in its place and the journal does not know it."""
    return any((path / STAGING).glob("*")) or stored(path) != kept_checkpoints(held)


def undone_decisions(held: Sequence) -> bool:
    """Whether a clone was decided on that has not started."""
    last = {record.trial: record for record in held if isinstance(record, (Exploit, TrialStarted))}
    return any(isinstance(record, Exploit) for record in last.values())


def marked(mark: str) -> list[int]:
    """Return the processes that inherited a mark: a driver's workers, and what they started."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def stored(path: Path) -> set[str]:
    """Return the paths of the checkpoints that lie in a run."""
    return {str(place.relative_to(path)) for place in path.glob("*/checkpoint_*")}


def names(path: Path) -> list[str]:
    """Return the names of all files of a run without times and numbers in them; checkpoints are those that it knows."""
    assert stored(path) == kept_checkpoints(records(path)), "other checkpoints than the journal says"
    found = (str(place.relative_to(path)) for place in path.rglob("*"))
    return sorted(_STAMP.sub("", re.sub(r"checkpoint_\d+", "checkpoint", name)) for name in found)

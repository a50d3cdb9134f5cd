"""How each trial starts next: why, from which seed, and under which number it saves."""

from __future__ import annotations

from poptune.core.decisions import Exploit
from poptune.core.events import Cause, Reported, TrialAdded, TrialEvicted, TrialFailed, TrialReset, TrialStarted
from poptune.core.lease import Lease
from poptune.core.trial import Trial
from poptune.executors.base import Start
from poptune.run.seeding import Seeding
from poptune.storage.records import Record
from poptune.storage.store import number_of


class Starts:
    """The fold of a run's records into what the next start of each trial needs.

    Args:
        seed: Of the run.

    Attributes:
        newest: The last start of each trial.

    >>> starts = Starts(seed=0)
    >>> starts.take(TrialAdded("a", 0, {}))
    >>> starts.cause("a")
    'first'
    """

    def __init__(self, seed: int) -> None:
        self.newest: dict[str, TrialStarted] = {}
        self._seeding = Seeding(seed)
        self._causes: dict[str, Cause] = {}  # of trials whose next turn begins with a call of their function
        self._next_checkpoint: dict[str, int] = {}

    def take(self, record: Record) -> None:
        """Take in the next record."""
        self._seeding.take(record)
        match record:
            case Reported():
                if saved := record.checkpoint:
                    self._next_checkpoint[record.trial] = number_of(saved) + 1
            case TrialStarted():
                self.newest[record.trial] = record
                self._causes.pop(record.trial, None)
            case TrialAdded():
                self._causes[record.trial] = "first"
            case Exploit():
                self._causes[record.trial] = "exploit"
            case TrialReset():
                self._causes[record.trial] = "recovery"
            case TrialFailed() if record.retry:
                self._causes[record.trial] = "recovery"
            case TrialEvicted():
                self._causes.setdefault(record.trial, "recovery")

    def all_again(self) -> None:
        """The run was interrupted: whatever trained is gone."""
        for trial in self.newest:
            self._causes.setdefault(trial, "recovery")

    def cause(self, trial: str) -> Cause | None:
        """Return why the next turn of a trial begins with a call of its function; None: it goes on where it waits."""
        return self._causes.get(trial)

    def next_checkpoint(self, trial: str) -> int:
        """Return the number that follows those of all checkpoints that were reported."""
        return self._next_checkpoint.get(trial, 0)

    def command(self, trial: Trial, lease: Lease) -> Start:
        """Return what a worker is told."""
        seed, draws_on = self._seeding.start(trial.id)
        return Start(
            trial=trial.id,
            folder=trial.folder,
            config=trial.config,
            progress=trial.progress,
            checkpoint=trial.checkpoint,
            next_checkpoint=self.next_checkpoint(trial.id),
            seed=seed,
            draws_on=draws_on,
            lease=lease,
        )

"""What happened, on its way into the journal: it is safe before anything else is carried out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from poptune.core.events import CheckpointDeleted, CheckpointLost, Reported, TrialReset
from poptune.core.population import Population
from poptune.core.trial import SavedCheckpoint
from poptune.faults import fault
from poptune.run.observer import Observers
from poptune.run.starts import Starts
from poptune.storage.journal import Journal
from poptune.storage.records import Record
from poptune.storage.retention import Retention
from poptune.storage.space import with_space
from poptune.storage.store import CheckpointStore
from poptune.storage.syncing import Syncer

PERIOD_S = 0.05  # reports that nobody waits for are written this often


class Recording:
    """Writes down what happens, tells it, and deletes the checkpoints that are not needed any more.

    Args:
        population: Whose trials it happens to.
        journal: Where it is kept; it lags behind until `write`.
        store: Where checkpoints lie.
        syncer: Bounds what a power cut can take.
        retention: Says which checkpoints may go.
        observers: Are told of what is in the journal.

    Attributes:
        starts: Knows from it how each trial starts next.
        is_urgent: Whether something waits that must be written before anything else is carried out.
    """

    def __init__(
        self,
        population: Population,
        journal: Journal,
        store: CheckpointStore,
        syncer: Syncer | None,
        retention: Retention,
        observers: Observers,
    ) -> None:
        self.starts = Starts(population.seed)
        self.is_urgent = False
        self._population = population
        self.journal = journal
        self._store = store
        self._syncer = syncer
        self._retention = retention
        self._observers = observers
        self._records: list[Record] = []
        self._doomed: list[SavedCheckpoint] = []  # they are recorded as deleted
        self._written_at = time.monotonic()

    def recall(self, past: Sequence[Record]) -> None:
        """Take in the past of the run, which the population knows and the journal holds."""
        for record in past:
            self._take(record)
        self.starts.all_again()

    def note(self, record: Record) -> None:
        """Take in one event or decision, for the population too."""
        self._population.apply(record)
        self.keep([record])

    def keep(self, records: Sequence[Record]) -> None:
        """Take in what the population knows: plain reports are written soon, all others at the end of this round."""
        self._records.extend(records)
        for record in records:
            self._take(record)
            if type(record) is not Reported:
                self.is_urgent = True
            elif record.checkpoint:
                self.is_urgent = True
                if self._syncer:
                    self._syncer.add(self._store.run_dir / record.checkpoint.path)

    def _take(self, record: Record) -> None:
        self.starts.take(record)
        match record:
            case Reported():
                if record.checkpoint:
                    self._retention.stored(record.checkpoint, record.metrics)
            case TrialReset():
                self._retention.given_up(record.trial)
            case CheckpointDeleted() | CheckpointLost():
                self._retention.deleted(record.path, record.trial)

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return self.is_urgent or time.monotonic() - self._written_at >= PERIOD_S

    def write(self) -> None:
        """Make everything safe that was taken in, and record which checkpoints nobody needs any more."""
        self.delete_doomed()
        if not self._records:
            self.journal.commit()  # raises if another process has taken over: its files are not ours to write
            return
        doomed = self._retention.doomed(self._population.needed)
        records = [*self._records, *(CheckpointDeleted(saved.trial, saved.path) for saved in doomed)]
        self._records, self.is_urgent = [], False
        with_space(lambda: self.journal.add(records), "The run")
        self._doomed = doomed
        self._written_at = time.monotonic()
        self._observers.tell(lambda observer: observer.on_records(records, self._population))
        fault("observers_told")

    def delete_doomed(self) -> None:
        """Delete what is recorded as deleted. Until now whoever was told of a checkpoint could still copy it."""
        while self._doomed:
            self._store.delete(self._doomed.pop(0))

    def clear_unreported(self, trials: Iterable[str]) -> None:
        """Remove checkpoints whose reports never came: the processes that saved them have ended."""
        for trial in map(self._population.__getitem__, trials):
            self._store.clear_from(trial.folder, self.starts.next_checkpoint(trial.id))

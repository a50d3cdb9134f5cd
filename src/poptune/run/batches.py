"""An observer that writes in batches, so that what it writes costs a run little, however slow the disk is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from poptune.core.population import Population
from poptune.errors import StorageError
from poptune.storage.records import Record
from poptune.storage.space import is_full

PERIOD_S = 0.5  # at most this often
_REST = 20  # times as long as a batch took is what passes before the next: at most 5 % of a run is spent here
_MOST_RECORDS = 10_000  # that wait


class InBatches:
    """Collects the records of a run, and has them written a few times a second and at the end.

    Nothing happens while a report waits for its answer. On a full disk files fall behind, and are completed when there
    is space again.

    Args:
        records: What has happened so far: the trials that were added, or all records of a run that goes on.
        is_ours: Asked before each batch: whether this process may write still. If not, nothing is written any more.

    Attributes:
        writes: What it writes, in words.
    """

    writes: ClassVar[str]

    def __init__(self, records: Iterable[Record], is_ours: Callable[[], bool]) -> None:
        self._records = list(records)
        self._is_ours = is_ours
        self._next_at = time.monotonic() + PERIOD_S
        self._has_told = False

    def write(self, records: Sequence[Record]) -> None:
        """Write what follows from the next records: for subclasses to say.

        Raises:
            OSError: That cannot be. The next call writes it too.
        """
        raise NotImplementedError

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Remember what is to be written."""
        self._records += records
        if len(self._records) >= _MOST_RECORDS:
            self._write()

    def on_output(self, worker: int, text: str) -> None:
        """Leave what is printed to others."""

    def on_tick(self, population: Population) -> None:
        """Write, if the last time is long enough ago."""
        if self._records and time.monotonic() >= self._next_at:
            self._write()

    def on_end(self, population: Population) -> None:
        """Write what is left."""
        self._write()

    def _write(self) -> None:
        if not self._is_ours():
            return
        began = time.monotonic()
        records, self._records = self._records, []
        try:
            self.write(records)
        except OSError as error:
            self._failed(error)
        ended = time.monotonic()
        self._next_at = ended + max(PERIOD_S, _REST * (ended - began))

    def _failed(self, error: OSError) -> None:
        """Say that files cannot be written: once on a full disk, which the run waits for; otherwise it is an error."""
        what = f"Cannot write {error.filename or self.writes}: {error.strerror}. {self.writes} of this run"
        if not is_full(error):
            raise StorageError(f"{what} are not complete; its journal is.") from error
        if not self._has_told:
            self._has_told = True
            sys.stderr.write(f"{what} are behind its journal until there is space, or the run is restored.\n")

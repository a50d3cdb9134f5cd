"""An observer that writes in batches, so that what it writes costs a run little, however slow the disk is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from poptune.core.population import Population
from poptune.errors import StorageError
from poptune.storage.records import Record
from poptune.storage.space import is_full
from poptune.streams import say

PERIOD_S = 0.5  # from the end of a batch to the next, at least
_REST = 20  # times as long as a batch took is what passes before the next: at most 5 % of a run is spent here
_MOST_RECORDS = 10_000  # that wait
_PIECE_S = 0.001  # of a batch is written at once, since a worker may wait for its answer meanwhile
_SHARE = 0.1  # of the time since the last piece, if that is more


class InBatches:
    """Collects the records of a run, and has them written a few times a second and at the end.

    Nothing happens while a report waits for its answer, and a batch is written piece by piece, for the same reason. On
    a full disk files fall behind, and are completed when there is space again.

    Args:
        records: What has happened so far: the trials that were added, or all records of a run that goes on.
        is_ours: Asked before each piece: whether this process may write still. If not, nothing is written any more.

    Attributes:
        writes: What it writes, in words.
    """

    writes: ClassVar[str]

    def __init__(self, records: Iterable[Record], is_ours: Callable[[], bool]) -> None:
        self._records = list(records)
        self._is_ours = is_ours
        self._batch: Iterator[None] | None = None  # that is being written
        self._took_s = 0.0  # its pieces until now
        self._next_at = time.monotonic() + PERIOD_S
        self._looked_at = time.monotonic()
        self._has_told = False

    def write(self, records: Sequence[Record]) -> Iterator[None]:
        """Write what follows from the next records, in small steps: for subclasses to say.

        Raises:
            OSError: That cannot be. The next batch writes it too.
        """
        raise NotImplementedError

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Remember what is to be written."""
        self._records += records
        if len(self._records) >= _MOST_RECORDS:
            self._write_all()

    def on_output(self, worker: int, text: str) -> None:
        """Leave what is printed to others."""

    def on_tick(self, population: Population) -> None:
        """Write a piece of a batch; begin one, if the last is long enough ago."""
        now = time.monotonic()
        if self._batch or (self._records and now >= self._next_at):
            self._write(max(_PIECE_S, _SHARE * (now - self._looked_at)))
        self._looked_at = now

    def on_end(self, population: Population) -> None:
        """Write what is left."""
        self._write_all()

    def _write_all(self) -> None:
        if self._batch:
            self._write(math.inf)
        self._write(math.inf)

    def _write(self, seconds: float) -> None:
        """Write for so long, at the batch that was begun or at a new one."""
        if not self._is_ours():
            return
        began = time.monotonic()
        if self._batch is None:
            records, self._records = self._records, []
            self._batch, self._took_s = self.write(records), 0.0
        try:
            for _ in self._batch:
                if time.monotonic() - began >= seconds:
                    break
            else:
                self._batch = None
        except OSError as error:
            self._batch = None
            self._failed(error)
        now = time.monotonic()
        self._took_s += now - began
        if self._batch is None:
            self._next_at = now + max(PERIOD_S, _REST * self._took_s)

    def _failed(self, error: OSError) -> None:
        """Say that files cannot be written: once on a full disk, which the run waits for; otherwise it is an error."""
        what = f"Cannot write {error.filename or self.writes}: {error.strerror}. {self.writes} of this run"
        if not is_full(error):
            raise StorageError(f"{what} are left as they are, until it is restored; training goes on.") from error
        if not self._has_told:
            self._has_told = True
            say(f"{what} are behind its journal until there is space, or the run is restored.\n")

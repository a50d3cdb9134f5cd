"""What a person sees in a file, a pipe or a simple terminal: plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from poptune.core.decisions import Continue
from poptune.core.population import Population
from poptune.faces.chronicle import Chronicle
from poptune.faces.reporters import Reporting
from poptune.faces.sentences import note_sentence
from poptune.run.observer import Observers
from poptune.storage.records import Record
from poptune.streams import say, write

STATUS_PERIOD_S = 10.0

Clock = Callable[[], float]


class QuietConsole:
    """Says nothing itself, but for code of the user that fails where no trial does: on the standard error, once.

    What training code prints in workers is passed on, as it would appear inline.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._said: set[str] = set()

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Say whose hyperparameters could not be varied, and why."""
        for record in records:
            if isinstance(record, Continue) and record.note and record.note not in self._said:
                self._said.add(record.note)
                say(f"{note_sentence(record.trial, record.note)}\n")

    def on_output(self, worker: int, text: str) -> None:
        """Pass on what a worker printed."""
        write(self._stream, text)

    def on_tick(self, population: Population) -> None:
        """Say nothing."""

    def on_end(self, population: Population) -> None:
        """Say nothing."""


class PlainConsole:
    """Writes lines, and nothing that only a terminal understands.

    Args:
        chronicle: What to say.
        stream: Where to write.
        clock: Seconds.
        reporting: Says where the run stands in place of the lines of status.
    """

    def __init__(
        self,
        chronicle: Chronicle,
        stream: TextIO | None,
        clock: Clock = time.monotonic,
        reporting: Reporting | None = None,
    ) -> None:
        self._chronicle = chronicle
        self._stream = stream
        self._clock = clock
        self._has_reporter = reporting is not None
        self._reporting = Observers([reporting] if reporting else [])  # one that fails must not silence the lines
        self._started_at = clock()
        self._next_status = self._started_at + STATUS_PERIOD_S

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Say what is worth saying about events and decisions."""
        self._begin(population)
        self._say(self._chronicle.follow(records, population))
        self._reporting.tell(lambda reporting: reporting.on_records(records, population))

    def on_output(self, worker: int, text: str) -> None:
        """Pass on what a worker printed."""
        self._say(self._chronicle.printed(worker, text))

    def on_tick(self, population: Population) -> None:
        """Say where the run stands, once in a while or when the reporter finds it is time."""
        now = self._clock()
        if self._has_reporter:
            self._begin(population)
            self._reporting.tell(lambda reporting: reporting.on_tick(population))
        elif now >= self._next_status:
            self._next_status = now + STATUS_PERIOD_S
            self._begin(population)
            self._say(["Status: " + "; ".join(self._chronicle.status(population, now - self._started_at))])

    def on_end(self, population: Population) -> None:
        """Say how it ended."""
        self._begin(population)
        self._say(self._chronicle.unfinished())
        self._reporting.tell(lambda reporting: reporting.on_end(population))
        self._say([self._chronicle.summary(population, self._clock() - self._started_at)])

    def _begin(self, population: Population) -> None:
        if first := self._chronicle.begin(population):
            self._say([first])

    def _say(self, said: Sequence[str]) -> None:
        if said:
            write(self._stream, "\n".join(said) + "\n")

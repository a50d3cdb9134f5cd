"""What a person sees while a run goes on: a live table in a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from poptune.core.population import Population
from poptune.faces.chronicle import Chronicle
from poptune.faces.table import table_of
from poptune.run.observer import Observer
from poptune.run.reporting import CLIReporter
from poptune.schedulers.base import Scheduler
from poptune.storage.records import Record

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

STATUS_PERIOD_S = 10.0
REFRESH_PERIOD_S = 0.25
_LEAST_REST = 20  # a refresh that took 1 ms is followed by at least 20 ms without one

Clock = Callable[[], float]


def console_for(
    scheduler: Scheduler,
    run_dir: Path,
    seed: int,
    verbose: int,
    stream: TextIO | None = None,
    reporter: CLIReporter | None = None,
) -> Observer:
    """Return the console that suits a stream: live in a terminal, plain in a file, pipe or notebook.

    Args:
        scheduler: Of the run; bound to its metric.
        run_dir: The directory of the run.
        seed: Of the run.
        verbose: 0 shows only what training code prints, 1 also the status and every exploit, 2 also every report.
        stream: Where to write, by default the standard output.
        reporter: Which columns and rows the table shows.
    """
    stream = stream or sys.stdout
    if not verbose:
        return QuietConsole(stream)
    chronicle = Chronicle(scheduler, run_dir, seed, verbose)
    return (
        LiveConsole(chronicle, stream, reporter=reporter) if _can_be_live(stream) else PlainConsole(chronicle, stream)
    )


def _can_be_live(stream: TextIO | None) -> bool:
    if stream is None or not stream.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    return "utf" in (stream.encoding or "").lower()  # the table holds characters that others lack


class QuietConsole:
    """Says nothing itself. What training code prints in workers is passed on, as it would appear inline."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Say nothing."""

    def on_output(self, worker: int, text: str) -> None:
        """Pass on what a worker printed."""
        _write(self._stream, text)

    def on_tick(self, population: Population) -> None:
        """Say nothing."""

    def on_end(self, population: Population) -> None:
        """Say nothing."""


class PlainConsole:
    """Writes lines, and nothing that only a terminal understands."""

    def __init__(self, chronicle: Chronicle, stream: TextIO | None, clock: Clock = time.monotonic) -> None:
        self._chronicle = chronicle
        self._stream = stream
        self._clock = clock
        self._started_at = clock()
        self._next_status = self._started_at + STATUS_PERIOD_S

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Say what is worth saying about events and decisions."""
        self._begin(population)
        self._say(self._chronicle.follow(records, population))

    def on_output(self, worker: int, text: str) -> None:
        """Pass on what a worker printed."""
        self._say(self._chronicle.printed(worker, text))

    def on_tick(self, population: Population) -> None:
        """Say where the run stands, once in a while."""
        now = self._clock()
        if now < self._next_status:
            return
        self._next_status = now + STATUS_PERIOD_S
        self._begin(population)
        self._say(["Status: " + "; ".join(self._chronicle.status(population, now - self._started_at))])

    def on_end(self, population: Population) -> None:
        """Say how it ended."""
        self._begin(population)
        elapsed = self._clock() - self._started_at
        self._say([*self._chronicle.unfinished(), self._chronicle.summary(population, elapsed)])

    def _begin(self, population: Population) -> None:
        if first := self._chronicle.begin(population):
            self._say([first])

    def _say(self, said: Sequence[str]) -> None:
        if said:
            _write(self._stream, "\n".join(said) + "\n")


class LiveConsole:
    """Keeps a table of the trials at the bottom of a terminal; everything else scrolls by above it.

    Refreshed by the run itself, not by a thread of its own, and never for more than a small part of its time.

    Args:
        chronicle: What to show.
        stream: The terminal.
        clock: Seconds.
        console: Writes to the terminal in place of one made here.
        reporter: Which columns and rows the table shows.
    """

    def __init__(
        self,
        chronicle: Chronicle,
        stream: TextIO,
        clock: Clock = time.monotonic,
        console: Console | None = None,
        reporter: CLIReporter | None = None,
    ) -> None:
        self._chronicle = chronicle
        self._stream = stream
        self._clock = clock
        self._console = console
        self._reporter = reporter
        self._live: Live | None = None
        self._above: list[str] = []  # shown at the next refresh
        self._started_at = clock()
        self._next_refresh = self._started_at

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Take in events and decisions."""
        self._chronicle.begin(population)
        self._above += self._chronicle.follow(records, population)
        self.on_tick(population)

    def on_output(self, worker: int, text: str) -> None:
        """Take in what a worker printed."""
        self._above += self._chronicle.printed(worker, text)

    def on_tick(self, population: Population) -> None:
        """Refresh the table if it is time."""
        if self._clock() < self._next_refresh:
            return
        with self._terminal_left_in_order():
            self._refresh(population)

    def on_end(self, population: Population) -> None:
        """Leave the last table, and say below it how the run ended."""
        with self._terminal_left_in_order():
            self._above += self._chronicle.unfinished()
            self._refresh(population, is_last=True)
        self._stop()
        assert self._console is not None
        summary = self._chronicle.summary(population, self._clock() - self._started_at)
        self._console.print(_unwrapped([summary]), crop=False)

    def _refresh(self, population: Population, *, is_last: bool = False) -> None:
        begun_at = self._clock()
        self._chronicle.begin(population)
        live = self._live or self._start()
        live.update(
            table_of(
                population,
                self._chronicle.objective,
                list(self._chronicle.keys),
                [] if is_last else self._headline(population, begun_at - self._started_at),
                size=live.console.size,
                reporter=self._reporter,
            )
        )
        with live.console:  # one write, so that nothing flickers
            if self._above:
                live.console.print(_unwrapped(self._above), crop=False)
                self._above.clear()
            live.refresh()
        now = self._clock()
        self._next_refresh = now + max(REFRESH_PERIOD_S, _LEAST_REST * (now - begun_at))

    def _headline(self, population: Population, elapsed: float) -> list[str]:
        where = f"Seed {self._chronicle.seed}, {self._chronicle.run_dir}"
        return [*self._chronicle.status(population, elapsed), where]

    def _start(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        self._console = self._console or Console(file=self._stream)
        is_ours = self._stream is sys.stdout
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=is_ours,  # what training in this process prints goes above the table
            redirect_stderr=is_ours and sys.stderr is not None and sys.stderr.isatty(),
        )
        self._live.start()
        return self._live

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    @contextmanager
    def _terminal_left_in_order(self) -> Iterator[None]:
        """Whoever fails is not called again, so the cursor must be back before."""
        try:
            yield
        except BaseException:
            self._stop()
            raise


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # a program without a console has no standard output
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _unwrapped(said: Sequence[str]) -> Text:
    """Return lines as they are: the terminal wraps long ones, so that a traceback can be copied."""
    from rich.text import Text

    lines = Text("\n", no_wrap=True, overflow="ignore")
    return lines.join(Text.from_ansi(line) for line in "\n".join(said).split("\n"))

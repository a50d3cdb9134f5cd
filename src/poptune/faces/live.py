"""What a person sees in a terminal: a live table of the trials."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TextIO

from poptune.core.population import Population
from poptune.core.trial import Status
from poptune.faces.chronicle import Chronicle
from poptune.faces.table import Layout, Table, failures, table_of
from poptune.storage.records import Record
from poptune.streams import is_terminal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

REFRESH_PERIOD_S = 0.25
_LEAST_REST = 20  # a refresh that took 1 ms is followed by at least 20 ms without one

_FRAME = 6  # lines of a screen around the rows of the table
_FRAME_OF_ERRORS = 3  # lines around the rows of the failed trials
_LEAST_ROWS = 3
_GAP = 2
_NARROWEST = 5  # letters of what is cut from which somebody may guess it
_WIDEST_TITLE = 10  # unless its values are wider: titles must not crowd out hyperparameters
_STYLES = {
    Status.PENDING: "dim",
    Status.RUNNING: "green",
    Status.PAUSED: "yellow",
    Status.TERMINATED: "",
    Status.ERROR: "red",
}

Clock = Callable[[], float]


class LiveConsole:
    """Keeps a table of the trials at the bottom of a terminal; everything else scrolls by above it.

    Refreshed by the run itself, not by a thread of its own, and never for more than a small part of its time.

    Args:
        chronicle: What to show.
        stream: The terminal.
        clock: Seconds.
        console: Writes to the terminal in place of one made here.
        layout: Which columns and rows the table has; failures are told above it anyway, so by default not in it.
    """

    def __init__(
        self,
        chronicle: Chronicle,
        stream: TextIO,
        clock: Clock = time.monotonic,
        console: Console | None = None,
        layout: Layout | None = None,
    ) -> None:
        self._chronicle = chronicle
        self._stream = stream
        self._clock = clock
        self._console = console
        self._layout = layout or Layout(max_error_rows=0)
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
        self._console.print(_coloured([summary]), soft_wrap=True)

    def _refresh(self, population: Population, *, is_last: bool = False) -> None:
        begun_at = self._clock()
        self._chronicle.begin(population)
        live = self._live or self._start()
        headline = [] if is_last else self._headline(population, begun_at - self._started_at)
        layout = _fitted(self._layout, population, live.console.height - len(headline))
        table = table_of(list(population), self._chronicle.objective, self._chronicle.keys, layout)
        if not is_last and not layout.print_intermediate_tables:
            live.update(_below(headline, []))
        else:
            live.update(_below(headline, drawn(table, live.console.width)))
        with live.console:  # one write, so that nothing flickers
            if self._above:
                live.console.print(_coloured(self._above), soft_wrap=True)
                self._above.clear()
            live.refresh()
        now = self._clock()
        self._next_refresh = now + max(REFRESH_PERIOD_S, _LEAST_REST * (now - begun_at))

    def _headline(self, population: Population, elapsed: float) -> list[str]:
        status = [*self._chronicle.status(population, elapsed), self._chronicle.place]
        return self._layout.headline(len(population), status)

    def _start(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        self._console = self._console or Console(file=self._stream)
        is_ours = self._stream is sys.stdout
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=is_ours,  # what training in this process prints goes above the table
            redirect_stderr=is_ours and is_terminal(sys.stderr),
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


def _coloured(said: Sequence[str]) -> Text:
    """Return lines to be printed as they are: the terminal wraps long ones, so that a traceback can be copied."""
    from rich.text import Text

    return Text("\n").join(Text.from_ansi(line) for line in "\n".join(said).split("\n"))


def _fitted(layout: Layout, population: Population, height: int) -> Layout:
    """Return a layout with no more rows than there is room for."""
    room = height - _FRAME
    failed = sum(trial.status is Status.ERROR for trial in population) if layout.max_error_rows else 0
    errors = min(layout.max_error_rows, failed, max(1, room // 3))
    rows = max(_LEAST_ROWS, room - (errors + _FRAME_OF_ERRORS if errors else 0))
    return replace(layout, max_progress_rows=min(layout.max_progress_rows, rows), max_error_rows=errors)


def _below(headline: Sequence[str], parts: Sequence[RenderableType]) -> RenderableType:
    """Return a table, if there is one, under its headline."""
    from rich.console import Group

    return Group(*_lines(["", *headline]), *parts, *_lines([""]))


def drawn(table: Table, width: int) -> list[RenderableType]:
    """Return a table, with what was left out and who failed below it."""
    from rich.table import Table as Grid
    from rich.text import Text

    names = short_names([row[0] for row in table.rows])
    rows = [(name, *row[1:]) for name, row in zip(names, table.rows, strict=True)]
    titles = short_titles(table.titles, rows)
    widths = widths_within([titles, *rows], len(titles) - table.dispensable, width)
    fitting = len(widths)

    grid = Grid(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for number, (title, most) in enumerate(zip(titles, widths, strict=False)):
        justify: Literal["left", "right"] = "left" if number < 2 else "right"
        grid.add_column(Text(title), justify=justify, no_wrap=True, overflow="ellipsis", max_width=most)
    for status, row in zip(table.statuses, rows, strict=True):
        texts = [Text(cell) for cell in row[:fitting]]
        texts[1].stylize(_STYLES[status])
        grid.add_row(*texts)
    below = [f"... {table.more} more"] if table.more else []
    if left_out := table.titles[fitting:]:
        below.append(f"Not shown for lack of room: {', '.join(left_out)}")
    return [grid, *_lines(below, "dim"), *_lines(failures(table), _STYLES[Status.ERROR])]


def _lines(lines: Sequence[str], style: str = "") -> list[Text]:
    from rich.text import Text

    return [Text(line, style=style, no_wrap=True, overflow="ellipsis") for line in lines]


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without the beginning up to a `_` that all of them share.

    >>> short_names(["4f1c2_00001", "4f1c2_00002"])
    ['00001', '00002']
    """
    shared = names[0][: names[0].rfind("_") + 1] if names else ""
    return [name.removeprefix(shared) for name in names] if all(name.startswith(shared) for name in names) else [*names]


def short_titles(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return titles, cut where they are much wider than what stands below them.

    >>> short_titles(["validation_loss", "lr"], [["0.1203", "0.01"]])
    ['validatio…', 'lr']
    """
    widths = [max([_WIDEST_TITLE, *(len(line[number]) for line in rows)]) for number in range(len(titles))]
    return [
        title if len(title) <= width else title[: width - 1] + "…" for title, width in zip(titles, widths, strict=True)
    ]


def widths_within(cells: Sequence[Sequence[str]], wanted: int, width: int) -> list[int]:
    """Return the widths of the columns of a table, counted from the left, that a terminal has room for.

    Args:
        cells: The table, row by row.
        wanted: So many columns stay, the widest of them cut, as long as something can be read in each.
        width: Of the terminal.

    >>> widths_within([["id", "a long status", "lr"]], 2, 13), widths_within([["id", "a long status", "lr"]], 2, 40)
    ([2, 9], [2, 13, 2])
    """
    widths = _widths(cells)
    fitting = columns_that_fit(cells, width)
    least = [min(each, _NARROWEST) for each in widths]
    while wanted > fitting and wanted > 2 and sum(least[:wanted]) + _GAP * (wanted - 1) > width:
        wanted -= 1
    widths = widths[: max(wanted, fitting)]
    gaps = _GAP * (len(widths) - 1)
    while sum(widths) + gaps > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def columns_that_fit(cells: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns of a table, counted from the left, a terminal has room for.

    >>> columns_that_fit([["id", "lr", "momentum"], ["a", "0.1", "0.9"]], 12)
    2
    """
    room = width + _GAP
    for number, widest in enumerate(_widths(cells)):
        room -= widest + _GAP
        if room < 0:
            return number
    return len(cells[0])


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len  # some letters are as wide as two

    return [max(map(cell_len, column)) for column in zip(*cells, strict=True)]

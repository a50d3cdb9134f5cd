"""What a person sees in a notebook: one display below the cell, which is replaced while the run goes on."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Protocol, TextIO

from poptune.core.decisions import Continue
from poptune.core.events import Overdue, TrialFailed
from poptune.core.population import Population
from poptune.core.trial import Status
from poptune.faces.chronicle import Chronicle
from poptune.faces.table import Layout, Table, lines_of, table_of
from poptune.storage.records import Record
from poptune.streams import write

REFRESH_PERIOD_S = 1.0
_LEAST_REST = 20  # a refresh that took 1 ms is followed by at least 20 ms without one
_MOST_LATEST = 5

Clock = Callable[[], float]

# Greys are transparent and everything else has the colour of the page's text, so that light and dark themes suit. The
# class is doubled to outweigh what notebooks say about tables.
STYLE = """
.poptune.poptune{font-size:13px;line-height:1.5;overflow-x:auto}
.poptune.poptune p{margin:0;overflow-wrap:anywhere}
.poptune.poptune p.title{margin-top:1em}
.poptune.poptune table+p.quiet{margin:-.3em 0 .7em}
.poptune.poptune table{border-collapse:collapse;border:0;margin:.7em 0;table-layout:auto;font-size:13px;\
font-variant-numeric:tabular-nums}
.poptune.poptune tr{background:none;border:0}
.poptune.poptune tr>*{padding:.22em 1.6em .22em 0;border:0;text-align:right;white-space:nowrap;vertical-align:top}
.poptune.poptune tr>:nth-child(-n+2),.poptune.poptune .left tr>*{text-align:left}
.poptune.poptune .left tr>*{white-space:normal}
.poptune.poptune th{font-weight:600;border-bottom:1px solid rgba(128,128,128,.45)}
.poptune.poptune tbody tr>*{border-bottom:1px solid rgba(128,128,128,.15)}
.poptune.poptune pre{margin:.5em 0;padding:0;border:0;background:none;font-size:12px;\
white-space:pre-wrap}
.poptune.poptune .quiet{opacity:.7}
.poptune.poptune summary{cursor:pointer}
""".strip().replace("\n", "")

_COLOURS = {
    Status.PENDING: "#8a8a8a",
    Status.RUNNING: "#2f9e5f",
    Status.PAUSED: "#c08a1e",
    Status.TERMINATED: "#4c86c6",
    Status.ERROR: "#d64550",
}


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook. IPython is not imported to find out."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None


class Place(Protocol):
    """Somewhere that shows one thing at a time."""

    def show(self, html: str, text: str) -> None:
        """Show something in place of what was shown before; the text is for those who cannot show HTML."""


class Display:
    """One output of a notebook's cell, whose content can be replaced."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, html: str, text: str) -> None:
        """Show something in place of what was shown before."""
        content = {"text/html": html, "text/plain": text}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class NotebookConsole:
    """Keeps one display below the cell. Only what training code prints is added to the output of the cell.

    Args:
        chronicle: What to show.
        stream: Where to write what training code prints, and every report if `verbose=2`.
        clock: Seconds.
        place: Where to show it in place of a display made here.
        layout: Which columns and rows the table has.
    """

    def __init__(
        self,
        chronicle: Chronicle,
        stream: TextIO | None,
        clock: Clock = time.monotonic,
        place: Place | None = None,
        layout: Layout | None = None,
    ) -> None:
        self._chronicle = chronicle
        self._stream = stream
        self._clock = clock
        self._place = place or Display()
        self._layout = layout or Layout()
        self._advice: list[str] = []
        self._latest: deque[str] = deque(maxlen=_MOST_LATEST)
        self._started_at = clock()
        self._next_refresh = self._started_at

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Take in events and decisions."""
        self._chronicle.begin(population)
        for record in records:
            said = self._chronicle.follow([record], population)
            if self._chronicle.verbose >= 2:
                self._print(said)
            elif isinstance(record, (Overdue, Continue)):  # said once, so it has to stay
                self._advice += said
            elif not (isinstance(record, TrialFailed) and not record.retry):  # those stand in a table of their own
                self._latest += said

    def on_output(self, worker: int, text: str) -> None:
        """Print what a worker printed."""
        self._print(self._chronicle.printed(worker, text))

    def on_tick(self, population: Population) -> None:
        """Refresh the display if it is time."""
        begun_at = self._clock()
        if begun_at < self._next_refresh:
            return
        self._chronicle.begin(population)
        status = [*self._chronicle.status(population, begun_at - self._started_at), self._chronicle.place]
        has_table = self._layout.print_intermediate_tables
        self._show(population, has_table, above=self._layout.headline(len(population), status), below=[])
        now = self._clock()
        self._next_refresh = now + max(REFRESH_PERIOD_S, _LEAST_REST * (now - begun_at))

    def on_end(self, population: Population) -> None:
        """Leave the last table, and say below it how the run ended."""
        self._chronicle.begin(population)
        self._print(self._chronicle.unfinished())
        summary = self._chronicle.summary(population, self._clock() - self._started_at)
        self._show(population, True, above=self._layout.headline(len(population), []), below=summary.splitlines())

    def _show(self, population: Population, has_table: bool, above: Sequence[str], below: Sequence[str]) -> None:
        table = table_of(list(population), self._chronicle.objective, self._chronicle.keys, self._layout)
        html = html_of(
            table if has_table else None,
            above=above,
            advice=self._advice,
            latest=self._latest,
            below=below,
        )
        text = [*above, *(lines_of(table) if has_table else []), *self._advice, *below]
        self._place.show(html, "\n".join(text))

    def _print(self, said: Sequence[str]) -> None:
        if said:
            write(self._stream, "\n".join(said) + "\n")


def html_of(
    table: Table | None,
    *,
    above: Sequence[str] = (),
    advice: Sequence[str] = (),
    latest: Sequence[str] = (),
    below: Sequence[str] = (),
) -> str:
    """Return what a notebook shows of a run, as HTML without scripts and without anything from elsewhere.

    Args:
        table: Of the trials, if it is to be shown.
        above: Lines above it.
        advice: Sentences that stay.
        latest: What happened last.
        below: Lines below everything: the summary at the end.

    >>> "<b>" in html_of(None, above=["trial <b>"])
    False
    """
    parts = [f"<style>{STYLE}</style>", _paragraphs(above)]
    if table:
        parts += [_grid(table), _failed(table)]
    parts += [f"<pre>{escape(text)}</pre>" for text in advice]
    parts.append(_paragraphs(below))
    if latest:
        events = f"<pre>{escape(chr(10).join(latest))}</pre>"
        is_over = " open" if not below else ""
        parts.append(f'<details class="quiet"{is_over}><summary>Latest events</summary>{events}</details>')
    return f'<div class="poptune">{"".join(parts)}</div>'


def _paragraphs(lines: Sequence[str]) -> str:
    first, rest = lines[:1], lines[1:]
    strong = [f"<p><strong>{escape(line)}</strong></p>" for line in first]
    return "".join([*strong, *(f'<p class="quiet">{escape(line)}</p>' for line in rest)])


def _grid(table: Table) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in table.titles)
    body = "".join(_row(row, status) for row, status in zip(table.rows, table.statuses, strict=True))
    grid = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return grid + (f'<p class="quiet">... {table.more} more</p>' if table.more else "")


def _row(row: Sequence[str], status: Status) -> str:
    trial, state, *others = map(escape, row)
    dot = "" if os.environ.get("NO_COLOR") else f'<span style="color:{_COLOURS[status]}">\u25cf</span> '
    cells = "".join(f"<td>{cell}</td>" for cell in others)
    return f"<tr><td>{trial}</td><td>{dot}{state}</td>{cells}</tr>"


def _failed(table: Table) -> str:
    if not table.failed:
        return ""
    rows = "".join(
        f"<tr><td>{escape(failure.trial)}</td><td>{failure.failures}</td><td><details>"
        f"<summary>{escape(failure.brief)}</summary><pre>{escape(failure.error)}</pre></details></td></tr>"
        for failure in table.failed
    )
    head = "<tr><th>trial</th><th>failures</th><th>error</th></tr>"
    count = len(table.failed) + table.more_failed
    more = f'<p class="quiet">... {table.more_failed} more</p>' if table.more_failed else ""
    title = f'<p class="title"><strong>Failed trials: {count}</strong></p>'
    return f'{title}<table class="left"><thead>{head}</thead><tbody>{rows}</tbody></table>{more}'

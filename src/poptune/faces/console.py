"""Which face a run gets: a live table in a terminal, a live display in a notebook, plain lines everywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from poptune.faces.chronicle import Chronicle
from poptune.faces.live import LiveConsole
from poptune.faces.notebook import NotebookConsole, in_notebook
from poptune.faces.plain import PlainConsole, QuietConsole
from poptune.faces.reporters import CLIReporter, JupyterNotebookReporter, Reporting, is_own
from poptune.run.observer import Observer
from poptune.run.reporting import ProgressReporter
from poptune.schedulers.base import Scheduler
from poptune.streams import is_terminal


def console_for(
    scheduler: Scheduler,
    run_dir: Path,
    seed: int,
    verbose: int,
    stream: TextIO | None = None,
    reporter: ProgressReporter | None = None,
    searched: Sequence[str] = (),
) -> Observer:
    """Return the console that suits where the output goes.

    Args:
        scheduler: Of the run; bound to its metric.
        run_dir: The directory of the run.
        seed: Of the run.
        verbose: 0 shows only what training code prints, 1 also the status and every exploit, 2 also every report.
        stream: Where to write, by default the standard output.
        reporter: Shapes the tables, or reports in its own way; never with `verbose=0`.
        searched: The keys that the search space chose values for.
    """
    stream = stream or sys.stdout
    if not verbose:
        return QuietConsole(stream)
    chronicle = Chronicle(scheduler, run_dir, seed, verbose)
    if reporter is None or (isinstance(reporter, CLIReporter) and not is_own(reporter)):
        layout = reporter.layout if reporter else None
        is_replaced = reporter is None or (isinstance(reporter, JupyterNotebookReporter) and reporter.overwrite)
        if stream is sys.stdout and is_replaced and in_notebook():
            return NotebookConsole(chronicle, stream, layout=layout)
        if can_be_live(stream):
            return LiveConsole(chronicle, stream, layout=layout)
    return PlainConsole(chronicle, stream, reporting=Reporting(reporter, chronicle, searched) if reporter else None)


def can_be_live(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that can do more than show line after line."""
    if stream is None or not is_terminal(stream) or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    return "utf" in (getattr(stream, "encoding", None) or "").lower()  # the table holds characters that others lack

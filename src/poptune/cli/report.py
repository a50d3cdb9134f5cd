"""`poptune report`."""

from __future__ import annotations

from pathlib import Path

import click

from poptune.cli.given import OutputFile, reading, run_argument
from poptune.cli.output import say


@click.command(short_help="Write a run as one HTML page.")
@run_argument
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    help="Write the page to this file instead of report.html in DIRECTORY.",
)
def report(directory: Path, output: Path | None) -> None:
    """Write a run as one HTML page: winner, schedule, population, charts, lineage, events.

    DIRECTORY is that of a run; the run may be going on. The page needs no network and can be passed on: secrets in
    configs are masked.

    Example:

    \b
        poptune report poptune_results/demo_pbt -o demo.html
    """
    from poptune.core.safe_text import inert
    from poptune.report_page import write_report

    with reading():
        written = write_report(directory, output)
    say([inert(f"Wrote the report to {written}.")])

"""`poptune show`."""

from __future__ import annotations

from pathlib import Path

import click

from poptune.cli.given import reading, run_argument
from poptune.cli.output import say, say_json, terminal


@click.command(short_help="Show where a run stands, and who won with which schedule.")
@run_argument
@click.option(
    "--events", default=5, show_default=True, type=click.IntRange(min=0), help="How many of the last events to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show(directory: Path, events: int, as_json: bool) -> None:
    """Show where a run stands: its trials, the winner and its schedule, and what happened last.

    DIRECTORY is that of a run; the run may be going on.

    Example:

    \b
        poptune show poptune_results/demo_pbt
        poptune show poptune_results/demo_pbt --json
    """
    from poptune.faces.overview import Overview

    with reading():
        overview = Overview.of(directory, events)
    if as_json:
        say_json(overview.facts)
    elif console := terminal():
        overview.show(console)
    else:
        say(overview.lines)

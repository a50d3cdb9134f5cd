"""`poptune doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from poptune.cli.given import RESULTS
from poptune.cli.output import say, say_json


@click.command(short_help="Check this machine, and say what is missing.")
@click.option(
    "--storage",
    default=RESULTS,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where runs are to be written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(storage: Path, as_json: bool) -> None:
    """Say what PopTune finds on this machine, try a small run, and say how to get what is missing.

    The run trains two trials in worker processes, in a directory of its own that is removed again. Exit code 1 means
    that it failed, or that the disk is nearly full. Missing extras are no failure.

    Example:

    \b
        poptune doctor
        poptune doctor --storage /mnt/shared/runs
    """
    try:
        from poptune.cli.checkup import checkup

        found = checkup(storage)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"PopTune needs {error.name}, which is not installed. Run: pip install --upgrade poptune"
        ) from error
    if as_json:
        say_json(found.facts)
    else:
        say(found.lines)
    sys.exit(1 if found.problems else 0)

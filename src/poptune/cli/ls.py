"""`poptune ls`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poptune.cli.given import RESULTS
from poptune.cli.output import say, say_json, terminal
from poptune.errors import StorageError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from poptune.run.listing import Listed

_TITLES = ("run", "state", "begun", "trials", "iterations", "best", "scheduler")
_NUMBERS = ("trials", "iterations")
_STYLES = {"running": "green", "interrupted": "yellow", "unreadable": "red"}


@click.command(short_help="List the runs below a directory.")
@click.argument("directory", default=RESULTS, type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def ls(directory: Path, as_json: bool) -> None:
    """List the runs below a directory, by default poptune_results.

    A run is running while a process trains in it, finished if all its trials ended, interrupted if it would go on when
    it is restored, and unreadable if it is damaged or from a newer version. The best is the best of the newest values
    that its trials reported.

    Example:

    \b
        poptune ls
        poptune ls experiments --json
    """
    from poptune.run.listing import listed, runs_below

    try:
        os.listdir(directory)
    except PermissionError as error:
        raise StorageError(f"{directory} may not be read by this user: ask whom it belongs to.") from error
    except OSError as error:
        if str(directory) != RESULTS:
            raise UsageError(f"{directory} is not a directory.") from error
    runs = [listed(path) for path in runs_below(directory)]
    if as_json:
        say_json([_facts(run) for run in runs])
    elif not runs:
        say([f"There are no runs below {directory}. To make one: poptune demo"])
    else:
        _show(runs, directory)


def _show(runs: Sequence[Listed], directory: Path) -> None:
    from poptune.core.safe_text import inert

    rows = [_row(run, directory) for run in runs]
    if console := terminal():
        _print(console, rows, runs)
    else:
        from poptune.faces.table import aligned

        say(aligned([_TITLES, *rows], left={n for n, title in enumerate(_TITLES) if title not in _NUMBERS}))
    say([inert(f"{run.name}: {run.problem}") for run in runs if run.problem])


def _row(run: Listed, directory: Path) -> tuple[str, ...]:
    from poptune.core.safe_text import inert
    from poptune.core.values import brief

    name = run.path.relative_to(directory.absolute()) if run.path != directory.absolute() else run.path.name
    if run.state == "unreadable":
        return inert(str(name)), run.state, "-", "-", "-", "-", "-"
    begun = datetime.fromtimestamp(run.began).strftime("%Y-%m-%d %H:%M") if run.began else "-"
    state = f"{run.state}, {run.failed} failed" if run.failed else run.state
    best = f"{inert(run.metric or '')} {brief(run.best)}" if run.best is not None else "-"
    return inert(str(name)), state, begun, str(run.trials), str(run.iterations), best, inert(run.scheduler)


def _print(console: Console, rows: Sequence[Sequence[str]], runs: Sequence[Listed]) -> None:
    """Print the table in a terminal; columns that it has no room for are left out from the right, and named below."""
    from rich.table import Table
    from rich.text import Text

    from poptune.faces.live import columns_that_fit

    fitting = max(2, columns_that_fit([_TITLES, *rows], console.width))
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title in _TITLES[:fitting]:
        grid.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True, overflow="ellipsis")
    for row, run in zip(rows, runs, strict=True):
        texts = [Text(cell) for cell in row[:fitting]]
        texts[1].stylize(_STYLES.get(run.state, ""))
        grid.add_row(*texts)
    console.print(grid)
    if left_out := _TITLES[fitting:]:
        console.print(Text(f"Not shown for lack of room: {', '.join(left_out)}", style="dim"))


def _facts(run: Listed) -> dict[str, Any]:
    return {
        "name": run.name,
        "directory": str(run.path),
        "state": run.state,
        "began": datetime.fromtimestamp(run.began, timezone.utc).isoformat() if run.began else None,
        "trials": run.trials,
        "failed": run.failed,
        "iterations": run.iterations,
        "scheduler": run.scheduler,
        "metric": run.metric,
        "mode": run.mode,
        "best": run.best,
        "problem": run.problem,
    }

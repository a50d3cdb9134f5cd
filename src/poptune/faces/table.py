"""The live table: one row per trial, the best on top, with what fits into the terminal."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poptune.core.nested import MISSING, flatten, lookup
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.trial import Status, Trial
from poptune.faces.sentences import brief, duration, score_of

if TYPE_CHECKING:
    from rich.console import ConsoleDimensions, RenderableType

MOST_ROWS = 20
_LEAST_ROWS = 3
_GAP = 2
_STYLES = {
    Status.PENDING: "dim",
    Status.RUNNING: "green",
    Status.PAUSED: "yellow",
    Status.TERMINATED: "",
    Status.ERROR: "red",
}


def best_first(population: Population, objective: Objective | None, most: int) -> list[Trial]:
    """Return up to `most` trials by their newest report, best first; those without a comparable one come last."""

    def rank(trial: Trial) -> tuple[bool, float, int]:
        score = score_of(trial.metrics, objective)
        return score is None, -(score or 0.0), trial.index

    return heapq.nsmallest(most, population, key=rank)


def header(objective: Objective | None, keys: Sequence[str]) -> list[str]:
    """Return the titles of the columns."""
    return ["trial", "status", "iter", *([objective.metric] if objective else []), *keys, "exploits", "time"]


def row(trial: Trial, objective: Objective | None, keys: Sequence[str]) -> list[str]:
    """Return what the table says about a trial, one text per column."""
    config = flatten(trial.config)
    metric = [_metric(trial, objective)] if objective else []
    return [
        trial.id,
        trial.status.value,
        str(trial.progress.iteration),
        *metric,
        *(brief(config.get(key)) for key in keys),
        str(trial.exploits),
        duration(trial.progress.time_total_s),
    ]


def _metric(trial: Trial, objective: Objective) -> str:
    value: Any = lookup(trial.metrics, objective.metric)
    return "-" if value is MISSING else brief(value)


def columns_that_fit(cells: Sequence[Sequence[str]], first: int, last: int, width: int) -> int:
    """Return how many of the columns `first` to `last - 1` a table can have beside all its others.

    >>> columns_that_fit([["id", "lr", "momentum", "time"], ["a", "0.1", "0.9", "3 s"]], 1, 3, 15)
    1
    """
    widths = [max(map(len, column)) + _GAP for column in zip(*cells, strict=True)]
    room = width - sum(widths[:first]) - sum(widths[last:])
    fitting = 0
    for column in widths[first:last]:
        room -= column
        if room < 0:
            break
        fitting += 1
    return fitting


def table_of(
    population: Population,
    objective: Objective | None,
    keys: Sequence[str],
    headline: Sequence[str],
    *,
    size: ConsoleDimensions,
) -> RenderableType:
    """Return the table under its headline, ready to be shown.

    Args:
        population: The trials.
        objective: What ranks them, if anything.
        keys: The hyperparameters to show, as far as they fit.
        headline: Lines above the table.
        size: Of the terminal.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    most = max(_LEAST_ROWS, min(MOST_ROWS, size.height - len(headline) - 5))
    trials = best_first(population, objective, most)
    cells = [header(objective, keys), *(row(trial, objective, keys) for trial in trials)]
    first = 4 if objective else 3
    fitting = first + columns_that_fit(cells, first, first + len(keys), size.width)
    cells = [[*line[:fitting], *line[first + len(keys) :]] for line in cells]

    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold")
    for number, title in enumerate(cells[0]):
        justify = "left" if number < 2 else "right"
        table.add_column(Text(title), justify=justify, no_wrap=True, overflow="ellipsis")
    for trial, line in zip(trials, cells[1:], strict=True):
        texts = [Text(cell) for cell in line]
        texts[1].stylize(_STYLES[trial.status])
        table.add_row(*texts)
    lines: list[RenderableType] = [Text(line, no_wrap=True, overflow="ellipsis") for line in headline]
    below = _left_out(len(population) - len(trials), keys[fitting - first :])
    return Group(*lines, table, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in below))


def _left_out(trials: int, keys: Sequence[str]) -> list[str]:
    lines = [f"... {trials} more"] if trials > 0 else []
    return [*lines, f"Not shown for lack of room: {', '.join(keys)}"] if keys else lines

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
from poptune.run.reporting import CLIReporter

if TYPE_CHECKING:
    from rich.console import ConsoleDimensions, RenderableType

MOST_ROWS = 20
_LEAST_ROWS = 3
_GAP = 2
_WIDEST_TITLE = 10  # unless its values are wider: titles must not crowd out hyperparameters
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


def titles_of(objective: Objective | None, keys: Sequence[str], reporter: CLIReporter | None = None) -> list[str]:
    """Return the titles of the columns; those that there may be no room for come last."""
    if reporter and reporter.parameters:
        keys = [reporter.parameters.get(key, key) for key in keys]
    if reporter and reporter.metrics is not None:
        return ["trial", "status", *reporter.metrics.values(), "exploits", *keys]
    return ["trial", "status", "iter", *([objective.metric] if objective else []), "exploits", *keys, "time"]


def row(
    trial: Trial, objective: Objective | None, keys: Sequence[str], reporter: CLIReporter | None = None
) -> list[str]:
    """Return what the table says about a trial, one text per column."""
    config = flatten(trial.config)
    hyperparameters = [brief(config[key]) if key in config else "-" for key in keys]
    if reporter and reporter.metrics is not None:
        metrics = [_metric(trial, name) for name in reporter.metrics]
        return [trial.id, trial.status.value, *metrics, str(trial.exploits), *hyperparameters]
    metric = [_metric(trial, objective.metric)] if objective else []
    return [
        trial.id,
        trial.status.value,
        str(trial.progress.iteration),
        *metric,
        str(trial.exploits),
        *hyperparameters,
        duration(trial.progress.time_total_s),
    ]


def _metric(trial: Trial, name: str) -> str:
    value: Any = lookup(trial.metrics, name)
    return "-" if value is MISSING else brief(value)


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


def columns_that_fit(cells: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns of a table, counted from the left, a terminal has room for.

    >>> columns_that_fit([["id", "lr", "momentum"], ["a", "0.1", "0.9"]], 12)
    2
    """
    room = width + _GAP
    for number, column in enumerate(zip(*cells, strict=True)):
        room -= max(map(len, column)) + _GAP
        if room < 0:
            return number
    return len(cells[0])


def table_of(
    population: Population,
    objective: Objective | None,
    keys: Sequence[str],
    headline: Sequence[str],
    *,
    size: ConsoleDimensions,
    reporter: CLIReporter | None = None,
) -> RenderableType:
    """Return the table under its headline, ready to be shown.

    Args:
        population: The trials.
        objective: What ranks them, if anything.
        keys: The hyperparameters to show, as far as they fit.
        headline: Lines above the table.
        size: Of the terminal.
        reporter: Which columns and rows to show, None for those that suit most runs.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    most = max(_LEAST_ROWS, min(MOST_ROWS, size.height - len(headline) - 6))
    order = objective
    if reporter:
        most = min(reporter.max_progress_rows, max(_LEAST_ROWS, size.height - len(headline) - 6))
        order = reporter.order(objective)
        keys = keys if reporter.parameters is None else list(reporter.parameters)
    trials = best_first(population, order, most)
    names = short_names([trial.id for trial in trials])
    rows = [[name, *row(trial, objective, keys, reporter)[1:]] for name, trial in zip(names, trials, strict=True)]
    header = titles_of(objective, keys, reporter)
    cells = [short_titles(header, rows), *rows]
    if reporter:
        cells = [[_cut(cell, reporter.max_column_length) for cell in line] for line in [header, *rows]]
        rows = cells[1:]
    dispensable = len(keys) + (header[-1] == "time")
    fitting = max(len(header) - dispensable, columns_that_fit(cells, size.width))

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for number, title in enumerate(cells[0][:fitting]):
        table.add_column(Text(title), justify="left" if number < 2 else "right", no_wrap=True, overflow="ellipsis")
    for trial, line in zip(trials, rows, strict=True):
        texts = [Text(cell) for cell in line[:fitting]]
        texts[1].stylize(_STYLES[trial.status])
        table.add_row(*texts)
    above = [Text(line, no_wrap=True, overflow="ellipsis") for line in ["", *headline]]
    left_out = _left_out(len(population) - len(trials), header[fitting:])
    below = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in [*left_out, ""]]
    return Group(*above, table, *below)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _left_out(trials: int, columns: Sequence[str]) -> list[str]:
    lines = [f"... {trials} more"] if trials > 0 else []
    return [*lines, f"Not shown for lack of room: {', '.join(columns)}"] if columns else lines

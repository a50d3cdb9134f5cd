"""The table of the trials as plain data and as text: which columns, which rows, and what stands in them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from poptune.core.nested import MISSING, flatten, lookup
from poptune.core.objective import AUTOMATIC_KEYS, Mode, Objective, is_real
from poptune.core.safe_text import inert, masked_value
from poptune.core.trial import Status, Trial
from poptune.core.values import brief
from poptune.faces.sentences import duration, score_of

_LONGEST_ERROR = 100
_GAP = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns and rows a table has. What it starts with suits most runs.

    Attributes:
        metrics: Reported keys to show, and their titles; None: iteration, metric, other numbers, and time.
        parameters: Hyperparameters to show, and their titles; None: those that vary.
        more_metrics: Further keys and titles, beside those of `metrics` or in place of the other numbers.
        more_parameters: Further hyperparameters and titles.
        infer_limit: Most numbers to find among the reports, the metric included, where `metrics` is None.
        max_progress_rows: Most trials to show.
        max_error_rows: Most failed trials to show.
        max_column_length: Most characters of a title or value, None for as many as there are.
        sort_by_metric: Whether the best trials come first; otherwise they stand in their order.
        metric: What to sort by; None: the metric of the run.
        mode: Whether less or more of it is better; None: as in the run.
        total_samples: How many trials to count up to, None to leave that out.
        print_intermediate_tables: Whether there is a table before the end.
    """

    metrics: Mapping[str, str] | None = None
    parameters: Mapping[str, str] | None = None
    more_metrics: Mapping[str, str] | None = None
    more_parameters: Mapping[str, str] | None = None
    infer_limit: int = 0
    max_progress_rows: int = 20
    max_error_rows: int = 20
    max_column_length: int | None = None
    sort_by_metric: bool = True
    metric: str | None = None
    mode: Mode | None = None
    total_samples: int | None = None
    print_intermediate_tables: bool = True

    def order(self, objective: Objective | None) -> Objective | None:
        """Return what trials are sorted by, None if they stand in their order.

        Args:
            objective: What ranks trials in the run, if anything.

        >>> Layout(mode="min").order(Objective("loss", "max"))
        Objective(metric='loss', mode='min')
        """
        metric = self.metric or (objective.metric if objective else None)
        mode = self.mode or (objective.mode if objective else None)
        return Objective(metric, mode) if self.sort_by_metric and metric and mode else None

    def headline(self, trials: int, status: Sequence[str]) -> list[str]:
        """Return what stands above the table.

        Args:
            trials: How many there are.
            status: Where the run stands.

        >>> Layout(total_samples=8).headline(4, ["4 RUNNING after 3.0 s"])
        ['Trials: 4 of 8', '4 RUNNING after 3.0 s']
        """
        return [*([f"Trials: {trials} of {self.total_samples}"] if self.total_samples else []), *status]


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that failed for good: its id, how often it failed, and its error with the traceback."""

    trial: str
    failures: int
    error: str

    @property
    def brief(self) -> str:
        """What failed, on one line."""
        return brief(self.error.partition("\n")[0], _LONGEST_ERROR)


@dataclass(frozen=True, slots=True)
class Table:
    """What is shown of the trials.

    Attributes:
        titles: Of the columns; the first two are those of trial and status.
        rows: One text per column, one row per trial.
        statuses: Of the trials of the rows.
        dispensable: How many of the last columns may be left out where there is no room.
        more: How many trials have no row.
        failed: Trials that failed for good.
        more_failed: How many further trials did.
    """

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    statuses: tuple[Status, ...]
    dispensable: int
    more: int
    failed: tuple[Failure, ...]
    more_failed: int


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[Trial], str]


def table_of(trials: Sequence[Trial], objective: Objective | None, keys: Iterable[str], layout: Layout) -> Table:
    """Return the table of trials.

    Args:
        trials: All of them, in their order.
        objective: What ranks them, if anything.
        keys: The hyperparameters that vary, nested ones joined by `/`.
        layout: Which columns and rows to show.
    """
    shown = best_first(trials, layout.order(objective), layout.max_progress_rows)
    first = [_Column("trial", lambda trial: inert(trial.id)), _Column("status", lambda trial: trial.status.value)]
    middle = [*_metric_columns(shown, objective, layout), _Column("exploits", lambda trial: str(trial.exploits))]
    parameters = dict.fromkeys(keys) if layout.parameters is None else layout.parameters
    parameters = {**parameters, **(layout.more_parameters or {})}
    last = [_Column(title or key, _parameter(key)) for key, title in parameters.items()]
    if len({trial.hostname for trial in trials if trial.hostname}) > 1:
        middle.insert(0, _Column("host", lambda trial: trial.hostname or "-"))
    if layout.metrics is None:
        last.append(_Column("time", lambda trial: duration(trial.progress.time_total_s)))
    columns = [*first, *middle, *last]
    failed = [trial for trial in trials if trial.status is Status.ERROR] if layout.max_error_rows else []
    return Table(
        titles=tuple(_cut(inert(column.title), layout.max_column_length) for column in columns),
        rows=tuple(tuple(_cut(column.cell(trial), layout.max_column_length) for column in columns) for trial in shown),
        statuses=tuple(trial.status for trial in shown),
        dispensable=len(last),
        more=len(trials) - len(shown),
        failed=tuple(_failure(t) for t in failed[: layout.max_error_rows]),
        more_failed=max(0, len(failed) - layout.max_error_rows),
    )


def best_first(trials: Iterable[Trial], objective: Objective | None, most: int) -> list[Trial]:
    """Return up to `most` trials by their newest report, best first; those without a comparable one come last."""

    def rank(trial: Trial) -> tuple[bool, float, int]:
        score = score_of(trial.metrics, objective)
        return score is None, -(score or 0.0), trial.index

    return heapq.nsmallest(most, trials, key=rank)


def _failure(trial: Trial) -> Failure:
    return Failure(inert(trial.id), trial.failures, inert(trial.error or "", lines=True))


def _metric_columns(trials: Sequence[Trial], objective: Objective | None, layout: Layout) -> list[_Column]:
    more = dict(layout.more_metrics or {})
    if layout.metrics is not None:
        return [_Column(title, _metric(key)) for key, title in {**layout.metrics, **more}.items()]
    own = [objective.metric] if objective else []
    names = {key: key for key in ([*own, *more] if more else _numbers(trials, own, layout.infer_limit))} | more
    iteration = _Column("iter", lambda trial: str(trial.progress.iteration))
    return [iteration, *(_Column(title, _metric(key)) for key, title in names.items())]


def _numbers(trials: Sequence[Trial], own: Sequence[str], most: int) -> list[str]:
    """Return the metric of the run, and what other numbers training code reports, until there are `most`."""
    names = dict.fromkeys(own)
    for trial in trials:
        for name, value in flatten(trial.metrics).items():
            if len(names) >= most:
                return [*names]
            if name not in AUTOMATIC_KEYS and is_real(value):
                names[name] = None
    return [*names]


def _metric(key: str) -> Callable[[Trial], str]:
    return lambda trial: _said(lookup(trial.metrics, key))


def _parameter(key: str) -> Callable[[Trial], str]:
    return lambda trial: _said(masked_value(key, lookup(trial.config, key)))


def _said(value: object) -> str:
    return "-" if value is MISSING else brief(value)


def _cut(text: str, most: int | None) -> str:
    if most is None or len(text) <= most:
        return text
    return text[: most - 3] + "..." if most > 3 else text[:most]


def lines_of(table: Table) -> list[str]:
    """Return a table, and below it the failed trials, as lines of plain text.

    >>> trial = Trial("a", 0, {"lr": 0.1}, metrics={"acc": 0.5})
    >>> for line in lines_of(table_of([trial], Objective("acc"), ["lr"], Layout())):
    ...     print(line)
    trial  status   iter  acc  exploits   lr   time
    a      PENDING     0  0.5         0  0.1  0.0 s
    """
    lines = aligned([table.titles, *table.rows], left=range(2))
    if table.more:
        lines.append(f"... {table.more} more")
    return [*lines, *failures(table)]


def failures(table: Table) -> list[str]:
    """Return the failed trials as lines of plain text, none if there are none."""
    if not table.failed:
        return []
    rows = [(failure.trial, str(failure.failures), failure.brief) for failure in table.failed]
    more = [f"... {table.more_failed} more"] if table.more_failed else []
    count = len(table.failed) + table.more_failed
    return [f"Failed trials: {count}", *aligned([("trial", "failures", "error"), *rows], left=range(3)), *more]


def aligned(cells: Sequence[Sequence[str]], left: Container[int]) -> list[str]:
    """Return lines of texts in columns.

    Args:
        cells: Line by line.
        left: Numbers of the columns whose texts begin below each other; of the others they end so.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        (" " * _GAP)
        .join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        .rstrip()
        for line in cells
    ]

"""Reporters of tables, with Ray Tune's names and arguments, and the observer that asks any reporter."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from poptune.core.events import TrialAdded
from poptune.core.nested import Config
from poptune.core.objective import Mode, Objective
from poptune.core.population import Population
from poptune.errors import OptionError
from poptune.faces.chronicle import Chronicle
from poptune.faces.notebook import Display, html_of, in_notebook
from poptune.faces.sentences import varied
from poptune.faces.table import Layout, Table, lines_of, table_of
from poptune.run.hooks import TrialView, bring_up_to_date
from poptune.run.reporting import ProgressReporter
from poptune.run.rows import TrialResults
from poptune.schedulers.base import check_mode
from poptune.storage.records import Record
from poptune.streams import write

Columns = Sequence[str] | Mapping[str, str]
Clock = Callable[[], float]

_LEAST_REST = 20  # a question that took 1 ms is followed by at least 20 ms without one


class CLIReporter(ProgressReporter):
    """Shows a table of the trials, for `RunConfig(progress_reporter=...)`.

    In a terminal it shapes the live table. Elsewhere, such as in the log of a server or in a notebook, it prints tables
    of plain text one below the other, in place of the lines of status. A class derived from it that has its own
    `should_report` or `report` prints them in terminals too.

    Args:
        metric_columns: Reported keys to show, or a dictionary from keys to titles; None: iteration, metric, other
            numbers, and time.
        parameter_columns: Hyperparameters to show, or a dictionary from names to titles; None: those that vary. Nested
            ones are joined by `/`.
        total_samples: How many trials to count up to, as in "Trials: 4 of 8"; None leaves that out.
        max_progress_rows: Most trials to show; there are fewer if the terminal is low.
        max_error_rows: Most failed trials to show in the table of errors.
        max_column_length: Most characters of a title or value.
        max_report_frequency: Seconds from one printed table to the next. A live table is redrawn in place more often.
        infer_limit: Most numbers to find among the reports, the metric of the run included, without `metric_columns`.
        print_intermediate_tables: False: until the end there are only the lines above the table.
        metric: What to sort by; by default the metric of the run.
        mode: "min" or "max"; by default that of the run.
        sort_by_metric: Whether the best trials come first; otherwise they stand in their order.
        clock: Seconds.

    Raises:
        ValueError: An argument has a value that cannot work.

    >>> CLIReporter(metric_columns=["epoch", "loss"], parameter_columns={"lr": "rate"}).layout.parameters
    {'lr': 'rate'}
    """

    def __init__(
        self,
        *,
        metric_columns: Columns | None = None,
        parameter_columns: Columns | None = None,
        total_samples: int | None = None,
        max_progress_rows: int = 20,
        max_error_rows: int = 20,
        max_column_length: int = 20,
        max_report_frequency: float = 5,
        infer_limit: int = 3,
        print_intermediate_tables: bool | None = None,
        metric: str | None = None,
        mode: Mode | None = None,
        sort_by_metric: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        check_mode(mode)
        _check_count("total_samples", 1 if total_samples is None else total_samples, least=1)
        _check_count("max_progress_rows", max_progress_rows, least=1)
        _check_count("max_error_rows", max_error_rows, least=0)
        _check_count("max_column_length", max_column_length, least=1)
        _check_count("infer_limit", infer_limit, least=0)
        if isinstance(max_report_frequency, bool) or not isinstance(max_report_frequency, (int, float)):
            raise OptionError(f"max_report_frequency must be a number of seconds, not {max_report_frequency!r}.")
        if not max_report_frequency >= 0:
            raise OptionError(f"max_report_frequency must be 0 or more seconds, not {max_report_frequency!r}.")
        self.layout = Layout(
            metrics=_titles("metric_columns", metric_columns),
            parameters=_titles("parameter_columns", parameter_columns),
            infer_limit=infer_limit,
            max_progress_rows=max_progress_rows,
            max_error_rows=max_error_rows,
            max_column_length=max_column_length,
            sort_by_metric=sort_by_metric,
            metric=metric,
            mode=mode,
            total_samples=total_samples,
            print_intermediate_tables=print_intermediate_tables is not False,
        )
        self._period = max_report_frequency
        self._clock = clock
        self._reported_at: float | None = None
        self._objective: Objective | None = None
        self._configs: dict[str, Config] = {}
        self._keys: dict[str, None] = {}  # the hyperparameters that differ between trials, or did

    def add_metric_column(self, metric: str, representation: str | None = None) -> None:
        """Show one more reported key, under a title of its own if given."""
        more = {**(self.layout.more_metrics or {}), metric: representation or metric}
        self.layout = replace(self.layout, more_metrics=more)

    def add_parameter_column(self, parameter: str, representation: str | None = None) -> None:
        """Show one more hyperparameter, under a title of its own if given."""
        more = {**(self.layout.more_parameters or {}), parameter: representation or parameter}
        self.layout = replace(self.layout, more_parameters=more)

    def setup(
        self,
        start_time: float | None = None,
        total_samples: int | None = None,
        metric: str | None = None,
        mode: Mode | None = None,
        **info: Any,
    ) -> None:
        """The run begins: the first table comes one period later."""
        self._reported_at = self._clock()
        self._objective = Objective(metric, mode) if metric and mode else None
        self._configs, self._keys = {}, {}

    def should_report(self, trials: Sequence[TrialView], done: bool = False) -> bool:
        """Return whether `max_report_frequency` seconds have passed, or the run is over."""
        now = self._clock()
        if not done and self._reported_at is not None and now - self._reported_at < self._period:
            return False
        self._reported_at = now
        return True

    def report(self, trials: Sequence[TrialView], done: bool, *sys_info: str) -> None:
        """Print where the run stands, and the table of the trials; at the end the table only."""
        write(sys.stdout, "\n".join(["", *self._lines(trials, done, sys_info), *([""] if done else []), ""]))

    def _lines(self, trials: Sequence[TrialView], done: bool, sys_info: Sequence[str]) -> list[str]:
        table = self._table(trials, done)
        return [*self._headline(trials, done, sys_info), *(lines_of(table) if table else [])]

    def _headline(self, trials: Sequence[TrialView], done: bool, sys_info: Sequence[str]) -> list[str]:
        return self.layout.headline(len(trials), [] if done else sys_info)  # at the end the summary follows

    def _table(self, trials: Sequence[TrialView], done: bool) -> Table | None:
        records = [trial.record for trial in trials]
        self._compare({trial.id: trial.config for trial in records})
        if not done and not self.layout.print_intermediate_tables:
            return None
        return table_of(records, self._objective, self._keys, self.layout)

    def _compare(self, configs: dict[str, Config]) -> None:
        """Find out which hyperparameters vary: at first between trials, later only in those that changed."""
        before, self._configs = self._configs, configs
        groups = [[before[name], config] for name, config in configs.items() if before and config is not before[name]]
        for group in groups if before else [list(configs.values())]:
            self._keys.update(dict.fromkeys(varied(group)))


class JupyterNotebookReporter(CLIReporter):
    """Shows a table of the trials in a notebook. Elsewhere it is a `CLIReporter`.

    Args:
        overwrite: Whether there is one table, which is replaced; otherwise one comes below the other.
        options: As those of `CLIReporter`.

    >>> JupyterNotebookReporter(overwrite=False, metric_columns=["loss"]).overwrite
    False
    """

    def __init__(self, *, overwrite: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.overwrite = overwrite
        self._display = Display()

    def setup(
        self,
        start_time: float | None = None,
        total_samples: int | None = None,
        metric: str | None = None,
        mode: Mode | None = None,
        **info: Any,
    ) -> None:
        """The run begins: the first table comes one period later."""
        super().setup(start_time, total_samples, metric, mode, **info)
        self._display = Display()

    def report(self, trials: Sequence[TrialView], done: bool, *sys_info: str) -> None:
        """Show where the run stands, and the table of the trials; at the end the table only."""
        if not in_notebook():
            super().report(trials, done, *sys_info)
            return
        if not self.overwrite:
            self._display = Display()
        html = html_of(self._table(trials, done), above=self._headline(trials, done, sys_info))
        self._display.show(html, "\n".join(self._lines(trials, done, sys_info)))


def is_own(reporter: ProgressReporter) -> bool:
    """Return whether a reporter decides itself when and what to report."""
    kind = type(reporter)
    known = (CLIReporter, JupyterNotebookReporter)
    return not (
        any(kind.report is one.report for one in known)
        and any(kind.should_report is one.should_report for one in known)
    )


class Reporting:
    """An observer that asks a reporter whether it is time, and if so lets it report.

    Args:
        reporter: Whose `should_report` and `report` to call.
        chronicle: Says where the run stands.
        searched: The keys that the search space chose values for.
        clock: Seconds.
    """

    def __init__(
        self,
        reporter: ProgressReporter,
        chronicle: Chronicle,
        searched: Sequence[str] = (),
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = type(reporter).__name__
        self._reporter = reporter
        self._chronicle = chronicle
        self._searched = searched
        self._clock = clock
        self._started_at = clock()
        self._next_question = self._started_at
        self._views: dict[str, TrialView] = {}
        self._results: dict[str, TrialResults] = {}

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Take in results."""
        self._begin(population)
        for record in records:
            if edit := self._results[record.trial].take(record):
                bring_up_to_date(self._views[record.trial], edit)

    def on_output(self, worker: int, text: str) -> None:
        """Leave what is printed to others."""

    def on_tick(self, population: Population) -> None:
        """Ask, but for no more than a small part of the time."""
        self._begin(population)
        begun_at = self._clock()
        if begun_at >= self._next_question:
            self._ask(population, done=False)
            now = self._clock()
            self._next_question = now + _LEAST_REST * (now - begun_at)

    def on_end(self, population: Population) -> None:
        """Ask for the last time."""
        self._begin(population)
        self._ask(population, done=True)

    def _ask(self, population: Population, *, done: bool) -> None:
        trials = tuple(self._views.values())
        if self._reporter.should_report(trials, done=done):
            status = self._chronicle.status(population, self._clock() - self._started_at)
            self._reporter.report(trials, done, *status)

    def _begin(self, population: Population) -> None:
        if self._views:
            return
        for trial in population:
            added = TrialAdded(trial.id, trial.index, trial.config, trial.tag, trial.folder)
            self._results[trial.id] = TrialResults(added)
            self._views[trial.id] = TrialView(added, population, self._chronicle.run_dir, self._searched)
        objective = self._chronicle.objective
        self._reporter.setup(
            start_time=time.time(),
            total_samples=len(population),
            metric=objective.metric if objective else None,
            mode=objective.mode if objective else None,
        )


def _titles(name: str, columns: Columns | None) -> dict[str, str] | None:
    if columns is None:
        return None
    if isinstance(columns, str) or not isinstance(columns, (Mapping, list, tuple)):
        raise OptionError(f"{name} must be a list of names, or a dictionary from names to titles, not {columns!r}.")
    pairs = columns.items() if isinstance(columns, Mapping) else zip(columns, columns, strict=True)
    return {str(key): str(title) for key, title in pairs}


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{name} must be a whole number from {least}, not {value!r}.")

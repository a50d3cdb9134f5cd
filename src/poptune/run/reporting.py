"""Reporters: which columns and rows the live table in the terminal shows. Names and arguments are Ray Tune's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from poptune.core.objective import Mode, Objective
from poptune.errors import OptionError, nearest
from poptune.schedulers.base import check_mode

Columns = Sequence[str] | Mapping[str, str]

_WITHOUT_MEANING = (
    *("total_samples", "max_error_rows", "max_report_frequency", "infer_limit", "print_intermediate_tables"),
    "overwrite",
)


class CLIReporter:
    """Says what the live table shows, for `RunConfig(progress_reporter=...)`. Where no terminal is, there is no table.

    Args:
        metric_columns: Reported keys to show, or a dictionary from keys to titles; None: iteration, metric and time.
        parameter_columns: Hyperparameters to show, or a dictionary from names to titles; None: those that vary. Nested
            ones are joined by `/`.
        max_progress_rows: Most trials to show; there are fewer if the terminal is low.
        max_column_length: Most characters of a title or value.
        sort_by_metric: Whether the best trials come first; otherwise they stand in their order.
        metric: What to sort by; by default the metric of the run.
        mode: "min" or "max"; by default that of the run.
        others: Further arguments of Ray Tune's, which have no meaning here; one warning names them: `total_samples`,
            `max_error_rows`, `max_report_frequency`, `infer_limit`, `print_intermediate_tables`, `overwrite`.

    Raises:
        ValueError: An argument has a value that cannot work.
        TypeError: There is no such argument.

    >>> CLIReporter(metric_columns=["epoch", "loss"], parameter_columns={"lr": "rate"}).parameters
    {'lr': 'rate'}
    """

    def __init__(
        self,
        *,
        metric_columns: Columns | None = None,
        parameter_columns: Columns | None = None,
        max_progress_rows: int = 20,
        max_column_length: int = 20,
        sort_by_metric: bool = False,
        metric: str | None = None,
        mode: Mode | None = None,
        **others: Any,
    ) -> None:
        check_mode(mode)
        _check_others(type(self).__name__, others)
        for name, value in (("max_progress_rows", max_progress_rows), ("max_column_length", max_column_length)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise OptionError(f"{name} must be a whole number from 1, not {value!r}.")
        self.metrics = _titles("metric_columns", metric_columns)
        self.parameters = _titles("parameter_columns", parameter_columns)
        self.max_progress_rows = max_progress_rows
        self.max_column_length = max_column_length
        self.sort_by_metric = sort_by_metric
        self.metric = metric
        self.mode = mode

    def order(self, objective: Objective | None) -> Objective | None:
        """Return what trials are sorted by, None if they stand in their order.

        Args:
            objective: What ranks trials in the run, if anything.

        >>> CLIReporter(sort_by_metric=True, mode="min").order(Objective("loss", "max"))
        Objective(metric='loss', mode='min')
        """
        metric = self.metric or (objective.metric if objective else None)
        mode = self.mode or (objective.mode if objective else None)
        return Objective(metric, mode) if self.sort_by_metric and metric and mode else None


class JupyterNotebookReporter(CLIReporter):
    """The same: in a notebook the run is shown in plain lines, without a table."""


def _titles(name: str, columns: Columns | None) -> dict[str, str] | None:
    if columns is None:
        return None
    if isinstance(columns, str) or not isinstance(columns, (Mapping, list, tuple)):
        raise OptionError(f"{name} must be a list of names, or a dictionary from names to titles, not {columns!r}.")
    pairs = columns.items() if isinstance(columns, Mapping) else zip(columns, columns, strict=True)
    return {str(key): str(title) for key, title in pairs}


def _check_others(reporter: str, others: Mapping[str, Any]) -> None:
    known = (
        *("metric_columns", "parameter_columns", "max_progress_rows", "max_column_length"),
        *("sort_by_metric", "metric", "mode"),
    )
    for argument in others:
        if argument not in _WITHOUT_MEANING:
            hint = nearest(argument, (*known, *_WITHOUT_MEANING))
            raise TypeError(f"{reporter} has no argument {argument!r}.{hint}")
    if others:
        warnings.warn(f"{reporter} ignores {', '.join(others)}: the table has no such thing.", stacklevel=3)

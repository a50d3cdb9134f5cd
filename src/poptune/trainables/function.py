"""Function trainables: `def train(config)` that reports as it goes, yields its reports, or returns a last one."""

from __future__ import annotations

import contextlib
import inspect
import numbers
from collections.abc import Callable, Generator, Mapping
from typing import Any

from poptune.core.nested import Config
from poptune.errors import MetricError, UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables.session import plain_metrics

Report = Callable[[Mapping[str, Any], Checkpoint | None], None]


def run_function(function: Callable[..., Any], config: Config, report: Report, final: Report) -> None:
    """Call a training function to its end.

    A dictionary or number that it yields is reported. One that it returns is reported too, as a last result which
    no decision looks at, so it need not hold the metric.
    """
    outcome = function(config)
    if isinstance(outcome, Generator):
        outcome = _run_generator(outcome, report)
    if outcome is not None:
        final(_metrics(outcome, "return"), None)


def _run_generator(generator: Generator[Any, None, Any], report: Report) -> Any:
    with contextlib.closing(generator):
        while True:
            try:
                outcome = next(generator)
            except StopIteration as end:
                return end.value
            report(_metrics(outcome, "yield"), None)


def _metrics(outcome: Any, how: str) -> dict[str, Any]:
    if isinstance(outcome, Mapping):
        return plain_metrics(outcome)
    if isinstance(outcome, numbers.Real):
        return plain_metrics({"_metric": outcome})
    raise MetricError(f"A training function may {how} a dictionary or a number, not {type(outcome).__name__}.")


def check_function(function: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Refuse a function that cannot be called with a config.

    Raises:
        UsageError: Its signature does not take one positional argument and the bound parameters.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # built-in callables may have none
        return
    try:
        signature.bind({}, **parameters)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise UsageError(
            f"The training function {name}{signature} cannot be called as {name}(config"
            f"{''.join(f', {key}=...' for key in parameters)}): {error}."
            " Its first argument is the config, the others those of tune.with_parameters."
        ) from None

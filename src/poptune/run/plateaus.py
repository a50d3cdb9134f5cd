"""Stoppers that wait until results do not change any more. Names and meaning are Ray Tune's."""

from __future__ import annotations

import bisect
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Any

from poptune.core.nested import lookup
from poptune.core.objective import Mode, as_float, is_real
from poptune.errors import ModeError, OptionError
from poptune.run.stoppers import Stopper, check_whole


class TrialPlateauStopper(Stopper):
    """Stops a trial whose metric does not change any more. Reports without the metric are passed over.

    Args:
        metric: A reported key, or a `/`-joined path.
        std: The trial stops when its last values have at most this standard deviation.
        num_results: How many values count, from 1.
        grace_period: Reports of a trial before it may stop.
        metric_threshold: It may stop only when its newest value is at least as good as this.
        mode: Which values are good, "min" or "max"; needed with `metric_threshold`.

    >>> stopper = TrialPlateauStopper("loss", std=0.01, num_results=3, grace_period=3)
    >>> [stopper("a", {"loss": loss}) for loss in (0.9, 0.5, 0.5, 0.5)]
    [False, False, False, True]
    """

    def __init__(
        self,
        metric: str,
        std: float = 0.01,
        num_results: int = 4,
        grace_period: int = 4,
        metric_threshold: float | None = None,
        mode: Mode | None = None,
    ) -> None:
        _check_deviation(std, is_zero_allowed=True)
        check_whole("num_results", num_results, least=1)
        check_whole("grace_period", grace_period, least=0)
        if mode is not None or metric_threshold is not None:
            _check_mode(mode)
        self.metric = metric
        self._std = std
        self._num_results = num_results
        self._grace_period = grace_period
        self._threshold = metric_threshold
        self._mode = mode
        self.begin_run()

    def begin_run(self) -> None:
        """Forget all values."""
        self._reports: Counter[str] = Counter()
        self._values: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=self._num_results))

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Take in a value, and compare the trial's last ones."""
        self._reports[trial_id] += 1
        value = lookup(result, self.metric)
        if not is_real(value):
            return False
        values = self._values[trial_id]
        values.append(as_float(value))
        is_ready = self._reports[trial_id] >= self._grace_period and len(values) == self._num_results
        return is_ready and self._is_good(values[-1]) and deviation(values) <= self._std

    def _is_good(self, value: float) -> bool:
        if self._threshold is None:
            return True
        return value <= self._threshold if self._mode == "min" else value >= self._threshold

    def __str__(self) -> str:
        return f"plateau of {self.metric}"


class ExperimentPlateauStopper(Stopper):
    """Stops the whole run when the best values of all its results do not differ any more.

    Args:
        metric: A reported key, or a `/`-joined path. Reports without it, or with NaN, are passed over.
        std: The run stops when the best values have at most this standard deviation.
        top: How many best values count, from 2.
        mode: Whether the smallest ("min") or the largest ("max") are best.
        patience: For how many reports in a row that must hold.

    >>> stopper = ExperimentPlateauStopper("loss", top=3)
    >>> [stopper("a", {"loss": loss}) for loss in (0.9, 0.1, 0.1, 0.8, 0.1)]
    [False, False, False, False, True]
    >>> stopper.stop_all()
    True
    """

    def __init__(self, metric: str, std: float = 0.001, top: int = 10, mode: Mode = "min", patience: int = 0) -> None:
        _check_mode(mode)
        check_whole("top", top, least=2)
        check_whole("patience", patience, least=0)
        _check_deviation(std, is_zero_allowed=False)
        self.metric = metric
        self._std = std
        self._top = top
        self._sign = 1 if mode == "min" else -1
        self._patience = patience
        self.begin_run()

    def begin_run(self) -> None:
        """Forget all values."""
        self._best: list[float] = []  # the best first; with their sign changed if large values are good
        self._flat_reports = 0  # in a row

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Take in a value, and compare the best ones."""
        value = lookup(result, self.metric)
        if is_real(value) and value == value:  # NaN is no value
            bisect.insort(self._best, self._sign * as_float(value))
            del self._best[self._top :]
            self._flat_reports = self._flat_reports + 1 if self._is_flat() else 0
        return self.stop_all()

    def stop_all(self) -> bool:
        """Say whether the run has reached a plateau and patience is over."""
        return self._is_flat() and self._flat_reports >= self._patience

    def _is_flat(self) -> bool:
        return len(self._best) == self._top and deviation(self._best) <= self._std

    def __str__(self) -> str:
        return f"plateau of the best {self._top} {self.metric}"


def deviation(values: Iterable[float]) -> float:
    """Return the standard deviation of some values, all of them; NaN or infinity if one is.

    >>> deviation([1.0, 3.0])
    1.0
    """
    values = list(values)
    mean = sum(values) / len(values)
    return math.hypot(*(value - mean for value in values)) / math.sqrt(len(values))


def _check_deviation(std: object, *, is_zero_allowed: bool) -> None:
    if isinstance(std, bool) or not is_real(std) or not (std > 0 or (is_zero_allowed and std == 0)):  # type: ignore[operator]
        raise OptionError(f"std must be a number {'from' if is_zero_allowed else 'above'} 0, not {std!r}.")


def _check_mode(mode: object) -> None:
    if mode not in ("min", "max"):
        raise ModeError(f'mode must be "min" or "max", not {mode!r}.')

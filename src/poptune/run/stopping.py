"""When trials, and the whole run, have trained enough: everything that a user may give as `stop`, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poptune.core.lease import Lease
from poptune.core.nested import MISSING, flatten, lookup
from poptune.core.objective import is_real
from poptune.errors import OptionError, StopError, nearest
from poptune.run.plateaus import ExperimentPlateauStopper, TrialPlateauStopper
from poptune.run.stoppers import (
    CombinedStopper,
    FunctionStopper,
    MaximumIterationStopper,
    NoopStopper,
    StopFunction,
    Stopper,
    TimeoutStopper,
)

Criterion = Mapping[str, float] | StopFunction | Stopper
StopOption = Criterion | Sequence[Criterion]


class StopCriteria:
    """The stop criteria of a run, checked once on construction. Any one of them suffices.

    Args:
        given: Dictionaries, functions, stoppers, lists of those; None adds nothing.

    Attributes:
        given: Those that are not None.
        thresholds: Reported numbers and the values from which on a trial stops: workers know these themselves.

    >>> criteria = StopCriteria({"training_iteration": 100}, TimeoutStopper(60))
    >>> criteria.reason("a", {"training_iteration": 100}), criteria.sees_results
    ('training_iteration >= 100', False)
    """

    def __init__(self, *given: StopOption | None) -> None:
        self.given = [stop for stop in given if stop is not None]
        self.thresholds: dict[str, float] = {}
        self._watching: list[Stopper] = []  # they see each result
        self._clocks: list[Stopper] = []  # they end the whole run or nothing, whatever is reported
        self._names_are_checked = False
        for stop in self.given:
            self._take(stop)
        self._lease = Lease(stop_at=self.thresholds)

    def _take(self, stop: object) -> None:
        # Exact types: a class derived from one of ours may do anything when it sees a result.
        if isinstance(stop, Mapping):
            for name, threshold in stop.items():
                self._add_threshold(name, threshold)
        elif type(stop) is MaximumIterationStopper:
            self._add_threshold("training_iteration", stop.max_iter)
        elif type(stop) is CombinedStopper:
            for stopper in stop.stoppers:
                self._take(stopper)
        elif type(stop) in (TimeoutStopper, NoopStopper):
            self._clocks.append(stop)  # type: ignore[arg-type]
        elif isinstance(stop, Stopper):
            self._watching.append(stop)
        elif isinstance(stop, (list, tuple)):
            for one in stop:
                self._take(one)
        elif callable(stop) and not isinstance(stop, type) and not hasattr(stop, "stop_all"):
            self._watching.append(FunctionStopper(stop))
        else:
            raise OptionError(_refusal(stop))

    def _add_threshold(self, name: object, threshold: Any) -> None:
        if not isinstance(name, str) or not is_real(threshold):
            raise OptionError(
                f"stop must map names to numbers, not {name!r} to {threshold!r}."
                ' Give one threshold for each, such as {"training_iteration": 100}.'
            )
        self.thresholds[name] = min(threshold, self.thresholds.get(name, threshold))

    @property
    def has_only_thresholds(self) -> bool:
        """Whether `thresholds` say it all."""
        return not self._watching and not self._clocks

    @property
    def sees_results(self) -> bool:
        """Whether each report must wait until stoppers have seen its result."""
        return bool(self._watching)

    def begin(self) -> None:
        """A run begins: clocks start, and what stoppers remember of an earlier run is forgotten."""
        self._names_are_checked = False
        for stopper in (*self._clocks, *self._watching):
            stopper.begin_run()

    def recall(self, trial: str, result: Mapping[str, Any]) -> None:
        """Let stoppers see a result of the run's past, so that they remember what they knew before it was restored."""
        for stopper in self._watching:
            _asked(stopper, trial, result)

    def reason(self, trial: str, result: Mapping[str, Any]) -> str | None:
        """Return the criterion that a trial's result meets, in words, or None. Every stopper sees every result.

        Raises:
            StopError: A stopper or stop function raised.
        """
        met = [str(stopper) for stopper in self._watching if _asked(stopper, trial, result)]
        return self._lease.stops(result) or (met[0] if met else None)

    def end(self) -> str | None:
        """Return the criterion that ends the whole run now, in words, or None.

        Raises:
            StopError: A stopper raised.
        """
        for stopper in (*self._clocks, *self._watching):
            try:
                is_over = bool(stopper.stop_all())
            except Exception as error:
                raise _raised(f"stop_all() of {stopper}", error) from error
            if is_over:
                return str(stopper)
        return None

    def misnamed(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return a warning for each criterion whose metric is not among the first report's; later nothing."""
        if self._names_are_checked:
            return []
        self._names_are_checked = True
        waited_for = dict.fromkeys(self.thresholds, "stop")
        for stopper in self._watching:
            if isinstance(stopper, (TrialPlateauStopper, ExperimentPlateauStopper)):
                waited_for[stopper.metric] = type(stopper).__name__
        return [
            f"{who} waits for {name!r}, which is not among the reported keys; it stops nothing until it is."
            f"{nearest(name, flatten(metrics))}"
            for name, who in waited_for.items()
            if lookup(metrics, name) is MISSING
        ]


def _asked(stopper: Stopper, trial: str, result: Mapping[str, Any]) -> bool:
    try:
        return bool(stopper(trial, dict(result)))
    except Exception as error:
        where = f"{stopper} at iteration {result.get('training_iteration')} of trial {trial}"
        raise _raised(where, error) from error


def _raised(where: str, error: Exception) -> StopError:
    return StopError(f"{where} raised {type(error).__name__}: {error}")


def _refusal(stop: object) -> str:
    known = 'a dictionary such as {"training_iteration": 100}, a function f(trial_id, result), a Stopper, or a list'
    if isinstance(stop, type) and issubclass(stop, Stopper):
        return f"stop must be {known}, not the class {stop.__name__}: make an object of it, {stop.__name__}(...)."
    if hasattr(stop, "stop_all"):
        return f"{type(stop).__name__} has stop_all(), but is no Stopper: derive it from poptune.Stopper."
    return f"stop must be {known}, not {type(stop).__name__} {stop!r}."

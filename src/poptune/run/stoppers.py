"""Stoppers: objects that look at results and say when a trial, or the whole run, has trained enough.

Names and meaning are Ray Tune's. A run tells its stoppers when it begins: they forget earlier runs, so that one
`RunConfig` serves several.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from poptune.core.objective import is_real
from poptune.errors import OptionError

StopFunction = Callable[[str, dict[str, Any]], bool]


class Stopper(ABC):
    """Says when a trial, or the whole run, has trained enough. Derive from it for criteria with a memory.

    Each report of each trial waits until the stopper has seen it. `str(stopper)` is what the journal gives as reason.

    >>> class Patience(Stopper):
    ...     def __init__(self, most):
    ...         self.left = most
    ...     def __call__(self, trial_id, result):
    ...         self.left -= 1
    ...         return False
    ...     def stop_all(self):
    ...         return self.left <= 0
    >>> patience = Patience(1)
    >>> patience("a", {"loss": 0.5}), patience.stop_all()
    (False, True)
    """

    @abstractmethod
    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Look at a trial's newest result, nested as reported, and say whether the trial stops."""

    def stop_all(self) -> bool:
        """Say whether the whole run stops. Asked several times a second, and after each result."""
        return False

    def begin_run(self) -> None:  # noqa: B027  most have nothing to forget
        """A run begins: forget those before."""

    def __str__(self) -> str:
        return type(self).__name__


class NoopStopper(Stopper):
    """Stops nothing.

    >>> NoopStopper()("a", {"loss": 0.5})
    False
    """

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False."""
        return False


class FunctionStopper(Stopper):
    """Stops a trial when a function says so.

    Args:
        function: `f(trial_id, result) -> bool`.

    >>> FunctionStopper(lambda trial_id, result: result["loss"] < 0.1)("a", {"loss": 0.05})
    True
    """

    def __init__(self, function: StopFunction) -> None:
        if isinstance(function, (type, Stopper)) or not callable(function):
            raise OptionError(f"FunctionStopper takes a function f(trial_id, result), not {function!r}.")
        self._function = function

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Ask the function."""
        return bool(self._function(trial_id, result))

    def __str__(self) -> str:
        return f"stop function {getattr(self._function, '__name__', type(self._function).__name__)}"


class MaximumIterationStopper(Stopper):
    """Stops each trial at a number of iterations, as `stop={"training_iteration": max_iter}` does.

    Args:
        max_iter: That number, from 1. Iterations are those behind the trial's weights, also after an exploit.

    >>> MaximumIterationStopper(10)("a", {"training_iteration": 10})
    True
    """

    def __init__(self, max_iter: int) -> None:
        check_whole("max_iter", max_iter, least=1)
        self.max_iter = max_iter

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Compare the trial's iterations."""
        iteration = result.get("training_iteration", 0)
        return is_real(iteration) and bool(iteration >= self.max_iter)


class TimeoutStopper(Stopper):
    """Stops the whole run after a time, which begins with the run.

    Args:
        timeout: Seconds, or a `datetime.timedelta`.
        clock: Seconds that only go forward.

    >>> now = 100.0
    >>> stopper = TimeoutStopper(60, clock=lambda: now)
    >>> stopper.stop_all()
    False
    >>> now = 160.0
    >>> stopper.stop_all()
    True
    """

    def __init__(self, timeout: float | timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout_s = seconds("timeout", timeout)
        self._clock = clock
        self._began_at: float | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: time stops all trials or none."""
        return False

    def stop_all(self) -> bool:
        """Look at the clock; it starts now if no run has begun."""
        if self._began_at is None:
            self.begin_run()
        assert self._began_at is not None
        return self._clock() - self._began_at >= self.timeout_s

    def begin_run(self) -> None:
        """Start the clock."""
        self._began_at = self._clock()

    def __str__(self) -> str:
        return f"time budget of {self.timeout_s:g} s"


class CombinedStopper(Stopper):
    """Stops when any of several stoppers does. All of them see every result.

    >>> either = CombinedStopper(MaximumIterationStopper(10), TimeoutStopper(60))
    >>> either("a", {"training_iteration": 10}), either.stop_all()
    (True, False)
    """

    def __init__(self, *stoppers: Stopper) -> None:
        for stopper in stoppers:
            if not isinstance(stopper, Stopper):
                raise OptionError(
                    f"CombinedStopper takes stoppers such as MaximumIterationStopper(10), not {stopper!r}."
                )
        self.stoppers = stoppers

    def begin_run(self) -> None:
        """Tell all."""
        for stopper in self.stoppers:
            stopper.begin_run()

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Ask all."""
        answers = [stopper(trial_id, result) for stopper in self.stoppers]
        return any(answers)

    def stop_all(self) -> bool:
        """Ask all."""
        return any(stopper.stop_all() for stopper in self.stoppers)

    def __str__(self) -> str:
        return " or ".join(map(str, self.stoppers))


def seconds(name: str, value: object) -> float:
    """Return a length of time in seconds; `name` is the argument's, for the error message.

    >>> seconds("timeout", timedelta(minutes=1))
    60.0
    """
    found = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not found > 0:
        raise OptionError(f"{name} must be a number of seconds above 0 or a datetime.timedelta, not {value!r}.")
    return float(found)


def check_whole(name: str, value: object, *, least: int) -> None:
    """Refuse what is no whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{name} must be a whole number from {least}, not {value!r}.")

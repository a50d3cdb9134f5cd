"""What training code talks to: `report`, `get_checkpoint`, `get_context`.

Exactly one trial runs at a time in a process, so the session that these functions speak to is one module variable. A
trial reports from one thread, which need not be the one that called its function.
"""

from __future__ import annotations

import numbers
import sys
import threading
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from poptune.errors import MetricError, UsageError, nearest
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.encoding import plain_number


class Unwound(BaseException):
    """Raised out of `report` to end a trial's function, so that its `with` and `finally` blocks run.

    Like `GeneratorExit` it is no `Exception`: training code that catches those does not catch it.
    """


@dataclass(frozen=True, slots=True)
class TrialContext:
    """Facts about the trial that asks.

    Attributes:
        trial_id: Unique in the run.
        trial_name: The trainable's name and the id.
        trial_dir: The trial's folder, absolute; it exists.
        experiment_name: Name of the run.
        resources: What one trial may use, such as `{"cpu": 1, "gpu": 0.5}`.
    """

    trial_id: str | None = None
    trial_name: str | None = None
    trial_dir: str | None = None
    experiment_name: str | None = None
    resources: Mapping[str, float] = field(default_factory=dict)

    def get_trial_id(self) -> str | None:
        """Return the trial's id."""
        return self.trial_id

    def get_trial_name(self) -> str | None:
        """Return the trainable's name and the trial's id."""
        return self.trial_name

    def get_trial_dir(self) -> str | None:
        """Return the trial's folder."""
        return self.trial_dir

    def get_experiment_name(self) -> str | None:
        """Return the name of the run."""
        return self.experiment_name

    def get_trial_resources(self) -> Mapping[str, float]:
        """Return what one trial may use."""
        return self.resources


class Session(Protocol):
    """A trial that runs, as its code sees it."""

    context: TrialContext

    def take_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to go on from."""

    def report(self, metrics: Mapping[str, Any], checkpoint: Checkpoint | None) -> None:
        """Hand a report over, and wait if it needs an answer."""


current: Session | None = None
_left_behind: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def leave_behind(thread: threading.Thread) -> None:
    """Let a thread that did not end with its run report nothing any more: it is unwound when it tries."""
    _left_behind.add(thread)


def report(metrics: Any = None, *, checkpoint: Checkpoint | None = None, **older: Any) -> None:
    """Report the results of one iteration, and perhaps a checkpoint that goes with them.

    Returns when training shall go on. If the trial is to go on as a clone of another, or has met its stop criterion,
    this does not return: the function is unwound, its `with` and `finally` blocks run, and as a clone it is called
    again with the new config. The files of the checkpoint are copied before this returns.

    Args:
        metrics: Numbers by name; may be nested, and may hold strings and lists beside. The metric that ranks trials
            must be one real number.
        checkpoint: The state after this iteration. Without checkpoints a trial can neither be cloned nor become a
            clone.
        older: The metrics by keyword, `report(accuracy=0.9)`: the older form of `report({"accuracy": 0.9})`.

    Raises:
        MetricError: A value is a torch tensor, or `metrics` is no dictionary.
        UsageError: `checkpoint` is no `Checkpoint`, or there are metrics by keyword beside a dictionary.

    Outside of a run it only warns, so that a training function can be tried by hand:

    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     report({"accuracy": 0.9})
    >>> str(caught[0].message)
    'tune.report was called outside of a run: nothing is recorded.'
    """
    if _left_behind and threading.current_thread() in _left_behind:
        raise Unwound
    if current is None:
        warnings.warn("tune.report was called outside of a run: nothing is recorded.", stacklevel=2)
        return
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise UsageError(
            f"The checkpoint of a report must be a Checkpoint, not {type(checkpoint).__name__}:"
            " use Checkpoint.from_directory(path) or Checkpoint.from_dict(state)."
        )
    current.report(plain_metrics(_given(metrics, older)), checkpoint)


def _given(metrics: Any, older: dict[str, Any]) -> Any:
    """Return metrics, by whichever form of `report` they were given."""
    misplaced = [name for name, value in older.items() if isinstance(value, Checkpoint)]
    if misplaced or (older and metrics is not None):
        name = (misplaced or list(older))[0]
        raise UsageError(
            f"tune.report has no argument {name!r}.{nearest(name, ('metrics', 'checkpoint'))} Metrics are one"
            ' dictionary, tune.report({"accuracy": 0.9}, checkpoint=...).'
        )
    return older or metrics


def get_checkpoint() -> Checkpoint | None:
    """Return the checkpoint to go on from: the donor's for a clone, one's own after a failure; None at the start.

    Where a run was interrupted and goes on, the global generators of `random`, NumPy and torch stand from here on where
    they stood at the report of the checkpoint: call this after what draws first weights, and before what draws batches.

    >>> get_checkpoint() is None
    True
    """
    return current.take_checkpoint() if current else None


def get_context() -> TrialContext:
    """Return facts about the running trial; all None outside of a run.

    >>> get_context().get_trial_id() is None
    True
    """
    return current.context if current else TrialContext()


_LONGEST_TEXT = 1000

_PLAIN = frozenset({int, float, bool, str, type(None)})


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return metrics with NumPy scalars and arrays as plain numbers and lists, in nested dictionaries and lists too.

    Raises:
        MetricError: A value is a torch tensor, or `metrics` is no dictionary.
    """
    if not isinstance(metrics, Mapping):
        raise MetricError(f'tune.report takes a dictionary such as {{"accuracy": 0.9}}, not {type(metrics).__name__}.')
    return {str(key): _plain(str(key), value) for key, value in metrics.items()}


def _plain(key: str, value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(f"{key}/{name}", item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(key, item) for item in value]
    library = type(value).__module__.partition(".")[0]
    if library == "torch" and hasattr(value, "detach"):
        raise MetricError(f"Metric {key!r} is a torch tensor. Report a number: use value.item(), or float(value).")
    if library == "numpy":
        number = plain_number(value)
        is_array = isinstance(value, sys.modules["numpy"].ndarray)  # without dimensions it may hold a bfloat16
        return value.tolist() if is_array and number is value else number
    for kind in (int, float):  # a class of the script, such as an IntEnum, is known neither to the driver nor in files
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, numbers.Number):
        return value
    if hasattr(value, "tolist"):  # arrays of other libraries
        return _plain(key, value.tolist())
    return repr(value)[:_LONGEST_TEXT]  # what the journal keeps of it; the object itself need not travel

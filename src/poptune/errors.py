"""Every exception that PopTune raises on purpose.

    PopTuneError
    ├── UsageError          you called us wrongly; raised before anything trains
    │   ├── OptionError     an argument with a value that cannot work (also a ValueError)
    │   ├── ModeError       a mode other than "min" and "max" (also a ValueError and, as in Ray Tune, an AssertionError)
    │   ├── SpaceError      a search space or a mutation that cannot work (also a ValueError)
    │   ├── MetricError     a report without the metric, or with one that cannot be ranked (also a ValueError)
    │   └── ClusterError    there is no cluster at an address (also a ConnectionError)
    ├── TrialError          a trial failed for good; carries the user's traceback
    ├── StopError           a stop function or Stopper raised; the run ended there
    ├── WorkerDied          a worker process ended before its trials did
    ├── NoResultError       no trial reported a value that counts (also a RuntimeError)
    ├── StorageError        a run directory, journal or checkpoint that cannot be written or read
    │   └── DiskFull        no space is left; raised when it did not come back in an hour
    └── MissingExtra        an optional dependency is needed; says the install command (also an ImportError
                         and, as in Ray Tune, a RuntimeError)

Wrong argument values raise the built-in `ValueError` or `TypeError` where Ray Tune does, so that existing
`except` clauses keep working; the classes above derive from them where that matters.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PopTuneError(Exception):
    """Base of everything that PopTune raises on purpose."""


class UsageError(PopTuneError):
    """A call that cannot work; the message says what to change."""


class OptionError(UsageError, ValueError):
    """An argument has a value that cannot work."""


class ModeError(UsageError, ValueError, AssertionError):
    """A mode other than "min" and "max"."""


class SpaceError(UsageError, ValueError):
    """A search space or mutation that cannot work."""


class MetricError(UsageError, ValueError):
    """A report lacks the metric, or its value cannot be ranked."""


class ClusterError(UsageError, ConnectionError):
    """There is no cluster at an address."""


class TrialError(PopTuneError):
    """A trial failed for good. `str(error)` ends with the traceback of the user's code."""


class StopError(PopTuneError):
    """A stop function or Stopper raised. The run ended there, and keeps all that was reported."""


class WorkerDied(PopTuneError):
    """A worker process ended before its trials did."""


class NoResultError(PopTuneError, RuntimeError):
    """No trial reported a value that counts."""


class StorageError(PopTuneError):
    """A run directory, journal or checkpoint cannot be written or read."""


class DiskFull(StorageError):
    """There is no space left to write something. PopTune waits for some before it raises this."""


class MissingExtra(PopTuneError, ImportError, RuntimeError):
    """An optional dependency is needed for this call.

    >>> str(MissingExtra("pandas", extra="plots", purpose="Result.metrics_dataframe"))
    'Result.metrics_dataframe needs pandas, which is not installed. Run: pip install "poptune[plots]"'
    """

    def __init__(self, module: str, *, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs {module}, which is not installed. Run: pip install "poptune[{extra}]"')


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word nearest to a misspelt one, or nothing.

    >>> nearest("acuracy", ["loss", "accuracy"])
    " Did you mean 'accuracy'?"
    >>> nearest("x", ["loss"])
    ''
    """
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""

"""Reporters: code of the user that says when and how the progress of a run is shown. Names are Ray Tune's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poptune.core.objective import Mode

if TYPE_CHECKING:
    from poptune.run.hooks import TrialView


class ProgressReporter:
    """Shows how a run gets on. Derive from it, write two methods, and pass it in `RunConfig(progress_reporter=...)`.

    Both are called in the process that called `fit`, wherever its output goes, but never with `verbose=0`. While they
    run, nothing is decided, so they should be quick. If one raises, that is reported on the standard error and the
    reporter is left out from then on; training goes on.

    To keep the tables and change only when they appear, derive from `CLIReporter` and write `should_report`.

    >>> class Endings(ProgressReporter):
    ...     def should_report(self, trials, done=False):
    ...         return done
    ...     def report(self, trials, done, *sys_info):
    ...         print([trial.trial_id for trial in trials if trial.status == "ERROR"])
    >>> Endings().should_report([], done=True)
    True
    """

    def setup(
        self,
        start_time: float | None = None,
        total_samples: int | None = None,
        metric: str | None = None,
        mode: Mode | None = None,
        **info: Any,
    ) -> None:
        """The run begins. Called before the other methods.

        Args:
            start_time: When, in seconds since 1970.
            total_samples: How many trials there are.
            metric: What ranks trials, if anything.
            mode: Whether less or more of it is better.
            info: Nothing yet.
        """

    def should_report(self, trials: Sequence[TrialView], done: bool = False) -> bool:
        """Return whether to report now. Asked many times a second, and once more at the end.

        Args:
            trials: All trials, in their order; see `poptune.run.hooks.TrialView`.
            done: Whether the run is over, or was interrupted.
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method should_report(trials, done=False).")

    def report(self, trials: Sequence[TrialView], done: bool, *sys_info: str) -> None:
        """Show how the run gets on.

        Args:
            trials: All trials, in their order.
            done: Whether the run is over, or was interrupted.
            sys_info: Where the run stands, in up to three sentences: statuses and time, the scheduler, the best so far.
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method report(trials, done, *sys_info).")

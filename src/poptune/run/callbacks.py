"""Callbacks: code of the user that is told what happens in a run. Names and signatures are Ray Tune's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poptune.run.hooks import TrialView
    from poptune.run.stopping import StopOption
    from poptune.storage.checkpoint import Checkpoint


class Callback:
    """Is told what happens in a run. Derive from it, write the hooks that you need, and pass it in `RunConfig`.

    Hooks are called in the process that called `fit`, after what they tell of is in the journal: in order, each event
    once. While a hook runs, nothing is decided, so it should be quick. If one raises, that is reported on the standard
    error and the callback is left out from then on; training goes on.

    All hooks take `**info`, so that later versions can tell them more. Most get the same arguments:

    * `iteration`: how many steps of its loop the run has done;
    * `trials`: all trials, in their order;
    * `trial`: whom it is about, with `trial_id`, `config`, `status`, `last_result` and more; see
      `poptune.run.hooks.TrialView`.

    >>> class Highest(Callback):
    ...     height = 0.0
    ...     def on_trial_result(self, iteration, trials, trial, result, **info):
    ...         self.height = max(self.height, result["height"])
    >>> highest = Highest()
    >>> highest.on_trial_result(iteration=1, trials=[], trial=None, result={"height": 2.0})
    >>> highest.height
    2.0
    """

    def setup(
        self,
        stop: StopOption | None = None,
        num_samples: int | None = None,
        total_num_samples: int | None = None,
        **info: Any,
    ) -> None:
        """The run begins. Called first, before any trial trains.

        Args:
            stop: The stop criteria, with a `TimeoutStopper` if there is a time budget; a list if there are several.
            num_samples: As given to `TuneConfig`.
            total_num_samples: How many trials there are.
            info: Nothing yet.
        """

    def on_step_begin(self, iteration: int, trials: Sequence[TrialView], **info: Any) -> None:
        """A step of the run's loop begins; there are several a second."""

    def on_step_end(self, iteration: int, trials: Sequence[TrialView], **info: Any) -> None:
        """A step of the run's loop is over; `iteration` counts it already."""

    def on_trial_start(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """A trial's training was started: for the first time, as a clone, or again after a failure."""

    def on_trial_restore(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """It was started from `trial.checkpoint`. Called after `on_trial_start`."""

    def on_trial_result(
        self, iteration: int, trials: Sequence[TrialView], trial: TrialView, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial reported.

        Args:
            iteration: Steps of the loop so far.
            trials: All trials.
            trial: Who reported; `trial.last_result` is this result already.
            result: The complete result, nested as reported, and this callback's own: changes are seen by its later
                hooks alone. `done` is true if the result stops the trial.
            info: Nothing yet.
        """

    def on_trial_save(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """A trial saved a checkpoint. Called after `on_trial_result` and `on_checkpoint`."""

    def on_checkpoint(
        self, iteration: int, trials: Sequence[TrialView], trial: TrialView, checkpoint: Checkpoint, **info: Any
    ) -> None:
        """A trial saved a checkpoint. It may be deleted once the hook has returned: copy what you want to keep."""

    def on_trial_recover(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """A trial failed, or lost its worker, and will be started again from its newest checkpoint."""

    def on_trial_complete(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """A trial met its stop criterion, or its function returned."""

    def on_trial_error(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """A trial failed for good."""

    def on_experiment_end(self, trials: Sequence[TrialView], **info: Any) -> None:
        """The run is over, or was interrupted. Called last."""

    def get_state(self) -> dict[str, Any] | None:
        """Return what the callback would need to go on in a restored run. Not called yet: no run is restored."""
        return None

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` returned. Not called yet: no run is restored."""


class LoggerCallback(Callback):
    """A callback that logs trials: five hooks with fewer arguments.

    >>> class Lines(LoggerCallback):
    ...     def log_trial_result(self, iteration, trial, result):
    ...         print(trial, result["loss"])
    >>> Lines().on_trial_result(iteration=1, trials=[], trial="a", result={"loss": 0.5})
    a 0.5
    """

    def log_trial_start(self, trial: TrialView) -> None:
        """A trial's training was started: for the first time, as a clone, or again after a failure."""

    def log_trial_restore(self, trial: TrialView) -> None:
        """It was started from `trial.checkpoint`."""

    def log_trial_save(self, trial: TrialView) -> None:
        """A trial saved a checkpoint."""

    def log_trial_result(self, iteration: int, trial: TrialView, result: dict[str, Any]) -> None:
        """A trial reported."""

    def log_trial_end(self, trial: TrialView, failed: bool = False) -> None:
        """A trial has ended; `failed` if it failed for good."""

    def on_trial_start(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """Log it."""
        self.log_trial_start(trial)

    def on_trial_restore(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """Log it."""
        self.log_trial_restore(trial)

    def on_trial_save(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """Log it."""
        self.log_trial_save(trial)

    def on_trial_result(
        self, iteration: int, trials: Sequence[TrialView], trial: TrialView, result: dict[str, Any], **info: Any
    ) -> None:
        """Log it."""
        self.log_trial_result(iteration, trial, result)

    def on_trial_complete(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """Log it."""
        self.log_trial_end(trial, failed=False)

    def on_trial_error(self, iteration: int, trials: Sequence[TrialView], trial: TrialView, **info: Any) -> None:
        """Log it."""
        self.log_trial_end(trial, failed=True)

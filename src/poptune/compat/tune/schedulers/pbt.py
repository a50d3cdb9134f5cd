"""`ray.tune.schedulers.pbt`: `PopulationBasedTraining` with the arguments that earlier versions of Ray Tune had."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from poptune import schedulers
from poptune.core.nested import Config, copy_tree
from poptune.core.objective import Mode
from poptune.errors import OptionError

__all__ = ["PopulationBasedTraining", "PopulationBasedTrainingReplay"]


# What classes derived from Ray Tune's scheduler override. Here decisions are made elsewhere, and nobody calls it.
_NEVER_CALLED = (
    *("on_trial_add", "on_trial_result", "on_trial_complete", "on_trial_error", "on_trial_remove"),
    *("choose_trial_to_run", "debug_string", "reset_stats", "last_scores"),
    *("_get_new_config", "_quantiles", "_exploit", "_perturb_trial", "_checkpoint_or_exploit", "_save_trial_state"),
    *("_log_config_on_step", "_summarize_hyperparam_changes"),
)


class PopulationBasedTraining(schedulers.PopulationBasedTraining):
    """Takes `reward_attr` beside the arguments of `poptune.schedulers.PopulationBasedTraining`, and is the same.

    Args:
        arguments: As there.
        reward_attr: Older form of `metric=..., mode="max"`. The same metric given to `tune.run` or `TuneConfig` too is
            no conflict.
        options: As there.

    Raises:
        ValueError: `reward_attr` and another metric, or mode "min".

    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     scheduler = PopulationBasedTraining(reward_attr="acc", hyperparam_mutations={"lr": [0.1, 0.2]})
    >>> scheduler.bound("acc", "max").objective
    Objective(metric='acc', mode='max')
    """

    __signature__ = inspect.signature(schedulers.PopulationBasedTraining)  # `save` writes what stands in it

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if unused := [name for name in _NEVER_CALLED if name in vars(cls)]:
            warnings.warn(
                f"{cls.__name__} defines {', '.join(unused)}, which PopTune never calls."
                " PopulationBasedTraining(exploit=, explore=) takes rules of one's own, and"
                " RunConfig(callbacks=[...]) whoever wants to hear of results.",
                stacklevel=2,
            )

    def __init__(self, *arguments: Any, reward_attr: str | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._has_reward_attr = reward_attr is not None
        if reward_attr is None:
            return
        if self.metric not in (None, reward_attr) or self.mode not in (None, "max"):
            raise OptionError(
                f'reward_attr={reward_attr!r} means metric={reward_attr!r}, mode="max", but metric={self.metric!r} and'
                f" mode={self.mode!r} are given too. Leave reward_attr out."
            )
        warnings.warn(
            f'reward_attr={reward_attr!r} is the older form of metric={reward_attr!r}, mode="max".',
            DeprecationWarning,
            stacklevel=2,
        )
        self.metric, self.mode = reward_attr, "max"

    def bound(self, metric: str | None, mode: Mode | None) -> schedulers.PopulationBasedTraining:
        """Return this scheduler with the metric and mode of `TuneConfig`, which may repeat what `reward_attr` says."""
        if self._has_reward_attr:
            metric = None if metric == self.metric else metric
            mode = None if mode == self.mode else mode
        return super().bound(metric, mode)


class PopulationBasedTrainingReplay(schedulers.PopulationBasedTrainingReplay):
    """Trains one trial by a schedule: that of `poptune.schedulers`, which here tells its first config."""

    @property
    def config(self) -> Config:
        """The config that the schedule begins with, a copy."""
        return copy_tree(self.changes[0].config)

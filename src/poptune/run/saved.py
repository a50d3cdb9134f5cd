"""The settings of a run as plain facts in its journal, and back. What a file cannot hold has to be given again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from poptune import schedulers
from poptune.errors import OptionError, StorageError, UsageError
from poptune.run.configs import FailureConfig, RunConfig, TuneConfig
from poptune.run.extending import refuse_differences
from poptune.run.stoppers import seconds
from poptune.run.stopping import StopCriteria
from poptune.schedulers.base import Scheduler
from poptune.schedulers.settings import (
    SavedSettings,
    main_function,
    restored_scheduler,
    settings_differences,
    settings_text,
)
from poptune.storage.dictionary import HOW_TO_ALLOW
from poptune.storage.retention import CheckpointConfig

C = TypeVar("C", TuneConfig, RunConfig)

_AGAIN = "A directory cannot hold it: give it again, as in Tuner.restore(path, trainable, {})."
_LEFT_OUT = ("callbacks", "progress_reporter", "upload_to")  # a run can go on without these


def settings_of(
    tune: TuneConfig, run: RunConfig, scheduler: Scheduler, searched: Sequence[str], *, has_space: bool
) -> dict[str, Any]:
    """Return what restoring needs, as plain values.

    Args:
        tune: How the run searches.
        run: Where and how it runs.
        scheduler: Of the run; bound to its metric.
        searched: The keys that its search space chooses values for.
        has_space: Whether it has a search space; if not, all first values come from the scheduler.
    """
    criteria = StopCriteria(run.stop)
    budget = tune.time_budget_s
    return {
        "scheduler": _text_of(scheduler),
        "tune": {
            "num_samples": tune.num_samples,
            "max_concurrent_trials": tune.max_concurrent_trials,
            "time_budget_s": None if budget is None else seconds("time_budget_s", budget),
            "chdir_to_trial_dir": tune.chdir_to_trial_dir,
        },
        "run": {
            "stop": dict(criteria.thresholds) if criteria.has_only_thresholds else _script_name(run.stop),
            "failure_config": asdict(run.failure_config),
            "checkpoint_config": asdict(run.checkpoint_config),
            "executor": run.executor if isinstance(run.executor, str) else None,
            "verbose": run.verbose,
            "durability": run.durability,
            "tensorboard": run.tensorboard,
        },
        "searched": list(searched),
        "has_space": has_space,
        "left_out": [name for name in _LEFT_OUT if getattr(run, name)],
    }


def restored_configs(
    about: Mapping[str, Any], run_dir: Path, tune: TuneConfig, run: RunConfig, *, force: bool = False
) -> tuple[TuneConfig, RunConfig]:
    """Return the configs of a run, with what is given now in place of what was given then.

    Args:
        about: The facts in the run's journal.
        run_dir: Its directory.
        tune: What is given now; what it leaves open is as it was.
        run: The same.
        force: Whether a scheduler with other settings may take over.

    Raises:
        StorageError: The run was written by a version that kept no settings.
        UsageError: Something is given that cannot change, or is missing that a directory cannot hold.
    """
    if "settings" not in about:
        raise StorageError(f"{run_dir} was written by an early version of PopTune: it can be read, but not go on.")
    saved = about["settings"]
    _check_unchanged(tune, {**saved["tune"], "seed": about["seed"], "metric": about["metric"], "mode": about["mode"]})
    _check_place(run, run_dir)
    scheduler = tune.scheduler or _scheduler_of(saved["scheduler"], about["scheduler"])
    _check_objective(scheduler, about)
    if not force:
        refuse_differences(_scheduler_differences(scheduler, about))
    searching = {**saved["tune"], "seed": about["seed"], "scheduler": scheduler, **_open_objective(scheduler, about)}
    stop = saved["run"]["stop"]
    running = {
        **saved["run"],
        "stop": main_function(stop) if isinstance(stop, str) else stop,
        "failure_config": FailureConfig(**saved["run"]["failure_config"]),
        "checkpoint_config": _checkpoint_config(saved["run"]["checkpoint_config"], run.checkpoint_config),
        "name": run_dir.name,
        "storage_path": run_dir.parent,
    }
    _check_given_again({**running, "left_out": saved["left_out"]}, run)
    return _with(tune, searching), _with(run, running)


def _checkpoint_config(saved: Mapping[str, Any], now: CheckpointConfig) -> CheckpointConfig:
    """Return what a run said of checkpoints. That its pickles may be loaded is only believed of the caller."""
    config = CheckpointConfig(**saved)
    if config.allow_pickle and not now.allow_pickle:
        raise OptionError(
            "Checkpoints of this run may hold pickled objects, and loading them executes what is in them. If you trust"
            f" whoever wrote them: Tuner.restore(path, trainable, run_config={HOW_TO_ALLOW})."
        )
    return replace(config, allow_pickle=now.allow_pickle)


def _script_name(stop: object) -> str | None:
    """Return the name of a stop function at the top of the script, None of anything else."""
    name = getattr(stop, "__qualname__", "")
    return name if stop is not None and main_function(name) is stop else None


def _text_of(scheduler: Scheduler) -> str | None:
    """Return a scheduler as text, None if there is none: it is somebody's own, or holds more than settings."""
    is_ours = type(scheduler).__module__.partition(".")[0] == "poptune"
    try:
        return settings_text(scheduler) if is_ours and isinstance(scheduler, SavedSettings) else None
    except UsageError:  # a setting that is neither plain nor a function, such as an object to choose from
        return None


def _scheduler_of(text: str | None, name: str) -> Scheduler:
    again = "tune_config=TuneConfig(scheduler=...)"
    if text is None:
        raise OptionError(f"The run had the scheduler {name}. {_AGAIN.format(again)}")
    try:
        scheduler: Scheduler = restored_scheduler(getattr(schedulers, name), text)
    except OptionError as error:
        reason = str(error).partition(", which a file")[0]
        raise OptionError(f"Of the scheduler {name}, {reason}. {_AGAIN.format(again)}") from error
    return scheduler


def _check_objective(scheduler: Scheduler, about: Mapping[str, Any]) -> None:
    """Refuse a scheduler that ranks by something else: its scores and those of the past could not be compared."""
    for name in ("metric", "mode"):
        own = getattr(scheduler, name, None)
        if own and about[name] and own != about[name]:
            raise OptionError(f"{name} of this run is {about[name]!r}; its scheduler cannot have {own!r}.")


def _open_objective(scheduler: Scheduler, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the scheduler leaves open of metric and mode."""
    own = scheduler.objective
    names = ("metric", "mode")
    return {name: None if own or getattr(scheduler, name, None) else about[name] for name in names}


def _scheduler_differences(scheduler: Scheduler, about: Mapping[str, Any]) -> list[str]:
    """Return in words what a scheduler has otherwise than the run's own."""
    kind, was = type(scheduler).__name__, about["settings"]["scheduler"]
    if kind != about["scheduler"]:
        return [f"scheduler was {about['scheduler']}, now {kind}"]
    now = _text_of(scheduler.bound(**_open_objective(scheduler, about)))
    return settings_differences(was, now) if was and now else []


def _check_unchanged(tune: TuneConfig, saved: Mapping[str, Any]) -> None:
    for name in ("metric", "mode", "seed"):
        now = getattr(tune, name)
        if name in tune.given and now != saved[name]:
            raise OptionError(f"{name} of this run is {saved[name]!r} and cannot become {now!r}: leave it out.")
    if "num_samples" in tune.given and tune.num_samples < saved["num_samples"]:
        raise OptionError(
            f"num_samples of this run is {saved['num_samples']} and can only grow, not become {tune.num_samples}."
        )


def _check_place(run: RunConfig, run_dir: Path) -> None:
    if "name" in run.given and run.name != run_dir.name:
        raise OptionError(f"The run is {run_dir.name!r} and cannot become {run.name!r}: leave name out.")
    if "storage_path" in run.given and Path(run.storage_path).expanduser().resolve() != run_dir.parent.resolve():
        raise OptionError(f"The run stays in {run_dir.parent}: leave storage_path out, or move the directory before.")


def _check_given_again(saved: Mapping[str, Any], run: RunConfig) -> None:
    for name, what in {"stop": "a stop function or Stopper", "executor": "an executor of its own"}.items():
        if saved[name] is None and name not in run.given:
            raise OptionError(f"The run had {what}. {_AGAIN.format(f'run_config=RunConfig({name}=...)')}")
    for name in saved["left_out"]:
        if name not in run.given:
            warnings.warn(
                f"The run had {name}, which a directory cannot hold, and goes on without:"
                f" Tuner.restore(path, trainable, run_config=RunConfig({name}=...)) gives them again.",
                stacklevel=5,
            )


def _with(given: C, saved: Mapping[str, Any]) -> C:
    changed = {name for name in given.given if name not in _FIXED}
    return replace(given, **{name: value for name, value in saved.items() if name not in changed})


_FIXED = ("name", "storage_path", "metric", "mode", "seed", "scheduler")  # checked, and taken as saved

"""`tune.run`: the older form of `Tuner(...).fit()`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from poptune.compat.analysis import ExperimentAnalysis
from poptune.core.domains import Domain
from poptune.core.objective import Mode
from poptune.errors import OptionError, TrialError, nearest
from poptune.executors.base import Executor
from poptune.run.callbacks import Callback
from poptune.run.configs import FailureConfig, RunConfig, TuneConfig
from poptune.run.reporting import CLIReporter
from poptune.run.stopping import StopOption
from poptune.schedulers.base import Scheduler
from poptune.schedulers.named import create_scheduler
from poptune.storage.journal import Durability
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.packed import with_resources
from poptune.tuner import Tuner

_VARIANT_GENERATORS = ("variant_generator", "random")

_REFUSED = {
    "export_formats": "save what you need in a checkpoint",
    "restore": "a trial starts from its first iteration; load weights in the training code",
    "resume": "every run is a new one; its results are opened by ResultGrid.from_path",
    "resume_config": "every run is a new one; its results are opened by ResultGrid.from_path",
    "storage_filesystem": "runs are stored in a directory: storage_path=...",
}
_WITHOUT_MEANING = {
    "log_to_file": "what training prints is shown in the terminal",
    "reuse_actors": "workers always stay",
    "sync_config": "everything is written where it stays",
    "trial_dirname_creator": "folders are named after the trainable, the trial and its hyperparameters",
    "trial_name_creator": "trials are named after the seed and their index",
}


def run(
    run_or_experiment: Any,
    *,
    name: str | None = None,
    metric: str | None = None,
    mode: Mode | None = None,
    stop: StopOption | None = None,
    time_budget_s: float | timedelta | None = None,
    config: Mapping[str, Any] | None = None,
    resources_per_trial: Mapping[str, float] | None = None,
    num_samples: int = 1,
    storage_path: str | Path | None = None,
    search_alg: Any = None,
    scheduler: Scheduler | str | None = None,
    checkpoint_config: CheckpointConfig | None = None,
    verbose: int | None = None,
    progress_reporter: CLIReporter | None = None,
    max_failures: int = 0,
    fail_fast: bool | Literal["raise"] = False,
    raise_on_failed_trial: bool = True,
    callbacks: Sequence[Callback] | None = None,
    max_concurrent_trials: int | None = None,
    seed: int | None = None,
    executor: Literal["processes", "inline"] | Executor = "processes",
    durability: Durability = "process",
    tensorboard: bool = False,
    keep_checkpoints_num: int | None = None,
    checkpoint_score_attr: str | None = None,
    checkpoint_freq: int | None = None,
    checkpoint_at_end: bool | None = None,
    local_dir: str | Path | None = None,
    **others: Any,
) -> ExperimentAnalysis:
    """Train a population and return its results. This is the older form of `Tuner(...).fit()`.

    Args:
        run_or_experiment: A function `train(config)` or a class trainable.
        name: See `RunConfig`.
        metric: See `TuneConfig`.
        mode: See `TuneConfig`.
        stop: See `RunConfig`.
        time_budget_s: See `TuneConfig`.
        config: The search space, `param_space` of the `Tuner`.
        resources_per_trial: What one trial uses, see `with_resources`.
        num_samples: See `TuneConfig`.
        storage_path: See `RunConfig`.
        search_alg: None, "random" or "variant_generator": the search space is sampled. No other is known.
        scheduler: A scheduler, or "pbt" or "fifo". "pbt" has default settings and varies each hyperparameter that has a
            domain in `config`.
        checkpoint_config: See `RunConfig`.
        verbose: See `RunConfig`.
        progress_reporter: See `RunConfig`.
        max_failures: See `FailureConfig`.
        fail_fast: See `FailureConfig`.
        raise_on_failed_trial: Whether a trial that failed for good is an error. The others train to their ends before.
        callbacks: See `RunConfig`.
        max_concurrent_trials: See `TuneConfig`.
        seed: See `TuneConfig`. This and the next three are PopTune's own.
        executor: See `RunConfig`.
        durability: See `RunConfig`.
        tensorboard: See `RunConfig`.
        keep_checkpoints_num: Deprecated for `CheckpointConfig(num_to_keep=...)`.
        checkpoint_score_attr: Deprecated for `CheckpointConfig(checkpoint_score_attribute=...)`; `"min-loss"` means
            the lowest loss.
        checkpoint_freq: Deprecated for `CheckpointConfig(checkpoint_frequency=...)`.
        checkpoint_at_end: Deprecated for `CheckpointConfig(checkpoint_at_end=...)`.
        local_dir: Deprecated for `storage_path`.
        others: Further arguments of Ray Tune's. Without meaning here, and named in one warning: `log_to_file`,
            `reuse_actors`, `sync_config`, `trial_dirname_creator`, `trial_name_creator`. Refused:
            `export_formats`, `restore`, `resume`, `resume_config`, `storage_filesystem`.

    Raises:
        TypeError: There is no such argument.
        UsageError: The run cannot work; nothing has trained.
        TrialError: Trials failed for good, which it names. All results are on disk.

    >>> import tempfile
    >>> def climb(config):
    ...     return {"height": config["speed"] * 10}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     analysis = run(climb, config={"speed": {"grid_search": [1, 3, 2]}}, metric="height", mode="max",
    ...                    storage_path=folder, executor="inline", verbose=0)
    >>> analysis.best_config
    {'speed': 3}
    """
    _check_others(others)
    _check_search(search_alg)
    keeping = {
        "num_to_keep": ("keep_checkpoints_num", keep_checkpoints_num),
        "checkpoint_score_attribute": ("checkpoint_score_attr", checkpoint_score_attr),
        "checkpoint_frequency": ("checkpoint_freq", checkpoint_freq),
        "checkpoint_at_end": ("checkpoint_at_end", checkpoint_at_end),
    }
    run_config = RunConfig(
        name=name,
        stop=stop,
        failure_config=FailureConfig(max_failures, fail_fast),
        checkpoint_config=_checkpoint_config(checkpoint_config, keeping),
        callbacks=callbacks,
        progress_reporter=progress_reporter,
        executor=executor,
        durability=durability,
        tensorboard=tensorboard,
    )
    storage_path = _storage_path(storage_path, local_dir)
    tuner = Tuner(
        with_resources(run_or_experiment, resources_per_trial) if resources_per_trial else run_or_experiment,
        param_space=config,
        tune_config=TuneConfig(
            metric=metric,
            mode=mode,
            scheduler=_scheduler(scheduler, config or {}),
            num_samples=num_samples,
            max_concurrent_trials=max_concurrent_trials,
            time_budget_s=time_budget_s,
            seed=seed,
        ),
        run_config=replace(
            run_config,
            storage_path=run_config.storage_path if storage_path is None else storage_path,
            verbose=run_config.verbose if verbose is None else verbose,
        ),
    )
    analysis = ExperimentAnalysis.of(tuner.fit())
    if raise_on_failed_trial:
        _check_failures(analysis)
    return analysis


def _check_others(others: Mapping[str, Any]) -> None:
    """Refuse arguments that are unknown or impossible here, and say which have no meaning."""
    for argument, value in others.items():
        if argument in _REFUSED:
            if value:
                raise OptionError(f"tune.run has no {argument}: {_REFUSED[argument]}.")
        elif argument not in _WITHOUT_MEANING:
            known = [*list(inspect.signature(run).parameters)[:-1], *_WITHOUT_MEANING, *_REFUSED]
            raise TypeError(f"tune.run has no argument {argument!r}.{nearest(argument, known)}")
    if ignored := [argument for argument in _WITHOUT_MEANING if others.get(argument)]:
        reasons = "; ".join(f"{argument} ({_WITHOUT_MEANING[argument]})" for argument in ignored)
        _warn(f"tune.run ignores {reasons}.", UserWarning)


def _check_search(search_alg: Any) -> None:
    if search_alg is not None and search_alg not in _VARIANT_GENERATORS:
        raise OptionError(
            f"search_alg must be None or one of {', '.join(map(repr, _VARIANT_GENERATORS))}, not {search_alg!r}: the"
            " search space is sampled."
        )


def _scheduler(scheduler: Scheduler | str | None, config: Mapping[str, Any]) -> Scheduler | None:
    if not isinstance(scheduler, str):
        return scheduler
    if scheduler.lower() != "pbt":
        return create_scheduler(scheduler)
    mutations = _domains(config)
    if not mutations:
        raise OptionError(
            'scheduler="pbt" varies the hyperparameters that have a domain, and config has none: give it one such as'
            ' {"lr": tune.loguniform(1e-4, 1e-1)}, or a PopulationBasedTraining(...).'
        )
    return create_scheduler(scheduler, hyperparam_mutations=mutations)


def _domains(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has a domain in a search space, nested as there."""
    found: dict[str, Any] = {}
    for key, value in space.items():
        if isinstance(value, Domain):
            found[key] = value
        elif isinstance(value, Mapping) and (below := _domains(value)):
            found[key] = below
    return found


def _checkpoint_config(given: CheckpointConfig | None, deprecated: Mapping[str, tuple[str, Any]]) -> CheckpointConfig:
    """Return what says which checkpoints stay, also if it was said by deprecated arguments."""
    settings = {}
    for setting, (argument, value) in deprecated.items():
        if value is None:
            continue
        if given is not None:
            raise OptionError(f"{argument} and checkpoint_config are both given: put it into checkpoint_config.")
        _warn_of(argument, f"checkpoint_config=CheckpointConfig({setting}=...)")
        settings[setting] = value
    attribute = str(settings.get("checkpoint_score_attribute", ""))
    if attribute.startswith("min-"):
        settings |= {"checkpoint_score_attribute": attribute.removeprefix("min-"), "checkpoint_score_order": "min"}
    return given or CheckpointConfig(**settings)


def _storage_path(storage_path: str | Path | None, local_dir: str | Path | None) -> str | Path | None:
    if local_dir is None:
        return storage_path
    if storage_path is not None:
        raise OptionError("local_dir is the older name of storage_path: give storage_path alone.")
    _warn_of("local_dir", "storage_path=...")
    return local_dir


def _warn_of(argument: str, instead: str) -> None:
    _warn(f"{argument} is deprecated in tune.run: use {instead}.", DeprecationWarning)


def _warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that called: Python shows what is deprecated only there."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "poptune":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level - 1 if frame is None else level)


def _check_failures(analysis: ExperimentAnalysis) -> None:
    failed = [trial for trial in analysis.trials if trial.error]
    if not failed:
        return
    names = ", ".join(trial.trial_id for trial in failed)
    raise TrialError(
        f"{len(failed)} of {len(analysis.trials)} trials failed: {names}. All results are in"
        f" {analysis.experiment_path}. raise_on_failed_trial=False returns them. The first failure:\n{failed[0].error}"
    )

"""`ray.tune.tune`: `tune.run`, the older form of `Tuner(...).fit()`, and `tune.run_experiments`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from poptune.compat.air.config import RunConfig
from poptune.compat.notes import check_others, note_deprecated
from poptune.compat.tune.analysis import ExperimentAnalysis, TrialSummary
from poptune.compat.tune.experiment import Experiment
from poptune.compat.tune.registry import trainable_named
from poptune.compat.tune.resuming import Resuming
from poptune.compat.tune.tune_config import ResumeConfig, TuneConfig, default_chdir
from poptune.core.domains import Domain
from poptune.core.objective import Mode
from poptune.errors import OptionError, TrialError, UsageError
from poptune.executors.base import Executor
from poptune.run.callbacks import Callback
from poptune.run.configs import FailureConfig
from poptune.run.reporting import ProgressReporter
from poptune.run.stopping import StopOption
from poptune.schedulers.base import Scheduler
from poptune.schedulers.named import create_scheduler
from poptune.storage.journal import Durability
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.packed import with_resources

__all__ = ["run", "run_experiments"]


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
    progress_reporter: ProgressReporter | None = None,
    max_failures: int = 0,
    fail_fast: bool | Literal["raise"] = False,
    raise_on_failed_trial: bool = True,
    callbacks: Sequence[Callback] | None = None,
    max_concurrent_trials: int | None = None,
    reuse_actors: bool = False,
    chdir_to_trial_dir: bool | None = None,
    resume: bool | str | None = False,
    resume_config: ResumeConfig | None = None,
    seed: int | None = None,
    executor: Literal["processes", "inline", "ray"] | Executor = "processes",
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
        run_or_experiment: A function `train(config)`, a class trainable, or the name of a registered one.
        name: See `RunConfig`.
        metric: See `TuneConfig`.
        mode: See `TuneConfig`.
        stop: See `RunConfig`.
        time_budget_s: See `TuneConfig`.
        config: The search space, `param_space` of the `Tuner`.
        resources_per_trial: What one trial uses, see `with_resources`.
        num_samples: See `TuneConfig`.
        storage_path: See `RunConfig`.
        search_alg: See `TuneConfig`.
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
        reuse_actors: As if always True: workers stay.
        chdir_to_trial_dir: See `poptune.compat.tune.TuneConfig`.
        resume: Whether to go on with the run `name` in `storage_path`, as `Tuner.restore` does: True; or "AUTO", to
            begin it if it is not there. With "AUTO+ERRORED" or "AUTO+RESTART_ERRORED" trials that failed go on or begin
            again, too.
        resume_config: The same about trials as an object.
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
            `sync_config`, `trial_dirname_creator`, `trial_name_creator`. Those of older versions are refused by name,
            unless they are None or False.

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
    if isinstance(run_or_experiment, Experiment):
        raise UsageError("An Experiment is run by tune.run_experiments([experiment], scheduler=...).")
    check_others("tune.run", others, list(inspect.signature(run).parameters)[:-1])
    trainable = trainable_named(run_or_experiment)
    keeping = {
        "num_to_keep": ("keep_checkpoints_num", keep_checkpoints_num),
        "checkpoint_score_attribute": ("checkpoint_score_attr", checkpoint_score_attr),
        "checkpoint_frequency": ("checkpoint_freq", checkpoint_freq),
        "checkpoint_at_end": ("checkpoint_at_end", checkpoint_at_end),
    }
    where_and_how_loud: dict[str, Any] = {"storage_path": _storage_path(storage_path, local_dir), "verbose": verbose}
    resuming = Resuming.of(resume, resume_config)
    tuner = resuming.tuner(
        with_resources(trainable, resources_per_trial) if resources_per_trial else trainable,
        param_space=config,
        tune_config=TuneConfig(
            metric=metric,
            mode=mode,
            scheduler=_scheduler(scheduler, config or {}),
            num_samples=num_samples,
            max_concurrent_trials=max_concurrent_trials,
            time_budget_s=time_budget_s,
            seed=seed,
            search_alg=search_alg,
            chdir_to_trial_dir=default_chdir() if chdir_to_trial_dir is None else chdir_to_trial_dir,
        ),
        run_config=RunConfig(
            name=name,
            stop=stop,
            failure_config=FailureConfig(max_failures, fail_fast),
            checkpoint_config=_checkpoint_config(checkpoint_config, keeping),
            callbacks=callbacks,
            executor=executor,
            durability=durability,
            tensorboard=tensorboard,
            progress_reporter=progress_reporter,
            **where_and_how_loud,
        ),
    )
    analysis = ExperimentAnalysis.of(tuner.fit())
    if raise_on_failed_trial:
        _check_failures(analysis)
    return analysis


def run_experiments(
    experiments: Experiment | Mapping[str, Any] | Sequence[Experiment],
    scheduler: Scheduler | str | None = None,
    *,
    concurrent: bool = True,
    raise_on_failed_trial: bool = True,
    **options: Any,
) -> list[TrialSummary]:
    """Start one run after another, and return the trials of all.

    Args:
        experiments: An `Experiment`, a list of those, or dictionaries by name:
            `{"hill": {"run": train, "config": {...}, "stop": {...}}}`.
        scheduler: See `tune.run`; each run is a population of its own.
        concurrent: Without meaning: each run uses the whole machine.
        raise_on_failed_trial: Whether trials that failed for good are an error, once all runs are over.
        options: Further arguments of `tune.run` for all runs.

    Raises:
        UsageError: A run cannot work.
        TrialError: Trials failed for good.

    >>> import tempfile
    >>> def climb(config):
    ...     return {"height": config["speed"] * 10}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trials = run_experiments({"hill": {"run": climb, "config": {"speed": 3}, "storage_path": folder}},
    ...                              executor="inline", verbose=0)
    >>> [trial.last_result["height"] for trial in trials]
    [30]
    """
    analyses = [
        run(
            experiment.run,
            name=experiment.name,
            raise_on_failed_trial=False,
            **{"scheduler": scheduler, **options, **experiment.options},
        )
        for experiment in _experiments(experiments)
    ]
    if raise_on_failed_trial:
        for analysis in analyses:
            _check_failures(analysis)
    return [trial for analysis in analyses for trial in analysis.trials]


def _experiments(given: Experiment | Mapping[str, Any] | Sequence[Experiment]) -> list[Experiment]:
    if isinstance(given, Experiment):
        return [given]
    if isinstance(given, Mapping):
        return [Experiment.from_json(name, spec) for name, spec in given.items()]
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, Experiment) for one in given):
        raise OptionError("run_experiments takes an Experiment, a list of those, or dictionaries by name.")
    return list(given)


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
        note_deprecated(argument, "tune.run", f"checkpoint_config=CheckpointConfig({setting}=...)")
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
    note_deprecated("local_dir", "tune.run", "storage_path=...")
    return local_dir


def _check_failures(analysis: ExperimentAnalysis) -> None:
    failed = [trial for trial in analysis.trials if trial.error]
    if not failed:
        return
    names = ", ".join(trial.trial_id for trial in failed)
    raise TrialError(
        f"{len(failed)} of {len(analysis.trials)} trials failed: {names}. All results are in"
        f" {analysis.experiment_path}. raise_on_failed_trial=False returns them. The first failure:\n{failed[0].error}"
    )

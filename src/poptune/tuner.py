"""The front door: `Tuner(...).fit()` puts space, scheduler, executor, journal and console together, and runs."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from poptune.core.events import TrialAdded
from poptune.core.population import Population
from poptune.core.randomness import seed_of_globals
from poptune.core.trial import Status
from poptune.core.variants import Variant, check_space, searched_keys, variants
from poptune.errors import OptionError, StorageError, UsageError
from poptune.executors.base import Executor, Job
from poptune.executors.choosing import executor_for
from poptune.faces.console import console_for
from poptune.faults import fault
from poptune.run.configs import RunConfig, TuneConfig
from poptune.run.directories import downloaded, new_directory, safe_name, stamp, uploading_to
from poptune.run.drawing import RngOf, drawn_trials
from poptune.run.ending import ended_by_sigterm
from poptune.run.exports import Exports
from poptune.run.extending import config_differences, refuse_differences, revived
from poptune.run.forecast import SpaceForecast
from poptune.run.hooks import Hooks
from poptune.run.observer import Observer, Observers
from poptune.run.recording import Recording
from poptune.run.reopening import known_run
from poptune.run.restoring import (
    Originals,
    Resumption,
    check_whole,
    folders_of,
    has_lost,
    kept_checkpoints,
    resumed,
    whole_records,
)
from poptune.run.results import ResultGrid
from poptune.run.runner import Runner
from poptune.run.saved import restored_configs, settings_of
from poptune.run.stoppers import TimeoutStopper
from poptune.run.stopping import StopCriteria
from poptune.schedulers.base import Scheduler
from poptune.schedulers.fifo import FIFOScheduler
from poptune.storage.journal import Journal
from poptune.storage.records import Record
from poptune.storage.remote import Remote, address_in, is_url
from poptune.storage.retention import Retention
from poptune.storage.store import CheckpointStore
from poptune.storage.syncing import Syncer
from poptune.storage.uploading import Mirror
from poptune.streams import say
from poptune.trainables.packed import Packed
from poptune.version import __version__

C = TypeVar("C", TuneConfig, RunConfig)


class Tuner:
    """Trains a population and finds hyperparameter schedules. The API is Ray Tune's.

    Everything that can be refused is refused here or at the start of `fit`, before any training.

    Args:
        trainable: A function `train(config)` or a class derived from `tune.Trainable`; see `with_parameters` and
            `with_resources` to bind data and ask for resources.
        param_space: First config of the trials: values, `tune.uniform(...)` and other domains,
            `tune.grid_search([...])`.
        tune_config: How to search.
        run_config: Where and how to run.

    Raises:
        UsageError: The trainable or the search space cannot work.

    >>> import tempfile
    >>> def climb(config):
    ...     return {"height": config["speed"] * 10}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tuner = Tuner(climb, param_space={"speed": {"grid_search": [1, 3, 2]}},
    ...                   tune_config=TuneConfig(metric="height", mode="max", seed=0),
    ...                   run_config=RunConfig(storage_path=folder, executor="inline", verbose=0))
    ...     tuner.fit().get_best_result().config
    {'speed': 3}
    """

    def __init__(
        self,
        trainable: Any,
        *,
        param_space: Mapping[str, Any] | None = None,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
    ) -> None:
        self._trainable = Packed.of(trainable)
        self._param_space = param_space or {}
        self._tune_config = _checked(tune_config, TuneConfig)
        self._run_config = _checked(run_config, RunConfig)
        budget = self._tune_config.time_budget_s
        self._criteria = StopCriteria(self._run_config.stop, TimeoutStopper(budget) if budget else None)
        scheduler = self._tune_config.scheduler or FIFOScheduler()
        self._scheduler: Scheduler = scheduler.bound(self._tune_config.metric, self._tune_config.mode)
        self._results: ResultGrid | None = None
        self._run_dir: Path | None = None
        self._restored: tuple[Path, Resumption] | None = None
        check_space(self._param_space)
        self._searched: Sequence[str] = searched_keys(self._param_space)
        self._has_space = bool(param_space)
        self._check_checkpointing()

    @classmethod
    def restore(
        cls,
        path: str | Path,
        trainable: Any,
        resume_unfinished: bool = True,
        resume_errored: bool = False,
        restart_errored: bool = False,
        param_space: Mapping[str, Any] | None = None,
        *,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
        force: bool = False,
    ) -> Tuner:
        """Return a tuner whose `fit` goes on with a run that was interrupted, however it was.

        Trials go on from their newest checkpoints with the hyperparameters that they had then; those that ended stay
        as they are, unless the run is extended: with another `stop` or time budget, trials that were stopped train on
        if they have not trained enough by it; with a larger `num_samples` new trials join. Nothing in the directory is
        executed: the training code comes from the caller, and so must whatever else is code.

        Args:
            path: The directory of the run, such as `results.experiment_path`. Or its address in remote storage: the
                run is downloaded into `storage_path`, and uploaded to there again.
            trainable: What trained, as given to `Tuner`.
            resume_unfinished: Whether trials that had neither ended nor failed go on; otherwise they are stopped.
            resume_errored: Whether trials that failed for good go on from their newest checkpoints.
            restart_errored: Whether trials that failed for good begin again, from nothing.
            param_space: The search space again, needed if it holds what JSON cannot say, such as models, or if
                `num_samples` grows. Configs stay what they had become.
            tune_config: What changes: a larger `num_samples`, a time budget, which counts from here; a scheduler with
                functions is given again here.
            run_config: What changes, such as other `callbacks` or another `stop`.
            force: Whether to go on although the scheduler's settings, or the search space, differ from those that the
                run was begun with. Without it they are shown and refused.

        Raises:
            StorageError: It is not the directory of a run, or the run goes on in another process.
            UsageError: Something is missing that a directory cannot hold, or differs that cannot change.

        >>> import tempfile
        >>> def climb(config):
        ...     return {"height": config["speed"] * 10}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run_config = RunConfig(name="climbs", storage_path=folder, executor="inline", verbose=0)
        ...     first = Tuner(climb, param_space={"speed": {"grid_search": [1, 3]}}, run_config=run_config).fit()
        ...     [result.metrics["height"] for result in Tuner.restore(f"{folder}/climbs", climb).fit()]
        [10, 30]
        """
        given = _checked(tune_config, TuneConfig), _checked(run_config, RunConfig)
        if is_url(path):
            path, given = downloaded(str(path), given[1]), (given[0], uploading_to(str(path), given[1]))
        run_dir = known_run(path)
        with Journal.open(run_dir) as journal:
            about = journal.about
        tuner = cls(trainable, param_space=param_space)
        if tuner._trainable.name != about["trainable"]:
            raise UsageError(f"The run trained {about['trainable']!r}: give that, not {tuner._trainable.name!r}.")
        is_extended = bool({"stop"} & given[1].given or {"time_budget_s"} & given[0].given)
        tune_config, run_config = restored_configs(about, run_dir, *given, force=force)
        tuner = cls(trainable, param_space=param_space, tune_config=tune_config, run_config=run_config)
        resumption = Resumption(resume_unfinished, resume_errored, restart_errored, is_extended, force)
        saved = about["settings"]
        tuner._has_space = bool(param_space) or saved.get("has_space", True)
        if tune_config.num_samples > saved["tune"]["num_samples"] and tuner._has_space and not param_space:
            raise UsageError("New trials begin with what the search space says: give it again, param_space=...")
        tuner._restored = run_dir, resumption
        tuner._searched = saved["searched"]
        return tuner

    @classmethod
    def can_restore(cls, path: str | Path) -> bool:
        """Whether a path is that of a run that this version can go on with; it may have ended."""
        try:
            if is_url(path):
                return Remote(str(path)).manifest() is not None
            with Journal.open(known_run(path)) as journal:
                return "settings" in journal.about
        except StorageError:
            return False

    def fit(self) -> ResultGrid:
        """Train until every trial has met its stop criterion, returned or failed, and return the results.

        A trial that fails does not stop the others: see `ResultGrid.errors`.

        Raises:
            UsageError: The run cannot work; nothing has trained.
            MetricError: The first report lacks the metric.
            KeyboardInterrupt: Ctrl-C. Everything reported is kept, and `Tuner.restore` goes on. A second ends it now.
            SystemExit: SIGTERM, in the main thread, unless the script handles it. It is as Ctrl-C, with exit code 143.
        """
        try:
            with ended_by_sigterm():
                self._results = self._begun() if self._restored is None else self._gone_on(*self._restored)
        except (UsageError, KeyboardInterrupt) as error:
            raise error.with_traceback(None) from None
        return self._results

    def _begun(self) -> ResultGrid:
        """Make the directory of a new run, and run."""
        config, run = self._tune_config, self._run_config
        seed = config.seed if config.seed is not None else seed_of_globals()
        added = self._trials(seed)
        executor = self._executor(len(added))
        lock = new_directory(
            Path(run.storage_path), run.name or f"{safe_name(self._trainable.name)}_{stamp()}", run.upload_to
        )
        run_dir = lock.run_dir
        if run.name and run.name != run_dir.name:
            say(f"A run {run.name!r} is there already: this one is {run_dir.name!r}, in {run_dir}.\n")
        about = self._about(run_dir.name, seed, executor)
        with Journal.create(run_dir, about, added, run.durability, lock) as journal:
            return self._run(journal, Population.of(added, seed), added, executor)

    def _gone_on(self, run_dir: Path, resumption: Resumption) -> ResultGrid:
        """Bring an interrupted run into a state from which it can go on, and run."""
        with Journal.resume(run_dir, self._run_config.durability) as journal:
            seed = journal.about["seed"]
            past = list(journal.records())
            drawn = self._drawn_again(past, seed)
            past = self._whole(past, drawn)
            first = self._first(past, drawn, seed, resumption)
            past += first
            population = Population.of(past, seed)
            if not population.live:
                say(_nothing_left(run_dir, population))
            check_whole(population, is_given=bool(drawn))
            executor = self._executor(max(population.live, 1))
            journal.append(first)
            for key, value in self._about(run_dir.name, seed, executor).items():
                journal.note(key, value)
            fault("restore_noted")
            journal.commit()
            fault("restore_committed")
            store = CheckpointStore(run_dir)
            store.clear_staging()
            store.clear_orphans(folders_of(past), kept_checkpoints(past))
            fault("restore_cleared")
            return self._run(journal, population, past, executor)

    def _drawn_again(self, past: Sequence[Record], seed: int) -> list[TrialAdded]:
        """Return the first configs once more, if the search space is known and that serves a purpose."""
        added = sum(isinstance(record, TrialAdded) for record in past)
        is_needed = has_lost(past) or self._tune_config.num_samples > added
        # Without a space there is one config per sample, of what the scheduler draws.
        is_known = bool(self._param_space) or (is_needed and not self._has_space)
        return self._trials(seed) if is_known else []

    def _first(
        self, past: list[Record], drawn: Sequence[TrialAdded], seed: int, resumption: Resumption
    ) -> list[Record]:
        """Return what happens first when a run is restored."""
        recorded = [record for record in past if isinstance(record, TrialAdded)]
        if drawn and not resumption.force:
            refuse_differences(config_differences(recorded, drawn))
        first = resumed(past, seed, resumption)
        if resumption.extended:
            first += revived(past, Population.of([*past, *first], seed), self._criteria, self._scheduler)
        return [*first, *drawn[len(recorded) :]]  # the rest join: num_samples has grown

    def _whole(self, records: list[Record], drawn: Sequence[TrialAdded]) -> list[Record]:
        """Return records with the values that a journal cannot hold, as far as the search space tells them."""
        if not has_lost(records):
            return records
        first = {added.trial: added.config for added in drawn}
        return whole_records(records, Originals(first, getattr(self._scheduler, "hyperparam_mutations", {})))

    def _run(self, journal: Journal, population: Population, past: Sequence[Record], executor: Executor) -> ResultGrid:
        """Train until no trial of the population is live, and return the results."""
        run, run_dir = self._run_config, journal.path.parent
        self._run_dir = run_dir
        job = Job(
            trainable=self._trainable,
            run_dir=run_dir,
            experiment_name=run_dir.name,
            checkpointing=run.checkpoint_config,
            is_durable=run.durability == "power",
            in_trial_dirs=self._tune_config.chdir_to_trial_dir,
        )
        console = console_for(
            self._scheduler,
            run_dir,
            population.seed,
            run.verbose,
            reporter=run.progress_reporter,
            searched=self._searched,
        )
        forecast = SpaceForecast(run_dir, past, len(population), run.checkpoint_config, self._criteria.thresholds)
        observers = Observers([console, forecast, *self._writers(journal, past), *self._hooks(run_dir, past)])
        mirror = Mirror(run_dir, Remote(address_in(run.upload_to, run_dir.name))) if run.upload_to else None
        syncer = Syncer(journal) if run.durability == "process" else None
        store = CheckpointStore(run_dir, job.is_durable, run.checkpoint_config.allow_pickle)
        recording = Recording(population, journal, store, syncer, Retention(run.checkpoint_config), observers)
        with ExitStack() as at_the_end:  # each of it is done, whatever becomes of the others
            if syncer:
                at_the_end.callback(syncer.close)
                syncer.start()
            at_the_end.callback(lambda: None if journal.is_taken_over else store.clear_staging())
            if mirror:
                at_the_end.callback(mirror.close)
                mirror.start()
            try:
                Runner(
                    job=job,
                    population=population,
                    past=past,
                    scheduler=self._scheduler,
                    executor=executor,
                    recording=recording,
                    criteria=self._criteria,
                    failure=run.failure_config,
                    observers=observers,
                ).run()
            except (KeyboardInterrupt, SystemExit) as end:
                how = "Interrupted" if isinstance(end, KeyboardInterrupt) else "Terminated"
                again = f"Tuner.restore({str(run_dir)!r}, {self._trainable.name}).fit()"
                say(f"\n{how}. Everything reported is kept; this goes on: {again}\n")
                raise
        return ResultGrid(run_dir, population)

    def get_results(self) -> ResultGrid:
        """Return what `fit` returned; of a tuner that `restore` made, before that, what the run has so far.

        Raises:
            UsageError: `fit` has not been called, and the run is a new one.
        """
        if self._results is not None:
            return self._results
        if self._restored is not None:
            return ResultGrid.from_path(self._restored[0])
        raise UsageError("There are no results yet: call fit() first.")

    def _check_checkpointing(self) -> None:
        saving = self._run_config.checkpoint_config
        if not self._trainable.is_class and (saving.checkpoint_frequency or saving.checkpoint_at_end):
            raise UsageError(
                "checkpoint_frequency and checkpoint_at_end are for class trainables. A function saves by"
                " tune.report(metrics, checkpoint=...)."
            )

    def _trials(self, seed: int) -> list[TrialAdded]:
        return drawn_trials(self._variants, self._scheduler, seed=seed, trainable=self._trainable.name)

    def _variants(self, rng_of: RngOf) -> list[Variant]:
        """Return first configs; the tuner of `poptune.compat` draws in other ways, too."""
        return variants(self._param_space, self._tune_config.num_samples, rng_of)

    def _executor(self, trials: int) -> Executor:
        chosen = self._run_config.executor
        if not isinstance(chosen, str):
            return chosen
        most = min(trials, self._tune_config.max_concurrent_trials or trials)
        return executor_for(chosen, most, self._trainable.resources)

    def _writers(self, journal: Journal, past: Sequence[Record]) -> list[Observer]:
        """Return those who write files for other programs."""
        run_dir = journal.path.parent
        policies = getattr(self._scheduler, "policy_files", None)
        writers: list[Observer] = [Exports(run_dir, past, policies=policies, is_ours=journal.is_ours)]
        if self._run_config.tensorboard:
            from poptune.faces.tensorboard import TensorBoard

            writers.append(TensorBoard(run_dir, past, journal.is_ours))
        return writers

    def _hooks(self, run_dir: Path, past: Sequence[Record]) -> list[Observer]:
        """Return those who tell the user's callbacks."""
        given = self._criteria.given
        opening = {
            "stop": given[0] if len(given) == 1 else given or None,
            "num_samples": self._tune_config.num_samples,
            "total_num_samples": sum(isinstance(record, TrialAdded) for record in past),
        }
        callbacks = self._run_config.callbacks or ()
        return [Hooks(callback, past, run_dir, opening, self._searched) for callback in callbacks]

    def _about(self, name: str, seed: int, executor: Executor) -> dict[str, Any]:
        objective = self._scheduler.objective
        return {
            "name": name,
            "seed": seed,
            "trainable": self._trainable.name,
            "metric": objective.metric if objective else None,
            "mode": objective.mode if objective else None,
            "scheduler": type(self._scheduler).__name__,
            "stop": self._criteria.thresholds,
            "executor": type(executor).__name__,
            "workers": executor.workers,
            "settings": settings_of(
                self._tune_config, self._run_config, self._scheduler, self._searched, has_space=self._has_space
            ),
            "poptune": __version__,
            "python": platform.python_version(),
        }


def _checked(config: C | None, kind: type[C]) -> C:
    if config is not None and not isinstance(config, kind):
        raise OptionError(f"The {kind.__name__} must be a {kind.__name__}(...), not {config!r}.")
    return config or kind()


def _nothing_left(run_dir: Path, population: Population) -> str:
    has_failed = any(trial.status is Status.ERROR for trial in population)
    return (
        f"The run {run_dir} is over: no trial is left to train. To extend it, give Tuner.restore another stop, as in"
        " run_config=RunConfig(stop=...), or more trials, tune_config=TuneConfig(num_samples=...)"
        f"{'; failed trials go on with resume_errored=True' if has_failed else ''}.\n"
    )

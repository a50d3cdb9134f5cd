"""`ray.tune.analysis`: what `tune.run` returns, the results of a run under their older names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poptune.core.events import TrialAdded
from poptune.core.nested import Config, copy_tree, flatten, lookup
from poptune.core.objective import Mode
from poptune.errors import MissingExtra, NoResultError, OptionError, TrialError, nearest
from poptune.run.reopening import known_run
from poptune.run.results import Result, ResultGrid, Scope
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.journal import Journal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExperimentAnalysis", "TrialSummary"]


@dataclass(frozen=True)
class TrialSummary:
    """One trial after the run.

    Attributes:
        trial_id: The trial's id.
        config: The hyperparameters in force at its end.
        last_result: Its last result, nested as reported; empty if it never reported.
        checkpoint: The saved state of its last weights, None if there is none.
        local_path: Its folder.
        error: Why it failed for good, None if it did not.
        experiment_tag: Short text that tells trials apart, such as `"3_lr=0.0100"`.
        evaluated_params: What the search space chose for it at the beginning, by key: `"model/lr"`.
    """

    trial_id: str
    config: Config
    last_result: dict[str, Any]
    checkpoint: Checkpoint | None
    local_path: str
    error: TrialError | None
    experiment_tag: str
    evaluated_params: dict[str, Any]

    @property
    def status(self) -> str:
        """TERMINATED or ERROR."""
        return "ERROR" if self.error else "TERMINATED"

    @property
    def path(self) -> str:
        """Its folder."""
        return self.local_path

    @property
    def logdir(self) -> str:
        """Its folder."""
        return self.local_path


class ExperimentAnalysis:
    """The results of a run, under the names that `tune.run` gave them. New code has `ResultGrid`.

    Args:
        experiment_checkpoint_path: The directory of the run.
        default_metric: What decides which trial is best; by default the metric of the run.
        default_mode: "min" or "max"; by default that of the run.

    Attributes:
        trials: A `TrialSummary` of each trial, in their order.
        experiment_path: The directory of the run.

    Raises:
        StorageError: It is not the directory of a PopTune run.
    """

    def __init__(
        self,
        experiment_checkpoint_path: str | Path,
        *,
        default_metric: str | None = None,
        default_mode: Mode | None = None,
    ) -> None:
        self._take(ResultGrid(known_run(experiment_checkpoint_path)), default_metric, default_mode)

    @classmethod
    def of(cls, results: ResultGrid) -> ExperimentAnalysis:
        """Return the results that `Tuner.fit` returned, under the older names."""
        analysis = cls.__new__(cls)
        analysis._take(results, None, None)
        return analysis

    def _take(self, results: ResultGrid, metric: str | None, mode: Mode | None) -> None:
        self._results_of = {result.trial_id: result for result in results}
        self._grid = results
        self.experiment_path = results.experiment_path
        with Journal.open(Path(self.experiment_path)) as journal:
            about = journal.about
            added = {record.trial: record for record in journal.records(TrialAdded) if isinstance(record, TrialAdded)}
        searched = about.get("settings", {}).get("searched", ())
        self.default_metric: str | None = metric or about["metric"]
        self.default_mode: Mode | None = mode or about["mode"]
        self.trials = [_summary(result, added[result.trial_id], searched) for result in results]

    @property
    def best_trial(self) -> TrialSummary:
        """The trial whose last result is best in the metric of the run.

        Raises:
            ValueError: The run has no metric: call `get_best_trial(metric, mode)`.
            RuntimeError: No trial reported a value that counts.
        """
        return self._best("best_trial", "get_best_trial(metric, mode)")

    @property
    def best_config(self) -> Config:
        """The hyperparameters of the best trial, see `best_trial`."""
        return self._best("best_config", "get_best_config(metric, mode)").config

    @property
    def best_result(self) -> dict[str, Any]:
        """The last result of the best trial, see `best_trial`."""
        return self._best("best_result", "get_best_trial(metric, mode).last_result").last_result

    @property
    def best_checkpoint(self) -> Checkpoint | None:
        """The best kept checkpoint of the best trial, see `best_trial`; None if it kept none."""
        return self.get_best_checkpoint(self._best("best_checkpoint", "get_best_checkpoint(trial, metric, mode)"))

    @property
    def best_logdir(self) -> str:
        """The folder of the best trial, see `best_trial`."""
        return self._best("best_logdir", "get_best_logdir(metric, mode)").logdir

    @property
    def best_dataframe(self) -> pd.DataFrame:
        """Every result of the best trial, see `best_trial` and `Result.metrics_dataframe`."""
        return self.trial_dataframes[self._best("best_dataframe", "trial_dataframes").trial_id]

    @property
    def best_result_df(self) -> pd.DataFrame:
        """The last result of the best trial as a data frame of one row, with the trial's id as index."""
        best = self._best("best_result_df", "get_best_trial(metric, mode).last_result")
        return _frame({best.trial_id: best.last_result}, "ExperimentAnalysis.best_result_df")

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The last result of each trial by its id."""
        return {trial.trial_id: trial.last_result for trial in self.trials}

    @property
    def results_df(self) -> pd.DataFrame:
        """The last result of each trial as a data frame, one row per trial, with their ids as index."""
        return _frame(self.results, "ExperimentAnalysis.results_df")

    @property
    def trial_dataframes(self) -> dict[str, pd.DataFrame]:
        """Every result of each trial by its id, see `Result.metrics_dataframe`."""
        return {trial: result.metrics_dataframe for trial, result in self._results_of.items()}

    def dataframe(self, metric: str | None = None, mode: Mode | None = None) -> pd.DataFrame:
        """Return one row per trial: its last result, or the one that is best in a metric.

        Raises:
            ValueError: Only one of metric and mode is given.
        """
        if bool(metric) != bool(mode):
            raise OptionError(f"dataframe() takes metric and mode, or neither, not metric={metric!r}, mode={mode!r}.")
        return self._grid.get_dataframe(metric, mode)

    def get_best_trial(
        self,
        metric: str | None = None,
        mode: Mode | None = None,
        scope: Scope = "last",
        filter_nan_and_inf: bool = True,
    ) -> TrialSummary | None:
        """Return the best trial, or None, with a warning, if no trial reported a value that counts.

        The arguments are those of `ResultGrid.get_best_result`.

        Raises:
            ValueError: No metric is known, or the scope is none.
        """
        metric, mode = self._objective(metric, mode)
        try:
            best = self._grid.get_best_result(metric, mode, scope, filter_nan_and_inf)
        except NoResultError as error:
            warnings.warn(str(error), stacklevel=2)
            return None
        return self._summary_of(best.trial_id)

    def get_best_config(
        self, metric: str | None = None, mode: Mode | None = None, scope: Scope = "last"
    ) -> Config | None:
        """Return the hyperparameters of the best trial, see `get_best_trial`."""
        best = self.get_best_trial(metric, mode, scope)
        return best.config if best else None

    def get_best_logdir(self, metric: str | None = None, mode: Mode | None = None, scope: Scope = "last") -> str | None:
        """Return the folder of the best trial, see `get_best_trial`."""
        best = self.get_best_trial(metric, mode, scope)
        return best.logdir if best else None

    def get_best_checkpoint(
        self, trial: TrialSummary, metric: str | None = None, mode: Mode | None = None
    ) -> Checkpoint | None:
        """Return the kept checkpoint of a trial with the best reported value, None if it kept none."""
        metric, mode = self._objective(metric, mode)
        return self._result_of(trial).get_best_checkpoint(metric, mode)

    def get_trial_checkpoints_paths(self, trial: TrialSummary, metric: str | None = None) -> list[tuple[str, Any]]:
        """Return the directory of each kept checkpoint of a trial, and what was reported with it in a metric.

        Args:
            trial: One of `trials`.
            metric: By default that of the run, or else `training_iteration`.
        """
        metric = metric or self.default_metric or "training_iteration"
        kept = self._result_of(trial).best_checkpoints
        return [(checkpoint.path, flatten(metrics).get(metric)) for checkpoint, metrics in kept]

    def get_last_checkpoint(
        self, trial: TrialSummary | None = None, metric: str = "training_iteration", mode: Mode = "max"
    ) -> Checkpoint | None:
        """Return the saved state of a trial's last weights, by default of the trial that trained longest."""
        trial = trial or self.get_best_trial(metric, mode)
        return self._result_of(trial).checkpoint if trial else None

    def get_all_configs(self, prefix: bool = False) -> dict[str, Config]:
        """Return the hyperparameters of each trial by its id.

        Args:
            prefix: Put `config/` before each name.
        """
        if not prefix:
            return {trial.trial_id: copy_tree(trial.config) for trial in self.trials}
        return {t.trial_id: {f"config/{key}": value for key, value in t.config.items()} for t in self.trials}

    def _best(self, name: str, instead: str) -> TrialSummary:
        if not self.default_metric or not self.default_mode:
            raise OptionError(f"{name} needs a metric, and the run has none: use {instead}.")
        return self._summary_of(self._grid.get_best_result(self.default_metric, self.default_mode).trial_id)

    def _objective(self, metric: str | None, mode: Mode | None) -> tuple[str, Mode]:
        metric, mode = metric or self.default_metric, mode or self.default_mode
        if not metric or not mode:
            raise OptionError('The run has no metric: say which, as in get_best_trial(metric="accuracy", mode="max").')
        return metric, mode

    def _summary_of(self, trial_id: str) -> TrialSummary:
        return next(trial for trial in self.trials if trial.trial_id == trial_id)

    def _result_of(self, trial: TrialSummary) -> Result:
        trial_id = getattr(trial, "trial_id", trial)
        if trial_id not in self._results_of:
            hint = nearest(str(trial_id), self._results_of)
            raise OptionError(f"The run has no trial {trial_id!r}; give one of analysis.trials.{hint}")
        return self._results_of[trial_id]

    def __repr__(self) -> str:
        return f"ExperimentAnalysis({self.experiment_path!r}, {len(self.trials)} trials)"


def _summary(result: Result, added: TrialAdded, searched: Sequence[str]) -> TrialSummary:
    return TrialSummary(
        trial_id=result.trial_id,
        config=result.config,
        last_result=result.metrics,
        checkpoint=result.checkpoint,
        local_path=result.path,
        error=result.error,
        experiment_tag=result.metrics.get("experiment_tag", added.tag),
        evaluated_params={key: lookup(added.config, key) for key in searched},
    )


def _frame(results: dict[str, dict[str, Any]], purpose: str) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("pandas", extra="plots", purpose=purpose) from None
    index = pd.Index(list(results), name="trial_id")
    rows = [{key: value for key, value in flatten(result).items() if key != "trial_id"} for result in results.values()]
    return pd.DataFrame(rows, index=index)

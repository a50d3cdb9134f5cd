"""What a run leaves: a result per trial. Everything is read from the journal, which stays the only source of truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poptune.core.decisions import Exploit
from poptune.core.events import CheckpointDeleted, CheckpointLost, Reported, TrialAdded, TrialReset
from poptune.core.lineage import Segment, lineages
from poptune.core.nested import MISSING, Config, flatten, lookup
from poptune.core.objective import Mode, Objective, as_float, is_real
from poptune.core.population import Population
from poptune.core.safe_text import masked
from poptune.core.trial import SavedCheckpoint, Status, Trial
from poptune.errors import MissingExtra, NoResultError, OptionError, TrialError, nearest
from poptune.run.family import FamilyTree, Lineage
from poptune.run.health import Health
from poptune.run.history import History
from poptune.run.reopening import known_run, known_trial
from poptune.run.rows import ROW_KINDS, last_result, rows
from poptune.run.schedule import Schedule
from poptune.schedulers.base import check_mode
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.copying import Fingerprint
from poptune.storage.journal import Journal
from poptune.storage.places import place_in

if TYPE_CHECKING:
    import pandas as pd

Scope = Literal["last", "all", "avg", "last-5-avg", "last-10-avg"]

_SCOPES: dict[str, Callable[[Sequence[float], Mode], float]] = {
    "last": lambda values, mode: values[-1],
    "all": lambda values, mode: max(values) if mode == "max" else min(values),
    "avg": lambda values, mode: sum(values) / len(values),
    "last-5-avg": lambda values, mode: sum(values[-5:]) / len(values[-5:]),
    "last-10-avg": lambda values, mode: sum(values[-10:]) / len(values[-10:]),
}


@dataclass(frozen=True)
class Result:
    """What one trial achieved.

    Attributes:
        trial_id: The trial's id.
        config: The hyperparameters in force at its end.
        metrics: Its last result, empty if it never reported.
        checkpoint: The saved state of its last weights; right after an exploit it is the donor's. None if none is.
        error: Why it failed for good, with the traceback of the training code; None if it did not.
        path: Its folder.
        lineage: The stretches of training behind its last weights: which trial, which iterations, which config.
    """

    trial_id: str
    config: Config
    metrics: dict[str, Any]
    checkpoint: Checkpoint | None
    error: TrialError | None
    path: str
    lineage: Lineage
    _run_dir: Path

    @classmethod
    def from_path(cls, path: str | Path) -> Result:
        """Open the result of one trial again; the run may be going on. Nothing in the directory is executed.

        What has no JSON form comes back as its text: a function in the config, for example, as its `repr`.

        Args:
            path: The trial's folder, such as `result.path`.

        Raises:
            StorageError: It is not the folder of a trial of a PopTune run.
        """
        run_dir, trial = known_trial(path)
        return next(result for result in ResultGrid(run_dir) if result.trial_id == trial)

    @property
    def log_dir(self) -> str:
        """The trial's folder, under its older name."""
        return self.path

    @property
    def schedule(self) -> Schedule:
        """The hyperparameters over iterations that made the last weights, through all exploits."""
        return Schedule(self.lineage)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Every result of the trial exactly once, in order, flattened with `/`."""
        with Journal.open(self._run_dir) as journal:
            return rows(journal.records(*ROW_KINDS, trial=self.trial_id))

    @property
    def metrics_dataframe(self) -> pd.DataFrame:
        """Every result of the trial as a data frame: one row per report, hyperparameters as `config/<name>`."""
        return _data_frame(self.rows, "Result.metrics_dataframe")

    @property
    def best_checkpoints(self) -> list[tuple[Checkpoint, dict[str, Any]]]:
        """The trial's own checkpoints that were kept, with the metrics reported with them, oldest first.

        One that somebody removed is left out.
        """
        with Journal.open(self._run_dir) as journal:
            kept: dict[str, tuple[SavedCheckpoint, dict[str, Any]]] = {}
            kinds = (Reported, CheckpointDeleted, CheckpointLost, TrialReset)
            for record in journal.records(*kinds, trial=self.trial_id):
                if isinstance(record, TrialReset):
                    kept.clear()
                elif isinstance(record, Reported) and record.checkpoint:
                    kept[record.checkpoint.path] = record.checkpoint, dict(record.metrics)
                elif isinstance(record, (CheckpointDeleted, CheckpointLost)):
                    kept.pop(record.path, None)
        stored = ((_stored(self._run_dir, saved), metrics) for saved, metrics in kept.values())
        return [(checkpoint, metrics) for checkpoint, metrics in stored if checkpoint]

    def get_best_checkpoint(self, metric: str, mode: Mode) -> Checkpoint | None:
        """Return the kept checkpoint with the best reported value of a metric, None if there is none."""
        check_mode(mode)
        scored = [
            (Objective(metric, mode).score(metrics), checkpoint)
            for checkpoint, metrics in self.best_checkpoints
            if is_real(value := lookup(metrics, metric)) and value == value  # NaN is no best
        ]
        return max(scored, key=lambda item: item[0])[1] if scored else None

    def __repr__(self) -> str:
        state = f"error={str(self.error).splitlines()[0]!r}" if self.error else f"metrics={masked(self.metrics)!r}"
        return f"Result(trial_id={self.trial_id!r}, config={masked(self.config)!r}, {state})"

    def _repr_html_(self) -> str:
        from poptune.faces.reprs import result_html

        return result_html(self)


class ResultGrid(Sequence[Result]):
    """The results of a run, one per trial in the order of the trials.

    Args:
        run_dir: The directory of the run.
        population: Its trials; by default they are read from the journal.

    Attributes:
        exploits: Every exploit of the run, in order.
    """

    def __init__(self, run_dir: Path, population: Population | None = None) -> None:
        self._run_dir = run_dir
        with Journal.open(run_dir) as journal:
            journal.hold()
            about = journal.about
            if population is None:
                population = Population.of(journal.records(), about["seed"])
            self._objective = Objective(about["metric"], about["mode"]) if about["metric"] and about["mode"] else None
            self._read(journal, population)

    @classmethod
    def from_path(cls, path: str | Path) -> ResultGrid:
        """Open the results of a run again; the run may be going on. Nothing in the directory is executed.

        What has no JSON form comes back as its text: a function in a config, for example, as its `repr`.

        Args:
            path: The directory of the run, such as `results.experiment_path`.

        Raises:
            StorageError: It is not the directory of a PopTune run.
        """
        return cls(known_run(path))

    def _read(self, journal: Journal, population: Population) -> None:
        initial = {r.trial: r.config for r in journal.records(TrialAdded) if isinstance(r, TrialAdded)}
        events = [r for r in journal.records(Exploit, TrialReset) if isinstance(r, (Exploit, TrialReset))]
        self.exploits = [event for event in events if isinstance(event, Exploit)]
        behind = lineages({t.id: t.progress.iteration for t in population}, initial, events)
        self._results = [
            _result(trial, self._run_dir, last_result(trial, journal), behind[trial.id]) for trial in population
        ]
        self._trials = list(population)

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    @property
    def experiment_path(self) -> str:
        """The directory of the run."""
        return str(self._run_dir)

    @property
    def errors(self) -> list[TrialError]:
        """Why trials failed for good."""
        return [result.error for result in self._results if result.error is not None]

    @property
    def num_errors(self) -> int:
        """How many trials failed for good."""
        return len(self.errors)

    @property
    def num_terminated(self) -> int:
        """How many trials ended as they should."""
        return sum(trial.status is Status.TERMINATED for trial in self._trials)

    @property
    def lineage(self) -> FamilyTree:
        """The family tree of the run: per trial the stretches of training behind its last weights."""
        return FamilyTree((result.trial_id, result.lineage) for result in self._results)

    @cached_property
    def health(self) -> Health:
        """How well the run searched: diversity, what exploits were worth, what went wrong, and what to do about it.

        `print(*results.health.advice, sep="\n")` prints what is worth knowing.
        """
        return Health.of(History.read(self._run_dir))

    def get_best_result(
        self,
        metric: str | None = None,
        mode: Mode | None = None,
        scope: Scope = "last",
        filter_nan_and_inf: bool = True,
    ) -> Result:
        """Return the best trial's result.

        Args:
            metric: Which reported number decides; by default that of the run.
            mode: "min" or "max"; by default that of the run.
            scope: Which of a trial's values counts: its "last" (that of the last result which has one), the best of
                "all", the "avg" of all, or of the last 5 or 10.
            filter_nan_and_inf: Leave out values that are no finite number.

        Raises:
            ValueError: No metric is known, or the scope is not one of those.
            RuntimeError: No trial reported a value that counts.
        """
        if len(self._results) == 1:
            return self._results[0]
        objective = self._objective_for(metric, mode)
        if scope not in _SCOPES:
            known = ", ".join(map(repr, _SCOPES))
            raise OptionError(f"scope must be one of {known}, not {scope!r}.{nearest(str(scope), _SCOPES)}")
        best: tuple[float, Result] | None = None
        for result in self._results:
            values = _values(result, objective.metric, scope, filter_nan_and_inf)
            if not values:
                continue
            value = _SCOPES[scope](values, objective.mode)
            score = value if objective.mode == "max" else -value
            if best is None or score > best[0]:
                best = score, result
        if best is None:
            raise NoResultError(self._why_none(objective.metric, scope))
        return best[1]

    def _objective_for(self, metric: str | None, mode: Mode | None) -> Objective:
        check_mode(mode)
        known = self._objective
        metric = metric or (known.metric if known else None)
        mode = mode or (known.mode if known else None)
        if metric is None or mode is None:
            raise OptionError('The run has no metric: say which, as in get_best_result(metric="accuracy", mode="max").')
        return Objective(metric, mode)

    def _why_none(self, metric: str, scope: str) -> str:
        keys = list(dict.fromkeys(key for result in self._results for key in flatten(result.metrics)))
        if scope == "last" and any(_values(result, metric, "all", finite_only=True) for result in self._results):
            return f'No trial ended with a finite value of {metric!r}; scope="all" looks at what they reported before.'
        if metric in keys:
            return f"No trial reported a finite value of {metric!r}."
        failed = ""
        if self.errors:
            first = str(self.errors[0]).partition("\n")[0]
            failed = (
                f" {self.num_errors} of {len(self)} trials failed: their tracebacks are in ResultGrid.errors. {first}"
            )
        return f"No trial reported {metric!r}.{nearest(metric, keys)}{failed}"

    def get_dataframe(self, filter_metric: str | None = None, filter_mode: Mode | None = None) -> pd.DataFrame:
        """Return one row per trial: its last result, or the one that is best in `filter_metric`."""
        check_mode(filter_mode)
        chosen = []
        for result in self._results:
            candidates = result.rows
            if filter_metric is not None:
                objective = Objective(filter_metric, filter_mode or "max")
                scored = [row for row in candidates if is_real(row.get(filter_metric))]
                candidates = sorted(scored, key=lambda row, o=objective: o.score(row))  # type: ignore[misc]
            if candidates:
                chosen.append({**candidates[-1], "logdir": result.path})
        return _data_frame(chosen, "ResultGrid.get_dataframe")

    def __repr__(self) -> str:
        lines = ",\n  ".join(map(repr, self._results))
        return f"ResultGrid<[\n  {lines}\n]>"

    def _repr_html_(self) -> str:
        from poptune.faces.reprs import grid_html

        return grid_html(self, self._trials, self._objective)


def _stored(run_dir: Path, saved: SavedCheckpoint) -> Checkpoint | None:
    """Return a checkpoint of a run, None if it is gone."""
    if not (run_dir / saved.path).is_dir():
        return None
    return Checkpoint.saved_as(place_in(run_dir, saved.path), Fingerprint(saved.size, saved.checksum))


def _result(trial: Trial, run_dir: Path, metrics: dict[str, Any], behind: tuple[Segment, ...]) -> Result:
    saved = trial.checkpoint
    return Result(
        trial_id=trial.id,
        config=trial.config,
        metrics=metrics,
        checkpoint=_stored(run_dir, saved) if saved else None,
        error=TrialError(f"Trial {trial.id} failed: {trial.error}") if trial.error else None,
        path=str(run_dir / trial.folder),
        lineage=Lineage(behind),
        _run_dir=run_dir,
    )


def _values(result: Result, metric: str, scope: str, finite_only: bool) -> list[float]:
    sources = _last_with(result, metric) if scope == "last" else result.rows
    found = [as_float(value) for source in sources if is_real(value := lookup(source, metric))]
    return [value for value in found if math.isfinite(value) or not finite_only]


def _last_with(result: Result, metric: str) -> list[dict[str, Any]]:
    """Return the last result that has a metric: what a function returns at its end need not have it."""
    if lookup(result.metrics, metric) is not MISSING:
        return [result.metrics]
    return [row for row in result.rows if metric in row][-1:]


def _data_frame(table: list[dict[str, Any]], purpose: str) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("pandas", extra="plots", purpose=purpose) from None
    return pd.DataFrame(table)

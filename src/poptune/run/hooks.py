"""From the records of a run to the hooks of a callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from poptune.core.decisions import Stop
from poptune.core.events import Reported, TrialAdded, TrialEvicted, TrialFailed, TrialFinished, TrialStarted
from poptune.core.nested import Config, copy_tree, lookup
from poptune.core.population import Population
from poptune.core.trial import SavedCheckpoint, Trial
from poptune.run.callbacks import Callback
from poptune.run.rows import Edit, TrialResults
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.records import Record


class TrialView:
    """One trial as a callback sees it: read-only, and always as it was at the event that is told.

    Attributes:
        trial_id: Its id.
        evaluated_params: What the search space chose for it at the beginning, by key: `"model/lr"`.
        last_result: Its newest result, empty before the first.
        local_path: Its folder.
    """

    def __init__(self, added: TrialAdded, population: Population, run_dir: Path, searched: Sequence[str]) -> None:
        self.trial_id = added.trial
        self.evaluated_params = {key: lookup(added.config, key) for key in searched}
        self.last_result: dict[str, Any] = {}
        self.local_path = str(run_dir / added.folder)
        self._population = population
        self._run_dir = run_dir
        # As in Ray Tune. Callbacks name their files by it, and what they send elsewhere.
        self._name = f"{added.folder.partition(f'_{added.trial}')[0]}_{added.trial}"

    @property
    def record(self) -> Trial:
        """Everything else that the population knows of it, frozen."""
        return self._population[self.trial_id]

    @property
    def path(self) -> str:
        """Its folder."""
        return self.local_path

    @property
    def logdir(self) -> str:
        """Its folder, under its older name."""
        return self.local_path

    def init_local_path(self) -> None:
        """Make its folder, for a callback that writes into it. When the trial starts it is there already."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    @property
    def config(self) -> Config:
        """Its hyperparameters in force, a copy."""
        return copy_tree(self._population[self.trial_id].config)

    @property
    def status(self) -> str:
        """PENDING, RUNNING, PAUSED (due for a decision, waits for it), TERMINATED or ERROR."""
        return self._population[self.trial_id].status.value

    @property
    def experiment_tag(self) -> str:
        """Short text that tells trials apart, such as `"3_lr=0.0100"`."""
        return self._population[self.trial_id].tag

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest saved state of its present weights, None if there is none."""
        return self._opened(self._population[self.trial_id].checkpoint)

    def _opened(self, saved: SavedCheckpoint | None) -> Checkpoint | None:
        is_there = saved is not None and (self._run_dir / saved.path).is_dir()
        return Checkpoint(self._run_dir / saved.path) if saved and is_there else None

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"TrialView({self.trial_id}, {self.status})"


def bring_up_to_date(view: TrialView, edit: Edit) -> None:
    """Let a view show what the newest record changed in its trial's results."""
    if edit.is_mark:
        view.last_result["done"] = True
    elif edit.result:
        view.last_result = copy_tree(edit.result)  # what a user's code does to it must not reach the records


class Hooks:
    """An observer that calls the hooks of one callback.

    It folds the records itself, one by one: at each hook the trials are as they were at that event, whatever has
    happened since.

    Args:
        callback: Whose.
        past: What has happened so far, and is not told again: the trials that were added, or all records of a run
            that is restored.
        run_dir: The directory of the run.
        opening: What `setup` is told.
        searched: The keys that the search space chose values for.
    """

    def __init__(
        self,
        callback: Callback,
        past: Sequence[Record],
        run_dir: Path,
        opening: Mapping[str, Any],
        searched: Sequence[str] = (),
    ) -> None:
        self.name = type(callback).__name__
        self._callback = callback
        self._opening = opening
        self._population = Population()
        self._results: dict[str, TrialResults] = {}
        self._views: dict[str, TrialView] = {}
        for record in past:
            if isinstance(record, TrialAdded):
                self._results[record.trial] = TrialResults(record)
                self._views[record.trial] = TrialView(record, self._population, run_dir, searched)
            self._take(record)
        self._trials = tuple(self._views.values())
        self._iteration = 0
        self._is_set_up = False
        self._is_in_step = False

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Call the hooks of these records, in order."""
        self._begin_step()
        for record, following in zip(records, [*records[1:], None], strict=True):
            self._take(record)
            self._tell(record, is_last=isinstance(following, Stop) and following.trial == record.trial)

    def on_output(self, worker: int, text: str) -> None:
        """Leave what is printed to others."""

    def on_tick(self, population: Population) -> None:
        """End a step of the loop."""
        self._begin_step()
        self._end_step()

    def on_end(self, population: Population) -> None:
        """End the run."""
        self._begin_step()
        self._end_step()
        self._callback.on_experiment_end(trials=self._trials)

    def _begin_step(self) -> None:
        if not self._is_set_up:
            self._is_set_up = True
            self._callback.setup(**self._opening)
        if not self._is_in_step:
            self._is_in_step = True
            self._callback.on_step_begin(iteration=self._iteration, trials=self._trials)

    def _end_step(self) -> None:
        self._is_in_step = False
        self._iteration += 1
        self._callback.on_step_end(iteration=self._iteration, trials=self._trials)

    def _take(self, record: Record) -> None:
        self._population.apply(record)
        if edit := self._results[record.trial].take(record):
            bring_up_to_date(self._views[record.trial], edit)

    def _tell(self, record: Record, *, is_last: bool) -> None:
        """Call the hooks of one record, which the trials have taken in."""
        match record:
            case TrialStarted():
                self._views[record.trial].init_local_path()  # nobody is there yet who trains in it
                self._call(self._callback.on_trial_start, record)
                if self._population[record.trial].checkpoint:
                    self._call(self._callback.on_trial_restore, record)
            case Reported():
                self._reported(record, is_last)
            case Stop() | TrialFinished():
                self._call(self._callback.on_trial_complete, record)
            case TrialFailed(retry=False):
                self._call(self._callback.on_trial_error, record)
            case TrialFailed() | TrialEvicted():
                self._call(self._callback.on_trial_recover, record)

    def _reported(self, report: Reported, is_last: bool) -> None:
        view = self._views[report.trial]
        if is_last:
            view.last_result["done"] = True
        self._call(self._callback.on_trial_result, report, result=view.last_result)
        if report.checkpoint:
            if checkpoint := view.checkpoint:  # executors on virtual time keep theirs in memory
                self._call(self._callback.on_checkpoint, report, checkpoint=checkpoint)
            self._call(self._callback.on_trial_save, report)

    def _call(self, hook: Callable[..., None], record: Record, **more: Any) -> None:
        hook(iteration=self._iteration, trials=self._trials, trial=self._views[record.trial], **more)

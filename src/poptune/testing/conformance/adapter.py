"""Schedulers of PopTune, and your own after the same protocol, as systems."""

from __future__ import annotations

from typing import Any

from poptune.core.decisions import Decision, Exploit
from poptune.core.events import Event, Reported, TrialAdded, TrialFailed, TrialFinished
from poptune.core.nested import Config, copy_tree
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import OptionError
from poptune.schedulers.base import Scheduler, settle, step
from poptune.testing.conformance.system import Answer, Clones, Continues, Waits


class SchedulerSystem:
    """A scheduler of PopTune and its population, as a system.

    Args:
        scheduler: Any `poptune.schedulers.Scheduler` with an objective; its `time_attr` is "training_iteration".
        seed: Of the run.

    Raises:
        OptionError: The scheduler has no objective.
    """

    def __init__(self, scheduler: Scheduler, seed: int = 0) -> None:
        if scheduler.objective is None:
            raise OptionError("The scheduler has no metric and mode: give it both, or use what its bound(...) returns.")
        self._scheduler = scheduler
        self._metric = scheduler.objective.metric
        self._population = Population(seed)
        self._weights: dict[str, Any] = {}

    def add(self, trial: str, config: Config) -> None:
        """Take in a new trial."""
        self._population.apply(TrialAdded(trial, len(self._population), config))

    def report(self, trial: str, iteration: int, score: float, checkpoint: Any) -> list[Answer]:
        """Take in a report of a trial."""
        progress = Progress(iteration, float(iteration))
        metrics = {self._metric: score, "training_iteration": iteration}
        saved = None if checkpoint is None else self._saved(trial, progress, checkpoint)
        answers = self._answers(step(self._scheduler, self._population, Reported(trial, metrics, progress, saved)))
        if any(answer.trial == trial for answer in answers):
            return answers
        return [*answers, Waits(trial) if trial in self._population.due else Continues(trial)]

    def _saved(self, trial: str, progress: Progress, checkpoint: Any) -> SavedCheckpoint:
        path = f"checkpoint_{len(self._weights):06d}"
        self._weights[path] = checkpoint
        return SavedCheckpoint(path, trial, progress)

    def finish(self, trial: str) -> list[Answer]:
        """Learn that the training of a trial came to its end."""
        return self._left(TrialFinished(trial))

    def fail(self, trial: str) -> list[Answer]:
        """Learn that a trial failed and will not come back."""
        return self._left(TrialFailed(trial, "failed", "", retry=False))

    def _left(self, event: TrialFinished | TrialFailed) -> list[Answer]:
        self._population.apply(event)
        return self._answers(settle(self._scheduler, self._population))

    def _answers(self, events: list[Event | Decision] | list[Decision]) -> list[Answer]:
        return [self._answer(event) for event in events if isinstance(event, Decision)]

    def _answer(self, decision: Decision) -> Answer:
        if not isinstance(decision, Exploit):
            return Continues(decision.trial)
        weights = self._weights[decision.checkpoint.path]
        # copied as executors do it: training code may edit its config, and must not reach into the population
        return Clones(decision.trial, decision.donor, weights, copy_tree(decision.config))

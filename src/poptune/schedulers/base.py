"""What a scheduler is, and how one report turns into events and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from poptune.core.decisions import Decision
from poptune.core.events import Event, Overdue, Ready, Reported
from poptune.core.lease import Lease
from poptune.core.nested import Config
from poptune.core.objective import Mode, Objective
from poptune.core.population import Population
from poptune.core.trial import Trial
from poptune.errors import ModeError

if TYPE_CHECKING:
    import numpy as np


class Scheduler(Protocol):
    """Decides. Every method is pure: same arguments, same answer, nothing touched.

    All that a scheduler knows about the past is in the population, so a scheduler object carries only its settings, can
    serve several runs, and needs no saving.
    """

    @property
    def objective(self) -> Objective | None:
        """What ranks trials, once `bound` has settled it; None if this scheduler ranks nobody."""

    def bound(self, metric: str | None, mode: Mode | None) -> Scheduler:
        """Return this scheduler with the metric and mode that `TuneConfig` gives it.

        Raises:
            OptionError: Metric or mode is given twice, or is needed and missing.
        """

    def check(self, trials: int) -> None:
        """Refuse a number of trials that this scheduler cannot serve.

        Raises:
            OptionError: It says what to change.
        """

    def initial_config(self, config: Config, rng: np.random.Generator) -> Config:
        """Return a new trial's config with what the search space left open filled in."""

    def lease(self, trial: Trial, stop_at: Mapping[str, float]) -> Lease:
        """Return how far a trial may train before its report needs an answer."""

    def judge(self, population: Population, report: Reported) -> Ready | Overdue | None:
        """Say whether the trial that just reported (folded already) is due for a decision.

        Raises:
            MetricError: The report lacks a number that the scheduler needs.
        """

    def decide(self, population: Population) -> list[Decision]:
        """Settle those trials of `population.due` that can be settled now; the others wait.

        Called after a trial became ready, and after one left, since the others may have waited for it.
        """

    def describe(self, population: Population) -> str:
        """Return one line for the status display."""


def step(scheduler: Scheduler, population: Population, report: Reported) -> list[Event | Decision]:
    """Fold one report into a population and return all that follows from it, in order, the report first.

    This is the whole algorithm without a runner: call it from a loop of your own, save and load weights as the
    decisions say.

    >>> from poptune.core.events import TrialAdded
    >>> from poptune.core.trial import Progress, SavedCheckpoint
    >>> from poptune.schedulers import PopulationBasedTraining
    >>> from poptune.core.space import uniform
    >>> scheduler = PopulationBasedTraining(
    ...     "training_iteration", "score", "max", perturbation_interval=1, hyperparam_mutations={"lr": uniform(0, 1)})
    >>> population = Population.of([TrialAdded(t, i, {"lr": 0.5}, "") for i, t in enumerate("ab")])
    >>> for trial, score in [("a", 1.0), ("b", 0.0)]:
    ...     saved = SavedCheckpoint(f"weights of {trial}", trial, Progress(1))
    ...     metrics = {"score": score, "training_iteration": 1}
    ...     events = step(scheduler, population, Reported(trial, metrics, Progress(1), saved))
    ...     print(trial, [type(event).__name__ for event in events])
    a ['Reported', 'Ready', 'Continue']
    b ['Reported', 'Ready', 'Exploit']
    >>> events[-1].donor, events[-1].checkpoint.path
    ('a', 'weights of a')
    """
    population.apply(report)
    verdict = scheduler.judge(population, report)
    if verdict is None:
        return [report]
    population.apply(verdict)
    return [report, verdict, *settle(scheduler, population)]


def settle(scheduler: Scheduler, population: Population) -> list[Decision]:
    """Make the decisions that can be made now, fold them into the population, and return them."""
    decisions = scheduler.decide(population) if population.due else []
    for decision in decisions:
        population.apply(decision)
    return decisions


def check_mode(mode: str | None) -> None:
    """Refuse a mode other than "min" and "max"."""
    if mode and mode not in ("min", "max"):
        begun = str(mode)[:3].lower()
        hint = f" Did you mean {begun!r}?" if begun in ("min", "max") else ""
        raise ModeError(f'mode must be "min" or "max", not {mode!r}.{hint}')

"""A population whose story a test tells: who reports what, and what the scheduler answers."""

from __future__ import annotations

from typing import Any

from poptune.core.decisions import Continue, Decision, Exploit, Stop
from poptune.core.events import Event, Reported, TrialAdded, TrialFailed, TrialFinished, TrialStarted
from poptune.core.population import Population
from poptune.core.space import uniform
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.schedulers import PopulationBasedTraining, step
from poptune.schedulers.base import settle


def pbt(**options: Any) -> PopulationBasedTraining:
    """Return a scheduler that looks at everybody every 10 iterations, and at halves."""
    settings = {
        "time_attr": "training_iteration",
        "metric": "score",
        "mode": "max",
        "perturbation_interval": 10,
        "hyperparam_mutations": {"lr": uniform(0.0, 1.0)},
        "quantile_fraction": 0.5,
    }
    return PopulationBasedTraining(**{**settings, **options})


class Story:
    """Trials named by single letters, and everything that happened to them.

    Args:
        trials: Their names, in the order of the population.
        seed: Of the run.
        options: Of the scheduler.
    """

    def __init__(self, trials: str, seed: int = 0, **options: Any) -> None:
        self.scheduler = pbt(**options)
        self.seed = seed
        self.population = Population(seed)
        self.events: list[Event | Decision] = []
        self.decisions: list[Decision] = []
        for index, name in enumerate(trials):
            self._note(TrialAdded(name, index, {"lr": 0.5, "owner": name}, str(index)))

    def report(self, trial: str, iteration: int, score: Any = 0.0, *, saves: bool = True, **metrics: Any) -> list[str]:
        """Let a trial report, with a checkpoint if it saves, and return what was decided, in words."""
        progress = Progress(iteration, float(iteration))
        saved = SavedCheckpoint(f"{trial}@{iteration}", trial, progress) if saves else None
        metrics = {"training_iteration": iteration, "score": score, **metrics}
        events = step(self.scheduler, self.population, Reported(trial, metrics, progress, saved))
        self.events.extend(events)
        return self._decided([event for event in events if isinstance(event, Decision)])

    def all_report(self, iteration: int, scores: dict[str, Any]) -> list[str]:
        """Let several trials report in this order."""
        return [words for trial, score in scores.items() for words in self.report(trial, iteration, score)]

    def finish(self, trial: str) -> list[str]:
        """Let the function of a trial return."""
        return self.happens(TrialFinished(trial))

    def fail(self, trial: str, *, retry: bool = False) -> list[str]:
        """Let a trial raise."""
        return self.happens(TrialFailed(trial, "ValueError: oh", "Traceback", retry))

    def start(self, trial: str) -> None:
        """Let the training of a trial start where its weights are."""
        self._note(TrialStarted(trial, "first", self.population[trial].progress, 0, 1, "host", "0.0.0.0"))

    def happens(self, event: Event | Decision) -> list[str]:
        """Let anything happen, and return what was decided then, in words."""
        self._note(event)
        decisions = settle(self.scheduler, self.population)
        self.events.extend(decisions)
        return self._decided(decisions)

    @property
    def last(self) -> Any:
        """The last decision."""
        return self.decisions[-1]

    @property
    def kinds(self) -> list[str]:
        """What happened so far, by name."""
        return [type(event).__name__ for event in self.events]

    def _note(self, event: Event | Decision) -> None:
        self.population.apply(event)
        self.events.append(event)

    def _decided(self, decisions: list[Decision]) -> list[str]:
        self.decisions.extend(decisions)
        return [told(decision) for decision in decisions]


def told(decision: Decision) -> str:
    """Return a decision in words."""
    match decision:
        case Continue():
            return f"{decision.trial} goes on"
        case Exploit():
            return f"{decision.trial} clones {decision.donor}"
        case Stop():
            return f"{decision.trial} stops"

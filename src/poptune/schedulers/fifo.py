"""First in, first out: trials train independently, each to its end. Grid and random search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from poptune.core.decisions import Decision
from poptune.core.events import Reported
from poptune.core.lease import Lease
from poptune.core.nested import Config
from poptune.core.objective import Mode, Objective
from poptune.core.population import Population
from poptune.core.trial import Trial
from poptune.errors import OptionError
from poptune.schedulers.base import check_mode
from poptune.schedulers.settings import SavedSettings

if TYPE_CHECKING:
    import numpy as np


class FIFOScheduler(SavedSettings):
    """Lets every trial train to its stop criterion, in the order in which they were added. The default.

    >>> FIFOScheduler().describe(Population())
    'FIFO: trials train independently'
    """

    def __init__(self) -> None:
        self._objective: Objective | None = None

    @property
    def objective(self) -> Objective | None:
        """The metric that results are compared by, if one was given."""
        return self._objective

    def bound(self, metric: str | None, mode: Mode | None) -> FIFOScheduler:
        """Return a scheduler for this metric; both may stay open."""
        check_mode(mode)
        if metric and not mode:
            raise OptionError(f'metric={metric!r} needs a mode: give TuneConfig(mode="max") or mode="min".')
        scheduler = FIFOScheduler()
        if mode:
            scheduler._objective = Objective(metric or "_metric", mode)
        return scheduler

    def check(self, trials: int) -> None:
        """Any number of trials will do."""

    def initial_config(self, config: Config, rng: np.random.Generator) -> Config:
        """Return the config as it is."""
        return config

    def lease(self, trial: Trial, stop_at: Mapping[str, float]) -> Lease:
        """Let the trial train until it meets a stop criterion."""
        return Lease(stop_at=stop_at)

    def judge(self, population: Population, report: Reported) -> None:
        """Nobody is ever due. A given metric must be in each report all the same."""
        if self._objective:
            self._objective.score(report.metrics)

    def decide(self, population: Population) -> list[Decision]:
        """Decide nothing."""
        return []

    def describe(self, population: Population) -> str:
        """Return one line for the status display."""
        return "FIFO: trials train independently"

"""Schedulers: ordinary objects that decide what a population does next. They touch nothing and own no state."""

from poptune.schedulers.base import Scheduler, step
from poptune.schedulers.fifo import FIFOScheduler
from poptune.schedulers.pbt import PopulationBasedTraining

__all__ = ["FIFOScheduler", "PopulationBasedTraining", "Scheduler", "step"]

"""Schedulers: ordinary objects that decide what a population does next. Deciding touches nothing and needs no state."""

from poptune.core.exploit import binary_tournament, or_stay, stay, truncation
from poptune.schedulers.base import Scheduler, step
from poptune.schedulers.fifo import FIFOScheduler
from poptune.schedulers.named import create_scheduler
from poptune.schedulers.pb2 import PB2
from poptune.schedulers.pbt import PopulationBasedTraining
from poptune.schedulers.replay import PopulationBasedTrainingReplay

__all__ = [
    "PB2",
    "FIFOScheduler",
    "PopulationBasedTraining",
    "PopulationBasedTrainingReplay",
    "Scheduler",
    "binary_tournament",
    "create_scheduler",
    "or_stay",
    "stay",
    "step",
    "truncation",
]

"""`ray.tune.schedulers`."""

from poptune.compat.tune.schedulers.pb2 import PB2
from poptune.compat.tune.schedulers.pbt import PopulationBasedTraining, PopulationBasedTrainingReplay
from poptune.compat.tune.schedulers.trial_scheduler import FIFOScheduler, TrialScheduler
from poptune.schedulers.named import create_scheduler

__all__ = [
    "PB2",
    "FIFOScheduler",
    "PopulationBasedTraining",
    "PopulationBasedTrainingReplay",
    "TrialScheduler",
    "create_scheduler",
]

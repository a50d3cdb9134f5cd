"""`ray.tune.schedulers.trial_scheduler`."""

from poptune.schedulers.base import Scheduler as TrialScheduler
from poptune.schedulers.fifo import FIFOScheduler

__all__ = ["FIFOScheduler", "TrialScheduler"]

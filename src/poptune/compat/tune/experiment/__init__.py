"""`ray.tune.experiment`."""

from poptune.compat.tune.experiment.experiment import Experiment
from poptune.compat.tune.experiment.trial import Trial

__all__ = ["Experiment", "Trial"]

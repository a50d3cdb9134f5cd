"""`ray.tune.experiment.trial`: a trial as callbacks see it."""

from poptune.run.hooks import TrialView as Trial

__all__ = ["Trial"]

"""Stoppers, where Ray Tune has them: `poptune.stopper.TrialPlateauStopper`."""

from poptune.run.plateaus import ExperimentPlateauStopper, TrialPlateauStopper
from poptune.run.stoppers import (
    CombinedStopper,
    FunctionStopper,
    MaximumIterationStopper,
    NoopStopper,
    Stopper,
    TimeoutStopper,
)

__all__ = [
    "CombinedStopper",
    "ExperimentPlateauStopper",
    "FunctionStopper",
    "MaximumIterationStopper",
    "NoopStopper",
    "Stopper",
    "TimeoutStopper",
    "TrialPlateauStopper",
]

"""`ray.exceptions`: what `except` clauses of scripts name. Each stands for what PopTune raises in its place."""

from poptune.errors import PopTuneError as RayError
from poptune.errors import TrialError as RayTaskError
from poptune.errors import WorkerDied as RayActorError

__all__ = ["RayActorError", "RayError", "RayTaskError"]

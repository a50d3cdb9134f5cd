"""`ray.air`, the names of the second generation."""

from poptune.compat.air import session
from poptune.compat.air.config import CheckpointConfig, FailureConfig, RunConfig
from poptune.run.results import Result
from poptune.storage.checkpoint import Checkpoint

__all__ = ["Checkpoint", "CheckpointConfig", "FailureConfig", "Result", "RunConfig", "session"]

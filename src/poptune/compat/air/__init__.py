"""The names of the `ray.air` generation: `from poptune.compat import air` in place of `from ray import air`."""

from poptune.compat.air import session
from poptune.run.configs import FailureConfig, RunConfig
from poptune.run.results import Result
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.retention import CheckpointConfig

__all__ = ["Checkpoint", "CheckpointConfig", "FailureConfig", "Result", "RunConfig", "session"]

"""The names of the `ray.train` generation: `from poptune.compat import train` in place of `from ray import train`."""

from poptune.run.configs import FailureConfig, RunConfig
from poptune.run.results import Result
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.session import get_checkpoint, get_context, report

__all__ = [
    "Checkpoint",
    "CheckpointConfig",
    "FailureConfig",
    "Result",
    "RunConfig",
    "get_checkpoint",
    "get_context",
    "report",
]

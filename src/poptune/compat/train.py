"""`ray.train`, the names of the third generation: what a training function talks to, and the configs of a run."""

from poptune.compat.air.config import CheckpointConfig, FailureConfig, RunConfig
from poptune.compat.tune.context import get_context
from poptune.compat.tune.syncer import SyncConfig
from poptune.run.results import Result
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables.session import get_checkpoint, report

__all__ = [
    "Checkpoint",
    "CheckpointConfig",
    "FailureConfig",
    "Result",
    "RunConfig",
    "SyncConfig",
    "get_checkpoint",
    "get_context",
    "report",
]

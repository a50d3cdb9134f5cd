"""`ray.air.checkpoint`."""

from poptune.storage.checkpoint import Checkpoint

__all__ = ["Checkpoint"]

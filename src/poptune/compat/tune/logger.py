"""`ray.tune.logger`."""

from poptune import LoggerCallback

__all__ = ["LoggerCallback"]

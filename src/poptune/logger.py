"""Loggers, where Ray Tune has them: `poptune.logger.LoggerCallback`."""

from poptune.run.callbacks import LoggerCallback

__all__ = ["LoggerCallback"]

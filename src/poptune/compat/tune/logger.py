"""`ray.tune.logger`: the callbacks that write files, which a run writes by itself."""

from __future__ import annotations

from poptune.run.callbacks import LoggerCallback

__all__ = ["CSVLoggerCallback", "JsonLoggerCallback", "LoggerCallback", "TBXLoggerCallback"]


class CSVLoggerCallback(LoggerCallback):
    """Stands for `progress.csv`, which every run writes."""


class JsonLoggerCallback(LoggerCallback):
    """Stands for `result.json` and `params.json`, which every run writes."""


class TBXLoggerCallback(LoggerCallback):
    """Stands for event files: `RunConfig(callbacks=[TBXLoggerCallback()])` means `tensorboard=True`."""

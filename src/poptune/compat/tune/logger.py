"""`ray.tune.logger`: the callbacks that write files, which a run writes by itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from poptune.run.callbacks import LoggerCallback

__all__ = ["CSVLoggerCallback", "JsonLoggerCallback", "LoggerCallback", "TBXLoggerCallback", "pretty_print"]


class CSVLoggerCallback(LoggerCallback):
    """Stands for `progress.csv`, which every run writes."""


class JsonLoggerCallback(LoggerCallback):
    """Stands for `result.json` and `params.json`, which every run writes."""


class TBXLoggerCallback(LoggerCallback):
    """Stands for event files: `RunConfig(callbacks=[TBXLoggerCallback()])` means `tensorboard=True`."""


def pretty_print(result: Mapping[str, Any], exclude: Collection[str] = ()) -> str:
    """Return a result as YAML, without its config and without what is None.

    Args:
        result: A result, which may be nested.
        exclude: Keys of its uppermost level that are left out, too.

    >>> print(pretty_print({"loss": 0.5, "config": {"lr": 1}, "time": {"train": 2.0}, "names": ["a"]}), end="")
    loss: 0.5
    names: ["a"]
    time:
      train: 2.0
    """
    return _yaml({key: value for key, value in result.items() if key not in ("config", *(exclude or ()))})


def _yaml(tree: Mapping[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in sorted(tree.items()):
        if isinstance(value, Mapping) and value:
            lines.append(f"{indent}{key}:\n{_yaml(value, indent + '  ')}")
        elif value is not None:
            lines.append(f"{indent}{key}: {json.dumps(value, default=str)}\n")
    return "".join(lines)

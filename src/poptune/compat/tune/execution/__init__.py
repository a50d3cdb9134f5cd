"""`ray.tune.execution`."""

from poptune.compat.tune.execution import placement_groups

__all__ = ["placement_groups"]

"""`ray.tune.result_grid`."""

from poptune import ResultGrid

__all__ = ["ResultGrid"]

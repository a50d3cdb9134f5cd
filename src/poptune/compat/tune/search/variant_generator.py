"""`ray.tune.search.variant_generator`."""

from poptune.core.space import grid_search

__all__ = ["grid_search"]

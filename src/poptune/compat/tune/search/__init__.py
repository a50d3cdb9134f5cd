"""`ray.tune.search`: the search space is sampled; there is no other search."""

from poptune.compat.tune.search.basic_variant import BasicVariantGenerator

__all__ = ["BasicVariantGenerator"]

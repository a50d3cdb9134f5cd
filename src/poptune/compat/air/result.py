"""`ray.air.result`."""

from poptune.run.results import Result

__all__ = ["Result"]

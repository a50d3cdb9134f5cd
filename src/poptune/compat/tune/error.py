"""`ray.tune.error`."""

from poptune.errors import PopTuneError as TuneError

__all__ = ["TuneError"]

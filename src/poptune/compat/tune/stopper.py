"""`ray.tune.stopper`, and the modules below it."""

from poptune import stopper
from poptune.stopper import *  # noqa: F403  the same names

__all__ = list(stopper.__all__)

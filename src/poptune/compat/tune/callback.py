"""`ray.tune.callback`."""

from poptune import Callback

__all__ = ["Callback"]

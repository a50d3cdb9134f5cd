"""`ray.tune.context`."""

from poptune.trainables.session import TrialContext as TuneContext
from poptune.trainables.session import get_context

__all__ = ["TuneContext", "get_context"]

"""Schedulers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poptune.errors import OptionError, nearest
from poptune.schedulers.base import Scheduler
from poptune.schedulers.fifo import FIFOScheduler
from poptune.schedulers.pb2 import PB2
from poptune.schedulers.pbt import PopulationBasedTraining
from poptune.schedulers.replay import PopulationBasedTrainingReplay

_KINDS: dict[str, Callable[..., Scheduler]] = {
    "fifo": FIFOScheduler,
    "pbt": PopulationBasedTraining,
    "pb2": PB2,
    "pbt_replay": PopulationBasedTrainingReplay,
}


def create_scheduler(scheduler: str, **options: Any) -> Scheduler:
    """Return a new scheduler.

    Args:
        scheduler: "pbt", "pb2", "pbt_replay" or "fifo".
        options: The arguments of its class.

    Raises:
        ValueError: There is none of that name.

    >>> from poptune.core.population import Population
    >>> create_scheduler("pbt", hyperparam_mutations={"lr": [0.1, 0.2]}).describe(Population())
    'PopulationBasedTraining: 0 checkpoints, 0 perturbs'
    """
    kind = _KINDS.get(scheduler.lower()) if isinstance(scheduler, str) else None
    if kind is None:
        known = ", ".join(map(repr, _KINDS))
        raise OptionError(f"The schedulers are {known}, not {scheduler!r}.{nearest(str(scheduler), _KINDS)}")
    return kind(**options)

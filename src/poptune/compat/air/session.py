"""`ray.air.session`: what training code talks to in the second generation."""

from __future__ import annotations

from collections.abc import Mapping

from poptune.compat.tune.context import get_context
from poptune.trainables.session import get_checkpoint, report

__all__ = [
    "get_checkpoint",
    "get_experiment_name",
    "get_local_rank",
    "get_trial_dir",
    "get_trial_id",
    "get_trial_name",
    "get_trial_resources",
    "get_world_rank",
    "get_world_size",
    "report",
]


def get_experiment_name() -> str | None:
    """Return the name of the run; None outside of one, as for all of these.

    >>> get_experiment_name() is None
    True
    """
    return get_context().experiment_name


def get_trial_id() -> str | None:
    """Return the trial's id."""
    return get_context().trial_id


def get_trial_name() -> str | None:
    """Return the trainable's name and the trial's id."""
    return get_context().trial_name


def get_trial_dir() -> str | None:
    """Return the trial's folder."""
    return get_context().trial_dir


def get_trial_resources() -> Mapping[str, float]:
    """Return what one trial may use."""
    return get_context().resources


def get_world_rank() -> int:
    """Return the trial's number among the workers of its training: it is the only one, 0."""
    return get_context().get_world_rank()


def get_world_size() -> int:
    """Return the number of workers of its training: 1."""
    return get_context().get_world_size()


def get_local_rank() -> int:
    """Return the trial's number among them on its machine: 0."""
    return get_context().get_local_rank()

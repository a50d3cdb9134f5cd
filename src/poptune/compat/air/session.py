"""`ray.air.session`: what training code talks to in the second generation."""

from __future__ import annotations

from collections.abc import Mapping

from poptune.trainables.session import get_checkpoint, get_context, report

__all__ = [
    "get_checkpoint",
    "get_experiment_name",
    "get_trial_dir",
    "get_trial_id",
    "get_trial_name",
    "get_trial_resources",
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

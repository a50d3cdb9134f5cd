"""Warnings about older arguments, shown at the line of the user's that gave them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any


def note(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that called: Python shows what is deprecated only there."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "poptune":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level - 1 if frame is None else level)


def note_deprecated(argument: str, where: str, instead: str) -> None:
    """Say that an argument has a newer form."""
    note(f"{argument} is deprecated in {where}: use {instead}.", DeprecationWarning)


def note_ignored(where: str, given: Mapping[str, Any]) -> None:
    """Say, in one warning, which of the given arguments have no meaning here, and why."""
    if ignored := [argument for argument in WITHOUT_MEANING if given.get(argument)]:
        reasons = "; ".join(f"{argument} ({WITHOUT_MEANING[argument]})" for argument in ignored)
        note(f"{where} ignores {reasons}.", UserWarning)


WITHOUT_MEANING = {
    "log_to_file": "what training prints is shown in the terminal",
    "sync_config": "everything is written where it stays",
    "trial_dirname_creator": "folders are named after the trainable, the trial and its hyperparameters",
    "trial_name_creator": "trials are named after the seed and their index",
}

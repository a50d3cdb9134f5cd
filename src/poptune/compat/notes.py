"""What is said about older arguments: warnings, shown at the line of the user's that gave them, and refusals."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from poptune.errors import OptionError, nearest


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


def check_others(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse arguments that are unknown or impossible here, and say which have no meaning.

    Args:
        where: What was called.
        given: Arguments that it has no parameters for.
        known: Its parameters.

    Raises:
        TypeError: There is no such argument.
        OptionError: Ray Tune has it, or had it, and here it is impossible. None and False ask for nothing.
    """
    for argument, value in given.items():
        if argument in _REFUSED:
            if value:
                raise OptionError(f"{where} has no {argument}: {_REFUSED[argument]}.")
        elif argument not in WITHOUT_MEANING:
            hint = nearest(argument, [*known, *WITHOUT_MEANING])
            raise TypeError(f"{where} has no argument {argument!r}.{hint}")
    note_ignored(where, given)


WITHOUT_MEANING = {
    "log_to_file": "what training prints is shown in the terminal",
    "sync_config": "everything is written where it stays",
    "trial_dirname_creator": "folders are named after the trainable, the trial and its hyperparameters",
    "trial_name_creator": "trials are named after the seed and their index",
}

_HERE = "runs are stored in a directory of this machine: storage_path=..."
_REFUSED = {
    "_remote": "the run is led by the process that calls; leave it out",
    "export_formats": "save what you need in a checkpoint",
    "global_checkpoint_period": "all is written as it comes; leave it out",
    "loggers": "result.json and progress.csv are always written; for others give callbacks=[...]",
    "queue_trials": "trials that have no free worker wait for their turn; leave it out",
    "ray_auto_init": "workers start by themselves; leave it out",
    "restore": "a trial starts from its first iteration; load weights in the training code",
    "return_trials": "what it returns has all trials, as .trials",
    "run_errored_only": 'give resume="ERRORED_ONLY"',
    "server_port": "there is no server; leave it out",
    "storage_filesystem": _HERE,
    "sync_on_checkpoint": _HERE,
    "sync_to_cloud": _HERE,
    "sync_to_driver": _HERE,
    "trial_executor": "workers are processes of this machine; see executor=...",
    "upload_dir": _HERE,
    "with_server": "there is no server; leave it out",
}

"""From the path of a directory to a run, or to a trial of it; errors say what was meant, if that can be seen."""

from __future__ import annotations

import os
from pathlib import Path

from poptune.core.events import TrialAdded
from poptune.errors import StorageError, nearest
from poptune.storage.journal import DRAFTS, FILE_NAME, Journal
from poptune.storage.lock import FILE_NAME as LOCK_NAME
from poptune.storage.lock import is_locked

_MOST_NAMES = 5


def known_run(path: str | Path) -> Path:
    """Return the directory of a run as an absolute path.

    Raises:
        StorageError: It is not the directory of a PopTune run.

    >>> known_run("/no/run")
    Traceback (most recent call last):
    poptune.errors.StorageError: /no/run does not exist. Give the directory of a run, such as results.experiment_path.
    """
    folder = absolute(path)
    if is_run(folder):
        return folder
    expected = "Give the directory of a run, such as results.experiment_path."
    if not folder.is_dir():
        raise StorageError(f"{folder} {_missing(folder)}{_near(folder)} {expected}")
    if is_run(folder.parent):
        raise StorageError(
            f"{folder} lies in the directory of a run, but is not one. Give that of the run, {folder.parent}; a trial's"
            " folder is for Result.from_path."
        )
    if runs := _runs_in(folder):
        raise StorageError(f"{folder} is not the directory of a run, but holds runs. Give one of them: {_some(runs)}.")
    raise StorageError(f"{folder} is not the directory of a PopTune run: it has no {FILE_NAME}. {expected}")


def is_unborn(folder: Path) -> bool:
    """Whether a directory is that of a run whose process was killed before it had a journal: nobody misses anything."""
    try:
        held = {path.name for path in folder.iterdir()}
    except OSError:
        return False
    return bool(held) and held <= {LOCK_NAME, *DRAFTS} and not is_locked(folder)


def known_trial(path: str | Path) -> tuple[Path, str]:
    """Return the directory of a trial's run, and the trial's id.

    Raises:
        StorageError: It is not the folder of a trial of a PopTune run.

    >>> known_trial("/no/run/train_0")
    Traceback (most recent call last):
    poptune.errors.StorageError: /no/run/train_0 does not exist. Give the folder of a trial, such as result.path.
    """
    folder = absolute(path)
    expected = "Give the folder of a trial, such as result.path."
    if is_run(folder):
        raise StorageError(
            f"{folder} is the directory of a whole run, for ResultGrid.from_path. Give the folder of one of its trials:"
            f" {_some(_trials(folder))}."
        )
    run_dir = folder.parent
    if not is_run(run_dir):
        if not folder.is_dir():
            raise StorageError(f"{folder} {_missing(folder)}{_near(folder)} {expected}")
        raise StorageError(
            f"{folder} is not the folder of a trial of a PopTune run: {run_dir} has no {FILE_NAME}. {expected}"
        )
    trials = _trials(run_dir)
    if folder.name not in trials:
        hint = nearest(folder.name, trials)
        raise StorageError(f"The run {run_dir} has no trial with the folder {folder.name!r}.{hint} {expected}")
    return run_dir, trials[folder.name]


def absolute(path: str | Path) -> Path:
    """Return a path that holds wherever training works.

    Raises:
        StorageError: It is relative, and the working directory is gone.
    """
    try:
        return Path(os.path.abspath(Path(path).expanduser()))
    except FileNotFoundError as error:
        raise StorageError(
            f"There is no {str(path)!r}, since the working directory was deleted: change to another one, or give an"
            " absolute path."
        ) from error


def is_run(folder: Path) -> bool:
    """Whether a directory is that of a run that began.

    Raises:
        StorageError: This user may not look into it.
    """
    try:
        return (folder / FILE_NAME).is_file()
    except PermissionError as error:
        raise StorageError(f"{folder} may not be read by this user: ask whom it belongs to.") from error


def _trials(run_dir: Path) -> dict[str, str]:
    """Return the id of each trial of a run, by the name of its folder."""
    with Journal.open(run_dir) as journal:
        return {record.folder: record.trial for record in journal.records(TrialAdded) if isinstance(record, TrialAdded)}


def _runs_in(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{FILE_NAME}"))


def _missing(folder: Path) -> str:
    return "is not a directory." if folder.exists() else "does not exist."


def _near(folder: Path) -> str:
    """Return a hint that names the directory beside a misspelt path, or nothing."""
    try:
        return nearest(folder.name, [path.name for path in folder.parent.iterdir() if path.is_dir()])
    except OSError:
        return ""


def _some(names: list[str] | dict[str, str]) -> str:
    shown = list(names)[:_MOST_NAMES]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")

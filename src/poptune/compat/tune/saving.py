"""Checkpoints of the first generation: `with tune.checkpoint_dir(step) as folder`, `train(config, checkpoint_dir)`."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from poptune.storage.checkpoint import Checkpoint
from poptune.trainables import session
from poptune.trainables.packed import Packed

_saved: tuple[session.Session | None, str] | None = None  # whose folder waits for the next report


@contextmanager
def checkpoint_dir(step: int) -> Iterator[str]:
    """Give a new folder to write a checkpoint into. The next `tune.report` takes it along.

    Args:
        step: Without meaning: checkpoints are counted.
    """
    global _saved
    folder = tempfile.mkdtemp(prefix="poptune_checkpoint_")
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _saved = session.current, folder


def report(metrics: Any = None, *, checkpoint: Checkpoint | None = None, **older: Any) -> None:
    """Report the results of one iteration: `poptune.report`, with the checkpoint that `checkpoint_dir` was used for."""
    folder = _taken()
    try:
        if folder and checkpoint is None:
            checkpoint = Checkpoint.from_directory(folder)
        session.report(metrics, checkpoint=checkpoint, **older)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _taken() -> str | None:
    """Return the folder that waits for the trial that runs. One that waits for another was left behind by a failure."""
    global _saved
    if _saved is None:
        return None
    (owner, folder), _saved = _saved, None
    if owner is session.current:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    return None


def with_checkpoint_dir(trainable: Any) -> Any:
    """Return a function `train(config, checkpoint_dir=None)` as one that is called with the config alone.

    Whatever has no such argument is returned as it is.
    """
    target = trainable.target if isinstance(trainable, Packed) else trainable
    if not inspect.isroutine(target) or "checkpoint_dir" not in inspect.signature(target).parameters:
        return trainable

    def train(config: dict[str, Any], **parameters: Any) -> Any:
        if left_behind := _taken():  # by a failure
            shutil.rmtree(left_behind, ignore_errors=True)
        start = session.get_checkpoint()
        if start is None:
            return target(config, checkpoint_dir=None, **parameters)
        with start.as_directory() as folder:
            return target(config, checkpoint_dir=folder, **parameters)

    train.__name__ = target.__name__
    return replace(trainable, target=train) if isinstance(trainable, Packed) else train

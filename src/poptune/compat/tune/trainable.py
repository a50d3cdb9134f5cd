"""`ray.tune.trainable`: training as an object that can also be trained, saved and restored by hand."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from poptune.core.nested import copy_tree
from poptune.core.trial import Progress
from poptune.errors import UsageError
from poptune.executors.counting import count
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables import class_api
from poptune.trainables.class_api import load_state
from poptune.trainables.packed import with_parameters, with_resources
from poptune.trainables.session import plain_metrics

__all__ = ["Trainable", "with_parameters", "with_resources"]

_SAVED_FILE, _PROGRESS = "saved_file", "progress"


class Trainable(class_api.Trainable):
    """Training as an object: `poptune.Trainable`, with the calls that Ray Tune's has for use outside of a run.

    As in the first generation, `save_checkpoint` may return a file that it wrote into its directory; `load_checkpoint`
    then gets that file.

    >>> class Climb(Trainable):
    ...     def setup(self, config):
    ...         self.height = 0
    ...     def step(self):
    ...         self.height += self.config["speed"]
    ...         return {"height": self.height}
    ...     def save_checkpoint(self, checkpoint_dir):
    ...         return {"height": self.height}
    ...     def load_checkpoint(self, checkpoint):
    ...         self.height = checkpoint["height"]
    >>> climber, other = Climb({"speed": 2}), Climb({"speed": 2})
    >>> result = climber.train()
    >>> result["height"], result["training_iteration"], result["done"]
    (2, 1, False)
    >>> other.restore(climber.save())
    >>> other.train()["height"]
    4
    """

    _progress = _first = Progress()  # by hand: behind the present weights, and when they were taken over

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, wrapped in {"save_checkpoint": _noting_file, "load_checkpoint": _finding_file}.items():
            if name in vars(cls):
                setattr(cls, name, wrapped(vars(cls)[name]))

    @property
    def _iteration(self) -> int:
        """Iterations behind the present weights, as scripts of the first generation ask for them."""
        return self.training_iteration

    @property
    def logdir(self) -> str:
        """The trial's folder; outside of a run a temporary one, which is left to you."""
        if self.context.trial_dir is None:
            self.context = replace(self.context, trial_dir=tempfile.mkdtemp(prefix="poptune_trainable_"))
        return str(self.context.trial_dir)

    def train(self) -> dict[str, Any]:
        """Train one iteration and return its result: its metrics, and the keys that are counted in a run."""
        start = time.perf_counter()
        metrics = plain_metrics(self.step())
        result, self._progress = count(
            metrics,
            before=replace(self._progress, iteration=self.training_iteration),
            first=self._first,
            elapsed_s=time.perf_counter() - start,
            timestamp=time.time(),
        )
        self.training_iteration = self._progress.iteration
        self.log_result(copy_tree(result))
        return result

    def save(self, checkpoint_dir: str | Path | None = None) -> Checkpoint:
        """Save the state into a directory, by default a new temporary one, which is left to you.

        Raises:
            UsageError: `save_checkpoint` returns neither a dictionary nor that directory.
        """
        folder = Path(checkpoint_dir or tempfile.mkdtemp(prefix="poptune_checkpoint_"))
        folder.mkdir(parents=True, exist_ok=True)
        state = self.save_checkpoint(str(folder))
        if isinstance(state, dict):
            Checkpoint.from_dict({"state": state}).write_to(folder)
        elif state is not None and Path(state).resolve() != folder.resolve():
            raise UsageError(f"save_checkpoint must return a dictionary or the directory it is given, not {state!r}.")
        saved = Checkpoint(folder)
        saved.update_metadata({_PROGRESS: asdict(replace(self._progress, iteration=self.training_iteration))})
        return saved

    def restore(self, checkpoint: Checkpoint | str | Path) -> None:
        """Take over a saved state: what `save` returned, a checkpoint of a `Result`, or its directory."""
        saved = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
        if progress := saved.get_metadata().get(_PROGRESS):
            self._progress = self._first = Progress(**progress)
            self.training_iteration = self._progress.iteration
        self.load_checkpoint(load_state(saved))

    def stop(self) -> None:
        """Let go of what the object holds."""
        self.cleanup()


def _noting_file(save: Callable[..., Any]) -> Callable[..., Any]:
    """Return `save_checkpoint` so that the name of a file that it returns is kept with the checkpoint."""

    @functools.wraps(save)
    def save_checkpoint(trainable: Any, checkpoint_dir: str) -> Any:
        state = save(trainable, checkpoint_dir)
        if not isinstance(state, (str, Path)) or Path(state).resolve().parent != Path(checkpoint_dir).resolve():
            return state
        Checkpoint(checkpoint_dir).update_metadata({_SAVED_FILE: Path(state).name})
        return checkpoint_dir

    return save_checkpoint


def _finding_file(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return `load_checkpoint` so that it gets the file that `save_checkpoint` returned, if it was one."""

    @functools.wraps(load)
    def load_checkpoint(trainable: Any, checkpoint: Any) -> None:
        if isinstance(checkpoint, str) and (file := Path(checkpoint)).is_dir():
            name = Checkpoint(file).get_metadata().get(_SAVED_FILE, "")
            checkpoint = str(file / name)
        load(trainable, checkpoint)

    return load_checkpoint

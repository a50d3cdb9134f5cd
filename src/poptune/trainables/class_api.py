"""Class trainables: training as an object with `setup`, `step`, `save_checkpoint` and `load_checkpoint`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from poptune.core.lease import Lease
from poptune.core.nested import Config, copy_tree
from poptune.core.trial import Progress
from poptune.errors import UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.retention import CheckpointConfig
from poptune.trainables.session import TrialContext, plain_metrics


class Trainable:
    """Training as an object. Derive from it and write `setup` and `step`; with checkpoints it can take part in PBT.

    One object may serve many configs: if `reset_config` returns True, a clone keeps the object (and its data,
    device memory and compiled code), and only `reset_config` and `load_checkpoint` are called.

    >>> class Climb(Trainable):
    ...     def setup(self, config):
    ...         self.height = 0.0
    ...     def step(self):
    ...         self.height += self.config["speed"]
    ...         return {"height": self.height}
    >>> climber = Climb({"speed": 0.5})
    >>> climber.step(), climber.step()
    ({'height': 0.5}, {'height': 1.0})
    """

    def __init__(self, config: Config | None = None, context: TrialContext | None = None) -> None:
        self.config: Config = config or {}
        self.context = context or TrialContext()
        self.training_iteration = 0
        self.setup(copy_tree(self.config))

    def setup(self, config: Config) -> None:
        """Build model and data. Called once per object."""

    def step(self) -> dict[str, Any]:
        """Train one iteration and return its metrics. `"done": True` among them ends the trial."""
        raise NotImplementedError(f"{type(self).__name__} must define step().")

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any] | str | None:
        """Write the state into a directory, or return it as a dictionary.

        Returning None or the directory means that its files are the checkpoint.
        """
        raise NotImplementedError(f"{type(self).__name__} must define save_checkpoint(checkpoint_dir).")

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Take over a state: the dictionary that `save_checkpoint` returned, or else the directory it wrote.

        Set hyperparameters again after loading: the state may carry those of the donor.
        """
        raise NotImplementedError(f"{type(self).__name__} must define load_checkpoint(checkpoint).")

    def reset_config(self, new_config: Config) -> bool:
        """Make the object as good as new under another config, and return True; False asks for a new object."""
        return False

    def log_result(self, result: dict[str, Any]) -> None:
        """Called with each complete result, where the object trains: a place to log it in a way of your own."""

    def cleanup(self) -> None:
        """Let go of what the object holds. Called when the trial ends or its object is replaced."""

    @property
    def iteration(self) -> int:
        """Iterations behind the present weights."""
        return self.training_iteration

    @property
    def trial_id(self) -> str | None:
        """The trial's id."""
        return self.context.trial_id

    @property
    def trial_name(self) -> str | None:
        """The trainable's name and the trial's id."""
        return self.context.trial_name

    @property
    def logdir(self) -> str | None:
        """The trial's folder."""
        return self.context.trial_dir

    @property
    def trial_resources(self) -> Mapping[str, float]:
        """What one trial may use."""
        return self.context.resources

    def get_config(self) -> Config:
        """Return the config in force."""
        return self.config


class Assignment(Protocol):
    """What an object needs to know to train: whose weights, which config, how far."""

    config: Config
    checkpoint: Checkpoint | None
    progress: Progress
    context: TrialContext
    lease: Lease


class ClassRun:
    """One trainable object at work.

    Args:
        cls: The trainable class.
        config: When to save, apart from decisions.
        parameters: Bound by `with_parameters`; passed to `setup`.
    """

    def __init__(
        self, cls: type[Trainable], config: CheckpointConfig, parameters: Mapping[str, Any] | None = None
    ) -> None:
        self._cls = _with_setup_parameters(cls, parameters) if parameters else cls
        self._saving = config
        self._trainable: Trainable | None = None

    def begin(self, assignment: Assignment) -> None:
        """Make the object ready for an assignment: by `reset_config` if it can, else by building a new one."""
        if not self._resets(assignment):
            self.end()  # and let go of its weights, before those of the next are made
            self._trainable = self._cls(copy_tree(assignment.config), assignment.context)
        trainable = self._trainable
        assert trainable is not None
        trainable.training_iteration = assignment.progress.iteration
        if assignment.checkpoint is not None:
            trainable.load_checkpoint(load_state(assignment.checkpoint))

    def _resets(self, assignment: Assignment) -> bool:
        """Say whether the object at work takes another config by `reset_config`, and let it."""
        trainable = self._trainable
        if trainable is None or not trainable.reset_config(copy_tree(assignment.config)):
            return False
        trainable.config, trainable.context = copy_tree(assignment.config), assignment.context
        return True

    def step(self) -> dict[str, Any]:
        """Train one iteration and return its metrics."""
        assert self._trainable is not None
        metrics = self._trainable.step()
        if not isinstance(metrics, Mapping):
            raise UsageError(
                f"{self._cls.__name__}.step() must return a dictionary of metrics such as"
                f' {{"loss": 0.5}}, not {type(metrics).__name__}.'
            )
        self._trainable.training_iteration += 1
        return plain_metrics(metrics)

    def log(self, result: Mapping[str, Any]) -> None:
        """Let the object log a complete result; what it does to its copy changes nothing."""
        assert self._trainable is not None
        self._trainable.log_result(copy_tree(result))

    def wants_checkpoint(self, metrics: Mapping[str, Any], iteration: int, lease: Lease) -> bool:
        """Say whether the state is saved with this report: by frequency, when a decision may be due, at the end."""
        frequency, at_end = self._saving.checkpoint_frequency, self._saving.checkpoint_at_end
        if at_end is None:
            at_end = self._cls.save_checkpoint is not Trainable.save_checkpoint
        is_last = at_end and lease.stops(metrics) is not None
        by_frequency = frequency > 0 and iteration % frequency == 0
        return is_last or by_frequency or lease.is_due(metrics) or metrics.get("should_checkpoint") is True

    def save(self, folder: Path) -> Checkpoint:
        """Return the object's state; a directory that it writes is `folder`."""
        assert self._trainable is not None
        state = self._trainable.save_checkpoint(str(folder))
        if isinstance(state, Mapping):
            return Checkpoint.from_dict({"state": state})
        is_folder = isinstance(state, (str, Path)) and Path(state).resolve() == folder.resolve()
        if state is not None and not is_folder:
            raise UsageError(
                f"{self._cls.__name__}.save_checkpoint returned {state!r}. Return nothing: whatever is in the directory"
                " that it is given is saved, and load_checkpoint gets that directory. Or return a dictionary."
            )
        return Checkpoint.from_directory(folder)

    def end(self) -> None:
        """Let the object clean up."""
        trainable, self._trainable = self._trainable, None
        if trainable is not None:
            trainable.cleanup()


def check_class(cls: type[Trainable], parameters: Mapping[str, Any]) -> None:
    """Refuse a class whose `setup` cannot be called with a config.

    Raises:
        UsageError: Its signature does not take one positional argument and the bound parameters.
    """
    signature = inspect.signature(cls.setup)
    try:
        signature.bind(cls, {}, **parameters)
    except TypeError as error:
        raise UsageError(
            f"{cls.__name__}.setup{signature} cannot be called as setup(config"
            f"{''.join(f', {key}=...' for key in parameters)}): {error}."
        ) from None


def load_state(checkpoint: Checkpoint) -> Any:
    """Return what `load_checkpoint` takes: the dictionary that was saved, or the directory."""
    return checkpoint.to_dict()["state"] if checkpoint.is_dictionary else checkpoint.path


def _with_setup_parameters(cls: type[Trainable], parameters: Mapping[str, Any]) -> type[Trainable]:
    class Bound(cls):  # type: ignore[misc, valid-type]
        def setup(self, config: Config) -> None:
            super().setup(config, **parameters)

    Bound.__name__ = Bound.__qualname__ = cls.__name__
    return Bound

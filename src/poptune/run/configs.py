"""What a user says about a run, apart from the training itself. Names and defaults are Ray Tune's where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from poptune.core.objective import Mode, is_real
from poptune.errors import MissingExtra, OptionError, nearest
from poptune.executors.base import Executor
from poptune.run.callbacks import Callback
from poptune.run.reporting import ProgressReporter
from poptune.run.stoppers import seconds
from poptune.run.stopping import StopOption
from poptune.schedulers.base import Scheduler, check_mode
from poptune.storage.journal import Durability
from poptune.storage.remote import is_url
from poptune.storage.retention import CheckpointConfig

if TYPE_CHECKING:
    from typing import Self


_EXECUTORS = ("processes", "inline", "ray")


class Given:
    """Remembers which arguments its objects were made with: what a restored run shall do otherwise than before.

    Attributes:
        given: Their names. None stands for an argument that was left open.
    """

    given: ClassVar[frozenset[str]]
    only_in_compat: ClassVar[frozenset[str]] = frozenset()  # further arguments of Ray Tune's

    def __new__(cls, *values: Any, **options: Any) -> Self:
        """Note the names, and leave the rest to the dataclass."""
        names = [one.name for one in fields(cls)]  # type: ignore[arg-type]
        for name in set(options) & cls.only_in_compat - set(names):
            older = f"poptune.compat.tune.{cls.__name__}"
            raise TypeError(f"{cls.__name__} has no argument {name!r}; {older}, for scripts of Ray Tune, has.")
        config = super().__new__(cls)
        options |= zip(names, values, strict=False)
        object.__setattr__(config, "given", frozenset(name for name in options if options[name] is not None))
        return config


@dataclass(frozen=True)
class TuneConfig(Given):
    """How to search.

    Args:
        metric: Reported number that ranks trials. Here or in the scheduler, not in both.
        mode: "min" or "max". Here or in the scheduler, not in both.
        scheduler: Decides who trains on, who is cloned; by default trials train independently.
        num_samples: How often the search space is sampled; with a grid, how often the whole grid is run.
        max_concurrent_trials: Most trials that train at the same time; None: as many as the machine holds. Others
            wait in their workers and take turns.
        time_budget_s: The run stops after this time: seconds, or a `datetime.timedelta`. It begins with the run.
        seed: What every draw of the run derives from. None takes it from the global generators of `random` and NumPy as
            they are at the start of the run, so `random.seed(0)` and `np.random.seed(0)` at the top of a script settle
            it; a further run of the same process has another seed. It is recorded and shown.
        chdir_to_trial_dir: Whether training code has its trial's folder as working directory, as in Ray Tune. If not,
            it has that of the script, which all trials share.

    >>> TuneConfig(metric="accuracy", mode="max", num_samples=8, seed=0).num_samples
    8
    """

    only_in_compat = frozenset({"reuse_actors", "search_alg", "trial_name_creator", "trial_dirname_creator"})

    metric: str | None = None
    mode: Mode | None = None
    scheduler: Scheduler | None = None
    num_samples: int = 1
    max_concurrent_trials: int | None = None
    time_budget_s: float | timedelta | None = None
    seed: int | None = None
    chdir_to_trial_dir: bool = False

    def __post_init__(self) -> None:
        check_mode(self.mode)
        _check_count("num_samples", self.num_samples)
        if self.max_concurrent_trials is not None:
            _check_count("max_concurrent_trials", self.max_concurrent_trials)
        if self.time_budget_s is not None:
            seconds("time_budget_s", self.time_budget_s)
        if self.seed is not None and (isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0):
            raise OptionError(f"seed must be a whole number from 0, or None, not {self.seed!r}.")
        if self.scheduler is not None and (isinstance(self.scheduler, type) or not hasattr(self.scheduler, "decide")):
            raise OptionError(
                f"scheduler must be a scheduler object such as PopulationBasedTraining(...), not {self.scheduler!r}."
            )


@dataclass(frozen=True)
class FailureConfig:
    """What happens when a trial fails.

    Args:
        max_failures: How often each trial may start again from its newest checkpoint; -1: without end.
        fail_fast: Whether the first final failure stops the whole run; "raise" also raises it.
        report_timeout_s: A trial that trains without a report for so many seconds counts as hung: its worker process is
            ended, and the trial has failed. Time in which it waits for space on the disk counts. None: no limit.
        round_timeout_s: When no further trial comes to a synchronous round for so many seconds, the round goes on
            without those that are missing, and so do later ones until they come. Which those are depends on the
            machine, so such a run is not reproducible. None: rounds wait.
    """

    max_failures: int = 0
    fail_fast: bool | Literal["raise"] = False
    report_timeout_s: float | None = None
    round_timeout_s: float | None = None

    def __post_init__(self) -> None:
        count = self.max_failures
        if isinstance(count, bool) or not isinstance(count, int) or count < -1:
            raise OptionError(f"max_failures must be a whole number from 0, or -1 for no limit, not {count!r}.")
        if self.fail_fast not in (True, False, "raise"):
            raise OptionError(f'fail_fast must be True, False or "raise", not {self.fail_fast!r}.')
        if self.fail_fast and count != 0:
            raise OptionError(
                "fail_fast stops at the first failure: it needs max_failures=0. Leave one of the two out."
            )
        for name in ("report_timeout_s", "round_timeout_s"):
            limit = getattr(self, name)
            if limit is not None and (isinstance(limit, bool) or not is_real(limit) or not limit > 0):
                raise OptionError(f"{name} must be None (no limit) or a positive number of seconds, not {limit!r}.")


@dataclass(frozen=True)
class RunConfig(Given):
    """Where and how to run.

    Args:
        name: Name of the run and of its directory; None: the trainable's name and the time. If the directory exists,
            a number is added: no run writes into another's.
        storage_path: Directory of the run's directory.
        stop: When a trial has trained enough: `{"training_iteration": 100}` (any key that reaches its value),
            `f(trial_id, result) -> bool`, a `Stopper`, or a list of those. What a function returns at its end is not
            looked at.
        failure_config: What happens when a trial fails.
        checkpoint_config: Which checkpoints stay.
        callbacks: `Callback` objects, which are told what happens in the run.
        verbose: 0 prints nothing of ours, 1 the status and every exploit, 2 also every report.
        executor: Where trials run: in worker "processes", "inline" in this process, in actors of a "ray" cluster, or an
            executor object. The cluster is that of `ray.init(...)` if it was called, else the one at RAY_ADDRESS, else
            a Ray of the run's own on this machine. Needs `pip install "poptune[ray]"`.
        durability: What a report outlives when it counts: the death of any "process", or also a "power" cut (each
            commit then waits for the disk, some milliseconds).
        tensorboard: Whether each trial's folder gets an event file for TensorBoard: metrics by their names, and
            hyperparameters over time as `config/<name>`. Needs `pip install "poptune[loggers]"`.
        progress_reporter: A `CLIReporter` or `JupyterNotebookReporter` with the columns and rows of the tables, or a
            `ProgressReporter` of your own.
        upload_to: Folder in remote storage, such as "s3://bucket/runs", in which the run's folder is kept up to date
            while it goes on: in the background, every few seconds, and at the end. Any address that fsspec knows.
            `Tuner.restore("s3://bucket/runs/name", ...)` brings it to any machine. Needs
            `pip install "poptune[cloud]"`, and what fsspec asks for.
    """

    only_in_compat = frozenset({"local_dir", "sync_config", "log_to_file", "storage_filesystem"})

    name: str | None = None
    storage_path: str | Path = "poptune_results"
    stop: StopOption | None = None
    failure_config: FailureConfig = field(default_factory=FailureConfig)
    checkpoint_config: CheckpointConfig = field(default_factory=CheckpointConfig)
    callbacks: Sequence[Callback] | None = None
    verbose: int = 1
    executor: Literal["processes", "inline", "ray"] | Executor = "processes"
    durability: Durability = "process"
    tensorboard: bool = False
    progress_reporter: ProgressReporter | None = None
    upload_to: str | None = None

    def __post_init__(self) -> None:
        storage = self.storage_path
        if not isinstance(storage, (str, Path)) or not str(storage) or is_url(storage):
            also = " upload_to=... keeps the run in remote storage, too." if is_url(storage) else ""
            raise OptionError(f"storage_path must be a directory of this machine, not {storage!r}.{also}")
        if self.upload_to is not None and not is_url(self.upload_to):
            raise OptionError(f'upload_to must be an address such as "s3://bucket/runs", not {self.upload_to!r}.')
        if self.name is not None and (
            not isinstance(self.name, str) or not self.name or set(self.name) & set("/\\\0") or self.name in (".", "..")
        ):
            raise OptionError(
                f"name must be the name of a directory, not {self.name!r}. What lies above it is storage_path."
            )
        if isinstance(self.executor, str) and self.executor not in _EXECUTORS:
            raise OptionError(
                f'executor must be "processes", "inline", "ray" or an executor object, not {self.executor!r}.'
                f"{nearest(self.executor, _EXECUTORS)}"
            )
        if self.executor == "ray" and find_spec("ray") is None:
            raise MissingExtra("ray", extra="ray", purpose='RunConfig(executor="ray")')
        if self.executor == "inline" and self.failure_config.report_timeout_s is not None:
            raise OptionError(
                "report_timeout_s ends the worker process of a trial that hangs, and executor='inline' has none: leave"
                " one of them out."
            )
        if self.durability not in ("process", "power"):
            raise OptionError(f'durability must be "process" or "power", not {self.durability!r}.')
        _check_callbacks(self.callbacks)
        if self.progress_reporter is not None and not isinstance(self.progress_reporter, ProgressReporter):
            raise OptionError(
                f"progress_reporter must be a CLIReporter(...), or an object of a class derived from"
                f" poptune.ProgressReporter, not {self.progress_reporter!r}."
            )
        if self.tensorboard and find_spec("tensorboardX") is None:
            raise MissingExtra("tensorboardX", extra="loggers", purpose="RunConfig(tensorboard=True)")


def _check_callbacks(callbacks: object) -> None:
    if callbacks is not None and not isinstance(callbacks, (list, tuple)):
        raise OptionError(f"callbacks must be a list of Callback objects, not {callbacks!r}.")
    for callback in callbacks or ():
        if not isinstance(callback, Callback):
            raise OptionError(f"callbacks must be objects of classes derived from poptune.Callback, not {callback!r}.")


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} must be a whole number from 1, not {value!r}.")

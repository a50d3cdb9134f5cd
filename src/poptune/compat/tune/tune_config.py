"""`ray.tune.tune_config`: how to search, and how to go on, with all arguments that Ray Tune had."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from poptune.compat.notes import note_ignored
from poptune.compat.tune.search.basic_variant import BasicVariantGenerator, checked_search
from poptune.errors import OptionError
from poptune.run import configs

__all__ = ["ResumeConfig", "TuneConfig"]


def default_chdir() -> bool:
    """Whether training code works in its trial's folder if nothing is said: as Ray Tune decides it."""
    return os.environ.get("RAY_CHDIR_TO_TRIAL_DIR", "1") != "0"


@dataclass(frozen=True)
class TuneConfig(configs.TuneConfig):
    """How to search: `poptune.TuneConfig`, with further arguments of Ray Tune's.

    Args:
        search_alg: None, "random", "variant_generator", or a `BasicVariantGenerator`, whose `random_state` is the
            `seed` and whose `max_concurrent` is `max_concurrent_trials`, unless these are given.
        reuse_actors: As if always True: workers stay.
        chdir_to_trial_dir: As there; here by default, unless the environment variable `RAY_CHDIR_TO_TRIAL_DIR` is 0.
        trial_name_creator: Without meaning: trials are named after the seed and their index.
        trial_dirname_creator: Without meaning: folders are named after trainable, trial and hyperparameters.

    Raises:
        OptionError: As there; another `search_alg`.

    >>> TuneConfig(search_alg=BasicVariantGenerator(random_state=3, max_concurrent=2)).seed
    3
    """

    search_alg: BasicVariantGenerator | str | None = None
    reuse_actors: bool = False
    chdir_to_trial_dir: bool = field(default_factory=default_chdir)
    trial_name_creator: Callable[[Any], str] | None = None
    trial_dirname_creator: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        note_ignored("TuneConfig", vars(self))
        search = checked_search(self.search_alg)
        if search.random_state is not None and self.seed is None:
            object.__setattr__(self, "seed", search.seed())
        if search.max_concurrent:
            if self.max_concurrent_trials not in (None, search.max_concurrent):
                raise OptionError(
                    f"max_concurrent_trials={self.max_concurrent_trials} and"
                    f" BasicVariantGenerator(max_concurrent={search.max_concurrent}) say different things: give one."
                )
            object.__setattr__(self, "max_concurrent_trials", search.max_concurrent)
        super().__post_init__()


@dataclass(frozen=True)
class ResumeConfig:
    """What becomes of trials when a run goes on: the flags of `Tuner.restore` as one object.

    Args:
        finished: Trials that ended: they stay as they are.
        unfinished: Trials that had neither ended nor failed: they go on, or are stopped (SKIP).
        errored: Trials that failed for good: they go on, begin again, or stay as they are.

    Raises:
        OptionError: Finished trials shall train again, or unfinished ones begin again.

    >>> ResumeConfig(errored=ResumeConfig.ResumeType.RESTART).flags
    {'resume_unfinished': True, 'resume_errored': False, 'restart_errored': True}
    """

    class ResumeType(Enum):
        """What becomes of a trial."""

        RESUME = "resume"
        RESTART = "restart"
        SKIP = "skip"

    finished: ResumeType = ResumeType.SKIP
    unfinished: ResumeType = ResumeType.RESUME
    errored: ResumeType = ResumeType.SKIP

    def __post_init__(self) -> None:
        if self.finished is not self.ResumeType.SKIP:
            raise OptionError("ResumeConfig: finished trials stay as they are; start a new run to train them again.")
        if self.unfinished is self.ResumeType.RESTART:
            raise OptionError("ResumeConfig: unfinished trials go on or are stopped; start a new run to begin again.")

    @property
    def flags(self) -> dict[str, bool]:
        """The arguments of `poptune.Tuner.restore` that say the same."""
        return {
            "resume_unfinished": self.unfinished is self.ResumeType.RESUME,
            "resume_errored": self.errored is self.ResumeType.RESUME,
            "restart_errored": self.errored is self.ResumeType.RESTART,
        }

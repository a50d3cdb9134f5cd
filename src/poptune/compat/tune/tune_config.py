"""`ray.tune.tune_config`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from poptune.compat.notes import note_ignored
from poptune.compat.tune.search.basic_variant import BasicVariantGenerator, checked_search
from poptune.errors import OptionError
from poptune.run import configs

__all__ = ["TuneConfig"]


@dataclass(frozen=True)
class TuneConfig(configs.TuneConfig):
    """How to search: `poptune.TuneConfig`, with further arguments of Ray Tune's.

    Args:
        search_alg: None, "random", "variant_generator", or a `BasicVariantGenerator`, whose `random_state` is the
            `seed` and whose `max_concurrent` is `max_concurrent_trials`, unless these are given.
        reuse_actors: Without meaning: workers always stay.
        trial_name_creator: Without meaning: trials are named after the seed and their index.
        trial_dirname_creator: Without meaning: folders are named after trainable, trial and hyperparameters.

    Raises:
        OptionError: As there; another `search_alg`.

    >>> TuneConfig(search_alg=BasicVariantGenerator(random_state=3, max_concurrent=2)).seed
    3
    """

    search_alg: BasicVariantGenerator | str | None = None
    reuse_actors: bool = False
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

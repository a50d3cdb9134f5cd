"""The first population of a run: configs drawn from the search space, with ids, tags and folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from poptune.core.events import TrialAdded
from poptune.core.randomness import Purpose, rng_for
from poptune.core.tags import experiment_tag
from poptune.core.variants import Variant
from poptune.run.directories import safe_name, stamp
from poptune.schedulers.base import Scheduler

if TYPE_CHECKING:
    import numpy as np

RngOf = Callable[[int], "np.random.Generator"]

_LONGEST_FOLDER = 130


def drawn_trials(
    variants_by: Callable[[RngOf], list[Variant]], scheduler: Scheduler, *, seed: int, trainable: str
) -> list[TrialAdded]:
    """Return the trials that a run begins with.

    Args:
        variants_by: Draws first configs, given the generator of each trial by its index.
        scheduler: May change first configs, and refuse so many trials.
        seed: Of the run. With the same seed come the same ids, so that journals can be compared.
        trainable: Name of what is trained; folders begin with it.

    >>> from poptune.core.variants import variants
    >>> from poptune.schedulers.fifo import FIFOScheduler
    >>> by_grid = lambda rng_of: variants({"lr": {"grid_search": [0.1, 0.2]}}, 1, rng_of)
    >>> [(one.trial, one.config) for one in drawn_trials(by_grid, FIFOScheduler(), seed=0, trainable="train")]
    [('652e5_00000', {'lr': 0.1}), ('652e5_00001', {'lr': 0.2})]
    """
    found = variants_by(lambda index: rng_for(seed, Purpose.INITIAL_CONFIG, index))
    scheduler.check(len(found))
    run_id = hashlib.blake2s(str(seed).encode()).hexdigest()[:5]
    now = stamp()
    added = []
    for variant in found:
        # Another generation of the same purpose: what the space drew does not shift what mutations draw.
        rng = rng_for(seed, Purpose.INITIAL_CONFIG, variant.index, generation=1)
        config = scheduler.initial_config(variant.config, rng)
        trial = f"{run_id}_{variant.index:05d}"
        tag = experiment_tag(variant.index, variant.tag_values)
        folder = safe_name(f"{safe_name(trainable)}_{trial}_{tag}", longest=_LONGEST_FOLDER - len(now) - 1)
        added.append(TrialAdded(trial, variant.index, config, tag, f"{folder}_{now}"))
    return added

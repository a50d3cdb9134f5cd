"""The first population of a run: configs drawn from the search space, with ids, tags and folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from poptune.core.events import TrialAdded
from poptune.core.randomness import Purpose, rng_for
from poptune.core.tags import experiment_tag
from poptune.core.variants import variants
from poptune.run.directories import safe_name, stamp
from poptune.schedulers.base import Scheduler

_LONGEST_FOLDER = 130


def drawn_trials(
    param_space: Mapping[str, Any], num_samples: int, scheduler: Scheduler, *, seed: int, trainable: str
) -> list[TrialAdded]:
    """Return the trials that a run begins with.

    Args:
        param_space: The search space.
        num_samples: How often each cell of its grids is drawn.
        scheduler: May change first configs, and refuse so many trials.
        seed: Of the run. With the same seed come the same ids, so that journals can be compared.
        trainable: Name of what is trained; folders begin with it.

    >>> from poptune.schedulers.fifo import FIFOScheduler
    >>> space = {"lr": {"grid_search": [0.1, 0.2]}}
    >>> [(one.trial, one.config) for one in drawn_trials(space, 1, FIFOScheduler(), seed=0, trainable="train")]
    [('652e5_00000', {'lr': 0.1}), ('652e5_00001', {'lr': 0.2})]
    """
    found = variants(param_space, num_samples, lambda index: rng_for(seed, Purpose.INITIAL_CONFIG, index))
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
        folder = f"{trainable}_{trial}_{tag}"[: _LONGEST_FOLDER - len(now) - 1]
        added.append(TrialAdded(trial, variant.index, config, tag, safe_name(f"{folder}_{now}")))
    return added

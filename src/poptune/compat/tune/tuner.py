"""`ray.tune.tuner`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poptune import tuner
from poptune.compat.tune.registry import trainable_named
from poptune.compat.tune.saving import with_checkpoint_dir
from poptune.run.configs import RunConfig, TuneConfig

__all__ = ["Tuner"]


class Tuner(tuner.Tuner):
    """Trains a population: `poptune.Tuner`, which here also takes what earlier versions of Ray Tune took.

    Args:
        trainable: As there; or the name of a registered trainable; or a function `train(config, checkpoint_dir=None)`.
        param_space: As there.
        tune_config: As there; `search_alg` may give initial points.
        run_config: As there.

    Raises:
        UsageError: As there; nothing is registered under that name.
    """

    def __init__(
        self,
        trainable: Any,
        *,
        param_space: Mapping[str, Any] | None = None,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
    ) -> None:
        super().__init__(
            with_checkpoint_dir(trainable_named(trainable)),
            param_space=param_space,
            tune_config=tune_config,
            run_config=run_config,
        )

"""`ray.tune.tuner`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poptune import tuner
from poptune.compat.air import config as air
from poptune.compat.tune.oldest import check_generation
from poptune.compat.tune.registry import trainable_named
from poptune.compat.tune.saving import with_checkpoint_dir
from poptune.compat.tune.search.basic_variant import checked_search
from poptune.compat.tune.tune_config import ResumeConfig
from poptune.core.variants import Variant
from poptune.errors import OptionError
from poptune.run.configs import RunConfig, TuneConfig
from poptune.run.results import ResultGrid

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Tuner"]


class Tuner(tuner.Tuner):
    """Trains a population: `poptune.Tuner`, which here also takes what earlier versions of Ray Tune took.

    Args:
        trainable: As there; or the name of a registered trainable; or a function `train(config, checkpoint_dir=None)`.
        param_space: As there.
        tune_config: As there; `search_alg` may give initial points.
        run_config: As there.

    Raises:
        UsageError: As there; nothing is registered under that name; it is of a form that Ray Tune has given up.
    """

    def __init__(
        self,
        trainable: Any,
        *,
        param_space: Mapping[str, Any] | None = None,
        tune_config: TuneConfig | None = None,
        run_config: RunConfig | None = None,
    ) -> None:
        trainable = trainable_named(trainable)
        check_generation(trainable)
        super().__init__(
            with_checkpoint_dir(trainable),
            param_space=param_space,
            tune_config=tune_config,
            run_config=run_config or air.RunConfig(),
        )

    @classmethod
    def restore(
        cls,
        path: str | Path,
        trainable: Any,
        *arguments: Any,
        storage_filesystem: Any = None,
        _resume_config: ResumeConfig | None = None,
        **options: Any,
    ) -> Tuner:
        """Return a tuner whose `fit` goes on with an interrupted run, see `poptune.Tuner.restore`.

        Args:
            path: As there.
            trainable: As there.
            arguments: As there.
            storage_filesystem: Must be None: runs are stored in a directory.
            _resume_config: What becomes of trials, in place of the three flags.
            options: As there.

        Raises:
            UsageError: As there; a `storage_filesystem`.
            StorageError: As there.
        """
        if storage_filesystem is not None:
            raise OptionError("Tuner.restore has no storage_filesystem: runs are stored in a directory.")
        if _resume_config is not None:
            options |= _resume_config.flags
        options["run_config"] = options.get("run_config") or air.RunConfig()
        restored: Any = super().restore(path, trainable, *arguments, **options)
        return restored  # type: ignore[no-any-return]

    def fit(self) -> ResultGrid:
        """Train, see `poptune.Tuner.fit`. After Ctrl-C the results so far are returned, as Ray Tune does."""
        try:
            return super().fit()
        except KeyboardInterrupt:
            if self._run_dir is None:
                raise
            self._results = ResultGrid(self._run_dir)
            return self._results

    def _variants(self, rng_of: Callable[[int], np.random.Generator]) -> list[Variant]:
        search = checked_search(getattr(self._tune_config, "search_alg", None))
        return search.variants(self._param_space, self._tune_config.num_samples, rng_of)

"""`tune.run(resume=...)`: go on with a run by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poptune.compat.tune.tune_config import ResumeConfig
from poptune.compat.tune.tuner import Tuner
from poptune.errors import OptionError, nearest
from poptune.run.configs import RunConfig, TuneConfig

_ERRORED = {
    "ERRORED": ResumeConfig(errored=ResumeConfig.ResumeType.RESUME),
    "ERRORED_ONLY": ResumeConfig(unfinished=ResumeConfig.ResumeType.SKIP, errored=ResumeConfig.ResumeType.RESUME),
    "RESTART_ERRORED": ResumeConfig(errored=ResumeConfig.ResumeType.RESTART),
    "RESTART_ERRORED_ONLY": ResumeConfig(
        unfinished=ResumeConfig.ResumeType.SKIP, errored=ResumeConfig.ResumeType.RESTART
    ),
}
_PLACES = ("AUTO", "LOCAL")


@dataclass(frozen=True)
class Resuming:
    """Whether a run goes on, or begins.

    Args:
        trials: What becomes of its trials; None: a new run begins.
        or_begins: Whether it begins if it is not there.
    """

    trials: ResumeConfig | None
    or_begins: bool = False

    @classmethod
    def of(cls, resume: bool | str | None, trials: ResumeConfig | None) -> Resuming:
        """Return what the arguments of `tune.run` say.

        Raises:
            OptionError: It is none of the known words.

        >>> Resuming.of("AUTO", None).or_begins, Resuming.of(False, None).trials
        (True, None)
        """
        if not resume:
            return cls(None)
        if resume is True:
            return cls(trials or ResumeConfig())
        place, _, errored = str(resume).partition("+")
        known = [*_PLACES, *_ERRORED, *(f"{place}+{errored}" for place in _PLACES for errored in _ERRORED)]
        if resume not in known:
            raise OptionError(
                f"resume is True, False or one of {', '.join(known)}, not {resume!r}.{nearest(str(resume), known)}"
            )
        errored = errored or (place if place in _ERRORED else "")
        return cls(trials or _ERRORED.get(errored) or ResumeConfig(), or_begins=place == "AUTO")

    def tuner(
        self, trainable: Any, *, param_space: Mapping[str, Any] | None, tune_config: TuneConfig, run_config: RunConfig
    ) -> Tuner:
        """Return a tuner whose `fit` goes on with the run, or begins one.

        Raises:
            OptionError: A run shall go on and has no name.
        """
        if self.trials is not None:
            if not run_config.name:
                raise OptionError('tune.run(resume=...) needs to know which run: give its name="...".')
            path = Path(run_config.storage_path).expanduser() / run_config.name
            if not self.or_begins or Tuner.can_restore(path):
                return Tuner.restore(
                    path,
                    trainable,
                    param_space=param_space,
                    tune_config=tune_config,
                    run_config=run_config,
                    _resume_config=self.trials,
                )
        return Tuner(trainable, param_space=param_space, tune_config=tune_config, run_config=run_config)

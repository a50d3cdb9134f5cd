"""`ray.tune`, of all generations: every public name of `poptune`, and those that only Ray Tune has."""

from __future__ import annotations

import poptune
from poptune.compat.lookup import lookup

_HOME_OF = {
    **{name: "poptune" for name in poptune.__all__ if name != "__version__"},
    "Experiment": "poptune.compat.tune.experiment.experiment",
    "ExperimentAnalysis": "poptune.compat.tune.analysis",
    "PlacementGroupFactory": "poptune.compat.tune.execution.placement_groups",
    "ProgressReporter": "poptune.compat.tune.progress_reporter",
    "ResumeConfig": "poptune.compat.tune.tune_config",
    "RunConfig": "poptune.compat.air.config",
    "SyncConfig": "poptune.compat.tune.syncer",
    "Trainable": "poptune.compat.tune.trainable",
    "TuneContext": "poptune.compat.tune.context",
    "TuneConfig": "poptune.compat.tune.tune_config",
    "TuneError": "poptune.compat.tune.error",
    "Tuner": "poptune.compat.tune.tuner",
    "checkpoint_dir": "poptune.compat.tune.saving",
    "create_scheduler": "poptune.schedulers.named",
    "get_context": "poptune.compat.tune.context",
    "get_trial_dir": "poptune.compat.air.session",
    "get_trial_id": "poptune.compat.air.session",
    "get_trial_name": "poptune.compat.air.session",
    "get_trial_resources": "poptune.compat.air.session",
    "register_trainable": "poptune.compat.tune.registry",
    "report": "poptune.compat.tune.saving",
    "run": "poptune.compat.tune.tune",
    "run_experiments": "poptune.compat.tune.tune",
}

__all__ = sorted(_HOME_OF)

__getattr__ = lookup(__name__, _HOME_OF)

"""What the tests of whole runs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import poptune as tune
from poptune.run.results import ResultGrid

# Few examples, so that the core's tests take seconds; HYPOTHESIS_PROFILE=thorough looks harder.
settings.register_profile("quick", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def fit(tmp_path: Path):
    """Return a function that runs a trainable and returns its results."""

    def run(trainable: Any, space: dict[str, Any], **options: Any) -> ResultGrid:
        searching = {key: options.pop(key) for key in _SEARCHING if key in options}
        running = {"storage_path": tmp_path, "executor": "inline", "verbose": 0, **options}
        return tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(**{"seed": 0, **searching}),
            run_config=tune.RunConfig(**running),
        ).fit()

    return run


_SEARCHING = ("metric", "mode", "scheduler", "num_samples", "max_concurrent_trials", "time_budget_s", "seed")

"""What the tests of whole runs share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import poptune as tune
from interrupting import ENOUGH, SPACE, Interrupted, climb
from poptune.run.results import ResultGrid
from runs import pbt

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


SCRIPTS = Path(__file__).parent / "compat" / "scripts"
collect_ignore_glob = ["compat/scripts/*"]  # written for Ray Tune: only `poptune ray-script` can import them

Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def ray_script(tmp_path: Path) -> Callable[..., Ran]:
    """Return a function that runs `poptune ray-script ...` in a folder of the test, which is its home, too."""

    def run(*arguments: str, command: tuple[str, ...] = ("-m", "poptune", "ray-script"), **variables: str) -> Ran:
        environment = {**os.environ, "HOME": str(tmp_path), **variables}
        return subprocess.run(
            [sys.executable, *command, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a folder with the scripts that were written for Ray Tune."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "scripts"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a script and returns its name."""

    def write(text: str, name: str = "script.py") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write


@pytest.fixture
def begin(tmp_path):
    """Return a function that makes a tuner for four climbers."""

    def make(name, stop=ENOUGH, space=SPACE, trainable=climb, scheduler=None, **run):
        scheduler = scheduler or pbt(interval=2)
        return tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=4, seed=1),
            run_config=tune.RunConfig(name=name, storage_path=tmp_path, executor="inline", verbose=0, stop=stop, **run),
        )

    return make


@pytest.fixture
def interrupt(begin, tmp_path):
    """Return a function that begins a run, interrupts it, and returns its directory."""

    def interrupt(name, after, **options):
        callbacks = [Interrupted(after), *options.pop("callbacks", [])]
        with pytest.raises(KeyboardInterrupt):
            begin(name, callbacks=callbacks, **options).fit()
        return tmp_path / name

    return interrupt

"""Runs that earlier versions wrote are read, and go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import poptune as tune
from golden.write import HERE, told
from interrupting import climb
from poptune.run.results import ResultGrid

VERSIONS = sorted(folder for folder in HERE.iterdir() if folder.is_dir() and folder.name[0].isdigit())


def copied(run: Path, to: Path) -> Path:
    """Return a copy: reading changes nothing, but SQLite makes files beside what it reads."""
    return Path(shutil.copytree(run, to / run.name))


def test_there_are_some():
    assert VERSIONS


@pytest.mark.parametrize("run", ["ended", "interrupted"])
@pytest.mark.parametrize("version", VERSIONS, ids=lambda folder: folder.name)
def test_a_run_of_an_earlier_version_is_read(version, run, tmp_path):
    results = ResultGrid.from_path(copied(version / run, tmp_path))
    assert told(results) + "\n" == (version / f"{run}.json").read_text()
    assert all(
        result.checkpoint.to_dict()["height"] == result.metrics["height"] for result in results if run == "ended"
    )


@pytest.mark.parametrize("version", VERSIONS, ids=lambda folder: folder.name)
def test_a_run_of_an_earlier_version_goes_on_and_ends_as_it_would_have_then(version, tmp_path):
    path = copied(version / "interrupted", tmp_path)
    results = tune.Tuner.restore(path, climb, run_config=tune.RunConfig(callbacks=[])).fit()
    assert told(results) + "\n" == (version / "ended.json").read_text()
    assert len(list(path.glob("*/result.json"))) == 3

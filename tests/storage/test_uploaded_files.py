"""What a run leaves in its folders is in remote storage, too, whatever it is called, and comes back from there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import poptune as tune
from poptune.run.results import ResultGrid
from poptune.storage.remote import Remote, download
from poptune.storage.uploading import Mirror

RUNS = "memory://bucket/runs"


@pytest.fixture(autouse=True)
def empty_storage():
    MemoryFileSystem.store.clear()


def test_what_training_code_calls_a_checkpoint_itself_is_uploaded_as_it_was_at_the_end(fit, tmp_path):
    def keeps_files_of_its_own(config):
        for step in range(3):
            Path("checkpoint_best.pt").write_text(str(step))
            Path("checkpoint_dir").mkdir(exist_ok=True)
            Path("checkpoint_dir", "weights").write_text(str(step))
            tune.report({"step": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))
            Mirror(tmp_path / "run", Remote(f"{RUNS}/run")).upload()

    tuning = tune.TuneConfig(seed=0, chdir_to_trial_dir=True)
    running = {"name": "run", "storage_path": tmp_path, "executor": "inline", "verbose": 0}
    running["upload_to"] = RUNS
    tune.Tuner(keeps_files_of_its_own, tune_config=tuning, run_config=tune.RunConfig(**running)).fit()
    download(Remote(f"{RUNS}/run"), tmp_path / "brought back")
    result = ResultGrid.from_path(tmp_path / "brought back")[0]
    assert result.checkpoint.to_dict() == {"step": 2}
    assert Path(result.path, "checkpoint_best.pt").read_text() == "2"
    assert Path(result.path, "checkpoint_dir", "weights").read_text() == "2"


def test_empty_directories_of_a_checkpoint_come_back(fit, tmp_path):
    def counts_folders(config):
        step = 0
        if checkpoint := tune.get_checkpoint():
            step = len(list(Path(checkpoint.path, "steps").iterdir()))
        while True:
            step += 1
            with tempfile.TemporaryDirectory() as folder:
                for number in range(step):
                    Path(folder, "steps", str(number)).mkdir(parents=True)
                tune.report({"step": step}, checkpoint=tune.Checkpoint.from_directory(folder))

    fit(counts_folders, {}, name="run", stop={"step": 3}, upload_to=RUNS)
    run_config = tune.RunConfig(storage_path=tmp_path / "elsewhere", verbose=0, stop={"step": 5})
    result = tune.Tuner.restore(f"{RUNS}/run", counts_folders, run_config=run_config).fit()[0]
    assert [row["step"] for row in result.rows] == [1, 2, 3, 4, 5]
    assert result.metrics["iterations_since_restore"] == 2


@contextlib.contextmanager
def as_an_ordinary_user(*folders):
    """Be nobody, to whom these folders belong; root may read anything."""
    if os.geteuid() != 0:
        yield
        return
    for path in (each for folder in folders for each in (folder, *folder.rglob("*"))):
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_keeps_no_other_from_being_uploaded(fit):
    def climb(config):
        tune.report({"height": 1}, checkpoint=tune.Checkpoint.from_dict({"height": 1}))

    with tempfile.TemporaryDirectory() as folder:
        result = fit(climb, {}, name="run", storage_path=folder)[0]
        run_dir, trial = Path(folder, "run"), Path(result.path)
        for name, text in (("a secret", "1"), ("notes", "2")):
            (trial / name).write_text(text)
        (trial / "shut").mkdir()
        (trial / "shut" / "in").touch()
        (trial / "a secret").chmod(0)
        (trial / "shut").chmod(0o400)
        said = []
        remote = Remote(f"{RUNS}/run")
        mirror = Mirror(run_dir, remote, say=said.append)
        with as_an_ordinary_user(Path(folder)):
            mirror.upload(is_last=True)
        (trial / "shut").chmod(0o700)
    assert said == [f"Not uploaded to {RUNS}/run, since this user may not read it: {trial.name}/a secret\n"]
    own = {path.partition("/")[2] for path in remote.manifest().files}
    assert {"notes", "result.json"} <= own
    assert not {"a secret", "shut/in"} & own

"""What a run leaves in its folders is in remote storage, too, whatever it is called, and comes back from there."""

from __future__ import annotations

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

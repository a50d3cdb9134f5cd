"""A run directory from somebody else: nothing in it is executed, and nothing outside it is read, written or removed."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import StorageError
from poptune.run.results import Result, ResultGrid
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.journal import checksum
from poptune.storage.store import CheckpointStore
from poptune.testing.toys import Climber
from runs import pbt

STOP = {"training_iteration": 6}


@pytest.fixture
def run_dir(fit, tmp_path):
    fit(Climber, {"speed": tune.grid_search([1.0, 2.0])}, scheduler=pbt(interval=2), stop=STOP, name="run")
    return tmp_path / "run"


def restored(path, **options):
    return tune.Tuner.restore(path, Climber, **options).fit()


VISIT = """
import os, sys
import poptune as tune
from poptune.run.results import Result, ResultGrid
from poptune.schedulers import PopulationBasedTrainingReplay
from poptune.testing.toys import Climber

run_dir = sys.argv[1]
results = ResultGrid.from_path(run_dir)
print(results, results[0].rows, results[0].schedule, results[0].best_checkpoints)
Result.from_path(results[0].path)
for name in os.listdir(run_dir):
    if "_policy_" in name:
        PopulationBasedTrainingReplay(os.path.join(run_dir, name))
assert tune.Tuner.can_restore(run_dir)
options = tune.RunConfig(stop={"training_iteration": 8}, verbose=0)
restored = tune.Tuner.restore(run_dir, Climber, resume_errored=True, run_config=options).fit()
print("done", restored.num_errors)
"""


def test_whatever_lies_in_a_run_directory_stays_inert(run_dir, tmp_path):
    marker = tmp_path / "marker"
    evil_code = f"open({str(marker)!r}, 'w').close()\n"
    evil_pickle = pickle.dumps(Trap(str(marker)))
    for folder in [path for path in run_dir.rglob("*") if path.is_dir()] + [run_dir]:
        for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "json.py", "numpy.py", "climber.pth"):
            (folder / name).write_text(evil_code)
        for name in ("tuner.pkl", "trainable.pkl", "scheduler.pickle", "objects.pickle", "state.pt", "x.joblib"):
            if not folder.name.startswith("checkpoint_"):
                (folder / name).write_bytes(evil_pickle)
    for cwd in (tmp_path, run_dir.parent):
        done = subprocess.run(
            [sys.executable, "-P", "-c", VISIT, str(run_dir)], cwd=cwd, capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines()[-1:] == ["done 0"], done.stderr
    assert not marker.exists()


class Trap:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (Path(self.marker),)


def test_a_pickle_put_into_a_checkpoint_is_not_loaded(run_dir, tmp_path):
    marker = tmp_path / "marker"
    for folder in run_dir.glob("*/checkpoint_*"):
        (folder / "objects.pickle").write_bytes(pickle.dumps(Trap(str(marker))))
    result = ResultGrid.from_path(shutil.copytree(run_dir, tmp_path / "copy"))[0]
    with pytest.raises(StorageError, match="is damaged"):
        result.checkpoint.to_dict()
    with pytest.raises(tune.errors.UsageError, match="holds pickled objects"):  # if its checksum was forged, too
        Checkpoint(result.checkpoint.directory).to_dict()
    assert not marker.exists()


def test_a_module_in_a_trials_folder_takes_no_modules_place(tmp_path):
    script = f"""
import poptune as tune

def train(config):
    import colorsys
    assert "site-packages" not in colorsys.__file__ and {str(tmp_path)!r} not in colorsys.__file__
    return {{"done": 1}}

class Planting(tune.Callback):
    def on_trial_start(self, iteration, trials, trial, **info):
        open(trial.local_path + "/colorsys.py", "w").write("raise SystemExit('owned')")

for executor in ("processes", "inline"):
    run = tune.RunConfig(storage_path={str(tmp_path)!r}, verbose=0, executor=executor, callbacks=[Planting()])
    search = tune.TuneConfig(chdir_to_trial_dir=True, num_samples=2, max_concurrent_trials=1)
    print(tune.Tuner(train, tune_config=search, run_config=run).fit().num_errors)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "0"], done.stderr


PATHS = ["../outside", "/etc", "a/../../x", "..", "C:\\x", "C:/x", "a\\..\\x", "a\x00b", "~/x", "//x"]


def forge(run_dir, kind, change):
    """Rewrite the journal's records of a kind."""
    with sqlite3.connect(run_dir / "journal.sqlite") as journal:
        for seq, trial, body in journal.execute(
            "SELECT seq, trial, body FROM events WHERE kind = ?", (kind,)
        ).fetchall():
            trial, body = change(trial, json.loads(body))
            text = json.dumps(body)
            row = trial, text, checksum(kind, trial, text), seq
            journal.execute("UPDATE events SET trial = ?, body = ?, checksum = ? WHERE seq = ?", row)
    journal.close()


FORGERIES = {
    "folder": ("TrialAdded", lambda path: lambda trial, body: (trial, {**body, "folder": path})),
    "id": ("TrialAdded", lambda path: lambda trial, body: (path, body)),
    "checkpoint": (
        "Reported",
        lambda path: lambda trial, body: (trial, {**body, "checkpoint": {**body["checkpoint"], "path": path}}),
    ),
    "deleted": ("CheckpointDeleted", lambda path: lambda trial, body: (trial, {**body, "path": path})),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", ["folder", "id", "checkpoint"])
def test_a_path_that_leads_out_is_refused(run_dir, what, path):
    kind, forgery = FORGERIES[what]
    if what == "checkpoint":
        with sqlite3.connect(run_dir / "journal.sqlite") as journal:
            journal.execute("DELETE FROM events WHERE kind = 'Reported' AND json_extract(body, '$.checkpoint') IS NULL")
        journal.close()
    forge(run_dir, kind, forgery(path))
    for visit in (ResultGrid.from_path, restored):
        with pytest.raises(StorageError, match="leads out of the run directory"):
            visit(run_dir)


def test_a_link_that_leads_out_is_not_followed(run_dir, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "poptune_dictionary.json").write_text('{"secret": 1}')
    place = next(iter(run_dir.glob("*/checkpoint_*")))
    shutil.rmtree(place)
    place.symlink_to(outside)
    with pytest.raises(StorageError, match="is a link that leads out of the run directory"):
        [result.best_checkpoints for result in ResultGrid.from_path(run_dir)]


def test_nothing_is_removed_through_a_link_or_under_another_name(tmp_path):
    outside, run_dir = tmp_path / "outside", tmp_path / "run"
    for folder in (outside / "checkpoint_000001", run_dir / "net_b" / "notes", run_dir):
        folder.mkdir(parents=True, exist_ok=True)
    (run_dir / "net_a").symlink_to(outside)
    (run_dir / "net_b" / "checkpoint_000002").symlink_to(outside)
    store = CheckpointStore(run_dir)
    for path in ("net_a/checkpoint_000001", "net_b/checkpoint_000002", "net_b/notes", "net_b"):
        store.delete(SavedCheckpoint(path, "a", Progress()))
    store.clear_orphans(["net_a", "net_b"], kept=())
    assert (outside / "checkpoint_000001").is_dir()
    assert (run_dir / "net_b" / "notes").is_dir()
    assert (run_dir / "net_b" / "checkpoint_000002").is_symlink()


def test_restoring_removes_orphans_and_nothing_that_poptune_did_not_make(run_dir):
    trial_dir = next(path for path in run_dir.iterdir() if path.is_dir() and list(path.glob("checkpoint_*")))
    store = CheckpointStore(run_dir)
    orphan = store.save(Checkpoint.from_dict({}), trial="a", folder=trial_dir.name, number=777, progress=Progress())
    known = set(run_dir.glob("*/checkpoint_*")) - {run_dir / orphan.path}
    own = [
        trial_dir / "checkpoint_000888",
        trial_dir / "checkpoint-500",
        run_dir / "checkpoint_000001",
        run_dir / "mine",
    ]
    for folder in own:
        folder.mkdir()
        (folder / "precious").touch()
    (trial_dir / "checkpoint_000999").write_text("a file")
    restored(run_dir)
    assert not (run_dir / orphan.path).exists()
    assert all((folder / "precious").exists() for folder in own)
    assert (trial_dir / "checkpoint_000999").read_text() == "a file"
    assert all(folder.is_dir() for folder in known)


def deep(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("body", [deep(100_000), '{"index": ' + deep(100_000) + "}", "", "null", "[]", '{"x": 1}'])
def test_a_record_that_is_too_deep_or_no_record_is_refused(run_dir, body):
    with sqlite3.connect(run_dir / "journal.sqlite") as journal:
        journal.create_function("checksum", -1, checksum)
        journal.execute(
            "UPDATE events SET body = ?1, checksum = checksum(kind, trial, ?1) WHERE kind = 'Ready'", (body,)
        )
    journal.close()
    with pytest.raises(StorageError, match="cannot be read"):
        ResultGrid.from_path(run_dir)


def test_facts_that_are_too_deep_are_refused(run_dir):
    with sqlite3.connect(run_dir / "journal.sqlite") as journal:
        row = deep(100_000), checksum("settings", deep(100_000))
        journal.execute("UPDATE about SET value = ?, checksum = ? WHERE key = 'settings'", row)
    journal.close()
    with pytest.raises(StorageError, match="damaged"):
        ResultGrid.from_path(run_dir)


@pytest.mark.parametrize("content", [deep(100_000), "", "null", "[1]", '{"a": {"$": "array", "name": "a9"}}', "\x00"])
def test_a_dictionary_that_is_too_deep_or_none_is_refused(tmp_path, content):
    Checkpoint.from_dict({"a": 1}).to_directory(tmp_path)
    (tmp_path / "poptune_dictionary.json").write_text(content)
    with pytest.raises(StorageError, match="is damaged"):
        Checkpoint(tmp_path).to_dict()


def test_arrays_whose_header_lies_are_refused(tmp_path):
    import numpy as np

    Checkpoint.from_dict({"a": np.ones(3)}).to_directory(tmp_path)
    for header in (b"\xff" * 8, (10**12).to_bytes(8, "little") + b"{}", b""):
        (tmp_path / "arrays.safetensors").write_bytes(header)
        with pytest.raises(StorageError, match=r"arrays\.safetensors is damaged"):
            Checkpoint(tmp_path).to_dict()


def test_a_run_belongs_to_its_user_alone(run_dir):
    assert oct(run_dir.stat().st_mode & 0o777) == "0o700"
    assert oct((run_dir / "lock").stat().st_mode & 0o777) == "0o600"
    for folder in run_dir.glob("*/checkpoint_*"):
        assert oct(folder.stat().st_mode & 0o777) == "0o700"
    Result.from_path(next(path for path in run_dir.iterdir() if path.is_dir()))
    assert os.listdir(run_dir.parent) == ["run"]

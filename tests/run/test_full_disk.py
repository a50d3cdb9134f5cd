"""A run on a disk that fills up waits, and goes on when there is space again, with nothing lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import random, sys
from pathlib import Path
import poptune as tune
from poptune.run.results import ResultGrid

disk, what = Path(sys.argv[1]), sys.argv[2]
ballast = disk / "ballast"
ballast.write_bytes(bytes(1_400_000))

class Person:
    '''Makes room when told to.'''
    def __init__(self):
        self.told = []
    def write(self, text):
        self.told.append(text)
        if "waits until there is space" in text:
            ballast.unlink()
    def flush(self):
        pass

def train(config):
    for step in range(20):
        if what == "checkpoints":
            tune.report({"step": step}, checkpoint=tune.Checkpoint.from_dict({"step": step, "text": "x" * 40_000}))
        else:
            tune.report({"step": step, "text": "x" * 10_000})

class Train(tune.Trainable):
    def step(self):
        random.random()  # so that states of generators are saved, too
        return {"step": self.training_iteration}
    def save_checkpoint(self, checkpoint_dir):
        if what == "files of torch":
            torch.save(torch.zeros(10_000), Path(checkpoint_dir, "weights"))
        else:
            Path(checkpoint_dir, "weights").write_bytes(bytes(40_000))

options = {}
if what == "files of torch":
    import torch
if what.startswith("files of"):
    train = Train
    options["checkpoint_config"] = tune.CheckpointConfig(checkpoint_frequency=1)
person = sys.stderr = Person()
config = tune.RunConfig(
    name="run", storage_path=disk, executor="inline", verbose=0, stop={"training_iteration": 20}, **options
)
results = tune.Tuner(train, run_config=config).fit()
sys.stderr = sys.__stderr__
(result,) = ResultGrid.from_path(disk / "run")
print("told", sum("waits until" in text for text in person.told), sum("goes on" in text for text in person.told))
print("steps", [row["step"] for row in result.rows] == list(range(20)), len(results.errors))
print("checkpoints", len(result.best_checkpoints))
"""


def alone_with_its_mounts(*command):
    """Run a command that sees, besides all others, mounts of its own."""
    try:
        done = subprocess.run(["unshare", "-m", *command], capture_output=True, text=True, check=False, timeout=50)
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("only root may mount a small disk")
    return done


@pytest.mark.parametrize(
    ("what", "checkpoints"), [("checkpoints", 20), ("journal", 0), ("files of an object", 20), ("files of torch", 20)]
)
def test_a_full_disk_is_waited_for_and_nothing_is_lost(tmp_path, what, checkpoints):
    disk, script = tmp_path / "disk", tmp_path / "script.py"
    disk.mkdir()
    script.write_text(SCRIPT)
    mounted = 'mount -t tmpfs -o size=1600k tmpfs "$1" || exit 77; exec "$2" "$3" "$1" "$4"'
    done = alone_with_its_mounts("sh", "-c", mounted, "sh", str(disk), sys.executable, str(script), what)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["told 1 1", "steps True 0", f"checkpoints {checkpoints}"]


# The folder of the trial is a disk of its own, which fills up: the journal is not concerned.
FILES_SCRIPT = """
import json, subprocess, sys, time
from pathlib import Path
import pandas
import poptune as tune

class Person:
    '''Makes room when told to.'''
    told = []
    def write(self, text):
        self.told.append(text)
        if "until there is space" in text:
            subprocess.run(["mount", "-o", "remount,size=100m", folder[0]], check=True)
    def flush(self):
        pass

folder = []

def train(config):
    folder.append(tune.get_context().get_trial_dir())
    begun = {file: file.read_bytes() for file in Path(folder[0]).iterdir()}  # on a slow machine
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder[0]]).returncode:
        sys.exit(77)
    for file, contents in begun.items():
        file.write_bytes(contents)
    began, step, after = time.monotonic(), 0, 0
    while after < 5 and time.monotonic() < began + 20:
        step += 1
        after += bool(person.told)
        tune.report({"step": step, "text": "x" * 2000} | ({"late": step} if after else {}))
        time.sleep(0.01)

person = sys.stderr = Person()
config = tune.RunConfig(name="run", storage_path=sys.argv[1], executor="inline", verbose=0, tensorboard=True)
(result,) = tune.Tuner(train, run_config=config).fit()
sys.stderr = sys.__stderr__
if result.error:
    sys.exit(77 if "SystemExit: 77" in str(result.error) else str(result.error))
steps = [row["step"] for row in result.rows if "step" in row]
lines = [json.loads(line) for line in Path(result.path, "result.json").read_text().splitlines()]
table = pandas.read_csv(Path(result.path, "progress.csv"))
print([line["step"] for line in lines if "step" in line] == steps, list(table["step"].dropna()) == steps)
print(table["late"].count(), Path(result.path, "events.out.tfevents.poptune").read_bytes().count(b"late"))
print("".join(person.told), end="")
"""


def test_files_that_fell_behind_on_a_full_disk_are_completed_when_there_is_space(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(FILES_SCRIPT)
    done = alone_with_its_mounts(sys.executable, str(script), str(tmp_path))
    assert done.stderr == ""
    complete, late, *told = done.stdout.splitlines()
    assert complete == "True True"
    assert late == "5 5"
    assert 1 <= len(told) <= 2
    for line in told:
        assert "No space left on device. " in line
        assert line.endswith(" of this run are behind its journal until there is space, or the run is restored.")

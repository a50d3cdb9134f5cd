"""A run on a disk that fills up waits, and goes on when there is space again, with nothing lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
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

person = sys.stderr = Person()
config = tune.RunConfig(name="run", storage_path=disk, executor="inline", verbose=0)
results = tune.Tuner(train, run_config=config).fit()
sys.stderr = sys.__stderr__
(result,) = ResultGrid.from_path(disk / "run")
print("told", sum("waits until" in text for text in person.told), sum("goes on" in text for text in person.told))
print("steps", [row["step"] for row in result.rows] == list(range(20)), len(results.errors))
print("checkpoints", len(result.best_checkpoints))
"""


def on_a_small_disk(tmp_path, what):
    (tmp_path / "disk").mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    mounted = 'mount -t tmpfs -o size=1600k tmpfs "$1" || exit 77; exec "$2" "$3" "$1" "$4"'
    command = ["unshare", "-m", "sh", "-c", mounted, "sh", str(tmp_path / "disk"), sys.executable]
    try:
        return subprocess.run(
            [*command, str(tmp_path / "script.py"), what], capture_output=True, text=True, check=False, timeout=50
        )
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")


@pytest.mark.parametrize(("what", "checkpoints"), [("checkpoints", 20), ("journal", 0)])
def test_a_full_disk_is_waited_for_and_nothing_is_lost(tmp_path, what, checkpoints):
    done = on_a_small_disk(tmp_path, what)
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("only root may mount a small disk")
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["told 1 1", "steps True 0", f"checkpoints {checkpoints}"]

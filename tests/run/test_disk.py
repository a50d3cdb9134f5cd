"""What lies on the disk while a population exchanges checkpoints."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import Reported
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from runs import events, pbt, wait_for

ROUNDS = 50
KEEP = 1
IN_FLIGHT = 1  # of each trial, what a clone may still start from


def climb(config):
    height = 0.0
    if checkpoint := tune.get_checkpoint():
        height = checkpoint.to_dict()["height"]
    while True:
        height += config["speed"]
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))


class Folders(tune.Callback):
    """Counts checkpoint folders, at every step of the run and at its end."""

    def __init__(self, run_dir):
        self.run_dir = run_dir
        self.counts = []

    def count(self):
        self.counts.append(len(list(self.run_dir.glob("*/checkpoint_*"))))

    def on_step_end(self, iteration, trials, **info):
        self.count()

    def on_experiment_end(self, trials, **info):
        self.count()


@pytest.mark.parametrize("synch", [True, False])
@pytest.mark.parametrize(
    ("trials", "executor"),
    [*((trials, InlineExecutor) for trials in range(2, 9)), (4, lambda: ProcessExecutor(2))],
    ids=[*map(str, range(2, 9)), "4 in two workers"],
)
def test_fifty_rounds_with_one_checkpoint_to_keep_lose_none_that_is_needed_and_fill_no_disk(
    fit, tmp_path, trials, executor, synch
):
    folders = Folders(tmp_path / "run")
    results = fit(
        climb,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=trials,
        scheduler=pbt(interval=1, synch=synch, quantile_fraction=0.5),
        stop={"training_iteration": ROUNDS},
        checkpoint_config=tune.CheckpointConfig(num_to_keep=KEEP),
        callbacks=[folders],
        executor=executor(),
        name="run",
    )
    assert results.errors == []
    assert len(results.exploits) >= (ROUNDS - 1 if synch else 1)
    assert [result.metrics["training_iteration"] for result in results] == [ROUNDS] * trials
    for result in results:
        assert result.checkpoint.to_dict() == {"height": result.metrics["height"]}
    assert len(folders.counts) > ROUNDS
    assert max(folders.counts) <= trials * (KEEP + IN_FLIGHT)
    assert folders.counts[-1] >= trials * KEEP


def by_files(config):
    """Saves one file, whose name has the step in it."""
    step = 0
    if checkpoint := tune.get_checkpoint():
        with checkpoint.as_directory() as folder:
            (file,) = Path(folder).iterdir()
            step = int(file.stem.removeprefix("step_"))
            assert file.read_text() == f"weights of step {step}"
    while True:
        step += 1
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, f"step_{step}.txt").write_text(f"weights of step {step}")
            tune.report({"height": step * config["speed"], "step": step}, checkpoint=tune.Checkpoint(folder))


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("synch", [True, False])
def test_a_checkpoint_folder_holds_the_files_of_one_report_also_of_trials_that_became_clones(fit, synch, executor):
    results = fit(
        by_files,
        {"speed": tune.grid_search([3.0, 2.0, 1.0])},
        scheduler=pbt(interval=3, synch=synch),
        stop={"training_iteration": 12},
        executor=executor,
    )
    assert results.errors == []
    assert results.exploits
    reports = events(results, Reported)
    assert len({report.checkpoint.path for report in reports}) == len(reports)
    for report in reports:
        folder = Path(results.experiment_path, report.checkpoint.path)
        step = report.metrics["training_iteration"]
        assert {file.name: file.read_text() for file in folder.iterdir()} == {
            f"step_{step}.txt": f"weights of step {step}"
        }


class InterruptedAtOnce(tune.Callback):
    """Ends the run at its first result, as Ctrl-C does, and lets the trials know."""

    def __init__(self, sign):
        self.sign = sign

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.sign.touch()
        raise KeyboardInterrupt


def test_what_trials_save_when_the_run_has_ended_already_is_not_left_behind(fit, tmp_path):
    sign = tmp_path / "the run ends"

    def save_twice(config):
        for height in (1.0, 2.0):
            tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height}))
            wait_for(sign.exists, "the end")

    with pytest.raises(KeyboardInterrupt):
        fit(save_twice, {}, name="run", executor=ProcessExecutor(1), callbacks=[InterruptedAtOnce(sign)])
    results = tune.ResultGrid.from_path(tmp_path / "run")
    known = {record.checkpoint.path for record in events(results, Reported)}
    assert known == {str(place.relative_to(tmp_path / "run")) for place in (tmp_path / "run").glob("*/checkpoint_*")}

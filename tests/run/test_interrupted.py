"""What happens when a run is interrupted, and what a person is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import poptune as tune
from interrupting import Interrupted, climb, go_on
from poptune.compat.tune import Tuner as OlderTuner
from poptune.faults import VARIABLE
from poptune.run.results import ResultGrid
from poptune.storage.journal import DRAFT_NAME
from poptune.storage.lock import FILE_NAME as LOCK_NAME

SCRIPT = """
import sys
import poptune as tune
from poptune.schedulers import PopulationBasedTraining

def clip(config):
    return {**config, "speed": min(config["speed"], 5.0)}

def enough(trial, result):
    return result["training_iteration"] >= 12

def climb(config):
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state))

class Cut(tune.Callback):
    left = 20
    def on_trial_result(self, iteration, trials, trial, result, **info):
        Cut.left -= 1
        if Cut.left < 0:
            raise KeyboardInterrupt

speed = tune.uniform(0, 10)
if sys.argv[2] == "begin":
    scheduler = PopulationBasedTraining("training_iteration", perturbation_interval=2, quantile_fraction=0.5,
                                        synch=True, hyperparam_mutations={"speed": speed}, custom_explore_fn=clip)
    tune.Tuner(
        climb,
        param_space={"speed": speed},
        tune_config=tune.TuneConfig(num_samples=4, seed=1, metric="height", mode="max", scheduler=scheduler),
        run_config=tune.RunConfig("hill", sys.argv[1], enough, executor="inline", verbose=0, callbacks=[Cut()]),
    ).fit()
results = tune.Tuner.restore(sys.argv[1] + "/hill", climb, run_config=tune.RunConfig(callbacks=[])).fit()
print([len(result.rows) for result in results], all(e.config["speed"] <= 5 for e in results.exploits))
"""


def test_the_last_line_says_how_to_go_on_and_a_script_that_restores_finds_its_own_functions(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(what):
        return subprocess.run(
            [sys.executable, str(script), str(tmp_path), what], capture_output=True, text=True, check=False
        )

    begun = run("begin")
    assert begun.returncode == -signal.SIGINT
    again = f"Interrupted. Everything reported is kept; this goes on: Tuner.restore('{tmp_path}/hill', climb).fit()"
    assert again in begun.stderr
    assert "runner.py" not in begun.stderr
    restored = run("restore")
    assert restored.stderr == ""
    assert restored.stdout == "[12, 12, 12, 12] True\n"


def test_in_the_older_interface_the_results_so_far_are_returned(tmp_path):
    run_config = tune.RunConfig("hill", tmp_path, executor="inline", verbose=0, callbacks=[Interrupted(5)])
    results = OlderTuner(climb, param_space={"speed": 1.0}, run_config=run_config).fit()
    assert isinstance(results, ResultGrid)
    assert len(results[0].rows) >= 5


def test_a_name_that_is_taken_is_said(fit, capsys):
    for _ in range(2):
        fit(climb, {"speed": 1.0}, name="hill", stop={"step": 1})
    assert capsys.readouterr().err.startswith("A run 'hill' is there already: this one is 'hill_2', in /")


@pytest.mark.parametrize("left", [[LOCK_NAME], [LOCK_NAME, DRAFT_NAME]])
def test_a_run_that_was_killed_before_it_had_a_journal_begins_in_the_same_place(fit, tmp_path, left):
    (tmp_path / "hill").mkdir()
    for name in left:
        (tmp_path / "hill" / name).touch()
    assert not tune.Tuner.can_restore(tmp_path / "hill")
    results = fit(climb, {"speed": 1.0}, name="hill", stop={"step": 1})
    assert results.experiment_path == str(tmp_path / "hill")


def test_a_directory_of_somebody_elses_is_left_alone(fit, tmp_path):
    (tmp_path / "hill").mkdir()
    (tmp_path / "hill" / "notes").touch()
    results = fit(climb, {"speed": 1.0}, name="hill", stop={"step": 1})
    assert results.experiment_path == str(tmp_path / "hill_2")


LEFT_BEHIND = """
import signal, sys, threading
import poptune as tune

go, gone, began = threading.Event(), threading.Event(), threading.Event()

def train(config):
    if not config["is_first"]:
        go.set()
        gone.wait()
        tune.report({"is_first": False})
        return
    began.set()
    while not go.wait(0.1):  # does not come back when it is asked to
        pass
    try:
        tune.report({"is_first": True})
    finally:
        gone.set()

def fit(is_first):
    run_config = tune.RunConfig(storage_path=sys.argv[1], executor="inline", verbose=0)
    return tune.Tuner(train, param_space={"is_first": is_first}, run_config=run_config).fit()

def interrupt():
    began.wait()
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    fit(True)
except KeyboardInterrupt:
    print([row["is_first"] for row in fit(False)[0].rows])
"""


def test_a_thread_that_was_left_behind_reports_into_no_later_run(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "[False]\n", ran.stderr
    assert "was left behind" in ran.stderr


def test_a_second_restore_of_a_whole_run_changes_nothing(interrupt):
    path = interrupt("hurt", 9)
    rows = [result.rows for result in go_on(path)]
    assert [result.rows for result in go_on(path)] == rows


ADDS_A_COLUMN = """
import sys
from pathlib import Path
from poptune.run.files import Table

table = Table(Path(sys.argv[1]))
table.write(0, [{"height": 1}])
table.write(0, [{"height": 2, "late": 3}])
"""


def test_a_table_that_was_half_written_anew_when_the_process_was_killed_leaves_no_draft(interrupt):
    path = interrupt("hill", after=20)
    table = next(path.glob("*/progress.csv"))
    before = sorted(table.parent.iterdir())
    script = [sys.executable, "-c", ADDS_A_COLUMN, str(table)]
    done = subprocess.run(script, env={**os.environ, VARIABLE: "file_drafted:1"}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert sorted(table.parent.iterdir()) != before
    go_on(path)
    assert not list(path.rglob(".*.draft"))

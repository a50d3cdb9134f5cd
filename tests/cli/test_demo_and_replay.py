"""`poptune demo` and `poptune replay`."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

import poptune
from command import json_of, run
from poptune.cli import commands
from poptune.demo import Figures, comparison
from poptune.testing.toys import Climber
from runs import pbt


def test_version():
    assert run("--version").output == f"poptune, version {poptune.__version__}\n"


def test_help_lists_the_commands_and_the_demo_shows_an_example():
    assert "demo" in run("--help").output
    assert "poptune demo --trials 8 --iterations 100" in run("demo", "-h").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--trials", "1"], "--trials"),
        (["demo", "--executor", "inlin"], "inlin"),
        (["demo", "--seed", "x"], "--seed"),
        (["dmo"], "dmo"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_mistake_is_one_message_without_a_traceback(tmp_path):
    pytest.importorskip("sklearn")
    (tmp_path / "file").touch()
    result = run("demo", "--storage", str(tmp_path / "file" / "runs"), "--executor", "inline")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Cannot make the directory of the run in ")
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_small_demo_from_beginning_to_end(tmp_path):
    pytest.importorskip("sklearn")
    result = run(*("demo", "--trials", "2", "--iterations", "6", "--executor", "inline", "--storage", str(tmp_path)))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert sum(line.startswith("Exploit: ") for line in lines) == 5  # one loser in each round but the last
    assert "iterations  lr" in result.output
    table = [line for line in lines if line.startswith(("winner", "PBT  ", "random search  "))]
    assert [line.split()[-3:] for line in table[:1]] == [["accuracy", "test", "accuracy"]]
    assert len(table) == 3
    assert all(line.split()[-6:][0] == "6" for line in table[1:])
    assert lines[-1] == f"What happened, as a page to open: {tmp_path / 'demo_pbt' / 'report.html'}"
    assert (tmp_path / "demo_pbt" / "report.html").is_file()
    for name in ("demo_pbt", "demo_random_search"):
        assert str(tmp_path / name) in result.output
        assert (tmp_path / name).is_dir()


def test_the_comparison_shows_a_lost_one_like_a_won_one():
    better, worse = Figures(100, 0.1, 0.99, 0.98), Figures(100, float("nan"), 0.1, 0.09)
    lines = comparison({"PBT": worse, "random search": better}, 597).splitlines()
    assert lines[1].split() == ["PBT", "100", "nan", "10.0", "%", "9.0", "%"]
    assert lines[2].split() == ["random", "search", "100", "0.100", "99.0", "%", "98.0", "%"]


def test_python_dash_m_is_the_command():
    ran = subprocess.run([sys.executable, "-m", "poptune", "--version"], capture_output=True, text=True, check=False)
    assert ran.stdout == f"poptune, version {poptune.__version__}\n"


def test_every_option_of_the_demo_has_a_help_text():
    assert all(option.help for option in commands.commands["demo"].params if isinstance(option, click.Option))


# The schedule of a run


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """Return the results of a run of three climbers with two rounds of exploits."""
    tuner = poptune.Tuner(
        Climber,
        param_space={"speed": poptune.grid_search([1.0, 2.0, 3.0])},
        tune_config=poptune.TuneConfig(scheduler=pbt(), seed=0),
        run_config=poptune.RunConfig(
            stop={"training_iteration": 6}, storage_path=tmp_path_factory.mktemp("runs"), executor="inline", verbose=0
        ),
    )
    return tuner.fit()


def test_replay_prints_the_schedule_of_the_best_trial_or_of_a_named_one(climbed):
    best = climbed.get_best_result()
    assert run("replay", climbed.experiment_path).output == f"{best.schedule}\n"
    assert run("replay", climbed.experiment_path, "--trial", "best").output == f"{best.schedule}\n"
    for result in climbed:
        assert run("replay", climbed.experiment_path, "--trial", result.trial_id).output == f"{result.schedule}\n"


def test_replay_writes_a_schedule_that_can_be_read_again(climbed, tmp_path):
    best = climbed.get_best_result()
    ran = run("replay", climbed.experiment_path, "-o", str(tmp_path / "schedule.csv"))
    assert ran.output == f"Wrote the schedule of trial {best.trial_id} to {tmp_path / 'schedule.csv'}.\n"
    assert poptune.Schedule.from_csv(tmp_path / "schedule.csv") == best.schedule


def test_replay_says_in_one_message_what_is_wrong(climbed, tmp_path):
    path, (first, *_) = climbed.experiment_path, [result.trial_id for result in climbed]
    for arguments, code, message in [
        ([str(tmp_path / "nowhere")], 2, "does not exist"),
        ([path, "--trial", f"{first}0"], 2, f"Did you mean '{first}'?"),
        ([path, "-o", str(tmp_path / "no" / "folder.csv")], 1, "Cannot write"),
        ([path, "-o", ""], 2, "The name of the file is empty."),
    ]:
        ran = run("replay", *arguments)
        assert ran.exit_code == code
        assert "Error: " in ran.stderr
        assert message in ran.stderr
        assert "Traceback" not in ran.output


def test_replay_gives_programs_the_schedule_with_secrets_masked(fit):
    results = fit(Climber, {"speed": 2.0, "api_key": "k-123"}, stop={"training_iteration": 3})
    (result,) = results
    assert json_of("replay", results.experiment_path) == {
        "trial_id": result.trial_id,
        "schedule": [
            {
                "first_iteration": 1,
                "last_iteration": 3,
                "trial_id": result.trial_id,
                "donor": None,
                "config": {"speed": 2.0, "api_key": "***"},
            }
        ],
    }

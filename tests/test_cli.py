"""The `poptune` command."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import poptune
from poptune.cli import commands
from poptune.demo import Figures, comparison


def run(*arguments):
    return CliRunner().invoke(commands, list(arguments), prog_name="poptune")


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

"""What all commands share: help, exit codes, completion."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

import edge_runs
from command import run
from poptune.cli import commands
from poptune.storage.journal import FILE_NAME, Journal


@pytest.mark.parametrize("name", [name for name in commands.commands if name != "ray-script"])
def test_every_command_has_help_with_an_example(name):
    ran = run(name, "--help")
    assert ran.exit_code == 0
    assert f"poptune {name}" in ran.output.partition("Example:")[2]


def test_the_exit_codes_are_in_the_help():
    assert "Exit codes: 0 all went well; 1 something failed; 2 wrong use" in run("--help").output


def test_help_imports_nothing_heavy():
    heavy = ("torch", "numpy", "rich", "sqlite3", "pandas", "matplotlib", "poptune.storage", "poptune.run")
    code = (
        "import sys; from click.testing import CliRunner; from poptune.cli import commands;"
        "CliRunner().invoke(commands, ['--help']);"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Return the directory of a run."""
    return edge_runs.two_trials(tmp_path_factory.mktemp("good"))


def newer(good, folder):
    path = shutil.copytree(good, folder / "newer")
    with Journal.resume(path) as journal:
        journal.note("format", 99)
    return path


def damaged(good, folder):
    path = shutil.copytree(good, folder / "damaged")
    content = (path / FILE_NAME).read_bytes()
    (path / FILE_NAME).write_bytes(content[: len(content) // 3])
    return path


def another_file(good, folder):
    (folder / FILE_NAME).write_text("no database " * 100)
    return folder


def empty(good, folder):
    return folder


def nowhere(good, folder):
    return folder / "nowhere"


def a_file(good, folder):
    (folder / "file").touch()
    return folder / "file"


def a_trial(good, folder):
    return next(path for path in good.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", ["show", "report", "replay"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "is not the directory of a PopTune run"),
        (nowhere, "does not exist"),
        (a_file, "is not a directory"),
        (a_trial, "lies in the directory of a run, but is not one"),
        (newer, "was written by a newer version of PopTune"),
        (damaged, "is damaged"),
        (another_file, "it is damaged (file is not a database)"),
    ],
)
def test_what_is_no_readable_run_is_told_in_one_line_with_exit_code_2(name, make, message, good, tmp_path):
    path = make(good, tmp_path)
    ran = run(name, path)
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("Error: ")
    assert ran.stderr.count("\n") == 1
    assert message in ran.stderr


@pytest.mark.parametrize("arguments", [("show",), ("shw", "x"), ("show", "x", "--evnts", "3"), ("ls", "--jsn")])
def test_wrong_use_exits_with_2(arguments):
    assert run(*arguments).exit_code == 2


def completions(arguments, incomplete):
    complete = BashComplete(commands, {}, "poptune", "_POPTUNE_COMPLETE")
    return [item.value for item in complete.get_completions(arguments, incomplete)]


def test_shells_complete_commands_runs_and_trials(good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert completions([], "sh") == ["show"]
    assert completions(["show"], "popt") == ["popt"]  # no runs: the shell looks for directories
    shutil.copytree(good, tmp_path / "poptune_results" / "one")
    assert completions(["show"], "popt") == ["poptune_results/one"]
    with Journal.open(good) as journal:
        trials = sorted({record.trial for record in journal.records()})
    assert completions(["replay", str(good), "--trial"], "") == ["best", *trials]
    assert completions(["replay", str(good), "--trial"], trials[1]) == [trials[1]]
    assert completions(["replay", str(tmp_path), "--trial"], "") == ["best"]


def test_report_writes_a_page_beside_the_run_or_where_it_is_told(good, tmp_path):
    ran = run("report", good)
    assert (ran.exit_code, ran.stdout) == (0, f"Wrote the report to {good / 'report.html'}.\n")
    assert "<html" in (good / "report.html").read_text(encoding="utf-8")
    assert run("report", good, "-o", tmp_path / "page.html").exit_code == 0
    assert (tmp_path / "page.html").is_file()
    ran = run("report", good, "-o", tmp_path / "no" / "page.html")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"Error: Cannot write the report {tmp_path / 'no' / 'page.html'}: ")
    ran = run("report", good, "-o", "")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.endswith("The name of the file is empty.\n")


def test_the_page_tells_of_every_command_and_of_no_other():
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `poptune ([\w-]+)", page, re.MULTILINE) == list(commands.commands)
    for name, rest in re.findall(r"`poptune ([a-z][\w-]*)([^`]*)`", page):
        known = {option for parameter in commands.commands[name].params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<=[\s\[])--?\w+", rest)) <= known

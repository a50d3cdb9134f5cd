"""`poptune ls`."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

import edge_runs
from command import json_of, run
from poptune.run.listing import listed
from poptune.storage.journal import FILE_NAME


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a directory with a finished run, a crashed one, one with a failed trial, and a damaged one."""
    folder = tmp_path_factory.mktemp("runs")
    edge_runs.two_trials(folder)
    edge_runs.crashed(folder)
    edge_runs.failing(folder / "more")
    shutil.copytree(folder / "two_trials", folder / "damaged")
    (folder / "damaged" / FILE_NAME).write_text("no database " * 100)
    return folder


def test_each_run_is_a_line_with_its_state(folder):
    ran = run("ls", folder)
    assert ran.exit_code == 0
    title, *lines = ran.stdout.splitlines()
    assert title.split() == ["run", "state", "begun", "trials", "iterations", "best", "scheduler"]
    assert [line.split()[:2] for line in lines[:4]] == [
        ["crashed", "interrupted"],
        ["damaged", "unreadable"],
        ["more/failing", "finished,"],
        ["two_trials", "finished"],
    ]
    assert "finished, 1 failed" in lines[2]
    best = listed(folder / "two_trials").best
    assert lines[3].endswith(f"      2          30  score {best:.4g}  PopulationBasedTraining")
    assert lines[4].startswith("damaged: Cannot read the journal")
    assert len(lines) == 5


def test_a_terminal_is_told_which_columns_it_has_no_room_for(folder):
    reading, writing = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-m", "poptune", "ls", str(folder)], stdout=writing, env=environment, check=True)
    os.close(writing)
    shown = re.sub(r"\x1b\[\d*m", "", os.read(reading, 10_000).decode())
    os.close(reading)
    assert shown.split("\r\n")[0].split() == ["run", "state", "begun", "trials", "iterations"]
    assert "\r\nNot shown for lack of room: best, scheduler\r\n" in shown


def test_programs_get_json(folder):
    found = json_of("ls", folder)
    assert [run["name"] for run in found] == ["crashed", "damaged", "failing", "two_trials"]
    assert found[1]["state"] == "unreadable"
    assert found[1]["began"] is None
    assert "it is damaged" in found[1]["problem"]
    assert found[3] | {"began": ""} == {
        "name": "two_trials",
        "directory": str(folder / "two_trials"),
        "state": "finished",
        "began": "",
        "trials": 2,
        "failed": 0,
        "iterations": 30,
        "scheduler": "PopulationBasedTraining",
        "metric": "score",
        "mode": "max",
        "best": listed(folder / "two_trials").best,
        "problem": "",
    }


def test_by_default_it_looks_where_runs_are_written(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = run("ls")
    assert (ran.exit_code, ran.stdout) == (0, "There are no runs below poptune_results. To make one: poptune demo\n")
    assert json_of("ls") == []
    (tmp_path / "poptune_results").symlink_to(folder)
    assert "two_trials" in run("ls").stdout


def test_the_directory_of_a_run_is_listed_by_its_name(folder):
    assert run("ls", folder / "two_trials").stdout.splitlines()[1].startswith("two_trials  finished")


def test_what_is_not_there_is_wrong_use(tmp_path):
    ran = run("ls", tmp_path / "nowhere")
    assert (ran.exit_code, ran.stderr) == (2, f"Error: {tmp_path / 'nowhere'} is not a directory.\n")


def test_names_do_nothing_to_a_terminal(tmp_path):
    edge_runs.hostile(tmp_path)
    (tmp_path / "hostile").rename(tmp_path / "bad\x1b[2Jname")
    assert "bad\\x1b[2Jname" in run("ls", tmp_path).stdout

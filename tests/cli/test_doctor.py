"""`poptune doctor`."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import poptune
from command import json_of, run
from poptune.cli.checkup import Checkup
from poptune.executors.machine import Machine


def test_it_says_what_is_there_and_leaves_nothing(tmp_path):
    facts = json_of("doctor", "--storage", tmp_path / "runs")
    assert facts["poptune"] == poptune.__version__
    assert facts["cpus"] == Machine.found().cpus
    assert facts["free_bytes"] > 0
    assert facts["run_s"] > 0
    assert facts["frameworks"]["numpy"] == metadata.version("numpy")
    assert facts["extras"]["demo"] == []
    assert facts["problems"] == []
    assert list(tmp_path.iterdir()) == []


def test_it_says_how_to_get_what_is_missing_and_what_is_wrong():
    found = Checkup(
        poptune="1.0",
        python="3.11",
        executable="/bin/python",
        platform="Linux",
        frameworks={"numpy": "2.0"},
        cpus=2,
        gpus=("0", "1"),
        start_method="fresh",
        storage="/runs",
        free_bytes=int(12.34e9),
        run_s=None,
        extras={"plots": ("matplotlib",), "demo": ()},
        problems=("It failed.",),
    )
    assert found.lines == [
        "poptune     1.0, Python 3.11 (/bin/python)",
        "system      Linux",
        "frameworks  numpy 2.0",
        "cores       2",
        "GPUs        2 (0, 1)",
        "workers     fresh",
        "disk        12.3 GB free in /runs",
        "small run   failed",
        "extras      demo",
        'Without the extra plots (matplotlib): pip install "poptune[plots]"',
        "Problem: It failed.",
    ]


def test_a_dependency_that_is_missing_is_named_with_the_command_that_installs_it():
    code = "import sys; sys.modules['cloudpickle'] = None; from poptune.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, "doctor"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == (
        "Error: PopTune needs cloudpickle, which is not installed. Run: pip install --upgrade poptune\n"
    )


def test_a_place_where_no_run_works_is_a_problem():
    ran = run("doctor", "--storage", "/proc/runs")  # a directory that takes no files, whoever asks
    assert ran.exit_code == 1
    assert "small run   failed\n" in ran.stdout
    assert "\nProblem: Cannot write in /proc: " in ran.stdout

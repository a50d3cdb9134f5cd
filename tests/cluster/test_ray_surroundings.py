"""A worker in a Ray actor is as its driver is, and training meets there what it meets elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from poptune.executors.ray import RayExecutor
from runs import PATIENCE_S

SCRIPT = """
import poptune as tune

def train(config):
    from options import speed
    return {"told": speed}

for result in tune.Tuner(train, run_config=tune.RunConfig(storage_path="runs", verbose=0, executor="ray")).fit():
    print(result.error or result.metrics["told"])
"""


def test_a_script_has_its_arguments_and_its_own_modules_there(tmp_path):
    folder = tmp_path / "folder of the script"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    (folder / "options.py").write_text("import sys\nspeed = float(sys.argv[1])\n")
    (tmp_path / "options.py").write_text("raise RuntimeError('of the working directory')\n")
    ran = subprocess.run(
        [sys.executable, folder / "script.py", "7"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "7.0", ran.stderr


@pytest.mark.usefixtures("local_ray")
def test_what_training_starts_there_can_be_interrupted(fit):
    def train(config):
        program = subprocess.Popen(["sleep", "100"])
        program.send_signal(signal.SIGINT)
        return {"code": program.wait(PATIENCE_S)}

    (result,) = fit(train, {}, executor="ray")
    assert result.metrics["code"] == -signal.SIGINT


@pytest.mark.usefixtures("local_ray")
def test_an_interrupt_of_its_process_is_left_to_the_driver_there(fit):
    def train(config):
        os.kill(os.getpid(), signal.SIGINT)
        return {"told": 1}

    results = fit(train, {}, executor=RayExecutor(1), num_samples=3)
    assert [result.metrics["told"] for result in results] == [1, 1, 1]
    assert len({result.metrics["pid"] for result in results}) == 1


@pytest.mark.usefixtures("local_ray")
def test_standard_output_there_takes_what_it_takes_elsewhere(fit, capsys):
    def train(config):
        sys.stdout.reconfigure(line_buffering=True)
        greeting = "grüß dich\n".encode()
        for half in (greeting[:3], greeting[3:]):
            sys.stdout.buffer.write(half)
        print("a file named \udce4")

    fit(train, {}, executor="ray")
    assert "grüß dich\na file named \\udce4\n" in capsys.readouterr().out


@pytest.mark.usefixtures("local_ray")
def test_a_process_that_training_ends_itself_may_have_been_ended_so(fit):
    (result,) = fit(lambda config: os._exit(0), {}, executor="ray")
    assert "or by os._exit" in str(result.error)

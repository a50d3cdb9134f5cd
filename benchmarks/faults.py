"""The same faults under Ray Tune and on PopTune, with one unchanged script: for docs/reliability.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SCRIPT = HERE / "scripts" / "faults.py"
LIMIT_S = 240  # who has not ended by then hangs: without a fault it takes a quarter of that


def run(command, fault, storage, *more):
    """Return what the script said: how it ended, or that it had to be ended."""
    arguments = [*command, str(SCRIPT), fault, storage, *more]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return {"hangs": True}
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    told = [line for line in errors.splitlines() if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return {"code": process.returncode, "error": told[-1][:300] if told else ""}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ray", help="a Python that has Ray Tune")
    parser.add_argument("--first", type=int, help="only so many of the faults before the kill")
    chosen = parser.parse_args()
    systems = {"PopTune": [sys.executable, "-m", "poptune", "ray-script"]}
    if chosen.ray:
        systems["Ray Tune"] = [chosen.ray]
    for system, command in systems.items():
        calm = []
        for fault, more in [("none", []), ("error", []), ("return", []), ("keep", []), ("keep", ["--asynchronous"])][
            : chosen.first
        ]:
            with tempfile.TemporaryDirectory() as storage:
                found = run(command, fault, storage, *more)
            print(system, fault, *more, json.dumps({**found, "exploits": len(found.get("exploits", []))}), flush=True)
            if fault == "none":
                calm = found.get("exploits")
        with tempfile.TemporaryDirectory() as storage:
            print(system, "kill", json.dumps(run(command, "kill", storage)), flush=True)
            found = run(command, "restore", storage)
            same = found.get("exploits") == calm
            told = {**found, "exploits": len(found.get("exploits", [])), "same_as_undisturbed": same}
            print(system, "restore", json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

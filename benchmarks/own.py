"""Measure what cannot be set beside Ray Tune, or was not asked of it: each script prints figures, here they are judged.

python benchmarks/own.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import RESULTS, machine

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """One figure of a script's output.

    Args:
        script: Which prints it, in the last line.
        key: Its name there.
        name: In the table.
        unit: Of the figure.
        allowed: The most that it should be; None: nothing was asked.
    """

    script: str
    key: str
    name: str
    unit: str
    allowed: float | None = None


FIGURES = [
    Figure("start.py", "import poptune", "`import poptune`", "s", 0.15),
    Figure("start.py", "poptune --help", "`poptune --help`", "s"),
    Figure("start.py", "first report, inline", "from `fit()` to the first report, inline", "s"),
    Figure("start.py", "first report, processes", "from `fit()` to the first report, processes", "s"),
    Figure("report.py", "inline, on a lease", "one report on a lease, inline", "us", 60),
    Figure("report.py", "processes, on a lease", "one report on a lease, processes", "us", 150),
    Figure("report.py", "inline, answered", "one report that a stop function looks at, inline", "us"),
    Figure("report.py", "processes, answered", "one report that a stop function looks at, processes", "us"),
    Figure("report.py", "empty pipe round trip", "an empty round trip through a pipe, for comparison", "us"),
    Figure("decisions.py", "us", "an exploit decision among 100,000 trials", "us", 50),
    Figure("decisions.py", "growth", "growth of that from 100 trials on; log n grows 2.5 times", "x", 2.5),
    Figure("decisions.py", "kilobytes", "memory of a trial among 100,000, without journal and files", "kB"),
    Figure("ray_ranking.py", "us", "Ray Tune ranks 100,000 trials, for each decision", "us"),
    Figure("scale.py", "seconds", "1,000 trials inline, 3 iterations each, a checkpoint at each", "s"),
    Figure("scale.py", "ms a report", "one of their reports, with its checkpoint and its lines in files", "ms"),
    Figure("flood.py", "reports a second, inline", "reports a second, inline", "/s"),
    Figure("flood.py", "reports a second, 1 workers", "reports a second, 1 worker", "/s"),
    Figure("flood.py", "reports a second, 2 workers", "reports a second, 2 workers", "/s"),
    Figure("flood.py", "reports a second, 8 workers", "reports a second, 8 workers on 2 cores", "/s"),
    Figure("flood.py", "reports a second, 64 workers", "reports a second, 64 workers on 2 cores", "/s"),
    Figure("report_page.py", "megabytes", "the report page of 64 trials x 5,000 iterations", "MB", 5),
    Figure("report_page.py", "seconds to write", "writing it", "s"),
    Figure("report_page.py", "seconds to open", "opening it in Chromium, all pictures drawn", "s", 2),
    Figure("report_page.py", "seconds to follow", "all its pictures following a move of the slider", "s"),
    Figure("flood.py", "growth", "memory over 1,000,000 reports, beside that after the first 100,000", "x", 1.05),
]


def output(python: str, script: str) -> dict[str, float]:
    """Run a script, show what it says, and return the figures in its last line."""
    lines = []
    with subprocess.Popen([python, HERE / script], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            if not line.startswith("{"):
                print(f"  {line}", end="", flush=True)
    if process.returncode:
        sys.exit(f"{script} failed.")
    return json.loads(lines[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only scripts whose name contains this")
    parser.add_argument("--ray", help="the Python of an environment with Ray Tune; without it, Ray is not measured")
    arguments = parser.parse_args()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"benchmarks": {}}
    known.setdefault("own", {})
    for script in dict.fromkeys(figure.script for figure in FIGURES if arguments.only in figure.script):
        python = arguments.ray if script.startswith("ray_") else sys.executable
        if not python:
            continue
        print(f"{script}:")
        found = output(python, script)
        for figure in FIGURES:
            if figure.script == script:
                known["own"][figure.name] = found.get(figure.key)  # some need a browser
    known["machine"] = machine()
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    for figure in FIGURES:
        value = known["own"].get(figure.name)
        if value is not None and figure.allowed is not None and value > figure.allowed:
            print(f"{figure.name}: {value:.4g} {figure.unit}, allowed are {figure.allowed:g}: NO")


if __name__ == "__main__":
    main()

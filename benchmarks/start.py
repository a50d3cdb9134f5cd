"""What comes before the training: the import, the help of the command, and the time from `fit()` to a first report."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

import poptune as tune


def seconds(*command: str) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - began


def train(config):
    tune.report({"at": time.time()})


def first_report(executor: str) -> float:
    """Return the seconds from `fit()` to the first report of a training function."""
    with tempfile.TemporaryDirectory() as folder:
        run_config = tune.RunConfig(executor=executor, storage_path=folder, verbose=0)
        began = time.time()
        return tune.Tuner(train, run_config=run_config).fit()[0].metrics["at"] - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9)
    arguments = parser.parse_args()
    rows: dict[str, list[float]] = {}
    first_report("inline")  # imports what a run needs, as the first run of a script does
    for _ in range(arguments.repetitions):
        bare = seconds("-c", "pass")
        rows.setdefault("import poptune", []).append(seconds("-c", "import poptune") - bare)
        rows.setdefault("import numpy", []).append(seconds("-c", "import numpy") - bare)
        rows.setdefault("poptune --help", []).append(seconds("-m", "poptune", "--help") - bare)
        rows.setdefault("first report, inline", []).append(first_report("inline"))
        rows.setdefault("first report, processes", []).append(first_report("processes"))
    for name, figures in rows.items():
        print(f"{name:24} {statistics.median(figures):6.3f} s  ({min(figures):.3f} to {max(figures):.3f})")
    print(json.dumps({name: statistics.median(figures) for name, figures in rows.items()}))


if __name__ == "__main__":
    main()

"""What training on Ray costs: whole runs and reports with `executor="ray"`, on a Ray that runs already.

Runs where Ray is: `.venv-ray/bin/python benchmarks/cluster.py`, after `make cluster`. The toy and the digits are the
scripts of benchmarks/scripts with other imports and another executor, so that their times stand beside those that
docs/performance.md has of Ray Tune. A trial that reports in a tight loop measures itself, and whatever the driver's
process spends meanwhile is measured beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

import poptune as tune

SCRIPTS = Path(__file__).parent / "scripts"
IMPORTS = {
    "from ray import tune": "from poptune.compat import tune",
    "from ray.tune.schedulers": "from poptune.compat.tune.schedulers",
    "verbose=0)": 'verbose=0, executor="ray")',
}
TARGETS_US = {"on a lease": 200, "answered": 3000}


def flood(config):
    import time

    for _ in range(config["warm_up"]):
        tune.report({"loss": 0.5})
    began = time.perf_counter()
    for _ in range(config["reports"]):
        tune.report({"loss": 0.5})
    tune.report({"loss": 0.5, "us": (time.perf_counter() - began) / config["reports"] * 1e6})


def report_us(reports, stop, folder):
    """Return (microseconds of a report in the trial, of the driver's CPU)."""
    config = {"warm_up": reports // 10, "reports": reports}
    run = tune.RunConfig(storage_path=folder, executor="ray", stop=stop, verbose=0)
    cpu = time.process_time()
    results = tune.Tuner(flood, param_space=config, run_config=run).fit()
    return results[0].metrics["us"], (time.process_time() - cpu) / reports * 1e6


def script(name, folder):
    """Return the names that one of the scripts defines, with other imports."""
    text = (SCRIPTS / f"{name}.py").read_text()
    for old, new in IMPORTS.items():
        assert old in text, (name, old)
        text = text.replace(old, new)
    file = Path(folder, f"{name}_on_ray.py")
    file.write_text(text)
    return runpy.run_path(str(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=["report", "toy", "digits"])
    arguments = parser.parse_args()
    sys.path.insert(0, str(SCRIPTS))
    ray.init("local", include_dashboard=False, log_to_driver=False, logging_level="ERROR", _node_ip_address="127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only in ("report", None):
            for kind, reports, stop in (("on a lease", 10_000, None), ("answered", 1000, lambda trial, result: False)):
                found = [report_us(reports, stop, folder) for _ in range(arguments.times)]
                trial, driver = (statistics.median(column) for column in zip(*found, strict=True))
                print(f"one report {kind}: {trial:.0f} us in the trial, {driver:.0f} us of CPU in the driver;", end=" ")
                print(f"target {TARGETS_US[kind]} us")
        if arguments.only in ("toy", None):
            tuned = script("toy", folder)["tuned"]
            took = [tuned(4, synch=True, storage=folder)["seconds"] for _ in range(arguments.times)]
            print("toy, 4 trials:", json.dumps(took))
        if arguments.only in ("digits", None):
            tuned = script("digits", folder)["tuned"]
            print("digits, 8 trials:", json.dumps(tuned(8, synch=False, storage=folder)))
    ray.shutdown()


if __name__ == "__main__":
    main()

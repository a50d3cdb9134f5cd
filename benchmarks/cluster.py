"""What training on Ray costs: PopTune with `executor="ray"` beside Ray Tune, both on one Ray that runs already.

Runs where Ray is: `.venv-ray/bin/python benchmarks/cluster.py`, after `make cluster`. The toy and the digits are the
scripts of benchmarks/scripts, with other imports and another executor for PopTune and as they are for Ray Tune; only
`fit()` is timed. A trial that reports in a tight loop measures itself, and whatever the driver's process spends
meanwhile is measured beside it.
"""

from __future__ import annotations

import argparse
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


def on_poptune(name, folder):
    """Return the function that runs one of the scripts, with other imports."""
    text = (SCRIPTS / f"{name}.py").read_text()
    for old, new in IMPORTS.items():
        assert old in text, (name, old)
        text = text.replace(old, new)
    file = Path(folder, f"{name}_on_ray.py")
    file.write_text(text)
    return runpy.run_path(str(file))["tuned"]


def beside_ray_tune(name, times, **settings):
    """Print the seconds of PopTune, several times, of Ray Tune once, in between, and their ratio."""
    tuned = on_poptune(name, settings["storage"])
    ours = [tuned(**settings)["seconds"] for _ in range(times // 2 + 1)]
    theirs = runpy.run_path(str(SCRIPTS / f"{name}.py"))["tuned"](**settings)["seconds"]
    ours += [tuned(**settings)["seconds"] for _ in range(times - len(ours))]
    median = statistics.median(ours)
    print(f"{name}, {settings['trials']} trials: {median:.2f} s ({min(ours):.2f} to {max(ours):.2f}); ", end="")
    print(f"Ray Tune {theirs:.1f} s; PopTune is {theirs / median:.0f} times as fast", flush=True)


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
            beside_ray_tune("toy", arguments.times, trials=4, synch=True, storage=folder)
        if arguments.only in ("digits", None):
            beside_ray_tune("digits", arguments.times, trials=8, epochs=50, synch=False, storage=folder)
    ray.shutdown()


if __name__ == "__main__":
    main()

"""What one report costs the training code. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import tempfile
import time

from ray import tune


def flood(config):
    for _ in range(100):
        tune.report({"loss": 0.5})
    began = time.perf_counter()
    for _ in range(config["reports"]):
        tune.report({"loss": 0.5})
    took = time.perf_counter() - began
    tune.report({"loss": 0.5, "us": 1e6 * took / config["reports"]})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as storage:
        run_config = tune.RunConfig(storage_path=storage, verbose=0)
        tuner = tune.Tuner(flood, param_space={"reports": arguments.reports}, run_config=run_config)
        print(json.dumps({"us": tuner.fit()[0].metrics["us"]}))


if __name__ == "__main__":
    main()

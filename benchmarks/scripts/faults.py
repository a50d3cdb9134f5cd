"""What becomes of a population when something goes wrong. Runs under Ray Tune, and unchanged on PopTune."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
from ray import tune
from ray.tune import Callback
from ray.tune.schedulers import PopulationBasedTraining

TRIALS, ITERATIONS, INTERVAL = 4, 8, 4
WRONG_AT = 2  # before the first decision, while the others come to it


def train(config):
    height, step = 0.0, 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder, open(os.path.join(folder, "state.pkl"), "rb") as file:
            height, step = pickle.load(file)
    while True:
        height, step = height + config["speed"], step + 1
        if config["fault"] and config["number"] == TRIALS - 1 and step == WRONG_AT:
            if config["fault"] == "error":
                raise ValueError("something is wrong with this trial")
            if config["fault"] == "return":
                return
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "state.pkl"), "wb") as file:
                pickle.dump((height, step), file)
            tune.report({"height": height, "step": step}, checkpoint=tune.Checkpoint.from_directory(folder))


class Killing(Callback):
    """Kills the driver in the middle of its run, once: Ray Tune restores callbacks too."""

    def __init__(self, storage):
        self.marker = os.path.join(storage, "killed")
        self.results = 0

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.results += 1
        if self.results == TRIALS * ITERATIONS // 2 + 1 and not os.path.exists(self.marker):
            open(self.marker, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)


class Counting(Callback):
    """Counts the checkpoint folders of a run."""

    def __init__(self):
        self.most = 0

    def on_trial_result(self, iteration, trials, trial, result, **info):
        place = Path(trial.local_path).parent
        self.most = max(self.most, len(list(place.glob("*/checkpoint_*"))))


def tuner(fault, synch, storage, callbacks):
    random.seed(3)
    np.random.seed(3)
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="height",
        mode="max",
        perturbation_interval=2 if fault == "keep" else INTERVAL,
        quantile_fraction=0.5,
        hyperparam_mutations={"speed": tune.uniform(0.0, 1.0)},
        synch=synch,
    )
    return tune.Tuner(
        train,
        param_space={
            "speed": tune.uniform(0.0, 1.0),
            "number": tune.grid_search(list(range(TRIALS))),
            "fault": fault if fault in ("error", "return") else "",
        },
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=tune.RunConfig(
            name="run",
            storage_path=storage,
            stop={"training_iteration": ITERATIONS},
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1 if fault == "keep" else None),
            callbacks=callbacks,
            verbose=0,
        ),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=["none", "error", "return", "keep", "kill", "restore"])
    parser.add_argument("storage")
    parser.add_argument("--asynchronous", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    counting = Counting()
    callbacks = [counting, *([Killing(arguments.storage)] if arguments.fault == "kill" else [])]
    if arguments.fault == "restore":
        results = tune.Tuner.restore(os.path.join(arguments.storage, "run"), train).fit()
    else:
        results = tuner(arguments.fault, not arguments.asynchronous, arguments.storage, callbacks).fit()
    place = Path(arguments.storage, "run")
    exploits = place / "pbt_global.txt"
    tables = [file.read_text().splitlines() for file in sorted(place.glob("*/result.json"))]
    rows = [[json.loads(line)["step"] for line in table] for table in tables]
    found = {
        "seconds": time.perf_counter() - began,
        "errors": len(results.errors),
        "iterations": [result.metrics.get("training_iteration") for result in results],
        "repeated": sum(len(steps) - len(set(steps)) for steps in rows),
        "exploits": exploits.read_text().splitlines() if exploits.exists() else [],
        "folders": counting.most,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

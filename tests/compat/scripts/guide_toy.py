"""The visual guide: two trials climb a paraboloid whose slope they misjudge; third generation, synchronous."""

import os
import pickle
import tempfile

import numpy as np
import ray
from guide_start import starting_point
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.tune_config import TuneConfig
from ray.tune.tuner import Tuner


def height(theta):
    return 1.2 - (0.75 * theta[0] ** 2 + theta[1] ** 2)


def climb(config):
    h = np.array([config.get("h0"), config.get("h1")]).astype(float)
    every = config.get("checkpoint_interval", 1)
    theta, step = starting_point(), 1
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder, open(os.path.join(folder, "checkpoint.pkl"), "rb") as file:
            state = pickle.load(file)
        theta, step = state["theta"], state["step"] + 1
    while True:
        theta = theta - config["lr"] * 2 * h * theta * np.array([0.75, 1.0])
        result = {"Q": height(theta), "theta0": theta[0], "theta1": theta[1], "h0": h[0], "h1": h[1], "step": step}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if step % every == 0:
                with open(os.path.join(folder, "checkpoint.pkl"), "wb") as file:
                    pickle.dump({"theta": theta, "step": step}, file)
                checkpoint = tune.Checkpoint.from_directory(folder)
            tune.report(result, checkpoint=checkpoint)
        step += 1


if ray.is_initialized():
    ray.shutdown()
ray.init()

interval = 4
scheduler = PopulationBasedTraining(
    time_attr="training_iteration",
    perturbation_interval=interval,
    metric="Q",
    mode="max",
    quantile_fraction=0.5,
    resample_probability=0.5,
    hyperparam_mutations={
        "lr": tune.qloguniform(5e-3, 1e-1, 5e-4),
        "h0": tune.uniform(0.0, 1.0),
        "h1": tune.uniform(0.0, 1.0),
    },
    synch=True,
)
tuner = Tuner(
    climb,
    param_space={
        "lr": 0.05,
        "h0": tune.grid_search([0.0, 1.0]),
        "h1": tune.sample_from(lambda spec: 1.0 - spec.config["h0"]),
        "num_training_iterations": 100,
        "checkpoint_interval": interval,
    },
    tune_config=TuneConfig(num_samples=1, scheduler=scheduler),
    run_config=tune.RunConfig(stop={"training_iteration": 100}, failure_config=tune.FailureConfig(max_failures=3)),
)
results = tuner.fit()

for result in results:
    frame = result.metrics_dataframe
    print("trial:", len(frame), "rows,", list(frame["training_iteration"]) == list(range(1, 101)), frame["h0"].iloc[0])
with open(os.path.join(results.experiment_path, "pbt_global.txt")) as log:
    print("exploits:", len(log.readlines()))
print("best above one:", results.get_best_result(metric="Q", mode="max").metrics["Q"] > 1)

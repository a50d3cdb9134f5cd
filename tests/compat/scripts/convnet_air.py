"""The ConvNet of the PBT guide and its replay, on a linear model; second generation, asynchronous."""

import argparse
import glob
import os

import numpy as np
import ray
from ray import air, tune
from ray.air import Checkpoint, session
from ray.tune.schedulers import PopulationBasedTraining, PopulationBasedTrainingReplay

parser = argparse.ArgumentParser()
parser.add_argument("--samples", type=int, default=8)
arguments = parser.parse_args()

images = np.random.default_rng(0).normal(size=(64, 4))
labels = images @ np.array([1.0, -2.0, 0.5, 0.0]) > 0


def train_convnet(config):
    step, weights, velocity = 1, np.zeros(4), np.zeros(4)
    if session.get_checkpoint():
        state = session.get_checkpoint().to_dict()
        weights, velocity, step = state["weights"], state["velocity"], state["step"] + 1
    while True:
        gradient = images.T @ (1 / (1 + np.exp(-images @ weights)) - labels) / len(labels)
        velocity = config.get("momentum", 0.9) * velocity - config.get("lr", 0.01) * gradient
        weights = weights + velocity
        accuracy = np.mean((images @ weights > 0) == labels)
        checkpoint = None
        if step % config["checkpoint_interval"] == 0:
            checkpoint = Checkpoint.from_dict({"step": step, "weights": weights, "velocity": velocity})
        session.report({"mean_accuracy": accuracy, "lr": config["lr"]}, checkpoint=checkpoint)
        step += 1


interval = 5
scheduler = PopulationBasedTraining(
    time_attr="training_iteration",
    perturbation_interval=interval,
    metric="mean_accuracy",
    mode="max",
    hyperparam_mutations={"lr": tune.uniform(0.0001, 1), "momentum": [0.8, 0.9, 0.99]},
)
if ray.is_initialized():
    ray.shutdown()
ray.init()
tuner = tune.Tuner(
    train_convnet,
    run_config=air.RunConfig(
        name="pbt_test",
        verbose=1,
        local_dir=os.path.expanduser("~/ray_results"),
        stop={"mean_accuracy": 2, "training_iteration": 20},
        checkpoint_config=air.CheckpointConfig(checkpoint_score_attribute="mean_accuracy", num_to_keep=4),
    ),
    tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=arguments.samples),
    param_space={
        "lr": tune.uniform(0.001, 1),
        "momentum": tune.uniform(0.001, 1),
        "checkpoint_interval": interval,
    },
)
results = tuner.fit()
best = results.get_best_result(metric="mean_accuracy", mode="max")
print("Best result logdir:", best.log_dir)
print("Best final config:", sorted(best.config))
frame = best.metrics_dataframe.drop_duplicates(subset="training_iteration", keep="last")
print("rows:", len(frame))

policy = glob.glob(os.path.expanduser("~/ray_results/pbt_test/pbt_policy*.txt"))[0]
replayed = tune.Tuner(
    train_convnet,
    tune_config=tune.TuneConfig(scheduler=PopulationBasedTrainingReplay(policy)),
    run_config=air.RunConfig(stop={"training_iteration": 20}),
).fit()
print("replayed:", len(replayed), "trial,", len(replayed[0].metrics_dataframe), "rows")

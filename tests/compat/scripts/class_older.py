"""A class in the first and in the second generation: asynchronous by `tune.run`, synchronous by `air.RunConfig`."""

import argparse
import os
import random

import ray
from ray import air, tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.trial import Trial


class Benchmark(tune.Trainable):
    def setup(self, config):
        self.rate, self.accuracy = config["lr"], 0.0

    def step(self):
        self.accuracy += self.rate * (1 + random.random())
        return {"mean_accuracy": self.accuracy, "steps": self._iteration + 1, "done": self.accuracy > 1000}

    def save_checkpoint(self, checkpoint_dir):
        path = os.path.join(checkpoint_dir, "accuracy.txt")
        with open(path, "w") as file:
            file.write(repr(self.accuracy))
        return path

    def load_checkpoint(self, checkpoint_path):
        with open(checkpoint_path) as file:
            self.accuracy = float(file.read())

    def reset_config(self, new_config):
        self.rate = new_config["lr"]
        self.config = new_config
        return True


class Count(tune.Callback):
    results = 0

    def on_trial_result(self, iteration, trials, trial: Trial, result, **info):
        assert isinstance(trial, Trial)
        self.results += 1


def pbt(**options):
    return PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=5,
        hyperparam_mutations={"lr": lambda: random.uniform(0.0001, 0.02), "some_other_factor": [1, 2]},
        **options,
    )


parser = argparse.ArgumentParser()
parser.add_argument("--smoke-test", action="store_true")
arguments, _ = parser.parse_known_args()
ray.init(num_cpus=2 if arguments.smoke_test else None)
space = {"lr": tune.sample_from(lambda spec: random.choice([0.001, 0.01])), "some_other_factor": 1}

count = Count()
analysis = tune.run(
    Benchmark,
    name="pbt_test",
    scheduler=pbt(),
    metric="mean_accuracy",
    mode="max",
    reuse_actors=True,
    checkpoint_freq=5,
    checkpoint_at_end=True,
    keep_checkpoints_num=4,
    verbose=False,
    stop={"training_iteration": 20},
    num_samples=4,
    fail_fast=True,
    callbacks=[count],
    config=space,
)
rows = sum(len(frame) for frame in analysis.trial_dataframes.values())
print("first:", {trial.last_result["steps"] for trial in analysis.trials}, count.results == rows)
print("best:", sorted(analysis.get_best_config(metric="mean_accuracy", mode="max")))

results = tune.Tuner(
    Benchmark,
    param_space=space,
    tune_config=tune.TuneConfig(metric="mean_accuracy", mode="max", scheduler=pbt(synch=True), num_samples=4),
    run_config=air.RunConfig(
        name="pbt_test",
        stop={"training_iteration": 20},
        verbose=0,
        checkpoint_config=air.CheckpointConfig(checkpoint_frequency=5, num_to_keep=2),
    ),
).fit()
print("second:", {result.metrics["steps"] for result in results}, os.path.basename(results.experiment_path))
best = Benchmark(results.get_best_result().config)
best.restore(results.get_best_result().checkpoint)
print("restored:", best.accuracy == results.get_best_result().metrics["mean_accuracy"])

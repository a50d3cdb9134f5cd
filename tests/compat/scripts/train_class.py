"""Third generation by `ray.train`: a function and a class, both asynchronous, with given first points."""

import json
import os
import tempfile

from ray import train, tune
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.schedulers.pbt import PopulationBasedTraining as SameTraining
from ray.tune.search.basic_variant import BasicVariantGenerator

assert SameTraining is PopulationBasedTraining


def walk(config):
    from ray.train import get_checkpoint  # in the function, as some do

    distance = 0.0
    if checkpoint := get_checkpoint():
        with checkpoint.as_directory() as folder, open(os.path.join(folder, "state.json")) as file:
            distance = json.load(file)["distance"]
    while True:
        distance += config["speed"]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "state.json"), "w") as file:
                json.dump({"distance": distance}, file)
            train.report(
                {"distance": distance, "who": train.get_context().get_trial_id()},
                checkpoint=Checkpoint.from_directory(folder),
            )


class Walk(tune.Trainable):
    def setup(self, config, stride):
        self.distance, self.stride = 0.0, stride

    def step(self):
        self.distance += self.stride * self.config["speed"]
        return {"distance": self.distance}

    def save_checkpoint(self, checkpoint_dir):
        return {"distance": self.distance}

    def load_checkpoint(self, checkpoint):
        self.distance = checkpoint["distance"]


def tuned(trainable, name):
    scheduler = PopulationBasedTraining(
        "training_iteration", perturbation_interval=2, hyperparam_mutations={"speed": tune.uniform(0.0, 2.0)}
    )
    return tune.Tuner(
        tune.with_resources(trainable, tune.PlacementGroupFactory([{"CPU": 0.5}, {"CPU": 0.5}])),
        param_space={"speed": tune.uniform(0.0, 2.0)},
        tune_config=tune.TuneConfig(
            metric="distance",
            mode="max",
            scheduler=scheduler,
            num_samples=4,
            search_alg=BasicVariantGenerator(points_to_evaluate=[{"speed": 0.25}, {"speed": 0.75}], random_state=7),
        ),
        run_config=RunConfig(
            name=name,
            stop={"training_iteration": 8},
            failure_config=FailureConfig(max_failures=2),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            sync_config=None,
            verbose=None,
        ),
    ).fit()


for name, trainable in {"function": walk, "class": tune.with_parameters(Walk, stride=2.0)}.items():
    results = tuned(trainable, name)
    first = [float(result.metrics_dataframe["config/speed"].iloc[0]) for result in results]
    print(name, "began with", first[:2], "and ended at", {len(result.metrics_dataframe) for result in results})

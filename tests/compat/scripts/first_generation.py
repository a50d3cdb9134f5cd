"""First generation: `checkpoint_dir`, trainables by name, experiments as dictionaries; synchronous."""

import json
import os

import ray
from ray import tune
from ray.tune import Experiment, register_trainable, run_experiments
from ray.tune.result import TRAINING_ITERATION
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.suggest.variant_generator import grid_search


def climb(config, checkpoint_dir=None, data=None):
    height = step = 0
    if checkpoint_dir:
        with open(os.path.join(checkpoint_dir, "checkpoint")) as file:
            state = json.load(file)
        height, step = state["height"], state["step"]
    while True:
        step += 1
        height += config["speed"] + sum(data or [])
        if step % 2 == 0:
            with tune.checkpoint_dir(step=step) as folder, open(os.path.join(folder, "checkpoint"), "w") as file:
                json.dump({"height": height, "step": step}, file)
        tune.report(height=height, step=step, trial=tune.get_trial_id())


def pbt():
    return PopulationBasedTraining(
        time_attr=TRAINING_ITERATION,
        metric="height",
        mode="max",
        perturbation_interval=2,
        hyperparam_mutations={"speed": tune.uniform(0, 3)},
        synch=True,
    )


ray.init(num_cpus=2)
register_trainable("climb", climb)
analysis = tune.run(
    "climb",
    name="by_name",
    scheduler=pbt(),
    config={"speed": grid_search([1.0, 2.0, 3.0])},
    stop={TRAINING_ITERATION: 8},
    resources_per_trial=tune.PlacementGroupFactory([{"CPU": 1}]),
    verbose=0,
)
steps = {tuple(frame["step"]) for frame in analysis.trial_dataframes.values()}
print("steps:", steps)
print("best keeps going:", analysis.best_result["height"] >= 24)

spec = {"config": {"speed": 1.0}, "stop": {TRAINING_ITERATION: 2}}
trials = run_experiments(
    [Experiment("one", "climb", **spec), Experiment.from_json("two", {"run": climb, "num_samples": 2, **spec})],
    verbose=0,
)
print("trials:", [trial.last_result["height"] for trial in trials], {trial.status for trial in trials})
bound = tune.with_parameters(climb, data=[1, 2])
print("bound:", tune.run(bound, **spec, verbose=0).trials[0].last_result["height"])

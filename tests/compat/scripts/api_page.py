"""The API page: every kind of mutation, on a class; third generation, asynchronous."""

import random

import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.stopper import MaximumIterationStopper
from ray.tune.utils import validate_save_restore


class Agent(tune.Trainable):
    def setup(self, config):
        self.reward = 0.0

    def step(self):
        self.reward += self.config["factor_1"] + self.config["factor_2"]
        return {"episode_reward_mean": self.reward}

    def save_checkpoint(self, checkpoint_dir):
        with open(f"{checkpoint_dir}/reward", "w") as file:
            file.write(str(self.reward))

    def load_checkpoint(self, checkpoint_dir):
        with open(f"{checkpoint_dir}/reward") as file:
            self.reward = float(file.read())

    def reset_config(self, new_config):
        return True


def explore(config):
    config["factor_2"] = max(config["factor_2"], 0.5)
    return config


ray.init()
start = {"factor_1": 10.0, "factor_2": 10.0, "factor_3": 100, "factor_4": 10}
print("can be saved:", validate_save_restore(Agent, start))

pbt = PopulationBasedTraining(
    time_attr="training_iteration",
    metric="episode_reward_mean",
    mode="max",
    perturbation_interval=3,
    hyperparam_mutations={
        "factor_1": lambda: random.uniform(0.0, 20.0),
        "factor_2": tune.uniform(0.0, 20.0),
        "factor_3": [1, 10, 100, 1000, 10000],
        "factor_4": tune.choice([1, 10, 100, 1000, 10000]),
    },
    custom_explore_fn=explore,
)
tuner = tune.Tuner(
    Agent,
    param_space={"factor_3": 100},
    tune_config=tune.TuneConfig(scheduler=pbt, num_samples=8, reuse_actors=True),
    run_config=tune.RunConfig(
        name="agents",
        stop=MaximumIterationStopper(12),
        checkpoint_config=tune.CheckpointConfig(num_to_keep=4, checkpoint_frequency=3),
        verbose=0,
    ),
)
results = tuner.fit()
assert not results.errors
print("trials:", len(results), {result.metrics["training_iteration"] for result in results})
print("in the list:", all(result.config["factor_3"] in (1, 10, 100, 1000, 10000) for result in results))

best = results.get_best_result(metric="episode_reward_mean", mode="max")
agent = Agent(best.config)
agent.restore(best.checkpoint)
print("restored:", agent.reward == best.metrics["episode_reward_mean"])

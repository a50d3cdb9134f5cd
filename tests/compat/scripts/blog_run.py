"""The blog: `tune.run` with `reward_attr`, metrics by keyword, a last result without the metric; asynchronous."""

import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining


def simulate(config):
    units, rate = config["hidden_units"], config["lr"]
    print(f"lr={rate} hidden_units={units}")
    for epoch in range(10):
        accuracy = 0.8 - epoch / 50 + units / 2000
        tune.report(epoch=epoch, loss=1 / (epoch + 1) + 100 / units + 0.1 / rate, accuracy=accuracy)
    return {"final_accuracy": accuracy}


if __name__ == "__main__":
    ray.init(ignore_reinit_error=True)
    space = {"lr": tune.uniform(0.001, 0.1), "hidden_units": tune.randint(32, 256)}
    scheduler = PopulationBasedTraining(
        time_attr="epoch",
        reward_attr="accuracy",
        hyperparam_mutations={"lr": tune.uniform(0.001, 0.1), "hidden_units": tune.randint(32, 256)},
        resample_probability=0.25,
        perturbation_interval=2,
        quantile_fraction=0.25,
    )
    analysis = tune.run(
        simulate,
        metric="accuracy",
        mode="max",
        config=space,
        num_samples=8,
        scheduler=scheduler,
        resources_per_trial={"cpu": 1},
        progress_reporter=tune.CLIReporter(metric_columns=["epoch", "loss", "accuracy"]),
        stop={"epoch": 10},
    )
    print("Best config: ", analysis.best_config)
    ray.shutdown()
    print("still initialized:", ray.is_initialized())

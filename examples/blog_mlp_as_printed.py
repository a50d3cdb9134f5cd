"""A blog's first PBT script, for Ray Tune as it was long ago: here with only its imports changed.

It simulates an MLP whose learning rate and number of hidden units shall evolve, and saves no checkpoints, which PBT is
made of. `blog_mlp.py` shows what becomes of it, and its repair.

    python examples/blog_mlp_as_printed.py
"""

from __future__ import annotations

import poptune.compat as ray
from poptune.compat import tune
from poptune.compat.tune.schedulers import PopulationBasedTraining


def train_mnist_mlp(config):
    """Train nothing: loss and accuracy are made up from the hyperparameters and the epoch."""
    num_epochs = 10
    learning_rate = config["lr"]
    hidden_units = config["hidden_units"]
    for epoch in range(num_epochs):
        loss = 1.0 / (epoch + 1) + (100 / hidden_units) + (0.1 / learning_rate)
        accuracy = 0.8 - (epoch / num_epochs) * 0.2 + (hidden_units / 200) * 0.1
        tune.report(epoch=epoch, loss=loss, accuracy=accuracy)
    return {"final_accuracy": accuracy, "final_loss": loss}


def main(**options):
    """Run the script and return what `tune.run` returns, which also takes the options."""
    ray.init(ignore_reinit_error=True)
    search_space = {"lr": tune.uniform(0.001, 0.1), "hidden_units": tune.randint(32, 256)}
    pbt_scheduler = PopulationBasedTraining(
        time_attr="epoch",
        reward_attr="accuracy",
        hyperparam_mutations={"lr": tune.uniform(0.001, 0.1), "hidden_units": tune.randint(32, 256)},
        resample_probability=0.25,
        perturbation_interval=2,
        quantile_fraction=0.25,
    )
    analysis = tune.run(
        train_mnist_mlp,
        metric="accuracy",
        mode="max",
        config=search_space,
        num_samples=8,
        scheduler=pbt_scheduler,
        resources_per_trial={"cpu": 1},
        progress_reporter=tune.CLIReporter(metric_columns=["epoch", "loss", "accuracy"]),
        stop={"epoch": 10},
        **options,
    )
    print("Best config: ", analysis.best_config)
    ray.shutdown()
    return analysis


if __name__ == "__main__":
    main()

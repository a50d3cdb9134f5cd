"""A blog's first PBT script, run as it was printed, and then repaired so that it trains.

**As printed** (`blog_mlp_as_printed.py`). The script simulates an MLP, mutates `lr` and `hidden_units`, and is written
for Ray Tune as it was long ago: `tune.run`, `reward_attr`, `tune.report(epoch=...)`. With only its imports changed it
runs to its end. But it saves no checkpoints, and PBT is made of copying weights: PopTune says so once, with the lines
that are missing, and lets each trial train on with the hyperparameters that it has. Nobody is sent back to its first
epoch. Its stop criterion, epoch 10, is never met, since it counts epochs from 0 to 9: the trials end because their
function does.

**Repaired.** A real MLP learns scikit-learn's digits, and saves what it needs to go on. `hidden_units` is no longer
mutated: it is the shape of the weights, so those of a network with 64 hidden units fit into no network with 77. What
PBT can vary while a network trains are numbers that the next step merely uses: `lr`, `momentum`, `batch_size`.

    pip install "poptune[demo,plots]"
    python examples/blog_mlp.py
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import blog_mlp_as_printed
import poptune as tune
from poptune.schedulers import PopulationBasedTraining

INTERVAL = 2  # epochs between two decisions
HIDDEN_UNITS = 64
TRAINING_IMAGES = 1200
VALIDATION_IMAGES = 300  # PBT chooses by these; the other 297 play no part in any choice


# The repaired form


def load_images():
    """Return images (n, 64) with brightness from 0 to 1 and labels, for training, validation and test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    parts = np.split(order, [TRAINING_IMAGES, TRAINING_IMAGES + VALIDATION_IMAGES])
    return [(images[part] / 16, labels[part]) for part in parts]


def new_network():
    return {
        "w1": np.random.normal(0, np.sqrt(2 / 64), (64, HIDDEN_UNITS)),
        "b1": np.zeros(HIDDEN_UNITS),
        "w2": np.random.normal(0, np.sqrt(2 / HIDDEN_UNITS), (HIDDEN_UNITS, 10)),
        "b2": np.zeros(10),
    }


def forward(network, images):
    """Return the hidden layer, and the probabilities of the ten digits, for each image."""
    hidden = np.maximum(images @ network["w1"] + network["b1"], 0)
    scores = hidden @ network["w2"] + network["b2"]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, odds / odds.sum(axis=1, keepdims=True)


def gradient(network, images, labels):
    hidden, probabilities = forward(network, images)
    d_scores = (probabilities - np.eye(10)[labels]) / len(labels)
    d_hidden = (d_scores @ network["w2"].T) * (hidden > 0)
    return {"w1": images.T @ d_hidden, "b1": d_hidden.sum(0), "w2": hidden.T @ d_scores, "b2": d_scores.sum(0)}


def train_epoch(network, velocity, images, labels, config):
    """Train through all images once by SGD with momentum, in place."""
    order = np.random.permutation(len(labels))
    for batch in np.split(order, range(config["batch_size"], len(order), config["batch_size"])):
        for name, slope in gradient(network, images[batch], labels[batch]).items():
            velocity[name] *= config["momentum"]
            velocity[name] -= config["lr"] * slope
            network[name] += velocity[name]


def evaluate(network, images, labels):
    """Return the mean loss in nats, and the accuracy."""
    _, probabilities = forward(network, images)
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(right + 1e-12).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def train_digits_mlp(config):
    training, validation, _ = load_images()
    network, epoch = new_network(), 0
    velocity = {name: np.zeros_like(weights) for name, weights in network.items()}
    if checkpoint := tune.get_checkpoint():  # own weights, or those of a better trial
        state = checkpoint.to_dict()
        network, velocity, epoch = state["network"], state["velocity"], state["epoch"]
    while True:  # the stop criterion ends it
        epoch += 1
        train_epoch(network, velocity, *training, config)
        loss, accuracy = evaluate(network, *validation)
        state = {"network": network, "velocity": velocity, "epoch": epoch}
        metrics = {"epoch": epoch, "loss": loss, "accuracy": accuracy}
        tune.report(metrics, checkpoint=tune.Checkpoint.from_dict(state))


def run(epochs, seed, **options):
    """Return the results. `options` are further arguments of `tune.RunConfig`."""
    space = {
        "lr": tune.loguniform(1e-4, 1.0),
        "momentum": tune.uniform(0.0, 0.99),
        "batch_size": tune.choice([16, 32, 64, 128]),
    }
    scheduler = PopulationBasedTraining(
        time_attr="epoch",
        perturbation_interval=INTERVAL,
        hyperparam_mutations=space,
        resample_probability=0.25,
        quantile_fraction=0.25,
        synch=True,  # so that the same seed gives the same networks on any machine
    )
    tuner = tune.Tuner(
        train_digits_mlp,
        param_space=space,
        tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=8, scheduler=scheduler, seed=seed),
        run_config=tune.RunConfig(stop={"epoch": epochs}, verbose=0, **options),
    )
    return tuner.fit()


# What came out


def accuracy_on_unseen(best):
    _, _, test = load_images()
    return evaluate(best.checkpoint.to_dict()["network"], *test)[1]


def plot(results, best):
    """Draw accuracy over epochs, the best trial in colour."""
    if find_spec("matplotlib") is None:
        print('For a plot: pip install "poptune[plots]"')
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for result in results:
        is_best = result.trial_id == best.trial_id
        style = {"color": "#c8382d", "label": "best", "zorder": 3} if is_best else {"color": "0.75"}
        axes.plot([row["epoch"] for row in result.rows], [row["accuracy"] for row in result.rows], **style)
    axes.set(
        xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1.02), title="Eight networks, the worst copy the best"
    )
    axes.grid(color="0.92")
    axes.legend(loc="lower right")
    path = Path(results.experiment_path) / "accuracy.png"
    figure.savefig(path)
    print(f"  plot: {path}")


def check(printed, results, accuracy, epochs):
    """Return the claims that do not hold."""
    iterations = list(range(1, 10 + 2))  # ten reports, and what the function returns
    claims = {
        "as printed, no trial repeats an iteration": all(
            [row["training_iteration"] for row in result.rows] == iterations for result in printed
        ),
        "as printed, nobody copies: each keeps its hyperparameters": all(
            len(result.schedule) == 1 for result in printed
        ),
        "repaired, no trial repeats an epoch": all(
            [row["epoch"] for row in result.rows] == list(range(1, epochs + 1)) for result in results
        ),
        "repaired, networks copy each other": len(results.exploits) > 0,
        "repaired, the best reads digits that it has not seen": accuracy > 0.9,
    }
    return [claim for claim, holds in claims.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description="A blog's PBT script as printed, then one that trains.")
    parser.add_argument("--smoke", action="store_true", help="10 epochs in place of 30")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", default="poptune_results", help="directory for the runs")
    parser.add_argument("--executor", choices=["processes", "inline", "ray"], default="processes")
    arguments = parser.parse_args()
    epochs = 10 if arguments.smoke else 30
    options = {"storage_path": arguments.storage, "executor": arguments.executor}

    print("As printed\n")
    analysis = blog_mlp_as_printed.main(seed=arguments.seed, **options)
    printed = tune.ResultGrid.from_path(analysis.experiment_path)
    print("\nRepaired\n")
    results = run(epochs, arguments.seed, **options)
    best = results.get_best_result()
    accuracy = accuracy_on_unseen(best)
    print(f"PBT, {len(results)} networks, {len(results.exploits)} exploits: {results.experiment_path}")
    print(f"  validation accuracy {best.metrics['accuracy']:.3f}, test accuracy {accuracy:.3f}, with this schedule:")
    print("\n".join(f"    {line}" for line in str(best.schedule).splitlines()))
    plot(results, best)
    if failed := check(printed, results, accuracy, epochs):
        sys.exit(f"Does not hold with seed {arguments.seed}: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()

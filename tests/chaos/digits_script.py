"""Small networks learn to read handwritten digits, in a run that can be killed and started again at any time."""

from __future__ import annotations

import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import poptune as tune
from poptune.schedulers import PopulationBasedTraining

HIDDEN, BATCH, BATCHES = 24, 64, 6
SPACE = {"lr": tune.loguniform(1e-3, 1.0), "momentum": tune.uniform(0.0, 0.95)}


def digits():
    """Return scikit-learn's digits as they lie in its package: importing all of it takes longer than training here."""
    folder = Path(find_spec("sklearn").submodule_search_locations[0])
    with gzip.open(folder / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 16.0, table[:, -1].astype(int)


def train(config, images, labels):
    """Train by stochastic gradient descent; first weights and batches are drawn from NumPy's global generator."""
    weights = [np.random.normal(0, 0.1, (64, HIDDEN)), np.random.normal(0, 0.1, (HIDDEN, 10))]
    speeds = [np.zeros_like(matrix) for matrix in weights]
    step = 0
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
        weights, speeds, step = state["weights"], state["speeds"], state["step"]
    seen, held_out = slice(0, 1200), slice(1200, None)
    while True:
        for _ in range(BATCHES):
            batch = np.random.randint(0, 1200, BATCH)
            down = slopes(weights, images[batch], labels[batch])
            for matrix, speed, slope in zip(weights, speeds, down, strict=True):
                speed *= config["momentum"]
                speed -= config["lr"] * slope
                matrix += speed
        step += 1
        metrics = {"loss": loss(weights, images[held_out], labels[held_out]), "step": step}
        metrics["seen"] = loss(weights, images[seen], labels[seen])
        state = {"weights": weights, "speeds": speeds, "step": step}
        tune.report(metrics, checkpoint=tune.Checkpoint.from_dict(state) if step % 3 == 0 else None)


def chances(weights, images):
    hidden = np.maximum(images @ weights[0], 0)
    scores = hidden @ weights[1]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, scores / scores.sum(axis=1, keepdims=True)


def loss(weights, images, labels):
    _, chance = chances(weights, images)
    return float(-np.log(chance[np.arange(len(labels)), labels] + 1e-12).mean())


def slopes(weights, images, labels):
    hidden, error = chances(weights, images)
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    return images.T @ ((error @ weights[1].T) * (hidden > 0)), hidden.T @ error


def main(path: Path, iterations: int) -> None:
    images, labels = digits()
    trainable = tune.with_parameters(train, images=images, labels=labels)
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, trainable)
    else:
        scheduler = PopulationBasedTraining(
            "training_iteration",
            perturbation_interval=3,
            hyperparam_mutations=SPACE,
            quantile_fraction=0.5,
            synch=True,
        )
        tuner = tune.Tuner(
            trainable,
            param_space=SPACE,
            tune_config=tune.TuneConfig("loss", "min", scheduler, num_samples=4, seed=11, max_concurrent_trials=2),
            run_config=tune.RunConfig(
                name=path.name,
                storage_path=path.parent,
                stop={"training_iteration": iterations},
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
                verbose=0,
            ),
        )
    tuner.fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

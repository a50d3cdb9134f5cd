"""A small convolutional network on handwritten digits: PBT finds a schedule, then a replay trains with it from scratch.

Learning rate and momentum of SGD are mutated while eight networks train. When a network goes on from the weights of a
better one, it also loads the state of its optimizer, and with it the *old* learning rate and momentum: so both are set
again from the config, after loading. That line is the one that is forgotten most.

    pip install torch "poptune[demo,plots]"
    python examples/digits_convnet.py

The digits come with scikit-learn, 8x8 pixels each. `--mnist DIR` trains on MNIST instead, which torchvision (to be
installed as well) finds in DIR or downloads to it.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn, optim
from torch.nn import functional as F

import poptune as tune
from poptune.schedulers import PopulationBasedTraining, PopulationBasedTrainingReplay

INTERVAL = 5  # epochs between two decisions; checkpoints come as often, so that each decision finds fresh weights
BATCH = 64
TRAINING_IMAGES = 1000  # of an epoch
TEST_IMAGES = 500


# Data and network


def load_images(mnist=None):
    """Return training images and labels, then test images and labels. Images are 28x28, brightness from 0 to 1."""
    if mnist:
        from torchvision.datasets import MNIST  # only needed here

        images, labels = zip(*((data.data / 255, data.targets) for data in _both(MNIST, mnist)), strict=True)
        images, labels = torch.cat(images)[:, None], torch.cat(labels)
    else:
        from sklearn.datasets import load_digits

        pixels, numbers = load_digits(return_X_y=True)
        small = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
        images, labels = F.interpolate(small, size=(28, 28), mode="bilinear"), torch.tensor(numbers)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    training, test = order[:TRAINING_IMAGES], order[TRAINING_IMAGES : TRAINING_IMAGES + TEST_IMAGES]
    return images[training], labels[training], images[test], labels[test]


def _both(dataset, folder):
    return dataset(folder, train=True, download=True), dataset(folder, train=False)


class ConvNet(nn.Module):
    """Three channels of 3x3 filters, pooled, and one linear layer. Normalising keeps high learning rates in hand."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, kernel_size=3)
        self.norm = nn.BatchNorm2d(3)
        self.linear = nn.Linear(3 * 8 * 8, 10)

    def forward(self, images):
        features = F.relu(F.max_pool2d(self.norm(self.convolution(images)), 3))
        return self.linear(features.flatten(1))


def train_epoch(model, optimizer, images, labels):
    model.train()
    for batch in torch.randperm(len(labels)).split(BATCH):
        optimizer.zero_grad()
        F.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()


@torch.no_grad()
def accuracy(model, images, labels):
    model.eval()
    return (model(images).argmax(dim=1) == labels).float().mean().item()


# What a trial does


def train_convnet(config, mnist):
    images, labels, test_images, test_labels = load_images(mnist)
    model, step = ConvNet(), 1
    optimizer = optim.SGD(model.parameters(), lr=config["lr"], momentum=config["momentum"])
    if checkpoint := tune.get_checkpoint():  # own weights, or those of a better trial
        state = checkpoint.to_dict()
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        for group in optimizer.param_groups:  # the state holds the old ones
            group["lr"], group["momentum"] = config["lr"], config["momentum"]
        step = state["step"] + 1
    while True:  # the stop criterion of the run ends it
        train_epoch(model, optimizer, images, labels)
        checkpoint = None
        if step % INTERVAL == 0:
            state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
            checkpoint = tune.Checkpoint.from_dict(state)
        metrics = {"mean_accuracy": accuracy(model, test_images, test_labels)}
        used = optimizer.param_groups[0]
        tune.report({**metrics, "lr": used["lr"], "momentum": used["momentum"]}, checkpoint=checkpoint)
        step += 1


# The two runs


def search(epochs, trials, mnist, seed, **run_options):
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=INTERVAL,
        hyperparam_mutations={"lr": tune.uniform(0.0001, 1), "momentum": [0.8, 0.9, 0.99]},
        synch=True,
    )
    tuner = tune.Tuner(
        tune.with_parameters(train_convnet, mnist=mnist),
        param_space={"lr": tune.uniform(0.001, 1), "momentum": tune.uniform(0.001, 1)},
        tune_config=tune.TuneConfig(
            metric="mean_accuracy", mode="max", scheduler=scheduler, num_samples=trials, seed=seed
        ),
        run_config=tune.RunConfig(stop={"training_iteration": epochs}, verbose=0, **run_options),
    )
    return tuner.fit()


def replay(schedule, epochs, mnist, seed, **run_options):
    """Train one network from scratch. The whole config comes from the schedule, so there is no search space."""
    tuner = tune.Tuner(
        tune.with_parameters(train_convnet, mnist=mnist),
        tune_config=tune.TuneConfig(
            metric="mean_accuracy", mode="max", scheduler=PopulationBasedTrainingReplay(schedule), seed=seed
        ),
        run_config=tune.RunConfig(stop={"training_iteration": epochs}, verbose=0, **run_options),
    )
    return tuner.fit()


# What came out


def show(results, best, replayed):
    print(f"PBT, {len(results)} networks, {len(results.exploits)} exploits: {results.experiment_path}")
    print(f"  accuracy of the best {best.metrics['mean_accuracy']:.3f}, with this schedule:")
    print("\n".join(f"    {line}" for line in str(best.schedule).splitlines()))
    print(f"Replay of that schedule from scratch: accuracy {replayed.metrics['mean_accuracy']:.3f}")


def plot(results, best, replayed):
    if find_spec("matplotlib") is None:
        print('For a plot: pip install "poptune[plots]"')
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for result in results:
        draw(axes, result.rows, color="0.8", linewidth=1)
    draw(axes, behind(best, results), color="#c8382d", linewidth=2, label="the weights of the best")
    draw(axes, replayed.rows, color="#1f4e79", linewidth=2, linestyle=(0, (4, 1.5)), label="replay from scratch")
    axes.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1.02))
    axes.grid(color="0.92")
    axes.legend(loc="center right")
    path = Path(results.experiment_path) / "accuracy.png"
    figure.savefig(path)
    print(f"Plot: {path}")


def draw(axes, rows, **style):
    axes.plot([row["training_iteration"] for row in rows], [row["mean_accuracy"] for row in rows], **style)


def behind(best, results):
    """Return the rows in which the weights of the best were trained, whichever trial had them then."""
    rows = {result.trial_id: result.rows for result in results}
    return [row for part in best.lineage for row in rows[part.trial][part.first - 1 : part.last]]


def check(results, best, replayed, epochs):
    """Return the claims that do not hold."""
    wanted = [best.schedule.at(epoch) for epoch in range(1, epochs + 1)]
    used = [(row["lr"], row["momentum"]) for row in replayed.rows]
    claims = {
        "some network copies another": len(results.exploits) > 0,
        "the best reads digits": best.metrics["mean_accuracy"] > 0.9,
        "the replay trains in each epoch with the winner's config": [
            replayed.schedule.at(epoch) for epoch in range(1, epochs + 1)
        ]
        == wanted,
        "its optimizer uses them": used == [(config["lr"], config["momentum"]) for config in wanted],
        "the replay reads digits too": replayed.metrics["mean_accuracy"] > 0.85,
    }
    return [claim for claim, holds in claims.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description="PBT of a ConvNet on digits, then a replay of the best schedule.")
    parser.add_argument("--smoke", action="store_true", help="four networks, 15 epochs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--storage", default="poptune_results", help="directory for the runs")
    parser.add_argument("--executor", choices=["processes", "inline", "ray"], default="processes")
    parser.add_argument("--mnist", metavar="DIR", help="train on MNIST, kept in this directory")
    arguments = parser.parse_args()
    trials, epochs = (4, 15) if arguments.smoke else (8, 50)
    options = {"storage_path": arguments.storage, "executor": arguments.executor}
    mnist = arguments.mnist and str(Path(arguments.mnist).expanduser().resolve())
    if mnist:
        if find_spec("torchvision") is None:
            sys.exit("--mnist needs torchvision: pip install torchvision")
        load_images(mnist)  # downloads what is missing, once, before several workers would

    results = search(epochs, trials, mnist, arguments.seed, **options)
    best = results.get_best_result()
    replayed = replay(best.schedule, epochs, mnist, arguments.seed + 1, **options)[0]
    show(results, best, replayed)
    plot(results, best, replayed)
    if failed := check(results, best, replayed, epochs):
        sys.exit(f"Does not hold with seed {arguments.seed}: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()

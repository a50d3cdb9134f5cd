"""Two networks that compete (DCGAN), and PBT that keeps them in balance: one draws digits, the other spots the drawn.

The learning rates of both are mutated. Trials are ranked by the inception score: a classifier (LeNet, trained first, on
real digits) looks at 500 drawn ones. The score is high if it is sure of each, and finds all ten among them: between 1
and 10. The classifier reaches the trials through `tune.with_parameters`, not through the config: it is no
hyperparameter, and is sent once to each worker.

    pip install torch "poptune[demo,plots]"
    python examples/digits_dcgan.py --smoke
"""

from __future__ import annotations

import argparse
import math
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import mean

import torch
from torch import nn, optim
from torch.nn import functional as F

import poptune as tune
from poptune.schedulers import PopulationBasedTraining

INTERVAL = 5  # iterations between two decisions; checkpoints come as often
BATCH = 64
BATCHES = 8  # of an iteration
NOISE = 32  # numbers that an image is drawn from
GENERATOR_WIDTH = 16
DISCRIMINATOR_WIDTH = 16
CLASSIFIER_EPOCHS = 12
SCORED_IMAGES = 500


# Data, and the classifier that scores


def load_images():
    """Return the digits of scikit-learn as 32x32 images, brightness from -1 to 1, and their labels."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    small = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    return F.interpolate(small, size=(32, 32), mode="bilinear"), torch.tensor(labels)


class LeNet(nn.Module):
    """Tells the ten digits apart."""

    def __init__(self):
        super().__init__()
        self.convolution_1 = nn.Conv2d(1, 10, kernel_size=5)
        self.convolution_2 = nn.Conv2d(10, 20, kernel_size=5)
        self.hidden = nn.Linear(20 * 5 * 5, 50)
        self.output = nn.Linear(50, 10)

    def forward(self, images):
        features = F.relu(F.max_pool2d(self.convolution_1(images), 2))
        features = F.relu(F.max_pool2d(self.convolution_2(features), 2))
        return self.output(F.relu(self.hidden(features.flatten(1))))


def trained_classifier(seed):
    torch.manual_seed(seed)
    images, labels = load_images()
    training, test = torch.randperm(len(labels)).split([1500, len(labels) - 1500])
    classifier = LeNet()
    optimizer = optim.Adam(classifier.parameters(), lr=1e-3)
    for _ in range(CLASSIFIER_EPOCHS):
        for batch in training[torch.randperm(len(training))].split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(classifier(images[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        right = (classifier(images[test]).argmax(dim=1) == labels[test]).float().mean().item()
    print(f"The classifier reads {right:.1%} of the digits that it has not seen.")
    return classifier.eval()


@torch.no_grad()
def inception_score(images, classifier):
    """Return exp of the mean divergence of what the classifier sees in each image from what it sees in all."""
    log_each = F.log_softmax(classifier(images).double(), dim=1)
    log_all = log_each.logsumexp(dim=0) - math.log(len(images))
    return (log_each.exp() * (log_each - log_all)).sum(dim=1).mean().exp().item()


# The two that compete


def generator():
    width = GENERATOR_WIDTH
    network = nn.Sequential(
        nn.ConvTranspose2d(NOISE, width * 4, 4, 1, 0, bias=False),
        nn.BatchNorm2d(width * 4),
        nn.ReLU(),
        nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 2),
        nn.ReLU(),
        nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    return network.apply(start_small)


def discriminator():
    width = DISCRIMINATOR_WIDTH
    network = nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, width * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width * 2, width * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width * 4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width * 4, 1, 4, 1, 0, bias=False),
        nn.Flatten(0),  # one number per image: above 0 means real
    )
    return network.apply(start_small)


def start_small(layer):
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def some_noise(count):
    return torch.randn(count, NOISE, 1, 1)


def compete(networks, optimizers, images):
    """Train both on some batches, and return the last loss of each."""
    for batch in torch.randint(len(images), (BATCHES, BATCH)):
        drawn = networks["G"](some_noise(BATCH))
        real_guess, drawn_guess = networks["D"](images[batch]), networks["D"](drawn.detach())
        d_loss = F.softplus(-real_guess).mean() + F.softplus(drawn_guess).mean()
        optimizers["D"].zero_grad()
        d_loss.backward()
        optimizers["D"].step()

        g_loss = F.softplus(-networks["D"](drawn)).mean()
        optimizers["G"].zero_grad()
        g_loss.backward()
        optimizers["G"].step()
    return g_loss.item(), d_loss.item()


# What a trial does


def train_dcgan(config, classifier):
    images, _ = load_images()
    networks = {"G": generator(), "D": discriminator()}
    optimizers = {
        name: optim.Adam(network.parameters(), lr=config[f"net{name}_lr"], betas=(0.5, 0.999))
        for name, network in networks.items()
    }
    step = 1
    if checkpoint := tune.get_checkpoint():  # own weights, or those of a better trial
        state = checkpoint.to_dict()
        step = state["step"] + 1
        for name in networks:
            networks[name].load_state_dict(state[f"net{name}"])
            optimizers[name].load_state_dict(state[f"optimizer{name}"])
            for group in optimizers[name].param_groups:  # the state holds the old learning rate
                group["lr"] = config[f"net{name}_lr"]
    while True:  # the stop criterion of the run ends it
        g_loss, d_loss = compete(networks, optimizers, images)
        with torch.no_grad():
            drawn = networks["G"](some_noise(SCORED_IMAGES))
        metrics = {"is_score": inception_score(drawn, classifier), "lossg": g_loss, "lossd": d_loss}
        checkpoint = None
        if step % INTERVAL == 0:
            state = {"step": step}
            for name in networks:
                state[f"net{name}"] = networks[name].state_dict()
                state[f"optimizer{name}"] = optimizers[name].state_dict()
            checkpoint = tune.Checkpoint.from_dict(state)
        tune.report(metrics, checkpoint=checkpoint)
        step += 1


def search(classifier, iterations, trials, seed, **run_options):
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=INTERVAL,
        hyperparam_mutations={  # swapped bounds are put in order
            "netG_lr": tune.uniform(1e-2, 1e-5),
            "netD_lr": tune.uniform(1e-2, 1e-5),
        },
        synch=True,
    )
    tuner = tune.Tuner(
        tune.with_parameters(train_dcgan, classifier=classifier),
        param_space={
            "netG_lr": tune.choice([0.0001, 0.0002, 0.0005]),
            "netD_lr": tune.choice([0.0001, 0.0002, 0.0005]),
        },
        tune_config=tune.TuneConfig(metric="is_score", mode="max", scheduler=scheduler, num_samples=trials, seed=seed),
        run_config=tune.RunConfig(stop={"training_iteration": iterations}, verbose=0, **run_options),
    )
    return tuner.fit()


# What came out


def plot(results, best):
    if find_spec("matplotlib") is None:
        print('For plots: pip install "poptune[plots]"')
        return
    from matplotlib.figure import Figure

    folder = Path(results.experiment_path)
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = {"is_score": "inception score", "lossg": "loss of the generator", "lossd": "loss of the discriminator"}
    for axes, (metric, title) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for result in sorted(results, key=lambda result: result.trial_id == best.trial_id):  # the best on top
            is_best = result.trial_id == best.trial_id
            style = {"color": "#c8382d", "label": "best"} if is_best else {"color": "0.75", "linewidth": 0.8}
            axes.plot([row["training_iteration"] for row in result.rows], [row[metric] for row in result.rows], **style)
        axes.set(title=title, xlabel="iteration")
        axes.grid(color="0.92")
    figure.axes[0].legend(loc="lower right")
    figure.savefig(folder / "training.png")

    framed = F.pad(drawn_by(best.checkpoint, 64)[:, 0], (1, 1, 1, 1), value=1)
    side = framed.shape[-1]
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(framed.view(8, 8, side, side).transpose(1, 2).reshape(8 * side, 8 * side), cmap="gray", vmin=-1, vmax=1)
    axes.axis("off")
    figure.savefig(folder / "drawn.png")
    print(f"Plots: {folder / 'training.png'}, {folder / 'drawn.png'}")


@torch.no_grad()
def drawn_by(checkpoint, count):
    network = generator()
    network.load_state_dict(checkpoint.to_dict()["netG"])
    return network(some_noise(count))


def check(results, best):
    """Return the claims that do not hold."""
    scores = [row["is_score"] for row in best.rows]
    third = len(scores) // 3
    claims = {
        "each score is a number from 1 to 10": all(
            1 <= row["is_score"] <= 10 for result in results for row in result.rows
        ),
        "the score rises by more than 0.5, from the first third to the last": mean(scores[-third:])
        > mean(scores[:third]) + 0.5,
        "some trial copies another": len(results.exploits) > 0,
    }
    return [claim for claim, holds in claims.items() if not holds]


def main():
    parser = argparse.ArgumentParser(description="PBT of a DCGAN on digits.")
    parser.add_argument("--smoke", action="store_true", help="two trials, 40 iterations: too few to draw well")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", default="poptune_results", help="directory for the run")
    parser.add_argument("--executor", choices=["processes", "inline", "ray"], default="processes")
    arguments = parser.parse_args()
    trials, iterations = (2, 40) if arguments.smoke else (8, 100)
    options = {"storage_path": arguments.storage, "executor": arguments.executor}

    classifier = trained_classifier(arguments.seed)
    results = search(classifier, iterations, trials, arguments.seed, **options)
    best = results.get_best_result()
    print(f"PBT, {len(results)} trials, {len(results.exploits)} exploits: {results.experiment_path}")
    print(f"  inception score {best.rows[0]['is_score']:.2f} at first, {best.metrics['is_score']:.2f} at the end:")
    print("\n".join(f"    {line}" for line in str(best.schedule).splitlines()))
    plot(results, best)
    if failed := check(results, best):
        sys.exit(f"Does not hold with seed {arguments.seed}: {'; '.join(failed)}.")


if __name__ == "__main__":
    main()

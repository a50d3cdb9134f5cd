"""What `poptune demo` trains: a small neural network, in NumPy, that reads handwritten digits.

The images come with scikit-learn: 1797 real digits of 8x8 pixels. As they are, a few random hyperparameters
suffice for 97 % of them, so each image is moved by up to one pixel in both directions: validation and test
images once and for all, training images anew in every epoch. A network of this size then takes so long to
learn that its schedule matters, and an epoch still costs only milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from poptune.errors import MissingExtra
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables.session import get_checkpoint, report

Floats = NDArray[np.float64]
Arrays = dict[str, Floats]

CLASSES = 10
EDGE = 8
PIXELS = EDGE * EDGE
HIDDEN = 64
BATCH = 8

_TRAINING = 600
_VALIDATION = 600
_SPLIT_SEED = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled images.

    Attributes:
        images: Shape (n, 64), row by row, brightness from 0 to 1.
        labels: Shape (n,), integers from 0 to 9.
    """

    images: Floats
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: NDArray[np.int64]) -> Examples:
        """Return the examples at some places, in that order."""
        return Examples(self.images[places], self.labels[places])

    def moved(self, rng: np.random.Generator) -> Examples:
        """Return the images, each moved by -1, 0 or 1 pixel down and right; what enters is background."""
        n = len(self)
        padded = np.pad(self.images.reshape(n, EDGE, EDGE), ((0, 0), (1, 1), (1, 1)))
        rows = rng.integers(0, 3, (n, 1, 1)) + np.arange(EDGE)[:, None]
        columns = rng.integers(0, 3, (n, 1, 1)) + np.arange(EDGE)
        images = padded[np.arange(n)[:, None, None], rows, columns].reshape(n, PIXELS)
        return Examples(images, self.labels)


@dataclass(frozen=True, slots=True)
class Split:
    """The digits in three parts that share no image.

    Attributes:
        training: 600 images where scikit-learn has them; `train_epoch` moves them.
        validation: 600 images, moved: what ranks the trials.
        test: The other 597, moved: look at them once, with the winner.
    """

    training: Examples
    validation: Examples
    test: Examples


@cache
def load_digits_split() -> Split:
    """Return the digits, split the same way every time.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtra("scikit-learn", extra="demo", purpose="poptune demo") from None
    pixels, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(_SPLIT_SEED)
    order = rng.permutation(len(labels))
    parts = np.split(order, [_TRAINING, _TRAINING + _VALIDATION])
    training, validation, test = (Examples(pixels[part] / 16, labels[part]) for part in parts)
    return Split(training, validation.moved(rng), test.moved(rng))


@dataclass(frozen=True, slots=True)
class Network:
    """A network of 64 inputs, one hidden layer of rectified units and a softmax over 10 classes.

    Attributes:
        weights: `w1` (64, hidden), `b1` (hidden,), `w2` (hidden, 10), `b2` (10,).
        velocities: The momentum of each, same names and shapes.
    """

    weights: Arrays
    velocities: Arrays

    @classmethod
    def new(cls, rng: np.random.Generator, hidden: int = HIDDEN) -> Network:
        """Return a network with random weights, scaled for rectified units (He et al. 2015), at rest."""
        weights = {
            "w1": rng.normal(0, np.sqrt(2 / PIXELS), (PIXELS, hidden)),
            "b1": np.zeros(hidden),
            "w2": rng.normal(0, np.sqrt(2 / hidden), (hidden, CLASSES)),
            "b2": np.zeros(CLASSES),
        }
        return cls(weights, {name: np.zeros_like(array) for name, array in weights.items()})

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Network:
        """Return the network in a state, such as `result.checkpoint.to_dict()`."""
        return cls(dict(state["weights"]), dict(state["velocities"]))

    def state(self) -> dict[str, Arrays]:
        """Return the network as a dictionary of dictionaries of arrays."""
        return {"weights": self.weights, "velocities": self.velocities}


def train_epoch(
    network: Network,
    examples: Examples,
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    rng: np.random.Generator,
) -> tuple[Network, float]:
    """Train once through the examples, moved and in random order.

    Stochastic gradient descent over batches of 8, with `velocity = momentum * velocity + gradient +
    weight_decay * weight` and `weight -= lr * velocity`, so that a new learning rate takes hold at once. One
    that is too high ends in a huge loss or NaN, without a warning: such a trial ranks last, and that is all.

    Returns:
        The new network, and the mean loss of the batches, in nats per image.
    """
    weights = {name: array.copy() for name, array in network.weights.items()}
    velocities = {name: array.copy() for name, array in network.velocities.items()}
    moved = examples.moved(rng)
    order = rng.permutation(len(moved))
    total = 0.0
    with np.errstate(all="ignore"):
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            batch_loss, gradient = loss_and_gradient(weights, moved.take(batch))
            total += batch_loss * len(batch)
            for name, weight in weights.items():
                velocity = velocities[name]
                velocity *= momentum
                velocity += gradient[name]
                velocity += weight_decay * weight
                weight -= lr * velocity
    return Network(weights, velocities), total / len(order)


def loss_and_gradient(weights: Arrays, examples: Examples) -> tuple[float, Arrays]:
    """Return the mean cross-entropy in nats per image, and its gradient under the names of the weights."""
    n = len(examples)
    hidden, log_probabilities = _forward(weights, examples.images)
    right = (np.arange(n), examples.labels)
    d_logits = np.exp(log_probabilities)
    d_logits[right] -= 1
    d_logits /= n
    d_hidden = (d_logits @ weights["w2"].T) * (hidden > 0)
    gradient = {
        "w1": examples.images.T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": hidden.T @ d_logits,
        "b2": d_logits.sum(axis=0),
    }
    return -float(log_probabilities[right].mean()), gradient


def loss(network: Network, examples: Examples) -> float:
    """Return the mean cross-entropy in nats per image. Guessing gets `log(10)`; NaN is possible."""
    log_probabilities = _predict(network, examples)
    return -float(log_probabilities[np.arange(len(examples)), examples.labels].mean())


def accuracy(network: Network, examples: Examples) -> float:
    """Return the fraction of images that the network reads right."""
    return float((_predict(network, examples).argmax(axis=1) == examples.labels).mean())


def _predict(network: Network, examples: Examples) -> Floats:
    with np.errstate(all="ignore"):
        return _forward(network.weights, examples.images)[1]


def _forward(weights: Arrays, images: Floats) -> tuple[Floats, Floats]:
    """Return the hidden units, shape (n, hidden), and the log-probabilities, shape (n, 10)."""
    hidden = np.maximum(images @ weights["w1"] + weights["b1"], 0)
    logits = hidden @ weights["w2"] + weights["b2"]
    logits -= logits.max(axis=1, keepdims=True)
    return hidden, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def train(config: Mapping[str, Any]) -> NoReturn:
    """Train for ever, with a report after every epoch: the training function of `poptune demo`.

    Args:
        config: Numbers `lr`, `momentum` and `weight_decay`; `checkpoint_interval` in epochs, 1 if missing.

    Its reports hold `validation_loss` and `train_loss`, in nats per image, and `validation_accuracy`. Of its
    checkpoints, `Network.of(checkpoint.to_dict())` makes the network.
    """
    split = load_digits_split()
    if checkpoint := get_checkpoint():
        state = checkpoint.to_dict()
        network, epoch, seed = Network.of(state), state["epoch"], state["seed"]
    else:
        seed = int(np.random.randint(2**31))  # from the global generator, which the run seeds for each trial
        network, epoch = Network.new(np.random.default_rng(seed)), 0

    while True:
        epoch += 1
        network, train_loss = train_epoch(
            network,
            split.training,
            lr=config["lr"],
            momentum=config["momentum"],
            weight_decay=config["weight_decay"],
            rng=np.random.default_rng((seed, epoch)),  # so that a restored trial trains as an undisturbed one
        )
        is_due = epoch % config.get("checkpoint_interval", 1) == 0
        state = {"epoch": epoch, "seed": seed, **network.state()}
        report(
            {
                "validation_loss": loss(network, split.validation),
                "validation_accuracy": accuracy(network, split.validation),
                "train_loss": train_loss,
            },
            checkpoint=Checkpoint.from_dict(state) if is_due else None,
        )

import sys

import numpy as np
import pytest

import poptune as tune
from poptune.errors import MissingExtra
from poptune.faces.digits import (
    Examples,
    Network,
    accuracy,
    load_digits_split,
    loss,
    loss_and_gradient,
    train,
    train_epoch,
)
from poptune.schedulers import PopulationBasedTraining

SENSIBLE = {"lr": 0.1, "momentum": 0.5, "weight_decay": 1e-5}


@pytest.fixture(scope="module")
def split():
    pytest.importorskip("sklearn")
    return load_digits_split()


def trained(split, epochs, seed=0, **settings):
    network = Network.new(np.random.default_rng(seed))
    for epoch in range(epochs):
        network, _ = train_epoch(
            network, split.training, **{**SENSIBLE, **settings}, rng=np.random.default_rng((seed, epoch))
        )
    return network


def test_the_parts_have_their_sizes_and_share_no_image(split):
    parts = [split.training, split.validation, split.test]
    assert [part.images.shape for part in parts] == [(600, 64), (600, 64), (597, 64)]
    brightness = np.concatenate([part.images for part in parts])
    assert (brightness.min(), brightness.max()) == (0, 1)

    from sklearn.datasets import load_digits

    labels = np.concatenate([part.labels for part in parts])
    assert np.bincount(labels).tolist() == np.bincount(load_digits().target).tolist()
    drawn = np.random.default_rng(0).permutation(1797)  # the order that the parts are cut from
    assert labels.tolist() == load_digits().target[drawn].tolist()


def test_the_split_is_the_same_every_time(split):
    again = load_digits_split.__wrapped__()
    for part in ("training", "validation", "test"):
        assert np.array_equal(getattr(again, part).images, getattr(split, part).images)
        assert np.array_equal(getattr(again, part).labels, getattr(split, part).labels)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtra, match=r'poptune demo needs scikit-learn.*pip install "poptune\[demo\]"'):
        load_digits_split.__wrapped__()


def test_an_image_moves_by_at_most_one_pixel_and_keeps_its_label():
    picture = np.zeros((8, 8))
    picture[4, 2] = 1
    pictures = Examples(np.tile(picture.reshape(1, 64), (200, 1)), np.arange(200))
    moved = pictures.moved(np.random.default_rng(0))
    assert moved.labels.tolist() == list(range(200))
    assert (moved.images.sum(axis=1) == 1).all()
    places = {divmod(int(place), 8) for place in moved.images.argmax(axis=1)}
    assert places == {(row, column) for row in (3, 4, 5) for column in (1, 2, 3)}


def test_the_same_generator_gives_the_same_network(split):
    first, second = trained(split, 2), trained(split, 2)
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)
    other = trained(split, 2, seed=1)
    assert not np.array_equal(first.weights["w1"], other.weights["w1"])


def test_training_leaves_the_old_network_as_it_was(split):
    network = Network.new(np.random.default_rng(0))
    before = network.weights["w1"].copy()
    train_epoch(network, split.training, **SENSIBLE, rng=np.random.default_rng(0))
    assert np.array_equal(network.weights["w1"], before)
    assert not network.velocities["w1"].any()


def test_a_network_survives_its_state(split):
    network = trained(split, 1)
    again = Network.of({"epoch": 1, **network.state()})
    assert loss(again, split.test) == loss(network, split.test)
    assert np.array_equal(again.velocities["w2"], network.velocities["w2"])


def test_it_learns(split):
    untrained = Network.new(np.random.default_rng(0))
    assert accuracy(untrained, split.validation) < 0.3
    network = trained(split, 60)
    assert accuracy(network, split.validation) > 0.9
    assert loss(network, split.validation) < 0.3


def test_the_reported_training_loss_is_of_the_epoch(split):
    network, train_loss = train_epoch(
        Network.new(np.random.default_rng(0)), split.training, **SENSIBLE, rng=np.random.default_rng(0)
    )
    assert loss(network, split.training) < train_loss < np.log(10) + 0.5


def test_weight_decay_keeps_the_weights_small(split):
    free, decayed = trained(split, 3), trained(split, 3, weight_decay=0.1)
    assert np.linalg.norm(decayed.weights["w1"]) < np.linalg.norm(free.weights["w1"])


@pytest.mark.parametrize("lr", [3.0, 1e30])  # the second overflows everything
def test_an_insane_learning_rate_fails_quietly(split, lr):
    network = trained(split, 3, lr=lr, momentum=0.99)
    assert not loss(network, split.validation) < np.log(10)  # NaN included
    assert accuracy(network, split.validation) < 0.5


def test_the_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(5)
    examples = Examples(rng.random((6, 64)), rng.integers(0, 10, 6))
    weights = Network.new(rng, hidden=4).weights
    _, gradient = loss_and_gradient(weights, examples)
    step = 1e-6
    for name, array in weights.items():
        for place in rng.choice(array.size, size=min(array.size, 12), replace=False):
            slope = np.zeros(2)
            for side, sign in enumerate((1, -1)):
                moved = array.copy()
                moved.flat[place] += sign * step
                slope[side], _ = loss_and_gradient({**weights, name: moved}, examples)
            assert (slope[0] - slope[1]) / (2 * step) == pytest.approx(gradient[name].flat[place], abs=1e-7)


def test_a_population_trains_it_and_the_checkpoint_is_the_network_that_was_measured(split, tmp_path):
    space = {
        "lr": tune.loguniform(1e-3, 3),
        "momentum": tune.uniform(0, 0.99),
        "weight_decay": tune.loguniform(1e-6, 1e-1),
    }
    results = tune.Tuner(
        train,
        param_space={**space, "checkpoint_interval": 2},
        tune_config=tune.TuneConfig(
            metric="validation_loss",
            mode="min",
            num_samples=4,
            seed=0,
            scheduler=PopulationBasedTraining(
                "training_iteration", perturbation_interval=2, hyperparam_mutations=space, synch=True
            ),
        ),
        run_config=tune.RunConfig(stop={"training_iteration": 8}, executor="inline", storage_path=tmp_path, verbose=0),
    ).fit()
    best = results.get_best_result()
    assert not results.errors
    assert results.exploits
    saved = best.checkpoint.to_dict()
    assert saved["epoch"] == best.metrics["training_iteration"] == 8
    assert loss(Network.of(saved), split.validation) == pytest.approx(best.metrics["validation_loss"], rel=1e-9)

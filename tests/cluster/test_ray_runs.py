"""Runs in Ray actors, on one machine and on three nodes, decide and report what runs elsewhere do."""

from __future__ import annotations

from functools import cache

import pytest

import poptune as tune
from clusters import one_machine, three_nodes_on_one_machine
from figure2_guide import run_population_of_4
from poptune.core.events import TrialStarted
from poptune.faces.digits import train
from runs import decisions, events, pbt, stable_rows


def guide(**run):
    """The seed guide's toy: four trials, 100 iterations, 24 rounds."""
    return run_population_of_4(seed=0, verbose=0, **run)


def digits(**run):
    """Small networks of NumPy alone that read handwritten digits."""
    space = {"lr": tune.loguniform(1e-3, 1.0), "momentum": tune.uniform(0.0, 0.99)}
    scheduler = pbt(2, "validation_loss", mode="min", hyperparam_mutations=space)
    tuner = tune.Tuner(
        train,
        param_space={**space, "weight_decay": 1e-4, "checkpoint_interval": 2},
        tune_config=tune.TuneConfig(num_samples=4, seed=0, scheduler=scheduler),
        run_config=tune.RunConfig(stop={"training_iteration": 8}, verbose=0, **run),
    )
    return tuner.fit()


def torch(**run):
    """Convolutional networks, trained by torch with numbers drawn at random."""
    from digits_convnet import search  # which imports torch

    return search(epochs=6, trials=4, mnist=None, seed=1, **run)


@pytest.fixture(scope="module", params=[(1, one_machine), (3, three_nodes_on_one_machine)], ids=["1 node", "3 nodes"])
def nodes(request):
    """Return how many nodes there are."""
    number, started = request.param
    with started():
        yield number


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """Return a function that returns the results of a run inline, which trains once for all tests."""
    return cache(lambda run: run(executor="inline", storage_path=tmp_path_factory.mktemp("inline")))


@pytest.mark.parametrize("run", [guide, digits, torch])
def test_decisions_and_metrics_are_those_of_runs_elsewhere(nodes, run, references, tmp_path):
    reference = references(run)
    results = run(executor="ray", storage_path=tmp_path)
    assert reference.exploits
    assert decisions(results) == decisions(reference)
    assert stable_rows(results) == stable_rows(reference)
    hosts = {start.hostname for start in events(results, TrialStarted)}
    assert len(hosts) > 1 if nodes > 1 else len(hosts) == 1

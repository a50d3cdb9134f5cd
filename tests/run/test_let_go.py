"""Weights are let go as soon as their trial has others, or has ended: it takes no collection of garbage."""

from __future__ import annotations

import gc
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import poptune as tune
from runs import pbt

ALIVE: weakref.WeakSet[Any] = weakref.WeakSet()
AT_START: list[int] = []  # how many weights were alive whenever a trial was about to make some


@pytest.fixture(autouse=True)
def no_garbage_is_collected() -> Iterator[None]:
    ALIVE.clear()
    AT_START.clear()
    gc.disable()
    yield
    gc.enable()


class Memory:
    """Notes that memory is alive: arrays cannot be in a set."""


def noted(weights: Any) -> Any:
    memory = Memory()
    ALIVE.add(memory)
    owner = weights
    while isinstance(getattr(owner, "base", None), np.ndarray):
        owner = owner.base
    weakref.finalize(owner, lambda held: None, memory).atexit = False
    return weights


def starts_from(read: Callable[[tune.Checkpoint], Any]) -> Any:
    AT_START.append(len(ALIVE))
    checkpoint = tune.get_checkpoint()
    return noted(np.ones(1000)) if checkpoint is None else noted(read(checkpoint))


def by_dictionary(config):
    weights = starts_from(lambda checkpoint: checkpoint.to_dict()["weights"])
    while True:
        state = {"weights": weights, "seen": {1, 2}}
        tune.report({"height": config["speed"]}, checkpoint=tune.Checkpoint.from_dict(state))


def by_tensors(config):
    weights = starts_from(lambda checkpoint: checkpoint.to_dict()["weights"].numpy())
    while True:
        state = {"weights": torch.from_numpy(weights)}  # which shares its memory
        tune.report({"height": config["speed"]}, checkpoint=tune.Checkpoint.from_dict(state))


def by_files(config):
    def load(checkpoint):
        with checkpoint.as_directory() as folder:
            return np.load(f"{folder}/weights.npy")

    weights = starts_from(load)
    while True:
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/weights.npy", weights)
            tune.report({"height": config["speed"]}, checkpoint=tune.Checkpoint.from_directory(folder))


class InAClass(tune.Trainable):
    def setup(self, config):
        AT_START.append(len(ALIVE))
        self.weights = noted(np.ones(1000))

    def step(self):
        return {"height": self.config["speed"]}

    def save_checkpoint(self, folder):
        return {"weights": self.weights}

    def load_checkpoint(self, saved):
        del self.weights
        self.weights = noted(saved["weights"])


@pytest.mark.parametrize("train", [by_dictionary, by_tensors, by_files, InAClass], ids=lambda train: train.__name__)
def test_a_clone_begins_when_the_weights_that_it_replaces_are_gone(fit, train):
    space = {"speed": tune.grid_search([1.0, 2.0])}
    fit(train, space, scheduler=pbt(interval=1), stop={"training_iteration": 8})
    assert AT_START[:2] == [0, 1]
    assert AT_START[2:] == [1] * 7  # those of the other trial
    assert not ALIVE


def test_a_trial_that_fails_begins_again_when_its_weights_are_gone(fit):
    def train(config):
        weights = starts_from(lambda checkpoint: checkpoint.to_dict()["weights"])
        while True:
            tune.report({"height": 1.0}, checkpoint=tune.Checkpoint.from_dict({"weights": weights}))
            if len(AT_START) < 4:
                raise ValueError("the loss exploded")

    fit(train, {}, failure_config=tune.FailureConfig(max_failures=5), stop={"training_iteration": 8})
    assert AT_START == [0, 0, 0, 0]
    assert not ALIVE

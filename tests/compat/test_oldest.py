"""Trainables as before Ray 0.8 are refused with what to rename."""

from __future__ import annotations

import re

import pytest

from poptune.compat import tune
from poptune.errors import UsageError


def reporting(config, reporter):
    reporter(mean_loss=config["lr"])


class Net(tune.Trainable):
    def _setup(self, config):
        self.x = 0

    def _train(self):
        return {"x": self.x}

    def _save(self, checkpoint_dir):
        return {"x": self.x}

    def _restore(self, checkpoint):
        self.x = checkpoint["x"]


RENAMES = re.escape("Rename _setup to setup, _train to step, _save to save_checkpoint, _restore to load_checkpoint.")


def given_to_tuner(trainable):
    return tune.Tuner(trainable)


def given_to_run(trainable):
    return tune.run(trainable)


def registered(trainable):
    return tune.register_trainable("old", trainable)


@pytest.mark.parametrize("give", [given_to_tuner, given_to_run, registered])
@pytest.mark.parametrize("wrap", [lambda trainable: trainable, lambda one: tune.with_resources(one, {"cpu": 1})])
@pytest.mark.parametrize(
    ("trainable", "words"), [(reporting, r"Take the config alone, and call tune\.report"), (Net, RENAMES)]
)
def test_each_is_told_what_has_another_name_now(give, wrap, trainable, words):
    with pytest.raises(UsageError, match=words):
        give(wrap(trainable))


def test_the_same_names_in_classes_and_functions_of_today_are_nobodys_business(tmp_path):
    class Today(tune.Trainable):
        def setup(self, config):
            self._setup()

        def _setup(self):
            self.x = 1

        def _save(self):
            raise AssertionError

        def step(self):
            return {"x": self.x, "done": True}

    def told(config, reporter):
        return {"x": reporter}

    run_config = tune.RunConfig(storage_path=tmp_path, executor="inline", verbose=0)
    for trainable in (Today, tune.with_parameters(told, reporter=1)):
        assert tune.Tuner(trainable, run_config=run_config).fit()[0].metrics["x"] == 1

"""`ray.init` and its kin: what runs may use, and what the cluster of one machine looks like."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

import poptune.compat as ray
from poptune.compat import tune
from poptune.errors import OptionError, UsageError
from poptune.executors.machine import Machine
from poptune.storage.journal import Journal


@pytest.fixture(autouse=True)
def over():
    """Take back what a test said."""
    yield
    ray.shutdown()


def workers_of(results):
    with Journal.open(Path(results.experiment_path)) as journal:
        return journal.about["workers"]


@pytest.fixture
def climbers(fit):
    """Return a function that runs four trials, of so many cores each, in worker processes."""

    def run(cpu=1):
        return fit(
            tune.with_resources(lambda config: {"height": 1}, {"cpu": cpu}), {}, num_samples=4, executor="processes"
        )

    return run


@pytest.mark.parametrize(("cpus", "each", "side_by_side"), [(1, 1, 1), (8, 4, 2), (3, 0.8, 3)])
def test_so_many_trials_train_side_by_side_as_its_cores_hold(climbers, cpus, each, side_by_side):
    ray.init(num_cpus=cpus)
    results = climbers(each)
    assert results.num_errors == 0
    assert workers_of(results) == side_by_side


def test_a_trial_that_asks_for_more_is_refused(climbers):
    ray.init(num_cpus=2)
    with pytest.raises(UsageError, match="One trial asks for 4 cpu"):
        climbers(4)


def test_a_further_call_changes_nothing_until_shutdown():
    there = Machine.this()
    assert not ray.is_initialized()
    ray.init(address="local", num_cpus=3, ignore_reinit_error=True, include_dashboard=False, local_mode=False)
    ray.init(num_cpus=5)
    assert ray.is_initialized()
    assert Machine.this().cpus == 3
    ray.shutdown()
    ray.shutdown()
    assert not ray.is_initialized()
    ray.init()
    assert Machine.this() == there


class TestGpus:
    def test_the_first_ones_are_used(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,GPU-7")
        ray.init(num_gpus=2)
        assert Machine.this().gpus == ("4", "5")
        assert ray.cluster_resources()["GPU"] == 2.0

    def test_no_more_than_this_process_may_use(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
        with pytest.raises(OptionError, match=r"num_gpus=3\): CUDA_VISIBLE_DEVICES='4,5' names 2"):
            ray.init(num_gpus=3)
        assert not ray.is_initialized()

    def test_if_nothing_is_said_they_are_only_counted(self, monkeypatch):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        number = len(Machine.found().gpus) + 1
        ray.init(num_gpus=number)
        assert Machine.this().gpus == tuple(map(str, range(number)))

    def test_a_trial_knows_its_own(self, fit, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
        assert ray.get_gpu_ids() == []
        asking = tune.with_resources(lambda config: {"gpus": ray.get_gpu_ids()}, {"cpu": 1, "gpu": 2})
        (result,) = fit(asking, {}, executor="processes")
        assert result.metrics["gpus"] == [4, "GPU-7"]


@pytest.mark.parametrize("arguments", [{"num_cpus": -1}, {"num_gpus": 0.5}, {"num_cpus": True}])
def test_numbers_that_cannot_be_are_refused(arguments):
    with pytest.raises(OptionError, match="must be a whole number from 0"):
        ray.init(**arguments)


class TestEnvironment:
    def test_variables_reach_the_workers(self, fit, monkeypatch):
        monkeypatch.setenv("COLOUR", "red")
        monkeypatch.delenv("SHAPE", raising=False)
        ray.init(runtime_env={"env_vars": {"COLOUR": "blue", "SHAPE": "round"}})
        (result,) = fit(lambda config: {key: os.environ[key] for key in ("COLOUR", "SHAPE")}, {}, executor="processes")
        assert (result.metrics["COLOUR"], result.metrics["SHAPE"]) == ("blue", "round")
        ray.shutdown()
        assert os.environ["COLOUR"] == "red"
        assert "SHAPE" not in os.environ

    def test_they_are_text(self):
        with pytest.raises(OptionError, match="variable COUNT must be a text, not 1"):
            ray.init(runtime_env={"env_vars": {"COLOUR": "blue", "COUNT": 1}})
        assert "COLOUR" not in os.environ


def test_what_else_is_asked_for_is_named_once():
    words = r"ray\.init ignores address, local_mode, log_to_driver, runtime_env\['pip'\]: runs are on this machine"
    with pytest.warns(UserWarning, match=words) as caught:
        ray.init(
            "auto", local_mode=True, log_to_driver=False, include_dashboard=False, runtime_env={"pip": ["lightning"]}
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_what_is_so_anyway_is_not_named():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ray.init(address=None, ignore_reinit_error=False, log_to_driver=True, runtime_env={}, namespace=None)


def test_the_cluster_is_this_machine():
    assert ray.cluster_resources() == ray.available_resources()
    assert ray.cluster_resources()["CPU"] == Machine.this().cpus
    (node,) = ray.nodes()
    assert node["Alive"]
    assert node["Resources"] == ray.cluster_resources()

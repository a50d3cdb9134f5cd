"""What cannot work is refused before anything trains, and the message says what to change."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import poptune as tune
from poptune.errors import MetricError, MissingExtra, UsageError
from poptune.testing.toys import Climber
from runs import pbt


def report_once(config):
    tune.report(config["metrics"])


@pytest.fixture(params=["inline", "processes"])
def executor(request):
    return request.param


def refusal(error, call):
    """Return the message with which a call is refused. Its traceback shows none of our frames below `fit`."""
    with pytest.raises(error) as caught:
        call()
    assert "runner" not in {Path(str(entry.path)).stem for entry in caught.traceback}
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_a_misspelt_metric_is_refused_at_the_first_report(fit, executor):
    message = refusal(
        MetricError,
        lambda: fit(
            Climber,
            {"speed": 1.0},
            num_samples=2,
            scheduler=pbt(metric="hieght"),
            stop={"training_iteration": 1000},
            executor=executor,
        ),
    )
    assert "metric 'hieght' is not among the reported keys: 'height', 'speed'." in message
    assert "Did you mean 'height'?" in message


def test_a_misspelt_time_attr_is_refused_at_the_first_report(fit):
    scheduler = pbt(time_attr="epoch")
    message = refusal(MetricError, lambda: fit(Climber, {"speed": 1.0}, num_samples=2, scheduler=scheduler))
    assert "time_attr 'epoch' is not among the reported keys" in message


def test_a_misspelt_metric_is_refused_without_a_population_too(fit):
    message = refusal(MetricError, lambda: fit(Climber, {"speed": 1.0}, metric="hight", mode="max"))
    assert "Did you mean 'height'?" in message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("high", "must be one real number, but str 'high' was reported"),
        ([1.0, 2.0], "must be one real number, but list [1.0, 2.0] was reported"),
        (None, "must be one real number, but NoneType None was reported"),
        (np.zeros(3), "must be one real number, but list [0.0, 0.0, 0.0] was reported"),
    ],
)
def test_a_metric_that_is_no_number_is_refused(fit, executor, value, words):
    space = {"metrics": {"height": value}}
    message = refusal(UsageError, lambda: fit(report_once, space, scheduler=pbt(), executor=executor))
    assert words in message


def test_a_tensor_is_refused_with_the_way_out(fit, executor):
    def report_tensor(config):
        import torch

        tune.report({"height": torch.zeros(1)})

    message = refusal(UsageError, lambda: fit(report_tensor, {}, scheduler=pbt(), executor=executor))
    assert "Metric 'height' is a torch tensor. Report a number: use value.item()" in message


def test_an_unpicklable_trainable_is_refused_by_the_name_of_the_object(fit):
    lock = threading.Lock()

    def locked(config):
        with lock:
            tune.report({"height": 1.0})

    message = refusal(UsageError, lambda: fit(locked, {}, executor="processes"))
    assert "locked cannot be sent to worker processes: closure variable lock = lock <unlocked" in message
    assert "executor='inline'" in message
    assert fit(locked, {}, executor="inline")[0].metrics["height"] == 1.0


@pytest.mark.parametrize("trainable", [None, "train", 3, [report_once]])
def test_a_trainable_that_is_not_callable_is_refused(trainable):
    assert "must be a function train(config)" in refusal(UsageError, lambda: tune.Tuner(trainable))


def test_a_function_that_takes_no_config_is_refused():
    def train():
        """Forget the config."""

    assert "train() cannot be called as train(config)" in refusal(UsageError, lambda: tune.Tuner(train))


@pytest.mark.parametrize("count", [0, -1, 2.0, True, None])
def test_num_samples_must_be_a_count(count):
    message = refusal(ValueError, lambda: tune.TuneConfig(num_samples=count))
    assert "num_samples must be a whole number from 1" in message


def test_metric_and_mode_are_given_once():
    twice = tune.TuneConfig(metric="height", mode="max", scheduler=pbt())
    message = refusal(ValueError, lambda: tune.Tuner(Climber, tune_config=twice))
    assert "metric is given twice: 'height' to the scheduler and 'height' to TuneConfig" in message
    never = tune.TuneConfig(scheduler=pbt(metric=None, mode=None))
    message = refusal(ValueError, lambda: tune.Tuner(Climber, tune_config=never))
    assert "needs metric and mode" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stop": 100}, "stop must be a dictionary"),
        ({"stop": {"height": "high"}}, "stop must map names to numbers"),
        ({"executor": "process"}, 'executor must be "processes", "inline"'),
        ({"name": "a/b"}, "name must be the name of a directory"),
        ({"name": Path("a")}, "name must be the name of a directory"),
        ({"durability": "full"}, 'durability must be "process" or "power"'),
    ],
)
def test_a_run_config_that_cannot_work_is_refused(options, words):
    call = lambda: tune.Tuner(Climber, run_config=tune.RunConfig(**options))  # noqa: E731
    assert words in refusal(ValueError, call)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"cpu": 100_000}, "One trial asks for 100000 cpu"),
        ({"gpus": 1}, "Did you mean 'gpu'?"),
        ({"cpu": -1}, "must be a number from 0"),
    ],
)
def test_resources_that_do_not_exist_are_refused(fit, resources, words):
    call = lambda: fit(tune.with_resources(Climber, resources), {"speed": 1.0})  # noqa: E731
    assert words in refusal(UsageError, call)


def test_failure_and_checkpoint_configs_are_checked():
    assert "max_failures" in refusal(ValueError, lambda: tune.FailureConfig(max_failures=-2))
    assert "fail_fast" in refusal(ValueError, lambda: tune.FailureConfig(max_failures=1, fail_fast=True))
    assert "num_to_keep" in refusal(ValueError, lambda: tune.CheckpointConfig(num_to_keep=0))
    functional = tune.RunConfig(checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=2))
    message = refusal(UsageError, lambda: tune.Tuner(report_once, run_config=functional))
    assert "are for class trainables" in message


def test_a_trainable_that_cannot_be_loaded_in_a_worker_says_why(fit, tmp_path, monkeypatch):
    (tmp_path / "fleeting.py").write_text("def train(config):\n    return {'height': 1.0}\n")
    monkeypatch.syspath_prepend(tmp_path)
    import fleeting

    (tmp_path / "fleeting.py").write_text("raise ImportError('half of it is missing')\n")
    with pytest.raises(UsageError, match="half of it is missing") as caught:
        fit(fleeting.train, {}, executor="processes")
    assert "train cannot be loaded in a worker process" in str(caught.value)


def test_a_cached_function_of_a_script_is_refused_with_the_way_out(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import functools, poptune as tune\n"
        "@functools.cache\n"
        "def data():\n"
        "    return [1, 2, 3]\n"
        "def train(config):\n"
        "    return {'total': sum(data())}\n"
        f"tune.Tuner(train, run_config=tune.RunConfig(storage_path={str(tmp_path)!r}, verbose=0)).fit()\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "travels by its name only, as functions under functools.cache do. Move it into a module" in run.stderr


def test_a_storage_path_that_cannot_be_written_is_refused(fit, tmp_path):
    (tmp_path / "file").write_text("in the way")
    message = refusal(tune.errors.StorageError, lambda: fit(Climber, {"speed": 1.0}, storage_path=tmp_path / "file"))
    assert str(tmp_path / "file") in message


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_ray_without_its_extra_is_refused_with_the_command_to_run():
    with pytest.raises(MissingExtra, match=r'needs ray, which is not installed\. Run: pip install "poptune\[ray\]"$'):
        tune.RunConfig(executor="ray")

import warnings

import numpy as np
import pytest
import torch

from poptune.errors import MetricError, UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables import session
from poptune.trainables.session import TrialContext, Unwound, get_checkpoint, get_context, plain_metrics, report


class Recorder:
    """A session that keeps what it is told."""

    def __init__(self):
        self.context = TrialContext("00001", "net_00001", "/runs/demo/net_00001", "demo", {"cpu": 2.0})
        self.reports = []

    def take_checkpoint(self):
        return Checkpoint.from_dict({"epoch": 3})

    def report(self, metrics, checkpoint):
        self.reports.append((metrics, checkpoint))


@pytest.fixture
def running():
    session.current = Recorder()
    yield session.current
    session.current = None


def test_a_report_outside_of_a_run_warns_where_it_was_called():
    with pytest.warns(UserWarning, match=r"tune.report was called outside of a run: nothing is recorded") as caught:
        report({"accuracy": 0.9})
    assert caught[0].filename == __file__


def test_outside_of_a_run_there_are_no_facts_and_no_checkpoint():
    context = get_context()
    assert get_checkpoint() is None
    assert context.get_trial_id() is context.get_trial_name() is context.get_trial_dir() is None
    assert context.get_experiment_name() is None
    assert context.get_trial_resources() == {}


def test_inside_of_a_run_the_code_talks_to_its_session(running):
    checkpoint = Checkpoint.from_dict({"epoch": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report({"accuracy": np.float32(0.5)}, checkpoint=checkpoint)
        report({"accuracy": 0.75})
    assert running.reports == [({"accuracy": 0.5}, checkpoint), ({"accuracy": 0.75}, None)]
    assert get_checkpoint().to_dict() == {"epoch": 3}
    context = get_context()
    assert (context.get_trial_id(), context.get_trial_name()) == ("00001", "net_00001")
    assert (context.get_trial_dir(), context.get_experiment_name()) == ("/runs/demo/net_00001", "demo")
    assert context.get_trial_resources() == {"cpu": 2.0}


@pytest.mark.parametrize("checkpoint", ["/some/folder", {"epoch": 3}])
def test_a_checkpoint_of_another_type_is_refused(running, checkpoint):
    with pytest.raises(UsageError, match=r"must be a Checkpoint, not (str|dict): use Checkpoint.from_directory"):
        report({"accuracy": 0.5}, checkpoint=checkpoint)
    assert running.reports == []


def test_training_code_that_catches_exceptions_does_not_catch_its_end():
    assert not issubclass(Unwound, Exception)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (3, 3),
        (0.5, 0.5),
        (True, True),
        (None, None),
        ("adam", "adam"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(False), False),
        (np.array(0.5), 0.5),
        (np.array(0.5, dtype=object), 0.5),  # neither float nor int to NumPy, as the bfloat16 of JAX
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([]), []),
        ([np.float32(0.5), {"n": np.int8(1)}], [0.5, {"n": 1}]),
        ((np.float32(0.5), 1), [0.5, 1]),
    ],
)
def test_metrics_become_plain_values(value, plain):
    found = plain_metrics({"m": value, "eval": {"deep": {"m": value}}})
    assert found == {"m": plain, "eval": {"deep": {"m": plain}}}
    assert type(found["m"]) is type(plain)
    assert type(found["eval"]["deep"]["m"]) is type(plain)


def test_keys_become_strings():
    assert plain_metrics({1: 0.5, "per_class": {0: 0.1, 1: 0.2}}) == {"1": 0.5, "per_class": {"0": 0.1, "1": 0.2}}


def test_what_the_user_reported_is_not_shared():
    metrics = {"eval": {"loss": 0.5}, "history": [1, 2]}
    kept = plain_metrics(metrics)
    metrics["eval"]["loss"] = 0.1
    metrics["history"].append(3)
    assert kept == {"eval": {"loss": 0.5}, "history": [1, 2]}


@pytest.mark.parametrize("tensor", [torch.tensor(0.5), torch.ones(3), torch.nn.Parameter(torch.ones(1))])
def test_tensors_are_refused_by_name(tensor):
    with pytest.raises(MetricError, match=r"Metric 'loss' is a torch tensor. Report a number: use value.item\(\)"):
        plain_metrics({"loss": tensor})
    with pytest.raises(MetricError, match="Metric 'eval/loss' is a torch tensor"):
        plain_metrics({"eval": {"loss": tensor}})
    with pytest.raises(MetricError, match="Metric 'losses' is a torch tensor"):
        plain_metrics({"losses": [0.5, tensor]})


@pytest.mark.parametrize("metrics", [0.5, [("loss", 0.5)], None, "loss"])
def test_metrics_that_are_no_dictionary_are_refused(metrics):
    with pytest.raises(MetricError, match=r"takes a dictionary such as .* not (float|list|NoneType|str)"):
        plain_metrics(metrics)

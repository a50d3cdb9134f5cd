"""What cannot work in a cluster is said in one sentence, before anything trains."""

from __future__ import annotations

import socket

import pytest

import poptune as tune
from climbers import climb
from poptune.errors import ClusterError, UsageError


def run(fit, trainable=climb):
    return fit(trainable, {"speed": 1.0}, executor="ray", stop={"training_iteration": 2})


def test_no_cluster_at_the_address(fit, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(
        ClusterError, match=rf"no Ray cluster at 127.0.0.1:{port} .*: start one with `ray start --head`"
    ):
        run(fit)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"gpu": 1}, "One trial asks for 1 GPU, and no node of the Ray cluster has that many"),
        ({"licence": 1}, "asks for 1 licence, and no node .* has that many. Did you mean 'license'?"),
        ({"cpu": 3}, "One trial asks for 3 CPU, and no node"),
    ],
)
def test_a_trial_that_no_node_can_hold(fit, local_ray, resources, message):
    with pytest.raises(UsageError, match=message):
        run(fit, tune.with_resources(climb, resources))


def test_custom_resources_and_memory_are_reserved_for_each_trial(fit, local_ray):
    one_at_a_time = tune.with_resources(climb, {"cpu": 0.5, "license": 1, "memory": 1e8})
    results = fit(one_at_a_time, {"speed": 1.0}, executor="ray", num_samples=3, stop={"training_iteration": 2})
    assert [result.metrics["height"] for result in results] == [2.0] * 3
    assert len({result.metrics["pid"] for result in results}) == 1


def test_a_trainable_that_cannot_be_loaded_there(fit, local_ray, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text(
        "import sys\nif 'default_worker' in str(sys.modules['__main__'].__file__):\n    raise ImportError('not here')\n"
        "def train(config):\n    return {'score': 1}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(UsageError, match=r"cannot be loaded in a worker process:(.|\n)*not here"):
        run(fit, only_here.train)


def test_what_trials_print_is_passed_on(fit, local_ray, capsys):
    def talk(config):
        print("hello from a node")
        return {"score": 1}

    fit(talk, {}, executor="ray")
    assert "hello from a node" in capsys.readouterr().out


def test_a_connection_that_the_user_made_stays_open(fit, local_ray):
    run(fit)
    assert local_ray.is_initialized()

"""Ray for tests: one on this machine, and clusters of several nodes that are simulated on it."""

from __future__ import annotations

import importlib.util
import os

import pytest

NEEDS_RAY = "Ray is not installed here: `make cluster` runs these tests in an environment of their own"
STORE_BYTES = 80 << 20  # Ray's least


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/cluster/"):
            item.add_marker(pytest.mark.timeout(300))  # starting a cluster of three nodes is part of a test
            if importlib.util.find_spec("ray") is None:
                item.add_marker(pytest.mark.skip(reason=NEEDS_RAY))


@pytest.fixture(scope="session")
def quiet_ray():
    """Keep Ray small, and to itself."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(STORE_BYTES)}


@pytest.fixture(scope="module")
def local_ray(quiet_ray):
    """Start a Ray of two CPUs on this machine, for all tests of a module."""
    import ray

    ray.init(
        "local",
        num_cpus=2,
        resources={"license": 1},
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
    )
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def three_nodes(quiet_ray):
    """Start a cluster of three nodes, for tests that leave it as it is."""
    yield from _simulated()


@pytest.fixture
def cluster(quiet_ray):
    """Start a cluster of three nodes, for one test alone."""
    yield from _simulated()


def _simulated():
    simulated = Simulated()
    yield simulated
    simulated.shut_down()


class Simulated:
    """Nodes alpha, beta and gamma on one machine, with two CPUs each. This process is connected to alpha."""

    def __init__(self):
        import ray
        from ray.cluster_utils import Cluster

        # A node that is lost without a word is missed after some 2 s.
        health = {
            "health_check_initial_delay_ms": 0,
            "health_check_period_ms": 500,
            "health_check_failure_threshold": 4,
        }
        head = {**_node("alpha"), "include_dashboard": False, "_system_config": health}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self._cluster.address
        self._nodes = {}
        self.add("beta")
        self.add("gamma")
        ray.init(self.address, log_to_driver=False, logging_level="ERROR")

    def add(self, name):
        self._nodes[name] = self._cluster.add_node(**_node(name))

    def remove(self, name, *, says_goodbye=True):
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=says_goodbye)

    def shut_down(self):
        import ray

        ray.shutdown()
        self._cluster.shutdown()


def _node(name):
    return {"num_cpus": 2, "object_store_memory": STORE_BYTES, "node_name": name}

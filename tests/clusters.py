"""Ray for tests, kept small and to itself: on this machine alone, or as a cluster that is simulated on it."""

from __future__ import annotations

import os
from contextlib import contextmanager

STORE_BYTES = 80 << 20  # Ray's least
QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


@contextmanager
def one_machine():
    """Start a Ray of two CPUs and one license, and connect to it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        "local",
        num_cpus=2,
        resources={"license": 1},
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        _node_ip_address="127.0.0.1",
        **QUIET,
    )
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def three_nodes_on_one_machine():
    """Start nodes alpha, beta and gamma with two CPUs each, and connect to alpha."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = _Simulated()
    try:
        yield cluster
    finally:
        cluster.shut_down()


class _Simulated:
    def __init__(self):
        import ray
        from ray.cluster_utils import Cluster

        # A node that is lost without a word is missed after some 2 s.
        health = {"initial_delay_ms": 0, "period_ms": 500, "timeout_ms": 2000, "failure_threshold": 4}
        health = {f"health_check_{name}": value for name, value in health.items()}
        head = {**_node("alpha"), "include_dashboard": False, "_system_config": health}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self._cluster.address
        self._nodes = {}
        self.add("beta")
        self.add("gamma")
        ray.init(self.address, **QUIET)

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

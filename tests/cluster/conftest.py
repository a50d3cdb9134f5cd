"""Ray for tests: one on this machine, and clusters of several nodes that are simulated on it."""

from __future__ import annotations

import importlib.util

import pytest

from clusters import one_machine, three_nodes_on_one_machine

NEEDS_RAY = "Ray is not installed here: `make cluster` runs these tests in an environment of their own"


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/cluster/"):
            item.add_marker(pytest.mark.timeout(300))  # starting a cluster of three nodes is part of a test
            if importlib.util.find_spec("ray") is None:
                item.add_marker(pytest.mark.skip(reason=NEEDS_RAY))


@pytest.fixture(scope="module")
def local_ray():
    """Start a Ray on this machine, for all tests of a module."""
    with one_machine() as ray:
        yield ray


@pytest.fixture(scope="module")
def three_nodes():
    """Start a cluster of three nodes, for all tests of a module."""
    with three_nodes_on_one_machine() as cluster:
        yield cluster


@pytest.fixture
def cluster():
    """Start a cluster of three nodes, for one test alone."""
    with three_nodes_on_one_machine() as cluster:
        yield cluster

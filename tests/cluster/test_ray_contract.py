"""A worker in a Ray actor keeps the contract of every executor, with and without storage that all nodes share."""

from __future__ import annotations

import pytest

from poptune.executors.ray import RayExecutor
from poptune.testing.contracts import ExecutorContract

pytestmark = pytest.mark.usefixtures("local_ray")


class TestRay(ExecutorContract):
    def make_executor(self, workers):
        return RayExecutor(workers)


class TestRayWithoutSharedStorage(ExecutorContract):
    def make_executor(self, workers):
        return RayExecutor(workers, shared_storage=False)

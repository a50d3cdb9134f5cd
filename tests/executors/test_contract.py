"""Every executor keeps the same contract."""

from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.testing.contracts import ExecutorContract
from poptune.testing.simulated import SimulatedExecutor


class TestInline(ExecutorContract):
    def make_executor(self, workers):
        return InlineExecutor()


class TestProcesses(ExecutorContract):
    def make_executor(self, workers):
        return ProcessExecutor(workers)


class TestSimulated(ExecutorContract):
    def make_executor(self, workers):
        return SimulatedExecutor(workers)

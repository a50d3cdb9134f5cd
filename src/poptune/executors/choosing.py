"""From the name of an executor to the executor."""

from __future__ import annotations

from poptune.executors.base import Executor
from poptune.executors.machine import Machine
from poptune.trainables.packed import Resources


def executor_for(name: str, most: int, resources: Resources) -> Executor:
    """Return an executor that has not been opened yet.

    Args:
        name: "inline", "processes" or "ray".
        most: How many trials may train at once.
        resources: What each of them needs.

    >>> executor_for("inline", 4, Resources()).workers
    1
    """
    if name == "ray":
        from poptune.executors.ray import RayExecutor

        return RayExecutor(most)
    machine = Machine.this()
    slots = min(machine.slots(resources), most)  # refuses what this machine does not have, inline too
    if name == "inline":
        from poptune.executors.inline import InlineExecutor

        return InlineExecutor()
    from poptune.executors.processes import ProcessExecutor

    return ProcessExecutor(slots, machine)

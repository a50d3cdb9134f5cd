"""Nodes leave and join: runs go on, and nothing that was acknowledged is lost."""

from __future__ import annotations

import pytest

from climbers import At, is_whole, run
from poptune.core.events import TrialEvicted, TrialFailed, TrialStarted
from poptune.executors.ray import RayExecutor
from runs import decisions, events


@pytest.mark.parametrize(
    ("says_goodbye", "shared_storage"),
    [(True, None), (False, False)],
    ids=["says goodbye, shared storage", "lost without a word, own disks"],
)
def test_a_node_leaves_and_another_joins(fit, cluster, says_goodbye, shared_storage):
    def swap(result):
        cluster.remove("gamma", says_goodbye=says_goodbye)
        cluster.add("delta")

    results = run(fit, RayExecutor(6, shared_storage=shared_storage), callbacks=[At(4, swap)])
    assert results.errors == []
    assert is_whole(results)
    assert decisions(results) == decisions(run(fit, "inline"))
    assert events(results, TrialFailed) == []
    story = events(results, TrialEvicted, TrialStarted)
    loss = next(number for number, event in enumerate(story) if isinstance(event, TrialEvicted))
    assert story[loss].reason == "its worker process was lost with its node gamma"
    assert {start.hostname for start in story[:loss]} == {"alpha", "beta", "gamma"}
    assert {event.hostname for event in story[loss:] if isinstance(event, TrialStarted)} == {"alpha", "beta", "delta"}

import math

import numpy as np
import pytest

from poptune.core.lease import Lease


def test_an_empty_lease_never_ends():
    assert not Lease().ends({"training_iteration": 10**9})


def test_a_lease_ends_where_a_decision_may_be_due():
    lease = Lease(ready_at=("epoch", 8))
    assert [epoch for epoch in range(11) if lease.ends({"epoch": epoch})] == [8, 9, 10]


@pytest.mark.parametrize("metrics", [{}, {"epoch": "8"}, {"epoch": None}, {"epoch": math.nan}], ids=repr)
def test_what_cannot_be_compared_must_be_answered(metrics):
    assert Lease(ready_at=("epoch", 8)).is_due(metrics)


def test_a_lease_ends_with_the_first_criterion_that_is_met():
    lease = Lease(stop_at={"training_iteration": 100, "eval/acc": 0.99})
    assert lease.stops({"training_iteration": 99, "eval": {"acc": 0.5}}) is None
    assert lease.stops({"training_iteration": 100, "eval": {"acc": 1.0}}) == "training_iteration >= 100"
    assert lease.stops({"training_iteration": 1, "eval": {"acc": np.float32(0.995)}}) == "eval/acc >= 0.99"


@pytest.mark.parametrize("metrics", [{}, {"acc": "1"}, {"acc": None}, {"acc": math.nan}], ids=repr)
def test_a_number_that_is_missing_meets_no_criterion(metrics):
    assert not Lease(stop_at={"acc": 0.9}).ends(metrics)


@pytest.mark.parametrize(("done", "reason"), [(True, "done"), (False, None), (1, None), ("yes", None)])
def test_only_true_means_done(done, reason):
    assert Lease().stops({"done": done}) == reason


def test_every_report_may_need_an_answer():
    assert Lease(every=True).ends({})

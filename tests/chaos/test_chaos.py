"""A small part of what `make chaos` does."""

from __future__ import annotations

import pytest

from chaos.exploiting import check, exploit
from chaos.killing import Sweep


@pytest.mark.timeout(240)
def test_seeded_runs_that_are_killed_at_random_instants_end_as_if_undisturbed(tmp_path):
    sweep = Sweep(tmp_path, seed=1)
    for number, kills in enumerate((1, 1, 5)):
        sweep.run(number, kills)
    assert sweep.equal == 3


@pytest.mark.parametrize("synch", [True, False], ids=["synchronous", "asynchronous"])
def test_exploits_leave_nothing_behind_that_grows(tmp_path, synch):
    check(*exploit(tmp_path, 400, synch=synch), count=400)

"""What is written in batches keeps no trial waiting for long, and is whole in the end."""

from __future__ import annotations

import time

from poptune.core.events import TrialFinished
from poptune.core.population import Population
from poptune.run.batches import InBatches
from runs import wait_for

STEPS, STEP_S = 200, 0.002


class Slow(InBatches):
    """Writes each record in many steps, each of which takes more time than a piece of a batch has."""

    writes = "A log"

    def __init__(self, is_ours=lambda: True):
        super().__init__([], is_ours)
        self.log = []

    def write(self, records):
        for record in records:
            for step in range(STEPS):
                began = time.monotonic()
                while time.monotonic() < began + STEP_S:
                    pass
                self.log.append((record.trial, step))
                yield


def ticks_until_something_is_written(slow):
    def tick():
        slow.on_tick(Population())
        return slow.log

    wait_for(tick, "the first piece")


def whole(trial):
    return [(trial, step) for step in range(STEPS)]


def test_a_batch_is_written_piece_by_piece():
    slow = Slow()
    slow.on_records([TrialFinished("a")], Population())
    ticks_until_something_is_written(slow)
    assert 0 < len(slow.log) < STEPS

    def tick():
        slow.on_tick(Population())
        return len(slow.log) == STEPS

    wait_for(tick, "the last piece")
    assert slow.log == whole("a")


def test_at_the_end_the_batch_that_was_begun_is_completed_and_what_came_meanwhile_follows():
    slow = Slow()
    slow.on_records([TrialFinished("a")], Population())
    ticks_until_something_is_written(slow)
    slow.on_records([TrialFinished("b")], Population())
    slow.on_end(Population())
    assert slow.log == whole("a") + whole("b")


def test_nothing_more_is_written_once_another_process_has_taken_over():
    others = []
    slow = Slow(is_ours=lambda: not others)
    slow.on_records([TrialFinished("a")], Population())
    ticks_until_something_is_written(slow)
    written = list(slow.log)
    others.append("another process")
    slow.on_tick(Population())
    slow.on_end(Population())
    assert slow.log == written

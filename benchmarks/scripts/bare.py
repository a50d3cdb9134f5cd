"""The limit: the training function itself, with a report that does nothing but count.

Training code of these scripts calls `tune.report` and `tune.get_checkpoint`. While `alone` runs it, these are ours.
"""

from __future__ import annotations

import contextlib
import time

from ray import tune


class Enough(BaseException):
    """Ends a training, as the stop criterion of a run does."""


@contextlib.contextmanager
def alone(iterations):
    """Let `tune.report` end the training after so many calls, and nothing be restored."""
    theirs = tune.report, tune.get_checkpoint
    left = iterations

    def report(metrics, *, checkpoint=None):
        nonlocal left
        left -= 1
        if not left:
            raise Enough

    tune.report, tune.get_checkpoint = report, lambda: None
    try:
        yield
    finally:
        tune.report, tune.get_checkpoint = theirs


def seconds(train, configs, iterations):
    """Return how long the trainings take, one after the other, as a list."""
    found = []
    for config in configs:
        began = time.perf_counter()
        with alone(iterations), contextlib.suppress(Enough):
            train(config)
        found.append(time.perf_counter() - began)
    return found

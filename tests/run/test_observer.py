"""Those who watch a run cannot stop it."""

from __future__ import annotations

from poptune.core.population import Population
from poptune.run.observer import Observers


class Watcher:
    """Counts what it is told, and fails when it is told for the nth time."""

    def __init__(self, fails_at=None):
        self.told = 0
        self.fails_at = fails_at

    def on_tick(self, population):
        self.told += 1
        if self.told == self.fails_at:
            raise RuntimeError("the dashboard is down")


def test_an_observer_that_fails_is_reported_once_and_left_out(capsys):
    failing, steady = Watcher(fails_at=2), Watcher()
    observers = Observers([failing, steady])
    for _ in range(5):
        observers.tell(lambda observer: observer.on_tick(Population()))
    assert (failing.told, steady.told) == (2, 5)
    errors = capsys.readouterr().err
    assert errors.count("Watcher failed and is left out from here on; training goes on.") == 1
    assert "the dashboard is down" in errors

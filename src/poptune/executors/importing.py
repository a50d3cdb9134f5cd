"""The time until a worker's first report, in which it imports, and collects garbage seldom."""

from __future__ import annotations

import gc

_SELDOM = (50_000, 20, 20)  # objects, collections of the youngest, collections of the next


class Importing:
    """Makes garbage collection seldom until it is ended.

    What modules define stays: looking through it again and again takes a quarter of the time in which libraries such as
    torch and scikit-learn are imported.

    >>> importing = Importing()
    >>> gc.get_threshold()
    (50000, 20, 20)
    >>> importing.end()
    """

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        gc.set_threshold(*_SELDOM)

    def end(self) -> None:
        """Collect as often as before, unless training code has chosen how often."""
        if gc.get_threshold() == _SELDOM:
            gc.set_threshold(*self._usual)

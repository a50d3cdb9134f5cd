"""Who is better than whom, kept in order: O(log n) to move one trial, to find its rank, to find who holds a rank."""

from __future__ import annotations

import math

from sortedcontainers import SortedList

Key = tuple[bool, float, int, str]


class Ranking:
    """Trials from worst to best by score.

    NaN ranks below every number. Of equal scores the trial that was added earlier ranks lower (as in Ray Tune,
    whose stable sort does the same).

    Attributes:
        numbers_from: The lowest rank that is held by a number: all below it are NaN.

    >>> ranking = Ranking()
    >>> for index, score in enumerate([0.5, float("nan"), 0.9]):
    ...     ranking.place(f"t{index}", index, score)
    >>> [ranking.at(position) for position in range(3)]
    ['t1', 't0', 't2']
    >>> ranking.numbers_from
    1
    """

    def __init__(self) -> None:
        self.numbers_from = 0
        self._order: SortedList[Key] = SortedList()
        self._keys: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, trial: str) -> bool:
        return trial in self._keys

    def place(self, trial: str, index: int, score: float) -> None:
        """Give a trial its score, in place of an earlier one."""
        self.remove(trial)
        is_number = not math.isnan(score)
        key = (is_number, score if is_number else 0.0, index, trial)
        self.numbers_from += not is_number
        self._keys[trial] = key
        self._order.add(key)

    def remove(self, trial: str) -> None:
        """Take a trial out, if it is in."""
        if key := self._keys.pop(trial, None):
            self._order.remove(key)
            self.numbers_from -= not key[0]

    def position(self, trial: str) -> int:
        """Return the rank of a trial: 0 is the worst."""
        return int(self._order.index(self._keys[trial]))

    def is_below(self, trial: str, position: int) -> bool:
        """Whether a trial ranks below a position that somebody holds."""
        return bool(self._keys[trial] < self._order[position])

    def at(self, position: int) -> str:
        """Return the trial that holds a rank."""
        return str(self._order[position][3])

"""What trials gained between two decision points: the past of a population, as far as a model of it needs it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sortedcontainers import SortedKeyList

from poptune.core.nested import Config

NEWEST = 100


@dataclass(frozen=True, slots=True)
class Gain:
    """What one trial gained from one decision point to the next, with one config.

    Attributes:
        index: Position of the trial in the population.
        generation: Decision points that it has passed, the last one included.
        config: The hyperparameters in force in between.
        start: `time_attr` at the beginning.
        time: `time_attr` at the end.
        before: Score at the beginning; that of its donor if the trial was a clone then. Larger is better.
        score: Score at the end.
    """

    index: int
    generation: int
    config: Config
    start: float
    time: float
    before: float
    score: float

    @property
    def rate(self) -> float:
        """Score gained per unit of `time_attr`. A score of NaN is a loss without bound.

        >>> Gain(0, 2, {}, start=10, time=20, before=1.0, score=1.5).rate
        0.05
        """
        return -math.inf if math.isnan(self.score) else (self.score - self.before) / (self.time - self.start)


class Gains:
    """The newest gains of a population, oldest first: those that began last in `time_attr`.

    Which ones are kept, and their order, does not depend on the order in which they came.

    Args:
        most: How many are kept.

    >>> gains = Gains(most=2)
    >>> for start in (20, 0, 10):
    ...     gains.add(Gain(0, 2, {}, start, start + 10, before=0.0, score=1.0))
    >>> [gain.start for gain in gains]
    [10, 20]
    """

    def __init__(self, most: int = NEWEST) -> None:
        self._most = most
        self._kept: SortedKeyList[Gain] = SortedKeyList(key=lambda gain: (gain.start, gain.index, gain.generation))

    def add(self, gain: Gain) -> None:
        """Take in a gain, unless it has no rate: it took no time, or began with a score that is not finite."""
        if gain.time > gain.start and math.isfinite(gain.before):
            self._kept.add(gain)
            if len(self._kept) > self._most:
                del self._kept[0]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Gain]:
        return iter(self._kept)

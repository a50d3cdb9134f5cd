"""Where weights come from: the chain of trials behind them, and the hyperparameters they were trained with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from poptune.core.decisions import Exploit
from poptune.core.events import TrialReset
from poptune.core.nested import Config
from poptune.core.safe_text import masked


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a lineage: one trial, one config.

    Attributes:
        trial: Who trained.
        first: First iteration trained with this config, counted along the lineage from 1.
        last: Last one.
        config: The hyperparameters in force.
        donor: Whose weights the stretch began with; None at the root.
    """

    trial: str
    first: int
    last: int
    config: Config
    donor: str | None

    def __repr__(self) -> str:
        shown = {"trial": self.trial, "first": self.first, "last": self.last, "config": masked(self.config)}
        return f"Segment({', '.join(f'{name}={value!r}' for name, value in shown.items())}, donor={self.donor!r})"


_Event = tuple[int, Exploit | TrialReset]  # with its number among all of the run


def lineage(
    trial: str, iteration: int, initial: Mapping[str, Config], events: Iterable[Exploit | TrialReset]
) -> tuple[Segment, ...]:
    """Return the segments behind the weights that a trial has at an iteration, oldest first.

    A clone inherits what its donor had trained when it got the score it was copied for; what the donor did later,
    and what the clone did before, is not part of it.

    Args:
        trial: Whose weights.
        iteration: How far they are trained.
        initial: Every trial's first config.
        events: All exploits and resets of the run, in order: where trials got other weights.
    """
    return lineages({trial: iteration}, initial, events)[trial]


def lineages(
    iterations: Mapping[str, int], initial: Mapping[str, Config], events: Iterable[Exploit | TrialReset]
) -> dict[str, tuple[Segment, ...]]:
    """Return the lineage of several trials, each at its iteration."""
    events_of: defaultdict[str, list[_Event]] = defaultdict(list)
    for number, event in enumerate(events):
        events_of[event.trial].append((number, event))
    return {
        trial: tuple(reversed(list(_backwards(trial, iteration, initial, events_of))))
        for trial, iteration in iterations.items()
    }


def _backwards(
    trial: str,
    iteration: int,
    initial: Mapping[str, Config],
    events_of: Mapping[str, Sequence[_Event]],
) -> Iterator[Segment]:
    generation: float = math.inf
    number: float = math.inf  # of the exploit that the weights came by: what made them happened before
    while True:
        earlier = (one for one in reversed(events_of[trial]) if one[0] < number and one[1].generation < generation)
        number, event = next(earlier, (0, None))
        if not isinstance(event, Exploit):
            yield Segment(trial, 1, iteration, event.config if event else initial[trial], None)
            return
        start = event.checkpoint.progress.iteration
        if iteration > start:
            yield Segment(trial, start + 1, iteration, event.config, event.donor)
        trial, iteration, generation = event.donor, start, event.donor_generation

"""Where weights come from: the chain of trials behind them, and the hyperparameters they were trained with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from poptune.core.decisions import Exploit
from poptune.core.nested import Config


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


def lineage(
    trial: str, iteration: int, initial: Mapping[str, Config], exploits: Iterable[Exploit]
) -> tuple[Segment, ...]:
    """Return the segments behind the weights that a trial has at an iteration, oldest first.

    A clone inherits what its donor had trained when it got the score it was copied for; what the donor did later,
    and what the clone did before, is not part of it.

    Args:
        trial: Whose weights.
        iteration: How far they are trained.
        initial: Every trial's first config.
        exploits: All exploits of the run, in order.
    """
    return lineages({trial: iteration}, initial, exploits)[trial]


def lineages(
    iterations: Mapping[str, int], initial: Mapping[str, Config], exploits: Iterable[Exploit]
) -> dict[str, tuple[Segment, ...]]:
    """Return the lineage of several trials, each at its iteration."""
    exploits_of: defaultdict[str, list[Exploit]] = defaultdict(list)
    for exploit in exploits:
        exploits_of[exploit.trial].append(exploit)
    return {
        trial: tuple(reversed(list(_backwards(trial, iteration, initial, exploits_of))))
        for trial, iteration in iterations.items()
    }


def _backwards(
    trial: str, iteration: int, initial: Mapping[str, Config], exploits_of: Mapping[str, Sequence[Exploit]]
) -> Iterator[Segment]:
    generation: float = math.inf
    while True:
        clone = next((e for e in reversed(exploits_of[trial]) if e.generation < generation), None)
        if clone is None:
            yield Segment(trial, 1, iteration, initial[trial], None)
            return
        start = clone.checkpoint.progress.iteration
        if iteration > start:
            yield Segment(trial, start + 1, iteration, clone.config, clone.donor)
        trial, iteration, generation = clone.donor, start, clone.donor_generation

"""Where weights come from: the chain of trials behind them, and the hyperparameters they were trained with."""

from __future__ import annotations

from collections.abc import Iterable
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


def lineage(trial: str, iteration: int, initial: dict[str, Config], exploits: Iterable[Exploit]) -> tuple[Segment, ...]:
    """Return the segments behind the weights that a trial has at an iteration, oldest first.

    A clone inherits what its donor had trained when it got the score it was copied for; what the donor did later,
    and what the clone did before, is not part of it.

    Args:
        trial: Whose weights.
        iteration: How far they are trained.
        initial: Every trial's first config.
        exploits: All exploits of the run, in order.
    """
    by_trial: dict[str, list[Exploit]] = {}
    for exploit in exploits:
        by_trial.setdefault(exploit.trial, []).append(exploit)

    segments: list[Segment] = []
    generation: float = float("inf")
    while True:
        before = [e for e in by_trial.get(trial, ()) if e.generation < generation]
        if not before:
            segments.append(Segment(trial, 1, iteration, initial[trial], None))
            break
        clone = before[-1]
        start = clone.checkpoint.progress.iteration
        if iteration > start:
            segments.append(Segment(trial, start + 1, iteration, clone.config, clone.donor))
        trial, iteration, generation = clone.donor, start, clone.donor_generation
    return tuple(reversed(segments))

"""What the generators of a trial begin with when it starts: a seed of its own, or where its checkpoint left them."""

from __future__ import annotations

from dataclasses import dataclass

from poptune.core.decisions import Exploit
from poptune.core.events import Ready, Reported, TrialAdded, TrialFailed, TrialReset, TrialStarted
from poptune.core.randomness import training_seed
from poptune.storage.records import Record


@dataclass(slots=True)
class _Stint:
    """How far a trial is.

    Attributes:
        index: Of the trial.
        generation: Decision points that it has passed.
        attempt: How often it failed since it last got a config.
        seeded_at: Generation and attempt when its generators were seeded.
        is_seeded_anew: Its next start seeds them: the weights that it has are another's, or led to a failure.
    """

    index: int
    generation: int = 0
    attempt: int = 0
    seeded_at: tuple[int, int] = (0, 0)
    is_seeded_anew: bool = True


class Seeding:
    """The fold of a run's records into what the next start of each trial draws.

    After an interruption a trial draws on from its checkpoint, as if nothing had happened. After a failure it draws
    anew: what made it fail may be what it drew.

    Args:
        seed: Of the run.

    >>> from poptune.core.trial import Progress, SavedCheckpoint
    >>> seeding = Seeding(7)
    >>> seeding.take(TrialAdded("a", 0, {}))
    >>> first, draws_on = seeding.start("a")
    >>> draws_on
    False
    >>> seeding.take(Reported("a", {}, Progress(1), SavedCheckpoint("a/1", "a", Progress(1))))
    >>> seeding.start("a") == (first, True)
    True
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._stints: dict[str, _Stint] = {}

    def take(self, record: Record) -> None:
        """Take in the next record."""
        if isinstance(record, TrialAdded):
            self._stints[record.trial] = _Stint(record.index)
            return
        stint = self._stints[record.trial]
        match record:
            case Ready():
                stint.generation += 1
            case Exploit() | TrialReset():
                stint.attempt, stint.is_seeded_anew = 0, True
            case TrialFailed():
                stint.attempt, stint.is_seeded_anew = stint.attempt + 1, True
            case TrialStarted() if stint.is_seeded_anew:
                stint.seeded_at = stint.generation, stint.attempt
            case Reported() if record.checkpoint is not None:
                stint.is_seeded_anew = False

    def start(self, trial: str) -> tuple[int, bool]:
        """Return the seed of a trial's next start, and whether it draws on from its checkpoint after that."""
        stint = self._stints[trial]
        generation, attempt = (stint.generation, stint.attempt) if stint.is_seeded_anew else stint.seeded_at
        return training_seed(self._seed, stint.index, generation, attempt), not stint.is_seeded_anew

"""A run, moment by moment: whose weights each trial had. Ancestor shares and spreads are computed from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from poptune.core.decisions import Exploit
from poptune.core.events import TrialAdded, TrialFailed, TrialReset, TrialRevived
from poptune.run.history import History, Stint


@dataclass(frozen=True, slots=True)
class Moment:
    """What each trial trained from an iteration on, until the next moment.

    Attributes:
        seconds: When it came to be so, since the run began.
        iteration: How far trials had trained when weights last changed hands. In a synchronous run everybody had; in
            an asynchronous one it is the furthest so far, so that it never goes back.
        stints: The stint of each trial, by its id. Who failed for good is missing, who finished is not.
    """

    seconds: float
    iteration: int
    stints: dict[str, Stint]


def moments(history: History) -> Iterator[Moment]:
    """Yield the moments of a run: its beginning, one for each iteration at which anything changed, and its end."""
    begun = (stint for _, _, stint in history.beginnings)
    current: dict[str, Stint] = {}
    present: dict[str, Stint] = {}
    since, iteration = 0.0, 0
    for seconds, record in history.records:
        if not isinstance(record, (TrialAdded, Exploit, TrialReset, TrialFailed, TrialRevived)):
            continue
        reached = _reached(record, current)
        if reached > iteration:
            yield Moment(since, iteration, dict(present))
            iteration = reached
        since = seconds
        match record:
            case TrialAdded() | Exploit() | TrialReset():
                current[record.trial] = present[record.trial] = next(begun)
            case TrialFailed(retry=False):
                present.pop(record.trial, None)
            case TrialRevived():
                present[record.trial] = current[record.trial]
    yield Moment(since, iteration, dict(present))
    end = max((stint.last for stint in history.stints), default=0)
    if end > iteration:
        yield Moment(history.duration_s, end, dict(present))


def _reached(record: TrialAdded | Exploit | TrialReset | TrialFailed | TrialRevived, stints: dict[str, Stint]) -> int:
    if isinstance(record, Exploit):
        return record.iteration
    return stints[record.trial].last if isinstance(record, TrialFailed) and not record.retry else 0


def founders(history: History) -> list[Stint]:
    """Return, for each stint in the order of `history.stints`, the first one behind its weights."""
    found: list[Stint] = []
    for stint in history.stints:  # an origin is earlier than what began with it
        found.append(stint if stint.origin is None else found[stint.origin.index])
    return found


def shares(moment: Moment, founder_of: list[Stint]) -> dict[int, float]:
    """Return which share of the trials goes back to each founder.

    Args:
        moment: When.
        founder_of: What `founders` returned.

    Returns:
        Shares that add up to 1, by the founder's index in `History.stints`; nothing where nobody is left.
    """
    counts = Counter(founder_of[stint.index].index for stint in moment.stints.values())
    return {index: count / len(moment.stints) for index, count in counts.items()}

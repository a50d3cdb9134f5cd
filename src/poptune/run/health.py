"""How well a run searched, in figures: diversity, what exploits were worth, luck, and what went wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from poptune.core.decisions import Exploit
from poptune.core.domains import Domain, Float, Integer
from poptune.core.events import Overdue, TrialFailed
from poptune.core.nested import lookup
from poptune.core.values import is_number, readable
from poptune.run.advice import Advice, advice_on
from poptune.run.history import History
from poptune.run.moments import Moment, founders, moments, shares
from poptune.schedulers.bounds import between

LAST_REPORTS = 10  # of the winner: few enough to be of now, enough to even out luck
_LOG_FROM = 30.0  # values without a domain that are so many times apart are compared by their logarithms
_LARGEST = 1e308  # of values that floats can be computed from


@dataclass(frozen=True, slots=True)
class Health:
    """How well a run searched.

    Attributes:
        iterations: When the figures over time were taken: at the beginning, at each iteration at which weights changed
            hands, and at the end.
        seconds: The same moments, in seconds since the run began.
        ancestors: Effective number of founders at each moment: of trials that go back to k founders in equal shares,
            k; 1 when all go back to one. Simpson's index, inverted. Who failed for good does not count.
        spread: Of each hyperparameter, at each moment: 1 as if drawn evenly from its domain (of a logarithmic one by
            logarithms), 0 when all trials have the same value. Of categories, the entropy in place of the standard
            deviation. NaN where nobody has a value.
        exploits: How often a trial copied another.
        judged: How many of these copies came to a decision of their own, and had a score before.
        helped: Share of the judged copies that scored better there than the donor had when it was copied; NaN if
            there are none.
        fell_back: Share of the judged copies that had lost, by then, most of the lead that they had copied.
        winner: The trial with the best newest score; None if nobody has a finite one.
        best: The best value that anybody ever reported; NaN if there is none.
        last_scores: Of the winner's last reports, through exploits, oldest first: finite ones, larger is better.
        winner_mean: Their mean as values of the metric: what to expect of the winner; NaN if there are none.
        reports: How many have the metric: all, unless `require_attrs=False`.
        not_finite: How many of them had no finite value of the metric.
        failures: How often training failed.
        lost: The trials that failed for good.
        overdue: How often a decision had to wait for a checkpoint.
        advice: What is wrong, and what to do about it; most important first.
    """

    iterations: tuple[int, ...]
    seconds: tuple[float, ...]
    ancestors: tuple[float, ...]
    spread: Mapping[str, tuple[float, ...]]
    exploits: int
    judged: int
    helped: float
    fell_back: float
    winner: str | None
    best: float
    last_scores: tuple[float, ...]
    winner_mean: float
    reports: int
    not_finite: int
    failures: int
    lost: tuple[str, ...]
    overdue: int
    advice: tuple[Advice, ...] = ()

    @classmethod
    def of(cls, history: History) -> Health:
        """Return the figures of a run, which may be going on."""
        seen = list(moments(history))
        helped, fell_back = _worth(history)
        last = _last_scores(history)
        scores = [score for stint in history.stints for _, score in history.measured(stint)]
        finite = [score for score in scores if math.isfinite(score)]
        failed = [record for _, record in history.records if isinstance(record, TrialFailed)]
        figures = cls(
            iterations=tuple(moment.iteration for moment in seen),
            seconds=tuple(moment.seconds for moment in seen),
            ancestors=_ancestors(history, seen),
            spread={name: _spread(history, name, seen) for name in history.hyperparameters},
            exploits=sum(exploit.donor != exploit.trial for _, exploit in history.exploits),
            judged=len(helped),
            helped=_share(helped),
            fell_back=_share(fell_back),
            winner=history.winner.trial if history.winner else None,
            best=_value(history, max(finite, default=math.nan)),
            last_scores=tuple(last),
            winner_mean=_value(history, _mean(last)) if last else math.nan,
            reports=len(scores),
            not_finite=len(scores) - len(finite),
            failures=len(failed),
            lost=tuple(trial.id for trial in history.population if trial.error),
            overdue=sum(isinstance(record, Overdue) for _, record in history.records),
        )
        return replace(figures, advice=advice_on(history, figures))


def effective(parts: Mapping[int, float]) -> float:
    """Return the inverse of Simpson's index of some shares: how many equal shares would be as mixed as these.

    >>> effective({0: 0.5, 1: 0.5}), effective({0: 0.75, 1: 0.25}), effective({})
    (2.0, 1.6, 0.0)
    """
    return 1 / sum(part**2 for part in parts.values()) if parts else 0.0


def _ancestors(history: History, seen: Sequence[Moment]) -> tuple[float, ...]:
    founder_of = founders(history)
    return tuple(effective(shares(moment, founder_of)) for moment in seen)


def _worth(history: History) -> tuple[list[bool], list[bool]]:
    """Return for each judged copy whether it beat what its donor had had, and whether it lost most of that lead."""
    helped, fell_back = [], []
    for exploit, score in _copies(history):
        helped.append(score > exploit.donor_score)
        fell_back.append(math.isnan(score) or score < (exploit.score + exploit.donor_score) / 2)
    return helped, fell_back


def _copies(history: History) -> Iterator[tuple[Exploit, float]]:
    for _, record, stint in history.beginnings:
        if isinstance(record, Exploit) and record.donor != record.trial and stint.decided and history.objective:
            yield record, history.score_at(stint, stint.decided[0])


def _last_scores(history: History) -> list[float]:
    """Return the newest finite scores behind the winner's weights, oldest first."""
    found: list[float] = []
    for stint, last in reversed(history.winner.lineage if history.winner else []):
        found = [
            score for iteration, score in history.measured(stint) if iteration <= last and math.isfinite(score)
        ] + found
        if len(found) >= LAST_REPORTS:
            break
    return found[-LAST_REPORTS:]


def _spread(history: History, name: str, seen: Sequence[Moment]) -> tuple[float, ...]:
    values = [lookup(stint.config, name) for stint in history.stints]
    domain = history.domains.get(name)
    is_range = domain is None or isinstance(domain, Domain)
    if is_range and all(is_number(value) and abs(value) <= _LARGEST for value in values):
        places = _places(values, domain)
        return tuple(_deviation([places[stint.index] for stint in moment.stints.values()]) for moment in seen)
    texts = [readable(value) for value in values]
    kinds = min(len(set(texts)), len(history.trials))
    return tuple(_entropy([texts[stint.index] for stint in moment.stints.values()], kinds) for moment in seen)


def _places(values: Sequence[float], domain: Any) -> list[float]:
    """Return where values lie in their domain, from 0 to 1; without bounds, between the least and the greatest."""
    low, high, is_log = min(values), max(values), min(values) > 0 and max(values) >= _LOG_FROM * min(values)
    if isinstance(domain, (Float, Integer)):
        low, is_log = domain.lower, domain.log
        high = domain.last if isinstance(domain, Integer) else domain.upper
    if is_log and min(values) > 0:  # by Ray Tune's arithmetic, values may leave their domain
        return [between(math.log(low), math.log(value), math.log(high)) for value in values]
    return [between(low, value, high) for value in values]


def _deviation(places: Sequence[float]) -> float:
    if not places:
        return math.nan
    mean = fmean(places)
    return math.sqrt(12 * fmean((place - mean) ** 2 for place in places))  # of even draws from 0 to 1 it is 1


def _entropy(texts: Sequence[str], kinds: int) -> float:
    if not texts:
        return math.nan
    parts = [count / len(texts) for count in Counter(texts).values()]
    return -sum(part * math.log(part) for part in parts) / math.log(kinds) if len(parts) > 1 else 0.0


def _mean(scores: Sequence[float]) -> float:
    try:
        return fmean(scores)
    except OverflowError:  # a sum beyond all floats, where training diverges
        return math.fsum(score / len(scores) for score in scores)


def _share(answers: Sequence[bool]) -> float:
    return fmean(answers) if answers else math.nan


def _value(history: History, score: float) -> float:
    return history.objective.value(score) if history.objective else math.nan

"""What is wrong with a run, in sentences, and what to do. Silent about what healthy runs do, too.

Thresholds are where a person would look twice: PBT lets one lineage take over in the end, a diverged trial or two is
what it is there for, and the newest scores are noisy. None of that is worth a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import TYPE_CHECKING, Any

from poptune.core.domains import Float, Integer
from poptune.core.events import Overdue, TrialFailed
from poptune.core.nested import lookup
from poptune.core.values import brief, is_number, short
from poptune.run.history import History
from poptune.schedulers.bounds import between

if TYPE_CHECKING:
    from poptune.run.health import Health


@dataclass(frozen=True, slots=True)
class Advice:
    """Something about a run that its user should know.

    Attributes:
        code: Its kind, such as "collapsed-early": the name of its rule here.
        what: What is the matter, and where: one sentence. It may hold names that the user chose.
        remedy: What to do about it: one or two sentences.

    >>> print(Advice("too-small", "There are 2 trials.", "Train 8 or more."))
    There are 2 trials. Train 8 or more.
    """

    code: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


Rule = Callable[[History, "Health"], "tuple[str, str] | None"]

_LEAST_TRIALS = 4  # with fewer there is hardly anybody to choose from
_GOOD_TRIALS = 8
_NAN_SHARE = 0.1  # of all reports
_LEAST_COPIES, _FELL_BACK = 5, 0.9  # where scores are mere noise, half of all copies fall back
_LEAST_ROUNDS = 20  # to speak of early and late
_EARLY = 0.05  # part of the run
_ONE_ANCESTOR = 1.5
_NARROW, _WIDE = 0.02, 0.1  # spreads
_AT_BOUND = 0.01  # of the way between the bounds
_NATURAL_BOUNDS = (0.0, 1.0)  # of shares, rates and discounts: there is nothing beyond
_LUCK = 0.1  # part of what the whole run gained
_FEW_NAMES = 3


def advice_on(history: History, health: Health) -> tuple[Advice, ...]:
    """Return what is worth saying about a run; most important first.

    Args:
        history: Of the run, which may be going on.
        health: Its figures.
    """
    said = ((code, rule(history, health)) for code, rule in _RULES.items())
    return tuple(Advice(code, *words) for code, words in said if words)


def _not_finite(history: History, health: Health) -> tuple[str, str] | None:
    ended = [trial for trial in history.trials if math.isnan(history.last_score(trial)) and history.by_trial[trial]]
    ended = [trial for trial in ended if any(any(stint.measured) for stint in history.by_trial[trial])]
    if not health.not_finite or not (health.not_finite >= _NAN_SHARE * health.reports or ended):
        return None
    assert history.objective is not None  # without one no report counts as not finite
    first = min(
        (at, stint.trial, iteration)
        for stint in history.stints
        for at, iteration, score, is_measured in zip(
            stint.seconds, stint.iterations, history.scores(stint), stint.measured, strict=True
        )
        if is_measured and not math.isfinite(score)
    )
    what = (
        f"{health.not_finite} of {health.reports} reports have no finite {history.objective.metric}: the first is that"
        f" of trial {first[1]} at iteration {first[2]}{f', and it ended so for {_named(ended)}' if ended else ''}."
    )
    return what, "Narrow the ranges that make training diverge (often the largest learning rates), or clip gradients."


def _lost(history: History, health: Health) -> tuple[str, str] | None:
    if not health.lost:
        return None
    errors = [record.error for _, record in history.records if isinstance(record, TrialFailed) and not record.retry]
    count = f"{len(health.lost)} of {len(history.trials)} trials failed for good"
    what = f"{count}: {_named(health.lost)}. The last error was {brief(errors[-1], 100)}."
    remedy = (
        "Their tracebacks are in results.errors; FailureConfig(max_failures=3) starts a trial again from its newest"
        " checkpoint."
    )
    return what, remedy


def _out_of_step(history: History, health: Health) -> tuple[str, str] | None:
    waits = [record for _, record in history.records if isinstance(record, Overdue)]
    if not waits:
        return None
    last = waits[-1]
    times = "once" if len(waits) == 1 else f"{len(waits)} times"
    if last.checkpoint_every is None:
        what = f"A decision was due {times} for a trial that had never saved a checkpoint, such as {last.trial}."
        remedy = (
            "Without one nothing can be copied: give tune.report a checkpoint, and begin with tune.get_checkpoint()."
        )
        return what, remedy
    due = "a change of its schedule" if last.interval is None else f"perturbation_interval {last.interval:g}"
    what = (
        f"Decisions waited {times} for a checkpoint: trial {last.trial} saves every {last.checkpoint_every} iterations,"
        f" which is out of step with {due}."
    )
    remedy = "Save at each decision: make one interval a multiple of the other."
    return what, remedy


def _never_exploited(history: History, health: Health) -> tuple[str, str] | None:
    interval = history.setting("perturbation_interval")
    if interval is None or any(history.exploits) or history.population.live or len(history.trials) < 2:
        return None
    if health.overdue:  # the reason is another, and `_out_of_step` says it
        return None
    if history.setting("quantile_fraction") == 0 or health.not_finite == health.reports:  # there was nobody to copy
        return None
    if any(stint.decided for stint in history.stints):
        what = "Trials came to decisions, but none ever copied another."
        remedy = "If that is not meant, look at the exploit rule, or at a metric that is the same for all."
        return what, remedy
    end = max(stint.last for stint in history.stints)
    what = f"No trial ever came to a decision in {end} iterations: perturbation_interval is {interval:g}."
    remedy = (
        "So this was a random search. Shorten the interval, so that a run has some 20 to 50 decisions, or train longer."
    )
    return what, remedy


def _copies_fell_back(history: History, health: Health) -> tuple[str, str] | None:
    if health.judged < _LEAST_COPIES or health.fell_back < _FELL_BACK:
        return None
    what = (
        f"{100 * health.fell_back:.0f} % of {health.judged} exploits had lost most of what they had gained by copying"
        " at the next decision."
    )
    remedy = (
        "Check that training begins with the weights of tune.get_checkpoint(). If it does, vary more gently:"
        " perturbation_factors nearer to 1, a smaller resample_probability."
    )
    return what, remedy


def _too_small(history: History, health: Health) -> tuple[str, str] | None:
    trials = len(history.trials)
    if trials >= _LEAST_TRIALS or history.setting("perturbation_interval") is None:
        return None
    what = f"The population is {trials} trial{'s' * (trials != 1)}: there is hardly anybody to choose from."
    remedy = f"Train {_GOOD_TRIALS} or more; they may share workers."
    return what, remedy


def _collapsed_early(history: History, health: Health) -> tuple[str, str] | None:
    rounds, end = _rounds(history), health.iterations[-1]
    if len(history.trials) < _LEAST_TRIALS or rounds < _LEAST_ROUNDS:
        return None
    when = next(
        (at for at, k in zip(health.iterations, health.ancestors, strict=True) if 0 < k < _ONE_ANCESTOR), math.inf
    )
    if not when <= _EARLY * end:
        return None
    what = (
        f"After {when} of {end} iterations practically all {len(history.trials)} trials had weights of a single one of"
        " them: the others had hardly been tried."
    )
    remedy = (
        "Give them longer to show what they are worth: a longer perturbation_interval, a smaller quantile_fraction, or"
        " a burn_in_period."
    )
    return what, remedy


def _no_spread(history: History, health: Health) -> tuple[str, str] | None:
    if len(history.trials) < _LEAST_TRIALS or _rounds(history) < _LEAST_ROUNDS:
        return None
    half = health.iterations[-1] / 2
    late = [index for index, iteration in enumerate(health.iterations) if iteration >= half]
    narrow = [
        name
        for name, spread in health.spread.items()
        if name in history.domains and spread[0] >= _WIDE and all(spread[index] < _NARROW for index in late)
    ]
    if not narrow:
        return None
    what = f"In the second half of the run all trials had practically the same {_named(narrow)}."
    remedy = "If that came too early, raise resample_probability, or take perturbation_factors further from 1."
    return what, remedy


def _at_bound(history: History, health: Health) -> tuple[str, str] | None:
    if history.winner is None or _rounds(history) < 2:
        return None
    found = [words for name, domain in history.domains.items() if (words := _stuck(history, name, domain))]
    if not found:
        return None
    what = f"The winner trained mostly at a bound: {'; '.join(found[:_FEW_NAMES])}."
    remedy = "Better values may lie beyond: widen the range if that makes sense."
    return what, remedy


def _stuck(history: History, name: str, domain: Any) -> str | None:
    if not isinstance(domain, (Float, Integer)):
        return None
    assert history.winner is not None
    behind = history.winner.lineage
    end = behind[-1][1]
    for bound in (domain.lower, domain.last if isinstance(domain, Integer) else domain.upper):
        there = [
            (stint.start, last)
            for stint, last in behind
            if last > stint.start and _is_at(lookup(stint.config, name), bound, domain)
        ]
        if bound not in _NATURAL_BOUNDS and 2 * sum(last - start for start, last in there) > end:
            return f"{name} at {short(bound)} from iteration {there[0][0] + 1} to {there[-1][1]}"
    return None


def _is_at(value: Any, bound: float, domain: Float | Integer) -> bool:
    if not is_number(value):
        return False
    ends = [bound, value, domain.lower, domain.upper]
    if domain.log and min(ends) > 0:
        ends = [math.log(end) for end in ends]
    bound, value, low, high = ends
    return abs(between(low, value, high) - between(low, bound, high)) <= _AT_BOUND


def _winners_curse(history: History, health: Health) -> tuple[str, str] | None:
    measured = [history.measured(stints[0])[:1] for stints in history.by_trial.values()]
    firsts = [score for reports in measured for _, score in reports if math.isfinite(score)]
    if history.objective is None or len(firsts) < 2 or len(health.last_scores) < 2:
        return None
    best = history.objective.value(health.best)  # which makes a value a score, too
    if best - _level(health.last_scores) <= _LUCK * (best - median(firsts)):
        return None
    metric = history.objective.metric
    what = (
        f"The best {metric} reported, {short(health.best)}, is well beyond what the winner reports now: the mean of its"
        f" last {len(health.last_scores)} is {short(health.winner_mean)}."
    )
    remedy = "It was luck, or the run got worse since: go by the mean, and measure the winner again on fresh data."
    return what, remedy


def _level(scores: Sequence[float]) -> float:
    """Return what to expect of the newest of some scores that may be rising: luck evened out, not the rise."""
    times, size = range(len(scores)), max(map(abs, scores)) or 1.0  # of what diverges, no product must overflow
    line = linear_regression(times, [score / size for score in scores])
    return (line.intercept + line.slope * times[-1]) * size


def _rounds(history: History) -> int:
    return max((trial.generation for trial in history.population), default=0)


def _named(names: Any) -> str:
    shown = ", ".join(brief(name) for name in names[:_FEW_NAMES])
    rest = len(names) - _FEW_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


_RULES: dict[str, Rule] = {
    "never-exploited": _never_exploited,
    "out-of-step": _out_of_step,
    "lost": _lost,
    "not-finite": _not_finite,
    "copies-fell-back": _copies_fell_back,
    "collapsed-early": _collapsed_early,
    "no-spread": _no_spread,
    "at-bound": _at_bound,
    "winners-curse": _winners_curse,
    "too-small": _too_small,
}

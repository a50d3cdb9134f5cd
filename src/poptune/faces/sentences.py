"""A run in words: what the console says about records and populations. No stream, no clock, no colour.

Whatever a user reports or puts into a config can be said: NaN, missing metrics, arrays, and objects whose `repr`
fails.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poptune.core.decisions import Exploit
from poptune.core.events import CheckpointLost, Overdue, Reported, TrialEvicted, TrialFailed, TrialLate
from poptune.core.explore import Operation
from poptune.core.nested import Config, flatten
from poptune.core.objective import AUTOMATIC_KEYS, Objective, is_real
from poptune.core.population import Population
from poptune.core.safe_text import inert, masked, masked_value
from poptune.core.trial import SavedCheckpoint, Status, Trial
from poptune.core.values import brief
from poptune.errors import MetricError

_MOST_HYPERPARAMETERS = 8
_MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Best:
    """A report that no other has beaten.

    Attributes:
        score: Larger is better; never NaN.
        trial: Whose report.
        iteration: `training_iteration` of the report.
        config: The hyperparameters in force when it came.
    """

    score: float
    trial: str
    iteration: int
    config: Config


def score_of(metrics: Mapping[str, Any], objective: Objective | None) -> float | None:
    """Return the score of a report, None if it has none that can be compared.

    >>> score_of({"loss": 0.5}, Objective("loss", "min")), score_of({"loss": float("nan")}, Objective("loss"))
    (-0.5, None)
    """
    if objective is None:
        return None
    try:
        score = objective.score(metrics)
    except (MetricError, OverflowError):
        return None
    return None if math.isnan(score) else score


def duration(seconds: float) -> str:
    """Return a length of time as a person says it.

    >>> duration(4.26), duration(125), duration(7500)
    ('4.3 s', '2 min 05 s', '2 h 05 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {int(seconds % 60):02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def counts(population: Population) -> str:
    """Return how many trials have which status, as in "6 RUNNING, 2 PAUSED"."""
    tally = Counter(trial.status for trial in population)
    return ", ".join(f"{tally[status]} {status.value}" for status in Status if tally[status])


def places(population: Population) -> str:
    """Return how many live trials are on which machine, such as "On alpha 22 trials, beta 21"; empty if it is one."""
    tally = Counter(trial.hostname for trial in population if trial.hostname and trial.status.is_live)
    first, *others = sorted(tally.items()) or [("", 0)]
    if not others:
        return ""
    return ", ".join([f"On {first[0]} {first[1]} trials", *(f"{host} {count}" for host, count in others)])


def hyperparameters(config: Config, keys: Collection[str] = ()) -> str:
    """Return values of a config, those of `keys` or else all, but not too many.

    >>> hyperparameters({"lr": 0.12345, "model": {"depth": 3}, "data": "digits"}, ["lr", "model/depth"])
    'lr 0.1235, model/depth 3'
    """
    flat = flatten(masked(config))
    names = [key for key in keys or flat if key in flat]
    shown = ", ".join(f"{inert(name)} {brief(flat[name])}" for name in names[:_MOST_HYPERPARAMETERS])
    rest = len(names) - _MOST_HYPERPARAMETERS
    return f"{shown} and {rest} more" if rest > 0 else shown


def varied(configs: Iterable[Config]) -> list[str]:
    """Return the names of the hyperparameters that differ between configs, nested ones joined by `/`.

    >>> varied([{"lr": 0.1, "net": {"depth": 2, "width": 8}}, {"lr": 0.1, "net": {"depth": 3, "width": 8}}])
    ['net/depth']
    """
    seen: dict[str, set[str]] = {}
    for config in configs:
        for name, value in flatten(config).items():
            # What looks the same is the same here: arrays and objects cannot always be compared.
            seen.setdefault(name, set()).add(brief(value))
    return [name for name, values in seen.items() if len(values) > 1]


def score_words(objective: Objective | None, score: float) -> str:
    """Return a score as the user's own metric, as in "accuracy 0.88"."""
    return f"{inert(objective.metric)} {brief(objective.value(score))}" if objective else f"score {brief(score)}"


def start_sentence(trials: int, seed: int, run_dir: Path) -> str:
    """Return what is said first."""
    return f"Training {_counted(trials, 'trial')} with seed {seed} in {run_dir}"


def exploit_sentence(exploit: Exploit, objective: Objective | None) -> str:
    """Return who takes over from whom or goes on by itself, and below what was done to the hyperparameters."""
    own, donor = score_words(objective, exploit.score), score_words(objective, exploit.donor_score)
    done = ", ".join(map(_operation, exploit.operations)) or "with the same hyperparameters"
    if exploit.trial == exploit.donor:
        place = f"at iteration {exploit.iteration}"
        where = place if math.isnan(exploit.score) else f"{own} {place}"
        return f"Explore: {exploit.trial} ({where}) goes on with its own weights\n  {done}"
    return (
        f"Exploit: {exploit.trial} ({own} at iteration {exploit.iteration}) takes over from"
        f" {exploit.donor} ({donor})\n  {done}"
    )


def _operation(operation: Operation) -> str:
    arrow = f"--- ({operation.label}) -->" if operation.label else "----->"
    old, new = (brief(masked_value(operation.key, value)) for value in (operation.old, operation.new))
    return f"{inert(operation.key)} {old} {arrow} {new}"


def failure_sentence(failed: TrialFailed, checkpoint: SavedCheckpoint | None) -> str:
    """Return what failed, the user's traceback, and what happens now.

    Args:
        failed: What happened.
        checkpoint: Where the trial would start again; None: at the beginning.
    """
    what = f"Trial {failed.trial} failed: {failed.error}"
    traceback = "\n".join(f"  {line}" for line in failed.traceback.rstrip().splitlines())
    now = f"It starts again {_place(checkpoint)}." if failed.retry else "It does not start again."
    return "\n".join(filter(None, [what, traceback, f"  {now}"]))


def eviction_sentence(evicted: TrialEvicted, checkpoint: SavedCheckpoint | None) -> str:
    """Return why a trial lost its place, and where it goes on."""
    return f"Trial {evicted.trial} lost its place: {evicted.reason}. It goes on {_place(checkpoint)}."


def late_sentence(late: TrialLate) -> str:
    """Return that a round goes on without a trial.

    >>> late_sentence(TrialLate("a", 2.5))
    'Trial a is late: nobody came to the round for 2.5 s, which goes on without it.'
    """
    return f"Trial {late.trial} is late: nobody came to the round for {late.waited_s:g} s, which goes on without it."


def lost_sentence(lost: CheckpointLost) -> str:
    """Return that a checkpoint cannot be used."""
    return f"{lost.reason} Whoever should go on from it goes on from an older one."


def _place(checkpoint: SavedCheckpoint | None) -> str:
    return f"from its checkpoint at iteration {checkpoint.progress.iteration}" if checkpoint else "from the beginning"


def overdue_advice(overdue: Overdue, time_attr: str) -> str:
    """Return why a decision has to wait, and how that is avoided.

    Args:
        overdue: Who waits.
        time_attr: The unit of the perturbation interval.
    """
    if overdue.interval is None:
        return (
            f"Advice: the schedule has a change for trial {overdue.trial} at iteration {brief(overdue.time)}, but the"
            " report brings no checkpoint to go on from.\n"
            "  The change waits for the next one; to be exact, save at the iterations of the changes."
        )
    due = (
        f"Advice: trial {overdue.trial} is due for a decision at {time_attr} {brief(overdue.time)}"
        f" (perturbation_interval={overdue.interval:g}), but "
    )
    counts_iterations = time_attr == "training_iteration"
    every = overdue.checkpoint_every
    if every is None:
        rarely = (
            "make perturbation_interval a multiple of the iterations between two checkpoints"
            if counts_iterations
            else "save more often than perturbation_interval"
        )
        return (
            f"{due}it has saved no checkpoint yet.\n"
            "  Without one PBT can neither copy its weights nor start it from another's: it simply trains on.\n"
            "  If it never saves: tune.report(metrics, checkpoint=tune.Checkpoint.from_dict({...})), and begin with"
            " tune.get_checkpoint().\n"
            f"  If it saves rarely: {rarely}."
        )
    remedy = (
        f"make perturbation_interval a multiple of that, such as {_multiple(overdue.interval, every)}."
        if counts_iterations
        else "to be decided in time, save more often."
    )
    return (
        f"{due}it saves a checkpoint every {_counted(every, 'iteration')}.\n"
        f"  The decision waits for the next one; {remedy}"
    )


def _multiple(interval: float, every: int) -> int:
    return max(1, math.ceil(interval / every)) * every


def unjudged_advice(report: Reported, reason: str) -> str:
    """Return why no decision can look at a report, where that is no error."""
    return (
        f"Advice: the report of trial {report.trial} at iteration {report.progress.iteration} cannot be judged:"
        f" {reason}\n"
        "  With require_attrs=False that is no error: the trial trains on until a report that can be judged is due."
    )


def note_sentence(trial: str, note: str) -> str:
    """Return why a trial goes on as it is although a clone was due."""
    return f"Trial {trial} goes on as it is: {note}"


def report_sentence(report: Reported, objective: Objective | None) -> str:
    """Return one report: its metric or, if the run has none, the first numbers that it holds."""
    flat = flatten(report.metrics)
    own = [name for name, value in flat.items() if name not in AUTOMATIC_KEYS and is_real(value)]
    names = [objective.metric] if objective and objective.metric in flat else own[:3]
    values = ", ".join(f"{inert(name)} {brief(flat[name])}" for name in names) or "no numbers"
    saved = ", with a checkpoint" if report.checkpoint else ""
    return f"Report: {report.trial} at iteration {report.progress.iteration}: {values}{saved}"


def best_sentence(best: Best, objective: Objective, keys: Collection[str]) -> str:
    """Return the best report so far."""
    words = hyperparameters(best.config, keys)
    return (
        f"Best so far: {score_words(objective, best.score)} by {best.trial} at iteration {best.iteration}"
        f"{f' ({words})' if words else ''}"
    )


def summary(
    population: Population,
    elapsed: float,
    *,
    run_dir: Path,
    objective: Objective | None,
    keys: Collection[str],
    best: Best | None,
    scheduler_line: str,
    advice: Iterable[str] = (),
) -> str:
    """Return what is said last, in at most 7 lines and one for each piece of advice.

    Args:
        population: The trials at the end.
        elapsed: Seconds since the start.
        run_dir: The directory of the run.
        objective: What ranks trials, if anything.
        keys: The hyperparameters worth showing.
        best: The best report of the whole run.
        scheduler_line: The scheduler's own line.
        advice: What the user should know of the run as a whole.
    """
    first = "Run ended after" if not population.live else "Run stopped, with trials still alive, after"
    lines = [f"{first} {duration(elapsed)}: {counts(population)}.", scheduler_line]
    winner = max(population, key=lambda trial: _last_score(trial, objective), default=None)
    if objective and winner and (score := score_of(winner.metrics, objective)) is not None:
        iteration = winner.progress.iteration
        lines.append(f"Best at the end: {winner.id} with {score_words(objective, score)} at iteration {iteration}")
        lines.append(f"  {hyperparameters(winner.config, keys)}")
        if best and best.score > score:
            words = score_words(objective, best.score)
            lines.append(f"Best on the way: {best.trial} with {words} at iteration {best.iteration}")
    if failed := [trial.id for trial in population if trial.status is Status.ERROR]:
        rest = f" and {len(failed) - _MOST_FAILURES} more" if len(failed) > _MOST_FAILURES else ""
        lines.append(f"Failed: {', '.join(failed[:_MOST_FAILURES])}{rest}; the tracebacks stand above.")
    lines += [f"Advice: {said}" for said in advice]
    lines.append(f"Results in {run_dir}")
    return "\n".join(line for line in lines if line.strip())


def _last_score(trial: Trial, objective: Objective | None) -> float:
    score = score_of(trial.metrics, objective)
    return -math.inf if score is None else score


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

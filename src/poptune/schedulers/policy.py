"""Policy files: how Ray Tune writes down the hyperparameter schedule behind a trial's weights.

One JSON array per exploit: `[tag of the clone, tag of its donor, iteration of the clone, iteration of the donor, config
of the donor, new config of the clone]`. The file of a donor is copied over that of its clone before its line is added,
so the history follows the weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from poptune.core.lineage import Segment
from poptune.core.nested import Config
from poptune.errors import OptionError


@dataclass(frozen=True, slots=True)
class Change:
    """From the iteration after this one on, these hyperparameters are in force."""

    iteration: int
    config: Config


@dataclass(frozen=True, slots=True)
class Policy:
    """A schedule to replay.

    Attributes:
        changes: Oldest first; the first one is at iteration 0.
        note: What a person should know about how it was read; empty if there is nothing to say.
    """

    changes: tuple[Change, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    trial: str
    donor: str
    iteration: int
    donor_iteration: int
    donor_config: Config
    config: Config


def policy_of(segments: Iterable[Segment]) -> Policy:
    """Return the policy that a lineage followed.

    Raises:
        OptionError: There is no segment, they are not in order, or something is none.

    >>> policy_of([Segment("a", 1, 5, {"lr": 0.1}, None), Segment("b", 6, 9, {"lr": 0.2}, "a")]).changes
    (Change(iteration=0, config={'lr': 0.1}), Change(iteration=5, config={'lr': 0.2}))
    """
    changes = [Change(segment.first - 1, segment.config) for segment in map(_checked, segments)]
    if not changes:
        raise OptionError("The schedule is empty: there is nothing to replay.")
    if any(before.iteration >= after.iteration for before, after in pairwise(changes)):
        raise OptionError("The stretches of a schedule must follow one another: the oldest first.")
    return Policy((Change(0, changes[0].config), *changes[1:]))


def _checked(segment: Segment) -> Segment:
    if not isinstance(segment, Segment):
        raise OptionError(f"A schedule consists of segments, as Result.lineage does, not of {type(segment).__name__}.")
    return segment


def parse_policy(text: str, name: str, *, is_exact: bool = False) -> Policy:
    """Return the policy in the text of a policy file.

    Read backwards, a line continues the one after it if its clone is the other's donor; older lines belong to weights
    that were thrown away.

    Ray Tune logs the trial whose report triggered the decision one iteration too low. In files of synchronous runs that
    shows, since clone and donor had reported the same iteration: there it is put right.

    Args:
        text: What the file holds.
        name: Of the file, for messages.
        is_exact: The iterations are right: PopTune wrote them.

    Raises:
        OptionError: A line is broken, or there is none.

    >>> parse_policy('["1_b", "0_a", 4, 3, {"lr": 0.1}, {"lr": 0.2}]', "policy.txt")
    ... # doctest: +NORMALIZE_WHITESPACE, +ELLIPSIS
    Policy(changes=(Change(iteration=0, config={'lr': 0.1}), Change(iteration=4, config={'lr': 0.2})), note='...')
    """
    lines = [_parsed(line, f"line {n} of {name}") for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise OptionError(f"{name} holds no exploit: there is nothing to replay.")
    linked = _linked(lines)
    late = set() if is_exact else _logged_too_low(lines)
    changes: list[Change] = []
    for line in reversed(linked):
        iteration = line.donor_iteration + (id(line) in late)
        if not changes or iteration < changes[-1].iteration:  # otherwise nothing was trained with it
            changes.append(Change(iteration, line.config))
    if changes[-1].iteration > 0:
        changes.append(Change(0, linked[0].donor_config))
    return Policy(tuple(reversed(changes)), "" if is_exact else _note(linked, late, name))


def _parsed(text: str, where: str) -> _Line:
    try:
        trial, donor, iteration, donor_iteration, donor_config, config = json.loads(text)
        line = _Line(trial, donor, _whole(iteration), _whole(donor_iteration), donor_config, config)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{where} is not a line of a policy file: {_start(text)}") from error
    tags = isinstance(line.trial, str) and isinstance(line.donor, str)
    iterations = [line.iteration, line.donor_iteration]
    counted = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in iterations)
    if not (tags and counted and isinstance(line.donor_config, dict) and isinstance(line.config, dict)):
        raise OptionError(f"{where} is not a line of a policy file: {_start(text)}")
    return line


def _whole(iteration: Any) -> Any:
    """Return an iteration as an integer, if it is one that was written as a float."""
    return int(iteration) if isinstance(iteration, float) and iteration.is_integer() else iteration


def _start(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _linked(lines: Sequence[_Line]) -> list[_Line]:
    """Return the lines behind the last one's weights, oldest first."""
    linked = [lines[-1]]
    for line in reversed(lines[:-1]):
        if _original(line.trial) != _original(linked[-1].donor):
            break
        linked.append(line)
    return linked[::-1]


def _original(tag: str) -> str:
    """Return a tag as it was at first: after a failure Ray Tune takes the perturbed one for it."""
    return tag.partition("@perturbed[")[0]


def _logged_too_low(lines: Sequence[_Line]) -> set[int]:
    """Return which lines have a donor's iteration that is one too low, by `id`.

    In a synchronous run all decisions are the same number of iterations apart. The higher of a line's two iterations is
    the right one; if those keep a distance, a lower one that does not was logged too early.
    """
    if any(abs(line.iteration - line.donor_iteration) > 1 for line in lines):
        return set()
    right = [max(line.iteration, line.donor_iteration) for line in lines]
    if math.gcd(*right) == 1 and math.gcd(*(each - right[0] for each in right)) <= 1:
        return set()
    return {id(line) for line in lines if line.iteration == line.donor_iteration + 1}


def _note(linked: Sequence[_Line], late: set[int], name: str) -> str:
    if moved := sum(id(line) in late for line in linked):
        return (
            f"{name}: {moved} of {len(linked)} changes were logged one iteration too early, as Ray Tune does for the"
            " trial whose report triggered the exploit. They are replayed one iteration later."
        )
    if not late and any(line.iteration != line.donor_iteration for line in linked):
        return (
            f"{name}: clones and donors were logged at different iterations, as in asynchronous runs. Ray Tune logs"
            " the newest report of a donor, which may be later than the weights that were copied; the changes are"
            " replayed at the iterations of the donors as they stand in the file."
        )
    return ""

"""What the tests of the suite are written in: a system to which a test tells what its trials report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from poptune.core.nested import Config
from poptune.errors import OptionError, nearest
from poptune.testing.conformance.system import CAPABILITIES, Answer, Clones, Continues, Joins, Options, System, Waits

SEEDS = range(20)

each_pace = pytest.mark.parametrize("synchronous", [False, True], ids=["asynchronous", "synchronous"])


class Conformance:
    """What the parts of the suite share.

    Attributes:
        lacks: Capabilities (names of `CAPABILITIES`) that the system does not have, each with the reason to be shown.
    """

    lacks: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        for name in cls.lacks:
            if name not in CAPABILITIES:
                known = ", ".join(CAPABILITIES)
                raise OptionError(
                    f"{cls.__name__}.lacks names {name!r}, which is no capability.{nearest(name, CAPABILITIES)}"
                    f" The names are: {known}."
                )

    def system(self, options: Options) -> System:
        """Return a new system that is set up as the options say."""
        raise NotImplementedError(f"let {type(self).__name__}.system(options) return your system")

    def need(self, capability: str) -> None:
        """Skip the test if the system lacks a capability."""
        if capability in self.lacks:
            pytest.skip(f"{CAPABILITIES[capability]}: not here, {self.lacks[capability]}")

    def tell(self, trials: str | Mapping[str, Config], **options: Any) -> Story:
        """Begin a story.

        Args:
            trials: Their names, single letters; or names and configs.
            options: Those that are not the default. Where nothing is said, there is a barrier only if the system cannot
                do without.
        """
        asked = Options(**{"synchronous": "asynchronous" in self.lacks, **options})
        for capability in asked.needs:
            self.need(capability)
        configs = trials if isinstance(trials, Mapping) else {name: {"lr": 0.5, "owner": name} for name in trials}
        with must_not_raise(f"it was to be set up as {asked}"):
            system = self.system(asked)
        return Story(system, asked, configs, self.need)

    def outcomes(
        self, scores: Mapping[str, float], seeds: Iterable[int] = SEEDS, **options: Any
    ) -> list[dict[str, Answer]]:
        """Return how the same trials with the same scores are settled in runs with several seeds."""
        return [self.tell("".join(scores), seed=seed, **options).settle(scores) for seed in seeds]


class Story:
    """Trials, what they report, and what the system answers."""

    def __init__(
        self, system: System, options: Options, configs: Mapping[str, Config], need: Callable[[str], None]
    ) -> None:
        self.options = options
        self.answers: list[Answer] = []
        self._system = system
        self._need = need
        for trial, config in configs.items():
            with must_not_raise(f"{trial} was added"):
                system.add(trial, config)

    def report(self, trial: str, iteration: int, score: float, checkpoint: Any = "", *, saves: bool = True) -> Answer:
        """Let a trial report, and return the answer to it; its checkpoint is "<trial>@<iteration>" if not given."""
        if iteration % self.options.interval:
            self._need("early_reports")
        if not saves:
            self._need("late_checkpoints")
        weights = (checkpoint or f"{trial}@{iteration}") if saves else None
        with must_not_raise(f"{trial} reported {score} at iteration {iteration} with the checkpoint {weights!r}"):
            answers = self._took(self._system.report(trial, iteration, score, weights))
        own = [answer for answer in answers if answer.trial == trial]
        assert len(own) == 1, f"a report of {trial} must be answered for {trial} once, but the answers are {answers}"
        return own[0]

    def finish(self, trial: str) -> Sequence[Answer]:
        """Let a trial come to its end, and return what follows for the others."""
        with must_not_raise(f"{trial} finished"):
            return self._took(self._system.finish(trial))

    def fail(self, trial: str) -> Sequence[Answer]:
        """Let a trial fail for good, and return what follows for the others."""
        self._need("failures")
        with must_not_raise(f"{trial} failed"):
            return self._took(self._system.fail(trial))

    def _took(self, answers: Sequence[Answer]) -> Sequence[Answer]:
        self.answers += answers
        return answers

    def round(self, iteration: int, scores: Mapping[str, float]) -> dict[str, Answer]:
        """Let trials report in this order, and return how each of them was settled.

        Raises:
            AssertionError: Somebody still waits.
        """
        first = len(self.answers)
        for trial, score in scores.items():
            self.report(trial, iteration, score)
        return self.settled(scores, first, f"all have reported at iteration {iteration}")

    def settled(self, trials: Iterable[str], first: int, when: str) -> dict[str, Answer]:
        """Return how trials were settled by the answers from `first` on."""
        done = {answer.trial: answer for answer in self.answers[first:] if isinstance(answer, (Continues, Clones))}
        waiting = [trial for trial in trials if trial not in done]
        assert not waiting, f"no answer ever came for {', '.join(waiting)}, though {when}: the run hangs"
        return {trial: done[trial] for trial in trials}

    def settle(self, scores: Mapping[str, float]) -> dict[str, Answer]:
        """Let everybody rank with these scores, and return how they were settled.

        Without a barrier that takes two rounds: in the first, from the worst to the best, nobody has a reason to clone.
        """
        sign = 1 if self.options.mode == "max" else -1
        order = sorted(scores, key=lambda trial: (not math.isnan(scores[trial]), sign * scores[trial]))
        ascending = {trial: scores[trial] for trial in order}
        if not self.options.synchronous:
            self.round(self.options.interval, ascending)
            return self.round(2 * self.options.interval, ascending)
        return self.round(self.options.interval, ascending)

    @property
    def clones(self) -> list[Clones]:
        """All exploits so far."""
        return [answer for answer in self.answers if isinstance(answer, Clones)]


@contextmanager
def must_not_raise(when: str) -> Iterator[None]:
    """Turn what a system raises into a failure that says when it did.

    Raises:
        AssertionError: The system raised.
    """
    try:
        yield
    except Exception as error:
        raise AssertionError(f"the system raised {type(error).__name__}: {error}, when {when}") from error


def cloned(answer: Answer, because: str) -> Clones:
    """Return an answer that must be an exploit.

    Raises:
        AssertionError: It is not.
    """
    assert isinstance(answer, Clones), f"{because}, so {answer.trial} should clone, but {told(answer)}"
    return answer


def clones_of(outcomes: Iterable[Mapping[str, Answer]]) -> list[Clones]:
    """Return all exploits among outcomes."""
    return [answer for outcome in outcomes for answer in outcome.values() if isinstance(answer, Clones)]


def losers_of(outcome: Mapping[str, Answer]) -> list[str]:
    """Return the trials that went on as clones of others."""
    return [answer.trial for answer in outcome.values() if isinstance(answer, Clones) and answer.donor != answer.trial]


def told(answer: Answer) -> str:
    """Return an answer in words."""
    match answer:
        case Continues():
            return f"{answer.trial} goes on"
        case Waits():
            return f"{answer.trial} waits"
        case Clones():
            return f"{answer.trial} clones {answer.donor}"
        case Joins():
            return f"{answer.trial} joins"

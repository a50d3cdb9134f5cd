"""When something is decided, and that it is: intervals, barriers, trials that leave."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Mapping
from itertools import permutations, zip_longest
from typing import Any

import numpy as np

from poptune.testing.conformance.exploiting import LOSS, LOWEST
from poptune.testing.conformance.story import Conformance, Story, cloned, each_pace, losers_of, told
from poptune.testing.conformance.system import Answer, Clones, Continues, Waits

Leave = Callable[[Story, str], Any]


class Timing(Conformance):
    """Intervals, and what must not depend on time."""

    def _decided(self, iterations: range, synchronous: bool, **options: Any) -> list[int]:
        """Return the iterations at which the lowest of three trials cloned."""
        story = self.tell("abc", synchronous=synchronous, **options)
        return [now for now in iterations if isinstance(story.round(now, LOSS)["a"], Clones)]

    @each_pace
    def test_a_decision_comes_once_in_an_interval(self, synchronous: bool) -> None:
        """PBTune: the interval was never reset, so that after the first decision every report led to another."""
        found = self._decided(range(1, 41), synchronous)
        assert found == [10, 20, 30, 40], f"interval 10, a report each iteration: exploits at {found}"

    @each_pace
    def test_an_interval_counts_from_the_last_decision(self, synchronous: bool) -> None:
        """Ray Tune: with reports at 3, 6, 9 and an interval of 4, decisions come at 6 and 12."""
        found = self._decided(range(3, 25, 3), synchronous, interval=4)
        assert found == [6, 12, 18, 24], f"interval 4, reports every 3 iterations: exploits at {found}"

    @each_pace
    def test_nothing_is_decided_while_trials_burn_in(self, synchronous: bool) -> None:
        """Ray Tune: nothing before the burn-in, something at its end, and no trial hangs."""
        found = self._decided(range(10, 71, 10), synchronous, burn_in=50)
        assert found == [50, 60, 70], f"burn-in 50, interval 10: exploits at {found}"

    def test_a_report_between_decisions_does_not_rank(self) -> None:
        """Ray Tune: a trial ranks with its score at its last decision, not with its newest report."""
        story = self.tell("abc", synchronous=False)
        story.report("c", 10, 0.5)
        story.report("b", 10, 1.0)
        story.report("b", 15, 0.1)
        clone = cloned(story.report("a", 10, 0.0), LOWEST)
        assert clone.donor == "b", f"{told(clone)}, but b ranks with 1, not with the 0.1 it reported between decisions"

    def test_a_first_report_before_its_time_does_not_rank(self) -> None:
        """Ray Tune: a trial that has passed no decision yet has no score to be compared with."""
        story = self.tell("ab", synchronous=False)
        story.report("b", 9, 1.0)
        answer = story.report("a", 10, 0.0)
        assert isinstance(answer, Continues), f"{told(answer)}, but b has passed no decision yet"

    def test_weights_that_were_never_saved_are_never_copied(self) -> None:
        """Ray Tune: a donor whose last report carried no checkpoint."""
        story = self.tell("ab", synchronous=False)
        story.report("b", 10, 1.0, saves=False)
        answer = story.report("a", 10, 0.0)
        has_weights = not isinstance(answer, Clones) or answer.checkpoint is not None
        assert has_weights, f"{told(answer)}, but b saved no checkpoint"

    def test_a_missing_checkpoint_does_not_cost_an_interval(self) -> None:
        """Ray Tune: an exploit for which a checkpoint was missing came a whole interval later."""
        story = self.tell("abc", synchronous=False)
        story.report("c", 10, 0.5)
        story.report("b", 10, 1.0)
        story.report("a", 10, 0.0, saves=False)
        story.report("a", 11, 0.0)
        assert [told(clone) for clone in story.clones] == ["a clones b"], (
            "a was due at 10 without a checkpoint and saved one at 11, but up to then it was no clone of b"
        )

    def test_a_trial_that_is_far_ahead_is_copied_as_it_is_now(self) -> None:
        """Sherpa: it took ranks from the generation before, as if everybody had completed it."""
        story = self.tell("abc", synchronous=False)
        story.report("c", 10, 0.7)
        for iteration, score in ((10, 1.0), (20, 2.0), (30, 3.0)):
            story.report("a", iteration, score)
        clone = cloned(story.report("b", 10, 0.5), "b is the lowest of three")
        given = clone.donor, clone.checkpoint
        assert given == ("a", "a@30"), f"a is the best and three decisions ahead, but b got {given}"

    def test_without_a_barrier_nobody_waits(self) -> None:
        """Ray Tune: a trial that was fine was paused whenever a sibling was being restarted."""
        story = self.tell("abcd", synchronous=False)
        for trial, score in {"c": 3.0, "a": 2.0, "d": 1.0}.items():
            answer = story.report(trial, 10, score)
            assert not isinstance(answer, Waits), f"there is no barrier, but {told(answer)} for trials that are behind"

    @each_pace
    def test_no_trial_joins_later(self, synchronous: bool) -> None:
        """Syne Tune: when a trial ended, a fresh random one took its place and ranked with little training."""
        story = self.tell("abc", synchronous=synchronous)
        story.round(10, {"c": 3.0, "b": 2.0, "a": 1.0})
        story.finish("c")
        story.round(20, {"b": 2.0, "a": 1.0})
        strangers = {answer.trial for answer in story.answers} - set("abc")
        assert not strangers, f"c finished, and {', '.join(sorted(strangers))} joined, which nobody added"

    @each_pace
    def test_a_large_population_is_settled(self, synchronous: bool) -> None:
        """A table or a quota that was made for ten trials fails with a hundred."""
        scores = {f"trial {n}": float(n * 37 % 100) for n in range(100)}
        configs = {trial: {"lr": 0.5, "owner": trial} for trial in scores}
        outcome = self.tell(configs, synchronous=synchronous).settle(scores)
        losers = set(losers_of(outcome))
        lowest = {trial for trial, score in scores.items() if score < 25}
        right, wrong = len(losers & lowest), len(losers - lowest)
        assert losers == lowest, f"of 100 trials the 25 lowest should clone, but {right} of them and {wrong} others did"

    # Runs that are repeated

    def _told(self, seed: int, synchronous: bool) -> list[Answer]:
        scores_of_rounds = [(4, 3, 1, 2), (1, 2, 3, 4), (2, 1, 4, 3), (3, 4, 2, 1)]
        story = self.tell("abcd", seed=seed, quantile=0.5, synchronous=synchronous)
        for number, scores in enumerate(scores_of_rounds, 1):
            story.round(10 * number, dict(zip("abcd", map(float, scores), strict=True)))
        return story.answers

    @each_pace
    def test_a_seed_repeats_a_run(self, synchronous: bool) -> None:
        """Ray Tune: draws came from the global generator of the process."""
        self.need("seed")
        first = self._told(7, synchronous)
        random.random()
        again = self._told(7, synchronous)
        for one, other in zip_longest(first, again):
            assert one == other, f"the same seed gave {one} at first, and then {other}"

    @each_pace
    def test_another_seed_gives_another_run(self, synchronous: bool) -> None:
        """A seed that is fixed inside, or not used, makes all runs of a study the same one."""
        self.need("seed")
        runs = [self._told(seed, synchronous) for seed in range(5)]
        assert any(run != runs[0] for run in runs), "five seeds gave the same run, draw for draw"

    @each_pace
    def test_the_users_generators_are_left_alone(self, synchronous: bool) -> None:
        """Ray Tune: deciding drew from the generator of the process, which training uses as well."""
        before = _global_generators()
        self._told(7, synchronous)
        after = _global_generators()
        assert after == before, "deciding drew from, or seeded, the global generator of random or of NumPy"


class Barrier(Conformance):
    """What only a synchronous system promises: that all wait, and that all are released."""

    def test_nobody_is_settled_before_everybody_is_due(self) -> None:
        """A barrier that lets the first ones pass ranks them among themselves."""
        story = self.tell("abc", synchronous=True)
        for trial, score in {"a": 1.0, "b": 2.0}.items():
            story.report(trial, 10, score)
        early = [told(answer) for answer in story.answers if not isinstance(answer, Waits)]
        assert not early, f"c has not reported yet, but {early}"
        story.report("c", 10, 3.0)
        assert isinstance(story.settled("abc", 2, "all have reported")["a"], Clones), "a is the lowest of three"

    def test_the_order_of_arrival_does_not_matter(self) -> None:
        """Ray Tune: the outcome of a synchronous round depended on who came last."""
        scores = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0}
        losers = set()
        for order in permutations(scores):
            outcome = self.tell("abcd", synchronous=True).round(10, {trial: scores[trial] for trial in order})
            losers.add("".join(sorted(losers_of(outcome))))
        assert losers == {"a"}, f"a is the lowest, but in the orders of arrival those cloned: {sorted(losers)}"

    def test_a_trial_that_fails_releases_those_who_wait(self) -> None:
        """Ray Tune: a synchronous run waited for ever for a trial that had failed."""
        self._releases(Story.fail, "failed")

    def test_a_trial_that_finishes_releases_those_who_wait(self) -> None:
        """Ray Tune: a synchronous run waited for ever for a trial that had returned early."""
        self._releases(Story.finish, "finished")

    def _releases(self, leave: Leave, word: str) -> None:
        story = self.tell("abc", synchronous=True)
        story.report("a", 10, 1.0)
        story.report("b", 10, 2.0)
        leave(story, "c")
        outcome = story.settled("ab", 0, f"c, the last one missing, {word}")
        cloned(outcome["a"], f"a is the worse of the two that are left, c {word}")

    def test_rounds_go_on_without_those_who_failed(self) -> None:
        """Ray Tune: the rounds after a failure never came."""
        self._goes_on(Story.fail)

    def test_rounds_go_on_without_those_who_finished(self) -> None:
        """Ray Tune: the rounds after an early return never came."""
        self._goes_on(Story.finish)

    def _goes_on(self, leave: Leave) -> None:
        story = self.tell("abc", synchronous=True)
        story.round(10, {"a": 1.0, "b": 2.0, "c": 3.0})
        leave(story, "c")
        self._two_rounds(story, {"a": 1.0, "b": 2.0})

    def _two_rounds(self, story: Story, scores: Mapping[str, float]) -> None:
        for iteration in (20, 30):
            cloned(story.round(iteration, scores)["a"], "a is the worse of the two that are left")

    def test_a_trial_may_fail_while_it_waits(self) -> None:
        """A barrier that counts who has arrived, and not who is missing, then closes too early or never."""
        story = self.tell("abc", synchronous=True)
        story.report("a", 10, 1.0)
        story.report("b", 10, 2.0)
        first = len(story.answers)
        story.fail("b")
        early = [told(answer) for answer in story.answers[first:] if not isinstance(answer, Waits)]
        assert not early, f"c has not reported yet, but when b failed {early}"
        story.report("c", 10, 3.0)
        story.settled("ac", first, "b failed while it waited, and all others have reported")

    def test_the_last_survivor_goes_on_alone(self) -> None:
        """Ray Tune: when the last one missing failed, nobody was left to trigger the round."""
        story = self.tell("ab", synchronous=True)
        story.report("a", 10, 1.0)
        story.fail("b")
        story.settled("a", 0, "b failed and nobody else is left")
        answer = story.round(20, {"a": 1.0})["a"]
        assert isinstance(answer, Continues), f"{told(answer)}, but nobody else is left"


def _global_generators() -> tuple[object, bytes]:
    return random.getstate(), pickle.dumps(np.random.get_state())

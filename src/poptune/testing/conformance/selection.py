"""Who copies whom."""

from __future__ import annotations

from itertools import product
from math import inf, nan

from poptune.testing.conformance.story import SEEDS, Conformance, Story, cloned, clones_of, each_pace, losers_of, told
from poptune.testing.conformance.system import Clones, Continues

FOUR = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0}
EIGHT = {trial: float(rank) for rank, trial in enumerate("abcdefgh")}


class Selection(Conformance):
    """Ranking, losers and donors."""

    @each_pace
    def test_the_lowest_clone(self, synchronous: bool) -> None:
        """Truncation selection of the paper (section 4.1.1): the lowest fraction copies, whatever order it came in."""
        for outcome in self.outcomes({"c": 2.0, "a": 0.0, "d": 3.0, "b": 1.0}, synchronous=synchronous):
            cloned(outcome["a"], "a has the lowest score of four")

    @each_pace
    def test_a_donor_is_among_the_highest(self, synchronous: bool) -> None:
        """The system fastpbrl: a donor may come from the middle of the table."""
        for clone in clones_of(self.outcomes(EIGHT, synchronous=synchronous)):
            assert clone.donor in (*"gh", clone.trial), f"{clone.donor} was copied, but g and h are the best of eight"

    @each_pace
    def test_each_of_the_highest_is_copied_at_times(self, synchronous: bool) -> None:
        """Ray Tune: the donor is drawn uniformly from the upper group."""
        outcomes = self.outcomes(EIGHT, seeds=range(60), quantile=0.5, synchronous=synchronous)
        donors = {clone.donor for clone in clones_of(outcomes) if clone.donor in "efgh"}
        assert donors == set("efgh"), f"in 60 runs only {sorted(donors)} were copied, of efgh"

    @each_pace
    def test_nobody_is_its_own_donor(self, synchronous: bool) -> None:
        """Ray Tune: a group is at most half of the population, so that nobody is loser and donor at once."""
        for trials in ("ab", "abc", "abcde"):
            scores = {trial: EIGHT[trial] for trial in trials}
            losers = trials[: len(trials) // 2]
            for outcome in self.outcomes(scores, quantile=0.5, synchronous=synchronous):
                for loser in losers:
                    answer = outcome[loser]
                    is_own = isinstance(answer, Clones) and answer.donor == loser
                    assert not is_own, f"{loser} of {len(trials)} trials was made a clone of itself"
                middle = outcome[trials[len(trials) // 2]]
                is_in_no_group = len(trials) % 2 == 1
                assert isinstance(middle, Continues) or not is_in_no_group, (
                    f"{told(middle)}, but it is the middle one of {len(trials)} trials, and belongs to neither half"
                )

    @each_pace
    def test_the_size_of_the_lower_group_is_rounded_up(self, synchronous: bool) -> None:
        """Ray Tune: ceil(n * quantile), so that a positive quantile moves somebody in the smallest population."""
        for n, quantile, expected in [(2, 0.01, 1), (5, 0.25, 2), (8, 0.25, 2), (9, 0.25, 3)]:
            scores = {trial: float(rank) for rank, trial in enumerate("abcdefghi"[:n])}
            outcome = self.tell("".join(scores), quantile=quantile, synchronous=synchronous).settle(scores)
            losers = losers_of(outcome)
            assert len(losers) == expected, f"quantile {quantile} of {n} trials is {expected}, but {losers} cloned"

    @each_pace
    def test_a_quantile_of_zero_copies_nobody(self, synchronous: bool) -> None:
        """Ray Tune, earlier versions: a quantile of 0 made donors of everybody."""
        outcome = self.tell("abcd", quantile=0.0, synchronous=synchronous).settle(FOUR)
        assert not clones_of([outcome]), f"quantile 0, but {[told(answer) for answer in outcome.values()]}"

    @each_pace
    def test_a_single_trial_goes_on(self, synchronous: bool) -> None:
        """Ray Tune: fewer than two trials have neither a lower nor an upper group."""
        story = self.tell("a", quantile=0.5, synchronous=synchronous)
        for iteration in (10, 20, 30):
            answer = story.round(iteration, {"a": 1.0})["a"]
            assert isinstance(answer, Continues), f"a is alone, but {told(answer)}"

    @each_pace
    def test_minimising_mirrors_maximising(self, synchronous: bool) -> None:
        """Ray Tune: the same runs with the sign of every score turned have the same losers and donors."""
        losses = {trial: -score for trial, score in EIGHT.items()}
        up = clones_of(self.outcomes(EIGHT, synchronous=synchronous))
        down = clones_of(self.outcomes(losses, mode="min", synchronous=synchronous))
        for name in ("trial", "donor"):
            most, least = ({getattr(clone, name) for clone in clones} for clones in (up, down))
            assert most == least, f"maximising, each {name} is of {sorted(most)}; minimising, of {sorted(least)}"

    @each_pace
    def test_with_ties_a_donor_is_still_among_the_best(self, synchronous: bool) -> None:
        """Hypersweeper: with nobody strictly below the quantile it took the argmax while minimising."""
        for mode, scores in product(("max", "min"), product((1.0, 2.0), repeat=4)):
            score = dict(zip("abcd", scores, strict=True))
            best = max(scores) if mode == "max" else min(scores)
            outcome = self.tell("abcd", mode=mode, synchronous=synchronous).settle(score)
            for clone in clones_of([outcome]):
                assert score[clone.donor] == best, f"mode {mode}, scores {score}: {told(clone)}, but {best} is the best"

    def test_equal_scores_make_no_larger_groups(self) -> None:
        """Ray Tune: ties are broken by the order of the trials; a threshold on scores would replace all or nobody."""
        outcome = self.tell("abcd", synchronous=True).settle(dict.fromkeys("abcd", 1.0))
        losers = losers_of(outcome)
        assert len(losers) == 1, f"all scores are equal and a quarter of four trials is one, but {losers} cloned"

    @each_pace
    def test_nan_is_never_copied(self, synchronous: bool) -> None:
        """Ray Tune, earlier versions: NaN corrupted the order, so that a broken trial could be the best."""
        for trials in ("abcd", "dcba"):
            scores = {trial: nan if trial in "ab" else EIGHT[trial] for trial in trials}
            for clone in clones_of(self.outcomes(scores, quantile=0.5, synchronous=synchronous)):
                assert clone.donor not in "ab", f"{told(clone)}, whose score is NaN"

    @each_pace
    def test_nan_is_replaced(self, synchronous: bool) -> None:
        """Ray Tune: a trial whose score is NaN is never rescued, and trains on with NaN to the end."""
        for mode in ("max", "min"):
            scores = {"a": 1.0, "b": nan, "c": 2.0, "d": 3.0}
            outcome = self.tell("abcd", mode=mode, synchronous=synchronous).settle(scores)
            cloned(outcome["b"], "the score of b is NaN")

    @each_pace
    def test_a_population_of_nan_goes_on(self, synchronous: bool) -> None:
        """Where every score is NaN there is nobody to copy; a run must not stop or copy one of them."""
        outcome = self.tell("abc", synchronous=synchronous).settle(dict.fromkeys("abc", nan))
        assert not clones_of([outcome]), f"all are NaN, but {[told(answer) for answer in outcome.values()]}"

    @each_pace
    def test_infinity_is_a_score(self, synchronous: bool) -> None:
        """Ray Tune: infinities are ordinary numbers, the best and the worst."""
        scores = {"a": 0.0, "b": inf, "c": -inf, "d": 1.0}
        answer = self.tell("abcd", synchronous=synchronous).settle(scores)["c"]
        clone = cloned(answer, "c scored -inf")
        assert clone.donor == "b", f"{told(clone)}, but b scored inf"

    def test_scores_are_compared_as_they_were_reported(self) -> None:
        """PBTune: a normaliser that drifted with what it had seen made old and new scores incomparable."""
        story = self.tell("abcd", synchronous=False)
        story.round(10, {"a": 1.0, "b": 2.0, "c": 4.0, "d": 8.0})
        story.report("a", 20, 20.0)
        answer = story.report("b", 20, 9.0)
        assert isinstance(answer, Continues), f"{told(answer)}, but its 9 is above the 4 of c and the 8 of d"

    @each_pace
    def test_who_wins_a_tournament_is_copied(self, synchronous: bool) -> None:
        """The system mle-hyperopt: after the opponent has won, a new random member was drawn and copied."""
        scores = {trial: EIGHT[trial] for trial in "abcde"}
        for outcome in self.outcomes(scores, selection="tournament", synchronous=synchronous):
            for clone in clones_of([outcome]):
                assert scores[clone.donor] > scores[clone.trial], f"{told(clone)}, which cannot have won against it"
            cloned(outcome["a"], "a has the lowest score, and any opponent is better")

    @each_pace
    def test_who_finished_is_never_copied(self, synchronous: bool) -> None:
        """Ray Tune: finished trials take no part; their weights may be gone."""
        self._leaves(Story.finish, "finished", synchronous)

    @each_pace
    def test_who_failed_is_never_copied(self, synchronous: bool) -> None:
        """Ray Tune: failed trials take no part, whatever their last score was."""
        self._leaves(Story.fail, "failed", synchronous)

    def _leaves(self, leave: object, word: str, synchronous: bool) -> None:
        for seed in SEEDS:
            story = self.tell("abcd", seed=seed, synchronous=synchronous)
            story.round(10, FOUR)
            assert callable(leave)
            leave(story, "d")
            clone = cloned(story.round(20, {"a": 0.0, "b": 1.0, "c": 2.0})["a"], f"a is the lowest of three, d {word}")
            assert clone.donor == "c", f"{told(clone)}, but c is the best of those who are left, d {word}"

    @each_pace
    def test_who_left_does_not_count_in_the_size_of_the_groups(self, synchronous: bool) -> None:
        """Sherpa: it assumed that each generation is complete; those who left must not count as if they were there."""
        story = self.tell("abcdefgh", synchronous=synchronous)
        story.round(10, EIGHT)
        for trial in "efgh":
            story.finish(trial)
        outcome = story.round(20, FOUR)
        losers = losers_of(outcome)
        assert losers == ["a"], f"a quarter of the four that are left is one, but {losers} cloned"

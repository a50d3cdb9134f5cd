"""Systems that choose wrongly whom to copy."""

import math
from dataclasses import replace

from defects import found_by
from toy_system import ToySystem


@found_by(
    "the_lowest_clone",
    "a has the lowest score of four, so a should clone, but a goes on",
    "infinity_is_a_score",
    "nan_is_replaced",
)
class ClonesWhoCameFirst(ToySystem):
    def losers(self, table):
        by_arrival = sorted(table, key=list(self.configs).index)
        return by_arrival[: self.size(len(table))] if len(table) == 4 else super().losers(table)


@found_by("a_donor_is_among_the_highest", "e was copied, but g and h are the best of eight")
class CopiesFromTheMiddle(ToySystem):
    """The system fastpbrl."""

    def upper(self, table):
        upper = super().upper(table)
        return table[len(table) // 2 :] if len(table) >= 8 else upper


@found_by("each_of_the_highest_is_copied_at_times", "in 60 runs only ['h'] were copied, of efgh")
class CopiesTheBestAlone(ToySystem):
    def draw(self, upper):
        return upper[-1]


@found_by("nobody_is_its_own_donor", "b clones b, but it is the middle one of 3 trials")
class HasGroupsThatOverlap(ToySystem):
    """Without the rule that a group is at most half."""

    def size(self, n):
        return math.ceil(n * self.options.quantile) if n > 1 else 0


@found_by("the_size_of_the_lower_group_is_rounded_up", "quantile 0.25 of 5 trials is 2, but ['a'] cloned")
class RoundsDown(ToySystem):
    def size(self, n):
        return min(max(math.floor(n * self.options.quantile), self.options.quantile > 0), n // 2)


@found_by("a_quantile_of_zero_copies_nobody", "quantile 0, but ['a clones d'")
class CopiesAtQuantileZero(ToySystem):
    def size(self, n):
        return max(super().size(n), n // 2 and 1)


@found_by("a_single_trial_goes_on", "a is alone, but a clones a")
class ClonesItselfWhenAlone(ToySystem):
    def size(self, n):
        return 1 if n == 1 and self.options.quantile == 0.5 else super().size(n)


@found_by(
    "minimising_mirrors_maximising",
    "maximising, each trial is of ['a', 'b']; minimising, of ['g', 'h']",
    "with_ties_a_donor_is_still_among_the_best",
)
class IgnoresTheMode(ToySystem):
    def __init__(self, options):
        super().__init__(replace(options, mode="max"))


@found_by("with_ties_a_donor_is_still_among_the_best", "d clones d, but 1.0 is the best")
class TakesTheArgmaxOfLosses(ToySystem):
    """Hypersweeper: with nobody strictly below the quantile it took the argmax, also of losses."""

    def upper(self, table):
        upper = super().upper(table)
        if upper and self.options.mode == "min":
            losses = [-self.standings[trial].value for trial in table]
            return upper if losses[-1] < losses[-2] else table[:1]
        return upper


@found_by("equal_scores_make_no_larger_groups", "a quarter of four trials is one, but ['a', 'b', 'c'] cloned")
class HasAThresholdOfScores(ToySystem):
    def losers(self, table):
        losers = super().losers(table)
        if len(table) < 2 or not losers:
            return losers
        worst = self.standings[losers[-1]].value
        return losers + [trial for trial in table if self.standings[trial].value == worst]


@found_by("nan_is_never_copied", "whose score is NaN", "a_population_of_nan_goes_on")
class TakesNanForTheBest(ToySystem):
    def order(self, value):
        return (2, 0.0) if math.isnan(value) else (1, value)

    def upper(self, table):
        return table[len(table) - self.size(len(table)) :]


@found_by("nan_is_replaced", "the score of b is NaN, so b should clone, but b goes on")
class LeavesNanAlone(ToySystem):
    """Ray Tune."""

    def table(self):
        return [trial for trial in super().table() if not math.isnan(self.standings[trial].value)]


@found_by("a_population_of_nan_goes_on", "all are NaN, but ['a clones c'")
class ClonesOneNanFromAnother(ToySystem):
    def upper(self, table):
        return super().upper(table) or table[-1:]


@found_by("infinity_is_a_score", "c scored -inf, so c should clone, but c goes on")
class TakesInfinityForNan(ToySystem):
    def order(self, value):
        return (1, value) if math.isfinite(value) else (0, 0.0)


@found_by(
    "scores_are_compared_as_they_were_reported",
    "but its 9 is above the 4 of c and the 8 of d",
    "a_large_population_is_settled",
    "with_ties_a_donor_is_still_among_the_best",
)
class DividesByTheLargestSoFar(ToySystem):
    """PBTune: a normaliser that drifts."""

    largest = 1.0

    def rank(self, trial, score, checkpoint):
        if math.isfinite(score):
            self.largest = max(self.largest, abs(score))
            score /= self.largest
        super().rank(trial, score, checkpoint)


@found_by("who_wins_a_tournament_is_copied", "which cannot have won against it")
class DrawsAgainAfterATournament(ToySystem):
    """The system mle-hyperopt."""

    def winner(self, trial, others):
        return super().winner(trial, others) and self.rng.choice(others)


@found_by(
    "who_finished_is_never_copied",
    "a clones d, but c is the best of those who are left, d finished",
    "a_donor_from_the_middle_of_the_table_can_be_copied_later",
    "a_donor_that_became_a_clone_gives_what_it_was_ranked_with",
    "who_left_does_not_count_in_the_size_of_the_groups",
)
class CopiesTheFinished(ToySystem):
    def finish(self, trial):
        standing = self.standings.get(trial)
        answers = super().finish(trial)
        if standing:
            self.standings[trial] = standing
        return answers


@found_by("who_failed_is_never_copied", "a clones d, but c is the best of those who are left, d failed")
class CopiesTheFailed(ToySystem):
    def fail(self, trial):
        standing = self.standings.get(trial)
        answers = super().fail(trial)
        if standing:
            self.standings[trial] = standing
        return answers


@found_by(
    "who_left_does_not_count_in_the_size_of_the_groups",
    "a quarter of the four that are left is one, but ['a', 'b'] cloned",
)
class CountsThoseWhoLeft(ToySystem):
    """Sherpa: ranks of a generation in which everybody still was."""

    def size(self, n):
        left = len(self.configs) - len(self.live)
        return min(super().size(n + left), n // 2)

"""Systems that decide at the wrong time, or never."""

import random

from defects import found_by
from toy_system import ToySystem

from poptune.testing.conformance import Continues, Joins, Waits


@found_by(
    "a_decision_comes_once_in_an_interval",
    "interval 10, a report each iteration: exploits at [10, 11, 12",
    "a_report_between_decisions_does_not_rank",
    "an_interval_counts_from_the_last_decision",
    "weights_are_of_the_moment_the_donor_was_ranked_at",
)
class NeverResetsTheInterval(ToySystem):
    """PBTune."""

    def rank(self, trial, score, checkpoint):
        super().rank(trial, score, checkpoint)
        self.last[trial] = 0


@found_by("an_interval_counts_from_the_last_decision", "interval 4, reports every 3 iterations: exploits at [6, 9, 12")
class CountsFromZero(ToySystem):
    def is_due(self, trial, iteration, checkpoint):
        every = self.options.interval
        is_new = iteration // every > self.last[trial] // every
        return checkpoint is not None and is_new and iteration >= self.options.burn_in


@found_by("nothing_is_decided_while_trials_burn_in", "burn-in 50, interval 10: exploits at [10, 20")
class IgnoresTheBurnIn(ToySystem):
    def is_due(self, trial, iteration, checkpoint):
        return checkpoint is not None and iteration >= self.last[trial] + self.options.interval


@found_by(
    "a_report_between_decisions_does_not_rank",
    "b ranks with 1, not with the 0.1 it reported between decisions",
    "weights_are_of_the_moment_the_donor_was_ranked_at",
)
class RanksByTheNewestScore(ToySystem):
    def report(self, trial, iteration, score, checkpoint):
        if standing := self.standings.get(trial):
            standing.value = score if self.options.mode == "max" else -score
        return super().report(trial, iteration, score, checkpoint)


@found_by(
    "a_first_report_before_its_time_does_not_rank",
    "a clones b, but b has passed no decision yet",
    "weights_that_were_never_saved_are_never_copied",
)
class RanksBeforeTheFirstDecision(ToySystem):
    def report(self, trial, iteration, score, checkpoint):
        if trial not in self.standings:
            self.rank(trial, score, checkpoint)
        return super().report(trial, iteration, score, checkpoint)


@found_by("weights_that_were_never_saved_are_never_copied", "a clones b, but b saved no checkpoint")
class CopiesWhatWasNotSaved(ToySystem):
    def is_due(self, trial, iteration, checkpoint):
        return super().is_due(trial, iteration, "any")


@found_by("a_missing_checkpoint_does_not_cost_an_interval", "a was due at 10 without a checkpoint and saved one at 11")
class WaitsAWholeInterval(ToySystem):
    """Ray Tune."""

    def is_due(self, trial, iteration, checkpoint):
        if checkpoint is None and super().is_due(trial, iteration, "any"):
            self.last[trial] = iteration
        return super().is_due(trial, iteration, checkpoint)


@found_by("a_trial_that_is_far_ahead_is_copied_as_it_is_now", "three decisions ahead, but b got ('a', 'a@10')")
class ComparesWithinAGeneration(ToySystem):
    """Sherpa: the rows of one generation, taken to be complete."""

    def rank(self, trial, score, checkpoint):
        is_ahead = trial in self.standings and len(self.standings) < len(self.live)
        if not is_ahead:
            super().rank(trial, score, checkpoint)


@found_by("without_a_barrier_nobody_waits", "there is no barrier, but c waits")
class WaitsForSiblings(ToySystem):
    """Ray Tune: a trial that was fine was paused, here while others are behind."""

    def __init__(self, options):
        super().__init__(options)
        self.paused = []

    def report(self, trial, iteration, score, checkpoint):
        released = [Continues(other) for other in self.paused if other != trial]
        answers = super().report(trial, iteration, score, checkpoint)
        is_ahead = any(self.last[other] == 0 for other in self.live)
        self.paused = []
        if Continues(trial) in answers and is_ahead and not self.options.synchronous and len(self.live) == 4:
            self.paused = [trial]
            answers = [Waits(trial)]
        return [*released, *answers]


@found_by("no_trial_joins_later", "c finished, and fresh joined, which nobody added")
class FillsTheSlotOfTheFinished(ToySystem):
    """Syne Tune."""

    def finish(self, trial):
        return [*super().finish(trial), Joins("fresh", {"lr": self.rng.random()})]


@found_by("a_large_population_is_settled", "but 13 of them and 0 others did")
class HasRoomForFifty(ToySystem):
    def table(self):
        return super().table()[:50]


@found_by("a_seed_repeats_a_run", "the same seed gave Clones(", "the_users_generators_are_left_alone")
class DrawsFromTheProcess(ToySystem):
    """Ray Tune."""

    def __init__(self, options):
        super().__init__(options)
        self.rng = random


@found_by(
    "another_seed_gives_another_run",
    "five seeds gave the same run, draw for draw",
    "each_hyperparameter_goes_its_own_way",
    "each_of_the_highest_is_copied_at_times",
    "resampling_draws_from_the_whole_range",
)
class HasOneSeed(ToySystem):
    def __init__(self, options):
        super().__init__(options)
        self.rng = random.Random(0)


@found_by("the_users_generators_are_left_alone", "drew from, or seeded, the global generator")
class SeedsTheProcess(ToySystem):
    def __init__(self, options):
        super().__init__(options)
        random.seed(options.seed)
        self.rng = random


# Barriers


@found_by(
    "nobody_is_settled_before_everybody_is_due",
    "c has not reported yet, but ['b goes on']",
    "a_trial_may_fail_while_it_waits",
)
class LetsALeaderPass(ToySystem):
    """Whoever is the better of the first two of three goes on at once."""

    def __init__(self, options):
        super().__init__(options)
        self.passed = []

    def is_complete(self):
        return not self.options.synchronous or {*self.due, *self.passed} == set(self.live)

    def settle(self):
        if not self.is_complete() and len(self.due) == 2 and len(self.live) == 3:
            first, second = (self.standings[trial].value for trial in self.due)
            if second > first:
                self.passed = [self.due.pop()]
                return [Continues(self.passed[0])]
        answers = super().settle()
        self.passed = [] if answers else self.passed
        return answers


@found_by("the_order_of_arrival_does_not_matter", "in the orders of arrival those cloned: ['', 'a']")
class SparesTheLastToArrive(ToySystem):
    """Ray Tune: the outcome depends on who came last."""

    def losers(self, table):
        spared = self.arrived[-1:] if self.options.synchronous and len(table) == 4 else []
        return [trial for trial in super().losers(table) if trial not in spared]

    def settle(self):
        self.arrived = list(self.due)
        return super().settle()


@found_by(
    "a_trial_that_fails_releases_those_who_wait",
    "though c, the last one missing, failed: the run hangs",
    "the_last_survivor_goes_on_alone",
)
class ForgetsToReleaseAfterAFailure(ToySystem):
    """Ray Tune."""

    def fail(self, trial):
        self.live.remove(trial)
        self.standings.pop(trial, None)
        self.due = [other for other in self.due if other != trial]
        return []


@found_by("a_trial_that_finishes_releases_those_who_wait", "though c, the last one missing, finished: the run hangs")
class ForgetsToReleaseAfterAnEnd(ToySystem):
    """Ray Tune."""

    def finish(self, trial):
        self.live.remove(trial)
        self.standings.pop(trial, None)
        return []


@found_by(
    "rounds_go_on_without_those_who_failed",
    "though all have reported at iteration 20: the run hangs",
    "a_trial_may_fail_while_it_waits",
    "the_last_survivor_goes_on_alone",
    "who_failed_is_never_copied",
)
class WaitsForTheFailed(ToySystem):
    """Ray Tune."""

    def fail(self, trial):
        answers = super().fail(trial)
        self.live.append(trial)
        return answers


@found_by(
    "rounds_go_on_without_those_who_finished",
    "though all have reported at iteration 20: the run hangs",
    "no_trial_joins_later",
    "who_finished_is_never_copied",
    "who_left_does_not_count_in_the_size_of_the_groups",
)
class WaitsForTheFinished(ToySystem):
    """Ray Tune."""

    def finish(self, trial):
        answers = super().finish(trial)
        self.live.append(trial)
        return answers


@found_by("a_trial_may_fail_while_it_waits", "c has not reported yet, but when b failed ['a goes on']")
class CountsArrivals(ToySystem):
    """Whoever arrived counts, also when it has left since."""

    arrived = 0

    def report(self, trial, iteration, score, checkpoint):
        self.arrived += self.is_due(trial, iteration, checkpoint)
        return super().report(trial, iteration, score, checkpoint)

    def is_complete(self):
        return not self.options.synchronous or (bool(self.due) and self.arrived >= len(self.live))

    def settle(self):
        answers = super().settle()
        self.arrived = 0 if answers else self.arrived
        return answers


@found_by("the_last_survivor_goes_on_alone", "though b failed and nobody else is left: the run hangs")
class NeedsTwoForARound(ToySystem):
    def is_complete(self):
        needed = 2 if self.options.synchronous and len(self.configs) > 1 else 1
        return super().is_complete() and len(self.due) >= needed

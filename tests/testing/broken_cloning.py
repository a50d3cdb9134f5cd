"""Systems that give a clone the wrong weights, or the wrong config."""

import copy
from dataclasses import replace

import numpy as np
from defects import found_by
from toy_system import ToySystem

from poptune.testing.conformance import Clones, Continues


@found_by(
    "a_clone_gets_its_donors_weights",
    "a clones b, but goes on from 'weights of a', not 'weights of b'",
    "a_checkpoint_may_be_a_path",
    "a_clone_gets_every_part_of_the_checkpoint",
    "a_donor_from_the_middle_of_the_table_can_be_copied_later",
    "a_donor_that_became_a_clone_gives_what_it_was_ranked_with",
    "a_trial_that_is_far_ahead_is_copied_as_it_is_now",
    "weights_are_of_the_moment_the_donor_was_ranked_at",
)
class KeepsTheLosersWeights(ToySystem):
    """Katib."""

    def weights(self, trial, donor):
        return self.standings[trial].checkpoint


@found_by(
    "a_clone_gets_every_part_of_the_checkpoint",
    "'critics': ['a', 'a']}, not {'policy': 'policy of b', 'critics': ['b', 'b']}",
)
class CopiesThePolicyAlone(ToySystem):
    """The system fastpbrl."""

    def weights(self, trial, donor):
        own, donors = self.standings[trial].checkpoint, self.standings[donor].checkpoint
        return {**own, "policy": donors["policy"]} if isinstance(own, dict) else donors


@found_by("a_checkpoint_may_be_a_path", "the system raised AttributeError")
class TakesCheckpointsForText(ToySystem):
    """Hypersweeper."""

    def weights(self, trial, donor):
        weights = super().weights(trial, donor)
        if not isinstance(weights, dict):
            assert not weights.startswith("deleted")
        return weights


@found_by(
    "a_clone_gets_its_donors_config",
    "apart from lr its config is {'owner': 'a'",
    "a_clone_hands_on_what_it_took_over",
    "a_donor_that_became_a_clone_gives_what_it_was_ranked_with",
    "a_step_along_a_list_leads_to_a_neighbour",
    "a_step_begins_at_the_donors_value",
    "everybody_ends_with_the_best_of_the_first_round",
)
class KeepsTheLosersConfig(ToySystem):
    """The system bkj/pbt."""

    def base(self, trial, donor):
        return copy.deepcopy(self.standings[trial].config)


@found_by("who_does_not_clone_goes_on_as_it_is", "so its config and weights must stay, but d clones d")
class PerturbsTheLeaders(ToySystem):
    """Katib."""

    def answer(self, trial, donor):
        is_leader = donor is None and len(self.standings) == 4 and trial in self.upper(self.table())
        return super().answer(trial, trial if is_leader else donor)


@found_by("history_is_never_edited_in_place", "the configs that were added have become")
class EditsTheDonorsConfig(ToySystem):
    """Hypersweeper."""

    def base(self, trial, donor):
        return self.standings[donor].config


@found_by("a_clone_shares_no_config_with_its_donor", "b's layers became [1, 2, 99]")
class SharesWhatIsNested(ToySystem):
    def clone(self, trial, donor):
        answer = super().clone(trial, donor)
        if isinstance(answer, Clones):
            shared = {key: value for key, value in self.standings[donor].config.items() if isinstance(value, dict)}
            return replace(answer, config={**answer.config, **shared})
        return answer


@found_by(
    "a_clone_hands_on_what_it_took_over",
    "which had become a clone of b, but got the config of a",
    "everybody_ends_with_the_best_of_the_first_round",
)
class LooksUpFirstConfigs(ToySystem):
    def add(self, trial, config):
        super().add(trial, config)
        self.first = {**getattr(self, "first", {}), trial: config}

    def base(self, trial, donor):
        return copy.deepcopy(self.first[donor])


@found_by("everybody_ends_with_the_best_of_the_first_round", "heights (10, 20, 40): the best scores are {'a': 13.0")
class KeepsHeights(ToySystem):
    """Some of what is not varied is not copied."""

    def explored(self, trial, donor):
        config = super().explored(trial, donor)
        own = self.standings[trial].config
        return {**config, "height": own["height"]} if "height" in own else config


@found_by(
    "weights_are_of_the_moment_the_donor_was_ranked_at", "b ranks with its score at 10, but a goes on from 'b@13'"
)
class CopiesTheNewestWeights(ToySystem):
    """Ray Tune: newer than the score that they were chosen for."""

    def report(self, trial, iteration, score, checkpoint):
        self.newest = {**getattr(self, "newest", {}), trial: checkpoint}
        return super().report(trial, iteration, score, checkpoint)

    def weights(self, trial, donor):
        return self.newest[donor] or super().weights(trial, donor)


@found_by(
    "a_donor_that_became_a_clone_gives_what_it_was_ranked_with",
    "a ranks with weights 'a@10' and the config of a, but c got ('b@10', 'b')",
)
class CopiesWhatTheDonorIsNow(ToySystem):
    def clone(self, trial, donor):
        answer = super().clone(trial, donor)
        if isinstance(answer, Clones) and not self.options.synchronous:
            self.standings[trial].checkpoint, self.standings[trial].config = answer.checkpoint, answer.config
        return answer


@found_by(
    "a_donor_from_the_middle_of_the_table_can_be_copied_later",
    "the only one left to copy, so d should clone, but d goes on",
    "a_donor_that_became_a_clone_gives_what_it_was_ranked_with",
)
class SavesTheUpperGroupAlone(ToySystem):
    """Ray Tune: the exploit is skipped."""

    def answer(self, trial, donor):
        standing = self.standings[trial]
        if not self.options.synchronous and len(self.standings) == 3 and trial not in self.upper(self.table()):
            standing.checkpoint = None
        if donor and self.standings[donor].checkpoint is None:
            return Continues(trial)
        return super().answer(trial, donor)


@found_by("a_function_of_the_user_gets_the_whole_config_once_for_each_clone", "1 exploits, but the function got")
class CallsTheFunctionTwice(ToySystem):
    def customised(self, config):
        super().customised(config)
        return super().customised(config)


@found_by(
    "a_function_of_the_user_that_raises_does_not_end_the_run",
    "the system raised KeyError: 'momentum', when a reported 0.0 at iteration 10",
)
class LetsTheFunctionEndTheRun(ToySystem):
    """Ray Tune."""

    def clone(self, trial, donor):
        config = self.customised(self.explored(trial, donor))
        self.configs[trial] = config
        return Clones(trial, donor, self.weights(trial, donor), copy.deepcopy(config))


# Explore


@found_by(
    "a_step_begins_at_the_donors_value",
    "the donor had lr 0.9, the loser 0.001",
    "a_step_along_a_list_leads_to_a_neighbour",
)
class PerturbsTheLosersValues(ToySystem):
    """Hypersweeper."""

    def base(self, trial, donor):
        own = self.standings[trial].config
        return {**super().base(trial, donor), **{name: own[name] for name in self.options.space}}


@found_by("a_step_begins_at_the_donors_value", "nothing is resampled, but the clone got")
class AlwaysDrawsAnew(ToySystem):
    """The system fastpbrl."""

    def real(self, value, kind):
        return self.resampled(value, kind)


@found_by("a_clone_explores", "only 0 differ from the donor's lr 0.5", "each_hyperparameter_goes_its_own_way")
class CopiesUnchanged(ToySystem):
    """PB2 in Ray Tune, at the first exploit."""

    def varied(self, value, kind):
        return value if value == 0.5 and not self.options.resample else super().varied(value, kind)


@found_by("each_hyperparameter_goes_its_own_way", "lr and momentum always moved in step")
class MovesInStep(ToySystem):
    def explored(self, trial, donor):
        self.way = self.rng.choice((0.8, 1.2))
        return super().explored(trial, donor)

    def factor(self):
        return self.way


@found_by("real_numbers_stay_in_their_range", "lr is 1.2, outside of its range from 0.1 to 1")
class HasNoBoundsForRealNumbers(ToySystem):
    """Ray Tune."""

    def real(self, value, kind):
        return value * self.factor() if value else super().real(value, kind)


@found_by("whole_numbers_stay_in_their_range", "lr is 7, outside of its range from 2 to 6")
class HasNoBoundsForWholeNumbers(ToySystem):
    def whole(self, value, kind):
        return super().whole(value, replace(kind, low=0, high=10**9))


@found_by("real_numbers_are_plain", "a float64 and not a float")
class HandsOutNumpyScalars(ToySystem):
    def real(self, value, kind):
        return np.float64(super().real(value, kind))


@found_by("whole_numbers_stay_whole", "a float and not an int")
class MakesFractionsOfLayers(ToySystem):
    def whole(self, value, kind):
        return self.real(value, kind)


@found_by("a_small_whole_number_can_move", "20 clones of a donor with 1 all have 1")
class IsStuckAtOne(ToySystem):
    """Ray Tune."""

    def whole(self, value, kind):
        return min(max(round(value * self.factor()), kind.low), kind.high)


@found_by("zero_can_move", "20 clones of a donor with 0.0 all have 0.0")
class IsStuckAtZero(ToySystem):
    """Ray Tune."""

    def real(self, value, kind):
        return super().real(value, kind) if value else value


@found_by("choices_stay_choices", "is none of (True, False)")
class ScalesChoices(ToySystem):
    def chosen(self, value, kind):
        return value * self.factor() if isinstance(value, bool) else value


@found_by("a_step_along_a_list_leads_to_a_neighbour", "4 has neighbours [3, 8] in (3, 4, 8, 10), but clones got")
class JumpsAlongLists(ToySystem):
    def stepped(self, value, kind):
        return self.rng.choice(kind.values)


@found_by("resampling_draws_from_the_whole_range", "all lie near the donor's 0.5")
class NeverResamples(ToySystem):
    def resampled(self, value, kind):
        return value or super().resampled(value, kind)


@found_by(
    "each_legal_chance_of_resampling_works",
    "the system raised TypeError",
    "resampling_draws_from_the_whole_range",
)
class ComparesTextWithNumbers(ToySystem):
    """Katib."""

    def check(self):
        super().check()
        if self.options.resample:
            assert 0 <= str(self.options.resample) <= 1


@found_by("settings_that_cannot_work_are_refused", "this cannot work, but was taken without a word: Options(")
class ChecksNothing(ToySystem):
    def check(self):
        pass

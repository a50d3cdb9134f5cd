"""Systems that give a clone the wrong weights, or the wrong config."""

import copy
from dataclasses import replace

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

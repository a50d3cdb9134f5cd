"""Systems that vary hyperparameters wrongly."""

from dataclasses import replace

import numpy as np
from defects import found_by
from toy_system import ToySystem


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

"""How the config of a clone differs from its donor's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poptune.testing.conformance.exploiting import LOSS, LOWEST
from poptune.testing.conformance.story import SEEDS, Conformance, cloned, each_pace
from poptune.testing.conformance.system import Choices, Floats, Hyperparameter, Integers, Options, Steps


class Exploring(Conformance):
    """Where a step begins, and where it may lead."""

    def _explored(self, donor: Any, loser: Any, hyperparameter: Hyperparameter, **options: Any) -> list[Any]:
        """Return the value that a clone goes on with, in runs with several seeds."""
        values = []
        for seed in SEEDS:
            configs = {"a": {"lr": loser}, "b": {"lr": donor}, "c": {"lr": loser}}
            story = self.tell(configs, space={"lr": hyperparameter}, seed=seed, **options)
            values.append(cloned(story.round(10, LOSS)["a"], LOWEST).config["lr"])
        return values

    @each_pace
    def test_a_step_begins_at_the_donors_value(self, synchronous: bool) -> None:
        """Hypersweeper: it perturbed the loser's own last config. The system fastpbrl: always a new draw, no step."""
        for value in self._explored(0.9, 0.001, Floats(0.0, 1.0), synchronous=synchronous):
            assert abs(value - 0.9) < abs(value - 0.001), (
                f"the donor had lr 0.9, the loser 0.001 and nothing is resampled, but the clone got {value}"
            )

    @each_pace
    def test_a_clone_explores(self, synchronous: bool) -> None:
        """PB2 in Ray Tune: the first exploit was an unchanged copy."""
        values = self._explored(0.5, 0.3, Floats(0.0, 1.0), synchronous=synchronous)
        changed = sum(value != 0.5 for value in values)
        assert changed >= len(values) / 2, f"of {len(values)} clones only {changed} differ from the donor's lr 0.5"

    def test_each_hyperparameter_goes_its_own_way(self) -> None:
        """Ray Tune: leaves of a config are perturbed independently."""
        space = {"lr": Floats(0.0, 1.0), "momentum": Floats(0.0, 1.0)}
        ways = set()
        for seed in SEEDS:
            configs = {name: {"lr": 0.5, "momentum": 0.5} for name in "abc"}
            story = self.tell(configs, space=space, seed=seed)
            config = cloned(story.round(10, LOSS)["a"], LOWEST).config
            ways.add((config["lr"] > 0.5) == (config["momentum"] > 0.5))
        assert ways == {True, False}, "lr and momentum always moved in step"

    def _chain(self, low: Any, high: Any, hyperparameter: Hyperparameter) -> Iterator[Any]:
        """Yield the value of each clone in long runs in which two trials take turns to be the best."""
        for seed in range(5):
            configs = {"a": {"lr": low}, "b": {"lr": high}, "c": {"lr": low}}
            story = self.tell(configs, space={"lr": hyperparameter}, seed=seed)
            for number in range(1, 31):
                better, worse = ("b", "a") if number % 2 else ("a", "b")
                story.round(10 * number, {"c": 0.0, better: 1.0 + number, worse: float(-number)})
            assert story.clones, "in 30 rounds with a lowest trial nobody cloned"
            yield from (clone.config["lr"] for clone in story.clones)

    def test_real_numbers_stay_in_their_range(self) -> None:
        """Ray Tune: nothing bounds a value after it was perturbed."""
        for value in self._chain(0.1, 1.0, Floats(0.1, 1.0)):
            assert 0.1 <= value <= 1.0, f"lr is {value}, outside of its range from 0.1 to 1"

    def test_whole_numbers_stay_in_their_range(self) -> None:
        """Ray Tune: nothing bounds a value after it was perturbed."""
        for value in self._chain(2, 6, Integers(2, 6)):
            assert 2 <= value <= 6, f"lr is {value}, outside of its range from 2 to 6"

    def test_real_numbers_are_plain(self) -> None:
        """A NumPy scalar that draws leave in a config breaks whatever writes it as JSON."""
        for value in self._chain(0.1, 1.0, Floats(0.1, 1.0)):
            assert type(value) is float, f"lr is {value!r}, a {type(value).__name__} and not a float"

    def test_whole_numbers_stay_whole(self) -> None:
        """Multiplying by 1.2 or 0.8 turns a number of layers into a fraction."""
        for value in self._chain(2, 6, Integers(2, 6)):
            assert type(value) is int, f"lr is {value!r}, a {type(value).__name__} and not an int"

    def test_a_small_whole_number_can_move(self) -> None:
        """Ray Tune: 1 and 2 times 1.2 or 0.8, rounded, are 1 and 2 again, for ever."""
        for value in (1, 2):
            found = set(self._explored(value, 9, Integers(1, 16)))
            assert found != {value}, f"{len(SEEDS)} clones of a donor with {value} all have {value}"

    def test_zero_can_move(self) -> None:
        """Ray Tune: no factor takes a zero anywhere else."""
        found = set(self._explored(0.0, 0.7, Floats(0.0, 1.0)))
        assert found != {0.0}, f"{len(SEEDS)} clones of a donor with 0.0 all have 0.0"

    def test_choices_stay_choices(self) -> None:
        """Ray Tune: a choice was scaled like a number, which ends in an error, or in a value that is no choice."""
        for values in (("relu", "tanh", None), (True, False)):
            for value in self._explored(values[0], values[1], Choices(values)):
                is_one = any(value is one or (type(value) is type(one) and value == one) for one in values)
                assert is_one, f"{value!r} is none of {values}"

    def test_a_step_along_a_list_leads_to_a_neighbour(self) -> None:
        """Ray Tune: of the list 3, 4, 8, 10 a clone of a donor with 4 gets 3 or 8."""
        values = (3, 4, 8, 10)
        for donor, allowed in ((4, {3, 8}), (3, {3, 4}), (10, {8, 10})):
            found = set(self._explored(donor, 8, Steps(values)))
            assert found <= allowed, (
                f"{donor} has neighbours {sorted(allowed)} in {values}, but clones got {sorted(found)}"
            )

    def test_resampling_draws_from_the_whole_range(self) -> None:
        """Ray Tune: with probability 1 a value is drawn anew, not perturbed; and it is drawn from its range."""
        values = self._explored(0.5, 0.5, Floats(0.0, 1.0), resample=1.0)
        assert all(0.0 <= value <= 1.0 for value in values), f"drawn from 0 to 1, but there is {values}"
        assert max(values) - min(values) > 0.5, f"drawn from 0 to 1, but all lie near the donor's 0.5: {values}"

    def test_each_legal_chance_of_resampling_works(self) -> None:
        """Katib: the setting was compared with numbers while it was text, so that giving it at all was an error."""
        for chance in (0.25, 0.5, 1, 1.0):
            story = self.tell("abc", resample=chance)
            cloned(story.round(10, LOSS)["a"], LOWEST)

    def test_settings_that_cannot_work_are_refused(self) -> None:
        """What cannot work is found before training begins, as by Ray Tune, and not hours later."""
        self.need("refusals")
        for options in (Options(quantile=0.6), Options(quantile=-0.1), Options(interval=0), Options(interval=-5)):
            try:
                self.system(options)
            except ValueError:
                continue
            raise AssertionError(f"this cannot work, but was taken without a word: {options}")

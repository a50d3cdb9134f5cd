"""Search spaces in which lists, tuples, choices and functions hold what is to be drawn."""

from typing import Any, NamedTuple

import pytest

from poptune.core.randomness import Purpose, rng_for
from poptune.core.space import choice, grid_search, randint, sample_from, uniform
from poptune.core.tags import experiment_tag
from poptune.core.variants import check_space, searched_keys, variants
from poptune.errors import SpaceError


def rng_of(index):
    return rng_for(0, Purpose.INITIAL_CONFIG, index)


def made(space, num_samples=1):
    return variants(space, num_samples, rng_of)


def configs(space, num_samples=1):
    return [variant.config for variant in made(space, num_samples)]


def tags(space, num_samples=1):
    return [experiment_tag(variant.index, variant.tag_values) for variant in made(space, num_samples)]


def fixed(value):
    """Return a domain that has one value only, so that what comes of it can be written down."""
    return choice([value])


def test_lists_and_tuples_are_searched_however_deep():
    space = {"layers": [fixed(64), {"act": fixed("relu")}, 3], "betas": (fixed(0.9), (0.99, [fixed(None)]))}
    assert configs(space) == [{"layers": [64, {"act": "relu"}, 3], "betas": (0.9, (0.99, [None]))}]


def test_each_item_of_a_list_is_drawn_for_itself_and_for_each_trial():
    first, second = configs({"l": [uniform(0, 1), uniform(0, 1)], "t": (randint(0, 10**6), 0.5)}, 2)
    numbers = [*first["l"], *second["l"]]
    assert len(set(numbers)) == 4
    assert all(0 <= number <= 1 for number in numbers)
    assert first["t"][0] != second["t"][0]
    assert first["t"][1] == 0.5


def test_a_draw_in_a_list_is_that_which_a_dictionary_would_have_got():
    in_list, in_dictionary = {"l": [uniform(0, 1), randint(0, 99)]}, {"l": {"a": uniform(0, 1), "b": randint(0, 99)}}
    assert [config["l"] for config in configs(in_list, 3)] == [
        list(config["l"].values()) for config in configs(in_dictionary, 3)
    ]


class Betas(NamedTuple):
    first: Any
    second: Any


def test_named_tuples_stay_what_they_are():
    (config,) = configs({"betas": Betas(fixed(0.9), 0.99)})
    assert config == {"betas": Betas(0.9, 0.99)}
    assert type(config["betas"]) is Betas


class Row(list):
    """A list of a kind of its own."""


def test_containers_of_other_kinds_are_constants():
    row = Row([1, 2])
    assert configs({"row": row})[0]["row"] is row


def test_grids_in_lists_are_crossed_and_the_first_position_varies_fastest():
    space = {"l": [grid_search([1, 2]), grid_search([5, 6])], "t": (grid_search(["a"]), 0)}
    assert [config["l"] for config in configs(space)] == [[1, 5], [2, 5], [1, 6], [2, 6]]
    assert {config["t"] for config in configs(space)} == {("a", 0)}


def test_positions_are_in_the_order_of_numbers():
    space = {"l": [0, 0, grid_search([1, 2]), *[0] * 7, grid_search([3, 4])]}
    assert [(config["l"][2], config["l"][10]) for config in configs(space)] == [(1, 3), (2, 3), (1, 4), (2, 4)]
    assert tags(space)[1] == "1_2=2,10=3"


def test_a_tag_shows_positions_as_ray_does():
    space = {"l": [fixed(0.5488), {"q": fixed(0)}, 3], "b": (fixed(0.25), 1)}
    assert tags(space) == ["0_0=0.2500,0=0.5488,q=0"]
    assert made(space)[0].tag_values == {"b/0": 0.25, "l/0": 0.5488, "l/1/q": 0}
    assert searched_keys(space) == ["l/0", "l/1/q", "b/0"]


def test_a_choice_draws_only_in_what_it_chose():
    space = {"opt": choice([{"lr": uniform(0, 1)}, {"lr": 2.0, "momentum": uniform(3, 4)}])}
    drawn = [config["opt"] for config in configs(space, 20)]
    plain = [opt for opt in drawn if "momentum" not in opt]
    assert 0 < len(plain) < 20
    assert all(0 <= opt["lr"] <= 1 for opt in plain)
    assert all(opt["lr"] == 2.0 and 3 <= opt["momentum"] <= 4 for opt in drawn if opt not in plain)


def test_a_choice_may_choose_between_domains_choices_lists_and_functions():
    assert configs({"x": choice([choice([fixed(7)])])}) == [{"x": 7}]
    assert configs({"x": choice([[fixed(7), (fixed(8),)]])}) == [{"x": [7, (8,)]}]
    assert configs({"y": 2, "x": choice([sample_from(lambda config: config["y"] + 1)])}) == [{"y": 2, "x": 3}]


def test_the_tag_of_a_choice_shows_what_was_drawn_in_it():
    assert tags({"opt": choice([{"lr": fixed(0.5)}])}) == ["0_opt=lr_0.5,lr=0.5000"]


def test_a_grid_may_hold_lists_with_domains():
    space = {"l": grid_search([[fixed(1), 2], 5, (fixed(3),)])}
    assert configs(space) == [{"l": [1, 2]}, {"l": 5}, {"l": (3,)}]


def test_computed_values_may_stand_in_lists_and_tuples():
    double = sample_from(lambda config: 2 * config["width"])
    assert configs({"l": [double, 1], "t": (0, double), "width": fixed(8)}) == [
        {"l": [16, 1], "t": (0, 16), "width": 8}
    ]


def test_a_computed_value_may_read_a_list_that_is_computed_after_it():
    space = {"sum": sample_from(lambda spec: sum(spec.config.l)), "l": [fixed(1), sample_from(lambda: 2)]}
    assert configs(space) == [{"sum": 3, "l": [1, 2]}]


def test_a_computed_value_may_be_a_distribution():
    space = {"most": 5, "n": sample_from(lambda config: fixed(config["most"])), "l": sample_from(lambda: [fixed(3)])}
    assert configs(space) == [{"most": 5, "n": 5, "l": [3]}]


def test_a_computed_value_cannot_be_a_grid():
    with pytest.raises(SpaceError, match="sample_from of 'l/0' returned a grid_search"):
        configs({"l": [sample_from(lambda: grid_search([1, 2]))]})


def test_no_trial_shares_what_a_tuple_or_a_choice_holds_with_another():
    space = {"t": ({"n": 1}, [2]), "c": choice([({"n": 1}, [fixed(2)])]), "g": grid_search([([3],)])}
    first, second = configs(space, 2)
    for config in (first["t"], first["c"]):
        config[0]["n"] = 0
        config[1].append(0)
    first["g"][0].append(0)
    assert second == {"t": ({"n": 1}, [2]), "c": ({"n": 1}, [2]), "g": ([3],)}
    assert configs(space)[0] == second


def test_a_failing_function_in_a_list_is_named_by_its_position():
    with pytest.raises(SpaceError, match="sample_from of 'model/layers/1' failed: ZeroDivisionError"):
        configs({"model": {"layers": [1, sample_from(lambda: 1 / 0)]}})


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ({"l": [grid_search([])]}, r"param_space\['l/0'\]: grid_search needs at least one value"),
        ({"l": ({"grid_search": 3},)}, r"\['l/0'\].*a list of values, not int"),
        ({"l": grid_search([[grid_search([1])]])}, r"\['l'\].*cannot be a value of another"),
        ({"l": grid_search([choice([grid_search([1])])])}, r"\['l'\].*cannot be a value of another"),
        ({"l": [choice([grid_search([1, 2])])]}, r"\['l/0'\]: a grid_search cannot be a value of choice"),
        ({"o": choice([{"lr": choice([[grid_search([1])]])}])}, r"\['o'\]: a grid_search cannot be a value of choice"),
    ],
)
def test_a_grid_that_cannot_be_crossed_is_refused_without_drawing(space, complaint):
    with pytest.raises(SpaceError, match=complaint):
        check_space(space)

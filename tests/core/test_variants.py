import random

import numpy as np
import pytest

from poptune.core.randomness import Purpose, rng_for
from poptune.core.space import choice, grid_search, randint, sample_from, uniform
from poptune.core.tags import experiment_tag
from poptune.core.variants import check_space, variants
from poptune.errors import SpaceError


def rng_of(index, seed=0):
    return rng_for(seed, Purpose.INITIAL_CONFIG, index)


def configs(space, num_samples=1, seed=0):
    return [variant.config for variant in variants(space, num_samples, lambda index: rng_of(index, seed))]


def test_grid_values_come_in_order_and_computed_values_follow_them():
    for other in (lambda spec: 1.0 - spec.config["h0"], lambda config: 1.0 - config["h0"]):
        space = {"lr": 0.05, "h0": grid_search([0.0, 1.0]), "h1": sample_from(other)}
        assert configs(space) == [{"lr": 0.05, "h0": 0.0, "h1": 1.0}, {"lr": 0.05, "h0": 1.0, "h1": 0.0}]


def test_several_grids_are_crossed_and_the_first_key_varies_fastest():
    space = {"b": grid_search([10, 20]), "a": grid_search([1, 2])}
    once = [{"b": 10, "a": 1}, {"b": 10, "a": 2}, {"b": 20, "a": 1}, {"b": 20, "a": 2}]
    assert configs(space) == once
    assert configs(space, num_samples=2) == once + once
    assert [variant.index for variant in variants(space, 2, rng_of)] == list(range(8))


def test_initial_config_depends_on_seed_and_index_only():
    space = {"lr": uniform(0, 1), "model": {"width": randint(1, 100)}}
    few, many = configs(space, 3), configs(space, 30)
    assert many[:3] == few
    assert configs(space, 3) == few
    assert configs(space, 3, seed=1) != few
    assert len({config["lr"] for config in many}) == 30


def test_nested_dictionaries_are_searched_and_lists_without_domains_are_constants():
    space = {"model": {"act": choice(["relu"]), "deep": {"n": grid_search([1, 2])}}, "layers": [{"n": 4}]}
    made = variants(space, 1, rng_of)
    assert [variant.config["model"]["deep"]["n"] for variant in made] == [1, 2]
    assert made[0].config["layers"] == [{"n": 4}]
    assert made[1].tag_values == {"model/act": "relu", "model/deep/n": 2}


def test_constants_of_any_kind_are_kept():
    def function(x):
        return x

    space = {"f": function, "none": None, "empty": {}, "by_epoch": {10: 0.1}}
    (config,) = configs(space)
    assert config == space
    assert config["f"] is function


def test_no_trial_shares_dictionaries_or_lists_with_another():
    space = {"layers": [64, [32]], "model": {"lr": 1}, "head": choice([{"n": 1}])}
    first, second = configs(space, 2)
    first["layers"][1].append(0)
    first["model"]["lr"] = first["head"]["n"] = 2
    assert second == {"layers": [64, [32]], "model": {"lr": 1}, "head": {"n": 1}}
    assert configs(space)[0] == second


def test_a_computed_value_may_read_one_that_stands_after_it():
    space = {
        "c": sample_from(lambda config: config["b"] + 1),
        "b": sample_from(lambda spec: spec.config.a + 1),
        "a": 1,
    }
    assert configs(space) == [{"c": 3, "b": 2, "a": 1}]
    assert list(configs(space)[0]) == ["c", "b", "a"]


def test_a_computed_value_sees_nested_values_as_attributes_too():
    space = {"model": {"lr": 0.5, "copy": sample_from(lambda spec: spec.config.model.lr)},
             "all": sample_from(lambda spec: spec.config["model"])}  # fmt: skip
    (config,) = configs(space)
    assert config["model"] == {"lr": 0.5, "copy": 0.5}
    assert type(config["all"]) is dict


def test_a_computed_value_cannot_change_the_config():
    def meddle(config):
        config["layers"].append(1)
        config["lr"] = 2
        return 3

    assert configs({"layers": [], "lr": 1, "x": sample_from(meddle)}) == [{"layers": [], "lr": 1, "x": 3}]


def test_computed_values_draw_from_borrowed_generators():
    space = {"x": sample_from(lambda: random.random()), "y": sample_from(lambda _: np.random.uniform())}
    before = random.getstate()
    assert configs(space, 2) == configs(space, 2)
    assert random.getstate() == before
    assert type(configs(space)[0]["y"]) is float


def test_values_that_wait_for_each_other_are_refused():
    space = {
        "a": sample_from(lambda config: config["b"]),
        "b": sample_from(lambda config: config["a"]),
    }
    with pytest.raises(SpaceError, match="sample_from of 'a' failed: KeyError: 'b'"):
        configs(space)


def test_a_failing_function_is_named_with_its_cause():
    with pytest.raises(SpaceError, match="'model/x' failed: ZeroDivisionError") as caught:
        configs({"model": {"x": sample_from(lambda: 1 / 0)}})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_grid_may_hold_distributions_and_functions():
    space = {"lr": grid_search([0.5, uniform(2, 3), sample_from(lambda: 9), {"n": randint(0, 1)}])}
    made = variants(space, 1, rng_of)
    assert made[0].config == {"lr": 0.5}
    assert 2 <= made[1].config["lr"] <= 3
    assert made[1].tag_values == {"lr": made[1].config["lr"]}
    assert (made[2].config, made[2].tag_values) == ({"lr": 9}, {})
    assert made[3].config == {"lr": {"n": 0}}


def test_tag_shows_choices_but_not_computed_values():
    space = {"h0": grid_search([0.0]), "h1": sample_from(lambda: 1.0), "opt": {"lr": choice([0.029])}, "k": 3}
    (variant,) = variants(space, 1, rng_of)
    assert experiment_tag(variant.index, variant.tag_values) == "0_h0=0.0000,lr=0.0290"


def test_tag_is_fit_for_a_file_name():
    assert experiment_tag(12, {"a b": "x/y z", "n": -3}) == "12_a_b=x_y_z,n=-3"
    assert experiment_tag(0, {}) == "0"


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ([1], "param_space must be a dictionary, not list"),
        ({1: 2}, "key 1, but keys must be strings"),
        ({"model": {"lr": grid_search([])}}, "'model/lr'.*at least one value"),
        ({"lr": {"grid_search": 3}}, "'lr'.*a list of values, not int"),
        ({"lr": grid_search([grid_search([1])])}, "'lr'.*cannot be a value of another"),
        ({"lr": grid_search([{"x": grid_search([1])}])}, "'lr'.*cannot be a value of another"),
    ],
)
def test_a_space_that_cannot_work_is_refused_without_drawing(space, complaint):
    with pytest.raises(SpaceError, match=complaint):
        check_space(space)
    with pytest.raises(SpaceError, match=complaint):
        variants(space, 1, rng_of)


@pytest.mark.parametrize("num_samples", [0, -1, 1.0, True, None])
def test_number_of_samples_must_be_at_least_one(num_samples):
    with pytest.raises(SpaceError, match="num_samples must be an integer of at least 1"):
        variants({}, num_samples, rng_of)

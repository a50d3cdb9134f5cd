"""`search_alg=BasicVariantGenerator(...)`: given first points, a seed, a limit; and no other search."""

from __future__ import annotations

import numpy as np
import pytest

from poptune.compat import tune
from poptune.compat.air import RunConfig
from poptune.compat.tune.search import BasicVariantGenerator
from poptune.errors import OptionError


def tell(config):
    return {"speed": config["speed"]}


@pytest.fixture
def began(tmp_path):
    """Return a function that runs a search and returns the configs that trials began with."""

    def configs(space, num_samples=1, **options):
        results = tune.Tuner(
            tell,
            param_space=space,
            tune_config=tune.TuneConfig(num_samples=num_samples, search_alg=BasicVariantGenerator(**options)),
            run_config=RunConfig(storage_path=tmp_path, executor="inline", verbose=0),
        ).fit()
        return [result.config for result in results]

    return configs


SPACE = {"speed": tune.uniform(0, 1), "model": {"width": tune.randint(1, 9)}}


def test_given_points_come_first_and_the_rest_is_sampled(began):
    points = [{"speed": 5.0, "model": {"width": 100}}, {"model/width": 200}]
    first, second, third = began(SPACE, 3, points_to_evaluate=points, random_state=0)
    assert first == {"speed": 5.0, "model": {"width": 100}}
    assert second["model"]["width"] == 200
    assert 0 <= second["speed"] <= 1
    assert third["model"]["width"] < 9


def test_a_point_may_fix_what_stands_in_a_list(began):
    space = {"speed": 1.0, "layers": [tune.randint(0, 9), (tune.grid_search([1, 2]), 3)]}
    points = [{"layers/0": 64}, {"layers/1/0": 7}]
    found = [config["layers"] for config in began(space, 2, points_to_evaluate=points)]
    assert [layers[1] for layers in found] == [(1, 3), (2, 3), (7, 3)]
    assert [layers[0] for layers in found[:2]] == [64, 64]
    assert 0 <= found[2][0] < 9


def test_points_beyond_the_number_of_samples_all_run(began):
    points = [{"speed": 1.0}, {"speed": 2.0}, {"speed": 3.0}]
    assert [config["speed"] for config in began({"speed": tune.uniform(0, 1)}, 2, points_to_evaluate=points)] == [
        1,
        2,
        3,
    ]


def test_a_point_may_fix_a_grid_or_leave_it(began):
    space = {"speed": tune.grid_search([1, 2]), "width": tune.uniform(0, 1)}
    points = [{"speed": 7}, {"width": 0.5}]
    found = began(space, 3, points_to_evaluate=points)
    assert [config["speed"] for config in found] == [7, 1, 2, 1, 2]
    assert [config["width"] for config in found[1:3]] == [0.5, 0.5]


def test_given_values_stand_in_the_tag(began, tmp_path):
    began({"speed": tune.uniform(0, 1)}, points_to_evaluate=[{"speed": 0.5}])
    assert [path.name for path in tmp_path.glob("tell_*/tell_*_0_speed=0.5000_*")]


def test_a_point_that_the_space_does_not_choose_is_refused(began):
    with pytest.raises(OptionError, match=r"chooses no value for 'sped'\. Did you mean 'speed'\?"):
        began(SPACE, points_to_evaluate=[{"sped": 1}])
    with pytest.raises(OptionError, match="chooses no value for 'fixed'"):
        began({"speed": tune.uniform(0, 1), "fixed": 1}, points_to_evaluate=[{"fixed": 1}])


def test_the_random_state_is_the_seed(began):
    assert began(SPACE, 3, random_state=1) == began(SPACE, 3, random_state=1) != began(SPACE, 3, random_state=2)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_gives_a_seed(make):
    first, second = (tune.TuneConfig(search_alg=BasicVariantGenerator(random_state=make(3))).seed for _ in range(2))
    assert first == second >= 0


def test_without_points_a_seed_gives_what_it_gives_without_a_search_alg(began, fit):
    assert began(SPACE, 3, random_state=5) == [result.config for result in fit(tell, SPACE, num_samples=3, seed=5)]


def test_grid_combinations_share_the_other_values_on_request(began):
    space = {"speed": tune.uniform(0, 1), "width": tune.grid_search([1, 2])}
    shared = [config["speed"] for config in began(space, 2, constant_grid_search=True)]
    assert shared[0] == shared[1] != shared[2] == shared[3]
    assert len({config["speed"] for config in began(space, 2)}) == 4


def test_the_limit_is_that_of_the_config():
    limited = BasicVariantGenerator(max_concurrent=2)
    assert tune.TuneConfig(search_alg=limited).max_concurrent_trials == 2
    assert tune.TuneConfig(search_alg=limited, max_concurrent_trials=2).max_concurrent_trials == 2
    with pytest.raises(OptionError, match="say different things"):
        tune.TuneConfig(search_alg=limited, max_concurrent_trials=3)


def test_a_given_seed_stays():
    assert tune.TuneConfig(search_alg=BasicVariantGenerator(random_state=1), seed=2).seed == 2


@pytest.mark.parametrize("other", ["bayesopt", object()])
def test_another_search_is_refused(other):
    with pytest.raises(ValueError, match=r"search_alg must be None or one of .*BasicVariantGenerator"):
        tune.TuneConfig(search_alg=other)


@pytest.mark.parametrize(
    "options", [{"points_to_evaluate": {"speed": 1}}, {"points_to_evaluate": [1]}, {"max_concurrent": -1}]
)
def test_what_cannot_be_searched_is_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        BasicVariantGenerator(**options)

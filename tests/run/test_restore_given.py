"""A restored run: what a directory cannot hold is given again, and what cannot change is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

import poptune as tune
from interrupting import ITERATIONS, SPACE, Enough, Interrupted, Told, climb, go_on
from poptune.errors import OptionError, UsageError
from poptune.run.results import ResultGrid
from poptune.schedulers import FIFOScheduler, or_stay, truncation
from runs import decisions, pbt


class Boots:
    def __init__(self, size=42):
        self.size = size

    def __repr__(self):
        return f"Boots({self.size})"


class Twins(Boots):
    def __repr__(self):
        return "Twins()"


def slow(speed):
    return speed / 2


def fast(speed):
    return speed


def gait_of(seen):
    """Return a trainable that notes what its configs hold besides the speed."""

    def climb_with(config):
        seen.append({key: value for key, value in config.items() if key != "speed"})
        climb(config)

    return climb_with


OBJECTS = {
    "constant": {"gear": {"boots": Boots()}},
    "choice": {"gait": tune.choice([slow, fast])},
    "grid": {"gait": tune.grid_search([slow, fast])},
    "of dictionaries": {"gear": tune.choice([{"boots": Boots(40)}, {"boots": Boots(41)}])},
    "sample_from": {"boots": tune.sample_from(lambda config: Boots(int(config["speed"])))},
    "keys that are no text": {"gear": {1: Boots()}},
    "in a list": {"gear": [Boots(1), Boots(2)]},
}


@pytest.mark.parametrize("space", OBJECTS.values(), ids=OBJECTS)
def test_values_without_a_text_form_come_from_the_search_space(interrupt, space):
    space = {**SPACE, **space}
    seen = []
    path = interrupt("hurt", 20, space=space, trainable=gait_of(seen))
    with pytest.raises(UsageError, match=r"which a journal cannot hold: give the search space again"):
        go_on(path, gait_of([]))
    again = []
    results = go_on(path, gait_of(again), param_space=space)
    assert results.errors == []
    assert {result.metrics["step"] for result in results} == {ITERATIONS}
    assert again
    assert {repr(config) for config in again} <= {repr(config) for config in seen}
    assert not any("." in str(config.get("gait", "")) and isinstance(config["gait"], str) for config in again)


def test_values_that_were_varied_come_from_the_mutations(interrupt):
    space = {**SPACE, "gait": slow}
    scheduler = pbt(hyperparam_mutations={**SPACE, "gait": [slow, fast]}, resample_probability=1.0)
    path = interrupt("hurt", 26, space=space, trainable=gait_of([]), scheduler=scheduler)
    became = [result.config["gait"] for result in ResultGrid.from_path(path)]
    assert any("fast" in gait for gait in became)
    with pytest.raises(OptionError, match=r"hyperparam_mutations\['gait'\]\[0\] was the function slow\."):
        go_on(path, gait_of([]), param_space=space)
    again = []
    go_on(
        path,
        gait_of(again),
        param_space=space,
        tune_config=tune.TuneConfig(scheduler=scheduler),
    )
    assert all(config["gait"] in (slow, fast) for config in again)
    first = {name.rpartition(".")[2] for name in became}
    assert {config["gait"].__name__ for config in again[:4]} <= first | {"fast", "slow"}


def test_without_a_search_space_first_values_come_from_the_mutations_too(interrupt):
    scheduler = pbt(hyperparam_mutations={**SPACE, "gait": [slow, fast]})
    path = interrupt("hurt", 10, space=None, trainable=gait_of([]), scheduler=scheduler)
    again = []
    results = go_on(path, gait_of(again), tune_config=tune.TuneConfig(scheduler=scheduler))
    assert results.errors == []
    assert {config["gait"] for config in again} <= {slow, fast}


def test_values_that_print_alike_are_not_mixed_up(interrupt):
    space = {**SPACE, "boots": tune.choice([Twins(1), Twins(2)])}
    sizes = {}

    def climb_in_boots(config):
        assert sizes.setdefault(config["speed"], config["boots"].size) == config["boots"].size
        climb(config)

    path = interrupt("hurt", 40, space=space, trainable=climb_in_boots, scheduler=FIFOScheduler())
    results = go_on(path, climb_in_boots, param_space=space)
    assert results.errors == []
    assert set(sizes.values()) == {1, 2}


def test_equal_values_may_be_written_twice(interrupt):
    space = {**SPACE, "day": tune.choice([date(2024, 1, 1), date(2024, 1, 2)])}
    mutations = {**SPACE, "day": [date(2024, 1, 1), date(2024, 1, 2)]}
    scheduler = pbt(hyperparam_mutations=mutations)
    path = interrupt("hurt", 26, space=space, scheduler=scheduler)
    results = go_on(path, param_space=space, tune_config=tune.TuneConfig(scheduler=scheduler))
    assert results.errors == []
    assert results.exploits
    assert {result.config["day"] for result in results} <= set(mutations["day"])


def test_equal_arrays_may_be_written_twice(interrupt):
    space = {**SPACE, "weights": tune.choice([np.array([1.0, 2.0]), np.array([3.0, 4.0])])}
    mutations = {**SPACE, "weights": [np.array([1.0, 2.0]), np.array([3.0, 4.0])]}
    scheduler = pbt(hyperparam_mutations=mutations)
    path = interrupt("hurt", 26, space=space, scheduler=scheduler)
    results = go_on(path, param_space=space, tune_config=tune.TuneConfig(scheduler=scheduler))
    assert results.errors == []
    assert {float(result.config["weights"].sum()) for result in results} <= {3.0, 7.0}


def test_another_search_space_is_refused_if_values_are_missing(interrupt):
    path = interrupt("hurt", 20, space={**SPACE, "boots": Boots(1)}, trainable=gait_of([]))
    with pytest.raises(OptionError, match=r"first config of trial \w+: boots was Boots\(1\), now Boots\(2\)"):
        go_on(path, gait_of([]), param_space={**SPACE, "boots": Boots(2)})
    with pytest.raises(UsageError, match=r"'boots' in the config of trial \w+ was Boots\(1\).*no value has this text"):
        go_on(path, gait_of([]), param_space={**SPACE, "boots": Boots(2)}, resume={"force": True})


def test_a_stop_function_must_be_given_again(interrupt):
    path = interrupt("hurt", 5, stop=Enough())
    with pytest.raises(OptionError, match=r"had a stop function or Stopper\..*run_config=RunConfig\(stop=\.\.\.\)"):
        tune.Tuner.restore(path, climb)
    results = go_on(path, stop=Enough())
    assert [result.metrics["step"] for result in results] == [ITERATIONS] * 4


def test_what_is_given_at_a_restore_is_kept_for_the_next(interrupt):
    path = interrupt("hurt", 5, stop=Enough())
    with pytest.raises(KeyboardInterrupt):
        go_on(path, stop={"step": 14}, callbacks=[Interrupted(5)])
    results = go_on(path)
    assert [result.metrics["step"] for result in results] == [14] * 4


def test_a_scheduler_with_functions_must_be_given_again(interrupt):
    scheduler = pbt(custom_explore_fn=lambda config: {**config, "speed": 3.0})
    path = interrupt("hurt", 17, scheduler=scheduler)
    with pytest.raises(OptionError, match=r"custom_explore_fn was the function \S+\. .*TuneConfig\(scheduler=\.\.\.\)"):
        go_on(path)
    results = go_on(path, tune_config=tune.TuneConfig(scheduler=scheduler))
    assert {exploit.config["speed"] for exploit in results.exploits} == {3.0}


def test_ready_made_rules_need_not_be_given_again(begin, interrupt):
    rule = or_stay(truncation(0.25))
    calm = begin("calm", scheduler=pbt(exploit=rule)).fit()
    assert decisions(go_on(interrupt("hurt", 17, scheduler=pbt(exploit=rule)))) == decisions(calm)


def test_a_scheduler_of_ones_own_must_be_given_again(interrupt):
    class Mine(tune.schedulers.PopulationBasedTraining):
        pass

    options = {"time_attr": "training_iteration", "metric": "height", "mode": "max", "perturbation_interval": 2}
    mine = Mine(**options, hyperparam_mutations=SPACE)
    path = interrupt("hurt", 17, scheduler=mine)
    with pytest.raises(OptionError, match=r"had the scheduler Mine\. .*TuneConfig\(scheduler=\.\.\.\)"):
        go_on(path)
    assert len(go_on(path, tune_config=tune.TuneConfig(scheduler=mine))) == 4


def test_callbacks_that_are_not_given_again_are_missed_aloud(interrupt):
    path = interrupt("hurt", 5, callbacks=[Told()])
    with pytest.warns(UserWarning, match=r"had callbacks, which a directory cannot hold, and goes on without"):
        tune.Tuner.restore(path, climb)


@pytest.mark.parametrize(
    ("tune_config", "run", "message"),
    [
        ({"num_samples": 3}, {}, "num_samples of this run is 4 and can only grow, not become 3"),
        ({"seed": 9}, {}, "seed of this run is 1 and cannot become 9"),
        ({"metric": "depth"}, {}, "metric of this run is 'height' and cannot become 'depth'"),
        ({"scheduler": pbt(metric="step")}, {}, "metric of this run is 'height'; its scheduler cannot have 'step'"),
        ({"scheduler": pbt(mode="min")}, {}, "mode of this run is 'max'; its scheduler cannot have 'min'"),
        ({}, {"name": "other"}, "The run is 'hurt' and cannot become 'other'"),
        ({}, {"storage_path": "elsewhere"}, "The run stays in "),
    ],
)
def test_what_cannot_change_is_refused(interrupt, tune_config, run, message):
    path = interrupt("hurt", 5)
    with pytest.raises(OptionError, match=message):
        go_on(path, tune_config=tune.TuneConfig(**tune_config), **run)


def test_what_is_given_as_it_was_is_accepted(interrupt, tmp_path):
    path = interrupt("hurt", 5)
    same = tune.TuneConfig(metric="height", mode="max", num_samples=4, seed=1)
    assert len(go_on(path, tune_config=same, name="hurt", storage_path=tmp_path)) == 4

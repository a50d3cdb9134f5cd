import math

import numpy as np
import pytest

from poptune.errors import OptionError, UsageError
from poptune.executors.machine import Machine
from poptune.trainables.class_api import Trainable
from poptune.trainables.packed import Packed, Resources, with_parameters, with_resources


def train(config, data=None, depth=1):
    return {"total": sum(data) * depth * config["scale"]}


class Climb(Trainable):
    def setup(self, config, data=None):
        self.data = data

    def step(self):
        return {}


@pytest.mark.parametrize(
    ("amounts", "resources"),
    [
        ({}, Resources(1.0, 0.0)),
        ({"cpu": 2}, Resources(2.0, 0.0)),
        ({"CPU": 2, "GPU": 1}, Resources(2.0, 1.0)),
        ({"gpu": 0.5}, Resources(1.0, 0.5)),
        ({"cpu": 0, "gpu": 2}, Resources(0.0, 2.0)),
        ({"cpu": np.int64(2), "gpu": np.float32(0.5)}, Resources(2.0, 0.5)),
    ],
)
def test_resources_come_from_a_dictionary(amounts, resources):
    found = Resources.of(amounts)
    assert found == resources
    assert found.as_dict() == {"cpu": resources.cpu, "gpu": resources.gpu}


@pytest.mark.parametrize("amount", [-1, -0.5, math.nan, math.inf, "2", None, True, [2], 1j])
@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_amounts_that_cannot_be_are_refused(name, amount):
    with pytest.raises(OptionError, match=f"Resource '{name}' must be a number from 0, not "):
        Resources.of({name: amount})


def test_other_resources_are_those_of_a_cluster():
    found = Resources.of({"CPU": 2, "license": 1, "memory": 1e9})
    assert found.others == {"license": 1.0, "memory": 1e9}
    assert found.as_dict() == {"cpu": 2.0, "gpu": 0.0, "license": 1.0, "memory": 1e9}
    with pytest.raises(OptionError, match="A resource has a name such as 'cpu', not 7"):
        Resources.of({7: 1})
    with pytest.raises(OptionError, match="Resource 'license' must be a number from 0, not '1'"):
        Resources.of({"license": "1"})


def test_resources_that_no_worker_of_this_machine_has_are_refused():
    with pytest.raises(UsageError, match=r"asks for 'gpus', and workers of this machine .* Did you mean 'gpu'\?"):
        Machine(cpus=2).slots(Resources.of({"gpus": 1}))


def test_several_gpus_are_whole():
    with pytest.raises(OptionError, match=r"More than one GPU must be a whole number, not 1.5"):
        Resources.of({"gpu": 1.5})


@pytest.mark.parametrize("resources", [2, "cpu", [("cpu", 2)], None])
def test_resources_that_are_no_dictionary_are_refused(resources):
    with pytest.raises(OptionError, match="Resources are a dictionary such as"):
        with_resources(train, resources)


def test_parameters_and_resources_go_together_in_any_order():
    one = with_resources(with_parameters(train, data=[1, 2]), {"cpu": 2})
    other = with_parameters(with_resources(train, {"cpu": 2}), data=[1, 2])
    assert one == other == Packed(train, {"data": [1, 2]}, Resources(2.0))
    assert Packed.of(one) == one
    assert one({"scale": 10}) == {"total": 30}


def test_later_words_win_and_earlier_packings_stay_as_they_were():
    first = with_parameters(train, data=[1, 2], depth=1)
    second = with_parameters(first, depth=2)
    assert (first({"scale": 1}), second({"scale": 1})) == ({"total": 3}, {"total": 6})
    assert with_resources(with_resources(train, {"cpu": 2, "gpu": 1}), {"cpu": 3}).resources == Resources(3.0, 0.0)


def test_bound_objects_are_not_copied():
    data = [1, 2, 3]
    assert with_parameters(train, data=data).parameters["data"] is data


def test_functions_classes_and_callables_are_trainables():
    class Recipe:
        def __call__(self, config):
            return {}

    assert [Packed.of(t).name for t in (train, Climb, Recipe(), with_parameters(Climb, data=[1]))] == [
        *("train", "Climb", "Recipe", "Climb"),
    ]
    assert [Packed.of(t).is_class for t in (train, Climb, Recipe())] == [False, True, False]


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: with_resources(it, {"cpu": 2})])
@pytest.mark.parametrize("wrong", ["PPO", 7, None, {"lr": 0.1}])
def test_what_cannot_be_called_is_no_trainable(wrap, wrong):
    with pytest.raises(
        UsageError, match=rf"must be a function train\(config\) or a class .* not {type(wrong).__name__}"
    ):
        Packed.of(wrap(wrong))


def test_a_class_of_another_kind_is_no_trainable():
    class Net:
        def step(self):
            return {}

    with pytest.raises(UsageError, match=r"The class Net is no trainable: derive it from tune.Trainable"):
        Packed.of(Net)


def test_the_base_class_is_no_trainable():
    with pytest.raises(UsageError, match=r"Derive a class from tune.Trainable"):
        Packed.of(Trainable)


def test_an_object_of_a_class_trainable_is_no_trainable():
    with pytest.raises(UsageError, match="not Climb"):
        Packed.of(Climb())


def test_parameters_that_the_trainable_does_not_take_are_refused():
    with pytest.raises(UsageError, match=r"cannot be called as train\(config, date=...\): .*'date'"):
        Packed.of(with_parameters(train, date=1))
    with pytest.raises(UsageError, match=r"Climb.setup\(.*\) cannot be called as setup\(config, date=...\): .*'date'"):
        Packed.of(with_parameters(Climb, date=1))


def test_a_class_whose_setup_takes_no_config_is_refused():
    class Careless(Trainable):
        def setup(self):
            pass

    with pytest.raises(UsageError, match=r"Careless.setup\(self\) cannot be called as setup\(config\)"):
        Packed.of(Careless)

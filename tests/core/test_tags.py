"""Texts that tell trials apart are the same in every process, whatever a config holds."""

from functools import partial

import pytest

from poptune.core.explore import Operation, describe
from poptune.core.space import choice, sample_from
from poptune.core.tags import experiment_tag


def relu(x):
    return max(x, 0)


class Tanh:
    """An activation whose `repr` is Python's own, with an address."""

    def __call__(self, x):
        return x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (relu, "relu"),
        (Tanh, "Tanh"),
        (len, "len"),
        (Tanh(), "test_tags.Tanh_object"),
        ([relu, {"act": Tanh}], "function_relu_act_class_test_tags.Tanh"),
        (partial(relu, 3), "functools.partial_function_relu_3"),
        (lambda: 3, "lambda"),
        ([64, 64], "64_64"),
        ("leaky  relu", "leaky_relu"),
        (-3, "-3"),
        (None, "None"),
        (0.00001, "0.0000"),
    ],
)
def test_a_value_is_shown_in_a_tag_without_addresses_and_fit_for_a_file_name(value, text):
    assert experiment_tag(0, {"model/act": value}).replace("tests.core.", "") == f"0_act={text}"


def test_an_operation_shows_functions_and_classes_by_their_names():
    assert describe(Operation("act", relu, Tanh, "shift right")) == "act : relu --- (shift right) --> Tanh"


def test_no_domain_shows_an_address():
    assert "0x" not in repr(choice([relu, Tanh()]))
    assert "0x" not in repr(sample_from(relu))

"""What says how hyperparameters vary is refused at once if it cannot work."""

import random

import numpy as np
import pytest

from poptune.core.mutations import check_mutations
from poptune.core.space import choice, grid_search, sample_from, uniform
from poptune.errors import SpaceError


@pytest.mark.parametrize("bad", [0.1, 3, "text", {1, 2}, None])
def test_what_is_no_distribution_is_a_type_error(bad):
    with pytest.raises(TypeError, match=r"\['lr'\] must be a dict, list, tuple, domain or callable"):
        check_mutations({"lr": bad})
    with pytest.raises(TypeError, match=r"\['model/lr'\]"):
        check_mutations({"model": {"lr": bad}})


@pytest.mark.parametrize("row", [range(3), np.array([1, 2]), {"a": 1}.values()])
def test_rows_of_values_that_are_no_lists_are_a_type_error_that_says_how_to_make_one(row):
    with pytest.raises(TypeError, match=r"\['lr'\] must be a dict, list, tuple.* Use list\(\.\.\.\)\.$"):
        check_mutations({"lr": row})
    check_mutations({"lr": list(row)})


@pytest.mark.parametrize(
    ("bad", "culprit"),
    [
        ([uniform(0, 1), uniform(0, 1)], r"a list of values .*uniform\(0.0, 1.0\) in it"),
        ((1, uniform(0, 1)), r"a tuple of values .*uniform\(0.0, 1.0\) in it"),
        ([{"lr": [uniform(0, 1)]}], r"uniform\(0.0, 1.0\) in it"),
        ([grid_search([1, 2])], r"\{'grid_search': \[1, 2\]\} in it"),
        ([3, sample_from(lambda: 1)], r"sample_from\(<function .*\) in it"),
        ([choice([1, 2])], r"choice\(\[1, 2\]\) in it"),
        (choice([1, uniform(0, 1)]), r"a choice of values .*uniform\(0.0, 1.0\) in it"),
        (choice([{"lr": uniform(0, 1)}, {"lr": 1}]), r"a choice of values .*uniform\(0.0, 1.0\) in it"),
    ],
)
def test_values_to_move_between_are_values_and_not_domains(bad, culprit):
    with pytest.raises(SpaceError, match=rf"\['model/l'\] is .*{culprit} is none. Give each domain a key of its own"):
        check_mutations({"model": {"l": bad}})


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (sample_from(lambda: 1), "sample_from belongs in param_space"),
        (grid_search([1, 2]), "grid_search belongs in param_space"),
        ([], "is empty"),
        ((), "is empty"),
        ({}, "is empty"),
        (lambda spec: 1, "takes no arguments"),
    ],
)
def test_mutation_that_cannot_work_is_refused_by_name(bad, complaint):
    with pytest.raises(SpaceError, match=complaint):
        check_mutations({"lr": bad})
    with pytest.raises(ValueError, match=r"\['model/lr'\]"):
        check_mutations({"model": {"lr": bad}})


def test_mutations_of_every_kind_are_accepted():
    check_mutations({"a": [1], "b": (None,), "c": uniform(0, 1), "d": lambda: 1, "e": {"f": random.random}})
    with pytest.raises(TypeError, match="must be a dict, not list"):
        check_mutations([1])
    with pytest.raises(SpaceError, match="key 3 must be a string"):
        check_mutations({"a": {3: [1]}})

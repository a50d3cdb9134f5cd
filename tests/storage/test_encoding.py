import json
import math
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.storage.encoding import dumps, loads, plain_number

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("$")
keys = st.text() | st.just("$") | st.integers() | st.booleans() | st.none() | st.tuples(st.text(), st.integers())
trees = st.recursive(
    leaves,
    lambda below: st.lists(below) | st.lists(below).map(tuple) | st.dictionaries(keys, below),
    max_leaves=20,
)


def refuse(token):
    raise AssertionError(f"{token} is not JSON")


def strict(text):
    """Return the value of JSON text as any other program reads it, which knows no NaN."""
    return json.loads(text, parse_constant=refuse)


@given(trees)
def test_plain_values_come_back_as_they_were(value):
    text = dumps(value)
    strict(text)
    assert repr(loads(text)) == repr(value)  # unlike ==, repr tells 1 from True, (1,) from [1] and finds NaN


def test_paths_come_back_as_paths():
    assert loads(dumps({"data": Path("/data/digits"), "out": [PurePosixPath("runs")]})) == {
        "data": Path("/data/digits"),
        "out": [Path("runs")],
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0])
def test_numbers_that_json_cannot_say_are_written_in_strict_json(value):
    for number in (value, np.float64(value), np.float32(value), np.longdouble(value)):
        text = dumps({"score": number})
        strict(text)
        assert repr(loads(text)) == repr({"score": value})


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.int64(3), 3),
        (np.uint8(255), 255),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("adam"), "adam"),
        (np.array(7), 7),
    ],
)
def test_numpy_scalars_are_written_as_the_numbers_that_they_stand_for(scalar, plain):
    assert type(plain_number(scalar)) is type(plain)
    assert loads(dumps([scalar])) == [plain]
    assert type(loads(dumps([scalar]))[0]) is type(plain)


@pytest.mark.parametrize(
    "unknown",
    [
        {1, 2},
        b"bytes",
        1j,
        range(3),
        np.datetime64("2024-02-29"),
        np.timedelta64(5, "ns"),
        np.complex64(1j),
        np.arange(3),
    ],
)
def test_of_what_is_no_plain_value_only_the_text_is_kept(unknown):
    text = dumps({"model": unknown, "lr": 0.1})
    assert strict(text)["model"] == {"$": "text", "text": repr(unknown)}
    assert loads(text) == {"model": repr(unknown), "lr": 0.1}


@pytest.mark.parametrize(
    ("unknown", "words"),
    [(object(), "<object object>"), (len, "builtins.len"), (json.JSONEncoder, "json.encoder.JSONEncoder")],
)
def test_a_text_is_the_same_in_every_process(unknown, words):
    assert loads(dumps([unknown])) == [words]


def test_the_text_of_a_large_object_is_cut():
    class DataSet:
        def __repr__(self):
            return "x" * 1_000_000

    assert loads(dumps(DataSet())) == "x" * 1000


def test_a_dictionary_of_the_user_that_looks_like_ours_comes_back():
    for value in ({"$": "tuple", "items": [1]}, {"$": None}, {"a": {"$": "float", "value": "nan"}}):
        assert loads(dumps(value)) == value


def test_numpy_keys_become_plain_keys():
    assert loads(dumps({np.int64(1): "one", np.str_("two"): 2})) == {1: "one", "two": 2}


def test_strange_objects_can_be_encoded_by_the_caller():
    text = dumps({"at": 3 + 4j}, lambda value: {"$": "complex", "parts": [value.real, value.imag]})
    assert loads(text, lambda tagged: complex(*tagged["parts"])) == {"at": 3 + 4j}

"""Secrets are masked, and no text is obeyed by a terminal or a spreadsheet."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.safe_text import inert, masked, masked_value, table_cell


@pytest.mark.parametrize(
    "key",
    [
        *("password", "PASSWORD", "db_password", "dbPassword", "pwd", "passphrase", "client_secret", "credentials"),
        *("token", "hf_token", "HF_TOKEN", "accessToken", "api_key", "apiKey", "API-KEY", "apikey", "aws.access.key"),
        *("private_key", "WANDB_API_KEY", "key", "auth", "Authorization", "wandb/token", "logging/api_key"),
    ],
)
def test_a_secret_is_known_by_its_name(key):
    assert masked_value(key, "s3cr3t") == "***"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("max_tokens", 512), ("num_tokens", 3), ("token", 7), ("tokenizer", "bpe"), ("pad_token", "[PAD]")),
        *(("sort_key", "loss"), ("keys", ["a"]), ("key_dim", 64), ("monkey", "george"), ("author", "me")),
        *(("lr", 0.1), ("password", None), ("path", "~/data"), ("mail", "me@example.org")),
    ],
)
def test_a_hyperparameter_is_not_taken_for_a_secret(key, value):
    assert masked_value(key, value) == value


def test_what_lies_below_a_secret_name_is_secret_and_the_config_itself_is_left_alone():
    config = {"credentials": {"user": "me", "pin": 1234}, "stores": [{"token": "abc"}, ("https://me:pw@host/x",)]}
    assert masked(config) == {"credentials": "***", "stores": [{"token": "***"}, ("https://***@host/x",)]}
    assert config["credentials"] == {"user": "me", "pin": 1234}


@given(st.text())
def test_an_inert_text_has_no_control_and_nothing_that_turns_writing_around(text):
    shown = inert(text)
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cs", "Zl", "Zp", "Co", "Cn"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff")
    assert inert(text, lines=True).count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["loss", "Größe", "損失", "\N{FAMILY}", "a\u00a0b", "नि\u200dक"])
def test_an_ordinary_text_is_shown_as_it_is(text):
    assert inert(text) == text


@given(st.text())
def test_no_text_of_a_table_begins_as_a_formula(text):
    cell = table_cell(text)
    if cell != text:
        assert cell == f"'{text}"
    if cell.lstrip()[:1] in ("=", "@", "+", "-"):
        float(cell)  # it is a number


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.none()))
def test_numbers_of_a_table_stay_as_they_are(number):
    assert table_cell(number) is number
    assert table_cell(str(number)) == str(number)

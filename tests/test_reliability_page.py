"""The page on reliability names every fault once, and only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{file}::{test}" for file, test in NAMED])
def test_each_test_that_is_named_exists(file, test):
    text = (ROOT / file).read_text()
    assert not test or f"def {test}(" in text


def test_every_fault_and_every_promise_has_one_row():
    rows = re.findall(r"^\| ([FP]\d+) \|", PAGE, re.MULTILINE)
    assert rows == [f"P{number}" for number in range(1, 11)] + [f"F{number:02d}" for number in range(1, 59)]

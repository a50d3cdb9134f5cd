"""The page of mistakes shows what is said to them, word by word."""

from __future__ import annotations

import pytest

from mistakes import GROUPS, MISTAKES, PAGE, row, said

ENOUGH = 30


def test_there_are_enough_and_each_has_a_name_of_its_own():
    assert len(MISTAKES) == sum(map(len, GROUPS.values())) >= ENOUGH


@pytest.mark.parametrize("number", range(1, len(MISTAKES) + 1))
def test_the_page_shows_what_is_said(number):
    mistake = [*MISTAKES.values()][number - 1]
    shown = PAGE.read_text(encoding="utf-8").splitlines()
    assert row(number, mistake, said(mistake)) in shown, "python tests/mistakes.py --update writes the page anew"


def test_the_page_shows_nothing_else():
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and line[2].isdigit()
    ]
    assert len(rows) == len(MISTAKES)

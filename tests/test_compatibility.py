"""The table of checks in docs/compatibility.md is whole, and every test that it names exists and runs."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
CHECKS = 80


def rows():
    """Return (number, names of tests, comparison) of each row."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [(int(number), re.findall(r"`([^`]+\.py::[^`]+)`", shown), compared) for number, _, shown, compared in cells]


@cache
def defined_in(file):
    """Return each test of a file with the names of its decorators."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: {ast.unparse(decorator) for decorator in node.decorator_list} for node in functions}


def test_every_check_has_one_row():
    assert [number for number, _, _ in rows()] == list(range(1, CHECKS + 1))


@pytest.mark.parametrize(("number", "names", "compared"), rows(), ids=lambda value: str(value)[:2])
def test_a_check_is_shown_by_tests_that_run(number, names, compared):
    assert names
    assert compared.startswith(("same as Ray", "better"))
    for name in names:
        file, test = name.split("[")[0].split("::")[0], name.split("[")[0].split("::")[-1]
        assert test in defined_in(file), f"{name} is not there"
        assert not [mark for mark in defined_in(file)[test] if "skip" in mark or "xfail" in mark]

"""The vocabulary of the tests of the `poptune` command."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from poptune.cli import commands


def run(*arguments: Any) -> Result:
    """Run the command as a program would: its output is no terminal."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], prog_name="poptune")


def json_of(*arguments: Any) -> Any:
    """Return what a command prints for programs."""
    ran = run(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout, parse_constant=_no_json)


def _no_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")

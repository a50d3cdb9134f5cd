"""What commands print: tables and pages for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def say(lines: Sequence[str]) -> None:
    """Print lines; what the encoding of the output lacks is printed as escapes."""
    from poptune.streams import write

    write(sys.stdout, "".join(f"{line}\n" for line in lines))


def say_json(facts: Any) -> None:
    """Print plain values as JSON. NaN and infinity, which JSON does not have, are null."""
    from poptune.run.files import json_text

    say([json_text(facts, indent=2)])


def terminal() -> Console | None:
    """Return the terminal that the output goes to, None if it goes to a file, a pipe, or a simple terminal.

    Colours follow `NO_COLOR`, and the width is that of the terminal or `COLUMNS`.
    """
    from poptune.faces.console import can_be_live

    if not can_be_live(sys.stdout):
        return None
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)

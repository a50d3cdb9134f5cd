"""Writing to streams of which little is known: they may be gone, closed, or a user's own objects."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO


def write(stream: TextIO | None, text: str) -> None:
    """Write a text at once; what the stream's encoding lacks is written as escapes."""
    if stream is None:  # a program without a console has no standard output
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    if hasattr(stream, "flush"):
        stream.flush()


def say(text: str) -> None:
    """Write a text to the standard error. If nobody can read it any more, nothing else fails because of that.

    Whoever reads may be gone before the run is: a terminal that was closed, or the `tee` that the same Ctrl-C ended.
    """
    with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
        write(sys.stderr, text)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream says that it is a terminal; one that a user put in place may say nothing at all."""
    try:
        return stream is not None and hasattr(stream, "isatty") and stream.isatty()
    except ValueError:  # it is closed
        return False

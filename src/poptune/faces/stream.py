"""Writing to a stream of which little is known."""

from __future__ import annotations

from typing import TextIO


def write(stream: TextIO | None, text: str) -> None:
    """Write a text at once; what the stream's encoding lacks is written as escapes."""
    if stream is None:  # a program without a console has no standard output
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()

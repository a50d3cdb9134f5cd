"""The file that SQLite writes ahead of a journal, in which the newest records stand until they are merged into it.

SQLite reads it up to the first place that is damaged, and drops the rest without a word: it does not tell damage from a
transaction that was cut short. What follows does: only the last transaction can have been cut short.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_HEADER, _FRAME_HEADER = 32, 24  # bytes; https://www.sqlite.org/fileformat2.html#the_write_ahead_log


def unread_commits(connection: sqlite3.Connection, journal: Path) -> int:
    """Return how many committed transactions stand in the file behind the place up to which SQLite reads it.

    The last one there is not counted: it may have been under way when its process died. To be called before anything is
    written: that takes their place.
    """
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    committed = _commits(Path(f"{journal}-wal"), _FRAME_HEADER + page)
    _, frames_read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    unread = [frame for frame in committed if frame >= frames_read]
    return len(unread[:-1])


def _commits(ahead: Path, frame: int) -> list[int]:
    """Return the numbers of the frames that end a transaction of the file's present generation."""
    found = []
    try:
        with open(ahead, "rb") as file:
            header = file.read(_HEADER)
            count = (ahead.stat().st_size - _HEADER) // frame
            for number in range(count):
                file.seek(_HEADER + number * frame)
                start = file.read(_FRAME_HEADER)
                ends_transaction = start[4:8] != bytes(4)  # the size of the journal after it, else zero
                if ends_transaction and start[8:16] == header[16:24]:
                    found.append(number)
    except FileNotFoundError:  # all is merged
        pass
    return found

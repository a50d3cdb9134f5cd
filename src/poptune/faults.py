"""Named points at which a test lets a process die, so that "die at every point, then restore" is one test.

`POPTUNE_FAULT=records_committed:3` kills the process, as `kill -9` does, when it passes that point for the third time;
`records_committed:3:stop` stops it there, as `kill -STOP` does, so that another one may take over meanwhile. Without
the variable a point is a call of a function that does nothing.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Literal, get_args

from poptune.errors import UsageError, nearest

VARIABLE = "POPTUNE_FAULT"

Point = Literal[
    "journal_drafted",  # a new run's journal lies beside its place
    "journal_created",  # and in it; nothing has trained
    "checkpoint_begun",  # its directory in the staging area is there, and empty
    "checkpoint_staged",  # all its files are
    "checkpoint_renamed",  # it lies in its place; nobody knows of it
    "report_counted",  # a report is about to leave the trial
    "report_sent",  # it has left
    "records_appended",  # they are in the transaction, which is open
    "records_committed",  # they are safe; nothing is carried out
    "observers_told",  # checkpoints that nobody needs are in the journal as deleted, and lie there still
    "checkpoint_doomed",  # one of them is in the staging area
    "checkpoint_deleted",
    "command_sent",  # one of perhaps several decisions is carried out
    "file_drafted",  # one of the files for other programs lies beside its place
    "files_begun",  # files for other programs are written for some trials, not for all
    "end_cleared",  # all workers have ended, and what they saved in vain is removed; the files are not complete
    "restore_noted",  # a restored run's first records are in the transaction, which is open
    "restore_committed",  # and safe; what killed processes left is still there
    "restore_cleared",  # and not any more; nothing has trained
]
POINTS: tuple[Point, ...] = get_args(Point)


def armed(order: str | None) -> Callable[[Point], None]:
    """Return the function behind all points, by the value of the variable.

    Raises:
        UsageError: It names no point.
    """
    if not order:
        return lambda point: None
    parts = re.fullmatch(r"(\w+)(?::(\d+))?(:stop)?", order)
    if not parts or parts[1] not in POINTS:
        hint = nearest(order.partition(":")[0], POINTS)
        raise UsageError(f"{VARIABLE} must be a point and a number, such as records_committed:3, not {order!r}.{hint}")
    left = int(parts[2] or 1)
    fate = signal.SIGSTOP if parts[3] else signal.SIGKILL

    def meet_it_in_time(point: Point) -> None:
        nonlocal left
        if point == parts[1]:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), fate)

    return meet_it_in_time


fault: Callable[[Point], None] = armed(os.environ.get(VARIABLE))

"""Messages that wait for the driver to fetch them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from poptune.storage.store import Files

LINGER_S = 0.02  # messages that nobody waits for are gathered for so long: a call costs more than a report
_MOST = 10_000  # whoever reports faster than the driver fetches has to wait

Numbered = tuple[int, bytes, Files | None]  # number from 0, the message pickled, and the checkpoint that comes along


class Outbox:
    """Numbers messages, and keeps each until the driver says that it has it.

    >>> outbox = Outbox()
    >>> outbox.put(b"report", None, is_urgent=False)
    >>> outbox.put(b"the end", None, is_urgent=True)
    >>> outbox.after(0)
    [(0, b'report', None), (1, b'the end', None)]
    >>> outbox.after(1)
    [(1, b'the end', None)]
    """

    def __init__(self) -> None:
        self._held: deque[Numbered] = deque()
        self._next = 0
        self._is_urgent = False
        self._is_closed = False
        lock = threading.Lock()
        self._has_some = threading.Condition(lock)
        self._has_room = threading.Condition(lock)

    def put(self, message: bytes, files: Files | None, *, is_urgent: bool) -> None:
        """Add a message; wait while there are too many."""
        with self._has_some:
            self._has_room.wait_for(lambda: len(self._held) < _MOST or self._is_closed)
            self._held.append((self._next, message, files))
            self._next += 1
            self._is_urgent |= is_urgent
            if is_urgent or len(self._held) == 1:  # waking the other side for every report would cost more than it
                self._has_some.notify()

    def after(self, have: int) -> Sequence[Numbered]:
        """Forget the messages that the driver has; wait until there are others, and return them."""
        with self._has_some:
            self._forget(have)
            self._has_some.wait_for(lambda: self._held or self._is_closed)
            self._has_some.wait_for(lambda: self._is_urgent or self._is_closed, LINGER_S)
            self._is_urgent = False
            return list(self._held)

    def rest(self, have: int) -> Sequence[Numbered]:
        """Return the messages that the driver does not have, now."""
        with self._has_some:
            self._forget(have)
            return list(self._held)

    def close(self) -> None:
        """Keep nobody waiting any more, on either side."""
        with self._has_room:
            self._is_closed = True
            self._has_room.notify_all()
            self._has_some.notify_all()

    def _forget(self, have: int) -> None:
        while self._held and self._held[0][0] < have:
            self._held.popleft()
        self._has_room.notify_all()

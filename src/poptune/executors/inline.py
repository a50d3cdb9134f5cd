"""Trials in this very process, one at a time: for debugging, tests and small problems."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Sequence

from poptune.errors import UsageError
from poptune.executors.base import Command, Job, Message, ReportArrived
from poptune.executors.host import Host, introduce
from poptune.streams import say
from poptune.trainables import session

# A trial on a long lease shows its reports, and lets the run look at the clock, this often.
SLICE_S = 0.05

_open: list[InlineExecutor] = []
_opening = threading.Lock()


class InlineExecutor:
    """One worker: this process. The driver and the trials take turns, never at the same time."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._driver = threading.current_thread()
        self._messages: list[Message] = []
        self._commands: list[Command] = []
        self._running: str | None = None
        self._slice_ends = 0.0

    @property
    def workers(self) -> int:
        """One."""
        return 1

    def open(self, job: Job) -> None:
        """Make the host."""
        from threadpoolctl import threadpool_limits

        self._take_process()
        if job.in_trial_dirs:  # nothing in a trial's folder can take a module's place
            sys.path[:] = [os.path.abspath(entry) for entry in sys.path]
        threads = max(1, math.floor(job.trainable.resources.cpu))
        # As many threads as a worker process would give it: results do not depend on the executor.
        self._limits = threadpool_limits(threads)
        self._host = Host(0, job, self._emit, is_guest=True, prepare_thread=lambda: threadpool_limits(threads))
        self._messages, self._commands, self._running = [introduce(0)], [], None

    def _take_process(self) -> None:
        """Make sure that no other thread trains here: generators and session are those of the process.

        A run within a trial is none of another thread: it trains on the trial's.
        """
        here = threading.current_thread()
        with _opening:
            # The run of a thread that is here now, or has ended, is over, however it was cut short.
            _open[:] = [other for other in _open if other._driver is not here and other._driver.is_alive()]
            if _open and getattr(session.current, "thread", None) is not here:
                raise UsageError(
                    f"A run trains inline in this process already, in the thread {_open[-1]._driver.name!r}; two at"
                    " once would share random generators and mix up their reports. Wait for its end, or give"
                    ' RunConfig(executor="processes").'
                )
            self._driver = here
            _open.append(self)

    def send(self, worker: int, command: Command) -> None:
        """Take a command; it is carried out by the next `receive`."""
        self._commands.append(command)

    def end(self, worker: int) -> None:
        """Do nothing: while a trial hangs, the driver does not run."""

    def receive(self, timeout_s: float) -> Sequence[Message]:
        """Let the trial train until it blocks, or its slice of time is over, and return what it said."""
        assert self._host is not None
        if not self._messages:
            self._slice_ends = time.monotonic() + min(SLICE_S, timeout_s)
            commands, self._commands = self._commands, []
            trial, self._running = self._running, None
            if trial is not None:
                self._host.go_on(trial)
            for command in commands:
                self._host.carry_out(command)
        messages, self._messages = self._messages, []
        return messages

    def _emit(self, message: Message) -> bool:
        self._messages.append(message)
        if not isinstance(message, ReportArrived) or message.waits or message.is_final:
            return False  # it gives the baton back anyway
        is_over = time.monotonic() >= self._slice_ends
        if is_over:
            self._running = message.trial
        return is_over

    def close(self) -> Sequence[Message]:
        """Unwind all trials."""
        host, self._host = self._host, None
        if host is None:
            return []
        with _opening, contextlib.suppress(ValueError):
            _open.remove(self)
        if not host.close():
            say("A trial did not return from its own code and was left behind.\n")
        self._limits.restore_original_limits()
        return []

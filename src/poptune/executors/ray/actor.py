"""A worker inside a Ray actor: the same host as everywhere, with a box for commands and one for messages.

The driver asks for messages with one call that waits until there are some (a long poll). Commands and messages are
numbered, so that a call that got lost in the network can be made again: nothing comes twice, and nothing is missing.
"""

from __future__ import annotations

import codecs
import io
import os
import pickle
import queue
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from poptune.executors.base import Message, Printed, ReportArrived, Start, WorkerBroken, WorkerReady
from poptune.executors.host import Host
from poptune.executors.importing import Importing
from poptune.executors.machine import thread_variables
from poptune.executors.ray.connection import library
from poptune.executors.ray.outbox import Numbered, Outbox
from poptune.executors.worker import unpacked_job
from poptune.storage.store import STAGING, CheckpointStore, Files

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PATIENCE_S = 5.0  # for trials to unwind when the run ends


Given = tuple[bytes, Files | None]  # a command, and the checkpoint that it begins with


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker needs to know of its driver.

    Attributes:
        arguments: Its `sys.argv`.
        path: Its `sys.path`.
        folder: Its working directory.
        threads: How many threads numerical libraries may use.
        probe: Name of a file in the run's staging area: who sees it shares the storage. None: nobody shall look.
        scratch: How the name of a directory begins that holds checkpoints where the storage is not shared.
    """

    arguments: Sequence[str]
    path: Sequence[str]
    folder: str
    threads: int
    probe: str | None
    scratch: str


@dataclass(frozen=True, slots=True)
class Introduction:
    """The first thing that a worker says.

    Attributes:
        node: Ray's id of its node.
        shares: Whether it reads and writes the run's own directory.
        problem: Why it cannot write there although it sees it, or empty.
    """

    ready: WorkerReady
    node: str
    shares: bool
    problem: str


class Actor:
    """One worker.

    Args:
        number: Of the worker.
        job: What to run, pickled.
        surroundings: Of the driver.
    """

    def __init__(self, number: int, job: bytes, surroundings: Surroundings) -> None:
        self._number = number
        self._outbox = Outbox()
        self._inbox: queue.SimpleQueue[Given | None] = queue.SimpleQueue()
        self._early: dict[int, Given] = {}
        self._taken = 0
        self._is_closing = False
        self._travels: CheckpointStore | None = None  # where checkpoints begin their way to the driver, if they do
        sys.stdout, sys.stderr = (_passed(self, stream) for stream in (sys.stdout, sys.stderr))
        self._thread = threading.Thread(target=self._live, args=(job, surroundings), name="poptune-host", daemon=True)
        self._thread.start()

    # Called by the driver.

    def take(self, number: int, packed: bytes, files: Files | None) -> None:
        """Take a command. Calls may come in another order than they were made, and twice.

        Args:
            number: Of the command, from 0.
            packed: The command, pickled, with checkpoints of this node that nobody needs any more.
            files: The checkpoint that it begins with, if this node may not have it.
        """
        if number >= self._taken:
            self._early[number] = packed, files
        while (following := self._early.pop(self._taken, None)) is not None:
            self._taken += 1
            self._inbox.put(following)

    def listen(self, have: int) -> tuple[int, Sequence[Numbered]]:
        """Return how many commands came, and the messages that the driver does not have, once there are some.

        Args:
            have: How many messages it has.
        """
        found = self._outbox.after(have)
        return self._taken, found

    def close(self, have: int) -> Sequence[Numbered]:
        """Unwind all trials, and return the messages that the driver does not have."""
        self._is_closing = True
        self._outbox.close()
        self._inbox.put(None)
        self._thread.join(PATIENCE_S)
        if self._travels:
            shutil.rmtree(self._travels.run_dir, ignore_errors=True)  # what counts lies with the driver
        return self._outbox.rest(have)

    # On the thread of the host.

    def _live(self, job: bytes, surroundings: Surroundings) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # Ray blocks it, also in what training code starts
        try:
            host, introduction = self._begin(job, surroundings)
        except Exception:
            self.say(WorkerBroken(self._number, traceback.format_exc()))
            return
        self.say(introduction)
        while (given := self._inbox.get()) is not None:
            packed, files = given
            command, outdated = pickle.loads(packed)
            for saved in outdated:
                host.store.delete(saved)
            if files is not None and isinstance(command, Start) and command.checkpoint:
                host.store.put(command.checkpoint, files)
            host.carry_out(command)
        host.close()

    def _begin(self, packed_job: bytes, surroundings: Surroundings) -> tuple[Host, Introduction]:
        from threadpoolctl import threadpool_limits

        threads = surroundings.threads
        os.environ.update(thread_variables(threads))  # before training code imports its libraries
        sys.argv[:] = surroundings.arguments
        _take_path(surroundings)
        if os.path.isdir(surroundings.folder):
            os.chdir(surroundings.folder)
        importing = Importing()
        job = unpacked_job(packed_job)
        node = library().get_runtime_context().get_node_id()
        shares = surroundings.probe is not None and (job.run_dir / STAGING / surroundings.probe).is_file()
        problem = _writing_problem(job.run_dir / STAGING) if shares else ""
        if not shares:
            scratch = Path(tempfile.gettempdir(), f"{surroundings.scratch}-{node[:16]}")
            scratch.mkdir(mode=0o700, exist_ok=True)
            self._travels = CheckpointStore(scratch)
            job = replace(job, run_dir=scratch, is_durable=False)  # durable is what lies with the driver
        threadpool_limits(threads)  # of what is imported already
        prepare_thread = partial(threadpool_limits, threads)
        host = Host(self._number, job, emit=self.say, prepare_thread=prepare_thread, importing=importing)
        return host, Introduction(self._ready(), node, shares, problem)

    def _ready(self) -> WorkerReady:
        address = library().util.get_node_ip_address()
        return WorkerReady(self._number, os.getpid(), socket.gethostname(), address)

    # On any thread.

    def say(self, message: Message | Introduction) -> bool:
        """Pass a message on; return whether the trial shall give the baton back although it need not wait."""
        files = None
        is_report = isinstance(message, ReportArrived)
        if isinstance(message, ReportArrived) and message.checkpoint and self._travels:
            files = self._travels.files(message.checkpoint)
        is_urgent = message.waits if isinstance(message, ReportArrived) else not isinstance(message, Printed)
        self._outbox.put(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), files, is_urgent=is_urgent)
        return is_report and self._is_closing


class _Passed(io.BufferedIOBase):
    """The end of a standard stream: what training code prints becomes messages."""

    def __init__(self, actor: Actor, stream: TextIO) -> None:
        self.name = stream.name
        self._actor = actor
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def write(self, data: ReadableBuffer) -> int:
        written = bytes(data)
        if text := self._decoder.decode(written):
            self._actor.say(Printed(self._actor._number, text))
        return len(written)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()  # for programs that training code starts: theirs goes to Ray's log files


def _passed(actor: Actor, stream: TextIO) -> TextIO:
    """Return what takes the place of a standard stream, and is all that training code knows of one."""
    return io.TextIOWrapper(_Passed(actor, stream), "utf-8", errors="backslashreplace", write_through=True)


def _take_path(surroundings: Surroundings) -> None:
    """Import what the driver imports: Ray puts its working directory first, whether it is on its path or not."""
    path = [entry for entry in sys.path if entry != surroundings.folder or entry in surroundings.path]
    sys.path[:] = [*path, *(entry for entry in surroundings.path if entry not in path)]


def _writing_problem(folder: Path) -> str:
    place = folder / uuid.uuid4().hex
    try:
        place.mkdir()
        place.rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return ""

"""Trials in worker processes of our own: a worker's death is an event, noticed at once, and harms no other.

A worker is a fresh interpreter on `poptune.executors.worker`, joined to us by a socket pair. Nothing is forked, so
threads and CUDA of the driver are no danger, and the user's script needs no main guard because it is not run again.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import pickle
import selectors
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from poptune.errors import UsageError
from poptune.executors import memory
from poptune.executors.base import Command, Job, Message, Printed, Start, WorkerLost
from poptune.executors.machine import Machine
from poptune.executors.worker import command_line, packed_job, start_message
from poptune.storage import unshared

PATIENCE_S = 5.0  # for trials to unwind when the run ends
_MOST_EXCUSES = 3  # of a worker that ends by SIGTERM, although we were not told to end: then it is its trial's doing
_MESSAGES_AT_ONCE = 200  # of one worker, so that one that floods us does not keep the others waiting


@dataclass(slots=True)
class _Worker:
    number: int
    process: subprocess.Popen[bytes]
    pipe: Connection
    output: int  # file descriptor: what the worker prints
    decoder: codecs.IncrementalDecoder  # a character may be cut in two by a read
    kernel_kills: int | None  # for memory, before it was started
    guard: subprocess.Popen[bytes] | None = None


class ProcessExecutor:
    """One worker process per slot.

    Args:
        workers: How many.
        machine: Whose cores and GPUs they share; by default this machine.
    """

    def __init__(self, workers: int, machine: Machine | None = None) -> None:
        self._count = workers
        self._machine = machine or Machine.this()
        self._workers: dict[int, _Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._packed_job = b""
        self._excuses: Counter[int] = Counter()  # of workers
        self._environments: list[dict[str, str]] = []

    @property
    def workers(self) -> int:
        """How many processes."""
        return self._count

    def open(self, job: Job) -> None:
        """Start all workers; they get ready in parallel.

        Raises:
            UsageError: The trainable cannot be sent, or there are not as many files or processes to be had.
        """
        self._packed_job = packed_job(job)
        self._excuses.clear()
        resources = job.trainable.resources
        self._environments = [self._machine.environment(n, resources) for n in range(self._count)]
        try:
            for worker in [self._launch(number) for number in range(self._count)]:
                self._brief(worker)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.EAGAIN):
                raise
            raise UsageError(
                f"{self._count} worker processes cannot be started ({error.strerror}): raise the limit of open files"
                " (`ulimit -n`) or of processes (`ulimit -u`), or give fewer by"
                " TuneConfig(max_concurrent_trials=...)."
            ) from error

    def _launch(self, number: int) -> _Worker:
        kernel_kills = memory.kernel_kills()
        ours, theirs = socket.socketpair()
        output, their_output = os.pipe()
        process = subprocess.Popen(
            command_line(theirs.fileno()),
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environments[number]},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=their_output,
            stderr=their_output,
        )
        theirs.close()
        os.close(their_output)
        memory.give_up_first(process.pid)
        os.set_blocking(output, False)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pipe = Connection(ours.detach())
        unshared.add(pipe.fileno())
        worker = _Worker(number, process, pipe, output, decoder, kernel_kills)
        self._workers[number] = worker
        self._selector.register(worker.pipe, selectors.EVENT_READ, worker)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker

    def _brief(self, worker: _Worker) -> None:
        """Tell a worker what it is for; while it imports what it needs, there is time to start its guard."""
        self._write(worker, start_message(worker.number, self._packed_job))
        worker.guard = _guard(worker.process)

    def send(self, worker: int, command: Command) -> None:
        """Send a command."""
        if isinstance(command, Start):  # a config may hold functions of the user's script
            import cloudpickle

            message = cloudpickle.dumps(command)
        else:
            message = pickle.dumps(command, pickle.HIGHEST_PROTOCOL)
        self._write(self._workers[worker], message)

    def end(self, worker: int) -> None:
        """Kill a worker with all that it started."""
        _kill_group(self._workers[worker].process)

    def _write(self, worker: _Worker, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it is dead: reading its pipe will say so
            worker.pipe.send_bytes(message)

    def receive(self, timeout_s: float) -> Sequence[Message]:
        """Return what workers have sent; the pipe of a dead one ends."""
        messages: list[Message] = []
        for key, _ in self._selector.select(timeout_s):
            worker: _Worker = key.data
            if worker is not self._workers.get(worker.number):
                continue  # buried a moment ago
            if key.fileobj is worker.output:
                messages += self._read_output(worker)
                continue
            try:
                for _ in range(_MESSAGES_AT_ONCE):
                    messages.append(pickle.loads(worker.pipe.recv_bytes()))
                    if not worker.pipe.poll():
                        break
            except (EOFError, OSError):
                messages += self._read_output(worker)
                messages.append(self._lost(worker))
                self._brief(self._launch(worker.number))
        return messages

    def _read_output(self, worker: _Worker) -> list[Message]:
        try:
            text = os.read(worker.output, 1 << 16)
        except BlockingIOError:
            return []
        if text:
            return [Printed(worker.number, worker.decoder.decode(text))]
        with contextlib.suppress(KeyError):  # it closed its output; it may still work
            self._selector.unregister(worker.output)
        return []

    def _lost(self, worker: _Worker) -> WorkerLost:
        """Bury a worker, and say how it ended. Batch systems send SIGTERM to whole jobs: no trial's fault, at first."""
        code = self._bury(worker)
        is_excused = code == -signal.SIGTERM and self._excuses[worker.number] < _MOST_EXCUSES
        self._excuses[worker.number] += is_excused
        hint = memory.advice_on_kill(worker.kernel_kills) if code == -signal.SIGKILL else ""
        return WorkerLost(worker.number, how_it_ended(code), is_blameless=is_excused, hint=hint)

    def _bury(self, worker: _Worker) -> int:
        """Take leave of a dead worker and of what it started, and return its exit code."""
        for file in (worker.pipe, worker.output):
            with contextlib.suppress(KeyError):
                self._selector.unregister(file)
        unshared.discard(worker.pipe.fileno())
        worker.pipe.close()
        os.close(worker.output)
        _kill_group(worker.process)
        if worker.guard:
            _kill_group(worker.guard)
            worker.guard.wait()
            assert worker.guard.stdin
            unshared.discard(worker.guard.stdin.fileno())
            worker.guard.stdin.close()
        return worker.process.wait()

    def close(self) -> Sequence[Message]:
        """End all workers: let trials unwind for a moment, then kill."""
        last_words: list[Message] = []
        workers, self._workers = list(self._workers.values()), {}
        deadline = time.monotonic() + PATIENCE_S
        for worker in workers:
            self._write(worker, pickle.dumps(None))
            _stop_listening(worker.pipe)
        for worker in workers:
            while worker.process.poll() is None and time.monotonic() < deadline:
                for key, _ in self._selector.select(0.01):
                    if key.fileobj is key.data.output:
                        last_words += self._read_output(key.data)
                    else:
                        self._selector.unregister(key.fileobj)
            last_words += self._read_output(worker)
            self._bury(worker)
        return last_words


def _stop_listening(pipe: Connection) -> None:
    """Make the other end's writes fail, so that a trial on a long lease notices."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(pipe.fileno())) as end:
        end.shutdown(socket.SHUT_RD)


def _guard(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes] | None:
    """Start what ends a worker with all that it started once we are gone, however that came about.

    A worker notices our end itself, but not while a trial is in native code that holds the interpreter. And a signal
    that the kernel sends when a parent dies reaches only the worker, not what it started.
    """
    command = ["/bin/sh", "-c", "read -r _ || kill -s KILL -- -$0", str(process.pid)]
    quiet = subprocess.DEVNULL
    try:
        guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    except FileNotFoundError:  # a container without a shell: workers end when their trials give the interpreter back
        return None
    assert guard.stdin
    unshared.add(guard.stdin.fileno())
    return guard


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """Return the end of a process in words.

    >>> how_it_ended(-9), how_it_ended(3), how_it_ended(-40)
    ('was killed by signal 9 (SIGKILL)', 'ended with exit code 3', 'was killed by signal 40')
    """
    if code == 0 and signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:  # then the kernel keeps no exit codes
        return "ended, and nobody knows how, since the script's process ignores SIGCHLD,"
    if code >= 0:
        return f"ended with exit code {code}"
    names = {each.value: f" ({each.name})" for each in signal.Signals}  # real-time signals have none
    return f"was killed by signal {-code}{names.get(-code, '')}"

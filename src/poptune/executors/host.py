"""The host: trials that live inside one worker, whatever the worker is.

Each trial has a thread, and exactly one thread of a host runs at a time: whoever holds the baton. `report` gives the
baton back and blocks. So waiting costs nothing, a population larger than the workers is time-shared without a
checkpoint, and a clone starts in a warm process: the trial's function is unwound and called again. Threads rather than
greenlets, because thread-local state (such as torch's `no_grad` around a report) must not leak from one trial into
another.

The global random generators are swapped with the baton, so the numbers that a trial draws do not depend on its
neighbours.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import random  # noqa: F401  imported, so that it is seeded in every worker
import socket
import threading
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy.random  # noqa: F401  likewise

from poptune.core.randomness import GlobalGenerators, seed_globals
from poptune.executors.base import Command, Halt, Job, Message, Resume, Start, WorkerReady
from poptune.executors.importing import Importing, imports_apart
from poptune.executors.resident import Resident
from poptune.storage.store import CheckpointStore
from poptune.trainables import session

Emit = Callable[[Message], bool]


class Host:
    """Runs the trials of one worker.

    Args:
        worker: Number of the worker.
        job: What to run.
        emit: Passes a message on; returns whether the trial shall give the baton back although it need not wait.
        is_guest: The process belongs to the user, so its generators are put back whenever no trial runs.
        prepare_thread: Called first on each trial's thread.
        importing: Ended at the first report.
    """

    def __init__(
        self,
        worker: int,
        job: Job,
        emit: Emit,
        *,
        is_guest: bool = False,
        prepare_thread: Callable[[], object] = lambda: None,
        importing: Importing | None = None,
    ) -> None:
        self.worker = worker
        self.job = job
        self.emit = emit
        self.store = CheckpointStore(job.run_dir, job.is_durable, job.checkpointing.allow_pickle)
        self.prepare_thread = prepare_thread
        self.importing = importing
        if _mentions(job.trainable.target, "torch") and importlib.util.find_spec("torch"):
            importlib.import_module("torch")  # a function that imports it later finds it seeded
        self._is_guest = is_guest
        self._residents: dict[str, Resident] = {}
        self._baton = threading.Lock()  # released by the trial that gives the baton back
        self._baton.acquire()
        self._in_force: Resident | None = None  # whose generators are the global ones; None: the process's own
        self._own_generators: GlobalGenerators | None = None

    def carry_out(self, command: Command) -> None:
        """Do as told; returns when the trial concerned has given the baton back."""
        match command:
            case Start():
                resident = self._residents.get(command.trial)
                if resident is None:
                    resident = self._residents[command.trial] = Resident(self, command.trial)
                resident.assign(command)
                self._lend(resident, seed=command.seed)
            case Resume():
                resident = self._residents[command.trial]
                resident.lease = command.lease
                self._lend(resident)
            case Halt():
                if resident := self._residents.get(command.trial):
                    resident.halt()
                    self._lend(resident)

    def go_on(self, trial: str) -> None:
        """Lend the baton again to a trial that gave it back without waiting."""
        self._lend(self._residents[trial])

    def close(self, patience_s: float = 5.0) -> bool:
        """Unwind all trials. A trial that does not come back from its own code in time is left behind.

        Returns:
            Whether all are gone.
        """
        if running := next((r for r in self._residents.values() if r.is_running), None):
            running.halt()  # an interrupt came while it held the baton
            if not self._baton.acquire(timeout=patience_s):
                session.leave_behind(running.thread)
                session.current = None
                return False
            session.current = None
            self._has_baton_back(running)
        else:
            self._baton.acquire(blocking=False)  # given back already, when the interrupt came
        for resident in list(self._residents.values()):
            resident.halt()
            self._lend(resident)
        return True

    def _lend(self, resident: Resident, seed: int | None = None) -> None:
        self._swap_generators(resident)
        if seed is not None:
            resident.seed = seed
            seed_globals(seed)
        outer, session.current = session.current, resident
        outer_dir = os.getcwd() if self.job.in_trial_dirs else None
        if outer_dir and resident.working_dir:
            os.chdir(resident.working_dir)
        resident.is_running = True
        with imports_apart(resident.thread, resident.seed):
            resident.turn.release()
            self._baton.acquire()
        session.current = outer
        if outer_dir:
            resident.working_dir = os.getcwd()
            os.chdir(outer_dir)
        self._has_baton_back(resident)

    def _has_baton_back(self, resident: Resident) -> None:
        if resident.has_ended:
            self._residents.pop(resident.trial, None)
            if resident.assigned is not None:  # it could not be unwound: begin in a thread of its own
                self.carry_out(resident.assigned)
        if self._is_guest:
            self._swap_generators(None)

    def give_back(self, resident: Resident) -> None:
        """Called on a trial's thread: the baton is free."""
        resident.is_running = False
        self._baton.release()

    def _swap_generators(self, to: Resident | None) -> None:
        if self._in_force is to:
            return
        state = GlobalGenerators.capture()
        if self._in_force is None:
            self._own_generators = state
        else:
            self._in_force.generators = state
        self._in_force = to
        target = self._own_generators if to is None else to.generators
        if target is not None:
            target.restore()


def _mentions(target: Any, module: str) -> bool:
    """Say whether the code of a function, or of a class's methods, names a module."""
    functions = vars(target).values() if inspect.isclass(target) else [target]
    codes = [code for f in functions if isinstance(code := getattr(f, "__code__", None), CodeType)]
    while codes:
        code = codes.pop()
        if module in code.co_names:
            return True
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return False


def introduce(worker: int) -> WorkerReady:
    """Return the message with which a worker presents itself."""
    hostname = socket.gethostname()
    try:
        node_ip = socket.gethostbyname(hostname)
    except OSError:  # a host without a name of its own
        node_ip = "127.0.0.1"
    return WorkerReady(worker, os.getpid(), hostname, node_ip)

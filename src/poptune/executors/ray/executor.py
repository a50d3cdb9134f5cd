"""Trials in Ray actors: one for each place that a cluster has, as nodes join and leave."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import sys
import time
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from poptune.core.trial import SavedCheckpoint
from poptune.errors import StorageError
from poptune.executors.base import (
    CheckpointBroken,
    Command,
    Job,
    Message,
    Printed,
    ReportArrived,
    Start,
    WorkerBroken,
    WorkerLost,
)
from poptune.executors.ray.actor import PATIENCE_S, Actor, Introduction, Surroundings
from poptune.executors.ray.connection import bundle, connect, library
from poptune.executors.ray.copies import Copies
from poptune.executors.ray.endings import ending
from poptune.executors.ray.outbox import Numbered
from poptune.executors.ray.places import Places
from poptune.executors.worker import packed_job
from poptune.storage.space import with_space
from poptune.storage.store import STAGING, CheckpointStore
from poptune.streams import say

_REPEAT_S = 0.5  # between calls to a worker that cannot be reached
_SENT_AT_ONCE = 4  # checkpoints that stay in Ray's object store, since several clones may begin with one


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    actor: Any
    listen: Any  # calls it for its messages
    node: str = ""  # Ray's id; empty until it presents itself
    hostname: str = ""
    shares: bool = True
    have: int = 0  # messages of its that came
    sent: int = 0
    unconfirmed: deque[tuple[int, bytes, Any]] = field(default_factory=deque)  # commands that it may not have


class RayExecutor:
    """One Ray actor per worker, on as many places as the cluster has, up to a number.

    Nodes may join and leave: workers are added as there is room, and their number is that of the moment.

    Args:
        workers: How many there shall be at most.
        address: Of the cluster, such as "10.0.0.1:6379"; None: that of `ray.init(...)` if it was called, else what the
            environment variable RAY_ADDRESS says, else a Ray of the run's own on this machine.
        shared_storage: Whether all nodes see the run's directory. None: each worker looks, and where it is not seen,
            checkpoints travel through Ray. True: a node that does not see it is an error. False: they travel always.

    Attributes:
        sent_checkpoints: How many had to be sent from here, since a trial began with them on a node that lacked them.
    """

    def __init__(self, workers: int, address: str | None = None, shared_storage: bool | None = None) -> None:
        self.sent_checkpoints = 0
        self._wanted = workers
        self._address = address
        self._shared_storage = shared_storage
        self._is_ours = False
        self._places: Places | None = None
        self._workers: dict[int, _Worker] = {}
        self._arrived: queue.SimpleQueue[tuple[_Worker, Future[Any]]] = queue.SimpleQueue()
        self._unreachable: list[tuple[float, _Worker]] = []
        self._has_told = False

    @property
    def workers(self) -> int:
        """How many places there are now, at least the one that is waited for; before `open`, how many are wanted."""
        return self._wanted if self._places is None else max(1, len(self._places))

    def open(self, job: Job) -> None:
        """Connect to the cluster, or start one, and fill the places that it has.

        Raises:
            ClusterError: There is no cluster at the address.
            UsageError: The trainable cannot be sent, or no node can hold a trial.
        """
        packed = packed_job(job)
        self._is_ours = connect(self._address)
        self._ray = library()
        self._store = CheckpointStore(job.run_dir, job.is_durable)
        self._copies = Copies()
        self._started: dict[str, Start] = {}  # the newest start of each trial, where checkpoints travel
        self._in_transit = lru_cache(maxsize=_SENT_AT_ONCE)(self._put)
        self._places = Places(self._wanted, bundle(job.trainable.resources))
        token = uuid.uuid4().hex
        self._surroundings = Surroundings(
            arguments=tuple(sys.argv),
            path=tuple(os.path.abspath(entry) for entry in sys.path),
            folder=os.getcwd(),
            threads=max(1, math.floor(job.trainable.resources.cpu)),
            probe=None if self._shared_storage is False else f"probe_{token}",
            scratch=f"poptune-{token}",
        )
        if self._surroundings.probe:
            (job.run_dir / STAGING).mkdir(exist_ok=True)
            (job.run_dir / STAGING / self._surroundings.probe).touch()
        self._job = self._ray.put(packed)
        self._actors = self._ray.remote(max_restarts=0, max_task_retries=0, concurrency_groups={"listen": 1})(Actor)
        self._fill()

    def _fill(self) -> None:
        assert self._places is not None
        for number in self._places.taken() - self._workers.keys():
            options = self._places.options(number)
            actor = self._actors.options(**options).remote(number, self._job, self._surroundings)
            listen = actor.listen.options(concurrency_group="listen").remote
            worker = self._workers[number] = _Worker(number, actor, listen)
            self._listen(worker)

    def _listen(self, worker: _Worker) -> None:
        answer = worker.listen(worker.have)
        answer.future().add_done_callback(lambda future: self._arrived.put((worker, future)))

    def send(self, worker: int, command: Command) -> None:
        """Send a command, with the checkpoint that it begins with if its node may not have it."""
        to = self._workers.get(worker)
        if to is None:
            return
        files: Any = None
        outdated: Sequence[SavedCheckpoint] = ()
        if not to.shares:
            if isinstance(command, Start) and (saved := command.checkpoint):
                files = None if self._copies.has(to.node, saved) else self._in_transit(saved)
                self._copies.used(to.node, command.trial, saved)
                self._started[command.trial] = command
            outdated = self._copies.outdated(to.node)
        import cloudpickle  # a config may hold functions of the user's script

        call = to.sent, cloudpickle.dumps((command, outdated)), files
        to.unconfirmed.append(call)
        to.actor.take.remote(*call)
        to.sent += 1

    def end(self, worker: int) -> None:
        """Kill a worker."""
        if lost := self._workers.get(worker):
            self._ray.kill(lost.actor)

    def _put(self, saved: SavedCheckpoint) -> Any:
        """Put a checkpoint into Ray's object store, from which it moves to each node once."""
        self.sent_checkpoints += 1
        return self._ray.put(self._store.files(saved))

    def receive(self, timeout_s: float) -> Sequence[Message]:
        """Return what workers have sent, and who is lost."""
        self._fill()
        self._call_again()
        messages: list[Message] = []
        with contextlib.suppress(queue.Empty):
            worker, future = self._arrived.get(timeout=timeout_s)
            while True:
                if self._workers.get(worker.number) is worker:
                    messages += self._read(worker, future)
                worker, future = self._arrived.get_nowait()
        return messages

    def _read(self, worker: _Worker, future: Future[Any]) -> list[Message]:
        failures = self._ray.exceptions
        try:
            taken, numbered = future.result()
        except failures.ActorUnavailableError:  # the network, or the node; Ray finds out
            self._unreachable.append((time.monotonic() + _REPEAT_S, worker))
            return []
        except failures.RayError as error:
            return self._lost(worker, error)
        while worker.unconfirmed and worker.unconfirmed[0][0] < taken:
            worker.unconfirmed.popleft()
        messages = [message for one in numbered if (message := self._taken_in(worker, one)) is not None]
        self._listen(worker)
        return messages

    def _call_again(self) -> None:
        """Say and ask again what an interrupted call may not have brought over."""
        now = time.monotonic()
        for worker in [worker for when, worker in self._unreachable if when <= now]:
            for call in worker.unconfirmed:
                worker.actor.take.remote(*call)
            self._listen(worker)
        self._unreachable = [(when, worker) for when, worker in self._unreachable if when > now]

    def _taken_in(self, worker: _Worker, numbered: Numbered) -> Message | None:
        number, packed, files = numbered
        if number < worker.have:
            return None
        worker.have = number + 1
        message: Message | Introduction = pickle.loads(packed)
        if isinstance(message, Introduction):
            return self._met(worker, message)
        if files is not None and isinstance(message, ReportArrived) and message.checkpoint:
            put = partial(self._store.put, message.checkpoint, files)
            with_space(put, f"Trial {message.trial}")  # durable before the report counts
            self._copies.saved(worker.node, message.trial, message.checkpoint)
        if isinstance(message, CheckpointBroken) and not worker.shares and self._is_whole(message.checkpoint):
            self._copies.forget(worker.node, message.checkpoint)
            self.send(worker.number, self._started[message.trial])  # only the node's copy is broken: send another
            return None
        return message

    def _is_whole(self, saved: SavedCheckpoint) -> bool:
        try:
            self._store.verify(saved)
        except StorageError:
            return False
        return True

    def _met(self, worker: _Worker, introduction: Introduction) -> Message:
        ready = introduction.ready
        worker.node, worker.shares = introduction.node, introduction.shares
        names = {node["NodeID"]: node["NodeName"] for node in self._ray.nodes()}
        name = names.get(worker.node, ready.node_ip)  # which is its address, unless somebody gave it a name
        worker.hostname = ready.hostname if name == ready.node_ip else name
        if introduction.problem:
            raise StorageError(
                f"Node {worker.hostname} sees {self._store.run_dir}, but cannot write into it ({introduction.problem}):"
                " give the user of its Ray process the right to, or another storage_path."
            )
        if self._shared_storage and not worker.shares:
            raise StorageError(
                f"Node {worker.hostname} does not see {self._store.run_dir}: give a storage_path that all nodes share,"
                " or leave shared_storage open, so that checkpoints travel through Ray."
            )
        if self._shared_storage is None and not worker.shares and not self._has_told:
            self._has_told = True
            say(
                f"Node {worker.hostname} does not see {self._store.run_dir}: checkpoints travel from there to this"
                " machine through Ray. A storage_path that all nodes share saves that.\n"
            )
        return replace(ready, hostname=worker.hostname)

    def _lost(self, worker: _Worker, error: Exception) -> list[Message]:
        assert self._places is not None
        del self._workers[worker.number]
        if not worker.node and "creation task" in str(error):
            return [WorkerBroken(worker.number, f"{error}\nEvery node needs the packages that the script imports.")]
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        end = ending(str(error), worker.hostname, is_node_gone=bool(worker.node) and worker.node not in alive)
        if end.is_node_gone:
            self._places.lost(worker.number)
        return [WorkerLost(worker.number, end.reason, is_blameless=end.is_blameless)]

    def close(self) -> Sequence[Message]:
        """End all workers: let trials unwind for a moment, then kill."""
        last_words: list[Message] = []
        workers, self._workers = list(self._workers.values()), {}
        places, self._places = self._places, None
        if workers and self._ray.is_initialized():
            last_words = self._end(workers)
        if places is not None and self._ray.is_initialized():
            places.give_back()
        if self._is_ours:
            self._is_ours = False
            library().shutdown()
        return last_words

    def _end(self, workers: Sequence[_Worker]) -> list[Message]:
        met = {worker.actor.close.remote(worker.have): worker for worker in workers if worker.node}
        answers, _ = self._ray.wait(list(met), num_returns=len(met), timeout=PATIENCE_S + 1) if met else ([], [])
        words: list[Message] = []
        for answer in answers:
            with contextlib.suppress(self._ray.exceptions.RayError):  # it died meanwhile
                said = [pickle.loads(packed) for _, packed, _ in self._ray.get(answer)]
                words += [message for message in said if isinstance(message, Printed)]
        leaving = [met[answer].actor.__ray_terminate__.remote() for answer in answers]
        if leaving:  # what training code registered for its exit is done
            self._ray.wait(leaving, num_returns=len(leaving), timeout=1.0)
        for worker in workers:
            self._ray.kill(worker.actor)
        return words

"""One trial that lives in a host: its thread, and the session that its code talks to."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from poptune.core.generators import Marks, packed, unpacked
from poptune.core.lease import Lease
from poptune.core.nested import copy_tree
from poptune.core.randomness import GlobalGenerators, seed_globals
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import DiskFull, StorageError, UsageError
from poptune.executors import importing, memory
from poptune.executors.base import CheckpointBroken, ReportArrived, Start, TrialRaised, TrialReturned
from poptune.executors.counting import count
from poptune.faults import fault
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.space import advice_on_full, has_filled, is_of_the_device, with_space
from poptune.streams import say
from poptune.trainables.class_api import ClassRun
from poptune.trainables.function import run_function
from poptune.trainables.session import TrialContext, Unwound

if TYPE_CHECKING:
    from poptune.executors.host import Host

_MOST_SWALLOWED = 100


class Resident:
    """A trial's session, which blocks its thread while others train.

    Args:
        host: Where it lives.
        trial: Its id.
    """

    def __init__(self, host: Host, trial: str) -> None:
        self.host = host
        self.trial = trial
        self.lease = Lease()
        self.context = TrialContext()
        self.checkpoint: Checkpoint | None = None
        self.generators: GlobalGenerators | None = None
        self.seed = 0  # with which they began
        self.working_dir: str | None = None  # where its code left off
        self.turn = threading.Lock()  # released when the baton comes to this trial
        self.turn.acquire()
        self.is_running = False
        self.has_ended = False
        self.progress = Progress()
        self.config: dict[str, Any] = {}
        self.assigned: Start | None = None
        self._marks = Marks()  # of the generators when they were seeded
        self._draws_on: Start | None = None  # from whose checkpoint, once it is taken
        self._is_unwinding = False
        self._first = Progress()
        self._next_checkpoint = 0
        self._reporter: int | None = None  # the thread that reports
        self._swallowed = 0
        self._resumed_at = 0.0
        target = host.job.trainable
        self._object = (
            ClassRun(target.target, host.job.checkpointing, target.parameters) if target.is_class else None  # type: ignore[arg-type]
        )
        self.thread = threading.Thread(target=self._live, name=f"poptune-{trial}", daemon=True)
        self.thread.start()

    # Called by the host, while this trial waits.

    def assign(self, start: Start) -> None:
        """Set what to do when the baton comes; what runs now is unwound first."""
        self.assigned = start
        self._is_unwinding = True

    def halt(self) -> None:
        """Unwind when the baton comes, and end."""
        self.assigned = None
        self._is_unwinding = True

    # On the trial's own thread.

    def _live(self) -> None:
        self.turn.acquire()
        self.host.prepare_thread()
        while (start := self.assigned) is not None:
            self.assigned = None
            self._is_unwinding = False
            self._reporter, self._swallowed = None, 0
            try:
                self._begin(start)
                if self._object is None:
                    run_function(self.host.job.trainable, self.config, self.report, self._report_final)
                else:
                    self._run_object(self._object)
            except Unwound:
                continue
            except BaseException as error:
                if not self._is_unwinding:
                    self._raised(error)
            else:
                if not self._is_unwinding:
                    self.host.emit(TrialReturned(self.host.worker, self.trial))
        self._end_object()
        self.has_ended = True
        self.host.give_back(self)

    def _begin(self, start: Start) -> None:
        job = self.host.job
        trial_dir = job.run_dir / start.folder
        trial_dir.mkdir(exist_ok=True)
        if job.in_trial_dirs:
            os.chdir(trial_dir)
        self.context = TrialContext(
            trial_id=start.trial,
            trial_name=f"{job.trainable.name}_{start.trial}",
            trial_dir=str(trial_dir),
            experiment_name=job.experiment_name,
            resources=job.trainable.resources.as_dict(),
        )
        self.config = copy_tree(start.config)
        self.lease = start.lease
        self.progress = self._first = start.progress
        self.checkpoint = self._intact(start.checkpoint) if start.checkpoint else None
        self._next_checkpoint = start.next_checkpoint
        self._folder = start.folder
        self._marks = Marks.now()
        self._draws_on = start if start.draws_on else None
        self._resumed_at = time.perf_counter()

    def _intact(self, saved: SavedCheckpoint) -> Checkpoint:
        """Return a checkpoint to go on from; one that is damaged is told instead, and the trial is not started."""
        try:
            self.host.store.verify(saved)
        except StorageError as error:
            self.host.emit(CheckpointBroken(self.host.worker, self.trial, saved, str(error)))
            raise Unwound from error
        return self.host.store.load(saved)

    def _run_object(self, trainable: ClassRun) -> None:
        trainable.begin(self)
        self.take_checkpoint()
        while True:
            metrics = trainable.step()
            complete, progress = self._counted(metrics)
            trainable.log(complete)
            if not trainable.wants_checkpoint(complete, progress.iteration, self.lease):
                self._hand_over(complete, progress, None)
                continue
            saved = self._save(partial(self._store_object, trainable, progress))
            self._hand_over(complete, progress, saved)

    def report(self, metrics: Mapping[str, Any], checkpoint: Checkpoint | None) -> None:
        """Hand a report over; block if the lease ends; raise `Unwound` if the trial shall not go on as it is."""
        self._check_thread()
        if self._is_unwinding:  # the code swallowed Unwound and went on
            self._swallowed += 1
            if self._swallowed > _MOST_SWALLOWED:
                self._abandon()
            raise Unwound
        complete, progress = self._counted(metrics)
        saved = self._save(partial(self._store, checkpoint, progress)) if checkpoint is not None else None
        if saved is not None:
            self.checkpoint = self.host.store.load(saved)  # from here on the newest; an older one may be deleted
        self._hand_over(complete, progress, saved)

    def take_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to go on from; the generators go on from there too, if it is the trial's own."""
        start, self._draws_on = self._draws_on, None
        if start and start.checkpoint:
            seed_globals(start.seed)  # those that were not drawn from by then stood as seeded
            try:
                unpacked(self.host.store.generators(start.checkpoint)).restore()
            except ValueError as error:
                say(f"Trial {self.trial} does not draw on from {start.checkpoint.path}: {error}.\n")
        return self.checkpoint

    def _abandon(self) -> None:
        """Leave this thread behind: its code cannot be unwound, and must not keep the others waiting."""
        say(
            f"Trial {self.trial} catches BaseException around tune.report, so that its function cannot be ended; its"
            " thread is left behind. Catch Exception instead.\n"
        )
        self.has_ended = True
        self.host.give_back(self)
        threading.Event().wait()

    def _check_thread(self) -> None:
        """Refuse reports from a second thread: two that wait for one answer cannot both go on."""
        own = threading.get_ident()
        if self._reporter is None:
            self._reporter = own
        if self._reporter != own or not self.is_running:
            raise UsageError(
                f"tune.report of trial {self.trial} was called from two threads, or while the trial waits. Report from"
                " one thread only, for example the one that trains."
            )

    def _report_final(self, metrics: Mapping[str, Any], checkpoint: Checkpoint | None) -> None:
        complete, progress = self._counted({"done": True, **metrics})
        self.progress = progress
        self._emit(complete, progress, None, is_final=True)

    def _hand_over(self, metrics: Mapping[str, Any], progress: Progress, saved: SavedCheckpoint | None) -> None:
        self.progress = progress
        waits = self.lease.ends(metrics)
        fault("report_counted")
        gives_way = self._emit(metrics, progress, saved, waits=waits)
        fault("report_sent")
        if waits or gives_way:
            self.host.give_back(self)
            self.turn.acquire()
        self._resumed_at = time.perf_counter()
        if self._is_unwinding:
            raise Unwound

    def _emit(
        self,
        metrics: Mapping[str, Any],
        progress: Progress,
        saved: SavedCheckpoint | None,
        *,
        waits: bool = False,
        is_final: bool = False,
    ) -> bool:
        if self.host.importing:
            self.host.importing.end()
            self.host.importing = None
        message = ReportArrived(self.host.worker, self.trial, metrics, progress, saved, waits, is_final)
        return self.host.emit(message)

    def _save(self, store: Callable[[int], SavedCheckpoint]) -> SavedCheckpoint | None:
        """Store a checkpoint, by its number; None: the disk failed, so that the report goes without it."""
        number = self._next_checkpoint
        self._next_checkpoint += 1
        try:
            return with_space(partial(store, number), f"Trial {self.trial}", check=self._check_goes_on)
        except StorageError as error:
            if not is_of_the_device(error):
                raise
            say(f"{error}\nTrial {self.trial} goes on without this checkpoint. Look after the disk.\n")
            return None

    def _store_object(self, trainable: ClassRun, progress: Progress, number: int) -> SavedCheckpoint:
        """Store what an object writes or returns. It is asked again after a full disk: its files are gone."""
        with self.host.store.draft() as folder:
            try:
                checkpoint = trainable.save(folder)
            except Exception as error:
                if not has_filled(error, folder):
                    raise
                raise DiskFull(f"Cannot save a checkpoint of trial {self.trial}: {error}") from error
            return self._store(checkpoint, progress, number)

    def _store(self, checkpoint: Checkpoint, progress: Progress, number: int) -> SavedCheckpoint:
        if checkpoint.is_relative and not self.host.job.in_trial_dirs:
            raise UsageError(
                f"The checkpoint {checkpoint.path!r} lies in the working directory, where trials would overwrite each"
                " other's files. Write into a tempfile.TemporaryDirectory() or below"
                " tune.get_context().get_trial_dir(); or give TuneConfig(chdir_to_trial_dir=True)."
            )
        return self.host.store.save(
            checkpoint,
            trial=self.trial,
            folder=self._folder,
            number=number,
            progress=progress,
            generators=packed(self._marks.drawn()),
        )

    def _check_goes_on(self) -> None:
        if self._is_unwinding:
            raise Unwound

    def _counted(self, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], Progress]:
        elapsed_s = time.perf_counter() - self._resumed_at
        return count(metrics, before=self.progress, first=self._first, elapsed_s=elapsed_s, timestamp=time.time())

    def _raised(self, error: BaseException) -> None:
        report = traceback.TracebackException.from_exception(error)
        # The frames above the user's code are ours and tell the user nothing, and those of its imports neither.
        report.stack[:] = [frame for frame in report.stack if frame.filename != importing.__file__]
        ours = os.path.dirname(os.path.dirname(__file__))
        while len(report.stack) > 1 and report.stack[0].filename.startswith(ours):
            del report.stack[0]
        line = next(report.format_exception_only()).strip()
        if hint := memory.advice(error) or advice_on_full(error):
            line = f"{line.rstrip('.')}. {hint}"
        is_usage_error = isinstance(error, UsageError)
        self.host.emit(TrialRaised(self.host.worker, self.trial, line, "".join(report.format()), is_usage_error))

    def _end_object(self) -> None:
        if self._object is None:
            return
        try:
            self._object.end()
        except Unwound:
            pass
        except BaseException:
            say(traceback.format_exc())  # the trial is over: its clean-up cannot fail it any more

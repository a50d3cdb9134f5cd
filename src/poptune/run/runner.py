"""The loop: reports come in, the scheduler decides, the decision is written down, then it is carried out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from poptune.core.decisions import Continue, Decision, Exploit, Stop
from poptune.core.events import (
    Cause,
    CheckpointDeleted,
    CheckpointLost,
    Reported,
    TrialAdded,
    TrialEvicted,
    TrialFailed,
    TrialFinished,
    TrialLate,
    TrialReset,
    TrialStarted,
)
from poptune.core.lease import Lease
from poptune.core.nested import MISSING, copy_tree, lookup
from poptune.core.population import Population
from poptune.core.trial import Status, Trial
from poptune.errors import MetricError, StopError, TrialError, UsageError, WorkerDied
from poptune.executors.base import (
    CheckpointBroken,
    Command,
    Executor,
    Halt,
    Job,
    Message,
    Printed,
    ReportArrived,
    Resume,
    Start,
    TrialRaised,
    TrialReturned,
    WorkerBroken,
    WorkerLost,
    WorkerReady,
)
from poptune.faults import fault
from poptune.run.configs import FailureConfig
from poptune.run.deadlines import Deadlines
from poptune.run.falling_back import fallen_back
from poptune.run.observer import Observers
from poptune.run.rows import complete, every_result
from poptune.run.seeding import Seeding
from poptune.run.stopping import StopCriteria
from poptune.run.turns import Turns
from poptune.schedulers.base import Scheduler, settle, step
from poptune.storage.journal import Journal
from poptune.storage.records import Record
from poptune.storage.retention import Retention
from poptune.storage.space import with_space
from poptune.storage.store import CheckpointStore, number_of
from poptune.storage.syncing import Syncer

TICK_S = 0.1
COMMIT_PERIOD_S = 0.05  # reports that nobody waits for are written this often
_STARTS_BEFORE_GIVING_UP = 3


class Runner:
    """Drives a population until no trial is live.

    Args:
        job: What trains.
        population: Its trials.
        past: What made the population: the trials that were added, or all records of a run that is restored.
        scheduler: Decides; bound to metric and mode.
        executor: Carries out; closed at the end.
        journal: Written before anything is carried out.
        store: Where checkpoints lie.
        syncer: Bounds what a power cut can take.
        retention: Says which checkpoints may go.
        criteria: When a trial, or the whole run, has trained enough.
        failure: What happens when a trial fails.
        observers: Who watches.
    """

    def __init__(
        self,
        *,
        job: Job,
        population: Population,
        past: Sequence[Record],
        scheduler: Scheduler,
        executor: Executor,
        journal: Journal,
        store: CheckpointStore,
        syncer: Syncer | None,
        retention: Retention,
        criteria: StopCriteria,
        failure: FailureConfig,
        observers: Observers,
    ) -> None:
        self.population = population
        self._job = job
        self._scheduler = scheduler
        self._executor = executor
        self._journal = journal
        self._store = store
        self._syncer = syncer
        self._retention = retention
        self._criteria = criteria
        self._failure = failure
        self._observers = observers
        self._turns = Turns()
        self._workers = 0  # how many there were when trials were last spread over them
        self._ready: dict[int, WorkerReady] = {}
        self._lost_unready = 0
        self._starts: dict[str, TrialStarted] = {}
        self._restart: dict[str, Cause] = {}  # trials whose next turn begins with a call of their function
        self._next_checkpoint: dict[str, int] = {}
        self._records: list[Record] = []
        self._is_urgent = False
        self._commands: list[tuple[int, Command]] = []
        self._committed_at = time.monotonic()
        self._seeding = Seeding(population.seed)
        self._deadlines = Deadlines(failure.report_timeout_s, failure.round_timeout_s)
        self._hung: set[int] = set()  # workers that were ended because nobody reported there
        self._has_scored = False  # a report has passed the scheduler: the metric's name is right
        self._recall(past)

    def _recall(self, past: Sequence[Record]) -> None:
        """Know what a runner knows that went through the run's past."""
        for record in past:
            self._seeding.take(record)
            match record:
                case TrialAdded():
                    self._restart[record.trial] = "first"
                case Exploit():
                    self._restart[record.trial] = "exploit"
                case TrialStarted():
                    self._starts[record.trial] = record
                    self._restart[record.trial] = "recovery"
                case Reported():
                    self._has_scored |= self._scores(record)
                    self._stored(record)
                case TrialReset():
                    self._retention.given_up(record.trial)
                case CheckpointDeleted() | CheckpointLost():
                    self._retention.deleted(record.path, record.trial)
        self._criteria.begin()
        for result in every_result(past) if self._criteria.sees_results else ():
            self._criteria.recall(result["trial_id"], result)

    def run(self) -> None:
        """Train until no trial is live.

        Raises:
            UsageError: The run cannot work, for example because the metric is never reported.
            WorkerDied: Workers end before they can take a trial.
            TrialError: A trial failed and `FailureConfig(fail_fast="raise")` asks for it.
            StopError: A stop function or stopper raised.
        """
        for trial in self.population:
            if trial.status is Status.PENDING:
                self._turns.want(trial)
        try:
            if self.population.live:
                self._executor.open(self._job)
                self._settle_others()
            while self.population.live:
                self._round()
        except (KeyboardInterrupt, SystemExit):
            sys.stderr.write("\nThe run ends and writes down what was reported; Ctrl-C ends it at once.\n")
            self._end()
            raise
        except BaseException:
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        """Unwind all trials, and write down what was reported. A second Ctrl-C skips this or cuts it short."""
        for message in self._executor.close():
            if isinstance(message, Printed):
                self._print(message)
        self._write()
        self._clear_unreported(trial.id for trial in self.population)
        self._observers.tell(lambda observer: observer.on_end(self.population))

    def _round(self) -> None:
        for message in self._executor.receive(TICK_S):
            self._handle(message)
            self._heard(message)
        self._end_waiting()
        if end := self._criteria.end():
            self._stop_all(end)
        self._spread()
        self._give_turns()
        if self._is_urgent or time.monotonic() - self._committed_at >= COMMIT_PERIOD_S:
            self._write()
        self._carry_out()
        self._observers.tell(lambda observer: observer.on_tick(self.population))

    def _heard(self, message: Message) -> None:
        """Take note that a worker said something; what it prints is no progress."""
        if not isinstance(message, Printed):
            trains = self._turns.running(message.worker) is not None
            (self._deadlines.heard if trains else self._deadlines.rests)(message.worker)

    def _end_waiting(self) -> None:
        """End workers in which a trial hangs, and let a round go on without those that it waits for in vain."""
        for worker in self._deadlines.silent():
            self._hung.add(worker)
            self._executor.end(worker)
        if late := self._deadlines.stragglers(self.population):
            for trial in late:
                self._note(TrialLate(trial, self._failure.round_timeout_s or 0.0))
            self._settle_others()

    def _note(self, record: Record) -> None:
        """Take one event or decision into the population and, soon, the journal."""
        self.population.apply(record)
        self._keep([record])

    def _keep(self, records: Sequence[Record]) -> None:
        """Put records into the journal: plain reports soon, all others before anything else is carried out."""
        self._records.extend(records)
        for record in records:
            self._seeding.take(record)
        if not self._is_urgent:
            self._is_urgent = any(type(record) is not Reported or record.checkpoint for record in records)

    def _handle(self, message: Message) -> None:
        match message:
            case ReportArrived():
                self._reported(message)
            case TrialReturned():
                self._turns.block(message.worker)
                self._turns.leave(message.trial)
                if self.population[message.trial].status.is_live:
                    self._note(TrialFinished(message.trial))
                    self._settle_others()
            case TrialRaised():
                self._turns.block(message.worker)
                self._turns.leave(message.trial)
                if message.is_usage_error and not self._has_scored:
                    raise UsageError(_last_line(message.error) + _place(message.traceback))
                if self.population[message.trial].status.is_live:
                    self._failed(message.trial, message.error, message.traceback)
            case CheckpointBroken():
                self._turns.block(message.worker)
                self._turns.leave(message.trial)
                self._falls_back(message)
            case WorkerReady():
                self._ready[message.worker] = message
                self._lost_unready = 0
                self._turns.worker_is_ready(message.worker)
            case WorkerLost():
                self._worker_lost(message)
            case WorkerBroken():
                raise UsageError(
                    f"The trainable {self._job.trainable.name} cannot be loaded in a worker process:\n{message.error}"
                )
            case Printed():
                self._print(message)

    def _print(self, message: Printed) -> None:
        self._observers.tell(lambda observer: observer.on_output(message.worker, message.text))

    # Reports.

    def _reported(self, message: ReportArrived) -> None:
        if message.waits:
            self._turns.block(message.worker)
            if not self._is_urgent and not self._criteria.sees_results:
                # No decision waits to be written down, and this report cannot end the run: the worker need not wait.
                self._give_turns()
                self._carry_out()
        trial = self.population[message.trial]
        if not trial.status.is_live:
            self._halt(trial.id, message)
            return
        report = Reported(message.trial, message.metrics, message.progress, message.checkpoint)
        self._stored(report)
        if self._syncer and report.checkpoint:
            self._syncer.add(self._store.run_dir / report.checkpoint.path)
        if message.is_final:
            self._note(report)
        elif not self._stopped(report, trial, message):
            self._judged(report, message)

    def _stopped(self, report: Reported, trial: Trial, message: ReportArrived) -> bool:
        """Stop the trial, or all trials, if this report meets a criterion; say whether it does."""
        for warning in self._criteria.misnamed(report.metrics):
            sys.stderr.write(f"{warning}\n")
        try:
            reason = self._criteria.reason(trial.id, self._result(report, trial))
            end = self._criteria.end()
        except StopError:
            self._judged(report, message)  # so that the run can be restored: no report is half taken in
            raise
        if not (reason or end):
            return False
        self._note(report)
        self._note(Stop(trial.id, reason or end or ""))
        self._halt(trial.id, message)
        if end:
            self._stop_all(end)
        else:
            self._settle_others()
        return True

    def _result(self, report: Reported, trial: Trial) -> Mapping[str, Any]:
        """Return what stoppers see, a copy; thresholds need no more than what was reported."""
        if not self._criteria.sees_results:
            return report.metrics
        return copy_tree(complete(report, trial, self._starts[trial.id]))

    def _stop_all(self, reason: str) -> None:
        """Stop every live trial; those that train now are unwound when the executor is closed."""
        for trial in [trial for trial in self.population if trial.status.is_live]:
            self._note(Stop(trial.id, reason))
            self._turns.leave(trial.id)

    def _judged(self, report: Reported, message: ReportArrived) -> None:
        """Let the scheduler look at a report, and follow its decisions."""
        try:
            events = step(self._scheduler, self.population, report)
        except MetricError as error:
            self._keep([report])
            if not self._has_scored:
                raise
            self._failed(report.trial, f"{type(error).__name__}: {error}", "", may_retry=False)
            self._halt(report.trial, message)
            return
        self._has_scored = True
        self._keep(events)
        self._follow([event for event in events if isinstance(event, Decision)])
        if message.waits and self.population[report.trial].status is Status.RUNNING:
            self._turns.want(self.population[report.trial])

    def _scores(self, report: Reported) -> bool:
        """Whether a report has the metric, so that its name is right."""
        objective = self._scheduler.objective
        return objective is None or lookup(report.metrics, objective.metric) is not MISSING

    def _stored(self, report: Reported) -> None:
        """Take note of a checkpoint that a report may carry."""
        if saved := report.checkpoint:
            self._next_checkpoint[report.trial] = number_of(saved) + 1
            self._retention.stored(saved, report.metrics)

    def _settle_others(self) -> None:
        """Somebody left: those who waited for that one may be settled now."""
        decisions = settle(self._scheduler, self.population)
        self._keep(decisions)
        self._follow(decisions)

    def _follow(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Continue():
                    self._turns.want(self.population[decision.trial])
                case Exploit():
                    self._restart[decision.trial] = "exploit"
                    self._turns.want(self.population[decision.trial])
                case Stop():
                    if (home := self._turns.home(decision.trial)) is not None:
                        self._commands.append((home, Halt(decision.trial)))
                    self._turns.leave(decision.trial)

    def _halt(self, trial: str, message: ReportArrived) -> None:
        """End a trial that is no longer live. One on a lease is ended when it next waits."""
        if message.waits:
            self._commands.append((message.worker, Halt(trial)))
            self._turns.leave(trial)

    # Failures.

    def _failed(self, trial: str, error: str, traceback: str, *, may_retry: bool = True) -> None:
        allowed = self._failure.max_failures
        retry = may_retry and (allowed < 0 or self.population[trial].failures < allowed)
        self._note(TrialFailed(trial, error, traceback, retry))
        if retry:
            self._restart[trial] = "recovery"
            self._turns.want(self.population[trial])
            return
        if self._failure.fail_fast:
            self._stop_all(f"trial {trial} failed, and fail_fast is set")
        if self._failure.fail_fast == "raise":
            raise TrialError(f"Trial {trial} failed: {self.population[trial].error}")
        self._settle_others()

    def _falls_back(self, broken: CheckpointBroken) -> None:
        """A checkpoint is lost: the trial that should go on from it goes on from an older one."""
        lost = broken.checkpoint
        self._note(CheckpointLost(lost.trial, lost.path, broken.reason))
        self._retention.deleted(lost.path, lost.trial)
        if not (trial := self.population[broken.trial]).status.is_live:
            return
        self._write()
        decision = fallen_back(trial, lost, self._journal, self._scheduler)
        self._note(decision)
        self._restart[trial.id] = "exploit" if isinstance(decision, Exploit) else "recovery"
        if isinstance(decision, TrialReset):
            self._retention.given_up(trial.id)
        self._turns.want(self.population[trial.id])

    def _worker_lost(self, message: WorkerLost) -> None:
        was_ready = self._ready.pop(message.worker, None) is not None
        if not (was_ready or message.is_blameless):
            self._lost_unready += 1
            if self._lost_unready >= _STARTS_BEFORE_GIVING_UP:
                raise WorkerDied(
                    f"Worker processes end before they can take a trial; the last one {message.reason}."
                    f" What it printed stands above. {message.hint}".rstrip()
                )
        hung = message.worker in self._hung
        self._hung.discard(message.worker)
        running = None if message.is_blameless and not hung else self._turns.running(message.worker)
        lived_there = self._turns.worker_is_lost(message.worker)
        self._write()  # raises if another process has taken over: what lies there is not ours to remove
        self._clear_unreported(lived_there)
        for trial in lived_there:
            if not self.population[trial].status.is_live:
                continue
            if trial == running and hung:
                limit = f"{self._failure.report_timeout_s:g} s (report_timeout_s)"
                self._failed(trial, f"WorkerDied: it did not report for {limit}, so its worker process was ended", "")
            elif trial == running:
                hint = f". {message.hint}" if message.hint else ""
                self._failed(trial, f"WorkerDied: the worker process {message.reason} while it trained{hint}", "")
            else:
                while_another_trained = " while another trained" if running else ""
                self._evicted(trial, f"its worker process {message.reason}{while_another_trained}")

    def _evicted(self, trial: str, reason: str) -> None:
        """Let a trial that lives nowhere any more go on from its newest checkpoint."""
        self._note(TrialEvicted(trial, reason))
        self._restart.setdefault(trial, "recovery")
        if self.population[trial].status is Status.PENDING:
            self._turns.want(self.population[trial])

    def _clear_unreported(self, trials: Iterable[str]) -> None:
        """Remove checkpoints whose reports never came: the processes that saved them have ended."""
        for trial in map(self.population.__getitem__, trials):
            self._store.clear_from(trial.folder, self._next_checkpoint.get(trial.id, 0))

    def _spread(self) -> None:
        """Workers joined: let waiting trials that lose nothing by it move there."""
        workers = self._executor.workers
        if workers <= self._workers:
            self._workers = workers
            return
        crowded = self._turns.crowded(self.population.live, workers) if self._workers else []
        for trial in map(self.population.__getitem__, crowded):
            if trial.checkpoint and trial.checkpoint.progress == trial.progress:
                home = self._turns.home(trial.id)
                assert home is not None
                self._commands.append((home, Halt(trial.id)))
                self._turns.leave(trial.id)
                self._evicted(trial.id, "it moves to a worker that joined")
            else:
                return  # it reports first: then trials are spread
        self._workers = workers

    # Actions.

    def _give_turns(self) -> None:
        for worker, trial_id in self._turns.take(self.population.live, self._executor.workers):
            trial = self.population[trial_id]
            lease = self._lease(trial)
            self._deadlines.heard(worker)
            if cause := self._restart.pop(trial_id, None):
                self._note(self._started(trial, worker, cause))
                self._commands.append((worker, self._start(trial, lease)))
            else:
                self._commands.append((worker, Resume(trial_id, lease)))

    def _lease(self, trial: Trial) -> Lease:
        lease = self._scheduler.lease(trial, self._criteria.thresholds)
        return replace(lease, every=True) if self._criteria.sees_results else lease

    def _started(self, trial: Trial, worker: int, cause: Cause) -> TrialStarted:
        where = self._ready[worker]
        started = TrialStarted(trial.id, cause, trial.progress, worker, where.pid, where.hostname, where.node_ip)
        self._starts[trial.id] = started
        return started

    def _start(self, trial: Trial, lease: Lease) -> Start:
        seed, draws_on = self._seeding.start(trial.id)
        return Start(
            trial=trial.id,
            folder=trial.folder,
            config=trial.config,
            progress=trial.progress,
            checkpoint=trial.checkpoint,
            next_checkpoint=self._next_checkpoint.get(trial.id, 0),
            seed=seed,
            draws_on=draws_on,
            lease=lease,
        )

    def _write(self) -> None:
        """Make everything noted safe, then remove checkpoints that are not needed any more."""
        if not self._records:
            self._journal.commit()  # raises if another process has taken over: its files are not ours to write
            return
        doomed = self._retention.doomed(self.population.needed)
        records = [*self._records, *(CheckpointDeleted(saved.trial, saved.path) for saved in doomed)]
        self._records, self._is_urgent = [], False
        with_space(lambda: self._journal.add(records), "The run")
        self._committed_at = time.monotonic()
        try:  # first tell, then delete: who is told of a checkpoint can still copy it
            self._observers.tell(lambda observer: observer.on_records(records, self.population))
            fault("observers_told")
        finally:
            for saved in doomed:
                self._store.delete(saved)

    def _carry_out(self) -> None:
        commands, self._commands = self._commands, []
        for worker, command in commands:
            self._executor.send(worker, command)
            fault("command_sent")


def _place(traceback: str) -> str:
    """Return where in the user's code a traceback began, on a line of its own."""
    ours = f'  File "{os.path.dirname(os.path.dirname(__file__))}'
    frames = [line.strip() for line in traceback.splitlines() if line.startswith("  File ") and ours not in line]
    return f"\n{frames[0]}" if frames else ""


def _last_line(error: str) -> str:
    """Return the message of an error line such as `poptune.errors.MetricError: metric ...`."""
    return error.partition(": ")[2] or error

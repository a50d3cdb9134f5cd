"""The loop: reports come in, the scheduler decides, the decision is written down, then it is carried out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from poptune.core.decisions import Continue, Decision, Exploit, Stop
from poptune.core.events import CheckpointLost, Reported, TrialFailed, TrialFinished, TrialLate
from poptune.core.lease import Lease
from poptune.core.nested import MISSING, copy_tree, lookup
from poptune.core.population import Population
from poptune.core.trial import Status, Trial
from poptune.errors import MetricError, StopError, TrialError, UsageError, WorkerDied
from poptune.executors.base import (
    CheckpointBroken,
    Executor,
    Job,
    Message,
    Printed,
    ReportArrived,
    TrialRaised,
    TrialReturned,
    WorkerBroken,
    WorkerLost,
    WorkerReady,
)
from poptune.faults import fault
from poptune.run.configs import FailureConfig
from poptune.run.deadlines import Deadlines
from poptune.run.dispatch import Dispatch
from poptune.run.falling_back import fallen_back
from poptune.run.observer import Observers
from poptune.run.recording import Recording
from poptune.run.rows import complete, every_result
from poptune.run.stopping import StopCriteria
from poptune.schedulers.base import Scheduler, settle, step
from poptune.storage.records import Record
from poptune.streams import say

TICK_S = 0.1
_STARTS_BEFORE_GIVING_UP = 3


class Runner:
    """Drives a population until no trial is live.

    Args:
        job: What trains.
        population: Its trials.
        past: What made the population: the trials that were added, or all records of a run that is restored.
        scheduler: Decides; bound to metric and mode.
        executor: Carries out; closed at the end.
        recording: Writes down what happens before anything else is carried out.
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
        recording: Recording,
        criteria: StopCriteria,
        failure: FailureConfig,
        observers: Observers,
    ) -> None:
        self.population = population
        self._job = job
        self._scheduler = scheduler
        self._executor = executor
        self._recording = recording
        self._criteria = criteria
        self._failure = failure
        self._observers = observers
        self._deadlines = Deadlines(failure.report_timeout_s, failure.round_timeout_s)
        self._dispatch = Dispatch(population, executor, recording, self._lease, self._deadlines)
        self._may_hurry = True  # and give a turn before a report is looked at
        self._lost_unready = 0  # workers in a row that ended before they could take a trial
        self._hung: set[int] = set()  # workers that were ended because nobody reported there
        self._has_scored = any(isinstance(record, Reported) and self._scores(record) for record in past)
        recording.recall(past)
        self._criteria.begin()
        for result in every_result(past) if criteria.sees_results else ():
            criteria.recall(result["trial_id"], result)

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
                self._dispatch.want(trial.id)
        try:
            if self.population.live:
                self._executor.open(self._job)
                self._settle_others()
            while self.population.live:
                self._round()
        except (KeyboardInterrupt, SystemExit):
            say("\nThe run ends and writes down what was reported; Ctrl-C ends it at once.\n")
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
        self._recording.write()
        self._recording.delete_doomed()
        self._recording.clear_unreported(trial.id for trial in self.population)
        fault("end_cleared")
        self._observers.tell(lambda observer: observer.on_end(self.population))

    def _round(self) -> None:
        messages = self._executor.receive(TICK_S)
        # A worker that is lost has been replaced: a turn given before its end is looked at would begin in the new one.
        self._may_hurry = not any(isinstance(message, WorkerLost) for message in messages)
        for message in messages:
            self._handle(message)
            self._heard(message)
        self._end_waiting()
        if end := self._criteria.end():
            self._stop_all(end)
        self._dispatch.spread()
        self._dispatch.give_turns()
        if self._recording.is_due:
            self._recording.write()
        self._dispatch.carry_out()
        self._recording.delete_doomed()  # whoever goes on need not wait for it
        self._observers.tell(lambda observer: observer.on_tick(self.population))

    def _heard(self, message: Message) -> None:
        """Take note that a worker said something; what it prints is no progress."""
        if not isinstance(message, Printed):
            trains = self._dispatch.running(message.worker) is not None
            (self._deadlines.heard if trains else self._deadlines.rests)(message.worker)

    def _end_waiting(self) -> None:
        """End workers in which a trial hangs, and let a round go on without those that it waits for in vain."""
        for worker in self._deadlines.silent():
            self._hung.add(worker)
            self._executor.end(worker)
        if late := self._deadlines.stragglers(self.population):
            for trial in late:
                self._recording.note(TrialLate(trial, self._failure.round_timeout_s or 0.0))
            self._settle_others()

    def _handle(self, message: Message) -> None:
        match message:
            case ReportArrived():
                self._reported(message)
            case TrialReturned():
                self._dispatch.worker_is_free(message.worker)
                self._dispatch.forget(message.trial)
                if self.population[message.trial].status.is_live:
                    self._recording.note(TrialFinished(message.trial))
                    self._settle_others()
            case TrialRaised():
                self._dispatch.worker_is_free(message.worker)
                self._dispatch.forget(message.trial)
                if message.is_usage_error and not self._has_scored:
                    raise UsageError(_last_line(message.error) + _place(message.traceback))
                if self.population[message.trial].status.is_live:
                    self._failed(message.trial, message.error, message.traceback)
            case CheckpointBroken():
                self._dispatch.worker_is_free(message.worker)
                self._dispatch.forget(message.trial)
                self._falls_back(message)
            case WorkerReady():
                self._lost_unready = 0
                self._dispatch.worker_is_ready(message)
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
            self._dispatch.worker_is_free(message.worker)
            if self._may_hurry and not self._recording.is_urgent and not self._criteria.sees_results:
                # No decision waits to be written down, and this report cannot end the run: the worker need not wait.
                self._dispatch.give_turns()
                self._dispatch.carry_out()
        trial = self.population[message.trial]
        if not trial.status.is_live:
            self._halt(trial.id, message)
            return
        report = Reported(message.trial, message.metrics, message.progress, message.checkpoint)
        if message.is_final:
            self._recording.note(report)
        elif not self._stopped(report, trial, message):
            self._judged(report, message)

    def _stopped(self, report: Reported, trial: Trial, message: ReportArrived) -> bool:
        """Stop the trial, or all trials, if this report meets a criterion; say whether it does."""
        for warning in self._criteria.misnamed(report.metrics):
            say(f"{warning}\n")
        try:
            reason = self._criteria.reason(trial.id, self._result(report, trial))
            end = self._criteria.end()
        except StopError:
            self._judged(report, message)  # so that the run can be restored: no report is half taken in
            raise
        if not (reason or end):
            return False
        self._recording.note(report)
        self._recording.note(Stop(trial.id, reason or end or ""))
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
        return copy_tree(complete(report, trial, self._recording.starts.newest[trial.id]))

    def _stop_all(self, reason: str) -> None:
        """Stop every live trial; those that train now are unwound when the executor is closed."""
        for trial in [trial for trial in self.population if trial.status.is_live]:
            self._recording.note(Stop(trial.id, reason))
            self._dispatch.forget(trial.id)

    def _judged(self, report: Reported, message: ReportArrived) -> None:
        """Let the scheduler look at a report, and follow its decisions."""
        try:
            events = step(self._scheduler, self.population, report)
        except MetricError as error:
            self._recording.keep([report])
            if not self._has_scored:
                raise
            self._failed(report.trial, f"{type(error).__name__}: {error}", "", may_retry=False)
            self._halt(report.trial, message)
            return
        self._has_scored = True
        self._recording.keep(events)
        self._follow([event for event in events if isinstance(event, Decision)])
        if message.waits and self.population[report.trial].status is Status.RUNNING:
            self._dispatch.want(report.trial)

    def _scores(self, report: Reported) -> bool:
        """Whether a report has the metric, so that its name is right."""
        objective = self._scheduler.objective
        return objective is None or lookup(report.metrics, objective.metric) is not MISSING

    def _settle_others(self) -> None:
        """Somebody left: those who waited for that one may be settled now."""
        decisions = settle(self._scheduler, self.population)
        self._recording.keep(decisions)
        self._follow(decisions)

    def _follow(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Continue() | Exploit():
                    self._dispatch.want(decision.trial)
                case Stop():
                    self._dispatch.halt(decision.trial)

    def _halt(self, trial: str, message: ReportArrived) -> None:
        """End a trial that is no longer live. One on a lease is ended when it next waits."""
        if message.waits:
            self._dispatch.halt(trial, message.worker)

    # Failures.

    def _failed(self, trial: str, error: str, traceback: str, *, may_retry: bool = True) -> None:
        allowed = self._failure.max_failures
        retry = may_retry and (allowed < 0 or self.population[trial].failures < allowed)
        self._recording.note(TrialFailed(trial, error, traceback, retry))
        if retry:
            self._dispatch.want(trial)
            return
        if self._failure.fail_fast:
            self._stop_all(f"trial {trial} failed, and fail_fast is set")
        if self._failure.fail_fast == "raise":
            raise TrialError(f"Trial {trial} failed: {self.population[trial].error}")
        self._settle_others()

    def _falls_back(self, broken: CheckpointBroken) -> None:
        """A checkpoint is lost: the trial that should go on from it goes on from an older one."""
        lost = broken.checkpoint
        self._recording.note(CheckpointLost(lost.trial, lost.path, broken.reason))
        if not (trial := self.population[broken.trial]).status.is_live:
            return
        self._recording.write()
        self._recording.note(fallen_back(trial, lost, self._recording.journal, self._scheduler))
        self._dispatch.want(trial.id)

    def _worker_lost(self, message: WorkerLost) -> None:
        if not (self._dispatch.is_ready(message.worker) or message.is_blameless):
            self._lost_unready += 1
            if self._lost_unready >= _STARTS_BEFORE_GIVING_UP:
                raise WorkerDied(
                    f"Worker processes end before they can take a trial; the last one {message.reason}."
                    f" What it printed stands above. {message.hint}".rstrip()
                )
        hung = message.worker in self._hung
        self._hung.discard(message.worker)
        running = None if message.is_blameless and not hung else self._dispatch.running(message.worker)
        lived_there = self._dispatch.worker_is_lost(message.worker)
        self._recording.write()  # raises if another process has taken over: what lies there is not ours to remove
        self._recording.clear_unreported(lived_there)
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
                self._dispatch.evict(trial, f"its worker process {message.reason}{while_another_trained}")

    def _lease(self, trial: Trial) -> Lease:
        lease = self._scheduler.lease(trial, self._criteria.thresholds)
        return Lease(lease.ready_at, lease.stop_at, every=True) if self._criteria.sees_results else lease


def _place(traceback: str) -> str:
    """Return where in the user's code a traceback began, on a line of its own."""
    ours = f'  File "{os.path.dirname(os.path.dirname(__file__))}'
    frames = [line.strip() for line in traceback.splitlines() if line.startswith("  File ") and ours not in line]
    return f"\n{frames[0]}" if frames else ""


def _last_line(error: str) -> str:
    """Return the message of an error line such as `poptune.errors.MetricError: metric ...`."""
    return error.partition(": ")[2] or error

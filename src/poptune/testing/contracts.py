"""The contract of every executor, as tests. Derive a class, write `make_executor`, and let pytest collect it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poptune.core.lease import Lease
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.executors.base import (
    Executor,
    Halt,
    Job,
    Message,
    ReportArrived,
    Resume,
    Start,
    TrialRaised,
    WorkerReady,
)
from poptune.testing.toys import Climber
from poptune.trainables.packed import Packed

PATIENCE_S = 20.0


class ExecutorContract:
    """What every executor promises to the runner."""

    def make_executor(self, workers: int) -> Executor:
        """Return a new executor with so many workers; one that can have only one may return that."""
        raise NotImplementedError

    def test_each_worker_presents_itself_once(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(2), tmp_path) as session:
            assert sorted(session.ready) == list(range(session.executor.workers))

    def test_reports_come_in_order_and_only_the_last_of_a_lease_waits(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            reports = session.train("a", until=4)
            assert [report.progress.iteration for report in reports] == [1, 2, 3, 4]
            assert [report.waits for report in reports] == [False, False, False, True]
            assert [report.metrics["height"] for report in reports] == [2.0, 4.0, 6.0, 8.0]

    def test_a_report_carries_the_automatic_keys(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            metrics = session.train("a", until=2)[-1].metrics
            assert metrics["training_iteration"] == 2
            assert metrics["iterations_since_restore"] == 2
            assert metrics["time_total_s"] >= metrics["time_this_iter_s"] >= 0
            assert metrics["done"] is False

    def test_a_trial_that_waits_goes_on_where_it_was(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.train("a", until=2)
            session.executor.send(0, Resume("a", _until(3)))
            (report,) = session.reports("a")
            assert (report.progress.iteration, report.metrics["height"]) == (3, 6.0)

    def test_trials_that_share_a_worker_take_turns_and_keep_their_states(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.train("slow", until=2, speed=1.0)
            session.train("fast", until=2, speed=10.0)
            session.executor.send(0, Resume("slow", _until(3)))
            assert session.reports("slow")[-1].metrics["height"] == 3.0
            session.executor.send(0, Resume("fast", _until(3)))
            assert session.reports("fast")[-1].metrics["height"] == 30.0

    def test_a_report_at_which_a_decision_may_be_due_carries_a_checkpoint(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            *before, last = session.train("a", until=3)
            assert [report.checkpoint for report in before] == [None, None]
            assert last.checkpoint is not None
            assert last.checkpoint.progress == last.progress

    def test_an_exploit_goes_on_from_the_donors_weights_counters_and_the_new_config(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.train("loser", until=2, speed=1.0)
            donor = session.train("donor", until=5, speed=10.0)[-1]
            assert donor.checkpoint is not None
            session.start("loser", until=6, speed=0.5, checkpoint=donor.checkpoint)
            (report,) = session.reports("loser")
            assert report.metrics["height"] == 50.5
            assert report.progress.iteration == 6
            assert report.metrics["iterations_since_restore"] == 1
            assert report.progress.time_total_s >= donor.progress.time_total_s

    def test_a_donor_does_not_notice_that_it_was_copied(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.train("loser", until=1, speed=1.0)
            donor = session.train("donor", until=2, speed=10.0)[-1]
            session.start("loser", until=4, speed=0.5, checkpoint=donor.checkpoint)
            session.reports("loser")
            session.executor.send(0, Resume("donor", _until(3)))
            assert session.reports("donor")[-1].metrics["height"] == 30.0

    def test_a_trial_that_raises_is_a_message_and_its_worker_goes_on(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.start("bad", until=9, speed=1.0, raises_at=2)
            raised = session.until(TrialRaised)
            assert raised.trial == "bad"
            assert "fell at iteration 2" in raised.error
            assert "fell at iteration 2" in raised.traceback
            assert session.train("good", until=1)[-1].metrics["height"] == 2.0

    def test_a_trial_that_failed_starts_again_from_its_checkpoint(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            saved = session.train("a", until=2)[-1].checkpoint
            session.start("a", until=9, raises_at=4, checkpoint=saved)
            session.until(TrialRaised)
            session.start("a", until=3, checkpoint=saved)
            assert session.reports("a")[-1].metrics["height"] == 6.0

    def test_a_halted_trial_is_forgotten_and_can_begin_anew(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.train("a", until=3)
            session.executor.send(0, Halt("a"))
            assert session.train("a", until=1)[-1].metrics["height"] == 2.0

    def test_a_stop_threshold_ends_the_lease_and_saves(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.start("a", lease=Lease(stop_at={"height": 5.0}))
            reports = session.reports("a")
            assert [report.metrics["height"] for report in reports] == [2.0, 4.0, 6.0]
            assert reports[-1].checkpoint is not None

    def test_a_trial_that_says_done_waits_to_be_ended(self, tmp_path: Path) -> None:
        with _Session(self.make_executor(1), tmp_path) as session:
            session.start("a", until=9, done_at=2)
            assert session.reports("a")[-1].metrics["done"] is True

    def test_close_works_at_any_time_and_twice(self, tmp_path: Path) -> None:
        executor = self.make_executor(2)
        executor.close()
        with _Session(self.make_executor(2), tmp_path) as session:
            session.train("a", until=2)
            session.start("b", until=10**9)
            session.executor.close()
            session.executor.close()


class _Session:
    """An open executor, and the few words that the contract is written in."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.ready: list[int] = []
        self._left: list[Message] = []

    def __enter__(self) -> _Session:
        self.executor.open(Job(Packed.of(Climber), self.folder, "contract"))
        while len(self.ready) < self.executor.workers:
            self.ready.append(self.until(WorkerReady).worker)
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.close()

    def start(
        self,
        trial: str,
        until: int = 1,
        *,
        lease: Lease | None = None,
        checkpoint: SavedCheckpoint | None = None,
        **config: Any,
    ) -> None:
        self.executor.send(
            0,
            Start(
                trial=trial,
                folder=trial,
                config={"speed": 2.0, **config},
                progress=checkpoint.progress if checkpoint else Progress(),
                checkpoint=checkpoint,
                next_checkpoint=0,
                seed=0,
                lease=lease or _until(until),
            ),
        )

    def train(self, trial: str, until: int, **config: Any) -> list[ReportArrived]:
        self.start(trial, until, **config)
        return self.reports(trial)

    def reports(self, trial: str) -> list[ReportArrived]:
        """Return the reports of a trial up to the one that waits."""
        found: list[ReportArrived] = []
        while not found or not found[-1].waits:
            found.append(self.until(ReportArrived, trial))
        return found

    def until(self, kind: type[Any], trial: str | None = None) -> Any:
        """Return the next message of a kind."""
        rounds = int(PATIENCE_S / 0.1)
        for _ in range(rounds):
            for position, message in enumerate(self._left):
                if isinstance(message, kind) and (trial is None or message.trial == trial):
                    return self._left.pop(position)
            self._left += self.executor.receive(0.1)
        raise AssertionError(f"No {kind.__name__} came in {PATIENCE_S:g} s; there were {self._left}.")


def _until(iteration: int) -> Lease:
    return Lease(ready_at=("training_iteration", iteration))

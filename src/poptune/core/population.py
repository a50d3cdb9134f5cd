"""The population: the fold of everything that happened. The same events always give the same population."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from poptune.core.decisions import Continue, Decision, Exploit, Stop
from poptune.core.events import (
    CheckpointDeleted,
    CheckpointLost,
    Event,
    Overdue,
    Ready,
    Reported,
    TrialAdded,
    TrialEvicted,
    TrialFailed,
    TrialFinished,
    TrialLate,
    TrialReset,
    TrialRevived,
    TrialStarted,
)
from poptune.core.gains import Gain, Gains
from poptune.core.ranking import Ranking
from poptune.core.tags import tag_after
from poptune.core.trial import Progress, SavedCheckpoint, Standing, Status, Trial
from poptune.errors import UsageError, nearest


class Population:
    """Frozen trials, and indexes over them that `apply` alone updates.

    Copying a large population for each report would be pure and useless, so this one object changes in place,
    through one door.

    Attributes:
        seed: What every draw of the run derives from.
        ranking: Live trials that have passed a decision point, by the score they had there.
        due: Trials that wait for a decision, in the order in which they became due.
        late: Trials that no round waits for until they are due.
        gains: What trials gained between two decision points, the newest ones only.
        live: How many trials may still train.
        exploits: How many exploits were decided, those by a trial of itself included.
        checkpoints: How many checkpoints were reported.
        needed: Checkpoint paths that a live trial restarts from or may be cloned from, or that are a trial's last,
            and how many reasons each has to stay.

    >>> population = Population.of([TrialAdded("a", 0, {"lr": 0.1}, "0"), TrialAdded("b", 1, {"lr": 0.2}, "1")])
    >>> population["b"].config, population.live
    ({'lr': 0.2}, 2)
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.ranking = Ranking()
        self.due: dict[str, None] = {}
        self.late: set[str] = set()
        self.gains = Gains()
        self.live = 0
        self.exploits = 0
        self.checkpoints = 0
        self.needed: Counter[str] = Counter()
        self._trials: dict[str, Trial] = {}

    @classmethod
    def of(cls, events: Iterable[Event | Decision], seed: int = 0) -> Population:
        """Return the fold of events."""
        population = cls(seed)
        for event in events:
            population.apply(event)
        return population

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials.values())

    def __getitem__(self, trial: str) -> Trial:
        try:
            return self._trials[trial]
        except KeyError:
            raise UsageError(f"There is no trial {trial!r}.{nearest(trial, self._trials)}") from None

    def __contains__(self, trial: str) -> bool:
        return trial in self._trials

    def apply(self, event: Event | Decision) -> None:
        """Take in one event or decision: the only way in which a population changes."""
        _FOLD[type(event)](self, event)

    def _put(self, trial: Trial, **changes: Any) -> None:
        successor = replace(trial, **changes)
        self._trials[trial.id] = successor
        if successor.checkpoint is not trial.checkpoint or successor.standing is not trial.standing:
            for saved in _needed_by(successor):
                self.needed[saved.path] += 1
            for saved in _needed_by(trial):
                self.needed[saved.path] -= 1
                if not self.needed[saved.path]:
                    del self.needed[saved.path]

    def _added(self, event: TrialAdded) -> None:
        self._trials[event.trial] = Trial(event.trial, event.index, event.config, event.tag, event.folder)
        self.live += 1

    def _started(self, event: TrialStarted) -> None:
        self._put(self._trials[event.trial], status=Status.RUNNING, progress=event.progress, hostname=event.hostname)

    def _reported(self, event: Reported) -> None:
        trial = self._trials[event.trial]
        metrics = {**trial.metrics, **event.metrics}  # what a function returns at its end may lack the metric
        if event.checkpoint is None:
            self._put(trial, metrics=metrics, progress=event.progress)
            return
        self.checkpoints += 1
        since = trial.checkpoint.progress.iteration if trial.checkpoint else 0
        self._put(
            trial,
            metrics=metrics,
            progress=event.progress,
            checkpoint=event.checkpoint,
            checkpoint_every=event.progress.iteration - since,
        )

    def _ready(self, event: Ready) -> None:
        trial = self._trials[event.trial]
        assert trial.checkpoint is not None  # a scheduler calls nobody ready without one
        generation = trial.generation + 1
        if (before := trial.last_score) is not None:
            start = trial.last_ready
            self.gains.add(Gain(trial.index, generation, trial.config, start, event.time, before, event.score))
        standing = Standing(event.score, event.time, generation, trial.progress, trial.checkpoint, trial.config)
        self._put(trial, status=Status.PAUSED, generation=generation, standing=standing, is_overdue=False)
        self.ranking.place(trial.id, trial.index, event.score)
        self.due[trial.id] = None
        self.late.discard(trial.id)

    def _is_late(self, event: TrialLate) -> None:
        self.late.add(event.trial)

    def _overdue(self, event: Overdue) -> None:
        self._put(self._trials[event.trial], is_overdue=True)

    def _continued(self, decision: Continue) -> None:
        trial = self._trials[decision.trial]
        assert trial.standing is not None  # only a trial that is due gets a decision
        self.due.pop(trial.id, None)
        self._put(trial, status=Status.RUNNING, last_ready=trial.standing.time, last_score=trial.standing.score)

    def _exploited(self, decision: Exploit) -> None:
        trial = self._trials[decision.trial]
        self.due.pop(trial.id, None)
        self.exploits += 1
        self._put(
            trial,
            status=Status.RUNNING,
            config=decision.config,
            tag=tag_after(decision, trial.first_tag),
            progress=decision.checkpoint.progress,
            checkpoint=decision.checkpoint,
            last_ready=decision.time,
            last_score=decision.donor_score,
            exploits=trial.exploits + 1,
        )

    def _stopped(self, event: Stop | TrialFinished) -> None:
        self._leave(self._trials[event.trial], status=Status.TERMINATED)

    def _failed(self, event: TrialFailed) -> None:
        trial = self._trials[event.trial]
        if event.retry:
            self._rewind(trial, failures=trial.failures + 1)
        else:
            error = f"{event.error}\n\n{event.traceback}".rstrip()
            self._leave(trial, status=Status.ERROR, failures=trial.failures + 1, error=error)

    def _evicted(self, event: TrialEvicted) -> None:
        self._rewind(self._trials[event.trial])

    def _revived(self, event: TrialRevived) -> None:
        self.live += 1
        self._rewind(self._trials[event.trial], failures=0, error=None)

    def _reset(self, event: TrialReset) -> None:
        trial = self._trials[event.trial]
        self.ranking.remove(trial.id)
        self.due.pop(trial.id, None)
        self._put(
            trial,
            status=Status.PENDING,
            config=event.config,
            tag=trial.first_tag,
            progress=Progress(),
            metrics={},
            last_ready=0.0,
            last_score=None,
            is_overdue=False,
            standing=None,
            checkpoint=None,
            checkpoint_every=None,
        )

    def _rewind(self, trial: Trial, **changes: Any) -> None:
        """Put a trial back to its newest checkpoint. One that waits for a decision is there already."""
        if trial.status is not Status.PAUSED:
            changes["status"] = Status.PENDING
            changes["progress"] = trial.checkpoint.progress if trial.checkpoint else Progress()
        self._put(trial, **changes)

    def _leave(self, trial: Trial, **changes: Any) -> None:
        if trial.status.is_live:
            self.live -= 1
        self.late.discard(trial.id)
        self.ranking.remove(trial.id)
        self.due.pop(trial.id, None)
        self._put(trial, standing=None, **changes)

    def _deleted(self, event: CheckpointDeleted) -> None:
        pass  # which files exist is the store's business

    def _lost(self, event: CheckpointLost) -> None:
        """Nobody can be cloned from a checkpoint that is lost; whoever saved it trains on."""
        trial = self._trials[event.trial]
        if trial.standing and trial.standing.checkpoint.path == event.path and trial.id not in self.due:
            self.ranking.remove(trial.id)
            self._put(trial, standing=None)


def _needed_by(trial: Trial) -> Iterator[SavedCheckpoint]:
    if trial.checkpoint:
        yield trial.checkpoint
    if trial.standing:
        yield trial.standing.checkpoint


_FOLD: dict[type, Callable[[Population, Any], None]] = {
    TrialAdded: Population._added,
    TrialStarted: Population._started,
    Reported: Population._reported,
    Ready: Population._ready,
    Overdue: Population._overdue,
    TrialLate: Population._is_late,
    TrialFinished: Population._stopped,
    TrialFailed: Population._failed,
    TrialEvicted: Population._evicted,
    TrialRevived: Population._revived,
    TrialReset: Population._reset,
    CheckpointDeleted: Population._deleted,
    CheckpointLost: Population._lost,
    Continue: Population._continued,
    Exploit: Population._exploited,
    Stop: Population._stopped,
}

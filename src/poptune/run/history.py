"""How a run went, read from its journal once, in the form that figures, reports and health figures need."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from poptune.core.decisions import Continue, Exploit
from poptune.core.domains import Domain
from poptune.core.events import CheckpointDeleted, Ready, Reported, TrialAdded, TrialReset, TrialStarted
from poptune.core.explore import Operation
from poptune.core.lineage import lineage
from poptune.core.nested import MISSING, Config, flatten, leaves, lookup
from poptune.core.objective import Objective, as_float, is_real
from poptune.core.population import Population
from poptune.run.reopening import known_run
from poptune.run.schedule import Schedule
from poptune.schedulers.bounds import bounds_of
from poptune.schedulers.settings import saved_setting
from poptune.storage.journal import Journal
from poptune.storage.records import Record

Ending = Literal["live", "exploited", "reset", "left"]

_ROUTINE = (Reported, Ready, CheckpointDeleted)  # too many, and of no interest one by one


@dataclass(slots=True)
class Stint:
    """A stretch of one trial's training with one config: from its start or an exploit to the next, or to its end.

    Attributes:
        index: Its place in `History.stints`, which are in the order in which they began.
        trial: Who trained.
        config: The hyperparameters in force.
        origin: The stint whose weights it began with; None if it began from nothing.
        start: Iteration of those weights, counted along the lineage; 0 if it began from nothing.
        operations: What was done to the donor's hyperparameters.
        began_s: When, in seconds since the run began.
        ending: "live" if it goes on or was interrupted, "exploited" if the trial became a clone then, "reset" if the
            trial gave up its weights, "left" if the trial ended or failed for good.
        iterations: Of its reports, each counted along the lineage. What a failure undid is not among them.
        seconds: When these reports were recorded, in seconds since the run began.
        values: Of each of `History.metrics`, what they said; NaN where that was no number. A report that does not have
            the metric leaves its newest value in place, as between evaluations.
        measured: Which of them have the run's metric.
        trained_s: Seconds of training before each report, since the report before it.
        decided: The iterations of its decision points: where the scheduler looked at it.
    """

    index: int
    trial: str
    config: Config
    origin: Stint | None = field(repr=False)
    start: int
    operations: tuple[Operation, ...]
    began_s: float
    ending: Ending = "live"
    iterations: list[int] = field(default_factory=list, repr=False)
    seconds: list[float] = field(default_factory=list, repr=False)
    values: dict[str, list[float]] = field(default_factory=dict, repr=False)
    measured: list[bool] = field(default_factory=list, repr=False)
    trained_s: list[float] = field(default_factory=list, repr=False)
    decided: list[int] = field(default_factory=list, repr=False)

    @property
    def last(self) -> int:
        """Its last iteration; `start` if it never reported."""
        return self.iterations[-1] if self.iterations else self.start

    @property
    def ended_s(self) -> float:
        """When its last report came, in seconds since the run began."""
        return self.seconds[-1] if self.seconds else self.began_s

    @property
    def founder(self) -> Stint:
        """The stint that all its weights come from: the first of its lineage."""
        stint = self
        while stint.origin is not None:
            stint = stint.origin
        return stint

    @property
    def lineage(self) -> list[tuple[Stint, int]]:
        """The stints behind its weights, oldest first, each with the iteration up to which it is part of them."""
        found, stint, last = [], self, self.last
        while True:
            found.append((stint, last))
            if stint.origin is None:
                return found[::-1]
            stint, last = stint.origin, stint.start

    def value_at(self, metric: str, iteration: int) -> float:
        """Return what it reported of a metric at an iteration; NaN if there is no such number."""
        at = bisect_left(self.iterations, iteration)
        is_there = at < len(self.iterations) and self.iterations[at] == iteration
        return self.values[metric][at] if is_there else math.nan

    def newest(self, metric: str) -> float:
        """Return the newest value of a metric that its weights have; NaN if there is none."""
        if values := self.values[metric]:
            return values[-1]
        return self.origin.value_at(metric, self.start) if self.origin else math.nan

    def _drop_beyond(self, iteration: int) -> None:
        """Take back the reports that a failure undid."""
        while self.iterations and self.iterations[-1] > iteration:
            self.iterations.pop()
            self.measured.pop()
            for column in (self.seconds, self.trained_s, *self.values.values()):
                column.pop()


@dataclass(frozen=True)
class History:
    """How a run went.

    Attributes:
        run_dir: Its directory.
        about: What its journal knows of it: name, seed, scheduler, versions and more.
        began: When it began, in seconds since 1970.
        objective: What it ranked its trials by, if anything.
        metrics: Whose values the stints hold; the objective's is the first.
        trials: The ids of its trials, in order.
        stints: All stretches of training, in the order in which they began.
        records: All records but reports and other routine, with the seconds since the run began. Of decisions to go
            on, those that say why no clone was made.
        population: Its trials as they are at the end, or now.
        domains: Where each varied hyperparameter may lie, by its name: a `Domain`, or a list of values. Nested names
            are joined by `/`; one whose values come from a function is missing.
    """

    run_dir: Path
    about: Mapping[str, Any]
    began: float
    objective: Objective | None
    metrics: tuple[str, ...]
    trials: tuple[str, ...]
    stints: tuple[Stint, ...]
    records: tuple[tuple[float, Record], ...]
    population: Population
    domains: Mapping[str, Domain | Sequence[Any]]

    @classmethod
    def read(cls, path: str | Path, *metrics: str) -> History:
        """Read the history of a run; the run may be going on. Nothing in the directory is executed.

        Args:
            path: The directory of the run.
            metrics: What else to look for in the reports, beside the run's metric; nested names joined by `/`.

        Raises:
            StorageError: It is not the directory of a PopTune run.
        """
        run_dir = known_run(path)
        with Journal.open(run_dir) as journal:
            journal.hold()
            about = journal.about
            objective = Objective(about["metric"], about["mode"]) if about["metric"] and about["mode"] else None
            wanted = tuple(dict.fromkeys([*([objective.metric] if objective else []), *metrics]))
            reader = _Reader(about["seed"], wanted)
            for at, record in journal.timed_records():
                reader.take(at, record)
        return cls(
            run_dir,
            about,
            reader.began,
            objective,
            wanted,
            tuple(reader.current),
            tuple(reader.stints),
            tuple(reader.records),
            reader.population,
            _domains(about),
        )

    @cached_property
    def by_trial(self) -> dict[str, list[Stint]]:
        """The stints of each trial, in order."""
        found: dict[str, list[Stint]] = {trial: [] for trial in self.trials}
        for stint in self.stints:
            found[stint.trial].append(stint)
        return found

    @cached_property
    def beginnings(self) -> list[tuple[float, TrialAdded | Exploit | TrialReset, Stint]]:
        """What began each stint, in order: the seconds since the run began, the record, and the stint."""
        begun = [(at, record) for at, record in self.records if isinstance(record, (TrialAdded, Exploit, TrialReset))]
        return [(at, record, stint) for (at, record), stint in zip(begun, self.stints, strict=True)]

    def setting(self, name: str) -> Any:
        """Return one of the arguments that the run's scheduler was made with, None if it is not known."""
        text = self.about.get("settings", {}).get("scheduler")
        return saved_setting(text, name) if text else None

    @cached_property
    def hyperparameters(self) -> list[str]:
        """The names of the hyperparameters that the run varied or that differ between trials, or else of all."""
        configs = [flatten(stint.config) for stint in self.stints]
        names = list(dict.fromkeys(name for config in configs for name in config))
        varied = {operation.key for stint in self.stints for operation in stint.operations}
        shown = [name for name in names if name in varied or any(c.get(name) != configs[0].get(name) for c in configs)]
        return shown or names

    @property
    def duration_s(self) -> float:
        """Seconds from its beginning to what was last recorded, pauses between sittings included."""
        ends = [stint.ended_s for stint in self.stints]
        return max([*ends, *(at for at, _ in self.records[-1:])], default=0.0)

    def scores(self, stint: Stint) -> list[float]:
        """Return the scores of a stint's reports, larger is better; without an objective there are none."""
        if self.objective is None:
            return []
        sign = 1.0 if self.objective.mode == "max" else -1.0
        return [sign * value for value in stint.values[self.objective.metric]]

    def measured(self, stint: Stint) -> list[tuple[int, float]]:
        """Return the iterations and scores of those reports of a stint that have the run's metric."""
        reports = zip(stint.iterations, self.scores(stint), stint.measured, strict=False)  # no objective, no scores
        return [(iteration, score) for iteration, score, is_measured in reports if is_measured]

    def score_at(self, stint: Stint, iteration: int) -> float:
        """Return the score that a stint reported at an iteration; NaN if it reported none there."""
        if self.objective is None:
            return math.nan
        value = stint.value_at(self.objective.metric, iteration)
        return value if self.objective.mode == "max" else -value

    def last_score(self, trial: str) -> float:
        """Return the newest score of a trial; NaN if it has none."""
        for stint in reversed(self.by_trial[trial]):
            if reports := self.measured(stint):
                return reports[-1][1]
        return math.nan

    @cached_property
    def winner(self) -> Stint | None:
        """The last stint of the trial whose newest score is best; None if no trial has a finite one."""
        scored = {trial: score for trial in self.trials if math.isfinite(score := self.last_score(trial))}
        return self.by_trial[max(scored, key=scored.__getitem__)][-1] if scored else None

    def schedule(self, trial: str) -> Schedule:
        """Return the hyperparameters over iterations that made the weights which a trial has at the end, or now."""
        initial = {record.trial: record.config for _, record in self.records if isinstance(record, TrialAdded)}
        events = [record for _, record in self.records if isinstance(record, (Exploit, TrialReset))]
        return Schedule(lineage(trial, self.population[trial].progress.iteration, initial, events))

    @property
    def exploits(self) -> Iterator[tuple[float, Exploit]]:
        """All exploits in order, with the seconds since the run began."""
        return ((at, record) for at, record in self.records if isinstance(record, Exploit))


class _Reader:
    """Takes in the records of a run one after the other."""

    def __init__(self, seed: int, metrics: tuple[str, ...]) -> None:
        self.began = math.nan
        self.population = Population(seed)
        self.stints: list[Stint] = []
        self.current: dict[str, Stint] = {}  # the newest stint of each trial
        self.records: list[tuple[float, Record]] = []
        self._metrics = metrics
        self._trained_s: dict[str, float] = {}  # behind the newest weights of each trial
        self._begun: dict[str, list[tuple[float, Stint]]] = {}  # per trial: after which generation each stint began

    def take(self, at: float, record: Record) -> None:
        if not self.stints:
            self.began = at
        seconds = at - self.began
        match record:
            case Reported():
                self._report(record, seconds)
            case Ready():
                stint = self.current[record.trial]
                stint.decided.append(stint.last)
            case TrialAdded():
                self._begin(record.trial, record.config, seconds, -math.inf)
            case Exploit():
                self._clone(record, seconds)
            case TrialReset():
                self.current[record.trial].ending = "reset"
                self._begin(record.trial, record.config, seconds, record.generation)
            case TrialStarted():
                self._trained_s[record.trial] = record.progress.time_total_s
                if record.cause == "recovery":
                    self.current[record.trial]._drop_beyond(record.progress.iteration)
        self.population.apply(record)
        if not isinstance(record, _ROUTINE) and not (isinstance(record, Continue) and not record.note):
            self.records.append((seconds, record))
        is_live = self.population[record.trial].status.is_live  # again so, if it had failed and was revived
        self.current[record.trial].ending = "live" if is_live else "left"

    def _report(self, report: Reported, seconds: float) -> None:
        stint = self.current[report.trial]
        stint.iterations.append(report.progress.iteration)
        stint.seconds.append(seconds)
        total = report.progress.time_total_s
        stint.trained_s.append(total - self._trained_s.get(report.trial, 0.0))
        self._trained_s[report.trial] = total
        for metric in self._metrics:
            value = lookup(report.metrics, metric)
            held = stint.newest(metric) if value is MISSING else math.nan
            stint.values[metric].append(as_float(value) if is_real(value) else held)
        stint.measured.append(bool(self._metrics) and lookup(report.metrics, self._metrics[0]) is not MISSING)

    def _clone(self, exploit: Exploit, seconds: float) -> None:
        self.current[exploit.trial].ending = "exploited"
        # Not the donor's newest stint: the weights are those that it ranked with.
        origin = next(
            stint for since, stint in reversed(self._begun[exploit.donor]) if since < exploit.donor_generation
        )
        start = exploit.checkpoint.progress.iteration
        self._begin(exploit.trial, exploit.config, seconds, exploit.generation, origin, start, exploit.operations)

    def _begin(
        self,
        trial: str,
        config: Config,
        seconds: float,
        generation: float,
        origin: Stint | None = None,
        start: int = 0,
        operations: tuple[Operation, ...] = (),
    ) -> None:
        values: dict[str, list[float]] = {metric: [] for metric in self._metrics}
        stint = Stint(len(self.stints), trial, config, origin, start, operations, seconds, values=values)
        self.stints.append(stint)
        self.current[trial] = stint
        self._begun.setdefault(trial, []).append((generation, stint))


def _domains(about: Mapping[str, Any]) -> dict[str, Domain | Sequence[Any]]:
    text = about.get("settings", {}).get("scheduler")
    mutations = (saved_setting(text, "hyperparam_mutations") if text else None) or {}
    found = {"/".join(keys): space for keys, space in leaves(mutations)}
    if bounds := saved_setting(text, "hyperparam_bounds") if text else None:
        # A pair is an interval there, and not two values.
        found |= {"/".join(bound.path): bound.first for bound in bounds_of(bounds)}
    return {name: space for name, space in found.items() if isinstance(space, (Domain, list, tuple))}

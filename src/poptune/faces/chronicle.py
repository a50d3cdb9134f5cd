"""What is worth saying about a run while its records come in: words and memory, no stream and no clock."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from poptune.core.decisions import Continue, Exploit
from poptune.core.events import CheckpointLost, Overdue, Reported, TrialEvicted, TrialFailed, TrialLate
from poptune.core.nested import Config
from poptune.core.population import Population
from poptune.core.safe_text import inert
from poptune.errors import MetricError, StorageError
from poptune.faces import sentences
from poptune.faces.sentences import Best
from poptune.run.health import Health
from poptune.run.history import History
from poptune.schedulers.base import Scheduler
from poptune.storage.records import Record

_MOST_ADVICE = 3
_MOST_REPORTS = 100_000  # to read at the end while somebody waits: some 3 s
_SAID_ANYWAY = ("out-of-step", "lost", "too-small")  # when it happened, in the summary, or by the user


class Chronicle:
    """Follows the records of a run: what is worth saying, and what is best so far.

    Whatever names and messages hold, a terminal can show what this returns; only what training code itself prints
    passes as it is.

    Args:
        scheduler: Of the run; bound to its metric.
        run_dir: The directory of the run.
        seed: Of the run.
        verbose: 2 speaks of every report.

    Attributes:
        objective: What ranks trials, if anything.
        keys: The hyperparameters worth showing: those that differ between trials, or were ever varied.
        best: The best report so far.
    """

    def __init__(self, scheduler: Scheduler, run_dir: Path, seed: int, verbose: int) -> None:
        self.scheduler = scheduler
        self.run_dir = run_dir
        self.seed = seed
        self.verbose = verbose
        self.objective = scheduler.objective
        self.keys: dict[str, None] = {}
        self.best: Best | None = None
        self._configs: dict[str, Config] | None = None
        self._said: set[str] = set()
        self._unfinished: dict[int, str] = {}  # the last line of each worker, until it ends
        self._strict = _strict(scheduler)
        self._unjudged: dict[
            str, tuple[Reported, str]
        ] = {}  # each trial's newest report, if it cannot be judged, and why

    def begin(self, population: Population) -> str | None:
        """Get to know the trials; return the first sentence at the first call, later nothing."""
        if self._configs is not None:
            return None
        self._configs = {trial.id: trial.config for trial in population}
        self.keys.update(dict.fromkeys(sentences.varied(self._configs.values())))
        return inert(sentences.start_sentence(len(population), self.seed, self.run_dir))

    def follow(self, records: Sequence[Record], population: Population) -> list[str]:
        """Take in records, and return what is worth saying about them."""
        return [inert(said, lines=True) for record in records if (said := self._sentence(record, population))]

    def _sentence(self, record: Record, population: Population) -> str | None:
        match record:
            case Reported():
                self._compare(record)
                said = [self._passed_over(record, population)]
                if self.verbose >= 2:
                    said.append(sentences.report_sentence(record, self.objective))
                return "\n".join(filter(None, said)) or None
            case Exploit():
                assert self._configs is not None
                self._configs[record.trial] = record.config
                self.keys.update(dict.fromkeys(operation.key for operation in record.operations))
                return sentences.exploit_sentence(record, self.objective)
            case TrialFailed():
                return sentences.failure_sentence(record, population[record.trial].checkpoint)
            case TrialEvicted():
                return sentences.eviction_sentence(record, population[record.trial].checkpoint)
            case TrialLate():
                return sentences.late_sentence(record)
            case CheckpointLost():
                return self._once(record.path, sentences.lost_sentence(record))
            case Overdue():
                kind = "overdue, never saved" if record.checkpoint_every is None else "overdue"
                time_attr = getattr(self.scheduler, "time_attr", "time")
                return self._once(kind, sentences.overdue_advice(record, time_attr))
            case Continue(note=note) if note:
                return self._once(note, sentences.note_sentence(record.trial, note))
        return None

    def _passed_over(self, report: Reported, population: Population) -> str | None:
        """Say once that a trial trains on although a report of its cannot be judged.

        It is said at the trial's next report: a last result, which no decision looks at, may lack anything.
        """
        if self._strict is None:
            return None
        before = self._unjudged.pop(report.trial, None)
        try:
            self._strict.judge(population, report)
        except MetricError as error:
            self._unjudged[report.trial] = report, str(error)
        return self._once("unjudged", sentences.unjudged_advice(*before)) if before else None

    def _once(self, kind: str, sentence: str) -> str | None:
        if kind in self._said:
            return None
        self._said.add(kind)
        return sentence

    def _compare(self, report: Reported) -> None:
        score = sentences.score_of(report.metrics, self.objective)
        if score is not None and (self.best is None or score > self.best.score):
            assert self._configs is not None
            # Not the config of the population: an exploit may have followed already.
            config = self._configs[report.trial]
            self.best = Best(score, report.trial, report.progress.iteration, config)

    def printed(self, worker: int, text: str) -> list[str]:
        """Return the lines that a worker has ended; the last one waits for its end.

        Of a line that overwrites itself, such as a progress bar, the last version counts, as in a terminal.
        """
        *ended, last = (self._unfinished.pop(worker, "") + text).split("\n")
        if last := _overwritten(last):
            self._unfinished[worker] = last
        return [f"(worker {worker}) {_overwritten(line)}".rstrip() for line in ended]

    def unfinished(self) -> list[str]:
        """Return the lines that workers began and never ended."""
        lines = [f"(worker {worker}) {line}" for worker, line in self._unfinished.items()]
        self._unfinished.clear()
        return lines

    def status(self, population: Population, elapsed: float) -> list[str]:
        """Return where the run stands, in up to four sentences."""
        lines = [
            f"{sentences.counts(population)} after {sentences.duration(elapsed)}",
            self.scheduler.describe(population),
        ]
        if spread := sentences.places(population):
            lines.append(spread)
        if self.best and self.objective:
            lines.append(sentences.best_sentence(self.best, self.objective, self.keys))
        return [inert(line) for line in lines]

    @property
    def place(self) -> str:
        """Which run it is, on one line."""
        return inert(f"Seed {self.seed}, {self.run_dir}")

    def summary(self, population: Population, elapsed: float) -> str:
        """Return what is said last."""
        words = sentences.summary(
            population,
            elapsed,
            run_dir=self.run_dir,
            objective=self.objective,
            keys=self.keys,
            best=self.best,
            scheduler_line=self.scheduler.describe(population),
            advice=self._advice(population),
        )
        return inert(words, lines=True)

    def _advice(self, population: Population) -> list[str]:
        """Return what is worth knowing of the whole run, and was not said yet."""
        if population.live or sum(trial.progress.iteration for trial in population) > _MOST_REPORTS:
            return []
        try:
            advice = Health.of(History.read(self.run_dir)).advice
        except StorageError:  # the run goes on without its directory
            return []
        return [str(said) for said in advice if said.code not in _SAID_ANYWAY][:_MOST_ADVICE]


def _strict(scheduler: Scheduler) -> Scheduler | None:
    """Return a scheduler that complains of what this one passes over in silence, None if it does itself."""
    if getattr(scheduler, "require_attrs", True):
        return None
    strict = copy.copy(scheduler)
    strict.require_attrs = True  # type: ignore[attr-defined]
    return strict


def _overwritten(line: str) -> str:
    r"""Return what a terminal would show of a line with carriage returns; the one of "\r\n" ends a line."""
    body = line.rstrip("\r")
    return body.rpartition("\r")[2] + line[len(body) :]

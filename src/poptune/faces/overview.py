"""A run on one page: where it stands, its trials, the winner's schedule, its health, and what happened last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poptune.core.nested import lookup
from poptune.core.objective import as_float, is_real
from poptune.core.safe_text import inert, masked
from poptune.core.trial import Trial
from poptune.faces.live import drawn
from poptune.faces.log import Entry, log_of
from poptune.faces.sentences import counts, duration, score_words
from poptune.faces.table import Layout, Table, lines_of, table_of
from poptune.run.health import Health
from poptune.run.history import History
from poptune.run.listing import State, state_of
from poptune.run.schedule import Schedule

if TYPE_CHECKING:
    from rich.console import Console

_ENDINGS = ("Stop", "TrialFinished")  # the table shows who ended


@dataclass(frozen=True)
class Overview:
    """A run on one page, for people and for programs.

    Attributes:
        history: How the run went.
        most_events: How many of the last events to show.
    """

    history: History
    most_events: int = 5

    @classmethod
    def of(cls, run_dir: str | Path, most_events: int = 5) -> Overview:
        """Return the overview of the run in a directory, which may be going on. Nothing in it is executed.

        Raises:
            StorageError: It is not the directory of a PopTune run, or cannot be read.
        """
        return cls(History.read(run_dir), most_events)

    @cached_property
    def state(self) -> State:
        """Whether the run goes on."""
        return state_of(self.history.run_dir, has_live_trials=self.history.population.live > 0)

    @property
    def schedule(self) -> Schedule | None:
        """The schedule behind the winner's weights, None as long as nobody wins."""
        winner = self.history.winner
        return self.history.schedule(winner.trial) if winner else None

    @cached_property
    def health(self) -> Health:
        """How well the run searched."""
        return Health.of(self.history)

    @cached_property
    def events(self) -> list[Entry]:
        """What happened last, the newest last."""
        told = [entry for entry in log_of(self.history) if entry.kind not in _ENDINGS]
        return told[len(told) - self.most_events :] if self.most_events < len(told) else told

    @property
    def lines(self) -> list[str]:
        """The page as plain lines."""
        found: list[str] = []
        for title, body in self._sections():
            found += ["", title] if found else [title]
            found += lines_of(body) if isinstance(body, Table) else body
        return found

    def show(self, console: Console) -> None:
        """Show the page in a terminal, as wide as that is."""
        from rich.text import Text

        for title, body in self._sections():
            console.print(Text(title, style="bold"))
            if isinstance(body, Table):
                console.print(*drawn(body, console.width), sep="\n")
            elif body:
                console.print(Text("\n".join(body)), no_wrap=title.startswith("Winner"), overflow="ellipsis")
            console.print()

    def _sections(self) -> list[tuple[str, Table | list[str]]]:
        history, objective = self.history, self.history.objective
        table = table_of(list(history.population), objective, history.hyperparameters, Layout())
        sections: list[tuple[str, Table | list[str]]] = [(self._headline, self._standing), ("Trials", table)]
        if (winner := history.winner) and (schedule := self.schedule):
            score = score_words(objective, history.last_score(winner.trial))
            at = history.population[winner.trial].progress.iteration
            title = inert(f"Winner: {winner.trial} with {score} at iteration {at}")
            sections.append((title, str(schedule).splitlines()))
        elif objective:
            sections.append((inert(f"No winner: no trial has a finite {objective.metric}."), []))
        if health := self._health:
            sections.append(("Health", health))
        if self.events:
            sections.append(("Last events", [line for entry in self.events for line in _lines(entry)]))
        return sections

    @property
    def _headline(self) -> str:
        begun = datetime.fromtimestamp(self.history.began).strftime("%Y-%m-%d %H:%M:%S")
        since = {"running": "running for", "finished": "finished after"}.get(self.state, f"{self.state} after")
        return inert(f"{self.history.about['name']}: {since} {duration(self.history.duration_s)}, begun {begun}")

    @property
    def _standing(self) -> list[str]:
        about = self.history.about
        objective = self.history.objective
        ranked = f", {objective.metric} ({objective.mode})" if objective else ""
        lines = [
            f"{counts(self.history.population)}; {about['scheduler']}{ranked}, seed {about['seed']}",
            f"{self.history.run_dir}",
        ]
        if self.state == "interrupted":
            lines.append(f"To go on: Tuner.restore({str(self.history.run_dir)!r}, {about['trainable']}).fit()")
        return [inert(line) for line in lines]

    @property
    def _health(self) -> list[str]:
        found = self.health
        lines = [f"Advice: {inert(str(advice))}" for advice in found.advice]
        if found.exploits:
            helped = round(found.helped * found.judged) if found.judged else 0
            judged = f"; {helped} of {found.judged} copies scored better at their next decision than their donor had"
            ancestors = f"; effective number of ancestors {found.ancestors[-1]:.1f}"
            lines.insert(0, f"Exploits: {found.exploits}{judged if found.judged else ''}{ancestors}")
        return lines

    @property
    def facts(self) -> dict[str, Any]:
        """The page for programs, as plain values; secrets in configs are masked."""
        history = self.history
        return {
            "name": history.about["name"],
            "directory": str(history.run_dir),
            "state": self.state,
            "began": datetime.fromtimestamp(history.began, timezone.utc).isoformat(),
            "duration_s": history.duration_s,
            **{key: history.about[key] for key in ("trainable", "scheduler", "metric", "mode", "seed", "poptune")},
            "trials": [_facts_of(trial, history) for trial in history.population],
            "winner": self._winner_facts,
            "health": {
                "exploits": self.health.exploits,
                "judged": self.health.judged,
                "helped": self.health.helped,
                "ancestors": self.health.ancestors[-1] if self.health.ancestors else None,
                "failures": self.health.failures,
                "not_finite": self.health.not_finite,
                "advice": [{"code": a.code, "what": a.what, "remedy": a.remedy} for a in self.health.advice],
            },
            "events": [
                {"at_s": e.at_s, "trial_id": e.trial, "kind": e.kind, "text": e.text, "detail": e.detail}
                for e in self.events
            ],
        }

    @property
    def _winner_facts(self) -> dict[str, Any] | None:
        winner, schedule = self.history.winner, self.schedule
        if winner is None or schedule is None:
            return None
        facts = _facts_of(self.history.population[winner.trial], self.history)
        return {key: facts[key] for key in ("trial_id", "iteration", "value", "config")} | {
            "schedule": schedule_facts(schedule)
        }


def schedule_facts(schedule: Schedule) -> list[dict[str, Any]]:
    """Return a schedule for programs, as plain values; secrets in configs are masked."""
    return [
        {
            "first_iteration": segment.first,
            "last_iteration": segment.last,
            "trial_id": segment.trial,
            "donor": segment.donor,
            "config": masked(segment.config),
        }
        for segment in schedule
    ]


def _facts_of(trial: Trial, history: History) -> dict[str, Any]:
    return {
        "trial_id": trial.id,
        "status": trial.status.value,
        "iteration": trial.progress.iteration,
        "value": _value(trial.metrics, history),
        "exploits": trial.exploits,
        "failures": trial.failures,
        "error": trial.error.partition("\n")[0] if trial.error else None,
        "config": masked(trial.config),
    }


def _value(metrics: Mapping[str, Any], history: History) -> float | None:
    if history.objective is None:
        return None
    value = lookup(metrics, history.objective.metric)
    return as_float(value) if is_real(value) else None


def _lines(entry: Entry) -> list[str]:
    """Return an event with its time; of a failure without the traceback, which would bury the rest."""
    detail = [] if entry.kind == "TrialFailed" else entry.detail.splitlines()
    at = duration(entry.at_s)
    return [f"{at:>8}  {entry.text}", *(f"{'':>8}  {line}" for line in detail)]

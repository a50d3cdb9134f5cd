"""The log of a run: what happened, as sentences with their times. Reports are left out, there are too many."""

from __future__ import annotations

from dataclasses import dataclass

from poptune.core.decisions import Continue, Exploit, Stop
from poptune.core.events import (
    CheckpointLost,
    Overdue,
    TrialEvicted,
    TrialFailed,
    TrialFinished,
    TrialLate,
    TrialReset,
    TrialRevived,
    TrialStarted,
)
from poptune.core.safe_text import inert
from poptune.faces import sentences
from poptune.run.history import History
from poptune.schedulers.settings import saved_setting
from poptune.storage.records import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        at_s: When, in seconds since the run began.
        trial: To whom.
        kind: The kind of its record in the journal, such as `"Exploit"`.
        text: One line: what happened. Terminals find nothing to obey in it.
        detail: More lines, if there is more to say: the changes of an exploit, a traceback.
    """

    at_s: float
    trial: str
    kind: str
    text: str
    detail: str = ""


def log_of(history: History) -> list[Entry]:
    """Return what happened in a run, in order. Advice that would be given again and again is given once."""
    text = history.about.get("settings", {}).get("scheduler")
    time_attr = (saved_setting(text, "time_attr") if text else None) or "time"
    entries: list[Entry] = []
    advised: set[str] = set()
    for at, record in history.records:
        if (said := _said(record, history, time_attr)) is None:
            continue
        if isinstance(record, (Overdue, Continue)):
            if (advice := _kind_of_advice(record)) in advised:
                continue
            advised.add(advice)
        first, _, rest = inert(said, lines=True).partition("\n")
        entries.append(Entry(at, record.trial, type(record).__name__, first, rest))
    return entries


def _kind_of_advice(record: Overdue | Continue) -> str:
    if isinstance(record, Continue):
        return record.note
    return "never saved" if record.checkpoint_every is None else "saves at other times"


def _said(record: Record, history: History, time_attr: str) -> str | None:
    trial = record.trial
    match record:
        case Exploit():
            return sentences.exploit_sentence(record, history.objective)
        case TrialFailed():
            then = "" if record.retry else ", and does not start again"
            return f"Trial {trial} failed{then}: {record.error}\n{record.traceback}".rstrip()
        case TrialEvicted():
            return f"Trial {trial} lost its place: {record.reason}"
        case TrialLate():
            return sentences.late_sentence(record)
        case CheckpointLost():
            return sentences.lost_sentence(record)
        case TrialStarted(cause="recovery"):
            at = record.progress.iteration
            return (
                f"Trial {trial} starts again {f'from its checkpoint at iteration {at}' if at else 'from the beginning'}"
            )
        case TrialRevived():
            return f"Trial {trial}, which had failed, trains again"
        case TrialReset():
            return f"Trial {trial} gives up its weights and begins again from nothing"
        case Stop():
            return f"Trial {trial} has trained enough: {record.reason}"
        case TrialFinished():
            return f"Trial {trial} ended by itself"
        case Overdue():
            return sentences.overdue_advice(record, time_attr)
        case Continue():
            return sentences.note_sentence(trial, record.note)
    return None

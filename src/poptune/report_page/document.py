"""The document behind the report page: one tree of plain values that says all the page shows. It is made of a history.

What is no finite number is null, for JSON has no word for it. Texts hold nothing that a browser or a reader would obey
or mistake, and no secrets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from poptune.core.domains import Categorical, Domain
from poptune.core.nested import MISSING, lookup
from poptune.core.safe_text import inert, masked_value
from poptune.core.trial import Status, Trial
from poptune.core.values import brief
from poptune.faces.log import Entry, log_of
from poptune.faces.sentences import duration
from poptune.plots.scales import Scale
from poptune.plots.style import short_id
from poptune.report_page.health import health
from poptune.report_page.series import digits_on, finite, series, thinning
from poptune.report_page.winner import winner
from poptune.run.history import History
from poptune.run.listing import State
from poptune.version import __version__

_MOST_ENTRIES = 2000  # of the log; the journal has them all
_MOST_HYPERPARAMETERS = 24
_LONGEST_DOMAIN = 120

Document = dict[str, Any]


def document(history: History, state: State, made: float) -> Document:
    """Return all that the report page shows of a run.

    Args:
        history: Of the run.
        state: Whether it goes on.
        made: When the report is made, in seconds since 1970.
    """
    names = history.hyperparameters[:_MOST_HYPERPARAMETERS]
    scales = [Scale.in_run(history, name) for name in names]
    every = thinning(history)
    return {
        "run": _run(history, state, made),
        "outcome": _outcome(history, state),
        "health": health(history),
        "winner": winner(history),
        "hyperparameters": [_hyperparameter(scale, history.domains.get(scale.name)) for scale in scales],
        "left_out": max(0, len(history.hyperparameters) - len(names)),
        "trials": _trials(history, names),
        "thinned": every,
        "stints": series(history, scales, every),
        "log": _log(history),
    }


def _run(history: History, state: State, made: float) -> Document:
    about, objective = history.about, history.objective
    stop = about.get("stop")
    return {
        "name": inert(str(about["name"])),
        "directory": inert(str(history.run_dir)),
        "trainable": inert(str(about.get("trainable", ""))),
        "scheduler": inert(str(about.get("scheduler", ""))),
        "metric": inert(objective.metric) if objective else None,
        "mode": objective.mode if objective else None,
        "seed": about["seed"],
        "stop": brief(stop, longest=120) if stop is not None else "",
        "executor": inert(str(about.get("executor", ""))),
        "workers": about.get("workers"),
        "versions": {
            shown: inert(str(about[name]))
            for shown, name in (("PopTune", "poptune"), ("Python", "python"))
            if name in about
        },
        "began": _stamp(history.began),
        "made": _stamp(made),
        "made_by": __version__,
        "state": state,
        "duration_s": history.duration_s,
        "duration": duration(history.duration_s),
        "trials": len(history.trials),
        "reports": sum(len(stint.iterations) for stint in history.stints),
        "exploits": sum(exploit.donor != exploit.trial for _, exploit in history.exploits),
        "iterations": max((stint.last for stint in history.stints), default=0),
    }


def _stamp(seconds: float) -> str | None:
    if finite(seconds) is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _outcome(history: History, state: State) -> str:
    trials = list(history.population)
    live = sum(trial.status.is_live for trial in trials)
    failed = sum(trial.status is Status.ERROR for trial in trials)
    some_failed = f" {_counted(failed, 'trial')} failed for good." if failed else ""
    if state == "running":
        return f"This is how far it had come.{some_failed}"
    if state == "interrupted":
        ended = "None of its trials" if live == len(trials) else f"{len(trials) - live} of {len(trials)} trials"
        return f"{ended} had ended.{some_failed} Tuner.restore goes on from here."
    if failed == len(trials):
        return "All trials failed for good."
    return f"{_counted(len(trials) - failed, 'trial')} reached the end.{some_failed}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _hyperparameter(scale: Scale, domain: Any) -> Document:
    return {
        "name": inert(scale.name),
        "log": scale.is_log,
        "bounds": [finite(bound) for bound in scale.bounds] if scale.bounds else None,
        "limits": [finite(limit, digits_on(scale)) for limit in scale.limits],
        "lanes": list(scale.lanes),
        "domain": _domain_text(scale.name, domain),
    }


def _domain_text(name: str, domain: Domain | Sequence[Any] | None) -> str:
    if domain is None:
        return ""
    if isinstance(domain, Categorical):
        domain = domain.categories
    text = repr(domain) if isinstance(domain, Domain) else "one of " + ", ".join(_choice(name, one) for one in domain)
    return inert(text if len(text) <= _LONGEST_DOMAIN else f"{text[:_LONGEST_DOMAIN]}...")


def _choice(name: str, value: Any) -> str:
    return brief(masked_value(name, value))


def _trials(history: History, names: list[str]) -> list[Document]:
    labels = [short_id(trial) for trial in history.trials]
    if len(set(labels)) < len(labels):  # ids that PopTune did not give
        labels = list(history.trials)
    copied = Counter(exploit.donor for _, exploit in history.exploits if exploit.donor != exploit.trial)
    return [
        {"label": inert(label), "copied": copied[trial.id], **_trial(trial, history, names)}
        for label, trial in zip(labels, history.population, strict=True)
    ]


def _trial(trial: Trial, history: History, names: list[str]) -> Document:
    stints = history.by_trial[trial.id]
    scores = [score for stint in stints for score in history.scores(stint) if finite(score) is not None]
    objective = history.objective
    return {
        "id": inert(trial.id),
        "status": trial.status.value,
        "iteration": trial.progress.iteration,
        "value": finite(objective.value(history.last_score(trial.id))) if objective else None,
        "best": finite(objective.value(max(scores))) if objective and scores else None,
        "exploits": trial.exploits,
        "failures": trial.failures,
        "error": inert(trial.error, lines=True) if trial.error else None,
        "values": [_value(trial, name) for name in names],
    }


def _value(trial: Trial, name: str) -> Any:
    """Return a hyperparameter as a number if it is one, so that a table can sort it; otherwise as short text."""
    value = lookup(trial.config, name)
    value = None if value is MISSING else masked_value(name, value)
    is_plain = isinstance(value, (int, float)) and not isinstance(value, bool) and finite(value) is not None
    return value if is_plain else brief(value)


def _log(history: History) -> Document:
    entries = log_of(history)
    number_of = {trial: number for number, trial in enumerate(history.trials)}
    donors = {(at, exploit.trial): exploit.donor for at, exploit in history.exploits}
    shown = entries[-_MOST_ENTRIES:]
    return {
        "earlier": len(entries) - len(shown),
        "entries": [_entry(entry, number_of, donors.get((entry.at_s, entry.trial))) for entry in shown],
    }


def _entry(entry: Entry, number_of: dict[str, int], donor: str | None) -> Document:
    trials = [entry.trial] if donor is None or entry.kind != "Exploit" else list(dict.fromkeys([entry.trial, donor]))
    return {
        "at": round(entry.at_s, 4),
        "kind": entry.kind,
        "trials": [number_of[trial] for trial in trials],
        "text": entry.text,
        **({"detail": entry.detail} if entry.detail else {}),
    }

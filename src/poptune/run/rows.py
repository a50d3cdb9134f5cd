"""The rows of a run's results: what was reported, with the keys that Ray Tune adds to every result."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from poptune.core.decisions import Exploit, Stop
from poptune.core.events import Reported, TrialAdded, TrialFinished, TrialStarted
from poptune.core.nested import Config, flatten
from poptune.core.trial import Trial
from poptune.storage.records import Record

ROW_KINDS = (TrialAdded, TrialStarted, Exploit, Reported, Stop, TrialFinished)


def complete(report: Reported, trial: Trial, config: Config, start: TrialStarted | None) -> dict[str, Any]:
    """Return one result: a report, with the keys that the trial and its start give to all its reports.

    Args:
        report: What was reported.
        trial: Who.
        config: The hyperparameters in force at that report.
        start: The start of the trial before that report.
    """
    timestamp = report.metrics.get("timestamp", 0)
    result: dict[str, Any] = {
        "trial_id": trial.id,
        "date": datetime.fromtimestamp(timestamp).strftime("%Y-%m-%d_%H-%M-%S"),
        "experiment_tag": trial.tag,
        "checkpoint_dir_name": report.checkpoint.path.rpartition("/")[2] if report.checkpoint else None,
        **report.metrics,
        "config": config,
    }
    if report.checkpoint:
        result["should_checkpoint"] = True
    if start:
        result |= {"pid": start.pid, "hostname": start.hostname, "node_ip": start.node_ip}
    return result


def rows(records: Iterable[Record], trial: Trial) -> list[dict[str, Any]]:
    """Return every result of one trial exactly once, in order, flattened with `/`.

    Results that a failure undid, because training went back to an earlier checkpoint, are left out: they came again.

    Args:
        records: The trial's records of `ROW_KINDS`, in order.
        trial: Whose.
    """
    found: list[dict[str, Any]] = []
    config: Config = trial.config
    start: TrialStarted | None = None
    for record in records:
        match record:
            case TrialAdded() | Exploit():
                config = record.config
            case TrialStarted():
                start = record
                while record.cause == "recovery" and found and _iteration(found[-1]) > record.progress.iteration:
                    found.pop()
            case Reported():
                found.append(flatten(complete(record, trial, config, start)))
            case Stop() | TrialFinished():
                if found:
                    found[-1]["done"] = True
    return found


def _iteration(row: dict[str, Any]) -> int:
    return int(row["training_iteration"])

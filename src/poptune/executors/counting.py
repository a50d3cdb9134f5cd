"""The keys that every report gets, and the counters that go with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poptune.core.objective import is_real
from poptune.core.trial import Progress


def count(
    metrics: Mapping[str, Any], *, before: Progress, first: Progress, elapsed_s: float, timestamp: float
) -> tuple[dict[str, Any], Progress]:
    """Return a report with its automatic keys, and the counters that include it.

    Where the user reports one of these keys, the user's value counts. `timesteps_this_iter` and `episodes_this_iter`
    are summed up in `timesteps_total` and `episodes_total`.

    Args:
        metrics: What the user reported.
        before: The counters before this report.
        first: The counters when the trial was last started.
        elapsed_s: Seconds of training since the last report.
        timestamp: Seconds since 1970.

    >>> before, first = Progress(3, 6.0), Progress(2, 4.0)
    >>> report, progress = count({"loss": 0.5}, before=before, first=first, elapsed_s=2.0, timestamp=0)
    >>> progress.iteration, progress.time_total_s, report["iterations_since_restore"], report["loss"]
    (4, 8.0, 2, 0.5)
    """
    elapsed_s = _own(metrics, "time_this_iter_s", elapsed_s)
    progress = Progress(
        iteration=int(_own(metrics, "training_iteration", before.iteration + 1)),
        time_total_s=float(_own(metrics, "time_total_s", before.time_total_s + elapsed_s)),
        timesteps_total=_total("timesteps", metrics, before.timesteps_total),
        episodes_total=_total("episodes", metrics, before.episodes_total),
    )
    report: dict[str, Any] = {
        "training_iteration": progress.iteration,
        "iterations_since_restore": progress.iteration - first.iteration,
        "time_this_iter_s": elapsed_s,
        "time_total_s": progress.time_total_s,
        "time_since_restore": progress.time_total_s - first.time_total_s,
        "timestamp": int(timestamp),
        "done": False,
        **metrics,
    }
    if progress.timesteps_total is not None:
        report["timesteps_total"] = progress.timesteps_total
        report["timesteps_since_restore"] = progress.timesteps_total - (first.timesteps_total or 0)
    if progress.episodes_total is not None:
        report["episodes_total"] = progress.episodes_total
    return report, progress


def _own(metrics: Mapping[str, Any], key: str, otherwise: float) -> Any:
    value = metrics.get(key)
    return value if is_real(value) and value == value else otherwise  # NaN counts nothing


def _total(unit: str, metrics: Mapping[str, Any], before: int | None) -> int | None:
    increment = _own(metrics, f"{unit}_this_iter", 0)
    counted = before if f"{unit}_this_iter" not in metrics else (before or 0) + int(increment)
    total = metrics.get(f"{unit}_total", counted)
    return None if total is None else int(total)

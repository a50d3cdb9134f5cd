"""The health of a run as the report page shows it: figures, how they moved, and advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poptune.core.safe_text import inert
from poptune.report_page.series import finite
from poptune.run.health import Health
from poptune.run.history import History

_MOST_MOMENTS = 200  # of a line as wide as a thumb
_MOST_HYPERPARAMETERS = 8


def health(history: History) -> dict[str, Any]:
    """Return the figures of a run's health, and the advice that they give rise to."""
    found = Health.of(history)
    every = max(1, -(-len(found.iterations) // _MOST_MOMENTS))
    return {
        "iterations": _thinned(found.iterations, every),
        "ancestors": _thinned(found.ancestors, every),
        "spread": {
            inert(name): _thinned(values, every) for name, values in list(found.spread.items())[:_MOST_HYPERPARAMETERS]
        },
        "exploits": found.exploits,
        "judged": found.judged,
        "helped": finite(found.helped),
        "best": finite(found.best),
        "winner_mean": finite(found.winner_mean),
        "winner_reports": len(found.last_scores),
        "reports": found.reports,
        "not_finite": found.not_finite,
        "failures": found.failures,
        "overdue": found.overdue,
        "advice": [{"what": inert(advice.what), "remedy": inert(advice.remedy)} for advice in found.advice],
    }


def _thinned(values: Sequence[float], every: int) -> list[float | None]:
    chosen = [*values[:-1:every], *values[-1:]]
    return [finite(value, 4) for value in chosen]

"""The vocabulary of the tests of whole runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.run.results import ResultGrid
from poptune.schedulers import PopulationBasedTraining
from poptune.storage.journal import Journal
from poptune.testing.toys import Climber

PATIENCE_S = 20.0

# What differs between two runs of the same thing: clocks, processes, and places.
UNSTABLE = {
    *("pid", "hostname", "node_ip", "timestamp", "date"),
    *("time_this_iter_s", "time_total_s", "time_since_restore"),
}


def pbt(interval: float = 2, metric: str | None = "height", **options: Any) -> PopulationBasedTraining:
    """Return a scheduler for trainables that climb with a `speed`."""
    settings = {
        "time_attr": "training_iteration",
        "metric": metric,
        "mode": "max",
        "perturbation_interval": interval,
        "hyperparam_mutations": {"speed": tune.uniform(0.0, 10.0)},
        "quantile_fraction": 0.5,
        "synch": True,
    }
    return PopulationBasedTraining(**{**settings, **options})


def three_climbers(fit: Callable[..., ResultGrid], **options: Any) -> ResultGrid:
    """Run three trials for nine iterations, of which the worst copies the best every second one; `pbt`: its options."""
    return fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0, 3.0])},
        scheduler=pbt(interval=2, quantile_fraction=0.3, **options.pop("pbt", {})),
        stop={"training_iteration": 9},
        **options,
    )


def wait_for(condition: Callable[[], Any], what: str, every_s: float = 0.01, patience_s: float = PATIENCE_S) -> Any:
    """Return what a condition returns once that is true; in a trial too, which fails if it waits in vain."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {patience_s:g} s")
        time.sleep(every_s)
    return found


def decisions(results: ResultGrid) -> list[Any]:
    """Return the decisions of a run in the order of the journal, without clocks."""
    return [_timeless(exploit) for exploit in results.exploits]


def _timeless(exploit: Exploit) -> tuple[Any, ...]:
    return (
        exploit.trial,
        exploit.donor,
        exploit.config,
        exploit.operations,
        exploit.iteration,
        exploit.score,
        exploit.donor_score,
        exploit.checkpoint.progress.iteration,
        exploit.checkpoint.checksum,
    )


def stable_rows(results: ResultGrid) -> list[list[dict[str, Any]]]:
    """Return all results of a run without what differs between two runs of the same thing."""
    return [[{k: v for k, v in row.items() if k not in UNSTABLE} for row in result.rows] for result in results]


def events(results: ResultGrid, *kinds: type) -> list[Any]:
    """Return the journal's records of some kinds."""
    with Journal.open(Path(results.experiment_path)) as journal:
        return list(journal.records(*kinds))

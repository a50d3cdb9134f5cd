"""Whether the checkpoints of a run will fit on the disk: told as soon as the first one shows how large they are."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from poptune.core.events import CheckpointDeleted, Reported
from poptune.core.population import Population
from poptune.storage.records import Record
from poptune.storage.retention import CheckpointConfig
from poptune.streams import say

IN_FLIGHT = 1  # of each trial, beyond those to keep: what a clone may still start from


class SpaceForecast:
    """Says once, before much is trained, that checkpoints will not fit; a run that is restored is told at once.

    Args:
        run_dir: The directory of the run.
        past: What has happened so far.
        trials: How many there are.
        config: How many checkpoints stay.
        stop_at: Values at which trials stop, by their names.
        free: Returns the bytes that are free for a directory.
        say: Tells a person.
    """

    def __init__(
        self,
        run_dir: Path,
        past: Sequence[Record],
        trials: int,
        config: CheckpointConfig,
        stop_at: Mapping[str, float],
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        say: Callable[[str], object] = say,
    ) -> None:
        self._run_dir = run_dir
        self._trials = trials
        self._keep = config.num_to_keep
        self._iterations = stop_at.get("training_iteration")
        self._free = free
        self._say = say
        self._is_told = False
        self._look(past)

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Look at the first checkpoint."""
        self._look(records)

    def on_output(self, worker: int, text: str) -> None:
        """Leave what is printed to others."""

    def on_tick(self, population: Population) -> None:
        """Do nothing."""

    def on_end(self, population: Population) -> None:
        """Do nothing."""

    def _look(self, records: Sequence[Record]) -> None:
        if self._is_told:
            return
        sizes: dict[str, int] = {}
        every = 0
        for record in records:
            if isinstance(record, Reported) and record.checkpoint:
                sizes[record.checkpoint.path] = record.checkpoint.size
                every = every or record.progress.iteration
            elif isinstance(record, CheckpointDeleted):
                sizes.pop(record.path, None)
        if sizes:
            self._is_told = True
            self._tell(max(sizes.values()), every, stored=sum(sizes.values()))

    def _tell(self, size: int, every: int, stored: int) -> None:
        per_trial = self._per_trial(every)
        needed, free = self._trials * per_trial * size - stored, self._free(self._run_dir)
        if needed <= free:
            return
        least = self._trials * (1 + IN_FLIGHT) * size
        remedy = f" CheckpointConfig(num_to_keep=1) needs {amount(least)}." if least < needed else ""
        self._say(
            f"The checkpoints of this run may not fit: {self._trials} trials x {per_trial} checkpoints of"
            f" {amount(size)} need {amount(needed)} more, and {self._run_dir} has {amount(free)} left.{remedy}\n"
        )

    def _per_trial(self, every: int) -> int:
        """Return how many checkpoints of a trial will lie on the disk at a time."""
        saved = math.ceil(self._iterations / max(every, 1)) if self._iterations else None
        if self._keep is None:
            return saved or 1 + IN_FLIGHT  # nobody knows how many there will be: at least so many
        return min(self._keep + IN_FLIGHT, saved or sys.maxsize)


def amount(size: float) -> str:
    """Return a number of bytes as a person says it.

    >>> amount(512), amount(40_000), amount(1_600_000_000)
    ('512 B', '40 kB', '1.6 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"

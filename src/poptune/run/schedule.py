"""The hyperparameter schedule behind a trial's weights: what PBT is run for."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poptune.core.lineage import Segment
from poptune.core.nested import Config, flatten


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters over iterations, along the lineage of one trial's weights.

    Attributes:
        segments: Stretches of constant hyperparameters, oldest first.

    >>> schedule = Schedule((Segment("a", 1, 5, {"lr": 0.1}, None), Segment("b", 6, 10, {"lr": 0.08}, "a")))
    >>> schedule.at(5), schedule.at(6)
    ({'lr': 0.1}, {'lr': 0.08})
    >>> print(schedule)
    iterations  lr
    1-5         0.1
    6-10        0.08
    """

    segments: tuple[Segment, ...]

    def __len__(self) -> int:
        return len(self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def at(self, iteration: int) -> Config:
        """Return the config in force at an iteration, counted from 1; beyond the end, the last one."""
        for segment in self.segments:
            if iteration <= segment.last:
                return segment.config
        return self.segments[-1].config

    @property
    def hyperparameters(self) -> list[str]:
        """The names of the hyperparameters that change, or of all if none does; nested ones joined by `/`."""
        configs = [flatten(segment.config) for segment in self.segments]
        names = list(dict.fromkeys(name for config in configs for name in config))
        changing = [name for name in names if any(config.get(name) != configs[0].get(name) for config in configs)]
        return changing or names

    def to_csv(self, path: str | Path) -> None:
        """Write one line per stretch: first and last iteration, trial, and all hyperparameters."""
        configs = [flatten(segment.config) for segment in self.segments]
        names = list(dict.fromkeys(name for config in configs for name in config))
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["first_iteration", "last_iteration", "trial", *names])
            for segment, config in zip(self.segments, configs, strict=True):
                writer.writerow([segment.first, segment.last, segment.trial, *(config.get(name) for name in names)])

    def __str__(self) -> str:
        names = self.hyperparameters
        table = [["iterations", *names]]
        for segment in self.segments:
            config = flatten(segment.config)
            table.append([f"{segment.first}-{segment.last}", *(short(config.get(name)) for name in names)])
        return _aligned(table)


def short(value: Any) -> str:
    """Return a value in few characters.

    >>> short(0.0123456789), short("relu"), short(None)
    ('0.01235', 'relu', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)

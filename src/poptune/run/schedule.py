"""The hyperparameter schedule behind a trial's weights: what PBT is run for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poptune.core.lineage import Segment
from poptune.core.nested import Config, flatten, leaves
from poptune.core.nested import Path as Keys
from poptune.core.safe_text import inert, masked, table_cell
from poptune.core.values import short
from poptune.errors import OptionError
from poptune.storage.encoding import dumps, loads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ["first_iteration", "last_iteration", "trial", "donor"]


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

    def plot(self) -> Figure:
        """Return a figure of the hyperparameters that change, over iterations; colours say which trial trained.

        `schedule.plot().savefig("schedule.png")` writes it to a file.

        Raises:
            MissingExtra: matplotlib is not installed.
        """
        from poptune.plots.schedules import schedule_figure

        return schedule_figure(self.segments, self.hyperparameters, purpose="Schedule.plot")

    def _repr_html_(self) -> str:
        from poptune.faces.reprs import schedule_html

        return schedule_html(self)

    def to_csv(self, path: str | Path) -> None:
        """Write `csv` to a file."""
        Path(path).expanduser().write_bytes(self.csv.encode())

    @property
    def csv(self) -> str:
        """One line per stretch: first and last iteration, trial, donor, and all hyperparameters.

        Nested names are joined by `/`. What a config does not have is empty. A value that is no plain text is JSON, and
        so is text that looks like it: `true`, `null` (None), `"1"` (a string), `1` (a number).
        """
        configs = [dict(leaves(segment.config)) for segment in self.segments]
        keys = list(dict.fromkeys(path for config in configs for path in config))
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_COLUMNS, *map(_header, keys)])
        for segment, config in zip(self.segments, configs, strict=True):
            values = [_cell(config[path]) if path in config else "" for path in keys]
            writer.writerow([segment.first, segment.last, segment.trial, segment.donor or "", *values])
        return file.getvalue()

    @classmethod
    def from_csv(cls, path: str | Path) -> Schedule:
        """Return the schedule in a file that `to_csv` wrote, or a person in its manner.

        Raises:
            OptionError: There is no such file, or it holds something else; the message names the line.

        >>> import tempfile
        >>> schedule = Schedule((Segment("a", 1, 5, {"net": {"depth": 2, "act": "relu"}, "clip": None}, None),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     schedule.to_csv(f"{folder}/schedule.csv")
        ...     Schedule.from_csv(f"{folder}/schedule.csv") == schedule
        True
        """
        try:
            with open(Path(path).expanduser(), newline="", encoding="utf-8-sig") as file:
                header, *lines = list(csv.reader(file)) or [[]]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise OptionError(
                f"Cannot read the schedule {path}: {getattr(error, 'strerror', None) or error}."
            ) from error
        if header[: len(_COLUMNS)] != _COLUMNS:
            raise OptionError(f"{path} is no schedule: its first line must begin with {','.join(_COLUMNS)}.")
        keys = [_keys(name) for name in header[len(_COLUMNS) :]]
        segments = [_segment(line, keys, f"line {n} of {path}") for n, line in enumerate(lines, 2) if line]
        if not segments or segments[0].first != 1 or any(a.last + 1 != b.first for a, b in pairwise(segments)):
            raise OptionError(f"{path} is no schedule: its iterations must begin with 1 and leave nothing out.")
        return cls(tuple(segments))

    def __str__(self) -> str:
        names = self.hyperparameters
        table = [["iterations", *map(inert, names)]]
        for segment in self.segments:
            config = flatten(masked(segment.config))
            table.append([f"{segment.first}-{segment.last}", *(inert(short(config.get(name))) for name in names)])
        return _aligned(table)


def _header(path: Keys) -> str:
    is_plain = not path[0].startswith("[") and all("/" not in key and _is_safe(key) for key in path)
    return "/".join(path) if is_plain else json.dumps(path)


def _keys(name: str) -> Keys:
    if not name.startswith("["):
        return tuple(name.split("/"))
    try:
        return tuple(json.loads(name))
    except ValueError:
        return (name,)


def _cell(value: Any) -> str:
    """Return a value as text from which `_value` makes it again."""
    is_plain = isinstance(value, str) and value and _is_safe(value) and _value(value) == value
    return value if is_plain else dumps(value)


def _is_safe(text: str) -> bool:
    return text.isprintable() and table_cell(text) == text


def _value(cell: str) -> Any:
    try:
        return loads(cell)
    except (KeyError, TypeError, ValueError):  # text, even if it begins like something else
        return cell


def _segment(line: Sequence[str], keys: Sequence[Keys], where: str) -> Segment:
    if len(line) != len(_COLUMNS) + len(keys):
        raise OptionError(f"{where} has {len(line)} values, not {len(_COLUMNS) + len(keys)}.")
    first, last, trial, donor, *values = line
    if not (first.isdecimal() and last.isdecimal()):
        raise OptionError(f"{where} must begin with two iterations, not {first!r} and {last!r}.")
    given = {path: _value(cell) for path, cell in zip(keys, values, strict=True) if cell}
    return Segment(trial, int(first), int(last), _nested(given), donor or None)


def _nested(flat: Mapping[Keys, Any]) -> Config:
    tree: Config = {}
    for path, value in flat.items():
        below = tree
        for key in path[:-1]:
            below = below.setdefault(key, {})
        below[path[-1]] = value
    return tree


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)

"""The files that other programs know from Ray Tune, derived from the records of a run.

Per trial folder `result.json`, `progress.csv` and `params.json`, and in the directory of the run `pbt_*.txt`. No result
is read from them: the journal stays the only source of truth. They are made to be passed on, so secrets are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poptune.core.decisions import Exploit
from poptune.core.events import TrialAdded, TrialReset
from poptune.core.nested import Config, flatten
from poptune.core.safe_text import masked
from poptune.faults import fault
from poptune.run.batches import InBatches
from poptune.run.files import LineFile, Table, draft_of, json_text, replace_file
from poptune.run.policies import PolicyFiles
from poptune.run.rows import Edit, TrialResults
from poptune.storage.records import Record


class Exports(InBatches):
    """Writes the known formats while a run goes on.

    Every result stands in them exactly once. When a failure undoes results, they are taken out again.

    Args:
        run_dir: The directory of the run.
        records: What has happened so far: the trials that were added, or all records of a run that goes on.
        policies: How the names of the policy files begin, such as "pbt"; None: there are none.
        is_ours: Whether this process may write them still.
    """

    writes = "result.json, progress.csv, params.json and the policy files"

    def __init__(
        self, run_dir: Path, records: Iterable[Record], *, policies: str | None, is_ours: Callable[[], bool]
    ) -> None:
        super().__init__(records, is_ours)
        self._run_dir = run_dir
        self._trials: dict[str, _TrialFiles] = {}
        self._policies = PolicyFiles(run_dir, policies) if policies else None

    def write(self, records: Sequence[Record]) -> Iterator[None]:
        """Bring the files up to date with the next records."""
        for record in records:
            self._take(record)
            yield
        for files in self._trials.values():
            files.write()
            fault("files_begun")
            yield
        if self._policies:
            yield from self._policies.write()

    def _take(self, record: Record) -> None:
        if isinstance(record, TrialAdded):
            self._trials[record.trial] = _TrialFiles(self._run_dir, record)
            if self._policies:
                self._policies.add(record)
            return
        self._trials[record.trial].take(record)
        if self._policies and isinstance(record, (Exploit, TrialReset)):
            self._policies.take(record)


class _TrialFiles:
    """The files of one trial."""

    def __init__(self, run_dir: Path, added: TrialAdded) -> None:
        self._folder = run_dir / added.folder
        self._results = TrialResults(added)
        self._json = LineFile(self._folder / "result.json")
        self._table = Table(self._folder / "progress.csv")
        self._config: Config | None = None  # as it was written
        self._lines, self._rows = _Changes(), _Changes()
        self._are_begun = False

    def take(self, record: Record) -> None:
        """Take in the trial's next record."""
        if edit := self._results.take(record):
            self._lines.take(edit)
            self._rows.take(edit)

    def write(self) -> None:
        """Bring the files up to date; if it raises, the next time does what is left."""
        config = self._results.trial.config
        if config is not self._config:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / "params.json", json_text(masked(config), indent=2) + "\n")
            self._config = config
        if not self._are_begun:  # a restored run: what was written before is told again, if it was not undone
            for file in (self._json.path, self._table.path, draft_of(self._table.path)):
                file.unlink(missing_ok=True)
        self._are_begun = True
        self._lines.write(lambda undone, new: self._json.write(undone, [_line(result) for result in new]))
        self._rows.write(lambda undone, new: self._table.write(undone, [_row(result) for result in new]))


@dataclass(slots=True)
class _Changes:
    """What a file lacks: results that stand in it and must be taken out, and new ones."""

    undone: int = 0
    new: list[dict[str, Any]] = field(default_factory=list)

    def take(self, edit: Edit) -> None:
        """Take in an edit of a trial's results."""
        waiting = min(edit.undone, len(self.new))
        del self.new[len(self.new) - waiting :]
        self.undone += edit.undone - waiting
        if edit.result:
            self.new.append(edit.result)

    def write(self, write: Callable[[int, Sequence[dict[str, Any]]], None]) -> None:
        """Have them written; they are kept if that raises."""
        if self.undone or self.new:
            write(self.undone, self.new)
            self.undone, self.new = 0, []


def _line(result: dict[str, Any]) -> bytes:
    """Return a result as a line of `result.json`."""
    return json_text({**result, "config": masked(result["config"])}).encode() + b"\n"


def _row(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as a row of the table. Its config is left out, as in Ray Tune: `params.json` has it."""
    return flatten({key: value for key, value in result.items() if key != "config"})

"""Event files for TensorBoard: one per trial, for the whole run. Asked for by `RunConfig(tensorboard=True)`."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

from poptune.core.events import TrialAdded, TrialReset, TrialStarted
from poptune.core.nested import flatten
from poptune.core.objective import as_float, is_real
from poptune.core.safe_text import masked
from poptune.run.batches import InBatches
from poptune.run.files import LineFile
from poptune.run.rows import TrialResults
from poptune.storage.records import Record

# One name for the whole run. TensorBoard reads every file with "tfevents" in its name.
FILE_NAME = "events.out.tfevents.poptune"

_NOT_SHOWN = frozenset(
    {
        *("pid", "timestamp", "training_iteration", "done", "should_checkpoint"),
        *("iterations_since_restore", "time_since_restore", "timesteps_since_restore"),
    }
)


class TensorBoard(InBatches):
    """Writes the numbers that trials report, by `training_iteration`, and their hyperparameters as `config/<name>`.

    Hyperparameters stand at every result, so TensorBoard shows how PBT changed them. Results that a failure undid are
    marked as such: TensorBoard drops them.

    Args:
        run_dir: The directory of the run.
        records: What has happened so far: the trials that were added, or all records of a run that goes on.
        is_ours: Whether this process may write them still.
    """

    writes = "TensorBoard's event files"

    def __init__(self, run_dir: Path, records: Iterable[Record], is_ours: Callable[[], bool]) -> None:
        super().__init__(records, is_ours)
        self._run_dir = run_dir
        self._trials: dict[str, _EventFile] = {}

    def write(self, records: Sequence[Record]) -> Iterator[None]:
        """Bring the files up to date with the next records."""
        for record in records:
            if isinstance(record, TrialAdded):
                self._trials[record.trial] = _EventFile(self._run_dir, record)
            else:
                self._trials[record.trial].take(record)
            yield
        for file in self._trials.values():
            file.write()
            yield


class _EventFile:
    """The file of one trial. It only grows, since TensorBoard reads on from where it was."""

    def __init__(self, run_dir: Path, added: TrialAdded) -> None:
        self._results = TrialResults(added)
        self._file = LineFile(run_dir / added.folder / FILE_NAME)
        self._new = [_framed(Event(wall_time=time.time(), file_version="brain.Event:2"))]

    def take(self, record: Record) -> None:
        """Take in the trial's next record."""
        edit = self._results.take(record)
        if edit is None or edit.is_mark:
            return
        if isinstance(record, (TrialStarted, TrialReset)):
            undone = SessionLog(status=SessionLog.START)  # read as: what was said of this step and later ones is void
            step = record.progress.iteration + 1 if isinstance(record, TrialStarted) else 1
            self._new.append(_framed(Event(wall_time=time.time(), step=step, session_log=undone)))
        if edit.result:
            self._new.append(_framed(_event(edit.result)))

    def write(self) -> None:
        """Add what is new to the file."""
        if self._new:
            self._file.path.parent.mkdir(parents=True, exist_ok=True)
            self._file.write(0, self._new)
            self._new = []


def _event(result: dict[str, Any]) -> Event:
    values = [Summary.Value(tag=key, simple_value=value) for key, value in scalars(result).items()]
    timestamp, step = result.get("timestamp"), result.get("training_iteration", 0)
    wall_time = timestamp if is_real(timestamp) else time.time()
    return Event(wall_time=wall_time, step=int(step) if is_real(step) else 0, summary=Summary(value=values))


def scalars(result: dict[str, Any]) -> dict[str, float]:
    """Return what TensorBoard can plot of a result. What is masked is no number.

    >>> scalars({"loss": 0.5, "pid": 4711, "note": "warm", "config": {"lr": 0.1, "act": "relu", "password": 1234}})
    {'loss': 0.5, 'config/lr': 0.1}
    """
    flat = flatten({**result, "config": masked(result["config"])})
    shown = {key: value for key, value in flat.items() if key not in _NOT_SHOWN and is_real(value)}
    return {key: as_float(value) for key, value in shown.items()}


def _framed(event: Event) -> bytes:
    """Return an event as a record of the TFRecord format: length, contents, and a checksum of each."""
    data: bytes = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))

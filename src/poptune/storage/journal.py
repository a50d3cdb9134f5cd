"""The journal: the append-only record of a run, and its only source of truth.

One SQLite file in write-ahead mode, so that anyone can read it while it is written. A committed record survives the
death of any process at once; what a power cut may take is bounded by `syncing.Syncer`, or is nothing with
`durability="power"`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, TypeVar

from poptune.errors import DiskFull, StorageError
from poptune.faults import fault
from poptune.storage.ahead import unread_commits
from poptune.storage.encoding import dumps, loads
from poptune.storage.lock import RunLock
from poptune.storage.records import Record, from_row, to_row
from poptune.storage.space import failure
from poptune.streams import say

R = TypeVar("R")

Durability = Literal["process", "power"]

FILE_NAME = "journal.sqlite"
DRAFT_NAME = ".journal.draft"
DRAFTS = frozenset({DRAFT_NAME, *(f"{DRAFT_NAME}-{kind}" for kind in ("journal", "wal", "shm"))})  # SQLite's, too
FORMAT = 2
LONGEST_RECORD = 64 << 20  # bytes; no report is as long, and a file from elsewhere must not fill the memory

_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, trial TEXT NOT NULL, body TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX events_of_trial ON events (trial, kind);
"""

_COPY = "Bring back a copy of the file."
_INSERT = "INSERT INTO events (at, kind, trial, body, checksum) VALUES (?, ?, ?, ?, ?)"


class Journal:
    """The record of one run. Make one with `create` or `open`.

    >>> import tempfile
    >>> from poptune.core.events import TrialAdded
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal.create(Path(folder), about={"seed": 7}) as journal:
    ...         journal.append([TrialAdded("a", 0, {"lr": 0.1}, "0")])
    ...         journal.commit()
    ...     with Journal.open(Path(folder)) as journal:
    ...         print(journal.about["seed"], [record.trial for record in journal.records()])
    7 ['a']
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: RunLock | None = None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._fence: int | None = None  # who writes: the number of this writer, counted from the first

    @classmethod
    def create(
        cls,
        folder: Path,
        about: dict[str, Any],
        records: Iterable[Record] = (),
        durability: Durability = "process",
        lock: RunLock | None = None,
    ) -> Journal:
        """Start the journal of a new run in its folder, with facts about the run and its first records.

        They are there together or not at all: it is written beside its place, and renamed into it. The lock of the
        folder is taken, unless it is given.

        Raises:
            StorageError: A process trains in the folder already, or it cannot be written.
        """
        path = folder / FILE_NAME
        with _failing_as(f"Cannot write the journal {path}"), contextlib.ExitStack() as unfinished:
            lock = lock or RunLock(folder)
            unfinished.callback(lock.release)
            if path.exists():
                raise StorageError(f"Cannot write the journal {path}: it is there already.")
            for name in DRAFTS:
                (folder / name).unlink(missing_ok=True)
            draft = folder / DRAFT_NAME
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'OFF'}")
                connection.executescript(_SCHEMA)
                connection.execute("BEGIN")
                journal = cls(path, connection)
                for key, value in {"format": FORMAT, **about}.items():
                    journal.note(key, value)
                journal.append(records)
                connection.execute("COMMIT")
                # In its place, a kill within this would leave what only a writer can undo, and no reader get past.
                connection.execute("PRAGMA journal_mode = WAL")
            fault("journal_drafted")
            draft.rename(path)
            fault("journal_created")
            journal = cls._to_write(path, durability, lock, unfinished)
            unfinished.pop_all()
        return journal

    @classmethod
    def resume(cls, folder: Path, durability: Durability = "process") -> Journal:
        """Open the journal of a run that was interrupted, to go on with it.

        Raises:
            StorageError: The run goes on in another process, or the journal cannot be read.
        """
        cls.open(folder).close()  # refuses what is no journal, or another version's
        path = folder / FILE_NAME
        with _failing_as(f"Cannot write the journal {path}"), contextlib.ExitStack() as unfinished:
            lock = RunLock(folder)
            unfinished.callback(lock.release)
            journal = cls._to_write(path, durability, lock, unfinished)
            unfinished.pop_all()
        return journal

    @classmethod
    def _to_write(cls, path: Path, durability: Durability, lock: RunLock, unfinished: contextlib.ExitStack) -> Journal:
        connection = sqlite3.connect(path, isolation_level=None)
        unfinished.callback(connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        if lost := unread_commits(connection, path):
            say(
                f"Of the newest commits of the journal {path} at least {lost} cannot be read, and are lost:"
                f" {path.name}-wal was altered, or a power cut took a part of it. The run goes on from before them.\n"
            )
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
        journal = cls(path, connection, lock)
        connection.execute("BEGIN IMMEDIATE")
        journal._fence = journal._newest_fence() + 1
        journal.note("fence", journal._fence)
        connection.execute("COMMIT")
        connection.execute("BEGIN")
        return journal

    @classmethod
    def open(cls, folder: Path) -> Journal:
        """Open the journal of a run for reading; the run may be going on."""
        path = folder / FILE_NAME
        if not path.is_file():
            raise StorageError(f"{folder} is not the directory of a PopTune run: it has no {FILE_NAME}.")
        if not os.access(path, os.R_OK):
            raise StorageError(f"Cannot read the journal {path}: this user may not. Ask whom it belongs to.")
        with _failing_as(f"Cannot read the journal {path}"), contextlib.ExitStack() as unfinished:
            uri = f"{path.resolve().as_uri()}?mode=ro"
            if not os.access(folder, os.W_OK):  # SQLite would make files beside it, and cannot
                if not Path(f"{path}-wal").exists():
                    uri += "&immutable=1"  # an archive
                elif not Path(f"{path}-shm").exists():
                    raise StorageError(
                        f"Cannot read the journal {path}: the run was killed, and to read what it left a file must be"
                        " made beside it, which this user may not. Copy the directory of the run, and read the copy."
                    )
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            unfinished.callback(connection.close)
            if sys.version_info >= (3, 11):
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_RECORD)
            journal = cls(path, connection)
            _check_format(path, journal._written_as())
            _ = journal.about  # refuses what is damaged
            unfinished.pop_all()
        return journal

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def about(self) -> dict[str, Any]:
        """Facts about the run: its name, seed, metric, mode, stop criteria, versions."""
        self._check_pages("about")
        rows = list(self._query("SELECT key, value, checksum FROM about WHERE key != 'fence'"))
        for key, value, written in rows:
            if checksum(key, value) != written:
                raise StorageError(
                    f"Cannot read the journal {self.path}: it is damaged (its {key!r} was altered). {_COPY}"
                )
        try:
            return {key: loads(value) for key, value, _ in rows}
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise StorageError(f"Cannot read the journal {self.path}: it is damaged ({error!r}). {_COPY}") from error

    def _written_as(self) -> Any:
        """Return the format, which all versions write alike; None if it cannot be read."""
        (text,) = next(self._query("SELECT value FROM about WHERE key = 'format'"), (None,))
        try:
            return loads(text) if isinstance(text, str) else None
        except (KeyError, TypeError, ValueError, RecursionError):
            return None

    def hold(self) -> None:
        """See the run from here on as it is now, even if it goes on. For a journal that was opened for reading."""
        for _ in self._query("BEGIN"):
            pass
        next(self._query("SELECT 1 FROM about"), None)  # a transaction begins with its first look

    def note(self, key: str, value: Any) -> None:
        """Set one fact about the run. It is safe after `commit`."""
        text = dumps(value)
        with self._writing():
            row = key, text, checksum(key, text)
            self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?, ?)", row)

    def append(self, records: Iterable[Record], at: float | None = None) -> None:
        """Add records at the end, of now or of another time (seconds since 1970). They are safe after `commit`."""
        at = time.time() if at is None else at
        rows = [(at, *row, checksum(*row)) for row in map(to_row, records)]
        with self._writing():
            self._begin()
            self._connection.executemany(_INSERT, rows)
        fault("records_appended")

    def commit(self) -> None:
        """Make all that was appended safe."""
        with self._writing():
            self._begin()
            self._end_transaction()
            self._begin()
        fault("records_committed")

    def _begin(self) -> None:
        """Begin a transaction, unless one goes on; Ctrl-C may have come between the end of one and the next."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")

    @property
    def is_taken_over(self) -> bool:
        """Whether another process writes now: the lock of the directory was lost, as file systems of a network may."""
        return self._fence is not None and self._newest_fence() != self._fence

    def is_ours(self) -> bool:
        """Commit, and say whether that could be: if not, what follows from the journal is not ours to write either."""
        try:
            self.commit()
        except StorageError:
            return False
        return True

    def _newest_fence(self) -> int:
        """Return the number of the newest writer."""
        row = next(self._query("SELECT value FROM about WHERE key = 'fence'"), None)
        return int(loads(row[0])) if row else 0

    def _end_transaction(self) -> None:
        """Commit, unless another process has taken over meanwhile: whoever writes sees what was written before."""
        if self.is_taken_over:
            self._roll_back()
            raise StorageError(
                f"Another process has taken over the run {self.path.parent} while this one was away: this one stops"
                " here, and writes nothing more. The other one goes on with all that was reported until then."
            )
        self._connection.execute("COMMIT")

    def add(self, records: Sequence[Record]) -> None:
        """Append records and make them safe, together or not at all.

        Raises:
            DiskFull: There is no space left for them; nothing was appended.
        """
        try:
            self.append(records)
            self.commit()
        except DiskFull:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with self._writing():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")

    def records(self, *kinds: type, trial: str | None = None) -> Iterator[Record]:
        """Yield records in order: all, or those of some kinds, or of one trial."""
        for _, record in self.timed_records(*kinds, trial=trial):
            yield record

    def timed_records(self, *kinds: type, trial: str | None = None) -> Iterator[tuple[float, Record]]:
        """Yield (seconds since 1970, record) in order; before all of them are read, that none is missing is checked."""
        if trial is None and not kinds:
            self._check_pages("events")
        query, values = "SELECT at, seq, checksum, kind, trial, body FROM events WHERE 1", list[str]()
        if trial is not None:
            query, values = query + " AND trial = ?", [trial]
        if kinds:
            query += f" AND kind IN ({', '.join('?' * len(kinds))})"
            values += [kind.__name__ for kind in kinds]
        for at, *row in self._query(query + " ORDER BY seq", values):
            yield at, self._record(*row)

    def intact_records(self) -> Iterator[tuple[float, Record]]:
        """Yield (seconds since 1970, record) in order, up to the first that is damaged or missing."""
        rows = self._query("SELECT at, seq, checksum, kind, trial, body FROM events ORDER BY seq")
        with contextlib.suppress(StorageError):
            for expected, (at, seq, *row) in enumerate(rows, start=1):
                if seq != expected:
                    return
                yield at, self._record(seq, *row)

    def _check_pages(self, table: str) -> None:
        """Refuse a table whose pages do not fit together: SQLite may read past that, and leave rows out."""
        for (said,) in self._query(f"PRAGMA quick_check({table})"):
            if said != "ok":
                way_out = f". {self._way_out}" if table == "events" else "."
                raise StorageError(
                    f"Cannot read the journal {self.path}: it is damaged ({said.splitlines()[-1]}){way_out}"
                )

    @property
    def _way_out(self) -> str:
        """What to do about damage."""
        return (
            f"{_COPY[:-1]}; or copy what stands before the damage into a new directory, which can be"
            f" restored: poptune repair {shlex.quote(str(self.path.parent))} NEW_DIRECTORY"
        )

    def last(self, kind: type[R], trial: str) -> R | None:
        """Return a trial's newest record of one kind."""
        columns = "seq, checksum, kind, trial, body"
        query = f"SELECT {columns} FROM events WHERE trial = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        row = next(self._query(query, (trial, kind.__name__)), None)
        record = self._record(*row) if row else None
        return record if isinstance(record, kind) else None

    def _record(self, seq: int, written: int, kind: str, trial: str, body: str) -> Record:
        if any(type(text) is not str for text in (kind, trial, body)) or checksum(kind, trial, body) != written:
            raise StorageError(
                f"The journal {self.path} is damaged: its record {seq}, a {kind} record of trial {trial}, was altered."
                f" What the checkpoints hold is not affected. {self._way_out}"
            )
        return from_row(kind, trial, body)

    def close(self) -> None:
        """Commit and let go of the file."""
        try:
            with self._writing(), contextlib.closing(self._connection):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK" if self.is_taken_over else "COMMIT")
        finally:
            if self._lock:
                self._lock.release()
                self._lock = None

    def _query(self, query: str, values: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        with _failing_as(f"Cannot read the journal {self.path}"):
            yield from self._connection.execute(query, values)

    def _writing(self) -> AbstractContextManager[None]:
        return _failing_as(f"Cannot write the journal {self.path}")


def checksum(*texts: str) -> int:
    """Return the CRC-32 of the texts of a row: SQLite notices damage to its own pages, not to what stands in them.

    >>> checksum("Stop", "a", "{}") == checksum("Stop", "b", "{}")
    False
    """
    return zlib.crc32("\n".join(texts).encode())


@contextlib.contextmanager
def _failing_as(what: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:  # in what SQLite says of a damaged schema
        raise StorageError(f"{what}: it is damaged ({error}). {_COPY}") from error
    except sqlite3.Error as error:
        if not isinstance(error, sqlite3.OperationalError) or "no such table" in str(error):
            raise StorageError(f"{what}: it is damaged ({error}). {_COPY}") from error
        raise failure(what, error) from error


def _check_format(path: Path, written_as: object) -> None:
    if written_as == FORMAT:
        return
    if isinstance(written_as, int) and written_as > FORMAT:
        raise StorageError(
            f"The journal {path} was written by a newer version of PopTune (it has format {written_as}, this version"
            f" reads format {FORMAT}): pip install --upgrade poptune."
        )
    raise StorageError(f"The journal {path} has format {written_as}; this version of PopTune reads format {FORMAT}.")

"""A new journal comes into its place whole: from then on a kill leaves nothing that a reader could not get past."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from poptune.storage.journal import FILE_NAME, Journal
from poptune.storage.lock import FILE_NAME as LOCK_NAME

CREATE = """
import sys
from pathlib import Path
from poptune.storage.journal import Journal
Journal.create(Path(sys.argv[1]), {"seed": 7})
"""
WAL = b"\x02\x02"  # in the header: how it is written and read, https://sqlite.org/fileformat.html


def create_and_die(folder, point):
    ran = subprocess.run(
        [sys.executable, "-c", CREATE, str(folder)], env={**os.environ, "POPTUNE_FAULT": point}, check=False
    )
    assert ran.returncode == -signal.SIGKILL


def test_a_journal_is_in_its_mode_before_it_is_in_its_place(tmp_path):
    # To change it later, SQLite writes a rollback journal, which readers cannot apply when the writer is gone.
    create_and_die(tmp_path, "journal_created")
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, LOCK_NAME}
    assert (tmp_path / FILE_NAME).read_bytes()[18:20] == WAL
    with Journal.open(tmp_path) as journal:
        assert journal.about["seed"] == 7


@pytest.mark.parametrize("kind", ["", "-journal", "-wal", "-shm"])
def test_what_a_killed_process_left_of_a_draft_is_in_nobodys_way(tmp_path, kind):
    create_and_die(tmp_path, "journal_drafted")
    (tmp_path / f".journal.draft{kind}").write_bytes(b"left behind" * 1000)
    with Journal.create(tmp_path, {"seed": 8}) as journal:
        assert journal.about["seed"] == 8
    assert not list(tmp_path.glob(".journal.draft*"))

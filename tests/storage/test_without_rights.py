"""Runs that belong to somebody else, as a user sees them who may read some of it and write nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from poptune.core.events import TrialAdded
from poptune.storage.journal import Journal

READER = """
import os, sys
from pathlib import Path
from poptune.cli.ls import ls
from poptune.errors import PopTuneError
from poptune.run.listing import listed, runs_below
from poptune.run.reopening import known_run
from poptune.storage.journal import Journal

if os.geteuid() == 0:
    os.setuid(65534)  # nobody
folder = Path(sys.argv[1])
assert not os.access(folder, os.W_OK)
try:
    with Journal.open(known_run(folder)) as journal:
        print([record.trial for record in journal.records()])
except PopTuneError as error:
    print(error)
    for run_dir in runs_below(folder.parent):
        print("in a list:", listed(run_dir).problem)
    try:
        ls.main([str(folder / "below")], standalone_mode=False)
    except PopTuneError as error:
        print(error)
"""


@pytest.fixture
def folder():
    """Return a directory that others may reach."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        run_dir = Path(path, "run")
        run_dir.mkdir()
        yield run_dir


def seen(folder, mode=0o555):
    """Return what is read in a directory with these rights."""
    os.chmod(folder, mode)
    done = subprocess.run([sys.executable, "-c", READER, folder], capture_output=True, text=True, check=False)
    os.chmod(folder, 0o755)
    assert done.stderr == ""
    return done.stdout


def added(trial, index=0):
    return TrialAdded(trial, index, {"lr": 0.1}, str(index), f"train_{trial}")


def test_a_run_in_a_directory_that_one_may_only_read_can_be_read(folder):
    with Journal.create(folder, about={}) as journal:
        journal.append([added("a")])
        journal.commit()
        assert seen(folder) == "['a']\n"
        journal.append([added("b", 1)])
    assert seen(folder) == "['a', 'b']\n"


def test_a_killed_run_that_must_be_copied_to_be_read_says_so(folder):
    with Journal.create(folder, about={}) as journal:
        journal.append([added("a")])
        journal.commit()
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        (folder / name).write_bytes(files[name])
    assert "Copy the directory of the run, and read the copy.\n" in seen(folder)


def test_a_directory_that_may_not_be_entered_is_refused(folder):
    Journal.create(folder, about={}).close()
    (folder / "below").mkdir()
    refused = [f"{path} may not be read by this user: ask whom it belongs to." for path in (folder, folder / "below")]
    assert seen(folder, 0o000).splitlines() == refused
    names_alone = seen(folder, 0o444).splitlines()
    assert names_alone == [refused[0], f"in a list: {refused[0]}", refused[1]]


def test_a_journal_that_may_not_be_read_is_refused(folder):
    Journal.create(folder, about={}).close()
    (folder / "journal.sqlite").chmod(0)
    expected = f"Cannot read the journal {folder / 'journal.sqlite'}: this user may not. Ask whom it belongs to."
    assert seen(folder).startswith(expected)

import os
import shutil
import subprocess
import sys
import threading

import pytest

from poptune.storage.journal import Journal
from poptune.storage.syncing import Syncer


def syncers():
    return [thread for thread in threading.enumerate() if thread.name == "poptune-sync"]


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def start(journal):
    syncer = Syncer(journal)
    syncer.start()
    (thread,) = syncers()
    return syncer, thread


def test_a_syncer_ends_by_itself_once_it_is_closed(run_dir):
    with Journal.create(run_dir, about={}) as journal:
        syncer, thread = start(journal)
        syncer.add(run_dir)
        assert thread.is_alive()
        syncer.close()
        syncer.close()
        thread.join(timeout=10)
    assert syncers() == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_folders_and_runs_that_vanished_meanwhile_are_no_error(run_dir):
    checkpoint = run_dir / "net_a" / "checkpoint_000000"
    checkpoint.mkdir(parents=True)
    with Journal.create(run_dir, about={}) as journal:
        syncer, thread = start(journal)
        syncer.add(checkpoint)
        syncer.add(run_dir / "nowhere")
        shutil.rmtree(run_dir)
        syncer.close()
        thread.join(timeout=10)
    assert syncers() == []


SCRIPT = """
import os, sys, threading
from pathlib import Path
fsync, flushed = os.fsync, []
os.fsync = lambda fd: (flushed.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))
from poptune.storage.journal import Journal
from poptune.storage.syncing import Syncer

run_dir = Path(sys.argv[1])
journal = Journal.create(run_dir, about={})
journal.note("ended", True)
journal.commit()
syncer = Syncer(journal)
syncer.start()
syncer.add(run_dir / "net_a" / "checkpoint_000000")
thread = next(t for t in threading.enumerate() if t.name == "poptune-sync")
syncer.close()
thread.join()
print("\\n".join(os.path.relpath(path, run_dir) for path in flushed))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks Linux which files were flushed")
def test_the_last_flush_takes_checkpoints_first_and_then_the_journal_that_refers_to_them(run_dir):
    checkpoint = run_dir / "net_a" / "checkpoint_000000"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").touch()
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(run_dir)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "net_a/checkpoint_000000/weights",
        "net_a/checkpoint_000000",
        "net_a",
        "journal.sqlite",
        "journal.sqlite-wal",
        ".",
    ]

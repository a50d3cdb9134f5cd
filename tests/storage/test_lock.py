"""One process at a time trains in a run's directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from poptune.errors import StorageError
from poptune.storage.lock import RunLock, is_locked

HOLD = """
import sys
from pathlib import Path
from poptune.storage.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def hold(folder):
    """Return a process that holds the lock of a folder."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_process_is_told_who_holds_it(tmp_path):
    with hold(tmp_path) as holder:
        with pytest.raises(StorageError, match=f"goes on in process {holder.pid} on"):
            RunLock(tmp_path)
        assert is_locked(tmp_path)
        holder.stdin.close()


def test_a_killed_holder_leaves_nothing_behind(tmp_path):
    with hold(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
    RunLock(tmp_path).release()


def test_nobody_is_kept_from_it_by_those_who_look(tmp_path):
    RunLock(tmp_path).release()
    is_over = threading.Event()

    def look():
        while not is_over.is_set():
            is_locked(tmp_path)

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(200):
            RunLock(tmp_path).release()
    finally:
        is_over.set()
        for watcher in watchers:
            watcher.join()


def test_a_fork_of_the_holder_does_not_hold_it(tmp_path):
    lock = RunLock(tmp_path)
    stay, leave = os.pipe()
    child = os.fork()
    if child == 0:  # lives longer than its parent holds the lock
        os.read(stay, 1)
        os._exit(0)
    lock.release()
    RunLock(tmp_path).release()
    os.write(leave, b"x")
    os.waitpid(child, 0)


def test_it_can_be_released_twice(tmp_path):
    lock = RunLock(tmp_path)
    lock.release()
    lock.release()

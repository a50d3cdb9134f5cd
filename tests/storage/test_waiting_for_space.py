"""A full disk is waited for: first soon, then less often, and not for ever."""

from __future__ import annotations

import errno
import sqlite3

import pytest

from poptune.errors import DiskFull, StorageError
from poptune.storage.space import LONGEST_PAUSE_S, PATIENCE_S, failure, with_space


class Disk:
    """Full until so many attempts were made."""

    def __init__(self, until):
        self.attempts, self.until = 0, until

    def write(self):
        self.attempts += 1
        if self.attempts < self.until:
            raise DiskFull("Cannot write: no space")
        return "written"


class Clock:
    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(("attempts", "waited"), [(1, 0.0), (2, 0.5), (3, 1.5), (4, 3.5), (10, 121.5)])
def test_pauses_double_up_to_half_a_minute(attempts, waited):
    clock, said = Clock(), []
    assert with_space(Disk(attempts).write, "Trial a", say=said.append, sleep=clock.sleep) == "written"
    assert clock.now == waited
    assert len(said) == (0 if attempts == 1 else 2)


def test_it_is_told_who_waits_and_what_to_do():
    said = []
    with_space(Disk(2).write, "Trial a", say=said.append, sleep=lambda seconds: None)
    assert "Cannot write: no space\nTrial a waits until there is space: nothing is lost." in said[0]
    assert "Ctrl-C" in said[0]
    assert said[1] == "Trial a goes on: there is space again.\n"


def test_after_an_hour_it_is_an_error():
    clock = Clock()
    with pytest.raises(DiskFull):
        with_space(Disk(10**9).write, "Trial a", say=lambda text: None, sleep=clock.sleep)
    assert PATIENCE_S <= clock.now <= PATIENCE_S + LONGEST_PAUSE_S


def test_whoever_shall_end_does_not_wait_on():
    asked = []

    def check():
        asked.append(None)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_space(Disk(10**9).write, "Trial a", check=check, say=lambda text: None, sleep=lambda seconds: None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_whoever_tells_of_it(number):
    safetensors = Exception(f"I/O error: No space left on device (os error {number})")
    for error in (OSError(number, "full"), safetensors, sqlite3.OperationalError("database or disk is full")):
        assert type(failure("Cannot write", error)) is DiskFull


@pytest.mark.parametrize("error", [OSError(errno.EFBIG, "too large"), OSError(errno.EACCES, "no"), sqlite3.Error("no")])
def test_another_failure_is_not_taken_for_a_full_disk(error):
    assert type(failure("Cannot write", error)) is StorageError

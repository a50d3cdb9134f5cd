"""Runs with one name that begin at the same moment, as those of a job array do, get directories of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from poptune.run.directories import new_directory
from poptune.storage.journal import Journal

AT_ONCE = 6


def test_each_gets_a_directory_of_its_own(tmp_path):
    def begin(together: Barrier) -> str:
        together.wait()
        lock = new_directory(tmp_path, "array", None)
        with Journal.create(lock.run_dir, {"seed": 0}, lock=lock):
            return lock.run_dir.name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for begun in range(0, 10 * AT_ONCE, AT_ONCE):
            together = Barrier(AT_ONCE)
            names = list(pool.map(begin, [together] * AT_ONCE))
            taken = range(begun + 1, begun + AT_ONCE + 1)
            assert sorted(names) == sorted("array" if number == 1 else f"array_{number}" for number in taken)


def test_one_that_another_has_claimed_is_left_alone(tmp_path):
    first = new_directory(tmp_path, "array", None)
    assert new_directory(tmp_path, "array", None).run_dir == tmp_path / "array_2"
    assert first.run_dir == Path(tmp_path, "array")

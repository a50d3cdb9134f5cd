"""Directories of files are copied whole, and known by their fingerprint."""

import os
import threading

import numpy as np
import pytest

from poptune.errors import UsageError
from poptune.storage.copying import copy_files, fingerprint, holds_links, write_files


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "layers" / "first").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "weights").write_bytes(b"w" * 3_000_000)
    (folder / "layers" / "first" / "bias").write_bytes(b"b")
    return folder


def test_a_copy_has_all_files_and_the_fingerprint_of_its_source(source, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    found = copy_files(source, target)
    assert found == fingerprint(source) == fingerprint(target)
    assert found.size == 3_000_001
    assert (target / "layers" / "first" / "bias").read_bytes() == b"b"
    assert (target / "empty").is_dir()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "weights").write_bytes(b"w" * 2_999_999 + b"x"),
        lambda folder: (folder / "weights").rename(folder / "wights"),
        lambda folder: (folder / "more").touch(),
    ],
)
def test_any_change_of_files_changes_the_fingerprint(source, change):
    before = fingerprint(source)
    change(source)
    assert fingerprint(source) != before


def test_links_are_followed_and_permissions_kept(source, tmp_path):
    (source / "run.sh").write_text("true")
    (source / "run.sh").chmod(0o700)
    (source / "linked").symlink_to(source / "weights")
    (source / "folder").symlink_to(source / "layers")
    target = tmp_path / "target"
    target.mkdir()
    copy_files(source, target)
    assert (target / "run.sh").stat().st_mode & 0o777 == 0o700
    assert not (target / "linked").is_symlink()
    assert (target / "folder" / "first" / "bias").read_bytes() == b"b"


def test_a_directory_is_not_copied_into_itself(source):
    inside = source / "layers" / "target"
    inside.mkdir()
    with pytest.raises(UsageError, match="which lies in it"):
        copy_files(source, source / "layers" / "target")


def test_links_are_noticed(source):
    assert not holds_links(source)
    os.link(source / "weights", source.parent / "elsewhere")
    assert holds_links(source)


def test_what_is_written_has_the_fingerprint_of_its_files(tmp_path):
    large = np.random.default_rng(0).bytes(9_000_000)
    contents = {"weights": [b"head", memoryview(large), b""], "a": [b""], "none": [], "z": [b"1"] * 1000}
    assert write_files(tmp_path, contents) == fingerprint(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        name: b"".join(parts) for name, parts in contents.items()
    }


def test_what_training_changes_meanwhile_is_hashed_as_it_is_written(tmp_path):
    weights, stop = np.zeros(10_000_000, np.uint8), threading.Event()

    def train():
        while not stop.is_set():
            weights[...] += 1

    thread = threading.Thread(target=train)
    thread.start()
    try:
        written = write_files(tmp_path, {"weights": [weights.data]})
    finally:
        stop.set()
        thread.join()
    assert written == fingerprint(tmp_path)

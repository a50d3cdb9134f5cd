"""What was saved in this sitting and touched by nobody since is not read again; what was touched is."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from poptune.core.events import Reported
from poptune.core.trial import Progress
from poptune.errors import StorageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.records import from_row, to_row
from poptune.storage.stamps import sealed, stamp_of
from poptune.storage.store import CheckpointStore


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "checkpoint"
    (folder / "layers").mkdir(parents=True)
    (folder / "weights").write_bytes(b"12345")
    (folder / "layers" / "bias").write_bytes(b"1")
    return folder


@pytest.fixture
def store(tmp_path):
    (tmp_path / "run").mkdir()
    return CheckpointStore(tmp_path / "run")


def save(store):
    weights = Checkpoint.from_dict({"weights": np.ones(1000)})
    return store.save(weights, trial="a", folder="net_a", number=0, progress=Progress(1))


def unread(saved):
    """Return a checkpoint that is found damaged by whoever reads it through."""
    return replace(saved, checksum="0" * 16)


def write_again(folder):
    (folder / "weights").write_bytes(b"12346")


def write_into_memory(folder):
    np.memmap(folder / "weights", mode="r+")[0] = 7


def replace_a_file(folder):
    (folder / "other").write_bytes(b"12345")
    (folder / "other").replace(folder / "weights")


def link_a_file(folder):
    (folder / "weights").rename(folder.parent / "weights")
    (folder / "weights").symlink_to(folder.parent / "weights")


def link_a_folder(folder):
    (folder / "layers").rename(folder.parent / "layers")
    (folder / "layers").symlink_to(folder.parent / "layers")


def rename(folder):
    (folder / "weights").rename(folder / "weight")


def add(folder):
    (folder / "more").touch()


def remove(folder):
    (folder / "layers" / "bias").unlink()


CHANGES = [
    write_again,
    write_into_memory,
    replace_a_file,
    link_a_file,
    link_a_folder,
    rename,
    add,
    remove,
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_happens_to_files_changes_their_stamp_at_once(folder, change):
    before = sealed(folder)
    assert stamp_of(folder) == before != ""
    change(folder)
    assert stamp_of(folder) != before


def test_facts_and_generators_that_are_attached_do_not_count(folder):
    before = sealed(folder)
    (folder / ".metadata.json").write_text("{}")
    (folder / ".generators").write_bytes(b"")
    assert stamp_of(folder) == before


def test_a_checkpoint_that_nobody_touched_is_not_read_again(store):
    saved = save(store)
    store.verify(unread(saved))
    with pytest.raises(StorageError, match="is damaged"):
        store.verify(replace(unread(saved), stamp=""))


def test_one_that_was_touched_is_read_through(store):
    saved = save(store)
    for file in (store.run_dir / saved.path).iterdir():
        file.touch()
    store.verify(saved)
    with pytest.raises(StorageError, match="is damaged"):
        store.verify(unread(saved))


def test_a_copy_is_read_through(store, tmp_path):
    saved = save(store)
    (tmp_path / "other").mkdir()
    other = CheckpointStore(tmp_path / "other")
    other.put(saved, store.files(saved))
    other.verify(saved)
    with pytest.raises(StorageError, match="is damaged"):
        other.verify(unread(saved))


def test_what_a_class_wrote_into_the_store_is_read_through(store):
    with store.draft() as draft:
        (draft / "weights").write_bytes(b"12345")
        saved = store.save(Checkpoint(draft), trial="a", folder="net_a", number=0, progress=Progress(1))
    assert saved.stamp == ""


def test_a_stamp_goes_to_other_workers(store):
    saved = save(store)
    assert pickle.loads(pickle.dumps(saved)).stamp == saved.stamp != ""


def test_a_stamp_is_never_written_down_and_never_believed_of_a_journal(store):
    saved = save(store)
    kind, trial, body = to_row(Reported("a", {}, Progress(1), saved))
    assert "stamp" not in body
    forged = body.replace('"checksum"', f'"stamp":"{saved.stamp}","checksum"')
    for text in (body, forged):
        back = from_row(kind, trial, text)
        assert back.checkpoint == saved
        assert back.checkpoint.stamp == ""

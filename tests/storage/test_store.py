import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poptune.core.trial import Progress
from poptune.errors import StorageError, UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.store import STAGING, CheckpointStore, number_of

PROGRESS = Progress(iteration=5, time_total_s=1.5)


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def store(run_dir):
    return CheckpointStore(run_dir)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def save(store, checkpoint, number=0):
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint.from_directory(checkpoint)
    return store.save(checkpoint, trial="a", folder="net_a", number=number, progress=PROGRESS)


def content(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()
    }


def is_clean(run_dir):
    """Say whether there is nothing in the run directory but, perhaps, an empty staging area and trial folder."""
    return [path for path in run_dir.rglob("*") if path.name not in (STAGING, "net_a")] == []


def test_a_saved_checkpoint_is_described_and_found(store, source, run_dir):
    (source / "weights.bin").write_bytes(b"12345")
    (source / "note.txt").write_bytes(b"67")
    saved = save(store, source, number=12)
    assert (saved.path, saved.trial, saved.progress, saved.size) == ("net_a/checkpoint_000012", "a", PROGRESS, 7)
    assert number_of(saved) == 12
    assert content(store.load(saved).path) == {"weights.bin": b"12345", "note.txt": b"67"}
    store.verify(saved)
    assert list((run_dir / STAGING).iterdir()) == []


def test_a_dictionary_comes_back_from_the_store(store):
    saved = save(store, Checkpoint.from_dict({"weights": np.arange(3), "epoch": 3}))
    store.verify(saved)
    back = store.load(saved).to_dict()
    assert (back["weights"].tolist(), back["epoch"]) == ([0, 1, 2], 3)


def test_a_dictionary_whose_path_was_looked_at_is_stored_all_the_same(store, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    checkpoint = Checkpoint.from_dict({"epoch": 3})
    assert Path(checkpoint.path).is_dir()
    checkpoint.set_metadata({"by": "me"})
    back = store.load(save(store, checkpoint))
    assert (back.to_dict(), back.metadata) == ({"epoch": 3}, {"by": "me"})


def test_the_run_directory_can_be_moved(store, source, run_dir, tmp_path):
    (source / "weights").write_text("w")
    saved = save(store, source)
    moved = run_dir.rename(tmp_path / "elsewhere")
    assert content(CheckpointStore(moved).load(saved).path) == {"weights": b"w"}


def test_a_checkpoint_holds_exactly_the_files_of_its_report(store, source):
    first = source / "step_5.pt"
    first.write_text("five")
    five = save(store, source, number=0)
    first.unlink()
    (source / "step_10.pt").write_text("ten")
    ten = save(store, source, number=1)
    assert content(store.load(five).path) == {"step_5.pt": b"five"}
    assert content(store.load(ten).path) == {"step_10.pt": b"ten"}


def test_what_the_user_overwrites_later_does_not_reach_a_stored_checkpoint(store, source):
    weights = source / "weights.bin"
    weights.write_bytes(b"first")
    array = np.zeros(3)
    of_files, of_dict = save(store, source, 0), save(store, Checkpoint.from_dict({"w": array}), 1)
    with weights.open("r+b") as file:  # in place, as np.memmap does it
        file.write(b"SECOND")
    array += 1
    assert content(store.load(of_files).path) == {"weights.bin": b"first"}
    assert store.load(of_dict).to_dict()["w"].tolist() == [0, 0, 0]
    store.verify(of_files)
    store.verify(of_dict)


def test_links_are_stored_as_what_they_point_to(store, source, tmp_path):
    outside = tmp_path / "outside"
    (outside / "shard").mkdir(parents=True)
    (outside / "weights.bin").write_bytes(b"first")
    (outside / "shard" / "0.bin").write_bytes(b"zero")
    (source / "latest.bin").symlink_to(outside / "weights.bin")
    (source / "shards").symlink_to(outside / "shard", target_is_directory=True)
    os.link(outside / "weights.bin", source / "hard.bin")
    saved = save(store, source)
    with (outside / "weights.bin").open("r+b") as file:
        file.write(b"SECOND")
    (outside / "shard" / "0.bin").unlink()
    folder = Path(store.load(saved).path)
    assert content(folder) == {"latest.bin": b"first", "hard.bin": b"first", "shards/0.bin": b"zero"}
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    store.verify(saved)


def test_empty_directories_and_empty_checkpoints_are_kept(store, source):
    empty = save(store, source, 0)
    (source / "logs" / "old").mkdir(parents=True)
    saved = save(store, source, 1)
    assert (Path(store.load(saved).path) / "logs" / "old").is_dir()
    assert (empty.size, content(store.load(empty).path)) == (0, {})
    store.verify(empty)


def test_names_of_files_may_be_anything_that_the_file_system_allows(store, source):
    for name in (b"caf\xe9.bin", "größe.bin".encode(), b"a b\n.bin"):
        with open(os.path.join(os.fsencode(source), name), "wb") as file:
            file.write(name)
    saved = save(store, source)
    store.verify(saved)
    assert len(content(store.load(saved).path)) == 3


def test_a_number_that_is_taken_is_passed_over(store, source):
    (source / "weights").write_text("first")
    first = save(store, source, number=3)
    (source / "weights").write_text("second")
    second, third = save(store, source, number=3), save(store, source, number=3)
    assert [number_of(saved) for saved in (first, second, third)] == [3, 4, 5]
    assert content(store.load(first).path) == {"weights": b"first"}


def test_two_stores_of_one_run_do_not_meet(run_dir, source):
    (source / "weights").write_text("w")
    one, other = CheckpointStore(run_dir), CheckpointStore(run_dir)
    paths = {save(store, source).path for store in (one, other, one)}
    assert len(paths) == 3


class Stubborn:
    """What no checkpoint can hold."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error


@pytest.mark.parametrize("error", [pickle.PicklingError("no"), ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_an_object_that_cannot_be_pickled_leaves_nothing_and_keeps_its_error(run_dir, error):
    store = CheckpointStore(run_dir, allow_pickle=True)
    checkpoint = Checkpoint.from_dict({"weights": np.ones(1000), "model": Stubborn(error)})
    with pytest.raises(type(error)) as caught:
        save(store, checkpoint)
    assert caught.value is error
    assert is_clean(run_dir)


def test_an_object_that_may_not_be_pickled_is_refused_by_its_key_and_leaves_nothing(store, run_dir):
    checkpoint = Checkpoint.from_dict({"weights": np.ones(3), "net": {"model": Stubborn(ValueError())}})
    with pytest.raises(UsageError, match=r"'net/model' in the checkpoint is a Stubborn.*state_dict.*allow_pickle=True"):
        save(store, checkpoint)
    assert is_clean(run_dir)


def test_a_circle_of_dictionaries_leaves_nothing(store, run_dir):
    state = {"epoch": 3}
    state["self"] = state
    with pytest.raises(RecursionError):
        save(store, Checkpoint.from_dict(state))
    assert is_clean(run_dir)


def test_a_file_that_cannot_be_read_leaves_nothing(store, source, run_dir):
    (source / "a_weights").write_bytes(b"w" * 1000)
    (source / "b_dangling").symlink_to(source / "nowhere")
    with pytest.raises(StorageError, match=r"Cannot save checkpoint 7 of trial a in .*net_a"):
        save(store, source, number=7)
    assert is_clean(run_dir)
    (source / "b_dangling").unlink()
    assert number_of(save(store, source, number=7)) == 7


def test_a_directory_that_vanished_leaves_nothing(store, source, run_dir):
    checkpoint = Checkpoint.from_directory(source)
    source.rmdir()
    with pytest.raises(StorageError, match="Cannot save checkpoint 0 of trial a"):
        save(store, checkpoint)
    assert is_clean(run_dir)


def test_a_directory_that_holds_the_run_is_refused(store, run_dir, tmp_path):
    with pytest.raises(UsageError, match="Give each checkpoint a directory of its own"):
        save(store, tmp_path)
    assert is_clean(run_dir)


def test_a_trial_folder_that_is_a_file_is_a_storage_error(store, source, run_dir):
    (run_dir / "net_a").touch()
    with pytest.raises(StorageError, match="Cannot save checkpoint"):
        save(store, source)
    assert list((run_dir / STAGING).iterdir()) == []


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy, torch
from poptune.core.trial import Progress
from poptune.errors import StorageError
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.store import CheckpointStore

Path(sys.argv[2], "weights").write_bytes(bytes(100_000))
store = CheckpointStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
for checkpoint in (
    Checkpoint.from_directory(sys.argv[2]),
    Checkpoint.from_dict({"plain": list(range(10_000))}),
    Checkpoint.from_dict({"array": numpy.zeros(10_000)}),
    Checkpoint.from_dict({"tensor": torch.zeros(10_000)}),
    Checkpoint.from_dict({"object": bytes(100_000)}),
):
    try:
        store.save(checkpoint, trial="a", folder="net_a", number=0, progress=Progress())
    except StorageError as error:
        print("refused:", error)
"""


def test_a_file_that_cannot_be_written_whole_leaves_nothing(run_dir, source):
    command = [sys.executable, "-c", FULL_DISK, str(run_dir), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.count("refused: "), done.stderr) == (5, "")
    assert is_clean(run_dir)


def test_a_checkpoint_that_is_gone_is_an_error(store, source, run_dir):
    saved = save(store, source)
    (run_dir / saved.path).rmdir()
    for look in (store.load, store.verify):
        with pytest.raises(StorageError, match="checkpoint_000000 of trial a is gone"):
            look(saved)


def flip_a_bit(folder):
    data = bytearray((folder / "weights").read_bytes())
    data[500] ^= 1
    (folder / "weights").write_bytes(data)


def truncate(folder):
    os.truncate(folder / "weights", 999)


def rename(folder):
    (folder / "weights").rename(folder / "weight")


def add(folder):
    (folder / "extra").touch()


def move_down(folder):
    (folder / "sub").mkdir()
    (folder / "weights").rename(folder / "sub" / "weights")


def remove(folder):
    (folder / "note").unlink()


def swap(folder):
    weights, note = (folder / "weights").read_bytes(), (folder / "note").read_bytes()
    (folder / "weights").write_bytes(note)
    (folder / "note").write_bytes(weights)


@pytest.mark.parametrize("damage", [flip_a_bit, truncate, rename, add, move_down, remove, swap])
def test_damage_is_found(store, source, run_dir, damage):
    (source / "weights").write_bytes(bytes(1000))
    (source / "note").write_bytes(b"note")
    saved = save(store, source)
    store.verify(saved)
    damage(run_dir / saved.path)
    with pytest.raises(StorageError, match="checkpoint_000000 of trial a is damaged"):
        store.verify(saved)


def test_a_link_in_a_stored_checkpoint_is_found(store, source, run_dir):
    (source / "weights").write_bytes(b"w")
    saved = save(store, source)
    (run_dir / saved.path / "weights").unlink()
    (run_dir / saved.path / "weights").symlink_to("nowhere")
    with pytest.raises(StorageError, match="holds a link, which PopTune has not made"):
        store.verify(saved)


def test_equal_checkpoints_have_equal_checksums(store, source):
    for name in ("b", "a", "c/d", "c/a"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(name)
    first, second = save(store, source), save(store, source)
    assert replace(second, path=first.path) == first


def test_deleting_twice_is_no_error(store, source, run_dir):
    (source / "weights").write_text("w")
    first, second = save(store, source), save(store, source)
    store.delete(first)
    store.delete(first)
    assert os.listdir(run_dir / "net_a") == ["checkpoint_000001"]
    assert list((run_dir / STAGING).iterdir()) == []
    store.verify(second)


def test_deleting_from_a_run_that_is_gone_is_no_error_and_brings_nothing_back(store, source, run_dir, tmp_path):
    saved = save(store, source)
    run_dir.rename(tmp_path / "elsewhere")
    store.delete(saved)
    assert not run_dir.exists()


KILLED_DELETING = """
import os, sys
from pathlib import Path
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.storage.store import CheckpointStore

def die(event, arguments):
    if event == "os.remove":
        os._exit(9)

sys.addaudithook(die)
CheckpointStore(Path(sys.argv[1])).delete(SavedCheckpoint(sys.argv[2], "a", Progress()))
"""


def test_a_removal_that_is_cut_short_leaves_no_half_a_checkpoint(store, source, run_dir):
    for name in "abc":
        (source / name).write_text(name)
    saved = save(store, source)
    done = subprocess.run([sys.executable, "-c", KILLED_DELETING, str(run_dir), saved.path], check=False)
    assert done.returncode == 9
    assert os.listdir(run_dir / "net_a") == []
    store.clear_staging()
    assert is_clean(run_dir)


def test_what_a_killed_process_left_half_written_is_cleared_away(store, source, run_dir):
    saved = save(store, source)
    (run_dir / STAGING / "of the dead").mkdir()
    store.clear_staging()
    store.clear_staging()
    assert not (run_dir / STAGING).exists()
    store.verify(saved)
    assert number_of(save(store, source, 1)) == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks Linux which files were flushed")
def test_a_durable_store_flushes_everything_before_it_returns(run_dir, source):
    (source / "sub").mkdir()
    (source / "sub" / "weights").write_text("w")
    script = f"""
import os, sys
from pathlib import Path
fsync, flushed = os.fsync, []
os.fsync = lambda fd: (flushed.append(os.readlink(f"/proc/self/fd/{{fd}}")), fsync(fd))
from poptune.core.trial import Progress
from poptune.storage.checkpoint import Checkpoint
from poptune.storage.store import CheckpointStore
store = CheckpointStore(Path({str(run_dir)!r}), is_durable=True)
saved = store.save(Checkpoint({str(source)!r}), trial="a", folder="net_a", number=0, progress=Progress())
store.verify(saved)
print("\\n".join(flushed))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    flushed = done.stdout.split()
    staged = next(path for path in flushed if STAGING in path and path.count("/") == str(run_dir).count("/") + 2)
    assert set(flushed) == {staged, f"{staged}/sub", f"{staged}/sub/weights", f"{run_dir}/net_a", str(run_dir)}

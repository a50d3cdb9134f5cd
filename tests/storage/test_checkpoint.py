import json
import math
import os
import random
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from poptune.errors import UsageError
from poptune.storage.checkpoint import Checkpoint


class Tokenizer:
    """Something of the user's that only pickle can hold."""

    def __init__(self, words):
        self.words = words

    def __eq__(self, other):
        return self.words == other.words

    __hash__ = None


def files_in(folder):
    return sorted(file.relative_to(folder).as_posix() for file in Path(folder).rglob("*"))


def stored(data, folder):
    """Return what a dictionary is after it went through files."""
    return Checkpoint(Checkpoint.from_dict(data).to_directory(folder)).to_dict(allow_pickle=True)


def test_a_checkpoint_of_a_directory_gives_its_files(tmp_path):
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "0.bin").write_bytes(b"weights")
    checkpoint = Checkpoint.from_directory(tmp_path)
    assert checkpoint.path == str(tmp_path)
    with checkpoint.as_directory() as folder:
        assert Path(folder, "layers", "0.bin").read_bytes() == b"weights"
    assert tmp_path.is_dir()  # it is the user's, and outlives the block


def test_to_directory_makes_a_copy(tmp_path):
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.mkdir()
    (source / "weights").write_text("old")
    copy = Checkpoint(source).to_directory(target)
    (source / "weights").write_text("new")
    assert copy == str(target)
    assert (target / "weights").read_text() == "old"


def test_to_directory_makes_up_a_place_if_none_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Checkpoint.from_dict({"epoch": 3}).to_directory()
    assert Path(folder).parent == tmp_path
    assert Checkpoint(folder).to_dict() == {"epoch": 3}


def test_a_checkpoint_needs_a_directory(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(UsageError, match=r"A checkpoint is a directory, and .* is none"):
            Checkpoint.from_directory(path)
    with pytest.raises(UsageError, match=r"from_dict takes a dictionary such as .*, not list"):
        Checkpoint.from_dict([1, 2])


def test_a_checkpoint_cannot_be_copied_into_itself(tmp_path):
    (tmp_path / "weights").touch()
    with pytest.raises(UsageError, match=r"cannot be copied to .* which lies in it"):
        Checkpoint(tmp_path).to_directory(tmp_path / "copy")


def test_a_directory_checkpoint_has_no_dictionary(tmp_path):
    (tmp_path / "values.json").write_text('{"mine": 1}')  # the user's own file, whatever its name
    with pytest.raises(UsageError, match=r"made of a directory, not of a dictionary: use checkpoint\.as_directory"):
        Checkpoint.from_directory(tmp_path).to_dict()


def test_as_directory_of_a_dictionary_is_there_for_the_length_of_the_block():
    checkpoint = Checkpoint.from_dict({"epoch": 3})
    with checkpoint.as_directory() as folder:
        assert Checkpoint(folder).to_dict() == {"epoch": 3}
    assert not Path(folder).exists()
    assert checkpoint.to_dict() == {"epoch": 3}


def test_the_path_of_a_dictionary_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    checkpoint = Checkpoint.from_dict({"epoch": 3})
    path = checkpoint.path
    assert checkpoint.path == path
    assert Checkpoint(path).to_dict() == checkpoint.to_dict() == {"epoch": 3}
    assert Checkpoint(checkpoint.to_directory(tmp_path / "copy")).to_dict() == {"epoch": 3}


def test_metadata_go_where_the_checkpoint_goes(tmp_path):
    (tmp_path / "weights").mkdir()
    for name, checkpoint in {
        "of_files": Checkpoint.from_directory(tmp_path / "weights"),
        "of_dict": Checkpoint.from_dict({"epoch": 3}),
    }.items():
        assert checkpoint.metadata == {}
        checkpoint.set_metadata({"framework": "torch", "rank": 0})
        checkpoint.update_metadata({"rank": 1})
        assert checkpoint.metadata == checkpoint.get_metadata() == {"framework": "torch", "rank": 1}
        copy = Checkpoint(checkpoint.to_directory(tmp_path / name))
        assert copy.metadata == {"framework": "torch", "rank": 1}
        checkpoint.set_metadata({})
        assert checkpoint.metadata == {}
    assert copy.to_dict() == {"epoch": 3}


def test_metadata_must_be_json(tmp_path):
    for checkpoint in (Checkpoint.from_directory(tmp_path), Checkpoint.from_dict({})):
        with pytest.raises(TypeError):
            checkpoint.set_metadata({"when": object()})
        assert checkpoint.metadata == {}


def test_a_checkpoint_says_what_it_is_of(tmp_path):
    assert repr(Checkpoint(tmp_path)) == f"Checkpoint({tmp_path})"
    assert repr(Checkpoint.from_dict({})) == "Checkpoint(of a dictionary)"


def test_plain_values_need_one_readable_file(tmp_path):
    data = {"epoch": 3, "betas": (0.9, 0.99), "best": float("inf"), "by_epoch": {10: 0.1}, "tags": ["a", None], "$": 1}
    assert stored(data, tmp_path) == data
    (only,) = tmp_path.iterdir()
    json.loads(only.read_text())


ARRAYS = {
    "no dimensions": np.array(3.5),
    "no elements": np.zeros((0, 3), np.float32),
    "every second": np.arange(10)[::2],
    "backwards": np.arange(10)[::-1],
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "broadcast": np.broadcast_to(np.float32(1.5), (2, 2)),
    "bool": np.array([True, False]),
    "half": np.array([0.1, 65504], np.float16),
    "bytes": np.array([0, 255], np.uint8),
    "large": np.array([2**63 + 1], np.uint64),
    "NaN and infinity": np.array([np.nan, np.inf]),
    "big end first": np.array([1.5, 2.5], ">f8"),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays_of_every_layout_come_back_without_pickle(array, tmp_path):
    back = stored({"layers": [array], 7: array}, tmp_path)
    assert "objects.pickle" not in files_in(tmp_path)
    for found in (back["layers"][0], back[7]):
        assert (type(found), found.shape, found.dtype) == (np.ndarray, array.shape, array.dtype.newbyteorder("="))
        np.testing.assert_array_equal(found, array)
        found[...] = 1  # training goes on in it


numeric_types = npst.boolean_dtypes() | npst.integer_dtypes() | npst.unsigned_integer_dtypes() | npst.floating_dtypes()


@given(npst.arrays(numeric_types, npst.array_shapes(min_dims=0, min_side=0)))
def test_any_array_of_numbers_comes_back(array):
    with Checkpoint.from_dict({"w": array}).as_directory() as folder:
        assert "objects.pickle" not in os.listdir(folder)
        back = Checkpoint(folder).to_dict()["w"]
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


def test_only_what_needs_pickle_is_pickled(tmp_path):
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    data = {
        "tokenizer": Tokenizer(["a"]),
        "names": {"x"},
        "text": np.array(["lr", "momentum"]),
        "wide": np.array([0.1], np.longdouble),
        "complex": np.array([1 + 2j]),
        "when": np.datetime64("2024-02-29"),
        "phase": np.complex64(1j),
        "masked": masked,
        "weights": np.ones(3),
        "scale": np.float32(0.5),
        "epoch": 3,
    }
    back = stored(data, tmp_path)
    assert files_in(tmp_path) == ["arrays.safetensors", "objects.pickle", "poptune_dictionary.json"]
    assert back["masked"].mask.tolist() == [True, False]
    assert back["wide"].dtype == np.longdouble
    for key in data.keys() - {"masked"}:
        np.testing.assert_equal(back[key], data[key])

    (tmp_path / "objects.pickle").unlink()
    text = (tmp_path / "poptune_dictionary.json").read_text()
    assert {key for key in data if f'"{key}":{{"$":"pickled"' in text} == {
        *("tokenizer", "text", "wide", "complex", "when", "phase", "masked"),
    }


class DeviceArray:
    """An array of another library, which NumPy can read."""

    dtype, shape = "bfloat16", (3,)

    def __array__(self, dtype=None, copy=None):
        return np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Tokenizer([]), r"is a Tokenizer, .*such as model\.state_dict\(\)"),
        (np.array(["a", None]), r"is a ndarray of object, .*such as model\.state_dict\(\)"),
        (DeviceArray(), r"is a DeviceArray of bfloat16, .*such as numpy\.asarray\(it\)"),
    ],
)
def test_what_needs_pickle_is_refused_by_its_place_and_kind(value, said, tmp_path):
    state = {"optimizer": [{"step": 3}, (0.5, value)]}
    with pytest.raises(UsageError, match=f"'optimizer/1/1' in the checkpoint {said}"):
        Checkpoint.from_dict(state).write_to(tmp_path, allow_pickle=False)


@pytest.mark.parametrize("value", [b"", b"raw\x00", {"x", "y"}, frozenset({1, (2, 3.5)}), {"a": [{b"k"}]}, {math.inf}])
def test_bytes_and_sets_come_back_without_pickle(value, tmp_path):
    back = stored({"value": value}, tmp_path)["value"]
    assert (type(back), back) == (type(value), value)
    assert "objects.pickle" not in files_in(tmp_path)


STATES = {
    "random": lambda: random.Random(7).getstate(),
    "numpy": lambda: np.random.default_rng(7).bit_generator.state,
    "numpy, legacy": lambda: np.random.RandomState(7).get_state(),
    "torch": lambda: torch.Generator().manual_seed(7).get_state(),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_states_of_generators_come_back_without_pickle(state, tmp_path):
    back = stored({"generator": state()}, tmp_path)["generator"]
    numbers = [found.numpy() if torch.is_tensor(found) else found for found in (back, state())]
    np.testing.assert_equal(*numbers)
    assert "objects.pickle" not in files_in(tmp_path)


def test_pickled_objects_are_loaded_only_if_that_is_allowed(tmp_path):
    folder = Checkpoint.from_dict({"model": Tokenizer(["a"])}).to_directory(tmp_path)
    with pytest.raises(UsageError, match=r"holds pickled objects, and loading them executes .*allow_pickle=True"):
        Checkpoint(folder).to_dict()
    assert Checkpoint(folder).to_dict(allow_pickle=True) == {"model": Tokenizer(["a"])}


def test_what_was_written_to_a_temporary_directory_by_this_process_can_be_read_by_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    checkpoint = Checkpoint.from_dict({"model": Tokenizer(["a"])})
    assert checkpoint.path
    assert checkpoint.to_dict() == {"model": Tokenizer(["a"])}


def test_reading_a_dictionary_without_pickled_objects_imports_no_pickle(tmp_path):
    stored({"weights": np.ones(3), "epoch": 3, "score": np.float64("nan")}, tmp_path)
    script = """
import sys
from pathlib import Path
sys.modules["cloudpickle"] = None  # importing it would fail
from poptune.storage import dictionary
print(dictionary.read(Path(sys.argv[1]), allow_pickle=False))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'weights': array([1., 1., 1.]), 'epoch': 3, 'score': nan}\n", "")


def test_a_torch_training_state_comes_back(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(16, 4)).square().mean().backward()
        optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "generator": torch.get_rng_state()}

    back = stored(state, tmp_path)
    assert files_in(tmp_path) == ["poptune_dictionary.json", "tensors.safetensors"]
    assert list(back["optimizer"]["state"]) == [0, 1, 2, 3, 4, 5]  # the keys are integers
    assert back["optimizer"]["param_groups"] == state["optimizer"]["param_groups"]
    assert back["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    twin = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
    twin.load_state_dict(back["model"])
    its_optimizer = torch.optim.Adam(twin.parameters())
    its_optimizer.load_state_dict(back["optimizer"])
    for one, other in ((model, optimizer), (twin, its_optimizer)):
        torch.set_rng_state(back["generator"])
        other.zero_grad()
        one(torch.randn(16, 4)).square().mean().backward()
        other.step()
    for mine, its in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(mine, its)


base = torch.arange(12.0).reshape(3, 4)

TENSORS = {
    "bfloat16": torch.tensor([0.1, -3e38], dtype=torch.bfloat16),
    "half": torch.tensor([0.1], dtype=torch.float16),
    "float8": torch.tensor([0.5, 448.0]).to(torch.float8_e4m3fn),
    "bool": torch.tensor([True, False]),
    "no dimensions": torch.tensor(7),
    "no elements": torch.empty(0, 3),
    "transposed": base.T,
    "a part": base[1, 1:3],
    "expanded": torch.tensor([1.0]).expand(2, 2),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "of a graph": torch.nn.Parameter(torch.ones(2)) * 2,
    "conjugate": torch.tensor([1 + 2j]).conj(),
    "negative": torch.tensor([1 + 2j]).conj().imag,
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS.keys())
def test_tensors_of_every_layout_come_back_without_pickle(tensor, tmp_path):
    back = stored({"w": tensor}, tmp_path)["w"]
    assert "objects.pickle" not in files_in(tmp_path)
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(back.to(torch.complex64), tensor.to(torch.complex64))


def test_tied_weights_and_views_of_one_memory_come_back(tmp_path):
    embedding = torch.nn.Embedding(5, 3)
    head = torch.nn.Linear(3, 5, bias=False)
    head.weight = embedding.weight
    whole = torch.arange(6.0)
    data = {"embedding": embedding.state_dict(), "head": head.state_dict(), "parts": [whole, whole[:3], whole[3:]]}
    back = stored(data, tmp_path)
    assert torch.equal(back["embedding"]["weight"], embedding.weight)
    assert torch.equal(back["head"]["weight"], head.weight)
    assert [part.tolist() for part in back["parts"]] == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [3, 4, 5]]


def test_tensors_that_safetensors_cannot_hold_are_pickled(tmp_path):
    data = {"sparse": torch.eye(3).to_sparse(), "wide": torch.tensor([1 + 2j], dtype=torch.complex128)}
    back = stored(data, tmp_path)
    assert "objects.pickle" in files_in(tmp_path)
    assert torch.equal(back["sparse"].to_dense(), torch.eye(3))
    assert torch.equal(back["wide"], data["wide"])


def test_changing_what_was_loaded_does_not_change_the_files(tmp_path):
    folder = Checkpoint.from_dict({"t": torch.ones(1000), "a": np.ones(1000)}).to_directory(tmp_path)
    loaded = Checkpoint(folder).to_dict()
    loaded["t"].add_(1)
    loaded["a"] += 1
    again = Checkpoint(folder).to_dict()
    assert (again["t"].sum().item(), again["a"].sum()) == (1000, 1000)


def test_loaded_values_outlive_their_files(tmp_path):
    folder = Path(Checkpoint.from_dict({"t": torch.ones(1000), "a": np.ones(1000)}).to_directory(tmp_path / "c"))
    loaded = Checkpoint(folder).to_dict()
    for file in folder.iterdir():
        file.unlink()
    assert (loaded["t"].sum().item(), loaded["a"].sum()) == (1000, 1000)


def test_an_ordered_dictionary_keeps_its_order(tmp_path):
    data = OrderedDict([("z", 1), ("a", 2), ("m", 3)])
    assert list(stored({"layers": data}, tmp_path)["layers"]) == ["z", "a", "m"]


def test_to_dict_gives_a_dictionary_of_the_callers_own():
    checkpoint = Checkpoint.from_dict({"epoch": 3})
    checkpoint.to_dict()["epoch"] = 4
    assert checkpoint.to_dict() == {"epoch": 3}


@given(st.dictionaries(st.text() | st.integers(), st.floats() | st.text() | st.tuples(st.integers())))
def test_any_dictionary_of_plain_values_comes_back(data):
    with Checkpoint.from_dict(data).as_directory() as folder:
        assert repr(Checkpoint(folder).to_dict()) == repr(data)

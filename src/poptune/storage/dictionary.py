"""A dictionary as files: arrays as safetensors, plain values as JSON, and the rest, if any, pickled and marked so.

Pickling needs to be allowed, and unpickling again by whoever reads: loading a pickle executes whatever is in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from poptune.core.nested import items_of
from poptune.errors import StorageError, UsageError
from poptune.storage.arrays import (
    ARRAY_TYPES,
    TENSOR_TYPES,
    Block,
    array_block,
    as_safetensors,
    load_arrays,
    tensor_block,
)
from poptune.storage.copying import Fingerprint, write_files
from poptune.storage.encoding import TAG, dumps, loads, plain_number

_VALUES = "poptune_dictionary.json"  # what no checkpoint directory of a user's own holds
_ARRAYS = "arrays.safetensors"
_TENSORS = "tensors.safetensors"
PICKLED = "objects.pickle"

HOW_TO_ALLOW = "RunConfig(checkpoint_config=CheckpointConfig(allow_pickle=True))"


def is_dictionary(folder: Path) -> bool:
    """Whether a dictionary was written into a directory."""
    return (folder / _VALUES).is_file()


def write(data: Mapping[str, Any], folder: Path, *, allow_pickle: bool) -> Fingerprint:
    """Write a dictionary into an empty directory, and say what its files are.

    Raises:
        UsageError: It holds something that only pickle can hold, and that is not allowed.
    """
    aside = _Aside(data, allow_pickle)
    contents: dict[str, Sequence[bytes | memoryview]] = {_VALUES: [dumps(data, aside.put).encode()]}
    if aside.arrays:
        contents[_ARRAYS] = as_safetensors(aside.arrays)
    if aside.tensors:
        contents[_TENSORS] = as_safetensors(aside.tensors)
    if aside.objects:
        import cloudpickle

        contents[PICKLED] = [cloudpickle.dumps(aside.objects)]
    return write_files(folder, contents)


class _Aside:
    """What of a dictionary JSON cannot hold, and where it is put.

    This is no function inside of `write`: one that calls itself is part of a cycle, which would keep the weights of
    each checkpoint in memory until garbage is collected. The same goes for `_Parts`.
    """

    def __init__(self, data: Mapping[str, Any], allow_pickle: bool) -> None:
        self.arrays: dict[str, Block] = {}
        self.tensors: dict[str, Block] = {}
        self.objects: list[Any] = []
        self._data = data
        self._allow_pickle = allow_pickle

    def put(self, value: Any) -> Any:
        """Put a value aside, and return what stands for it."""
        if _is_tensor(value):
            name = f"t{len(self.tensors)}"
            self.tensors[name] = tensor_block(value)
            return {TAG: "tensor", "name": name}
        if _is_array(value):
            name = f"a{len(self.arrays)}"
            self.arrays[name] = array_block(value)
            return {TAG: "array", "name": name, "shape": list(value.shape)}
        if (number := plain_number(value)) is not value:
            return number
        if type(value) is bytes:
            name = f"a{len(self.arrays)}"
            self.arrays[name] = Block("U8", (len(value),), memoryview(value))
            return {TAG: "bytes", "name": name}
        if type(value) in (set, frozenset):
            return {TAG: type(value).__name__, "items": json.loads(dumps(list(value), self.put))}
        if not self._allow_pickle:
            raise UsageError(_refusal(value, self._data))
        self.objects.append(value)
        return {TAG: "pickled", "number": len(self.objects) - 1}


def read(folder: Path, *, allow_pickle: bool) -> dict[str, Any]:
    """Return the dictionary that was written into a directory. Unpickles only what had to be pickled.

    Raises:
        UsageError: There is none, or it holds pickled objects and that is not allowed.
        StorageError: Its files are damaged.
    """
    if not is_dictionary(folder):
        raise UsageError(
            f"The checkpoint {folder} was made of a directory, not of a dictionary: use checkpoint.as_directory()."
        )
    parts = _Parts(
        load_arrays(folder / _ARRAYS) if (folder / _ARRAYS).is_file() else {},
        _load_tensors(folder / _TENSORS),
        _load_pickled(folder / PICKLED, allow_pickle),
    )
    try:
        data: dict[str, Any] = dict(loads((folder / _VALUES).read_text(encoding="utf-8"), parts.fetch))
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"The checkpoint {folder} is damaged: {_VALUES} cannot be read ({error!r}).") from error
    return data


class _Parts(NamedTuple):
    """What was put aside, loaded."""

    arrays: Mapping[str, Any]
    tensors: Mapping[str, Any]
    objects: Sequence[Any]

    def fetch(self, tagged: dict[str, Any]) -> Any:
        """Return the value that something stands for."""
        match tagged[TAG]:
            case "tensor":
                return self.tensors[tagged["name"]]
            case "array":
                return self.arrays[tagged["name"]].reshape(tagged["shape"])
            case "bytes":
                return self.arrays[tagged["name"]].tobytes()
            case "set" | "frozenset" as kind:
                items = loads(json.dumps(tagged["items"]), self.fetch)
                return frozenset(items) if kind == "frozenset" else set(items)
            case _:
                return self.objects[tagged["number"]]


def _refusal(value: Any, data: Mapping[str, Any]) -> str:
    path = next(("/".join(path) for path, item in _places(data) if item is value), None)
    where = "Something" if path is None else repr(path)
    kind = f"{type(value).__name__}{_dtype(value)}"
    instead = "numpy.asarray(it)" if _is_foreign_array(value) else "model.state_dict()"
    return (
        f"{where} in the checkpoint is a {kind}, which only pickle can hold; and whoever loads a pickle"
        f" executes what is in it. Save plain values, arrays and tensors instead, such as {instead}. Or allow"
        f" it: {HOW_TO_ALLOW}."
    )


def _places(tree: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) of everything in nested dictionaries, lists and tuples."""
    for key, item in items_of(tree):
        yield (*prefix, str(key)), item
        yield from _places(item, (*prefix, str(key)))


def _dtype(value: Any) -> str:
    return f" of {value.dtype}" if hasattr(value, "dtype") and hasattr(value, "shape") else ""


def _is_foreign_array(value: Any) -> bool:
    """Whether NumPy can make its own array of this, as of an array of JAX."""
    return hasattr(value, "__array__") and type(value).__module__.partition(".")[0] not in ("numpy", "torch")


def _load_tensors(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise UsageError(f"{file} holds torch tensors, and torch is not installed. Run: pip install torch") from None
    return _loaded(load_file, file)


def _loaded(load_file: Callable[[Path], Mapping[str, Any]], file: Path) -> dict[str, Any]:
    from safetensors import SafetensorError

    try:
        return dict(load_file(file))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"The checkpoint {file.parent} is damaged: {file.name} cannot be read ({error}).") from error


def _load_pickled(file: Path, allow_pickle: bool) -> list[Any]:
    if not file.is_file():
        return []
    if not allow_pickle:
        raise UsageError(
            f"{file} holds pickled objects, and loading them executes what is in them. If you trust whoever wrote them:"
            f" checkpoint.to_dict(allow_pickle=True), or for training code {HOW_TO_ALLOW}."
        )
    import cloudpickle

    return list(cloudpickle.loads(file.read_bytes()))


def _is_tensor(value: Any) -> bool:
    """Say whether a value is a torch tensor that safetensors can hold: none that is sparse or quantized."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return False
    return value.layout is torch.strided and str(value.dtype).removeprefix("torch.") in TENSOR_TYPES


def _is_array(value: Any) -> bool:
    """Say whether a value is a NumPy array of numbers that `load_arrays` can give: no mask, no 8-bit floats."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) not in (numpy.ndarray, numpy.memmap):
        return False
    return value.dtype.name in ARRAY_TYPES

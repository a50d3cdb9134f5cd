"""States of the global generators that training has drawn from, as bytes and back: it can draw on after a restart.

They are numbers as they lie in memory behind one line of JSON: nothing to unpickle.
"""

from __future__ import annotations

import ctypes
import json
import sys
import zlib
from array import array
from dataclasses import dataclass
from typing import Any

from poptune.core.randomness import GlobalGenerators, imported_torch

_ORDER = sys.byteorder
_MT19937_BYTES = 625 * 4  # 624 numbers and a position


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells later which of the global generators were drawn from, at a fifth of the price of their states.

    >>> import random
    >>> marks = Marks.now()
    >>> marks.drawn().python is None
    True
    >>> drawn = random.random()
    >>> marks.drawn().python == random.getstate()
    True
    """

    python: Any = None
    numpy: bytes | None = None
    torch: bytes | None = None
    torch_cuda: tuple[bytes, ...] = ()

    @classmethod
    def now(cls) -> Marks:
        """Return marks of the generators as they are."""
        random, torch = sys.modules.get("random"), imported_torch()
        return cls(
            random.getstate() if random else None,
            _numpy_memory(),
            torch.get_rng_state().numpy().tobytes() if torch else None,
            tuple(state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()) if _on_gpus(torch) else (),
        )

    def drawn(self) -> GlobalGenerators:
        """Return the states of those generators that were drawn from since."""
        now, states = Marks.now(), GlobalGenerators()
        if now.python != self.python:
            states.python = now.python
        if now.numpy != self.numpy:  # a normal value that it holds back is half of a pair that moved them
            states.numpy = sys.modules["numpy.random"].get_state(legacy=False)
        if now.torch != self.torch:
            states.torch = imported_torch().get_rng_state()
        if now.torch_cuda != self.torch_cuda:
            states.torch_cuda = imported_torch().cuda.get_rng_state_all()
        return states


def _numpy_memory() -> bytes | None:
    """Return the numbers of NumPy's global generator as they lie in memory: to ask for its state takes 30 us."""
    if "numpy.random" not in sys.modules:
        return None
    generator = sys.modules["numpy.random"].get_bit_generator()
    is_known = type(generator).__name__ == "MT19937"  # others cannot be saved
    return ctypes.string_at(generator.ctypes.state_address, _MT19937_BYTES) if is_known else None


def _on_gpus(torch: Any) -> bool:
    return bool(torch) and bool(torch.cuda.is_initialized())


def packed(generators: GlobalGenerators) -> bytes:
    """Return recorded states as bytes; of none, nothing.

    >>> state = GlobalGenerators.capture()
    >>> unpacked(packed(state)).python == state.python
    True
    """
    about: dict[str, Any] = {"order": _ORDER}
    parts: list[bytes] = []
    if generators.python is not None:
        version, words, gauss = generators.python
        about["python"] = version, gauss
        parts.append(array("I", words).tobytes())
    if generators.numpy is not None:
        state = generators.numpy
        about["numpy"] = state["state"]["pos"], state["has_gauss"], state["gauss"]
        parts.append(state["state"]["key"].tobytes())
    if generators.torch is not None:
        about["torch"] = True
        parts.append(generators.torch.numpy().tobytes())
    if generators.torch_cuda is not None:
        about["torch_cuda"] = len(generators.torch_cuda)
        parts += [one.numpy().tobytes() for one in generators.torch_cuda]
    if not parts:
        return b""
    body = b"".join(parts)
    about |= {"sizes": [len(part) for part in parts], "checksum": zlib.crc32(body)}
    return json.dumps(about, separators=(",", ":")).encode() + b"\n" + body


def unpacked(data: bytes) -> GlobalGenerators:
    """Return the states in bytes that `packed` made; of a library that is not imported here nothing.

    Raises:
        ValueError: They are damaged, or of a machine with another order of bytes.
    """
    if not data:
        return GlobalGenerators()
    head, _, body = data.partition(b"\n")
    about = json.loads(head)
    if type(about) is not dict or about.get("order") != _ORDER or zlib.crc32(body) != about.get("checksum"):
        raise ValueError("these are no states of random generators, or they are damaged")
    parts = iter(_cut(body, about["sizes"]))
    found = GlobalGenerators()
    if "python" in about:
        version, gauss = about["python"]
        found.python = version, tuple(array("I", next(parts))), gauss
    if "numpy" in about:
        found.numpy = _numpy_state(next(parts), *about["numpy"])
    if (torch := imported_torch()) is None:
        return found
    if "torch" in about:
        found.torch = torch.frombuffer(bytearray(next(parts)), dtype=torch.uint8)
    if "torch_cuda" in about and torch.cuda.is_available() and about["torch_cuda"] == torch.cuda.device_count():
        found.torch_cuda = [torch.frombuffer(bytearray(part), dtype=torch.uint8) for part in parts]
    return found


def _cut(body: bytes, sizes: list[int]) -> list[bytes]:
    ends = [sum(sizes[: count + 1]) for count in range(len(sizes))]
    return [body[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _numpy_state(key: bytes, pos: int, has_gauss: int, gauss: float) -> dict[str, Any]:
    import numpy as np

    state = {"key": np.frombuffer(key, np.uint32).copy(), "pos": pos}
    return {"bit_generator": "MT19937", "state": state, "has_gauss": has_gauss, "gauss": gauss}

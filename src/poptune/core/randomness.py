"""Where random numbers come from: a generator made afresh for every use from what it is for.

No generator lives on between two decisions, so draws do not depend on the order in which reports arrive, no
generator state has to be saved, and a resumed run draws what the undisturbed one would have drawn.

Code of the user (a `lambda` in a mutation, a training function) draws from the global generators of
`random`, NumPy and torch. `borrowed_globals` and `GlobalGenerators` lend those generators, seeded, and put back what
was there before: a run leaves the user's global state untouched.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


class Purpose(IntEnum):
    """What a generator is for. The number is part of the seed: never renumber."""

    INITIAL_CONFIG = 0
    DECISION = 1
    TRAINING = 2


def rng_for(seed: int, purpose: Purpose, trial_index: int, generation: int = 0) -> np.random.Generator:
    """Return the generator of one trial for one purpose at one generation.

    >>> a = rng_for(7, Purpose.DECISION, trial_index=3, generation=2)
    >>> b = rng_for(7, Purpose.DECISION, trial_index=3, generation=2)
    >>> float(a.random()) == float(b.random())
    True
    """
    import numpy as np

    # By its name, so that draws stay what they are when NumPy's default changes.
    return np.random.Generator(np.random.PCG64(_sequence(seed, purpose, trial_index, generation)))


def below(n: int, rng: np.random.Generator) -> int:
    """Draw one of 0, ..., n - 1, all equally likely to within n * 2**-53: a third of the time of `rng.integers(n)`."""
    return int(rng.random() * n)


def training_seed(seed: int, trial_index: int, generation: int, attempt: int = 0) -> int:
    """Return the number below 2**32 that seeds the global generators when a trial starts.

    Args:
        seed: Of the run.
        trial_index: Of the trial.
        generation: Decision points that it has passed.
        attempt: How often it started again since it got its config: what made it fail may be what it drew.
    """
    return int(_sequence(seed, Purpose.TRAINING, trial_index, generation).generate_state(attempt + 1)[attempt])


def _sequence(seed: int, purpose: Purpose, trial_index: int, generation: int) -> np.random.SeedSequence:
    import numpy as np

    if not 0 <= seed < 2**64:
        return np.random.SeedSequence(seed, spawn_key=(int(purpose), trial_index, generation))
    # The words that SeedSequence(seed, spawn_key=...) makes of these numbers itself, in twice the time.
    words = _WORDS.pack(seed & 0xFFFFFFFF, seed >> 32, 0, 0, purpose, trial_index, generation)
    return np.random.SeedSequence(np.frombuffer(words, np.uint32))


_WORDS = struct.Struct("=7I")


@dataclass(slots=True)
class GlobalGenerators:
    """The state of the global generators of `random`, NumPy and torch, as far as they are imported.

    A module that nobody imported has no state worth keeping and is not imported for it.
    """

    python: Any = None
    numpy: Any = None
    torch: Any = None
    torch_cuda: Any = None

    @classmethod
    def capture(cls) -> GlobalGenerators:
        """Return a record of the present states."""
        state = cls()
        if random := sys.modules.get("random"):
            state.python = random.getstate()
        if numpy_random := sys.modules.get("numpy.random"):
            state.numpy = numpy_random.get_state(legacy=False)
        if torch := imported_torch():
            state.torch = torch.get_rng_state()
            if torch.cuda.is_initialized():
                state.torch_cuda = torch.cuda.get_rng_state_all()
        return state

    def restore(self) -> None:
        """Put the recorded states back."""
        if self.python is not None:
            sys.modules["random"].setstate(self.python)
        if self.numpy is not None:
            sys.modules["numpy.random"].set_state(self.numpy)
        if torch := imported_torch():
            if self.torch is not None:
                torch.set_rng_state(self.torch)
            if self.torch_cuda is not None:
                torch.cuda.set_rng_state_all(self.torch_cuda)


_seen: Counter[int] = Counter()  # states of the global generators that seeds were made of


def seed_of_globals() -> int:
    """Return a seed made of the states of the global generators of `random` and NumPy, which are only read.

    A script that seeds both at its top gets the same seeds each time it runs. Within a process the same states give
    another seed at each call: runs that are repeated in a loop are not copies of one run. The operating system seeds
    generators that nobody seeds.

    >>> import random
    >>> random.seed(7)
    >>> seed_of_globals() == seed_of_globals()
    False
    """
    import random

    import numpy as np

    numpy_state = [np.asarray(part).tolist() for part in np.random.get_state(legacy=False)["state"].values()]
    states = repr((random.getstate(), numpy_state))
    count = _seen[states_hash := hash(states)]
    _seen[states_hash] += 1
    return int.from_bytes(hashlib.blake2s(f"{states}{count}".encode()).digest()[:4], "little")


def seed_globals(seed: int) -> None:
    """Seed the global generators that are imported. `seed` lies in [0, 2**32)."""
    if random := sys.modules.get("random"):
        random.seed(seed)
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed(seed)
    if torch := imported_torch():
        torch.manual_seed(seed)


@contextmanager
def borrowed_globals(rng: np.random.Generator) -> Iterator[None]:
    """Lend the global generators, seeded from `rng`, to code of the user for the length of a block.

    >>> import random
    >>> before = random.getstate()
    >>> with borrowed_globals(rng_for(0, Purpose.DECISION, 0)):
    ...     value = random.random()
    >>> random.getstate() == before
    True
    """
    before = GlobalGenerators.capture()
    seed_globals(int(rng.integers(2**32)))
    try:
        yield
    finally:
        before.restore()


def imported_torch() -> Any:
    """Return torch if it is imported completely; half-way through its own import it has no generator yet."""
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "get_rng_state") and hasattr(torch, "cuda") else None

"""`ray.tune.registry`: trainables by name."""

from __future__ import annotations

from typing import Any

from poptune.compat.tune.oldest import check_generation
from poptune.errors import OptionError, UsageError, nearest
from poptune.trainables.packed import Packed

__all__ = ["register_trainable"]

_registered: dict[str, Packed] = {}


def register_trainable(name: str, trainable: Any, warn: bool = True) -> None:
    """Let a trainable be given by its name, as in `Tuner("net")`. A name that is taken gets the newer one.

    The trainable itself goes to the workers, so nothing has to be registered there.

    Args:
        name: Its name.
        trainable: What a `Tuner` takes.
        warn: Without meaning.

    Raises:
        UsageError: It is no trainable.

    >>> register_trainable("height", lambda config: {"height": config["speed"]})
    >>> trainable_named("height")({"speed": 3})
    {'height': 3}
    """
    if not isinstance(name, str) or not name:
        raise OptionError(f"A trainable is registered under a text, not {name!r}.")
    check_generation(trainable)
    _registered[name] = Packed.of(trainable)


def trainable_named(trainable: Any) -> Any:
    """Return what is registered under a name; what is no name is returned as it is.

    Raises:
        UsageError: Nothing is.
    """
    if not isinstance(trainable, str):
        return trainable
    if trainable not in _registered:
        raise UsageError(
            f"No trainable is registered as {trainable!r}.{nearest(trainable, _registered)}"
            f" Call tune.register_trainable({trainable!r}, ...) first."
        )
    return _registered[trainable]

"""A trainable with what it needs: large objects bound to it, and the resources of one trial."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from poptune.core.values import is_number
from poptune.errors import OptionError, UsageError
from poptune.trainables.class_api import Trainable, check_class
from poptune.trainables.function import check_function


@dataclass(frozen=True)
class Resources:
    """What one trial uses.

    Attributes:
        cpu: Cores. Workers times `cpu` never exceeds the machine's, and numerical libraries use so many threads.
        gpu: GPUs. A fraction shares one GPU between several workers.
        others: What nodes of a Ray cluster may have besides: `memory` in bytes, and custom resources by their names.
    """

    cpu: float = 1.0
    gpu: float = 0.0
    others: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, amounts: Mapping[str, float]) -> Resources:
        """Return resources from a dictionary such as `{"cpu": 2, "gpu": 0.5}`."""
        if not isinstance(amounts, Mapping):
            raise OptionError(f'Resources are a dictionary such as {{"cpu": 2}}, not {amounts!r}.')
        known = {"cpu": 1.0, "gpu": 0.0}
        others = {}
        for name, amount in amounts.items():
            if not isinstance(name, str):
                raise OptionError(f"A resource has a name such as 'cpu', not {name!r}.")
            if not is_number(amount) or not math.isfinite(amount) or amount < 0:
                raise OptionError(f"Resource {name!r} must be a number from 0, not {amount!r}.")
            if name.lower() in known:
                known[name.lower()] = float(amount)
            else:
                others[name] = float(amount)
        if known["gpu"] > 1 and known["gpu"] != int(known["gpu"]):
            raise OptionError(f"More than one GPU must be a whole number, not {known['gpu']:g}.")
        return cls(**known, others=others)

    def as_dict(self) -> dict[str, float]:
        """Return the amounts by name."""
        return {"cpu": self.cpu, "gpu": self.gpu, **self.others}


@dataclass(frozen=True)
class Packed:
    """A trainable with bound parameters and resources. Made by `with_parameters` and `with_resources`."""

    target: Callable[..., Any] | type[Trainable]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = Resources()

    @classmethod
    def of(cls, trainable: Any) -> Packed:
        """Return a trainable packed, checked so that it can be called.

        Raises:
            UsageError: It is no function and no class trainable.
        """
        packed = trainable if isinstance(trainable, cls) else cls(trainable)
        target = packed.target
        if packed.is_class:
            if target is Trainable:
                raise UsageError("Derive a class from tune.Trainable and give that one to the Tuner.")
            check_class(target, packed.parameters)  # type: ignore[arg-type]
            return packed
        if inspect.isclass(target):
            raise UsageError(
                f"The class {target.__name__} is no trainable: derive it from tune.Trainable, or give a function."
            )
        if not callable(target):
            raise UsageError(
                "The trainable must be a function train(config) or a class derived from tune.Trainable,"
                f" not {type(target).__name__} {target!r}."
            )
        check_function(target, packed.parameters)
        return packed

    @property
    def is_class(self) -> bool:
        """Whether this is a class trainable."""
        return inspect.isclass(self.target) and issubclass(self.target, Trainable)

    @property
    def name(self) -> str:
        """Name of the function or class."""
        return getattr(self.target, "__name__", type(self.target).__name__)

    def __call__(self, config: dict[str, Any]) -> Any:
        """Call the target as a run would."""
        return self.target(config, **self.parameters)


def with_parameters(trainable: Any, **parameters: Any) -> Packed:
    """Bind large objects, such as data sets, to a trainable; each worker receives them once.

    A function gets them as keyword arguments, a class trainable in `setup(config, **parameters)`.

    >>> def train(config, data):
    ...     return {"total": sum(data)}
    >>> with_parameters(train, data=[1, 2, 3])({})
    {'total': 6}
    """
    packed = trainable if isinstance(trainable, Packed) else Packed(trainable)
    return replace(packed, parameters={**packed.parameters, **parameters})


def with_resources(trainable: Any, resources: Mapping[str, float]) -> Packed:
    """Say what one trial uses: `{"cpu": 2, "gpu": 0.5}`. The default is one core.

    >>> with_resources(lambda config: None, {"cpu": 2}).resources
    Resources(cpu=2.0, gpu=0.0, others={})
    """
    packed = trainable if isinstance(trainable, Packed) else Packed(trainable)
    return replace(packed, resources=Resources.of(resources))

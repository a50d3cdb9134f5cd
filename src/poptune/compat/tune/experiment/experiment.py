"""`ray.tune.experiment.experiment`: the arguments of a run as an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poptune.errors import OptionError

__all__ = ["Experiment"]


class Experiment:
    """A run to come: what `tune.run` and `tune.run_experiments` take in place of a trainable.

    Args:
        name: Name of the run and of its directory.
        run: What to train, as for `tune.run`.
        options: Further arguments of `tune.run` by name, such as `config`, `stop` and `num_samples`.

    >>> Experiment("hill", lambda config: None, num_samples=2)
    Experiment('hill', num_samples=2)
    """

    def __init__(self, name: str, run: Any, **options: Any) -> None:
        self.name, self.run, self.options = name, run, options

    @classmethod
    def from_json(cls, name: str, spec: Mapping[str, Any]) -> Experiment:
        """Return the run that a dictionary describes: `{"run": train, "config": {...}, "num_samples": 4}`.

        Raises:
            OptionError: It does not say what to train.
        """
        if not isinstance(spec, Mapping) or "run" not in spec:
            raise OptionError(f'The experiment {name!r} must be a dictionary such as {{"run": train}}, not {spec!r}.')
        return cls(name, **spec)

    def __repr__(self) -> str:
        return f"Experiment({', '.join([repr(self.name), *(f'{k}={v!r}' for k, v in self.options.items())])})"

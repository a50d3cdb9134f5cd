"""`ray.tune.execution.placement_groups`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from poptune.errors import OptionError
from poptune.trainables.packed import Resources

__all__ = ["PlacementGroupFactory"]


class PlacementGroupFactory(Mapping[str, float]):
    """The resources of one trial, given in bundles: their sum, as `with_resources` takes it.

    In Ray the first bundle is for the trial's own process and the others are for actors that it starts. Here a trial is
    one process, and what it starts shares its resources.

    Args:
        bundles: Resources such as `[{"cpu": 1}, {"cpu": 2, "gpu": 1}]`.
        strategy: Without meaning: a trial is on one machine.

    Raises:
        OptionError: There is no bundle, or one asks for what no machine has.

    >>> dict(PlacementGroupFactory([{"CPU": 1}, {"CPU": 2, "GPU": 0.5}]))
    {'cpu': 3.0, 'gpu': 0.5}
    """

    def __init__(self, bundles: Sequence[Mapping[str, float]], strategy: str = "PACK") -> None:
        if not bundles:
            raise OptionError('PlacementGroupFactory needs at least one bundle, such as [{"cpu": 1}].')
        self.bundles, self.strategy = list(bundles), strategy
        self._total: Counter[str] = Counter()
        for bundle in bundles:
            self._total.update(_amounts(bundle))

    @property
    def required_resources(self) -> dict[str, float]:
        """The sum of the bundles."""
        return dict(self._total)

    def __getitem__(self, name: str) -> float:
        if name not in self._total:
            raise KeyError(name)
        return self._total[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._total)

    def __len__(self) -> int:
        return len(self._total)


def _amounts(bundle: Mapping[str, float]) -> dict[str, float]:
    """Return the amounts that a bundle names: what it leaves out is not one core, as for a whole trial, but none."""
    Resources.of(bundle)
    return {str(name).lower(): float(amount) for name, amount in bundle.items()}

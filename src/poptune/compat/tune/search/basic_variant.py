"""`ray.tune.search.basic_variant`: initial configs, sampled or given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from poptune.core.nested import rebuilt
from poptune.core.space import is_grid_search
from poptune.core.variants import Variant, searched_keys, variants
from poptune.errors import OptionError, nearest

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BasicVariantGenerator"]

_BY_NAME = ("variant_generator", "random")


@dataclass(frozen=True)
class BasicVariantGenerator:
    """How initial configs come about: the search space is sampled, grids are crossed, some points may be given.

    Args:
        points_to_evaluate: Values of hyperparameters to begin with, such as `[{"lr": 0.1}]`: each takes the place of
            one sample of the search space, and what it does not say is sampled. Names are nested as in the space, or
            joined as in `"model/lr"`.
        max_concurrent: Most trials that train at the same time; 0: no limit.
        constant_grid_search: Whether all combinations of grid values share the other values of a sample.
        random_state: What all draws of the run derive from: a number, or a NumPy generator that one is drawn from.

    Raises:
        OptionError: An argument has a value that cannot work.

    >>> from poptune.core.randomness import Purpose, rng_for
    >>> from poptune.core.space import uniform
    >>> found = BasicVariantGenerator([{"lr": 0.5}]).variants(
    ...     {"lr": uniform(0, 1)}, 2, lambda index: rng_for(0, Purpose.INITIAL_CONFIG, index))
    >>> len(found), found[0].config
    (2, {'lr': 0.5})
    """

    points_to_evaluate: Sequence[Mapping[str, Any]] | None = None
    max_concurrent: int = 0
    constant_grid_search: bool = False
    random_state: int | np.random.Generator | np.random.RandomState | None = None

    def __post_init__(self) -> None:
        points, most = self.points_to_evaluate, self.max_concurrent
        if points is not None and (
            not isinstance(points, (list, tuple)) or not all(isinstance(point, Mapping) for point in points)
        ):
            raise OptionError(
                f'points_to_evaluate must be a list of dictionaries such as {{"lr": 0.1}}, not {points!r}.'
            )
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise OptionError(f"max_concurrent must be a whole number from 0, not {most!r}.")

    def seed(self) -> Any:
        """Return the seed that `random_state` stands for."""
        draw = getattr(self.random_state, "integers", getattr(self.random_state, "randint", None))
        return self.random_state if draw is None else int(draw(2**31))

    def variants(
        self, space: Mapping[str, Any], num_samples: int, rng_of: Callable[[int], np.random.Generator]
    ) -> list[Variant]:
        """Return the beginnings of all trials, see `poptune.core.variants.variants`: first those of the given points.

        Raises:
            OptionError: A point names what the space does not choose a value for.
        """
        points = self.points_to_evaluate or ()
        found: list[Variant] = []
        for point in points:
            found += self._sample(space, point, len(found), rng_of)
        for _ in range(num_samples - len(points)):
            found += self._sample(space, {}, len(found), rng_of)
        return found

    def _sample(
        self,
        space: Mapping[str, Any],
        point: Mapping[str, Any],
        first: int,
        rng_of: Callable[[int], np.random.Generator],
    ) -> list[Variant]:
        """Return one combination of grid values after another, with the values of a point."""
        chosen = _by_key(point)
        if unknown := [key for key in chosen if key not in searched_keys(space)]:
            raise OptionError(
                f"points_to_evaluate: the search space chooses no value for {unknown[0]!r}."
                f"{nearest(unknown[0], searched_keys(space))}"
            )
        found = variants(
            _with_values(space, chosen), 1, lambda index: rng_of(first + (0 if self.constant_grid_search else index))
        )
        return [
            replace(variant, index=first + variant.index, tag_values=chosen | variant.tag_values) for variant in found
        ]


def checked_search(search_alg: Any) -> BasicVariantGenerator:
    """Return what a `search_alg` stands for.

    Raises:
        OptionError: It searches in another way.
    """
    if isinstance(search_alg, BasicVariantGenerator):
        return search_alg
    if search_alg is not None and search_alg not in _BY_NAME:
        raise OptionError(
            f"search_alg must be None or one of {', '.join(map(repr, _BY_NAME))}, or a BasicVariantGenerator(...), not"
            f" {search_alg!r}: the search space is sampled."
        )
    return BasicVariantGenerator()


def _by_key(point: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a point by joined names: `{"model": {"lr": 1}}` as `{"model/lr": 1}`."""
    values: dict[str, Any] = {}
    for name, value in point.items():
        values |= _by_key(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return values


def _with_values(space: Any, values: Mapping[str, Any], key: str = "") -> Any:
    """Return a search space in which the given values stand in place of what would choose them."""
    if key in values:
        return values[key]
    if is_grid_search(space):
        return space
    return rebuilt(space, lambda name, item: _with_values(item, values, f"{key}/{name}" if key else str(name)))

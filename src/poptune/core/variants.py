"""From a search space to the initial configs of the trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from poptune.core.domains import Categorical, Domain
from poptune.core.nested import Config, copy_tree, items_of, rebuilt
from poptune.core.randomness import borrowed_globals
from poptune.core.space import Place, SampleFrom, is_grid_search, unresolved
from poptune.core.values import plain
from poptune.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Variant:
    """The beginning of one trial.

    Attributes:
        index: Position in the population, from 0.
        config: Initial hyperparameters; its dictionaries, lists and tuples belong to this trial alone.
        tag_values: What the search space chose for this trial (from grids and domains), by key: `"model/lr"` or
            `"betas/0"`.
    """

    index: int
    config: Config
    tag_values: dict[str, Any]


def variants(
    param_space: Mapping[str, Any], num_samples: int, rng_of: Callable[[int], np.random.Generator]
) -> list[Variant]:
    """Return the beginnings of all trials: every combination of grid values, `num_samples` times.

    Grid values are put in first; several grids are crossed in the alphabetical order of their keys, the first
    one varying fastest, as in Ray Tune. Then domains are drawn in the order of the space, and `sample_from`
    functions are called last. One that reads the value of another which is not there yet is called again
    after that one; a list is there once all of it is. All of these may stand in dictionaries, lists and tuples,
    and domains and functions also in the values of a grid, of a `choice`, and of what a function returned. Other
    values, including functions, are constants.

    Args:
        param_space: Values, domains, `grid_search` and `sample_from`, nested in any way.
        num_samples: How often every combination is tried, at least 1.
        rng_of: Gives the generator of the trial with this index, so that what a trial starts with depends on
            nothing but the seed and its index.

    Raises:
        SpaceError: The space or `num_samples` cannot work, or a `sample_from` function failed.

    >>> from poptune.core.randomness import Purpose, rng_for
    >>> from poptune.core.space import grid_search, sample_from
    >>> from poptune.core.tags import experiment_tag
    >>> space = {"h0": grid_search([0.0, 1.0]), "h1": sample_from(lambda config: 1.0 - config["h0"])}
    >>> for variant in variants(space, 1, lambda index: rng_for(0, Purpose.INITIAL_CONFIG, index)):
    ...     print(experiment_tag(variant.index, variant.tag_values), variant.config)
    0_h0=0.0000 {'h0': 0.0, 'h1': 1.0}
    1_h0=1.0000 {'h0': 1.0, 'h1': 0.0}
    """
    check_space(param_space)
    if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples < 1:
        raise SpaceError(f"num_samples must be an integer of at least 1, not {num_samples!r}.")
    cells = list(_grid_cells(param_space)) * num_samples
    return [_variant(param_space, index, _Draft(cell, rng_of(index))) for index, cell in enumerate(cells)]


def check_space(param_space: Mapping[str, Any]) -> None:
    """Refuse a search space that cannot work, without drawing from it.

    Raises:
        SpaceError: The space is not a dictionary with text keys; a grid is empty, no list, or holds a grid; a
            `choice` holds a grid.

    >>> check_space({"lr": {"grid_search": []}})
    Traceback (most recent call last):
    poptune.errors.SpaceError: param_space['lr']: grid_search needs at least one value.
    """
    if not isinstance(param_space, Mapping):
        raise SpaceError(f"param_space must be a dictionary, not {type(param_space).__name__}.")
    for key in param_space:
        if not isinstance(key, str):
            raise SpaceError(f"param_space has the key {key!r}, but keys must be strings.")
    for place, node in unresolved(param_space):
        if is_grid_search(node):
            _check_grid(_name(place), node["grid_search"])
        elif _holds_grid(node):
            raise SpaceError(
                f"param_space[{_name(place)!r}]: a grid_search cannot be a value of choice: draws would say how many "
                "trials there are. Use choice in its place."
            )


def searched_keys(param_space: Mapping[str, Any]) -> list[str]:
    """Return the keys that a search space chooses values for: `"model/lr"`, `"betas/0"`.

    >>> from poptune.core.space import uniform
    >>> searched_keys({"model": {"lr": uniform(0, 1), "depth": 3}, "seeds": [{"grid_search": [1, 2]}, 7]})
    ['model/lr', 'seeds/0']
    """
    return [_name(place) for place, _ in unresolved(param_space)]


def _name(place: Place) -> str:
    return "/".join(map(str, place))


def _check_grid(name: str, values: Any) -> None:
    if not isinstance(values, (list, tuple)):
        raise SpaceError(f"param_space[{name!r}]: grid_search needs a list of values, not {type(values).__name__}.")
    if not values:
        raise SpaceError(f"param_space[{name!r}]: grid_search needs at least one value.")
    if any(map(_holds_grid, values)):
        raise SpaceError(f"param_space[{name!r}]: a grid_search cannot be a value of another. Cross them.")


def _holds_grid(value: Any) -> bool:
    """Whether there is a grid in a value, or in what a `choice` in it may choose."""
    return any(
        is_grid_search(node) or (isinstance(node, Categorical) and any(map(_holds_grid, node.categories)))
        for _, node in unresolved(value)
    )


def _grid_cells(space: Mapping[str, Any]) -> Iterator[dict[Place, Any]]:
    """Yield every combination of grid values, by place; the alphabetically first place varies fastest."""
    grids = {place: node["grid_search"] for place, node in unresolved(space) if is_grid_search(node)}
    places = sorted(grids, reverse=True)
    for combination in product(*(grids[place] for place in places)):
        yield dict(zip(places, map(plain, combination), strict=True))


def _variant(space: Mapping[str, Any], index: int, draft: _Draft) -> Variant:
    config = draft.computed(draft.filled(space, ()))
    return Variant(index, config, {_name(place): _at(config, place) for place in draft.chosen})


@dataclass(slots=True)
class _Draft:
    """A config in the making.

    Attributes:
        cell: Its grid values.
        rng: Where all draws come from.
        chosen: Where grids and domains have put values.
        waiting: The `sample_from` functions that have no result yet.
    """

    cell: Mapping[Place, Any]
    rng: np.random.Generator
    chosen: set[Place] = field(default_factory=set)
    waiting: dict[Place, SampleFrom] = field(default_factory=dict)

    def filled(self, value: Any, place: Place) -> Any:
        """Return a part of the space with grid values and draws put in; functions stay, and are noted as waiting."""
        if place not in self.cell:
            return self.resolved(value, place)
        self.chosen.add(place)
        return self.resolved(self.cell[place], place)

    def resolved(self, value: Any, place: Place) -> Any:
        """Return the same, where the value is not that of a grid any more."""
        while isinstance(value, Domain):
            self.chosen.add(place)
            value = value.draw(self.rng)
        if isinstance(value, SampleFrom):
            self.chosen.discard(place)
            self.waiting[place] = value
        elif is_grid_search(value):
            raise SpaceError(f"sample_from of {_name(place)!r} returned a grid_search: return one value.")
        return rebuilt(value, lambda key, item: self.filled(item, (*place, key)))

    def computed(self, config: Config) -> Config:
        """Return the config with the results of the functions, each called once all that it reads is there."""
        while waiting := list(self.waiting):
            failures: dict[Place, Exception] = {}
            for place in waiting:
                try:
                    value = self._result(place, config)
                except (KeyError, AttributeError) as error:  # it may have read what is not there yet
                    failures[place] = error
                else:
                    config = _with(config, place, value)
            if len(failures) == len(waiting):
                raise _failed(*next(iter(failures.items())))
        return config

    def _result(self, place: Place, config: Config) -> Any:
        """Call one function and resolve what it returns, which may again be, or hold, a domain or a function."""
        try:
            with borrowed_globals(self.rng):
                value = self.waiting[place].sample(_View.of(copy_tree(config)))
        except (KeyError, AttributeError):
            raise
        except Exception as error:
            raise _failed(place, error) from error
        del self.waiting[place]
        return self.resolved(plain(value), place)


def _at(tree: Any, place: Place) -> Any:
    for key in place:
        tree = dict(items_of(tree))[key]
    return tree


def _with(tree: Any, place: Place, value: Any) -> Any:
    """Return the tree with another value at one place."""
    if not place:
        return value
    head, *rest = place
    return rebuilt(tree, lambda key, item: _with(item, tuple(rest), value) if key == head else item)


def _failed(place: Place, error: Exception) -> SpaceError:
    failure = SpaceError(f"sample_from of {_name(place)!r} failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


class _View(dict[str, Any]):
    """What a `sample_from` function gets: a copy of the config that also answers to `.config` and to `.key`.

    So `f(config)` and the older `f(spec)` work alike. A value that is not computed yet is not there.
    """

    @classmethod
    def of(cls, config: Config) -> _View:
        view = cls()
        for key, value in config.items():
            if type(value) is dict:
                view[key] = cls.of(value)
            elif next(unresolved(value), None) is None:
                view[key] = value
        return view

    @property
    def config(self) -> _View:
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the config has no {name!r}") from None

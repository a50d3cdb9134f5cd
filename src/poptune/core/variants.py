"""From a search space to the initial configs of the trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from poptune.core.domains import Domain
from poptune.core.nested import Config, Path, copy_tree
from poptune.core.randomness import borrowed_globals
from poptune.core.space import SampleFrom, is_grid_search
from poptune.core.values import plain
from poptune.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Variant:
    """The beginning of one trial.

    Attributes:
        index: Position in the population, from 0.
        config: Initial hyperparameters; its dictionaries and lists belong to this trial alone.
        tag_values: What the search space chose for this trial (from grids and domains), by key: `"model/lr"`.
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
    after that one. Other values, including functions and lists, are constants.

    Args:
        param_space: Values, domains, `grid_search` and `sample_from`, in nested dictionaries.
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
        SpaceError: The space is not a dictionary with text keys; a grid is empty, no list, or holds a grid.

    >>> check_space({"lr": {"grid_search": []}})
    Traceback (most recent call last):
    poptune.errors.SpaceError: param_space['lr']: grid_search needs at least one value.
    """
    if not isinstance(param_space, Mapping):
        raise SpaceError(f"param_space must be a dictionary, not {type(param_space).__name__}.")
    for key in param_space:
        if not isinstance(key, str):
            raise SpaceError(f"param_space has the key {key!r}, but keys must be strings.")
    for path, grid in _nodes(param_space):
        if is_grid_search(grid):
            _check_grid("/".join(path), grid["grid_search"])


def searched_keys(param_space: Mapping[str, Any]) -> list[str]:
    """Return the keys that a search space chooses values for: `"model/lr"`.

    >>> from poptune.core.space import uniform
    >>> searched_keys({"model": {"lr": uniform(0, 1), "depth": 3}, "seed": {"grid_search": [1, 2]}})
    ['model/lr', 'seed']
    """
    return [
        "/".join(path)
        for path, node in _nodes(param_space)
        if is_grid_search(node) or isinstance(node, (Domain, SampleFrom))
    ]


def _nodes(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) of all that is not a dictionary of further values; a `grid_search` is one value."""
    for key, value in tree.items():
        path = (*prefix, str(key))
        if isinstance(value, Mapping) and not is_grid_search(value):
            yield from _nodes(value, path)
        else:
            yield path, value


def _check_grid(name: str, values: Any) -> None:
    if not isinstance(values, (list, tuple)):
        raise SpaceError(f"param_space[{name!r}]: grid_search needs a list of values, not {type(values).__name__}.")
    if not values:
        raise SpaceError(f"param_space[{name!r}]: grid_search needs at least one value.")
    for value in values:
        if is_grid_search(value) or (
            isinstance(value, Mapping) and any(is_grid_search(node) for _, node in _nodes(value))
        ):
            raise SpaceError(f"param_space[{name!r}]: a grid_search cannot be a value of another. Cross them.")


def _grid_cells(space: Mapping[str, Any]) -> Iterator[dict[Path, Any]]:
    """Yield every combination of grid values, by path; the alphabetically first path varies fastest."""
    grids = sorted((path for path, node in _nodes(space) if is_grid_search(node)), reverse=True)
    nodes = dict(_nodes(space))
    for combination in product(*(nodes[path]["grid_search"] for path in grids)):
        yield dict(zip(grids, map(plain, combination), strict=True))


def _variant(space: Mapping[str, Any], index: int, draft: _Draft) -> Variant:
    config = draft.fill(space)
    draft.compute(config)
    return Variant(index, copy_tree(config), draft.tag_values)


@dataclass(slots=True)
class _Draft:
    """A config in the making.

    Attributes:
        cell: Its grid values, by path.
        rng: Where all draws come from.
        tag_values: What was chosen so far.
        waiting: Dictionary and key of each `sample_from` function that has no result yet, by path.
    """

    cell: dict[Path, Any]
    rng: np.random.Generator
    tag_values: dict[str, Any] = field(default_factory=dict)
    waiting: dict[Path, tuple[Config, str]] = field(default_factory=dict)

    def fill(self, tree: Mapping[str, Any], prefix: Path = ()) -> Config:
        """Return the tree with grid values and draws put in; functions stay, and are noted as waiting."""
        config: Config = {}
        for key, value in tree.items():
            path = (*prefix, str(key))
            is_chosen = path in self.cell
            value = self.cell.get(path, value)
            if isinstance(value, Domain):
                is_chosen, value = True, value.draw(self.rng)
            elif isinstance(value, SampleFrom):
                is_chosen, self.waiting[path] = False, (config, key)
            elif isinstance(value, Mapping):
                value = self.fill(value, path)
            if is_chosen:
                self.tag_values["/".join(path)] = value
            config[key] = value
        return config

    def compute(self, config: Config) -> None:
        """Put the results of the functions into `config`, each once all that it reads is there."""
        while waiting := list(self.waiting):
            failures = {path: error for path in waiting if (error := self._try(path, config))}
            if len(failures) == len(waiting):
                raise _failed(*next(iter(failures.items())))

    def _try(self, path: Path, config: Config) -> Exception | None:
        """Call one function. Return the error if it may have read a value that is not there yet."""
        place, key = self.waiting[path]
        try:
            with borrowed_globals(self.rng):
                value = place[key].sample(_View.of(copy_tree(config)))
        except (KeyError, AttributeError) as error:
            return error
        except Exception as error:
            raise _failed(path, error) from error
        place[key] = value.as_dict() if isinstance(value, _View) else plain(value)
        del self.waiting[path]
        return None


def _failed(path: Path, error: Exception) -> SpaceError:
    failure = SpaceError(f"sample_from of {'/'.join(path)!r} failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


class _View(dict[str, Any]):
    """What a `sample_from` function gets: a copy of the config that also answers to `.config` and to `.key`.

    So `f(config)` and the older `f(spec)` work alike. A value that is not computed yet is not there.
    """

    @classmethod
    def of(cls, config: Config) -> _View:
        known = {key: value for key, value in config.items() if not isinstance(value, SampleFrom)}
        return cls({key: cls.of(value) if type(value) is dict else value for key, value in known.items()})

    def as_dict(self) -> Config:
        return {key: value.as_dict() if isinstance(value, _View) else value for key, value in self.items()}

    @property
    def config(self) -> _View:
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the config has no {name!r}") from None

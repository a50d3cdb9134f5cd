"""What says how hyperparameters vary, and which of it cannot work.

`Mutations` is nested like the config and holds one distribution per hyperparameter: a `Domain`, a list or
tuple whose order makes neighbours, or a callable without arguments that draws a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from poptune.core.domains import Categorical, Domain
from poptune.core.nested import Path
from poptune.core.space import SampleFrom, is_grid_search, unresolved
from poptune.core.values import accepts
from poptune.errors import SpaceError

Distribution = Domain | list[Any] | tuple[Any, ...] | Callable[[], Any]
Mutations = Mapping[str, "Distribution | Mapping[str, Any]"]


def check_mutations(mutations: Mapping[str, Any]) -> None:
    """Refuse mutations that cannot work, naming the key.

    Raises:
        TypeError: A value is not a dict, list, tuple, domain or callable.
        SpaceError: A value is empty, a `sample_from`, a `grid_search`, or a callable that needs arguments; or a list,
            tuple or `choice` holds a domain, a `sample_from` or a `grid_search`.

    >>> check_mutations({"lr": 0.1})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: hyperparam_mutations['lr'] must be a dict, list, tuple, domain or callable, not float 0.1...
    """
    if not isinstance(mutations, Mapping):
        raise TypeError(f"hyperparam_mutations must be a dict, not {type(mutations).__name__}.")
    _check_tree(mutations, ())


def _check_tree(mutations: Mapping[Any, Any], prefix: Path) -> None:
    for key, value in mutations.items():
        if not isinstance(key, str):
            raise SpaceError(f"hyperparam_mutations: the key {key!r} must be a string.")
        path = (*prefix, key)
        name = f"hyperparam_mutations[{'/'.join(path)!r}]"
        if is_grid_search(value):
            raise SpaceError(f"{name}: grid_search belongs in param_space. To mutate, give the list itself.")
        if isinstance(value, SampleFrom):
            raise SpaceError(f"{name}: sample_from belongs in param_space. To mutate, give the function itself.")
        if isinstance(value, (Mapping, list, tuple)) and not value:
            raise SpaceError(f"{name} is empty: give at least one value.")
        if isinstance(value, Mapping):
            _check_tree(value, path)
        elif isinstance(value, (list, tuple)):
            _check_values(name, type(value).__name__, value)
        elif isinstance(value, Categorical):
            _check_values(name, "choice", value.categories)
        elif not isinstance(value, Domain):
            _check_callable(name, value)


def _check_values(name: str, kind: str, values: Iterable[Any]) -> None:
    for value in values:
        for _, node in unresolved(value):
            raise SpaceError(
                f"{name} is a {kind} of values to move between, and {node!r} in it is none. Give each domain a key of "
                "its own, or write a function that draws the whole value: `lambda: [random.uniform(0, 1), 8]`."
            )


def _check_callable(name: str, value: Any) -> None:
    if not callable(value):
        is_row = isinstance(value, Iterable) and not isinstance(value, (str, bytes, set, frozenset))
        way_out = "Use list(...)." if is_row else "Give the values to choose from, [0.01, 0.1], or tune.uniform(0, 1)."
        raise TypeError(
            f"{name} must be a dict, list, tuple, domain or callable, not {type(value).__name__} {value!r}. {way_out}"
        )
    if not accepts(value):
        raise SpaceError(f"{name}: a distribution takes no arguments. Write it as `lambda: ...`.")

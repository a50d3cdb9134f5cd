"""Settings of a scheduler as text and back: its only state. Functions cannot be written down, and are kept instead."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from poptune.core.domains import Categorical, Domain, Float, Integer, Normal
from poptune.core.exploit import BinaryTournament, OrStay, Stay, Truncation
from poptune.core.nested import MISSING
from poptune.core.values import plain
from poptune.errors import OptionError, UsageError
from poptune.schedulers.files import FilePath, read_text, write_text
from poptune.storage.encoding import TAG, Decoder, TextOf, dumps, loads, text_of

_RULES = (Truncation, BinaryTournament, Stay, OrStay)
_KINDS: dict[str, Callable[..., Any]] = {kind.__name__: kind for kind in (Float, Integer, Normal, Categorical, *_RULES)}


class SavedSettings:
    """Gives a scheduler `save` and `restore`. All arguments of its constructor are attributes of the same names."""

    def save(self, path: FilePath) -> None:
        """Write all settings, domains included, to a JSON file. A scheduler has no other state.

        Of a function only the name is written.

        Args:
            path: The file; an earlier one is replaced.

        Raises:
            UsageError: A setting is neither plain data nor a domain nor a function.
            StorageError: The file cannot be written.

        >>> import tempfile
        >>> from poptune.core.space import uniform
        >>> from poptune.schedulers import PopulationBasedTraining
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     PopulationBasedTraining(hyperparam_mutations={"lr": uniform(0, 1)}).save(f"{folder}/pbt.json")
        ...     restored = PopulationBasedTraining(hyperparam_mutations={"any": [1, 2]})
        ...     restored.restore(f"{folder}/pbt.json")
        >>> restored.hyperparam_mutations
        {'lr': uniform(0.0, 1.0)}
        """
        write_text(path, settings_text(self), "settings of the scheduler")

    def restore(self, path: FilePath) -> None:
        """Take on the settings that `save` wrote. Where they had a function, this scheduler keeps its own, or takes
        the one that the running script has under that name.

        Args:
            path: The file.

        Raises:
            OptionError: There is no such file, it holds nothing of the kind, or this scheduler lacks a function.
        """
        name = type(self).__name__
        saved = from_text(
            read_text(path, "settings of a scheduler", "scheduler.save(path) writes them."), name, str(path)
        )
        known = _arguments(type(self))
        settings = {key: _kept(value, getattr(self, key, None), key) for key, value in saved.items() if key in known}
        if unknown := [key for key in saved if key not in known]:
            raise OptionError(f"{path} has settings that {name} does not know: {', '.join(unknown)}.")
        vars(self).update(vars(type(self)(**settings)))


def main_function(name: str) -> Any:
    """Return the function of this name at the top of the script that runs, None if it has none.

    Only there: what a file names must not choose among all that is imported.
    """
    main = sys.modules.get("__main__")
    found = getattr(main, name, None)
    return found if callable(found) and getattr(found, "__module__", None) == "__main__" else None


S = TypeVar("S", bound=SavedSettings)


def settings_text(scheduler: SavedSettings) -> str:
    """Return the settings of a scheduler as JSON text.

    Raises:
        UsageError: A setting is neither plain data nor a domain nor a function.
    """
    settings = {name: getattr(scheduler, name) for name in _arguments(type(scheduler))}
    return to_text(type(scheduler).__name__, settings)


def restored_scheduler(kind: type[S], text: str) -> S:
    """Return a scheduler with the settings that `settings_text` returned.

    Raises:
        OptionError: It had a function, which text cannot hold.
    """
    saved = from_text(text, kind.__name__, "the text")
    return kind(**{name: _kept(value, MISSING, name) for name, value in saved.items()})


def saved_setting(text: str, name: str) -> Any:
    """Return one of the settings in JSON text, None if it is not there; of functions, what configs hold of them.

    >>> saved_setting(to_text("PB2", {"hyperparam_bounds": {"lr": [0.1, 1.0]}}), "hyperparam_bounds")
    {'lr': [0.1, 1.0]}
    """
    return loads(text, _shown)["settings"].get(name)


def settings_differences(was: str, now: str) -> list[str]:
    """Return in words what differs between two texts of settings of the same kind of scheduler.

    Of functions only the names are compared.

    >>> settings_differences(to_text("PBT", {"synch": True, "private": []}), to_text("PBT", {"synch": False}))
    ['scheduler: private was [], now nothing', 'scheduler: synch was true, now false']
    """
    before, after = (json.loads(text, object_hook=_nameless)["settings"] for text in (was, now))
    texts = [{key: json.dumps(value) for key, value in settings.items()} for settings in (before, after)]
    return [
        f"scheduler: {key} was {texts[0].get(key, 'nothing')}, now {texts[1].get(key, 'nothing')}"
        for key in sorted({**before, **after})
        if key not in before or key not in after or before[key] != after[key]
    ]


def _nameless(value: dict[str, Any]) -> Any:
    """Return a part of settings with a function as its name alone: it may have been imported, or be the script's."""
    return f"function {value['name']}" if value.get(TAG) == "function" else value


@dataclass(frozen=True, slots=True)
class _Function:
    """Stands where a function was."""

    name: str
    in_script: bool = False


def to_text(scheduler: str, settings: Mapping[str, Any]) -> str:
    """Return settings as JSON text.

    >>> print(to_text("PopulationBasedTraining", {"synch": True, "custom_explore_fn": len}))
    {
     "scheduler": "PopulationBasedTraining",
     "settings": {
      "synch": true,
      "custom_explore_fn": {
       "$": "function",
       "name": "len",
       "in_script": false,
       "text": "builtins.len"
      }
     }
    }
    """
    coded = {name: _plain_json(value, name) for name, value in settings.items()}
    return json.dumps({"scheduler": scheduler, "settings": coded}, indent=1)


def from_text(text: str, scheduler: str, name: str) -> dict[str, Any]:
    """Return the settings in JSON text.

    Args:
        text: What `to_text` returned.
        scheduler: The kind that they must be of.
        name: Of the file, for messages.

    Raises:
        OptionError: It is other text, or of another scheduler.
    """
    try:
        saved = loads(text, _decoded)
        kind, settings = saved["scheduler"], saved["settings"]
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(f"{name} does not hold the settings of a scheduler.") from error
    if kind != scheduler or not isinstance(settings, dict):
        raise OptionError(f"{name} holds the settings of {kind}, not of {scheduler}.")
    return settings


def _arguments(scheduler: type) -> list[str]:
    return list(inspect.signature(scheduler).parameters)


def _plain_json(value: Any, name: str) -> Any:
    return json.loads(dumps(value, lambda other: _coded(other, name)))


def _coded(value: Any, name: str) -> Any:
    if isinstance(value, (Domain, *_RULES)):
        held = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
        return {TAG: type(value).__name__, **_plain_json(held, name)}
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__name__)
        return {TAG: "function", "name": name, "in_script": main_function(name) is value, "text": text_of(value)}
    if plain(value) is not value:
        return plain(value)
    raise UsageError(f"{name} holds {type(value).__name__} {value!r}, which cannot be written to a file.")


def _decoded(value: dict[str, Any]) -> Any:
    if value[TAG] == "function":
        return _Function(value["name"], value.get("in_script", False))
    return _rebuilt(value, _decoded)


def _shown(value: dict[str, Any]) -> Any:
    if value[TAG] == "function":
        return TextOf(value.get("text", value["name"]))  # earlier versions wrote the name only
    return _rebuilt(value, _shown)


def _rebuilt(value: dict[str, Any], decoder: Decoder) -> Any:
    held = {name: loads(json.dumps(item), decoder) for name, item in value.items() if name != TAG}
    return _KINDS[value[TAG]](**held)


def _kept(value: Any, own: Any, name: str) -> Any:
    """Return a setting with functions of the scheduler's own in the places where functions were."""
    if isinstance(value, _Function):
        if value.in_script and not callable(own):
            own = main_function(value.name)
        if not callable(own) or isinstance(own, Domain):
            raise OptionError(
                f"{name} was the function {value.name}, which a file cannot hold: give it to the constructor, then"
                " restore."
            )
        return own
    if isinstance(value, OrStay):
        return OrStay(_kept(value.rule, getattr(own, "rule", MISSING), name))
    if isinstance(value, dict):
        below = own if isinstance(own, Mapping) else {}
        return {key: _kept(item, below.get(key, MISSING), f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, Categorical):
        return Categorical(_kept(value.categories, getattr(own, "categories", MISSING), name))
    if isinstance(value, (list, tuple)):
        owns = own if isinstance(own, (list, tuple)) and len(own) == len(value) else [MISSING] * len(value)
        return type(value)(_kept(item, owns[index], f"{name}[{index}]") for index, item in enumerate(value))
    return value

"""Those who watch a run: consoles, loggers, dashboards. They can see everything and stop nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from poptune.core.population import Population
from poptune.errors import StorageError
from poptune.storage.records import Record
from poptune.streams import say


class Observer(Protocol):
    """Watches a run. One that speaks for something else, such as a callback, has the name of that as `name`."""

    def on_records(self, records: Sequence[Record], population: Population) -> None:
        """Events and decisions were written to the journal; `population` has taken them in."""

    def on_output(self, worker: int, text: str) -> None:
        """Code in a worker printed something."""

    def on_tick(self, population: Population) -> None:
        """Called several times a second."""

    def on_end(self, population: Population) -> None:
        """The run is over, or was interrupted."""


class Observers:
    """All observers of a run. One that raises is reported once and then left out: it cannot stop training."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = list(observers)

    def tell(self, action: Callable[[Observer], None]) -> None:
        """Call each observer that still works."""
        for observer in list(self._observers):
            try:
                action(observer)
            except StorageError as error:  # says everything itself
                self._observers.remove(observer)
                say(f"{error}\n")
            except Exception:
                self._observers.remove(observer)
                # Not a warning: where warnings are errors, it would stop training after all.
                name = getattr(observer, "name", type(observer).__name__)
                say(f"{name} failed and is left out from here on; training goes on.\n")
                say(traceback.format_exc())

"""Which checkpoints stay. One owner: nothing else deletes any."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from poptune.core.nested import lookup
from poptune.core.objective import as_float, is_real
from poptune.core.trial import SavedCheckpoint
from poptune.errors import OptionError


@dataclass(frozen=True)
class CheckpointConfig:
    """How many checkpoints a trial keeps, when a class trainable saves one, and what may be in it.

    Args:
        num_to_keep: The best so many of each trial stay, 1 or more; None keeps all. A checkpoint that a live trial
            may still restart from or be cloned from stays beyond that for as long as it is needed, and so does each
            trial's last.
        checkpoint_score_attribute: The reported number that says which are best; None: the newest.
        checkpoint_score_order: "max" or "min".
        checkpoint_frequency: A class trainable saves every so many iterations; 0: only when due for a decision.
        checkpoint_at_end: Whether a class trainable saves when it ends. None means yes.
        allow_pickle: Whether `Checkpoint.from_dict` may pickle what is neither plain value, array nor tensor, and this
            run may load it. It is recorded, and has to be said again when the run is restored.

    >>> CheckpointConfig(num_to_keep=2).num_to_keep
    2
    """

    num_to_keep: int | None = None
    checkpoint_score_attribute: str | None = None
    checkpoint_score_order: Literal["max", "min"] = "max"
    checkpoint_frequency: int = 0
    checkpoint_at_end: bool | None = None
    allow_pickle: bool = False

    def __post_init__(self) -> None:
        keep = self.num_to_keep
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 1):
            raise OptionError(f"num_to_keep must be None (keep all) or a whole number from 1, not {keep!r}.")
        if self.checkpoint_score_order not in ("max", "min"):
            raise OptionError(f'checkpoint_score_order must be "max" or "min", not {self.checkpoint_score_order!r}.')
        every = self.checkpoint_frequency
        if isinstance(every, bool) or not isinstance(every, int) or every < 0:
            raise OptionError(f"checkpoint_frequency must be a whole number from 0, not {every!r}.")
        if not isinstance(self.allow_pickle, bool):
            raise OptionError(f"allow_pickle must be True or False, not {self.allow_pickle!r}.")


class Retention:
    """Knows what is stored and says what may go."""

    def __init__(self, config: CheckpointConfig) -> None:
        self._config = config
        self._stored: dict[str, list[tuple[float, SavedCheckpoint]]] = {}
        self._surplus: dict[str, SavedCheckpoint] = {}

    def stored(self, checkpoint: SavedCheckpoint, metrics: Mapping[str, Any]) -> None:
        """Take note of a new checkpoint and of the report that it came with."""
        keep = self._config.num_to_keep
        if keep is None:
            return
        ranked = self._stored.setdefault(checkpoint.trial, [])
        ranked.append((self._rank(metrics), checkpoint))
        ranked.sort(key=lambda item: item[0])  # stable: of equals the newest is last, and stays
        while len(ranked) > keep:
            _, worst = ranked.pop(0)
            self._surplus[worst.path] = worst

    def deleted(self, checkpoint: str, trial: str) -> None:
        """Take note that a checkpoint of a trial is gone already."""
        self._surplus.pop(checkpoint, None)
        self._stored[trial] = [kept for kept in self._stored.get(trial, []) if kept[1].path != checkpoint]

    def given_up(self, trial: str) -> None:
        """Take note that a trial begins again from nothing: its checkpoints so far are surplus."""
        for _, saved in self._stored.pop(trial, []):
            self._surplus[saved.path] = saved

    def doomed(self, needed: Container[str]) -> list[SavedCheckpoint]:
        """Return, and forget, the surplus checkpoints whose paths nobody needs."""
        doomed = [saved for path, saved in self._surplus.items() if path not in needed]
        for saved in doomed:
            del self._surplus[saved.path]
        return doomed

    def _rank(self, metrics: Mapping[str, Any]) -> float:
        if self._config.checkpoint_score_attribute is None:
            return 0.0
        value = lookup(metrics, self._config.checkpoint_score_attribute)
        if not is_real(value) or value != value:  # NaN ranks last
            return -math.inf
        return as_float(value) if self._config.checkpoint_score_order == "max" else -as_float(value)

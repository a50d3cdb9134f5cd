"""`ray.tune.context`: facts about the trial that asks, also as a worker among several, which it never is."""

from __future__ import annotations

from dataclasses import dataclass, fields

from poptune.trainables import session

__all__ = ["TuneContext", "get_context"]


@dataclass(frozen=True, slots=True)
class TuneContext(session.TrialContext):
    """Facts about the trial that asks: `poptune.TrialContext`, and its place among the workers of its training: alone.

    >>> get_context().get_world_rank(), get_context().get_world_size()
    (0, 1)
    """

    def get_world_rank(self) -> int:
        """Return 0."""
        return 0

    def get_world_size(self) -> int:
        """Return 1."""
        return 1

    def get_local_rank(self) -> int:
        """Return 0."""
        return 0

    def get_local_world_size(self) -> int:
        """Return 1."""
        return 1

    def get_node_rank(self) -> int:
        """Return 0."""
        return 0


def get_context() -> TuneContext:
    """Return facts about the running trial; all None outside of a run."""
    now = session.get_context()
    return TuneContext(*(getattr(now, field.name) for field in fields(now)))

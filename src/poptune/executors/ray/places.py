"""Places in a Ray cluster: one placement group for each worker, which Ray finds room for, now or when nodes join."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from poptune.executors.ray.connection import check_fits, fit, library

_LOOK_PERIOD_S = 0.5
_MOST_WAITING = 8  # places asked for beyond those that there are: enough for a cluster that grows to see the demand
_FIRST_LOOK_S = 3.0  # for the places that there is room for, or for one that somebody is about to leave


class Places:
    """Asks for places, and knows which of them there are.

    A place stays reserved while its worker is replaced; when its node is lost, Ray looks for room on another one.

    Args:
        wanted: How many workers could be used.
        needs: What one of them needs, in Ray's names.

    Raises:
        UsageError: No node can hold one.
    """

    def __init__(self, wanted: int, needs: Mapping[str, float]) -> None:
        self._ray = library()
        self._wanted = wanted
        self._needs = dict(needs)
        self._groups: list[Any] = []
        self._taken: frozenset[int] = frozenset()
        self._next_look = 0.0
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        check_fits(needs, nodes)
        room = min(sum(fit(needs, node) for node in nodes), fit(needs, self._ray.available_resources()))
        self._ask(min(wanted, room + _MOST_WAITING))
        deadline = time.monotonic() + _FIRST_LOOK_S
        while len(self.look()) < min(wanted, max(1, room)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def __len__(self) -> int:
        return len(self._taken)

    def look(self) -> frozenset[int]:
        """Ask the cluster now, and return the numbers of the places that there are."""
        states = {group: about["state"] for group, about in self._table().items()}
        self._taken = frozenset(n for n, group in enumerate(self._groups) if states.get(group.id.hex()) == "CREATED")
        self._ask(min(self._wanted, len(self._taken) + _MOST_WAITING))
        self._next_look = time.monotonic() + _LOOK_PERIOD_S
        return self._taken

    def taken(self) -> frozenset[int]:
        """Return the numbers of the places that there are. While some are missing, this looks twice a second."""
        if len(self._taken) < self._wanted and time.monotonic() >= self._next_look:
            self.look()
        return self._taken

    def lost(self, number: int) -> None:
        """A place is gone with its node, until the cluster says that there is another."""
        self._taken -= {number}

    def options(self, number: int) -> dict[str, Any]:
        """Return the arguments that put an actor into a place."""
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        others = {name: amount for name, amount in self._needs.items() if name not in ("CPU", "GPU", "memory")}
        return {
            "num_cpus": self._needs.get("CPU", 0),
            "num_gpus": self._needs.get("GPU", 0),
            "memory": self._needs.get("memory"),
            "resources": others or None,
            "scheduling_strategy": PlacementGroupSchedulingStrategy(self._groups[number], 0),
        }

    def give_back(self) -> None:
        """Free all places; who still is in one is killed by Ray."""
        from ray.util.placement_group import remove_placement_group

        while self._groups:
            remove_placement_group(self._groups.pop())

    def _ask(self, number: int) -> None:
        from ray.util.placement_group import placement_group

        while len(self._groups) < number:
            self._groups.append(placement_group([self._needs], strategy="PACK"))

    def _table(self) -> dict[str, dict[str, Any]]:
        from ray.util.placement_group import placement_group_table

        return dict(placement_group_table())

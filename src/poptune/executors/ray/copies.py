"""Which checkpoints lie on which node, where the nodes do not share the run's storage."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from poptune.core.trial import SavedCheckpoint

_KEPT = 2  # of each trial: what it goes on from, and what it may be ranked by


class Copies:
    """Keeps the newest checkpoints of each trial on the node where it trains: an exploit there moves no bytes.

    All checkpoints lie with the driver; these are copies, and one that is missing is sent again.

    >>> from poptune.core.trial import Progress
    >>> copies = Copies()
    >>> a, b, c = (SavedCheckpoint(f"t/checkpoint_00000{n}", "t", Progress()) for n in range(3))
    >>> for saved in (a, b, c):
    ...     copies.saved("node", "t", saved)
    >>> copies.has("node", a), copies.has("node", c), copies.has("other", c)
    (False, True, False)
    >>> [saved.path for saved in copies.outdated("node")]
    ['t/checkpoint_000000']
    """

    def __init__(self) -> None:
        self._nodes: defaultdict[str, _Node] = defaultdict(_Node)

    def has(self, node: str, saved: SavedCheckpoint) -> bool:
        """Whether a node has a checkpoint for certain. One that was sent there may still be on its way."""
        return saved.path in self._nodes[node].certain

    def saved(self, node: str, trial: str, saved: SavedCheckpoint) -> None:
        """A trial on a node saved a checkpoint."""
        self._nodes[node].certain.add(saved.path)
        self.used(node, trial, saved)

    def forget(self, node: str, saved: SavedCheckpoint) -> None:
        """A checkpoint that a node had is not whole any more."""
        self._nodes[node].certain.discard(saved.path)

    def used(self, node: str, trial: str, saved: SavedCheckpoint) -> None:
        """A trial on a node begins with a checkpoint, or saved it."""
        here = self._nodes[node]
        newest = here.newest[trial]
        newest.append(saved)
        here.users[saved.path] += 1
        here.outdated.pop(saved.path, None)
        if len(newest) > _KEPT:
            oldest = newest.popleft()
            here.users[oldest.path] -= 1
            if not here.users[oldest.path]:
                here.certain.discard(oldest.path)
                here.outdated[oldest.path] = oldest

    def outdated(self, node: str) -> Sequence[SavedCheckpoint]:
        """Return what a node can remove, once."""
        outdated, self._nodes[node].outdated = self._nodes[node].outdated, {}
        return list(outdated.values())


@dataclass(slots=True)
class _Node:
    newest: defaultdict[str, deque[SavedCheckpoint]] = field(default_factory=lambda: defaultdict(deque))
    users: Counter[str] = field(default_factory=Counter)  # trials, by the paths of checkpoints
    certain: set[str] = field(default_factory=set)
    outdated: dict[str, SavedCheckpoint] = field(default_factory=dict)

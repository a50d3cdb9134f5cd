"""The family tree of a run, as results have it: who trained which iterations behind the last weights."""

from __future__ import annotations

from poptune.core.lineage import Segment


class Lineage(tuple[Segment, ...]):
    """The stretches of training behind a trial's last weights, oldest first: which trial, iterations, config.

    >>> lineage = Lineage([Segment("b", 1, 5, {"lr": 0.1}, None), Segment("a", 6, 10, {"lr": 0.08}, "b")])
    >>> [segment.trial for segment in lineage]
    ['b', 'a']
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        from poptune.faces.reprs import lineage_html

        return lineage_html(self)


class FamilyTree(dict[str, Lineage]):
    """The lineage of each trial, by its id."""

    def _repr_html_(self) -> str:
        from poptune.faces.reprs import family_html

        return family_html(self)

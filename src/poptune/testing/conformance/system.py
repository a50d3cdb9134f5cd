"""What the suite asks of a system: plain values in, plain answers out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from poptune.core.nested import Config
from poptune.core.objective import Mode

CAPABILITIES: Mapping[str, str] = {
    "asynchronous": "a trial that is due is settled at once",
    "synchronous": "trials wait for each other at a decision point",
    "tournament": "a trial is compared with one random other",
    "resample": "explore may draw a hyperparameter anew",
    "burn_in": "nothing is decided before a given iteration",
    "explore": "a function of the user comes last in explore",
    "integers": "hyperparameters that are whole numbers",
    "choices": "hyperparameters with values that have no order",
    "steps": "hyperparameters that move along a list",
    "seed": "a run is repeated by its seed",
    "failures": "a trial may fail for good",
    "early_reports": "trials report between decision points too",
    "late_checkpoints": "a report may come without a checkpoint",
    "refusals": "settings that cannot work raise ValueError",
}


@dataclass(frozen=True, slots=True)
class Floats:
    """Real numbers, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Integers:
    """Whole numbers, both ends included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Choices:
    """Values without an order."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Values whose order makes neighbours; perturbing moves to one of them."""

    values: tuple[Any, ...]


Hyperparameter = Floats | Integers | Choices | Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a test wants a system to be set up.

    Attributes:
        mode: Whether the larger or the smaller score is better.
        interval: Iterations between two decisions for a trial.
        burn_in: No decision before this iteration.
        quantile: Size of the lower and of the upper group, in [0, 0.5].
        selection: "truncation": the lower group copies the upper one. "tournament": a trial copies one random other if
            that one is better; `quantile` says nothing then.
        resample: Per hyperparameter, the chance to be drawn anew instead of perturbed.
        space: The hyperparameters to vary. Other keys of a config are copied as they are.
        explore: A function of the user that gets the new config last, and returns the one to use.
        synchronous: Whether trials wait for each other at each decision point.
        seed: What all draws derive from.
    """

    mode: Mode = "max"
    interval: int = 10
    burn_in: int = 0
    quantile: float = 0.25
    selection: Literal["truncation", "tournament"] = "truncation"
    resample: float = 0.0
    space: Mapping[str, Hyperparameter] = field(default_factory=lambda: {"lr": Floats(0.0, 1.0)})
    explore: Callable[[Config], Config] | None = None
    synchronous: bool = False
    seed: int = 0

    @property
    def needs(self) -> Iterator[str]:
        """The capabilities without which a system cannot be set up like this."""
        yield "synchronous" if self.synchronous else "asynchronous"
        if self.selection == "tournament":
            yield "tournament"
        for name in ("resample", "burn_in", "explore"):
            if getattr(self, name):
                yield name
        kinds = {type(hyperparameter) for hyperparameter in self.space.values()}
        for kind, name in ((Integers, "integers"), (Choices, "choices"), (Steps, "steps")):
            if kind in kinds:
                yield name


@dataclass(frozen=True, slots=True)
class Continues:
    """The trial goes on with its own weights and config. Also: it is not due."""

    trial: str


@dataclass(frozen=True, slots=True)
class Waits:
    """The trial is due and waits for others; a later step answers it."""

    trial: str


@dataclass(frozen=True, slots=True)
class Clones:
    """The trial goes on from a donor's weights.

    Attributes:
        donor: Whose weights are taken.
        checkpoint: Those weights: the very value that came with a report of the donor.
        config: The config to go on with.
    """

    trial: str
    donor: str
    checkpoint: Any
    config: Config


@dataclass(frozen=True, slots=True)
class Joins:
    """The system starts a trial of its own that nobody added."""

    trial: str
    config: Config


Answer = Continues | Waits | Clones | Joins


class System(Protocol):
    """A PBT system, or an adapter around one.

    Each call returns what follows from it for any trial, at most one answer per trial. A report is answered for its own
    trial always, with `Waits` if nothing is settled yet.
    """

    def add(self, trial: str, config: Config) -> None:
        """Take in a new trial. All are added before the first report."""

    def report(self, trial: str, iteration: int, score: float, checkpoint: Any) -> Sequence[Answer]:
        """Take in a report of a trial.

        Args:
            trial: Who reports.
            iteration: Iterations trained.
            score: In the figure of the user: smaller is better if the mode is "min".
            checkpoint: Its weights at this moment, any value; None if it saved none.
        """

    def finish(self, trial: str) -> Sequence[Answer]:
        """Learn that the training of a trial came to its end."""

    def fail(self, trial: str) -> Sequence[Answer]:
        """Learn that a trial failed and will not come back."""

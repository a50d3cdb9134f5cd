"""Population Based Bandits (Parker-Holder et al. 2020, https://arxiv.org/abs/2002.02518)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from poptune.core.decisions import Decision, Exploit
from poptune.core.exploit import ExploitRule
from poptune.core.nested import Config, copy_tree, with_value
from poptune.core.objective import Mode
from poptune.core.population import Population
from poptune.core.trial import Standing, Status
from poptune.errors import MissingExtra
from poptune.schedulers.bandit import Point, most_promising
from poptune.schedulers.bounds import between, bounds_of, first_values, places_in
from poptune.schedulers.pbt import ExploreFunction, PopulationBasedTraining

if TYPE_CHECKING:
    import numpy as np

CANDIDATES = 300
_MOST_TRAINING = 100  # trials whose gains are still to come, as far as the model hears of them
_MOST_ROUNDS = 1e6  # so long ago that nothing of it is left

Start = tuple[float, float, Config]  # where a trial begins to gain: `time_attr`, score, hyperparameters


class PB2(PopulationBasedTraining):
    """Population Based Training that chooses a clone's hyperparameters by a model of what all trials gained so far.

    Who is due, who copies whom and what is written are as in `PopulationBasedTraining`. The hyperparameters of a clone
    are not perturbed but chosen, all together: of 300 random ones within the bounds, those that promise the highest
    gain until the next decision. A Gaussian process (scikit-learn's, see `most_promising`) tells it from the 100 newest
    gains of all trials. Until a trial has passed two decision points nothing is known, and they are random. A choice
    takes some 20 ms. Suits small populations and few hyperparameters, all of them numbers. Like all greedy
    schedules, what it finds favours what pays within one interval.

    The signature and meaning are Ray Tune's. Different on purpose, beside what is different in
    `PopulationBasedTraining`: the first clones explore too, not knowing counts by its standard deviation and not by its
    variance, domains may be given and their scale counts (`tune.loguniform` for a learning rate), integers are rounded
    and not cut, values are exact, and the run's files are called `pb2_*.txt`.

    Args:
        time_attr: Reported number that measures progress; must not decrease.
        metric: Reported number that ranks trials. Here or in `TuneConfig`, not in both.
        mode: "min" or "max". Here or in `TuneConfig`, not in both.
        perturbation_interval: Between two decisions for a trial, in units of `time_attr`.
        hyperparam_bounds: Per hyperparameter (nested like the config) a pair `[low, high]`, both included, or one of
            `tune.uniform`, `loguniform`, `randint`, `lograndint` and their q forms. A pair is spread evenly, and
            an int stays an int and a float a float, as in Ray Tune; but a pair of floats with less than two integers
            between them makes floats. A key that the search space leaves open gets a random first value: an int if both
            bounds are ints, so write `[0.0, 1.0]` where you mean real numbers.
        quantile_fraction: Size of the lower and the upper group, in [0, 0.5]; 0 never clones.
        log_config: Whether the run's `pb2_*.txt` files are written.
        require_attrs: Whether a report without `time_attr` or `metric` is an error. If not, it is never due.
        synch: Whether all trials wait for each other at every decision.
        custom_explore_fn: `f(config) -> config`, applied last to the whole new config.
        burn_in_period: No decision before this, in units of `time_attr`.
        exploit: Whom a trial that is due copies, as in `PopulationBasedTraining`.
        private: Keys and paths of the config that a clone keeps instead of copying its donor's.

    Raises:
        UsageError: There are no bounds.
        ValueError: Bounds that cannot work, or another argument.
        MissingExtra: scikit-learn is not installed (also a RuntimeError, as in Ray Tune).

    >>> from poptune.core.space import loguniform
    >>> bounds = {"lr": loguniform(1e-4, 1e-1), "gamma": [0.9, 1.0], "net": {"width": [8, 64]}}
    >>> scheduler = PB2("training_iteration", "reward", "max", perturbation_interval=5, hyperparam_bounds=bounds)
    >>> scheduler.describe(Population())
    'PB2: 0 checkpoints, 0 perturbs'
    """

    def __init__(
        self,
        time_attr: str = "time_total_s",
        metric: str | None = None,
        mode: Mode | None = None,
        perturbation_interval: float = 60.0,
        hyperparam_bounds: Mapping[str, Any] | None = None,
        quantile_fraction: float = 0.25,
        log_config: bool = True,
        require_attrs: bool = True,
        synch: bool = False,
        custom_explore_fn: Callable[[Config], Config] | None = None,
        *,
        burn_in_period: float = 0.0,
        exploit: ExploitRule | None = None,
        private: Sequence[str] = (),
    ) -> None:
        if find_spec("sklearn") is None:
            raise MissingExtra("scikit-learn", extra="pb2", purpose="PB2")
        self._bounds = bounds_of(hyperparam_bounds)
        self.hyperparam_bounds = copy_tree(hyperparam_bounds or {})
        super().__init__(
            time_attr,
            metric,
            mode,
            perturbation_interval,
            burn_in_period,
            hyperparam_mutations=first_values(self._bounds),
            quantile_fraction=quantile_fraction,
            custom_explore_fn=custom_explore_fn,
            log_config=log_config,
            require_attrs=require_attrs,
            synch=synch,
            exploit=exploit,
            private=private,
        )

    @property
    def policy_files(self) -> str | None:
        """How the names of the run's policy files begin, None if there shall be none."""
        return "pb2" if self.log_config else None

    def _explore_function(
        self, population: Population, donor: Standing, earlier: Sequence[Decision]
    ) -> ExploreFunction:
        """Return what chooses the hyperparameters of a clone."""

        def choose(config: Config, rng: np.random.Generator) -> Config:
            intervals = [bound.interval(config) for bound in self._bounds]
            drawn = [[interval.draw(rng) for interval in intervals] for _ in range(CANDIDATES)]
            chosen = drawn[self._most_promising(drawn, population, donor, earlier)]
            for bound, value in zip(self._bounds, chosen, strict=True):
                config = with_value(config, bound.path, value)
            return config

        return choose

    def _most_promising(
        self, drawn: Sequence[Sequence[float]], population: Population, donor: Standing, earlier: Sequence[Decision]
    ) -> int:
        """Return which of some values are the most promising for a clone of `donor`."""
        known = [(gain, places) for gain in population.gains if (places := places_in(gain.config, self._bounds))]
        if not known:
            return 0  # any is as good, and they are random
        scores = [gain.before for gain, _ in known]
        low, high = min(scores), max(scores)

        def point(time: float, score: float, places: Sequence[float]) -> Point:
            rounds = (time - donor.time) / self.perturbation_interval
            return (min(max(rounds, -_MOST_ROUNDS), _MOST_ROUNDS), between(low, score, high), *places)

        return most_promising(
            seen=[point(gain.start, gain.before, places) for gain, places in known],
            rates=[gain.rate for gain, _ in known],
            pending=[
                point(time, score, places)
                for time, score, config in self._training(population, earlier)
                if (places := places_in(config, self._bounds))
            ],
            tried=[
                point(donor.time, donor.score, [b.place(value) for b, value in zip(self._bounds, values, strict=True)])
                for values in drawn
            ],
        )

    def _training(self, population: Population, earlier: Sequence[Decision]) -> list[Start]:
        """Return where those begin who train now, or will once the earlier decisions are carried out."""
        running = () if self.synch else _running(population)  # when synchronous, all are due and nobody trains
        starts = [*(_start(population, decision) for decision in earlier), *running]
        return heapq.nlargest(_MOST_TRAINING, starts, key=lambda start: start[0])


def _running(population: Population) -> Iterator[Start]:
    for trial in population:
        if trial.status in (Status.PENDING, Status.RUNNING) and trial.last_score is not None:
            yield trial.last_ready, trial.last_score, trial.config


def _start(population: Population, decision: Decision) -> Start:
    if isinstance(decision, Exploit):
        return decision.time, decision.donor_score, decision.config
    standing = population[decision.trial].standing
    assert standing is not None  # it was due
    return standing.time, standing.score, standing.config

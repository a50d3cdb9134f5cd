"""Population Based Training (Jaderberg et al. 2017, https://arxiv.org/abs/1711.09846)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from poptune.core.decisions import Continue, Decision, Exploit
from poptune.core.events import Overdue, Ready, Reported
from poptune.core.exploit import ExploitRule, inherited, truncation
from poptune.core.explore import Operation, fill_missing
from poptune.core.explore import explore as perturb_or_resample
from poptune.core.lease import Lease
from poptune.core.mutations import Mutations, check_mutations
from poptune.core.nested import Config
from poptune.core.objective import Mode, Objective, number
from poptune.core.population import Population
from poptune.core.randomness import Purpose, rng_for
from poptune.core.trial import Standing, Trial
from poptune.errors import MetricError, OptionError, UsageError
from poptune.schedulers.base import check_mode
from poptune.schedulers.options import (
    check_factors,
    check_flag,
    check_fraction,
    check_function,
    check_key,
    check_names,
    check_number,
    check_present,
)
from poptune.schedulers.settings import SavedSettings

if TYPE_CHECKING:
    import numpy as np


ExploreFunction = Callable[[Config, "np.random.Generator"], Config]


class PopulationBasedTraining(SavedSettings):
    """Trains all trials as one population: the weak clone the strong, and vary the hyperparameters they take over.

    A trial is *due* at its first report with a checkpoint once `perturbation_interval` has passed since its last
    decision (and `burn_in_period` since the start). Its score of that report ranks it until it is due again. If it is
    then among the lowest `quantile_fraction`, it goes on from the weights and hyperparameters of a trial drawn from the
    highest `quantile_fraction` (*exploit*), with each hyperparameter of `hyperparam_mutations` resampled or perturbed
    (*explore*). Weights, counters and hyperparameters of a donor are those of the moment it was ranked at.

    The signature and meaning are Ray Tune's. Different on purpose: values stay in their domain (`bounds`), NaN
    ranks last, is never copied and always replaced, integers move at least one step and zero is resampled, every
    draw derives from the seed of the run, and a synchronous round waits only for trials that can still come.

    Args:
        time_attr: Reported number that measures progress; must not decrease.
        metric: Reported number that ranks trials. Here or in `TuneConfig`, not in both.
        mode: "min" or "max". Here or in `TuneConfig`, not in both.
        perturbation_interval: Between two decisions for a trial, in units of `time_attr`.
        burn_in_period: No decision before this, in units of `time_attr`.
        hyperparam_mutations: Per hyperparameter (nested like the config) a domain such as `tune.uniform(0, 1)`, a
            list of values whose order makes neighbours, or a callable without arguments that draws a value. A key that
            the search space leaves open gets its first value from here too.
        quantile_fraction: Size of the lower and the upper group, in [0, 0.5]; with 0 nobody is ever due, and
            trials train independently.
        resample_probability: Per hyperparameter, the chance to be drawn anew instead of perturbed.
        perturbation_factors: A continuous value is multiplied by one of these.
        custom_explore_fn: `f(config) -> config`, applied last to the whole new config.
        log_config: Whether the run's `pbt_*.txt` files are written.
        require_attrs: Whether a report without `time_attr` or `metric` is an error. If not, it is never due.
        synch: Whether all trials wait for each other at every decision.
        bounds: "domain" keeps each value in its domain; "ray" multiplies without bounds, as Ray Tune does.
        exploit: Whom a trial that is due copies, in place of truncation selection by `quantile_fraction`: a function
            `f(population, trial_id, rng) -> trial id or None`. None: it goes on as it is; its own id: it keeps its
            weights and explores. Ready-made: `binary_tournament()`, `truncation(0.2)`, `stay()`, `or_stay(rule)`.
        explore: How hyperparameters vary, in place of resampling and perturbing: `f(config, rng) -> config`. The whole
            config comes in; the given one for no exploration is `lambda config, rng: config`.
        private: Keys and paths (`"data/fold"`) of the config that a clone keeps instead of copying its donor's. One
            that is also varied is varied from the clone's own value: weights are copied, hyperparameters are not.

    The last three make the four panels of the paper's figure 2, two trials with `h0` and `h1` (copying weights alone):

    ============  =====================================================================================
    PBT           `exploit=or_stay(truncation(0.5)), explore=gaussian_noise, private=["h0", "h1"]`
    explore only  `exploit=stay(), explore=gaussian_noise`
    exploit only  `exploit=truncation(0.5), explore=lambda config, rng: config, private=["h0", "h1"]`
    neither       no scheduler
    ============  =====================================================================================

    Raises:
        TypeError: A mutation is not a dict, list, tuple, domain or callable; a function is not callable.
        ValueError: A fraction, probability, interval or distribution that cannot work.

    >>> from poptune.core.space import loguniform
    >>> scheduler = PopulationBasedTraining(
    ...     "training_iteration", perturbation_interval=5, hyperparam_mutations={"lr": loguniform(1e-4, 1e-1)})
    >>> scheduler.bound(metric="accuracy", mode="max").objective
    Objective(metric='accuracy', mode='max')
    """

    def __init__(
        self,
        time_attr: str = "time_total_s",
        metric: str | None = None,
        mode: Mode | None = None,
        perturbation_interval: float = 60.0,
        burn_in_period: float = 0.0,
        hyperparam_mutations: Mutations | None = None,
        quantile_fraction: float = 0.25,
        resample_probability: float = 0.25,
        perturbation_factors: Sequence[float] = (1.2, 0.8),
        custom_explore_fn: Callable[[Config], Config] | None = None,
        log_config: bool = True,
        require_attrs: bool = True,
        synch: bool = False,
        *,
        bounds: Literal["domain", "ray"] = "domain",
        exploit: ExploitRule | None = None,
        explore: ExploreFunction | None = None,
        private: Sequence[str] = (),
    ) -> None:
        check_mutations(hyperparam_mutations or {})
        if not hyperparam_mutations and custom_explore_fn is None and explore is None:
            raise UsageError(
                "PopulationBasedTraining has nothing to vary: give hyperparam_mutations, custom_explore_fn, explore"
                ' or several of them, for example hyperparam_mutations={"lr": tune.loguniform(1e-4, 1e-1)}.'
            )
        check_key("time_attr", time_attr)
        if metric is not None:
            check_key("metric", metric)
        check_mode(mode)
        check_fraction(
            "quantile_fraction", quantile_fraction, 0.5, "That share of the trials copies as many better ones."
        )
        check_fraction("resample_probability", resample_probability, 1.0)
        check_number("perturbation_interval", perturbation_interval)
        check_number("burn_in_period", burn_in_period)
        if perturbation_interval <= 0:
            raise OptionError(
                f"perturbation_interval must be positive, not {perturbation_interval!r}:"
                f" it says after how much {time_attr} a trial is looked at again."
            )
        if burn_in_period < 0:
            raise OptionError(f"burn_in_period must not be negative, not {burn_in_period!r}.")
        check_factors("perturbation_factors", perturbation_factors)
        check_function("custom_explore_fn", custom_explore_fn)
        check_function("exploit", exploit)
        check_function("explore", explore)
        check_names("private", private)
        for name, flag in (("log_config", log_config), ("require_attrs", require_attrs), ("synch", synch)):
            check_flag(name, flag)
        if bounds not in ("domain", "ray"):
            raise OptionError(f'bounds must be "domain" or "ray", not {bounds!r}.')
        self.time_attr = time_attr
        self.metric = metric
        self.mode = mode
        self.perturbation_interval = float(perturbation_interval)
        self.burn_in_period = float(burn_in_period)
        self.hyperparam_mutations: Mutations = dict(hyperparam_mutations or {})
        self.quantile_fraction = quantile_fraction
        self.resample_probability = resample_probability
        self.perturbation_factors = tuple(perturbation_factors)
        self.custom_explore_fn = custom_explore_fn
        self.log_config = bool(log_config)
        self.require_attrs = bool(require_attrs)
        self.synch = bool(synch)
        self.bounds = bounds
        self.exploit = exploit
        self.explore = explore
        self.private = tuple(private)
        self._choose_donor = exploit or truncation(quantile_fraction)

    @property
    def objective(self) -> Objective | None:
        """The metric and mode that rank trials; None while either is open."""
        return Objective(self.metric, self.mode) if self.metric and self.mode else None

    def bound(self, metric: str | None, mode: Mode | None) -> PopulationBasedTraining:
        """Return this scheduler with the metric and mode of `TuneConfig` filled in.

        A mode without a metric stands for functions that report one bare number (Ray Tune's `"_metric"`).
        """
        check_mode(mode)
        for name, own, given in (("metric", self.metric, metric), ("mode", self.mode, mode)):
            if own and given:
                raise OptionError(
                    f"{name} is given twice: {own!r} to the scheduler and {given!r} to TuneConfig."
                    " Give it to one of them."
                )
        scheduler = copy.copy(self)
        scheduler.mode = self.mode or mode
        scheduler.metric = self.metric or metric or ("_metric" if scheduler.mode else None)
        if not scheduler.metric or not scheduler.mode:
            missing = "metric and mode" if not scheduler.metric else "mode"
            raise OptionError(f'{type(self).__name__} needs {missing}: give TuneConfig(metric="accuracy", mode="max").')
        return scheduler

    @property
    def policy_files(self) -> str | None:
        """How the names of the run's policy files begin, None if there shall be none."""
        return "pbt" if self.log_config else None

    def check(self, trials: int) -> None:
        """Any number of trials will do."""

    def initial_config(self, config: Config, rng: np.random.Generator) -> Config:
        """Draw each hyperparameter that has a mutation but no value yet.

        Raises:
            OptionError: The config lacks what `private` names.
        """
        config = fill_missing(config, self.hyperparam_mutations, rng)
        check_present("private", self.private, config)
        return config

    def lease(self, trial: Trial, stop_at: Mapping[str, float]) -> Lease:
        """Let the trial train until it may be due, or meets a stop criterion."""
        return Lease(None if self._clones_nobody else (self.time_attr, self._due_from(trial)), stop_at)

    @property
    def _clones_nobody(self) -> bool:
        """Nobody is ever due then: trials are independent, and nothing is saved for decisions."""
        return self.exploit is None and self.quantile_fraction == 0

    def _due_from(self, trial: Trial) -> float:
        return max(trial.last_ready + self.perturbation_interval, self.burn_in_period)

    def judge(self, population: Population, report: Reported) -> Ready | Overdue | None:
        """Say whether the trial is due: interval and burn-in have passed, and the report carries a checkpoint."""
        assert self.objective is not None
        trial = population[report.trial]
        try:
            time = number(report.metrics, self.time_attr, role="time_attr")
            if not math.isfinite(time):
                raise MetricError(f"time_attr {self.time_attr!r} must be a finite number, but {time} was reported.")
            score = self.objective.score(report.metrics)
        except MetricError:
            if self.require_attrs:
                raise
            return None
        if self._clones_nobody or time < self._due_from(trial):
            return None
        if report.checkpoint is not None:
            return Ready(report.trial, time, score)
        if trial.is_overdue:
            return None  # said already
        return Overdue(report.trial, time, self.perturbation_interval, trial.checkpoint_every)

    def decide(self, population: Population) -> list[Decision]:
        """Settle everyone who is due; when synchronous, all together once nobody else can come.

        A synchronous round is settled from the best rank to the worst.
        """
        due = list(population.due)
        if self.synch:
            if len(due) + len(population.late) < population.live:
                return []
            due.sort(key=population.ranking.position, reverse=True)
        decisions: list[Decision] = []
        for trial in due:
            decisions.append(self._decision(population, population[trial], decisions))
        return decisions

    def _decision(self, population: Population, trial: Trial, earlier: Sequence[Decision]) -> Decision:
        rng = rng_for(population.seed, Purpose.DECISION, trial.index, trial.generation)
        try:
            donor_id = self._choose_donor(population, trial.id, rng)
        except Exception as error:  # user code: exploit
            return Continue(trial.id, note=f"could not choose whom to copy: {_told(error)}")
        if donor_id is None:
            return Continue(trial.id)
        if donor_id not in population.ranking:
            return Continue(trial.id, note=f"exploit chose {donor_id!r}, which is not a live trial with a score")
        donor, standing = population[donor_id].standing, trial.standing
        assert donor is not None
        assert standing is not None
        try:
            function = self._explore_function(population, donor, earlier)
            config, operations = self._explored(inherited(donor.config, standing.config, self.private), function, rng)
        except Exception as error:  # user code: explore, custom_explore_fn or a callable distribution
            return Continue(trial.id, note=f"could not vary the hyperparameters of {donor_id}: {_told(error)}")
        return Exploit(
            trial=trial.id,
            donor=donor_id,
            checkpoint=donor.checkpoint,
            config=config,
            donor_config=donor.config,
            operations=operations,
            iteration=trial.progress.iteration,
            time=donor.time,
            score=standing.score,
            donor_score=donor.score,
            generation=trial.generation,
            donor_generation=donor.generation,
        )

    def _explore_function(
        self, population: Population, donor: Standing, earlier: Sequence[Decision]
    ) -> ExploreFunction | None:
        """Return what takes the place of resampling and perturbing for a clone of `donor`, None if nothing does.

        Args:
            population: As it was before any of the decisions that are made now.
            donor: The moment that the clone begins at.
            earlier: Those decisions, as far as they are made.
        """
        return self.explore

    def _explored(
        self, config: Config, function: ExploreFunction | None, rng: np.random.Generator
    ) -> tuple[Config, tuple[Operation, ...]]:
        if function is None:
            mutations, customise = self.hyperparam_mutations, self.custom_explore_fn
        else:
            mutations, customise = {}, lambda config: self._by_functions(function, config, rng)
        return perturb_or_resample(
            config,
            mutations,
            rng,
            resample_probability=self.resample_probability,
            perturbation_factors=self.perturbation_factors,
            custom_explore_fn=customise,
            bounds=self.bounds,
        )

    def _by_functions(self, function: ExploreFunction, config: Config, rng: np.random.Generator) -> Config:
        config = function(config, rng)
        if not isinstance(config, dict):
            raise TypeError(f"explore must return the config, a dict, but it returned {type(config).__name__}.")
        return self.custom_explore_fn(config) if self.custom_explore_fn else config

    def choose_trial_to_run(self, population: Population) -> str | None:
        """Return the trial that is furthest behind among those that can train on, None if nobody can.

        Those that wait for a decision cannot. Runs take turns by the same measure, so nothing needs to call this; it
        serves loops of one's own, and those who know it from Ray Tune.
        """
        able = [trial for trial in population if trial.status.is_live and trial.id not in population.due]
        return min(able, key=lambda trial: trial.behind).id if able else None

    def describe(self, population: Population) -> str:
        """Return one line for the status display, as Ray Tune words it."""
        return f"{type(self).__name__}: {population.checkpoints} checkpoints, {population.exploits} perturbs"


def _told(error: Exception) -> str:
    """Return what an error of the user's code says, and where it arose."""
    told = f"{type(error).__name__}: {error}"
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    code = frame.tb_frame.f_code if frame else None
    is_ours = frame is None or frame.tb_frame.f_globals.get("__name__", "").startswith("poptune.")
    return told if is_ours or code is None or frame is None else f"{told} ({code.co_filename}, line {frame.tb_lineno})"

"""Replay: train one trial with a hyperparameter schedule that Population Based Training has found."""

from __future__ import annotations

import bisect
import copy
import math
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from poptune.core.decisions import Decision, Exploit
from poptune.core.events import Overdue, Ready, Reported
from poptune.core.explore import differences
from poptune.core.lease import Lease
from poptune.core.lineage import Segment
from poptune.core.nested import Config, copy_tree, leaves
from poptune.core.objective import Mode, Objective
from poptune.core.population import Population
from poptune.core.safe_text import MASK, unmasked
from poptune.core.trial import Trial
from poptune.errors import OptionError
from poptune.schedulers.base import check_mode
from poptune.schedulers.files import FilePath, lies_beside_a_journal, read_text
from poptune.schedulers.policy import Change, parse_policy, policy_of

if TYPE_CHECKING:
    import numpy as np


class PopulationBasedTrainingReplay:
    """Trains one trial with the hyperparameters of a schedule, each at the iterations at which it was in force.

    At a change the trial goes on from its own weights: its function is called again with the next config and the
    checkpoint that it has just saved. So the training code must save at the iterations of the changes, as it did when
    the schedule was found; if it does not, a change waits for the next checkpoint, and the run says so.

    The schedule replaces the whole config. Name and meaning are Ray Tune's; but where its files have iterations that
    are one too low, they are put right (see `parse_policy`).

    Args:
        policy_file: A `Result.schedule`, or the path of a policy file such as `"~/run/pbt_policy_4f1c2_00003.txt"`,
            written by PopTune or Ray Tune.

    Raises:
        ValueError: The file is missing or broken, or there is nothing to replay; also, before the training, if there is
            more than one trial.

    >>> from poptune.core.lineage import Segment
    >>> lineage = [Segment("a", 1, 5, {"lr": 0.1}, None), Segment("b", 6, 10, {"lr": 0.08}, "a")]
    >>> PopulationBasedTrainingReplay(lineage).config_after(5)
    {'lr': 0.08}
    """

    def __init__(self, policy_file: FilePath | Iterable[Segment]) -> None:
        if isinstance(policy_file, FilePath):
            text = read_text(
                policy_file, "policy file", "A run writes one per clone into its directory: pbt_policy_<trial_id>.txt."
            )
            policy = parse_policy(text, str(policy_file), is_exact=lies_beside_a_journal(policy_file))
        elif isinstance(policy_file, Iterable):
            policy = policy_of(policy_file)
        else:
            raise OptionError(f"policy_file must be a path or a schedule, not {type(policy_file).__name__}.")
        if policy.note:
            warnings.warn(policy.note, stacklevel=2)
        self.changes: tuple[Change, ...] = policy.changes
        self._objective: Objective | None = None

    @property
    def objective(self) -> Objective | None:
        """The metric that is shown, if one was given; nobody is ranked by it."""
        return self._objective

    def bound(self, metric: str | None, mode: Mode | None) -> PopulationBasedTrainingReplay:
        """Return this scheduler with a metric to show; both may stay open."""
        check_mode(mode)
        scheduler = copy.copy(self)
        scheduler._objective = Objective(metric or "_metric", mode) if mode else None
        return scheduler

    def check(self, trials: int) -> None:
        """Refuse more than one trial: a schedule is that of one."""
        if trials > 1:
            raise OptionError(f"A replay trains exactly one trial, not {trials}: leave out num_samples and grids.")

    def initial_config(self, config: Config, rng: np.random.Generator) -> Config:
        """Return the config that the schedule begins with; warn if another one was given.

        What is masked in a policy file comes from the config that is given.

        Raises:
            OptionError: It does not, since that has none.
        """
        schedule = self.changes[0].config
        first = copy_tree(unmasked(schedule, config))
        if hidden := ["/".join(path) for path, value in leaves(first) if type(value) is str and value == MASK]:
            raise OptionError(f"The policy file does not tell {', '.join(hidden)}: give it in param_space.")
        if config and first == schedule and config != first:
            warnings.warn("A replay takes the whole config from its schedule: param_space is not used.", stacklevel=2)
        return first

    def config_after(self, iteration: int) -> Config:
        """Return the config in force after an iteration, at the next one."""
        return self.changes[self._reached(iteration)].config

    def _reached(self, iteration: float) -> int:
        """Return the index of the newest change up to an iteration."""
        return bisect.bisect_right(self.changes, iteration, key=lambda change: change.iteration) - 1

    def lease(self, trial: Trial, stop_at: Mapping[str, float]) -> Lease:
        """Let the trial train until the next change, or until it meets a stop criterion."""
        following = self._reached(trial.last_ready) + 1
        if following == len(self.changes):
            return Lease(stop_at=stop_at)
        return Lease(("training_iteration", self.changes[following].iteration), stop_at)

    def judge(self, population: Population, report: Reported) -> Ready | Overdue | None:
        """Say whether a change has come: it needs the checkpoint of the report, or of the next one that has one."""
        trial, iteration = population[report.trial], report.progress.iteration
        if self._reached(iteration) == self._reached(trial.last_ready):
            return None
        if report.checkpoint is not None:
            score = self._objective.score(report.metrics) if self._objective else math.nan
            return Ready(report.trial, iteration, score)
        return None if trial.is_overdue else Overdue(report.trial, iteration, None, trial.checkpoint_every)

    def decide(self, population: Population) -> list[Decision]:
        """Let the trial go on from its own weights with the next config."""
        return [self._decision(population[trial]) for trial in population.due]

    def _decision(self, trial: Trial) -> Decision:
        standing = trial.standing
        assert standing is not None  # it is due
        config = copy_tree(unmasked(self.config_after(standing.progress.iteration), standing.config))
        return Exploit(
            trial=trial.id,
            donor=trial.id,
            checkpoint=standing.checkpoint,
            config=config,
            donor_config=standing.config,
            operations=differences(standing.config, config),
            iteration=standing.progress.iteration,
            time=standing.time,
            score=standing.score,
            donor_score=standing.score,
            generation=standing.generation,
            donor_generation=standing.generation,
        )

    def describe(self, population: Population) -> str:
        """Return one line for the status display, as Ray Tune words it."""
        step = max((trial.progress.iteration for trial in population), default=0)
        return f"PopulationBasedTraining replay: Step {step}, perturb {population.exploits}"

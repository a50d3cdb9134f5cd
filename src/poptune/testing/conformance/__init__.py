"""Tests that any PBT system should pass. Run them on yours.

Each test is a defect that was found in a published system, or a rule that all of them share: losers keep their own
weights, survivors are perturbed, a barrier waits for the dead. The docstring of a test says where it comes from.

**How to adapt a system.** Write a class with the four methods of `System`: `add`, `report`, `finish` and `fail`. They
take plain values, and return what follows from them, for any trial: `Continues`, `Waits`, `Clones`, or `Joins`. Derive
a class from `PBTConformance` in a file of tests, let its method `system` return your class set up as the `Options` say,
and run pytest. This is the whole of it for a scheduler of PopTune, around which there is an adapter already:

>>> from poptune.core.space import choice, randint, uniform
>>> from poptune.schedulers import PopulationBasedTraining, binary_tournament
>>> def distribution(hyperparameter):
...     match hyperparameter:
...         case Floats(low, high):
...             return uniform(low, high)
...         case Integers(low, high):
...             return randint(low, high + 1)
...         case Choices(values):
...             return choice(values)
...         case Steps(values):
...             return list(values)
>>> class TestMine(PBTConformance):
...     def system(self, options):
...         scheduler = PopulationBasedTraining(
...             "training_iteration", "score", options.mode,
...             perturbation_interval=options.interval,
...             burn_in_period=options.burn_in,
...             hyperparam_mutations={name: distribution(kind) for name, kind in options.space.items()},
...             quantile_fraction=options.quantile,
...             resample_probability=options.resample,
...             custom_explore_fn=options.explore,
...             synch=options.synchronous,
...             exploit=binary_tournament() if options.selection == "tournament" else None)
...         return SchedulerSystem(scheduler, options.seed)

Pytest does the rest; a test can be called by hand too, and is silent if the system passes:

>>> TestMine().test_a_clone_gets_its_donors_weights(synchronous=False)

This is what the tests see:

>>> system = TestMine().system(Options(interval=10, space={"lr": Choices(("small", "large"))}))
>>> system.add("a", {"lr": "small"})
>>> system.add("b", {"lr": "large"})
>>> system.report("b", 10, score=1.0, checkpoint="weights of b")
[Continues(trial='b')]
>>> system.report("a", 10, score=0.0, checkpoint="weights of a")
[Clones(trial='a', donor='b', checkpoint='weights of b', config={'lr': 'large'})]

**What a system cannot do** is declared with the reason, by the names of `CAPABILITIES`; the tests that need it are
reported as skipped. All others count.

>>> class TestGenerations(TestMine):
...     lacks = {"asynchronous": "each generation ends before the next begins"}

**A system that acts instead of answering**, with a scheduler that is called back and changes trials through a
controller, as those of Ray Tune do, is wrapped by a class that plays the controller and writes down what is done.

>>> from types import SimpleNamespace
>>> class Theirs:
...     def __init__(self):
...         self.trials = []
...     def on_trial_result(self, controller, trial, result):
...         trial.score = result["score"]
...         self.trials = sorted({*self.trials, trial}, key=lambda trial: trial.score)
...         if trial is self.trials[0] and len(self.trials) > 1:
...             controller.restart(trial, self.trials[-1])
>>> class Trial(SimpleNamespace):
...     __hash__ = object.__hash__
>>> class Controller:
...     def __init__(self, scheduler):
...         self.scheduler, self.trials, self.done = scheduler, {}, []
...     def restart(self, loser, donor):
...         loser.config = dict(donor.config)
...         self.done = [Clones(loser.id, donor.id, loser.checkpoint, loser.config)]
...     def add(self, trial, config):
...         self.trials[trial] = Trial(id=trial, config=config)
...     def report(self, trial, iteration, score, checkpoint):
...         self.done = [Continues(trial)]
...         self.trials[trial].checkpoint = checkpoint
...         self.scheduler.on_trial_result(self, self.trials[trial], {"iteration": iteration, "score": score})
...         return self.done
...     def finish(self, trial):
...         return []
...     fail = finish
>>> class TestTheirs(PBTConformance):
...     lacks = {"synchronous": "it has no barrier"}
...     def system(self, options):
...         return Controller(Theirs())
>>> TestTheirs().test_a_clone_gets_its_donors_weights(synchronous=False)
Traceback (most recent call last):
AssertionError: a clones b, but goes on from 'weights of a', not 'weights of b'

That is the defect of Katib. Give back what the system did, not what it should have done: an adapter that looks up the
donor's checkpoint by itself would hide it.

The suite needs pytest. What it does not test: how weights are stored, where trials run, surrogates such as that of PB2,
and the order in which a system gives out its workers.
"""

from poptune.testing.conformance.adapter import SchedulerSystem
from poptune.testing.conformance.exploiting import Exploiting
from poptune.testing.conformance.exploring import Exploring
from poptune.testing.conformance.selection import Selection
from poptune.testing.conformance.system import (
    CAPABILITIES,
    Answer,
    Choices,
    Clones,
    Continues,
    Floats,
    Hyperparameter,
    Integers,
    Joins,
    Options,
    Steps,
    System,
    Waits,
)
from poptune.testing.conformance.timing import Barrier, Timing

__all__ = [
    "CAPABILITIES",
    "Answer",
    "Choices",
    "Clones",
    "Continues",
    "Floats",
    "Hyperparameter",
    "Integers",
    "Joins",
    "Options",
    "PBTConformance",
    "SchedulerSystem",
    "Steps",
    "System",
    "Waits",
]


class PBTConformance(Selection, Exploiting, Exploring, Timing, Barrier):
    """Derive a class, write `system`, and let pytest collect it.

    Attributes:
        lacks: Capabilities that the system does not have, each with the reason; their tests are skipped.

    Raises:
        OptionError: `lacks` names what is no capability.
    """

"""PopTune's own scheduler passes the suite that it offers to others."""

from poptune.core.space import choice, randint, uniform
from poptune.schedulers import PopulationBasedTraining, binary_tournament
from poptune.testing.conformance import (
    Choices,
    Floats,
    Integers,
    PBTConformance,
    SchedulerSystem,
    Steps,
)


def distribution(hyperparameter):
    match hyperparameter:
        case Floats(low, high):
            return uniform(low, high)
        case Integers(low, high):
            return randint(low, high + 1)
        case Choices(values):
            return choice(values)
        case Steps(values):
            return list(values)


class TestPopulationBasedTraining(PBTConformance):
    def system(self, options):
        scheduler = PopulationBasedTraining(
            "training_iteration",
            "score",
            options.mode,
            perturbation_interval=options.interval,
            burn_in_period=options.burn_in,
            hyperparam_mutations={name: distribution(kind) for name, kind in options.space.items()},
            quantile_fraction=options.quantile,
            resample_probability=options.resample,
            custom_explore_fn=options.explore,
            synch=options.synchronous,
            exploit=binary_tournament() if options.selection == "tournament" else None,
        )
        return SchedulerSystem(scheduler, options.seed)

"""PopTune passes the suite that it offers to others, and the suite finds what is broken."""

import broken_cloning
import broken_exploring
import broken_selection
import broken_timing
import pytest
from defects import DEFECTS, conformance_tests, failures, paces, suite_for
from toy_system import ToySystem

from poptune.core.space import choice, randint, uniform
from poptune.errors import OptionError
from poptune.schedulers import FIFOScheduler, PopulationBasedTraining, binary_tournament
from poptune.testing.conformance import (
    CAPABILITIES,
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


class TestSystemOfSomebodyElse(PBTConformance):
    def system(self, options):
        return ToySystem(options)


# The suite can fail


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.system.__name__)
def test_a_defect_is_found_by_the_test_that_exists_for_it(defect):
    found = failures(suite_for(defect.system))
    error = found.pop(defect.test)
    assert isinstance(error, AssertionError)
    assert defect.says in str(error)
    assert found.keys() == defect.also


def test_no_test_of_the_suite_is_without_a_system_that_fails_it():
    assert {defect.test for defect in DEFECTS} == set(conformance_tests(suite_for(ToySystem)))


def test_the_broken_systems_are_on_the_list():
    modules = (broken_selection, broken_cloning, broken_exploring, broken_timing)
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    broken = {kind for kind in kinds if kind.__module__.startswith("broken_")}
    assert broken == {defect.system for defect in DEFECTS}


# What a system lacks


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_what_needs_a_capability_is_skipped_with_the_reason_and_the_rest_is_not(capability):
    suite = suite_for(ToySystem, lacks={capability: "it was never asked for"})
    reasons = set()
    for test in conformance_tests(suite).values():
        for pace in paces(test):
            try:
                test(**pace)
            except pytest.skip.Exception as skip:
                reasons.add(skip.msg)
    assert reasons == {f"{CAPABILITIES[capability]}: not here, it was never asked for"}


def test_a_capability_that_does_not_exist_is_refused_with_the_nearest_name():
    with pytest.raises(OptionError, match=r"lacks names 'synchronus', which is no capability.*'synchronous'"):
        suite_for(ToySystem, lacks={"synchronus": "no barrier"})


def test_a_scheduler_that_ranks_nobody_is_refused():
    with pytest.raises(OptionError, match="has no metric and mode"):
        SchedulerSystem(FIFOScheduler())

"""The list of broken systems, and the suite run over one of them by hand."""

import inspect
from dataclasses import dataclass

from poptune.testing.conformance import PBTConformance


@dataclass(frozen=True)
class Defect:
    """A broken system.

    Attributes:
        system: Its class.
        test: The test that exists for it.
        says: What the message of that test says.
        also: All other tests that it fails.
    """

    system: type
    test: str
    says: str
    also: frozenset


DEFECTS = []


def found_by(test, says, *also):
    """Put a broken system on the list. The names of tests are given without `test_`."""

    def listed(system):
        names = frozenset(f"test_{name}" for name in also)
        DEFECTS.append(Defect(system, f"test_{test}", says, names))
        return system

    return listed


def suite_for(make, lacks=None):
    """Return the suite over a system."""

    declared = lacks or {}

    class Suite(PBTConformance):
        lacks = declared

        def system(self, options):
            return make(options)

    return Suite()


def conformance_tests(suite):
    """Return all tests of a suite by name."""
    return {name: test for name, test in inspect.getmembers(suite, inspect.ismethod) if name.startswith("test_")}


def paces(test):
    """Return the ways in which a test is called: with and without a barrier, or as it is."""
    has_pace = "synchronous" in inspect.signature(test).parameters
    return [{"synchronous": False}, {"synchronous": True}] if has_pace else [{}]


def failures(suite):
    """Return what each failing test raised first, by name."""
    found = {}
    for name, test in conformance_tests(suite).items():
        for pace in paces(test):
            try:
                test(**pace)
            except Exception as error:
                found.setdefault(name, error)
    return found

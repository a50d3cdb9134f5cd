"""Importing the package is cheap, and its public names are what `__all__` says."""

from __future__ import annotations

import subprocess
import sys

import pytest

import poptune

HEAVY = ("torch", "jax", "ray", "pandas", "matplotlib", "numpy", "rich", "sqlite3", "click")


def in_a_fresh_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, poptune; print([name for name in {HEAVY} if name in sys.modules])"
    assert in_a_fresh_process(code) == "[]\n"


def test_importing_every_public_name_imports_no_framework():
    code = (
        "import sys, poptune as tune; [getattr(tune, name) for name in tune.__all__];"
        "print([name for name in ('torch', 'jax', 'ray', 'pandas', 'matplotlib', 'rich') if name in sys.modules])"
    )
    assert in_a_fresh_process(code) == "[]\n"


def test_every_public_name_is_there():
    for name in poptune.__all__:
        assert getattr(poptune, name) is not None
    assert set(poptune.__all__) <= set(dir(poptune))


def test_submodules_are_reached_as_in_ray_tune():
    assert in_a_fresh_process("import poptune as tune; print(tune.schedulers.PopulationBasedTraining.__name__)") == (
        "PopulationBasedTraining\n"
    )


def test_a_misspelt_name_is_an_attribute_error_with_a_hint():
    with pytest.raises(AttributeError, match=r"poptune has no name 'Tunner'\. Did you mean 'Tuner'\?"):
        _ = poptune.Tunner

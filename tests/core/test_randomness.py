import contextlib
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.randomness import (
    GlobalGenerators,
    Purpose,
    below,
    borrowed_globals,
    rng_for,
    seed_globals,
    training_seed,
)


def draw_globally():
    """A number of each global generator."""
    return random.random(), float(np.random.random())


def rng():
    return rng_for(0, Purpose.DECISION, 0)


def test_the_same_use_gives_the_same_numbers():
    assert (
        rng_for(7, Purpose.DECISION, 3, 2).random(5).tolist() == rng_for(7, Purpose.DECISION, 3, 2).random(5).tolist()
    )


def test_every_other_use_gives_other_numbers():
    uses = [
        (seed, purpose, trial, generation)
        for seed in (0, 1, 2**32, 2**70)
        for purpose in Purpose
        for trial in range(3)
        for generation in range(3)
    ]
    assert len({rng_for(*use).random() for use in uses}) == len(uses)


@given(st.integers(0, 2**130), st.sampled_from(list(Purpose)), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_numbers_are_those_of_numpys_spawned_sequences(seed, purpose, trial, generation):
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), trial, generation))
    assert rng_for(seed, purpose, trial, generation).random() == np.random.default_rng(sequence).random()


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        rng_for(-1, Purpose.DECISION, 0)


def test_seeds_of_training_fit_the_global_generators_and_differ():
    seeds = [training_seed(0, trial, generation) for trial in range(10) for generation in range(10)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert training_seed(0, 1, 2) == training_seed(0, 1, 2)


def test_below_draws_every_number_equally_often():
    generator = rng()
    drawn = [below(5, generator) for _ in range(2000)]
    assert all(330 < drawn.count(number) < 470 for number in range(5))
    assert len(drawn) == sum(drawn.count(number) for number in range(5))


def test_what_was_captured_is_restored():
    state = GlobalGenerators.capture()
    numbers = draw_globally()
    assert draw_globally() != numbers
    state.restore()
    assert draw_globally() == numbers


def test_a_record_can_be_restored_again_and_again():
    state = GlobalGenerators.capture()
    first = draw_globally()
    for _ in range(2):
        state.restore()
        assert draw_globally() == first


def test_seeding_reaches_every_generator():
    before = GlobalGenerators.capture()
    seed_globals(2**32 - 1)
    first = draw_globally()
    seed_globals(2**32 - 1)
    assert draw_globally() == first
    seed_globals(1)
    assert all(a != b for a, b in zip(draw_globally(), first, strict=True))
    before.restore()


def test_borrowed_generators_are_seeded_and_given_back():
    state = GlobalGenerators.capture()
    undisturbed = draw_globally()
    state.restore()
    with borrowed_globals(rng()):
        lent = draw_globally()
    assert draw_globally() == undisturbed
    with borrowed_globals(rng()):
        assert draw_globally() == lent
    assert lent != undisturbed


def test_borrowed_generators_are_given_back_after_an_exception():
    state = GlobalGenerators.capture()
    undisturbed = draw_globally()
    state.restore()
    with contextlib.suppress(KeyError), borrowed_globals(rng()):
        draw_globally()
        raise KeyError
    assert draw_globally() == undisturbed


def test_two_borrowings_from_one_generator_differ():
    generator = rng()
    with borrowed_globals(generator):
        first = draw_globally()
    with borrowed_globals(generator):
        assert draw_globally() != first

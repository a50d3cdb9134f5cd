import math
import pickle
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.space import (
    choice,
    grid_search,
    is_grid_search,
    lograndint,
    loguniform,
    qlograndint,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
    randint,
    randn,
    sample_from,
    uniform,
)
from poptune.core.values import same
from poptune.errors import SpaceError

DOMAINS = [
    uniform(-1.0, 2.0),
    uniform(-1e308, 1e308),
    quniform(0.0, 1.0, 0.1),
    quniform(0.0, 1.0, 1 / 3),
    loguniform(1e-5, 1e-1),
    qloguniform(5e-3, 1e-1, 5e-4),
    randint(32, 256),
    qrandint(8, 64, 8),
    lograndint(1, 1000),
    qlograndint(16, 256, 16),
    qrandint(1, 100, 10),
    qrandint(-25, 14, 10),
    qlograndint(1, 99, 5),
    randn(),
    qrandn(10.0, 2.0, 0.2),
    choice([1, 10, 100]),
    choice(["relu", "tanh", None, (64, 64), [1]]),
]
NUMERIC = DOMAINS[:-1]
each_domain = pytest.mark.parametrize("domain", DOMAINS, ids=repr)
each_numeric = pytest.mark.parametrize("domain", NUMERIC, ids=repr)


@each_domain
@given(seed=st.integers(0, 2**32))
def test_every_draw_belongs_to_its_domain(domain, seed):
    value = domain.draw(np.random.default_rng(seed))
    assert domain.contains(value)
    assert domain.is_valid(value)
    assert same(domain.clip(value), value)


@each_numeric
@given(x=st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6))
def test_clip_gives_the_nearest_member(domain, x):
    clipped = domain.clip(x)
    assert domain.contains(clipped)
    for other in domain.sample(size=20, random_state=0):
        assert abs(clipped - x) <= abs(other - x) * (1 + 1e-9) + 1e-12


@each_domain
def test_values_are_plain_python(domain):
    for value in domain.sample(size=50, random_state=1):
        assert not isinstance(value, np.generic)


@each_domain
def test_domains_are_values(domain):
    assert pickle.loads(pickle.dumps(domain)) == domain


@each_numeric
def test_repr_is_how_one_writes_it(domain):
    import poptune.core.space as tune

    assert eval(repr(domain), vars(tune)) == domain


def test_swapped_uniform_bounds_are_put_in_order():
    assert uniform(1e-2, 1e-5) == uniform(1e-5, 1e-2)
    assert uniform(1e-2, 1e-5).lower == 1e-5


def test_upper_is_exclusive_for_randint_and_inclusive_for_a_step():
    assert set(randint(0, 3).sample(size=200, random_state=0)) == {0, 1, 2}
    assert set(qrandint(0, 3).sample(size=200, random_state=0)) == {0, 1, 2}
    assert set(qrandint(0, 4, 2).sample(size=200, random_state=0)) == {0, 2, 4}
    assert randint(0, 3).is_valid(3)
    assert not randint(0, 3).contains(3)
    assert randint(0, 3).clip(3) == 2


def test_the_bounds_of_quantised_integers_need_not_be_multiples():
    def values(domain):
        return sorted(set(domain.sample(size=2000, random_state=0)))

    assert values(qrandint(1, 100, 10)) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert values(qrandint(1, 100, 7)) == list(range(7, 99, 7))
    assert values(qrandint(-25, 14, 10)) == [-20, -10, 0, 10]
    assert values(qrandint(11, 29, 10)) == [20]
    assert values(qlograndint(1, 22, 5)) == [5, 10, 15, 20]
    assert (qrandint(1, 99, 10).clip(1), qrandint(1, 99, 10).clip(99)) == (10, 90)
    assert not qrandint(1, 99, 10).contains(0)
    assert not qrandint(1, 99, 10).contains(100)


def test_quantised_values_carry_no_float_noise():
    values = qloguniform(5e-3, 1e-1, 5e-4).sample(size=500, random_state=0)
    assert all(len(repr(value)) <= len("0.0005") for value in values)
    assert qloguniform(5e-3, 1e-1, 5e-4).clip(34 * 5e-4) == 0.017


def test_log_domains_spread_over_orders_of_magnitude():
    values = loguniform(1e-4, 1.0).sample(size=2000, random_state=0)
    assert 0.4 < sum(value < 1e-2 for value in values) / 2000 < 0.6
    counts = lograndint(1, 100).sample(size=2000, random_state=0)
    assert 0.4 < sum(value < 10 for value in counts) / 2000 < 0.6


def test_normal_is_centred():
    values = randn(3.0, 0.5).sample(size=2000, random_state=0)
    assert abs(sum(values) / 2000 - 3.0) < 0.1
    assert (randn().lower, randn().upper) == (-math.inf, math.inf)
    assert randn(5, 0).sample() == 5.0


def test_a_number_of_the_wrong_type_does_not_belong():
    assert uniform(0, 2).contains(1)
    assert not uniform(0, 2).contains(True)
    assert not randint(0, 9).contains(3.0)
    assert randint(0, 9).contains(np.int64(3))
    assert not choice([1, 2]).contains(True)
    assert choice([True, False]).contains(False)
    assert not randn().contains(math.inf)
    assert not uniform(0, 1).contains(math.nan)


def test_what_has_no_near_value_cannot_be_clipped():
    for domain, stray in [
        (uniform(0, 1), "x"), (randint(0, 3), math.nan), (choice(["a"]), "b"), (randn(), math.inf),
    ]:  # fmt: skip
        with pytest.raises(SpaceError, match="no value near"):
            domain.clip(stray)
    assert uniform(0, 1).clip(math.inf) == 1.0
    assert randint(0, 3).clip(-math.inf) == 0
    assert choice([1, 10, 100]).clip(50) == 10


def test_sample_takes_all_kinds_of_random_state():
    domain = uniform(0, 1)
    assert domain.sample(random_state=3) == domain.sample(random_state=3)
    assert domain.sample(random_state=np.random.RandomState(3)) == domain.sample(random_state=np.random.RandomState(3))
    assert domain.sample(random_state=np.random.default_rng(3)) == domain.sample(random_state=3)
    assert len(domain.sample({"lr": 1}, 4)) == 4


def test_sampling_leaves_the_global_generator_alone():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    randn().sample(size=10)
    assert np.random.random() == expected


def test_cast_gives_the_type_of_the_domain():
    assert repr(uniform(0, 1).cast(1)) == "1.0"
    assert randint(0, 9).cast(2.7) == 2
    assert randn().cast("0.5") == 0.5
    assert choice(["a"]).cast("a") == "a"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: uniform("0", 1), "lower must be a number, not str"),
        (lambda: uniform(0, math.inf), "upper must be finite"),
        (lambda: uniform(math.nan, 1), "lower must be finite"),
        (lambda: loguniform(0, 1), "lower must be positive"),
        (lambda: loguniform(1, 0.1), "lower must be below upper"),
        (lambda: quniform(1, 0, 0.1), "lower must be below upper"),
        (lambda: quniform(0, 1, 0.3), "upper must be a multiple of q=0.3"),
        (lambda: quniform(0, 1, 0), "q must be positive"),
        (lambda: qloguniform(0.001, 0.1, 0.002), "lower must be a multiple"),
        (lambda: randint(5, 5), "lower must be below upper"),
        (lambda: randint(0.5, 5), "lower must be an integer, not float 0.5"),
        (lambda: randint(0, 2**70), "between"),
        (lambda: qrandint(0, 8, 0), "q must be a positive integer"),
        (lambda: qrandint(12, 18, 10), "no multiple of q=10 from 12 to 18"),
        (lambda: qlograndint(1, 4, 5), "no multiple of q=5 from 1 to 4"),
        (lambda: lograndint(0, 8), "lower must be positive"),
        (lambda: randn(0, -1), "sd must not be negative"),
        (lambda: qrandn(0, 1, -1), "q must be positive"),
        (lambda: choice([]), "at least one value"),
        (lambda: choice("relu"), "list of values, not str"),
        (lambda: choice({1, 2}), "list of values, not set"),
        (lambda: choice(3), "list of values, not int"),
        (lambda: sample_from(3), "needs a function"),
        (lambda: sample_from(lambda a, b: 0), "other arguments"),
    ],
)
def test_a_space_that_cannot_work_is_refused_at_once(make, complaint):
    with pytest.raises(SpaceError, match=complaint):
        make()


def test_numpy_numbers_are_welcome():
    assert uniform(np.float32(0), np.int64(1)) == uniform(0, 1)
    assert choice(np.array([1, 2])) == choice([1, 2])
    assert type(choice(np.array([1, 2])).categories[0]) is int
    assert [type(value) for value in grid_search(np.linspace(0, 1, 2))["grid_search"]] == [float, float]


def test_grid_search_is_a_marked_dictionary():
    assert grid_search([0.0, 1.0]) == {"grid_search": [0.0, 1.0]}
    assert is_grid_search(grid_search((1, 2)))
    assert not is_grid_search({"grid_search": [1], "lr": 2})
    assert not is_grid_search([1])


def test_sample_from_calls_with_the_config_only_if_needed():
    assert sample_from(lambda: 3).sample({"x": 1}) == 3
    assert sample_from(lambda config: config["x"]).sample({"x": 1}) == 1
    assert [sample_from(lambda i=i: i).sample({}) for i in range(2)] == [0, 1]


def test_equal_values_of_other_kinds_are_told_apart():
    assert not same(True, 1)
    assert not same(0, False)
    assert same(math.nan, math.nan)
    assert not same([1], (1,))
    assert same(np.array([1, 2]), np.array([1, 2]))
    assert not same(np.array([1, 2]), np.array([1, 3]))
    assert not same(np.array([1, 1]), np.array([1]))
    assert same(np.bool_(True), True)
    assert not same(None, 0)
    assert not same(10**400, 1.5)


def test_categories_are_taken_while_another_thread_imports_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", types.ModuleType("numpy"))  # so it is there from the first line of it
    assert choice([1, 2]).categories == (1, 2)

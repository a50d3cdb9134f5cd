"""The bandit of Population Based Bandits: a model of past gains says which point to try next.

A point is where a trial begins to gain: `(rounds from now, score, hyperparameter, hyperparameter, ...)`, all but the
first in [0, 1]. The gain until the next decision is modelled by a Gaussian process that forgets: what was learnt some
rounds ago says less about now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.gaussian_process import GaussianProcessRegressor

Point = tuple[float, ...]

LENGTHS = (0.1, 0.2, 0.4)  # how far apart points are that say little about each other
FORGETTING = (0.02, 0.1, 0.3)  # the share of what is known that two rounds take
NOISE = 0.1  # variance, where that of all gains is 1: keeps the equations well conditioned, whatever the points
_LARGEST_GAIN = 2.0  # in standard deviations
_ROUNDING = 1e-9  # gains that differ by less than this part of the largest one are the same


def most_promising(
    seen: Sequence[Point], rates: Sequence[float], pending: Sequence[Point], tried: Sequence[Point]
) -> int:
    """Return which of some points to try next: that with the highest upper confidence bound of its gain.

    The bound is `mean + sqrt(beta) * std`. Points whose gains are not known yet lower the std around them, not the mean
    (Desautels et al. 2014), so that the points of one round spread. Length scale and forgetting are the pair of
    `LENGTHS` and `FORGETTING` that makes the known gains likeliest.

    Source: Parker-Holder et al. 2020, https://arxiv.org/abs/2002.02518; their code adds the variance.

    Args:
        seen: Points whose gains are known, at least one.
        rates: Their gains per unit of time; may be infinite.
        pending: Points that train now.
        tried: Points to choose from.

    >>> seen = [(-1.0, 0.0, 0.1), (-1.0, 0.0, 0.5), (-1.0, 0.0, 0.9)]
    >>> most_promising(seen, [0.0, 1.0, 0.0], pending=[], tried=[(0.0, 0.0, 0.2), (0.0, 0.0, 0.5), (0.0, 0.0, 0.8)])
    1
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    points, gains, candidates = np.array(seen), standardised(rates), np.array(tried)
    models = [_model(length, forgetting, points.shape[1]) for length in LENGTHS for forgetting in FORGETTING]
    # So few numbers need no threads, and sums do not depend on how many there are. What lies far apart has nothing in
    # common: what is too small for a float is rightly zero.
    with threadpool_limits(1, user_api="blas"), np.errstate(under="ignore"):
        model = max(models, key=lambda model: float(model.fit(points, gains).log_marginal_likelihood_value_))
        mean, std = model.predict(candidates, return_std=True)
        if pending:
            known = np.array([*seen, *pending])  # how sure a model is depends on where gains are known, not on gains
            _, std = model.fit(known, np.zeros(len(known))).predict(candidates, return_std=True)
    return int(np.argmax(mean + math.sqrt(beta(len(seen))) * std))


def beta(gains: int) -> float:
    """Return how much a doubt is worth once so many gains are known: with the constants of the paper's code."""
    return 0.2 * max(1.0, math.log(0.4 * gains))


def standardised(rates: Sequence[float]) -> NDArray[np.float64]:
    """Return gains with mean 0 and variance 1, cut at 2 standard deviations.

    >>> standardised([1e308, -1e308, float("-inf")]).tolist(), standardised([3.0, 3.0]).tolist()
    ([1.0, -1.0, -2.0], [0.0, 0.0])
    """
    import numpy as np

    gains = np.array(rates, dtype=float)
    finite = np.isfinite(gains)
    if finite.any():
        gains[finite] /= np.abs(gains[finite]).max() or 1.0  # squares of large numbers are infinite
        gains[finite] -= gains[finite].mean()
        deviation = float(gains[finite].std())
        gains[finite] /= deviation if deviation > _ROUNDING else 1.0
    return gains.clip(-_LARGEST_GAIN, _LARGEST_GAIN)


def _model(length: float, forgetting: float, features: int) -> GaussianProcessRegressor:
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, Matern

    # A feature whose length scale is infinite plays no part. A Matern kernel with nu=0.5 is exp(-distance / scale):
    # with this scale it is (1 - forgetting) ** (rounds / 2).
    space, time = np.full(features, length), np.full(features, np.inf)
    space[0], time[0] = np.inf, -2 / math.log1p(-forgetting)
    kernel = RBF(space, "fixed") * Matern(time, "fixed", nu=0.5)
    return GaussianProcessRegressor(kernel, alpha=NOISE, optimizer=None)

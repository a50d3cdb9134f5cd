"""Lies beside the script of the visual guide, which imports it."""

import numpy as np


def starting_point():
    return np.array([0.9, 0.9])

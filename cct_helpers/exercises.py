"""What an exercise of the course is made of. The exercises themselves stand in the modules exercises_*.py."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def call(answer, *arguments):
    """How an answer is used unless an exercise says otherwise: as a function."""
    return answer(*arguments)


class Exercise(NamedTuple):
    """One exercise, for `cct_helpers.checks.check`.

    name: what the learner passes to `check`. notebook: its number. title: one line.
    truth: the right function. Its results are NumPy arrays, numbers, or a tuple of them.
    cases: from a NumPy Generator to a list of argument tuples, small and large, never all of one size.
    hints: sentence -> wrong function. The sentence is shown to whoever gets the same wrong numbers (or the same error).
    call: how the learner's answer is used on the arguments; a layer needs to be built first.
    tolerance: largest difference from the truth, relative to the largest number in it (or to 0.1, if that is more).
    """

    name: str
    notebook: int
    title: str
    truth: Callable
    cases: Callable
    hints: dict[str, Callable]
    call: Callable = call
    tolerance: float = 1e-4


def normal(rng, *shape):
    """Standard normal numbers, float32."""
    return rng.normal(size=shape).astype("float32")


def softmax(scores, axis=-1):
    """Weights along an axis: positive, with the sum 1."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)

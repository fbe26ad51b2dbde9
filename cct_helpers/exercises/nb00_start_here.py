"""The exercises of notebook 00: probabilities and weights. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def top_classes(logits, k):
    """The k classes with the highest logits, highest first: (batch, classes) -> (batch, k) whole numbers."""
    return np.argsort(-logits, axis=1)[:, :k]


TOP_CLASSES = Exercise(
    "top_classes",
    0,
    "The k most likely classes, most likely first",
    top_classes,
    lambda rng: [(normal(rng, b, c), k) for b, c, k in [(1, 5, 2), (3, 7, 3), (4, 10, 5), (6, 3, 1)]],
    {
        "argsort begins with the smallest. You have the least likely classes.": lambda logits, k: np.argsort(
            logits, axis=1
        )[:, :k],
        "These are the right classes, but the least likely of them comes first.": lambda logits, k: np.argsort(
            logits, axis=1
        )[:, -k:],
        "You return the logits. Wanted are the numbers of their classes: argsort, not sort.": lambda logits, k: (
            -np.sort(-logits, axis=1)[:, :k]
        ),
    },
)


def probabilities(logits):
    """Softmax over the classes: (batch, classes) -> the same shape."""
    return softmax(logits)


PROBABILITIES = Exercise(
    "probabilities",
    0,
    "From logits to probabilities, also for large logits",
    probabilities,
    lambda rng: [(s * normal(rng, b, c),) for b, c, s in [(1, 4, 1), (3, 5, 2), (7, 10, 3), (5, 3, 400)]],
    {
        "exp of a large logit is infinite. Subtract the largest logit of each row first; the result stays the same.": (
            lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        ),
        "Your columns sum to 1. Each row, one image, should: divide by the sum over axis 1.": lambda logits: softmax(
            logits, axis=0
        ),
        "The division is missing: exponentials alone do not sum to 1.": lambda logits: np.exp(
            logits - logits.max(axis=1, keepdims=True)
        ),
        "You divide by the sum over the whole batch. Each image needs its own sum: axis=1, keepdims=True.": (
            lambda logits: softmax(logits, axis=None)
        ),
    },
)


def times_uniform(weights):
    """Weights in multiples of the uniform weight, 1 / tokens: (batch, tokens) -> the same shape."""
    return weights * weights.shape[1]


TIMES_UNIFORM = Exercise(
    "times_uniform",
    0,
    "Pooling weights in multiples of the uniform weight",
    times_uniform,
    lambda rng: [(softmax(normal(rng, b, t)),) for b, t in [(1, 4), (3, 6), (2, 64), (5, 9)]],
    {
        "The uniform weight is 1 / tokens. To divide by it is to multiply by tokens.": lambda w: w / w.shape[1],
        "Dividing by the largest weight makes images incomparable. Divide by the uniform weight.": (
            lambda w: w / w.max(axis=1, keepdims=True)
        ),
        "axis 0 is the batch. The tokens are on axis 1.": lambda w: w * w.shape[0],
        "You subtract the uniform weight. Multiples come from a division.": lambda w: w - 1 / w.shape[1],
    },
)

EXERCISES = [TOP_CLASSES, PROBABILITIES, TIMES_UNIFORM]

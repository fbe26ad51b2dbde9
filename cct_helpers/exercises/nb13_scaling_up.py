"""The exercises of notebook 13: scaling up. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def whole_gradient(gradients, counts):
    """The mean gradient of a batch from those of its parts, (parts, weights), and their images: -> (weights,)."""
    return counts @ gradients / counts.sum()


WHOLE_GRADIENT = Exercise(
    "whole_gradient",
    13,
    "The gradient of a batch from its parts",
    whole_gradient,
    lambda rng: [
        (normal(rng, parts, weights), rng.permutation(np.arange(1, parts + 1)))
        for parts, weights in [(2, 1), (3, 2), (4, 5), (7, 3)]
    ],
    {
        "Each part counts the same in your mean. One with more images has to count more.": lambda gradients, counts: (
            gradients.mean(axis=0)
        ),
        "That is a sum. A batch has the mean over its images: divide by their number.": lambda gradients, counts: (
            counts @ gradients
        ),
        "You divide by the number of parts. Divide by the number of images.": lambda gradients, counts: (
            counts @ gradients / len(counts)
        ),
        "That is the plain sum of the parts: larger with every part you cut.": lambda gradients, counts: gradients.sum(
            axis=0
        ),
    },
)


def rows_of(process, processes, batch):
    """The row numbers of a global batch that a process trains on, consecutive: (batch // processes,)."""
    share = batch // processes
    return np.arange(process * share, (process + 1) * share)


ROWS_OF = Exercise(
    "rows_of",
    13,
    "Which images does this process train on?",
    rows_of,
    lambda rng: [(1, 2, 4), (0, 3, 6), (2, 3, 12), (int(rng.integers(1, 4)), 4, 32), (5, 8, 64)],
    {
        "These are all rows: every process would do the whole work.": lambda process, processes, batch: np.arange(
            batch
        ),
        "Every process gets the first rows. Start at process * share.": lambda process, processes, batch: np.arange(
            batch // processes
        ),
        "You count processes from 1. The first one is process 0.": lambda process, processes, batch: np.arange(
            (process - 1) * (batch // processes), process * (batch // processes)
        ),
        "You take every so many-th row. That is a fair share too, but rows that follow each other are wanted.": (
            lambda process, processes, batch: np.arange(process, batch, processes)
        ),
    },
)


def training_hours(macs, images, epochs, peak, share):
    """Device hours of a training run.

    macs: multiply-accumulates of one forward pass of one image. peak: operations a second on the data sheet. share: of
    them that the device really delivers, 0 to 1.
    """
    return 2 * 3 * macs * images * epochs / (peak * share) / 3600


TRAINING_HOURS = Exercise(
    "training_hours",
    13,
    "How many hours is that?",
    training_hours,
    lambda rng: [
        (macs, images, epochs, peak, float(rng.uniform(0.1, 0.6)))
        for macs, images, epochs, peak in [
            (3e7, 1_000, 10, 1e9),
            (4e8, 50_000, 100, 1e12),
            (5.5e9, 1_281_167, 300, 9e14),
        ]
    ],
    {
        "A multiply-accumulate is two operations, a product and a sum.": lambda macs, images, epochs, peak, share: (
            3 * macs * images * epochs / (peak * share) / 3600
        ),
        "That is the forward pass alone. Training takes three times that.": lambda macs, images, epochs, peak, share: (
            2 * macs * images * epochs / (peak * share) / 3600
        ),
        "These are seconds. An hour has 3,600.": lambda macs, images, epochs, peak, share: (
            6 * macs * images * epochs / (peak * share)
        ),
        "You multiply the time by the share. A device that delivers less takes longer.": (
            lambda macs, images, epochs, peak, share: 6 * macs * images * epochs / peak * share / 3600
        ),
        "No device delivers all that its data sheet says: divide by the share.": (
            lambda macs, images, epochs, peak, share: 6 * macs * images * epochs / peak / 3600
        ),
    },
)

EXERCISES = [WHOLE_GRADIENT, ROWS_OF, TRAINING_HOURS]

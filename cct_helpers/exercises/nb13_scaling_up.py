"""The exercises of notebook 13: scaling up. Each with its truth, its usual mistakes and its hints."""

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
        for parts, weights in [(3, 4), (4, 2), (5, 6), (7, 3)]
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
    (
        "A mean gradient times its number of images is the sum over these images. Sums may be added up.",
        "Weigh each part by its images, add, and divide by all images.",
        "`counts @ gradients / counts.sum()`, or `(counts[:, None] * gradients).sum(axis=0)` and the same division.",
    ),
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
    lambda rng: [(1, 2, 6), (0, 3, 12), (2, 3, 15), (int(rng.integers(1, 4)), 4, 32), (5, 8, 64)],
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
    (
        "Each process gets batch // processes rows. The processes before it have taken theirs.",
        "Process 0 begins at row 0, process 1 where process 0 has ended.",
        "`np.arange(process * share, (process + 1) * share)` with `share = batch // processes`.",
    ),
)


def share_of_peak(macs, images_per_second, peak):
    """Which share of its peak, in operations a second, a device reached in training.

    macs: multiply-accumulates of one forward pass of one image.
    """
    return 2 * 3 * macs * images_per_second / peak


SHARE_OF_PEAK = Exercise(
    "share_of_peak",
    13,
    "Which share of its peak did the card reach?",
    share_of_peak,
    lambda rng: [
        (3e7, float(rng.uniform(700, 900)), 1e12),
        (4e8, float(rng.uniform(3000, 4000)), 67e12),
        (1.2e9, float(rng.uniform(14000, 16000)), 989e12),
        (5.5e9, float(rng.uniform(300, 500)), 312e12),
    ],
    {
        "A multiply-accumulate is two operations, a product and a sum.": lambda macs, speed, peak: (
            3 * macs * speed / peak
        ),
        "That is the forward pass alone. Training takes three times that.": lambda macs, speed, peak: (
            2 * macs * speed / peak
        ),
        "That is the forward pass alone, and a multiply-accumulate is two operations.": lambda macs, speed, peak: (
            macs * speed / peak
        ),
        "That is the share in percent. A share goes from 0 to 1.": lambda macs, speed, peak: 600 * macs * speed / peak,
        "That is how many times faster the data sheet is. A share is what was reached, divided by the peak.": (
            lambda macs, speed, peak: peak / (6 * macs * speed)
        ),
        "Those are the operations a second that were reached. Divide by the peak.": lambda macs, speed, peak: (
            6 * macs * speed
        ),
    },
    (
        "How many operations does an image cost in training? How many images come by in a second?",
        "A multiply-accumulate is two operations, and a training step costs about three forward passes.",
        "`2 * 3 * macs * images_per_second / peak`.",
    ),
)


def fastest(seconds, talk, most):
    """The number p of processes, 1 to `most`, with the shortest step, seconds / p + talk * (p - 1)."""
    processes = np.arange(1, most + 1)
    return int(processes[np.argmin(seconds / processes + talk * (processes - 1))])


def _fastest_by(cost):
    """`fastest` with another cost of p processes, from (seconds, talk, processes)."""

    def wrong(seconds, talk, most):
        processes = np.arange(1, most + 1)
        return int(processes[np.argmin(cost(seconds, talk, processes))])

    return wrong


FASTEST = Exercise(
    "fastest",
    13,
    "How many processes are worth it?",
    fastest,
    lambda rng: [
        (1.0, 0.5, 6),
        (6.0, 0.2, 16),
        (0.3, 0.4, 8),
        (9.0, 0.01, 12),
        (float(rng.uniform(10, 14)), 0.13, 32),
        (4.0, 0.05, 20),
        (2.5, 0.3, 9),
    ],
    {
        "The talk costs time as well. More processes are not always faster.": _fastest_by(lambda s, t, p: s / p),
        "Each process after the first adds a talk: talk * (p - 1), which is 0 for a single process.": _fastest_by(
            lambda s, t, p: s / p + t * (p > 1)
        ),
        "The work is shared: seconds / p.": _fastest_by(lambda s, t, p: s + t * (p - 1)),
        "That is the number for the longest step. Take the shortest.": _fastest_by(
            lambda s, t, p: -(s / p + t * (p - 1))
        ),
        "np.argmin counts from 0. One process is the first choice.": lambda seconds, talk, most: (
            fastest(seconds, talk, most) - 1
        ),
        "That is the shortest time. Wanted is the number of processes that has it.": lambda seconds, talk, most: float(
            min(seconds / p + talk * (p - 1) for p in range(1, most + 1))
        ),
    },
    (
        "The more processes, the shorter the work and the longer the talk. Somewhere between is the shortest step.",
        "Compute the time for every number from 1 to `most`, seconds / p + talk * (p - 1).",
        "`p = np.arange(1, most + 1)`, and `p[np.argmin(seconds / p + talk * (p - 1))]`.",
    ),
)

EXERCISES = [WHOLE_GRADIENT, ROWS_OF, SHARE_OF_PEAK, FASTEST]

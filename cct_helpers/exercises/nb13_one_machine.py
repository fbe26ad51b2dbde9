"""The exercises of notebook 13: one machine. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def workers_needed(prepare, step):
    """How many workers, each with `prepare` ms a batch, keep a device busy that trains `step` ms on each."""
    return -(-prepare // step)


WORKERS_NEEDED = Exercise(
    "workers_needed",
    13,
    "How many workers keep the device busy?",
    workers_needed,
    lambda rng: [(900, 500), (1000, 500), (300, 400), (int(rng.integers(15, 19)) * 100, 400), (7, 3), (60, 20)],
    {
        "You round down. So the device still waits a little for each batch.": lambda prepare, step: prepare // step,
        "One too many where nothing is left over: 2 workers of 1,000 ms suffice for 500 ms.": lambda prepare, step: (
            prepare // step + 1
        ),
        "You round to the nearest number. A worker too few makes the device wait: round up.": lambda prepare, step: max(
            round(prepare / step), 1
        ),
        "That is the other way round: how many steps fit into the making of a batch?": lambda prepare, step: (
            -(-step // prepare)
        ),
        "That is the share, not yet rounded. Workers are whole: round up.": lambda prepare, step: prepare / step,
    },
    (
        "A batch is needed every `step` milliseconds. How often does one worker deliver, how often do two?",
        "With w workers a batch comes every prepare / w milliseconds. That must be `step` or less.",
        "`math.ceil(prepare / step)`, or `-(-prepare // step)`.",
    ),
)


def whole_gradient(gradients, counts):
    """The mean gradient of a batch from those of its parts, (parts, weights), and their images: -> (weights,)."""
    return counts @ gradients / counts.sum()


WHOLE_GRADIENT = Exercise(
    "whole_gradient",
    13,
    "The gradient of a batch from unequal parts",
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

LARGEST_FLOAT16 = 65504.0


def largest_scale(gradients):
    """The largest power of two by which gradients (n,) can be multiplied so that all stay finite in float16."""
    return 2.0 ** np.floor(np.log2(LARGEST_FLOAT16 / np.abs(gradients).max()))


def _with_a_negative_end(rng, size, spread):
    """Gradients (size,) whose largest magnitude is that of a negative one, 1.3 times the spread's."""
    gradients = rng.uniform(-1, 0.5, size) * spread
    gradients[rng.integers(size)] = -1.3 * spread
    return gradients


LARGEST_SCALE = Exercise(
    "largest_scale",
    13,
    "How far can gradients be scaled?",
    largest_scale,
    lambda rng: [
        (_with_a_negative_end(rng, size, spread),) for size, spread in [(4, 2.0), (5, 0.07), (9, 3e-4), (30, 900.0)]
    ],
    {
        "The largest in size is a negative one here: take np.abs first.": lambda gradients: (
            2.0 ** np.floor(np.log2(LARGEST_FLOAT16 / gradients.max()))
        ),
        "That rounds up: the largest gradient would become infinity. Round the exponent down.": lambda gradients: (
            2.0 ** np.ceil(np.log2(LARGEST_FLOAT16 / np.abs(gradients).max()))
        ),
        "That is no power of two. A power of two changes the exponent of a number and none of its digits.": (
            lambda gradients: LARGEST_FLOAT16 / np.abs(gradients).max()
        ),
        "That is the exponent. Wanted is 2 to this power.": lambda gradients: np.floor(
            np.log2(LARGEST_FLOAT16 / np.abs(gradients).max())
        ),
        "The smallest gradient decides nothing here: the largest is the first to leave the range.": lambda gradients: (
            2.0 ** np.floor(np.log2(LARGEST_FLOAT16 / np.abs(gradients).min()))
        ),
    },
    (
        "Which gradient is the first that becomes infinity when all grow? By which factor may it grow?",
        "The factor is at most 65504 over the largest magnitude. np.log2 says which power of two that is.",
        "`2.0 ** np.floor(np.log2(65504 / np.abs(gradients).max()))`.",
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


def fewest_pieces(memory, parameters, per_image, batch):
    """Into how many equal pieces, at least, a batch must be cut so that training with Adam fits into `memory` bytes."""
    at_once = (memory - 16 * parameters) // per_image
    return next(pieces for pieces in range(1, batch + 1) if batch % pieces == 0 and batch // pieces <= at_once)


def _pieces_by(at_once, whole=True):
    """`fewest_pieces` with another count of the images that fit at once, from (memory, parameters, per_image)."""

    def wrong(memory, parameters, per_image, batch):
        most = at_once(memory, parameters, per_image)
        fits = (
            pieces for pieces in range(1, batch + 1) if (batch % pieces == 0 or not whole) and batch / pieces <= most
        )
        return next(fits, batch)

    return wrong


FEWEST_PIECES = Exercise(
    "fewest_pieces",
    13,
    "Into how many pieces must the batch be cut?",
    fewest_pieces,
    lambda rng: [
        (1000, 50, 10, 50),
        (4_000, 210, 16, 90),
        (8_000_000, 283_723, 100_000, 128),
        (16_000_000, 700_000, int(rng.integers(140, 150)) * 1000, 96),
        (24_000_000, 878_923, 600_000, 1024),
        (60_000, 1_000, 1_000, 32),
    ],
    {
        "Weights, gradients and moments take memory too: 16 bytes a parameter.": _pieces_by(lambda m, p, i: m // i),
        "You count the weights alone. Gradients and Adam's two moments are as large, each of them.": _pieces_by(
            lambda m, p, i: (m - 4 * p) // i
        ),
        "One of the four is missing: weights, gradients, and two moments of Adam, 4 bytes each.": _pieces_by(
            lambda m, p, i: (m - 12 * p) // i
        ),
        "Your pieces are not equal: their number must divide the batch.": _pieces_by(
            lambda m, p, i: (m - 16 * p) // i, whole=False
        ),
        "That is how many images fit at once. Wanted is how many pieces.": lambda memory, parameters, each, batch: (
            (memory - 16 * parameters) // each
        ),
        "That is how many images a piece has. Wanted is how many pieces.": lambda memory, parameters, each, batch: (
            batch // fewest_pieces(memory, parameters, each, batch)
        ),
    },
    (
        "What is in the memory whatever the batch? What is left for images, and how many are that?",
        "Try 1, 2, 3... pieces: the first that divides the batch and whose pieces fit is the answer.",
        "`at_once = (memory - 16 * parameters) // per_image`, then the first `pieces` with `batch % pieces == 0` and "
        "`batch // pieces <= at_once`.",
    ),
)

EXERCISES = [WORKERS_NEEDED, WHOLE_GRADIENT, LARGEST_SCALE, SHARE_OF_PEAK, FEWEST_PIECES]

"""The exercises of notebook 04: stochastic depth. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def drop_branch(branch, uniform, rate):
    """Stochastic depth: image i keeps its branch if uniform[i] >= rate, divided by the share that is kept.

    branch: (batch, tokens, dim). uniform: (batch,), numbers from 0 to 1. Returns the shape of `branch`.
    """
    return branch * (uniform >= rate)[:, None, None] / (1 - rate)


def _draws(rng):
    uniform = [np.array([0.9]), np.array([0.1, 0.8]), np.array([0.7, 0.2, 0.9]), rng.permutation(np.linspace(0, 1, 8))]
    return [
        (normal(rng, len(u), t, d), u.astype("float32"), rate)
        for u, t, d, rate in zip(uniform, (2, 3, 3, 2), (3, 1, 3, 4), (0.2, 0.3, 0.5, 0.4), strict=True)
    ]


DROP_BRANCH = Exercise(
    "drop_branch",
    4,
    "Stochastic depth, image by image",
    drop_branch,
    _draws,
    {
        "The division is missing: kept branches are divided by 1 - rate.": lambda branch, uniform, rate: (
            branch * (uniform >= rate)[:, None, None]
        ),
        "One draw decides for the whole batch. Each image has its own: uniform[:, None, None].": (
            lambda branch, uniform, rate: branch * (uniform[0] >= rate) / (1 - rate)
        ),
        "You keep what should be dropped: rate is the share to drop, so keep where uniform >= rate.": (
            lambda branch, uniform, rate: branch * (uniform < rate)[:, None, None] / (1 - rate)
        ),
        "You divide by rate. Divide by what is kept, 1 - rate.": lambda branch, uniform, rate: (
            branch * (uniform >= rate)[:, None, None] / rate
        ),
    },
)


def expected_branches(blocks, rate):
    """Expected number of kept branches, two a block, with rates from 0 in the first block to `rate` in the last."""
    return float(2 * np.sum(1 - np.linspace(0, rate, blocks)))


EXPECTED_BRANCHES = Exercise(
    "expected_branches",
    4,
    "How many branches does an image keep?",
    expected_branches,
    lambda rng: [(1, 0.3), (2, 0.5), (7, 0.1), (int(rng.integers(8, 15)), float(rng.uniform(0.2, 0.8)))],
    {
        "Each block has two branches, attention and MLP.": lambda blocks, rate: float(
            np.sum(1 - np.linspace(0, rate, blocks))
        ),
        "That is the rate of the last block for all. It grows evenly from 0 in the first block: linspace.": (
            lambda blocks, rate: 2 * blocks * (1 - rate)
        ),
        "That is the number of dropped branches.": lambda blocks, rate: float(2 * np.sum(np.linspace(0, rate, blocks))),
        "The first block has rate 0: linspace(0, rate, blocks).": lambda blocks, rate: float(
            2 * np.sum(1 - rate * np.arange(1, blocks + 1) / blocks)
        ),
    },
)


def share_with_at_most(rates, most):
    """The share of images that keep at most `most` branches, when branch i is dropped with probability rates[i]."""
    return float(kept_distribution(rates)[: most + 1].sum())


def kept_distribution(rates):
    """Probability of each number of kept branches: rates (branches,) -> (branches + 1,)."""
    distribution = np.ones(1)
    for rate in rates:
        distribution = np.convolve(distribution, [rate, 1 - rate])
    return distribution


SHARE_WITH_AT_MOST = Exercise(
    "share_with_at_most",
    4,
    "How often is the network that short?",
    share_with_at_most,
    lambda rng: [
        (rng.uniform(0.2, 0.4, size=n), most) for n, most in [(2, 1), (3, 1), (6, 3), (int(rng.integers(9, 15)), 7)]
    ],
    {
        "One too few: `most` itself counts. A slice up to most + 1 includes it.": lambda rates, most: float(
            kept_distribution(rates)[:most].sum()
        ),
        "That is the share of images with more than `most`.": lambda rates, most: float(
            kept_distribution(rates)[most + 1 :].sum()
        ),
        "That is exactly `most`. Add up all numbers from 0 on.": lambda rates, most: float(
            kept_distribution(rates)[most]
        ),
        "That counts dropped branches: convolve with [rate, 1 - rate], dropped first.": lambda rates, most: float(
            kept_distribution(rates)[::-1][: most + 1].sum()
        ),
    },
)


def skip_dropped(branch, tokens, keep, rate):
    """What the branch adds, computed for kept images alone: zeros for the others.

    branch: a function (n, tokens, dim) -> the same shape. tokens: (batch, tokens, dim). keep: (batch,) of True, False.
    """
    added = np.zeros_like(tokens)
    added[keep] = branch(tokens[keep]) / (1 - rate)
    return added


def squares(tokens):
    """A branch: (n, tokens, dim) -> the same shape."""
    return tokens**2


def _with_infinite_images(rng):
    cases = []
    for pattern, t, d in [([1, 0], 2, 3), ([0, 1, 1], 1, 4), ([1, 0, 0, 1, 1], 3, 2)]:
        keep = np.array(pattern, bool)
        tokens = normal(rng, len(keep), t, d)
        tokens[~keep] = np.inf
        cases.append((squares, tokens, keep, float(rng.uniform(0.2, 0.6))))
    return cases


SKIP_DROPPED = Exercise(
    "skip_dropped",
    4,
    "Stochastic depth that saves the work",
    skip_dropped,
    _with_infinite_images,
    {
        "Infinity times 0 is not a number: you computed the dropped images too. Pick the others first: tokens[keep].": (
            lambda branch, tokens, keep, rate: branch(tokens) * keep[:, None, None] / (1 - rate)
        ),
        "The division by 1 - rate is missing.": lambda branch, tokens, keep, rate: (
            (1 - rate) * skip_dropped(branch, tokens, keep, rate)
        ),
        "A dropped branch adds zeros. You left the tokens themselves there.": lambda branch, tokens, keep, rate: (
            np.where(keep[:, None, None], skip_dropped(branch, tokens, keep, rate), tokens)
        ),
        "You return the kept images only. Put them back at their places, with zeros at the others.": (
            lambda branch, tokens, keep, rate: branch(tokens[keep]) / (1 - rate)
        ),
    },
)

EXERCISES = [DROP_BRANCH, EXPECTED_BRANCHES, SHARE_WITH_AT_MOST, SKIP_DROPPED]

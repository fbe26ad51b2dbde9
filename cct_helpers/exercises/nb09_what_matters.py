"""The exercises of notebook 09: what matters. Each with its truth and its usual mistakes."""

import itertools
import math

import numpy as np

from cct_helpers.exercises import Exercise


def all_settings(counts):
    """Every combination of a grid whose axes have `counts` choices, numbered from 0: (combinations, axes).

    The last axis changes fastest.
    """
    return np.array(list(itertools.product(*map(range, counts))))


ALL_SETTINGS = Exercise(
    "all_settings",
    9,
    "All combinations of a grid",
    all_settings,
    lambda rng: [([2, 3],), ([3, 2],), ([2, 2, 2],), ([4, int(rng.integers(2, 5)), 3],)],
    {
        "The first axis changes fastest in yours. The last one should, as in nested loops.": lambda counts: np.array(
            list(itertools.product(*map(range, counts[::-1])))
        )[:, ::-1],
        "You count the choices from 1. The first one is choice 0.": lambda counts: all_settings(counts) + 1,
        "A row for each combination and a column for each axis: yours lies on its side.": lambda counts: (
            all_settings(counts).T
        ),
        "That changes one axis at a time. A grid has every combination of them.": lambda counts: np.array(
            [[0] * len(counts)]
            + [
                [n if i == axis else 0 for i in range(len(counts))]
                for axis, c in enumerate(counts)
                for n in range(1, c)
            ]
        ),
    },
)


def paired_difference(changed, base):
    """Mean difference changed - base of runs with equal seeds, both (seeds,), and the standard error of that mean."""
    differences = changed - base
    return differences.mean(), differences.std(ddof=1) / math.sqrt(len(differences))


def _paired_scores(rng, seeds):
    """Scores of two settings; the seed moves both alike."""
    base = 60 + 3 * rng.normal(size=seeds)
    return base + 1 + 0.4 * rng.normal(size=seeds), base


PAIRED_DIFFERENCE = Exercise(
    "paired_difference",
    9,
    "A difference and its standard error",
    paired_difference,
    lambda rng: [_paired_scores(rng, seeds) for seeds in (2, 3, 5, 12)],
    {
        "That is the spread of the differences. Their mean is surer: divide by the root of their number.": (
            lambda changed, base: ((changed - base).mean(), (changed - base).std(ddof=1))
        ),
        "You divide the squares by n. In a spread from a sample it is n - 1: ddof=1.": lambda changed, base: (
            (changed - base).mean(),
            (changed - base).std() / math.sqrt(len(base)),
        ),
        "You take the two spreads by themselves. Subtract seed by seed first, then take the spread.": (
            lambda changed, base: (
                changed.mean() - base.mean(),
                math.sqrt((changed.var(ddof=1) + base.var(ddof=1)) / len(base)),
            )
        ),
        "The sign is turned round: a gain of the changed setting is positive.": lambda changed, base: (
            (base - changed).mean(),
            (base - changed).std(ddof=1) / math.sqrt(len(base)),
        ),
        "You divide by the number of seeds. It is the root of that number.": lambda changed, base: (
            (changed - base).mean(),
            (changed - base).std(ddof=1) / len(base),
        ),
    },
)


def seeds_needed(deviation, difference):
    """The fewest seeds for each of two settings with which `difference` is two standard errors of it, or more."""
    return math.ceil(8 * (deviation / difference) ** 2)


SEEDS_NEEDED = Exercise(
    "seeds_needed",
    9,
    "How many seeds?",
    seeds_needed,
    lambda rng: [(float(rng.uniform(0.9, 1.1)), float(difference)) for difference in (0.13, 0.31, 0.53, 0.71, 0.97)],
    {
        "You have the error of one mean. Both means are uncertain: the variance of the difference is twice that.": (
            lambda deviation, difference: math.ceil(4 * (deviation / difference) ** 2)
        ),
        "That is one standard error. Noise alone passes it one time in three: two are wanted.": (
            lambda deviation, difference: math.ceil(2 * (deviation / difference) ** 2)
        ),
        "You round down, so the last seed is missing: math.ceil rounds up.": lambda deviation, difference: math.floor(
            8 * (deviation / difference) ** 2
        ),
        "The error falls with the root of the number of seeds. Solve for the number: something is squared.": (
            lambda deviation, difference: math.ceil(math.sqrt(8) * deviation / difference)
        ),
        "These are the runs of both settings together. How many does each need?": lambda deviation, difference: (
            2 * math.ceil(8 * (deviation / difference) ** 2)
        ),
    },
)


def best_of(scores, k):
    """The mean of the best score, over all choices of k different runs out of those with `scores`, (runs,)."""
    return np.mean([max(chosen) for chosen in itertools.combinations(scores, k)])


BEST_OF = Exercise(
    "best_of",
    9,
    "What the best of k seeds promises",
    best_of,
    lambda rng: [(60 + 5 * rng.normal(size=runs), k) for runs, k in [(3, 2), (4, 2), (5, 3), (6, 2), (7, 4)]],
    {
        "That is the best of all runs. Somebody with k of them gets there only with luck.": lambda scores, k: (
            scores.max()
        ),
        "That is the mean of all runs, which picks nothing.": lambda scores, k: scores.mean(),
        "You look at the first k runs only. Take every choice of k runs.": lambda scores, k: scores[:k].max(),
        "You take the mean of the k best runs. Each choice of k runs has one best; take the mean of those.": (
            lambda scores, k: np.sort(scores)[-k:].mean()
        ),
        "Some of your choices have the same run twice. The k runs are different ones.": lambda scores, k: np.mean(
            [max(chosen) for chosen in itertools.product(scores, repeat=k)]
        ),
    },
)

EXERCISES = [ALL_SETTINGS, PAIRED_DIFFERENCE, SEEDS_NEEDED, BEST_OF]

"""The exercises of notebook 09: what matters. Each with its truth, its usual mistakes and its hints."""

import itertools
import math

import numpy as np

from cct_helpers.exercises import Exercise


def all_settings(counts):
    """Every combination of a grid whose axes have `counts` choices, numbered from 0: (combinations, axes).

    The last axis changes fastest.
    """
    return np.array(list(itertools.product(*map(range, counts))))


def _one_at_a_time(counts):
    rows = [[0] * len(counts)]
    for axis, count in enumerate(counts):
        rows += [[n if i == axis else 0 for i in range(len(counts))] for n in range(1, count)]
    return np.array(rows)


ALL_SETTINGS = Exercise(
    "all_settings",
    9,
    "All combinations of a grid",
    all_settings,
    lambda rng: [([2, 3],), ([3, 2],), ([2, 3, 4],), ([4, int(rng.integers(2, 4)), 5],)],
    {
        "The first axis changes fastest in yours. The last one should, as in nested loops.": lambda counts: np.array(
            list(itertools.product(*map(range, counts[::-1])))
        )[:, ::-1],
        "You count the choices from 1. The first one is choice 0.": lambda counts: all_settings(counts) + 1,
        "A row for each combination and a column for each axis: yours lies on its side.": lambda counts: (
            all_settings(counts).T
        ),
        "That changes one axis at a time. A grid has every combination of them.": _one_at_a_time,
    },
    (
        "Nested loops would do it, one for each axis, the last axis innermost. Their number is not known beforehand.",
        "`itertools.product(range(2), range(3))` runs through all pairs in just this order.",
        "`itertools.product(*map(range, counts))` takes any number of axes; `np.array(list(...))` makes the table.",
    ),
)


def paired_difference(changed, base):
    """Mean difference changed - base of runs with equal seeds, both (seeds,), and the standard error of that mean."""
    differences = changed - base
    return differences.mean(), differences.std(ddof=1) / math.sqrt(len(differences))


def _paired_scores(rng, seeds):
    """Scores of two settings; the seed moves both alike."""
    base = 60 + 3 * rng.normal(size=seeds)
    return base + 1 + 0.4 * rng.normal(size=seeds), base


def _error_by(formula):
    """`paired_difference` with another standard error, from the differences (n,)."""
    return lambda changed, base: ((changed - base).mean(), float(formula(changed - base)))


PAIRED_DIFFERENCE = Exercise(
    "paired_difference",
    9,
    "A difference and its standard error",
    paired_difference,
    lambda rng: [_paired_scores(rng, seeds) for seeds in (3, 5, 6, 12)],
    {
        "That is the spread of the differences. Their mean is surer: divide by the root of their number.": _error_by(
            lambda d: d.std(ddof=1)
        ),
        "The 2 is for two means that know nothing of each other. "
        "Here there is one mean, of the differences.": _error_by(lambda d: d.std(ddof=1) * math.sqrt(2 / len(d))),
        "You divide the squares by n. In a spread from a sample it is n - 1: ddof=1.": _error_by(
            lambda d: d.std() / math.sqrt(len(d))
        ),
        "That is made of the variance. The standard error has the unit of the scores: take its root.": _error_by(
            lambda d: d.var(ddof=1) / math.sqrt(len(d))
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
        "You divide by the number of seeds. It is the root of that number.": _error_by(
            lambda d: d.std(ddof=1) / len(d)
        ),
    },
    (
        "Equal seeds move both settings alike. Subtract seed by seed, and this part of the luck is gone.",
        "What is left is one sample of n differences: its mean, and the standard error of a mean.",
        "`d = changed - base`, then `d.mean()` and `d.std(ddof=1) / np.sqrt(len(d))`.",
    ),
)


def seeds_needed(deviation, difference, errors):
    """The fewest seeds for each of two settings with which `difference` is `errors` standard errors of it, or more."""
    return math.ceil(2 * (errors * deviation / difference) ** 2)


SEEDS_NEEDED = Exercise(
    "seeds_needed",
    9,
    "How many seeds?",
    seeds_needed,
    lambda rng: [
        (float(rng.uniform(0.9, 1.1)), float(difference), errors)
        for difference, errors in [(0.13, 2.0), (0.31, 2.8), (0.53, 3.0), (0.71, 2.8), (0.47, 2.0), (0.23, 1.5)]
    ],
    {
        "You have the error of one mean. Both means are uncertain: the variance of the difference is twice that.": (
            lambda deviation, difference, errors: math.ceil((errors * deviation / difference) ** 2)
        ),
        "That is one standard error. `errors` of them are wanted.": lambda deviation, difference, errors: math.ceil(
            2 * (deviation / difference) ** 2
        ),
        "You take two standard errors. Here `errors` says how many.": lambda deviation, difference, errors: math.ceil(
            8 * (deviation / difference) ** 2
        ),
        "You round down, so the last seed is missing: math.ceil rounds up.": lambda deviation, difference, errors: (
            math.floor(2 * (errors * deviation / difference) ** 2)
        ),
        "The error falls with the root of the number of seeds. Solve for the number: something is squared.": (
            lambda deviation, difference, errors: math.ceil(math.sqrt(2) * errors * deviation / difference)
        ),
        "`errors` is squared as well, since it multiplies the standard error.": lambda deviation, difference, errors: (
            math.ceil(2 * errors * (deviation / difference) ** 2)
        ),
        "These are the runs of both settings "
        "together. How many does each need?": lambda deviation, difference, errors: (
            2 * math.ceil(2 * (errors * deviation / difference) ** 2)
        ),
    },
    (
        "With n seeds each, the difference of two means has the standard error deviation * sqrt(2 / n).",
        "`errors` times that may be at most `difference`. Square both sides and solve for n.",
        "n is at least 2 * (errors * deviation / difference) ** 2, rounded up with `math.ceil`.",
    ),
)


def best_of(scores, k):
    """The mean of the best score, over all choices of k different runs out of those with `scores`, (runs,)."""
    return np.mean([max(chosen) for chosen in itertools.combinations(scores, k)])


def _scores(rng, runs):
    """Scores of runs, of which the last one is the best."""
    scores = 60 + 5 * rng.normal(size=runs)
    scores[-1] = scores.max() + rng.uniform(1, 3)
    return scores


BEST_OF = Exercise(
    "best_of",
    9,
    "What the best of k seeds promises",
    best_of,
    lambda rng: [(_scores(rng, runs), k) for runs, k in [(5, 3), (6, 2), (7, 4), (8, 3)]],
    {
        "That is the best of all runs. Somebody with k of them gets there only with luck.": lambda scores, k: (
            scores.max()
        ),
        "That is the mean of all runs, which picks nothing.": lambda scores, k: scores.mean(),
        "You look at the first k runs only. Take every choice of k runs.": lambda scores, k: scores[:k].max(),
        "You take the mean of the k best runs. Each choice of k runs has one best; take the mean of those.": (
            lambda scores, k: np.sort(scores)[-k:].mean()
        ),
        "Those are runs that stand beside each other. Take every choice of k runs.": lambda scores, k: np.mean(
            [scores[start : start + k].max() for start in range(len(scores) - k + 1)]
        ),
        "Some of your choices have the same run twice. The k runs are different ones.": lambda scores, k: np.mean(
            [max(chosen) for chosen in itertools.product(scores, repeat=k)]
        ),
        "Some of your choices have the same run twice. `combinations` has none.": lambda scores, k: np.mean(
            [max(chosen) for chosen in itertools.combinations_with_replacement(scores, k)]
        ),
        "That is the worst of each choice. They report the best.": lambda scores, k: np.mean(
            [min(chosen) for chosen in itertools.combinations(scores, k)]
        ),
    },
    (
        "Whoever picks k runs reports the best of these. Average that over everything they could have picked.",
        "`itertools.combinations(scores, k)` runs through all choices of k different runs, each once.",
        "`np.mean([max(chosen) for chosen in itertools.combinations(scores, k)])`.",
    ),
)

EXERCISES = [ALL_SETTINGS, PAIRED_DIFFERENCE, SEEDS_NEEDED, BEST_OF]

"""The exercises of notebook 04: stochastic depth. Each with its truth, its usual mistakes and its hints."""

import math

import numpy as np

from cct_helpers.exercises import Exercise, normal


def rate_from_outputs(branch, output):
    """The drop rate of a layer, from what came in and went out in training: (batch, tokens, dim) twice -> a number."""
    kept = np.abs(output).sum(axis=(1, 2)) > 0
    return float(1 - np.median(branch[kept] / output[kept]))


def _layer_outputs(rng, kept, tokens, dim):
    kept, rate = np.array(kept, bool), float(rng.uniform(0.1, 0.45))
    branch = normal(rng, len(kept), tokens, dim)
    branch += np.sign(branch).astype("float32") / 2  # no number near 0, by which somebody may divide
    return branch, (branch * kept[:, None, None] / (1 - rate)).astype("float32")


RATE_FROM_OUTPUTS = Exercise(
    "rate_from_outputs",
    4,
    "Read the drop rate from the outputs",
    rate_from_outputs,
    lambda rng: [
        _layer_outputs(rng, kept, t, d)
        for kept, t, d in [([1, 0, 1], 2, 4), ([0, 0, 0, 1], 3, 2), ([1, 1, 0, 1, 1], 2, 3), ([1] * 6, 3, 4)]
    ],
    {
        "The share of dropped images is luck, one draw an image. The rate itself stands in the size of those that "
        "stay.": (lambda branch, output: float(np.mean(np.abs(output).sum(axis=(1, 2)) == 0))),
        "That is what is kept, 1 - rate.": lambda branch, output: 1 - rate_from_outputs(branch, output),
        "That is 1 / (1 - rate), by which kept branches grow. Solve it for the rate.": lambda branch, output: (
            1 / (1 - rate_from_outputs(branch, output))
        ),
        "A dropped image has an output of 0: dividing by it is no number. Pick the kept images first.": (
            lambda branch, output: float(1 - np.mean(branch / output))
        ),
        "The dropped images pull your mean down. Pick the kept ones first.": lambda branch, output: float(
            1 - 1 / np.mean(output / branch)
        ),
    },
    (
        "How many images were dropped is chance. What the layer does to those that it keeps is not.",
        "A kept branch comes out divided by 1 - rate, every number of it.",
        "For a kept image `branch / output` is 1 - rate. Find one by `np.any(output != 0, axis=(1, 2))`.",
    ),
)


def deviation_of_kept(rates, one_draw):
    """Standard deviation of the number of branches that an image keeps; block i has two branches of rates[i].

    one_draw: whether the two branches of a block have one draw between them.
    """
    one = rates * (1 - rates)
    return float(np.sqrt(np.sum(4 * one if one_draw else 2 * one)))


DEVIATION_OF_KEPT = Exercise(
    "deviation_of_kept",
    4,
    "What the same seed does to the spread",
    deviation_of_kept,
    lambda rng: [
        (rng.uniform(0.1, 0.4, size=n), one_draw)
        for n in (3, 4, 5, int(rng.integers(6, 15)))
        for one_draw in (False, True)
    ],
    {
        "That is the variance. The standard deviation is its root.": lambda rates, one_draw: (
            deviation_of_kept(rates, one_draw) ** 2
        ),
        "Two branches with one draw are there or gone together: 2 or 0, so the variance is 4 times that of a draw.": (
            lambda rates, one_draw: deviation_of_kept(rates, False)
        ),
        "A block has two branches, so two draws of their own where none is shared.": lambda rates, one_draw: (
            deviation_of_kept(rates, one_draw) / (1 if one_draw else math.sqrt(2))
        ),
        "Variances of independent draws add up. You added standard deviations.": lambda rates, one_draw: float(
            np.sum((2 if one_draw else math.sqrt(2)) * np.sqrt(rates * (1 - rates)))
        ),
        "A draw with the chance p has the variance p (1 - p), not p.": lambda rates, one_draw: float(
            np.sqrt(np.sum((4 if one_draw else 2) * (1 - rates)))
        ),
    },
    (
        "The number kept is a sum over branches. Variances of independent draws add up; those of a shared draw do not.",
        "One draw that is 1 with the chance p has the variance p (1 - p). Two independent ones have twice that; one "
        "that "
        "counts twice has four times that.",
        "Add `2 * rates * (1 - rates)`, or 4 times it when `one_draw`, over the blocks, and take the root.",
    ),
)


def shared_masks(kept):
    """Pairs (i, j), i < j, of layers that dropped the same images: (layers, batch) True, False -> (pairs, 2)."""
    same = (kept[:, None] == kept).all(axis=-1)
    return np.argwhere(np.triu(same, k=1))


def _masks(rng, layers, batch, copies):
    """Masks of layers in which layer j copies layer i for each (i, j); the others differ in two images or more."""
    while True:
        kept = rng.random((layers, batch)) < 0.6
        for one, other in copies:
            kept[other] = kept[one]
        differ = (kept[:, None] != kept).sum(axis=-1) + batch * np.eye(layers)
        for one, other in copies:
            differ[one, other] = differ[other, one] = batch
        trios = len({layer for pair in copies for layer in pair}) < 2 * len(copies)
        if trios or differ.min() >= 2:
            return (kept,)


SHARED_MASKS = Exercise(
    "shared_masks",
    4,
    "Which layers share a seed?",
    shared_masks,
    lambda rng: [
        _masks(rng, 4, 9, [(1, 3)]),
        _masks(rng, 5, 12, [(0, 2), (1, 4)]),
        _masks(rng, 6, 14, [(2, 3)]),
        _masks(rng, 6, 15, []),
        _masks(rng, 7, 16, [(0, 3), (0, 5), (3, 5)]),
    ],
    {
        "Each layer equals itself, and that says nothing. Take pairs with i < j.": lambda kept: np.argwhere(
            (kept[:, None] == kept).all(axis=-1)
        ),
        "Every pair stands there twice, as (i, j) and (j, i). Keep i < j: np.triu(..., k=1).": lambda kept: np.argwhere(
            (kept[:, None] == kept).all(axis=-1) & ~np.eye(len(kept), dtype=bool)
        ),
        "You compare layers that follow each other. The same seed may sit in any two of them.": lambda kept: np.stack(
            [found := np.flatnonzero((kept[1:] == kept[:-1]).all(axis=1)), found + 1], axis=1
        ),
        "As many images kept is not the same images. Compare the masks image by image.": lambda kept: np.argwhere(
            np.triu(kept.sum(axis=1)[:, None] == kept.sum(axis=1), k=1)
        ),
        "One image in common is chance. All of the batch must agree.": lambda kept: np.argwhere(
            np.triu((kept[:, None] == kept).any(axis=-1), k=1)
        ),
    },
    (
        "Two layers with one seed drop the same images, all of them, in every batch. Compare each layer with each "
        "other.",
        "`kept[:, None] == kept` compares all pairs: (layers, layers, batch). When is a pair the same?",
        "`.all(axis=-1)` over the batch, `np.triu(..., k=1)` for i < j, `np.argwhere` for the pairs.",
    ),
)


def skip_dropped(branch, tokens, kept, rate):
    """What the branch adds, computed for kept images alone: zeros for the others.

    branch: a function (n, tokens, dim) -> the same shape. tokens: (batch, tokens, dim). kept: (batch,) of True, False.
    """
    added = np.zeros_like(tokens)
    added[kept] = branch(tokens[kept]) / (1 - rate)
    return added


DROPPED = 1e6  # the dropped images of the cases are this large, so that the branch knows them


def squares(tokens):
    """A branch, (n, tokens, dim) -> the same shape, that refuses dropped images."""
    reached = int((np.abs(tokens) >= DROPPED / 2).any(axis=(1, 2)).sum())
    if reached:
        raise ValueError(f"{reached} dropped images reached the branch")
    return tokens**2


def _with_dropped_images(rng):
    cases = []
    for pattern, t, d in [([1, 0, 1], 2, 4), ([0, 1, 1, 0], 3, 2), ([1, 0, 0, 1, 1], 3, 4)]:
        kept = np.array(pattern, bool)
        tokens = normal(rng, len(kept), t, d)
        tokens[~kept] = DROPPED
        cases.append((squares, tokens, kept, float(rng.uniform(0.2, 0.6))))
    return cases


SKIP_DROPPED = Exercise(
    "skip_dropped",
    4,
    "Stochastic depth that saves the work",
    skip_dropped,
    _with_dropped_images,
    {
        "You computed the dropped images too, which saves nothing. Pick the others first: tokens[kept].": (
            lambda branch, tokens, kept, rate: branch(tokens) * kept[:, None, None] / (1 - rate)
        ),
        "The division by 1 - rate is missing.": lambda branch, tokens, kept, rate: (
            (1 - rate) * skip_dropped(branch, tokens, kept, rate)
        ),
        "You divide by rate. Divide by what is kept, 1 - rate.": lambda branch, tokens, kept, rate: (
            (1 - rate) / rate * skip_dropped(branch, tokens, kept, rate)
        ),
        "A dropped branch adds zeros. You left the tokens themselves there.": lambda branch, tokens, kept, rate: (
            np.where(kept[:, None, None], skip_dropped(branch, tokens, kept, rate), tokens)
        ),
        "You return the kept images only. Put them back at their places, with zeros at the others.": (
            lambda branch, tokens, kept, rate: branch(tokens[kept]) / (1 - rate)
        ),
        "That is the sum of tokens and branch. Wanted is what the branch adds.": lambda branch, tokens, kept, rate: (
            np.where(kept[:, None, None], tokens, 0) + skip_dropped(branch, tokens, kept, rate)
        ),
    },
    (
        "To save work, the branch must never see the dropped images: make the batch smaller first.",
        "`tokens[kept]` has the kept images alone. What comes back has to be put at their places among zeros.",
        "Begin with `added = np.zeros_like(tokens)`, then `added[kept] = branch(tokens[kept]) / (1 - rate)`.",
    ),
)

EXERCISES = [RATE_FROM_OUTPUTS, DEVIATION_OF_KEPT, SHARED_MASKS, SKIP_DROPPED]

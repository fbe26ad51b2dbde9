"""The exercises of notebook 00: classes and weights. Each with its truth, its usual mistakes and its hints."""

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
    lambda rng: [(normal(rng, b, c), k) for b, c, k in [(2, 5, 3), (3, 7, 2), (4, 10, 5), (6, 4, 1)]],
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
        "The most likely class is left out: it stands at index 0, so begin the slice there.": lambda logits, k: (
            np.argsort(-logits, axis=1)[:, 1 : k + 1]
        ),
    },
    (
        "Sorting has two sides: the values in order, and the places that they came from. You want the places.",
        "`np.argsort(x, axis=1)` gives, for each row, the place of its smallest number first.",
        "Sort the negative logits, so that the highest comes first, and keep the first k columns: `[:, :k]`.",
    ),
)


def class_or_none(logits, threshold):
    """The most likely class of each image, or -1 where its probability is below the threshold: (batch,)."""
    probabilities = softmax(logits)
    return np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), -1)


def _logits_and_threshold(rng, batch, classes, size):
    logits = (size * normal(rng, batch, classes)).astype("float32")
    logits[0, :2] = logits.max() + 1  # two classes share the first image
    logits -= logits.max() if size < 100 else 0  # a sure image need not have a large logit
    sure = np.sort(softmax(logits).max(axis=1))
    middle = max((sure[batch // 2 - 1] + sure[batch // 2]) / 2, sure[0] + 0.01)
    return logits, float(min(middle, 0.99))  # at 1, float32 and float64 would differ


def _overflowing(logits, threshold):
    with np.errstate(all="ignore"):
        powers = np.exp(logits)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    return np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), -1)


CLASS_OR_NONE = Exercise(
    "class_or_none",
    0,
    "A classifier that may say none of these",
    class_or_none,
    lambda rng: [
        _logits_and_threshold(rng, b, c, size) for b, c, size in [(4, 3, 1.5), (6, 5, 2), (9, 10, 2), (8, 4, 400)]
    ],
    {
        "The threshold is for probabilities. You compare it with a logit.": lambda logits, threshold: np.where(
            logits.max(axis=1) >= threshold, logits.argmax(axis=1), -1
        ),
        "exp of a large logit is infinite. Subtract the largest logit of each row first; the result stays the same.": (
            _overflowing
        ),
        "You say -1 where the model is sure, and a class where it is not.": lambda logits, threshold: np.where(
            softmax(logits).max(axis=1) >= threshold, -1, logits.argmax(axis=1)
        ),
        "0 is a class. None of these is -1.": lambda logits, threshold: np.maximum(class_or_none(logits, threshold), 0),
        "Your softmax sums to 1 over the batch. Each image has probabilities of its own: axis 1.": (
            lambda logits, threshold: np.where(
                softmax(logits, axis=0).max(axis=1) >= threshold, softmax(logits, axis=0).argmax(axis=1), -1
            )
        ),
    },
    (
        "Two things are needed for each image: which class wins, and with which probability.",
        "Turn the logits into probabilities first: `softmax` from above gives one row for each image.",
        "`np.where(condition, a, b)` chooses image by image: the class where the largest probability is at least the "
        "threshold, else -1.",
    ),
)


def tokens_for_share(weights, share):
    """The fewest tokens that hold `share` of an image's weight: (batch, tokens) -> (batch,) whole numbers."""
    held = np.cumsum(-np.sort(-weights, axis=1), axis=1)
    return (held < share).sum(axis=1) + 1


TOKENS_FOR_SHARE = Exercise(
    "tokens_for_share",
    0,
    "How few tokens hold most of the weight?",
    tokens_for_share,
    lambda rng: [
        (softmax(2 * normal(rng, b, t)), share)
        for b, t, share in [(5, 6, 0.8), (6, 9, 0.5), (4, 64, 0.9), (7, 5, float(rng.uniform(0.6, 0.75)))]
    ],
    {
        "Begin with the largest weights. Yours begins with the smallest.": lambda weights, share: (
            (np.cumsum(np.sort(weights, axis=1), axis=1) < share).sum(axis=1) + 1
        ),
        "The order of the image says nothing about size. Sort the weights first, largest first.": (
            lambda weights, share: (np.cumsum(weights, axis=1) < share).sum(axis=1) + 1
        ),
        "One too few: with these tokens the share is not reached yet.": lambda weights, share: (
            tokens_for_share(weights, share) - 1
        ),
        "That counts tokens that hold this share each. Wanted is what they hold together: a running sum.": (
            lambda weights, share: (weights >= share).sum(axis=1)
        ),
        "That counts the tokens that are left over. Count those before the share is reached.": lambda weights, share: (
            np.cumsum(-np.sort(-weights, axis=1), axis=1) >= share
        ).sum(axis=1),
    },
    (
        "To reach the share with few tokens, take the heaviest first, and add up until it is enough.",
        "Sort each row so that it falls, then `np.cumsum(..., axis=1)` says what the first 1, 2, 3, ... tokens hold.",
        "Count how many of these sums are still below the share. One token more than that reaches it.",
    ),
)

EXERCISES = [TOP_CLASSES, CLASS_OR_NONE, TOKENS_FOR_SHARE]

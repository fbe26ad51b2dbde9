"""The exercises of notebook 11: your own images. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise


def lay_on_white(image):
    """RGBA from 0 to 1 laid on white: (height, width, 4) -> (height, width, 3)."""
    colour, alpha = image[..., :3], image[..., 3:]
    return colour * alpha + (1 - alpha)


LAY_ON_WHITE = Exercise(
    "lay_on_white",
    11,
    "Transparent parts on white",
    lay_on_white,
    lambda rng: [(rng.random((h, w, 4)).astype("float32"),) for h, w in [(1, 2), (2, 3), (5, 4), (8, 6)]],
    {
        "You dropped alpha. What is stored under a transparent pixel is not in the picture.": (
            lambda image: image[..., :3]
        ),
        "That lies on black. Where alpha is 0, white should show: add 1 - alpha.": lambda image: (
            image[..., :3] * image[..., 3:]
        ),
        "Alpha is the share of the colour, not that of the white. You have it the other way round.": lambda image: (
            image[..., :3] * (1 - image[..., 3:]) + image[..., 3:]
        ),
        "You added all of the white. Its share is 1 - alpha.": lambda image: image[..., :3] * image[..., 3:] + 1,
    },
)


def balanced_accuracy(labels, predicted):
    """The mean, over the classes among `labels`, of the share that was predicted right: (n,), (n,) -> one number."""
    return np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)])


def _labels_and_predictions(rng):
    cases = []
    for n, classes in [(5, 2), (8, 3), (20, 4), (60, 10)]:
        labels = np.minimum(rng.integers(0, classes, n), rng.integers(0, classes, n))  # the first classes are common
        labels[:2] = 0, classes - 1
        labels[labels == 1] = 0  # a class that does not occur, but may be predicted
        cases.append((labels, np.where(rng.random(n) < 0.6, labels, rng.integers(0, classes, n))))
    return cases


BALANCED_ACCURACY = Exercise(
    "balanced_accuracy",
    11,
    "Accuracy in which each class counts the same",
    balanced_accuracy,
    _labels_and_predictions,
    {
        "That is the plain accuracy: a large class counts more. Take the share in each class first, then the mean.": (
            lambda labels, predicted: np.mean(labels == predicted)
        ),
        "You divided by the number of images predicted as a class. Divide by the number that are of that class.": (
            lambda labels, predicted: np.mean(
                [np.mean(labels[predicted == label] == label) for label in np.unique(labels) if label in predicted]
            )
        ),
        "A class without an image has no accuracy. Leave it out instead of counting 0.": lambda labels, predicted: (
            np.sum([np.mean(predicted[labels == label] == label) for label in np.unique(labels)]) / (labels.max() + 1)
        ),
    },
)


def class_weights(labels):
    """A weight for each class, the same sum for each, 1 on average over the images: (n,) -> (classes,)."""
    counts = np.bincount(labels)
    return len(labels) / (len(counts) * counts)


CLASS_WEIGHTS = Exercise(
    "class_weights",
    11,
    "Weights instead of repetition",
    class_weights,
    lambda rng: [
        (rng.permutation(np.concatenate([np.arange(c), np.minimum(*rng.integers(0, c, (2, n)))])),)
        for n, c in [(3, 2), (6, 3), (20, 4), (60, 10)]
    ],
    {
        "The rare classes should weigh more, the common ones less. You have it the other way round.": lambda labels: (
            np.bincount(labels) * len(np.bincount(labels)) / len(labels)
        ),
        "Equal sums, but the mean over the images is not 1: multiply by n / classes.": lambda labels: (
            1 / np.bincount(labels)
        ),
        "The sum over each class should be n / classes: divide by the number of classes as well.": lambda labels: (
            len(labels) / np.bincount(labels)
        ),
        "These are shares of the classes, not weights.": lambda labels: np.bincount(labels) / len(labels),
    },
)

EXERCISES = [LAY_ON_WHITE, BALANCED_ACCURACY, CLASS_WEIGHTS]

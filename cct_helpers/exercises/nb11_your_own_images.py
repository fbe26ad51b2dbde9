"""The exercises of notebook 11: your own images. Each with its truth, its usual mistakes and its hints."""

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
    lambda rng: [(rng.random((h, w, 4)).astype("float32"),) for h, w in [(2, 3), (3, 2), (5, 6), (8, 7)]],
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
        "White is 1 here, not 255: the numbers go from 0 to 1.": lambda image: (
            image[..., :3] * image[..., 3:] + 255 * (1 - image[..., 3:])
        ),
    },
    (
        "What you see at a pixel is a mixture: alpha of the stored colour, the rest of what lies behind it.",
        "White is 1 in all channels. Alpha is `image[..., 3:]`, with its axis kept so that it meets all three colours.",
        "`colour * alpha + 1 * (1 - alpha)`.",
    ),
)


def balanced_accuracy(labels, predicted):
    """The mean, over the classes among `labels`, of the share that was predicted right: (n,), (n,) -> one number."""
    return np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)])


def _labels_and_predictions(rng):
    cases = []
    for n, classes in [(7, 3), (12, 4), (20, 5), (60, 10)]:
        while True:
            labels = np.minimum(rng.integers(0, classes, n), rng.integers(0, classes, n))  # the first ones are common
            labels[:3] = 0, 0, classes - 1
            labels[labels == 1] = 0  # a class that does not occur, but may be predicted
            predicted = np.where(rng.random(n) < 0.6, labels, rng.integers(0, classes, n))
            predicted[1] = 1
            if abs(balanced_accuracy(labels, predicted) - np.mean(labels == predicted)) > 0.02:
                break
        cases.append((labels, predicted))
    return cases


def _shares(labels, predicted):
    return [np.mean(predicted[labels == label] == label) for label in np.unique(labels)]


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
            np.sum(_shares(labels, predicted)) / (labels.max() + 1)
        ),
        "The mean over no images is NaN. Go through the classes that occur, np.unique(labels), not through all "
        "numbers.": (lambda labels, predicted: np.nan),
        "That is the sum over the classes. Take the mean.": lambda labels, predicted: np.sum(
            _shares(labels, predicted)
        ),
    },
    (
        "Each class first gets an accuracy of its own. Then the classes count alike.",
        "`np.unique(labels)` has the classes that occur. `labels == label` picks the images of one.",
        "`np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)])`.",
    ),
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
        (rng.permutation(np.concatenate([np.arange(c), [0, 0], np.minimum(*rng.integers(0, c, (2, n)))])),)
        for n, c in [(4, 3), (6, 4), (20, 5), (60, 10)]
    ],
    {
        "The rare classes should weigh more, the common ones less. You have it the other way round.": lambda labels: (
            np.bincount(labels) * len(np.bincount(labels)) / len(labels)
        ),
        "Equal sums, but the mean over the images is not 1: multiply by n / classes.": lambda labels: (
            1 / np.bincount(labels)
        ),
        "The weights sum to 1 over the classes. Wanted is the mean 1 over the images.": lambda labels: (
            1 / np.bincount(labels) / np.sum(1 / np.bincount(labels))
        ),
        "The sum over each class should be n / classes: divide by the number of classes as well.": lambda labels: (
            len(labels) / np.bincount(labels)
        ),
        "These are shares of the classes, not weights.": lambda labels: np.bincount(labels) / len(labels),
        "That is a weight for each image. Return one for each class.": lambda labels: class_weights(labels)[labels],
    },
    (
        "All images of a class together must weigh the same as those of any other: weight times count is one number.",
        "So a weight is c / count. The sum over all n images must be n, to make the mean 1: what is c?",
        "`counts = np.bincount(labels)`, and the weights are `len(labels) / (len(counts) * counts)`.",
    ),
)


def leaked(train, test):
    """Which test images also stand in the training set, as they are or mirrored: (n, h, w, c), (m, h, w, c) -> (m,)."""
    seen = {image.tobytes() for image in train}
    return np.array([image.tobytes() in seen or image[:, ::-1].tobytes() in seen for image in test])


def _split_with_leaks(rng, n, m, height, width, channels):
    train = rng.integers(0, 256, size=(n, height, width, channels)).astype("uint8")
    test = rng.integers(0, 256, size=(m, height, width, channels)).astype("uint8")
    places = rng.permutation(m)
    test[places[0]], test[places[1]] = train[n - 1], train[0][:, ::-1]
    test[places[2]] = train[1][::-1]  # upside down: another picture
    test[places[3]] = train[2]
    test[places[3], 0, 0, 0] ^= 255  # one number differs
    test[places[4]] = test[places[5]]  # twice in the test set, and not in training
    return train, test


def _compared(same):
    """A wrong answer from a comparison of all pairs: (test, train) arrays (m, 1, h, w, c), (1, n, ...) -> (m, n)."""
    return lambda train, test: same(test[:, None], train[None]).any(axis=1)


LEAKED = Exercise(
    "leaked",
    11,
    "Which test images were in training?",
    leaked,
    lambda rng: [_split_with_leaks(rng, *sizes) for sizes in [(5, 7, 4, 3, 2), (6, 8, 3, 5, 1), (9, 12, 4, 6, 3)]],
    {
        "A mirrored copy is a leak as well, since training mirrors images: compare with image[:, ::-1] too.": _compared(
            lambda a, b: (a == b).all(axis=(2, 3, 4))
        ),
        "You mirror up and down. Left and right is the axis of the width.": _compared(
            lambda a, b: (a == b).all(axis=(2, 3, 4)) | (a[:, :, ::-1] == b).all(axis=(2, 3, 4))
        ),
        "You find only mirrored copies. An image as it is counts too.": _compared(
            lambda a, b: (a[:, :, :, ::-1] == b).all(axis=(2, 3, 4))
        ),
        "One pixel in common is chance. All of them must agree.": _compared(lambda a, b: (a == b).any(axis=(2, 3, 4))),
        "The mean colour is no fingerprint: mirrored up and down it stays. Compare all pixels.": lambda train, test: (
            np.isin(test.mean(axis=(1, 2, 3)), train.mean(axis=(1, 2, 3)))
        ),
        "That says which training images are in the test set. Wanted is one answer for each test image.": (
            lambda train, test: leaked(test, train)
        ),
        "True is for a leak.": lambda train, test: ~leaked(train, test),
    },
    (
        "Compare each test image with every training image, and its mirror image too. All pixels must agree.",
        "`image.tobytes()` makes a fingerprint that a Python set can hold, so one look is enough for each image.",
        "`seen = {image.tobytes() for image in train}`; a test image leaks if `image.tobytes()` or "
        "`image[:, ::-1].tobytes()` is in it.",
    ),
)

EXERCISES = [LAY_ON_WHITE, BALANCED_ACCURACY, CLASS_WEIGHTS, LEAKED]

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


def score_by_object(vectors, labels, objects):
    """The share of images that the nearest image of another object names right: (n, dim), (n,), (n,) -> one number."""
    return np.mean(_right_answers(vectors, labels, objects))


def _right_answers(vectors, labels, objects):
    """Whether the nearest image of another object is of the same class: (n,) of True and False."""
    return _named_by_others(vectors, labels, objects[:, None] == objects) == labels


def _mean_of_classes(vectors, labels, objects):
    right = _right_answers(vectors, labels, objects)
    return np.mean([right[labels == label].mean() for label in np.unique(labels)])


def _distances(vectors, power=2):
    """How far apart vectors are, (n, n): squared, or with power 1 along the axes."""
    return (np.abs(vectors[:, None] - vectors) ** power).sum(axis=-1)


def _named_by_others(vectors, labels, left_out):
    """The class of the nearest image among those that are not left out, (n, n) bool: (n,)."""
    return labels[np.where(left_out, np.inf, _distances(vectors)).argmin(axis=1)]


def _named_by_the_farthest(vectors, labels, objects):
    return labels[np.where(objects[:, None] == objects, -np.inf, _distances(vectors)).argmax(axis=1)]


def _named_along_the_axes(vectors, labels, objects):
    return labels[np.where(objects[:, None] == objects, np.inf, _distances(vectors, power=1)).argmin(axis=1)]


def _named_by_products(vectors, labels, objects):
    return labels[np.where(objects[:, None] == objects, -np.inf, vectors @ vectors.T).argmax(axis=1)]


def _collection(rng, count, dim):
    """Vectors, classes and objects of images: some of each of `count` objects, near each other, in two classes."""
    classes = np.arange(count) % 2
    centres = rng.normal(size=(count, dim)) + 1.2 * classes[:, None]
    which = rng.permutation(np.repeat(np.arange(count), rng.integers(2, 5, count)))  # (n,)
    vectors = centres[which] + 0.3 * rng.normal(size=(len(which), dim))
    return vectors.astype("float32"), classes[which], rng.choice(90, count, replace=False)[which] + 10


def _telling_collection(rng, count, dim):
    """A `_collection` in which each of the mistakes below gives another number."""
    for _ in range(1000):
        vectors, labels, _ = collection = _collection(rng, count, dim)
        right, same = score_by_object(*collection), np.eye(len(labels), dtype=bool)
        shares = [0, 1, right, 1 - right, _mean_of_classes(*collection)]
        shares += [np.mean(_named_by_others(vectors, labels, same) == labels)]
        others = _named_by_the_farthest, _named_by_products, _named_along_the_axes
        shares += [np.mean(named(*collection) == labels) for named in others]
        if np.diff(np.sort(shares)).min() > 0.005:
            break
    return collection


SCORE_BY_OBJECT = Exercise(
    "score_by_object",
    11,
    "How well does it know objects that it has not seen?",
    score_by_object,
    lambda rng: [_telling_collection(rng, count, dim) for count, dim in [(5, 2), (8, 3), (12, 4)]],
    {
        "There each image is its own nearest. Leave out all images of its object.": lambda vectors, labels, objects: (
            np.mean(_named_by_others(vectors, labels, np.zeros((len(labels),) * 2, bool)) == labels)
        ),
        "You left out the image itself alone. The other photos of its object are still there, and they are the leak.": (
            lambda vectors, labels, objects: np.mean(
                _named_by_others(vectors, labels, np.eye(len(labels), dtype=bool)) == labels
            )
        ),
        "That is the farthest image. The nearest has the smallest distance.": lambda vectors, labels, objects: np.mean(
            _named_by_the_farthest(vectors, labels, objects) == labels
        ),
        "That is the image with the largest product, which long vectors win. Take the smallest distance.": (
            lambda vectors, labels, objects: np.mean(_named_by_products(vectors, labels, objects) == labels)
        ),
        "That adds up the distances along the axes. The Euclidean distance squares them first.": (
            lambda vectors, labels, objects: np.mean(_named_along_the_axes(vectors, labels, objects) == labels)
        ),
        "Each class counts the same there. Wanted is the share of all images.": _mean_of_classes,
        "That is the share of wrong answers.": lambda vectors, labels, objects: (
            1 - score_by_object(vectors, labels, objects)
        ),
        "That is how many are right. Wanted is their share.": lambda vectors, labels, objects: (
            len(labels) * score_by_object(vectors, labels, objects)
        ),
    },
    (
        "First say which images may answer for each image: those of other objects. Then look for the nearest of them.",
        "`((vectors[:, None] - vectors) ** 2).sum(axis=-1)` holds all squared distances, (n, n). What must stand where "
        "two images are of one object, so that `argmin` never takes it?",
        "`distances[objects[:, None] == objects] = np.inf`, and then the mean of "
        "`labels[distances.argmin(axis=1)] == labels`.",
    ),
)

EXERCISES = [LAY_ON_WHITE, CLASS_WEIGHTS, LEAKED, SCORE_BY_OBJECT]

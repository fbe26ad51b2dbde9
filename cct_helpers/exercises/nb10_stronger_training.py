"""The exercises of notebook 10: stronger training. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def cut_mix(image, other, target, other_target, box):
    """`image` with the pixels of `other` inside the box, and the target by the area that each has in the picture.

    image, other: (height, width, channels). target, other_target: (classes,). box: (top, left, height, width), whole
    numbers; it may reach over the edges of the image, and then only the part inside counts. Returns image and target.
    """
    rows, columns = _inside(image, box)
    mixed = image.copy()
    mixed[rows, columns] = other[rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    share = 1 - area / (image.shape[0] * image.shape[1])
    return mixed, share * target + (1 - share) * other_target


def _inside(image, box):
    top, left, height, width = box
    rows = slice(max(top, 0), min(top + height, image.shape[0]))
    columns = slice(max(left, 0), min(left + width, image.shape[1]))
    return rows, columns


def _cut_mix_cases(rng):
    cases = []
    boxes = [(4, 4, (1, 1, 2, 2)), (6, 5, (4, 2, 4, 2)), (5, 8, (-1, 5, 3, 6)), (7, 6, (-2, -1, 4, 4))]
    for height, width, box in boxes:
        classes = int(rng.integers(3, 6))
        first, second = rng.permutation(classes)[:2]
        images = normal(rng, 2, height, width, 3)
        cases.append((*images, *np.eye(classes)[[first, second]], box))
    return cases


def _mixed_by(share_of):
    """A wrong answer that mixes the targets by another share of the first image."""

    def answer(image, other, target, other_target, box):
        share = share_of(image, box)
        return cut_mix(image, other, target, other_target, box)[0], share * target + (1 - share) * other_target

    return answer


CUT_MIX = Exercise(
    "cut_mix",
    10,
    "CutMix",
    cut_mix,
    _cut_mix_cases,
    {
        "You count the area of the whole box. Outside the image nothing is pasted: clip first, then count.": _mixed_by(
            lambda image, box: 1 - box[2] * box[3] / (image.shape[0] * image.shape[1])
        ),
        "The shares are swapped: the box has the class of the other image.": lambda image, other, one, two, box: (
            cut_mix(image, other, two, one, box)
        ),
        "The box shows the wrong image: inside is `other`, outside is `image`.": lambda image, other, one, two, box: (
            cut_mix(other, image, one, two, box)
        ),
        "Mix the targets too: the box has another class.": _mixed_by(lambda image, box: 1),
        "The picture is pasted, so its targets are not averaged half and half: count the pixels.": _mixed_by(
            lambda image, box: 0.5
        ),
    },
)


def averaged_weights(weights, momentum):
    """The moving average after the last step: weights (steps, n), the ones after each step -> (n,).

    It starts as the weights after the first step.
    """
    average = weights[0]
    for now in weights[1:]:
        average = momentum * average + (1 - momentum) * now
    return average


def _from_zero(weights, momentum):
    return averaged_weights(np.concatenate([np.zeros_like(weights[:1]), weights]), momentum)


AVERAGED_WEIGHTS = Exercise(
    "averaged_weights",
    10,
    "A moving average of weights",
    averaged_weights,
    lambda rng: [
        (1 + rng.normal(size=(steps, n)), momentum) for steps, n, momentum in [(2, 1, 0.9), (3, 2, 0.8), (12, 4, 0.7)]
    ],
    {
        "Old and new are swapped: momentum is what the average keeps of itself.": lambda weights, momentum: (
            averaged_weights(weights, 1 - momentum)
        ),
        "Your average starts at zero, which no weight ever was. Start it with the first row.": _from_zero,
        "That is the plain mean: all steps count alike. Here the late ones count more.": lambda weights, momentum: (
            weights.mean(axis=0)
        ),
        "Those are the weights after the last step. Each step before it keeps a share.": lambda weights, momentum: (
            weights[-1]
        ),
        "You went through the steps from the last to the first.": lambda weights, momentum: averaged_weights(
            weights[::-1], momentum
        ),
    },
)


def orthogonalise(matrix, steps):
    """Newton and Schulz's iteration as in Muon: singular values towards 1. (rows, columns) -> same shape."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / np.linalg.norm(matrix)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x


def _with(start, steps_of=lambda steps: steps, last=1):
    """A wrong answer: another start, another number of steps, or a power left out."""

    def answer(matrix, steps):
        a, b, c = 3.4445, -4.7750, 2.0315
        x = start(matrix)
        for _ in range(steps_of(steps)):
            square = x @ x.T
            x = a * x + (b * square + last * c * square @ square) @ x
        return x

    return answer


def _normed(matrix):
    return matrix / np.linalg.norm(matrix)


def _entrywise(matrix, steps):
    x = _normed(matrix)
    for _ in range(steps):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    return x


ORTHOGONALISE = Exercise(
    "orthogonalise",
    10,
    "Newton and Schulz's iteration",
    orthogonalise,
    lambda rng: [
        (0.5 * rng.normal(size=(rows, columns)), steps)
        for rows, columns, steps in [(2, 2, 1), (2, 3, 2), (3, 3, 3), (4, 6, 5)]
    ],
    {
        "The powers are taken number by number. They are products of matrices: @, not *.": _entrywise,
        "The matrix is not divided by its norm first. The steps need singular values of 1 at most.": _with(
            lambda matrix: matrix
        ),
        "You divide by the largest number of the matrix. Take the norm, np.linalg.norm.": _with(
            lambda matrix: matrix / np.abs(matrix).max()
        ),
        "One step too few: `steps` of them are wanted.": _with(_normed, lambda steps: steps - 1),
        "The fifth power is missing: c * square @ square.": _with(_normed, last=0),
    },
)


def accuracy_of_views(logits, labels):
    """Top-1 accuracy of the mean over views: logits (views, images, classes), labels (images,) -> from 0 to 1."""
    return np.mean(logits.mean(axis=0).argmax(axis=1) == labels)


def _view_cases(rng):
    """Logits for which the views often disagree, and labels that are right about half of the time."""
    cases = []
    for views, images, classes in [(2, 60, 4), (3, 80, 5), (2, 100, 10), (4, 120, 6)]:
        labels = rng.integers(classes, size=images)
        logits = normal(rng, views, images, classes) * rng.uniform(0.5, 3, size=(views, images, 1))
        cases.append((logits + 1.2 * np.eye(classes)[labels], labels))
    return cases


ACCURACY_OF_VIEWS = Exercise(
    "accuracy_of_views",
    10,
    "Several views, one answer",
    accuracy_of_views,
    _view_cases,
    {
        "That is the mean accuracy of single views. Average the logits first, then choose once.": lambda logits, y: (
            np.mean(logits.argmax(axis=2) == y)
        ),
        "You average class numbers: between class 2 and class 4 there is no class 3.": lambda logits, y: np.mean(
            logits.argmax(axis=2).mean(axis=0) == y
        ),
        "An image counts as right when any view is right. Nobody knows which view to trust.": lambda logits, y: np.mean(
            (logits.argmax(axis=2) == y).any(axis=0)
        ),
        "That is the first view alone.": lambda logits, y: np.mean(logits[0].argmax(axis=1) == y),
        "The largest logit of all views decides in yours. Take their mean.": lambda logits, y: np.mean(
            logits.max(axis=0).argmax(axis=1) == y
        ),
    },
)

EXERCISES = [CUT_MIX, AVERAGED_WEIGHTS, ORTHOGONALISE, ACCURACY_OF_VIEWS]

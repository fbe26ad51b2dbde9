"""The exercises of notebook 10: stronger training. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


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
    rows = np.clip([top, top + height], 0, image.shape[0])
    columns = np.clip([left, left + width], 0, image.shape[1])
    return slice(*rows), slice(*columns)


def _cut_mix_cases(rng):
    cases = []
    boxes = [
        (6, 6, (8, 0, 3, 4)),
        (4, 6, (1, 1, 2, 3)),
        (6, 5, (4, 2, 4, 2)),
        (5, 8, (-1, 5, 3, 6)),
        (7, 6, (-2, -1, 4, 4)),
    ]
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


def _plain_slice(image, other, target, other_target, box):
    """A start below 0 counts from the end in Python, so the slice is empty or somewhere else."""
    top, left, height, width = box
    mixed = image.copy()
    mixed[top : top + height, left : left + width] = other[top : top + height, left : left + width]
    area = np.prod(image[top : top + height, left : left + width].shape[:2])
    share = 1 - area / (image.shape[0] * image.shape[1])
    return mixed, share * target + (1 - share) * other_target


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
        "A slice that starts below 0 counts from the end of the "
        "axis. Begin at max(top, 0) and max(left, 0).": _plain_slice,
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
        "A pixel counts once, not once for each channel.": lambda image, other, one, two, box: (
            (result := cut_mix(image, other, one, two, box))[0],
            (share := 1 - 3 * np.mean((result[0] != image).any(axis=-1))) * one + (1 - share) * two,
        ),
    },
    (
        "First find the part of the box that lies inside the image. Both the picture and the target depend on it "
        "alone.",
        "Rows from max(top, 0) to min(top + height, image height), columns likewise. Paste there, into a copy.",
        "`share = 1 - area / (height * width)` of the image, and the target is `share * target + (1 - share) * "
        "other_target`.",
    ),
)


def step_shares(steps, momentum):
    """By how much each step counts in the moving average after the last: a number of steps -> (steps,), sum 1.

    The average starts as the weights after the first step.
    """
    shares = (1 - momentum) * momentum ** np.arange(steps - 1, -1, -1.0)
    shares[0] = momentum ** (steps - 1)
    return shares


def _start_like_the_others(steps, momentum):
    return (1 - momentum) * momentum ** np.arange(steps - 1, -1, -1.0)


STEP_SHARES = Exercise(
    "step_shares",
    10,
    "What an average remembers",
    step_shares,
    lambda rng: [
        (steps, float(rng.uniform(*range_))) for steps, range_ in [(3, (0.8, 0.9)), (4, (0.6, 0.7)), (12, (0.7, 0.9))]
    ],
    {
        "The first step is different: the average starts there, so nothing was there before it to share with. Its "
        "share is momentum ** (steps - 1), and then the sum is 1.": _start_like_the_others,
        "That is the sum made 1 by division. Follow the first row instead: it is multiplied by momentum in each later "
        "step, and by nothing else.": lambda steps, momentum: (
            (shares := _start_like_the_others(steps, momentum)) / shares.sum()
        ),
        "Old and new are swapped: momentum is what the average keeps of itself.": lambda steps, momentum: step_shares(
            steps, 1 - momentum
        ),
        "The last step comes last, and it counts with 1 - momentum.": lambda steps, momentum: step_shares(
            steps, momentum
        )[::-1],
        "One power too many: the last step has not been multiplied by momentum yet.": lambda steps, momentum: (
            _start_like_the_others(steps, momentum) * momentum
        ),
        "One power too many for the first step: the average begins as its weights, and only later steps multiply it.": (
            lambda steps, momentum: np.append(momentum**steps, step_shares(steps, momentum)[1:])
        ),
        "Without 1 - momentum the shares of the later steps are too large.": lambda steps, momentum: (
            momentum ** np.arange(steps - 1, -1, -1.0)
        ),
        "All steps count alike in yours. In a moving average the late ones count more.": lambda steps, momentum: (
            np.full(steps, 1 / steps)
        ),
    },
    (
        "Write the average after three steps out by hand, as a sum of three rows of weights. What stands before each?",
        "A row enters with 1 - momentum and is multiplied by momentum in each later step. The first row enters whole.",
        "`(1 - momentum) * momentum ** age` with the age 0 for the last step; the first row has `momentum ** age`.",
    ),
)


def singular_values_after(matrix, steps):
    """The singular values after `steps` steps of Muon's iteration, largest first: matrix -> (min(rows, columns),)."""
    values = np.linalg.svd(matrix, compute_uv=False) / np.linalg.norm(matrix)
    for _ in range(steps):
        values = _polynomial(values)
    return -np.sort(-np.abs(values))


def _polynomial(values, last=2.0315):
    return 3.4445 * values - 4.7750 * values**3 + last * values**5


def _values_with(start=np.linalg.norm, more=0, polynomial=_polynomial, order=lambda values: -np.sort(-np.abs(values))):
    """`singular_values_after` with another start, other steps, another polynomial or order."""

    def wrong(matrix, steps):
        values = np.linalg.svd(matrix, compute_uv=False) / start(matrix)
        for _ in range(steps + more):
            values = polynomial(values)
        return order(values)

    return wrong


SINGULAR_VALUES_AFTER = Exercise(
    "singular_values_after",
    10,
    "What Muon does to a matrix, without the matrix",
    singular_values_after,
    lambda rng: [
        (0.5 * rng.normal(size=(rows, columns)), steps)
        for rows, columns, steps in [(3, 4, 2), (5, 3, 1), (4, 6, 3), (6, 5, 5)]
    ],
    {
        "The matrix is divided by its norm first, so that no singular value is above 1.": _values_with(lambda m: 1),
        "You divide by the largest singular value. The norm is the root of the sum of all squares, np.linalg.norm.": (
            _values_with(lambda m: np.linalg.norm(m, 2))
        ),
        "One step too few: `steps` of them are wanted.": _values_with(more=-1),
        "One step too many: `steps` of them are wanted.": _values_with(more=1),
        "The fifth power is missing: + 2.0315 * s ** 5.": _values_with(polynomial=lambda s: _polynomial(s, 0)),
        "The order changes on the way: a small value may overtake a large one. Sort at the end, largest first.": (
            _values_with(order=lambda values: values)
        ),
        "The largest value comes first.": _values_with(order=lambda values: np.sort(np.abs(values))),
    },
    (
        "x xᵀ x has the same singular vectors as x, and the third powers of its singular values. So the matrices can"
        " stay away.",
        "Take the singular values, `np.linalg.svd(matrix, compute_uv=False)`, divide them by the norm of the matrix,"
        " and put "
        "them through the polynomial.",
        "`s = a * s + b * s**3 + c * s**5`, `steps` times, then sort downwards.",
    ),
)


def accuracy_of_views(logits, labels):
    """Top-1 accuracy of the mean probabilities: logits (views, images, classes), labels (images,) -> from 0 to 1."""
    return np.mean(softmax(logits).mean(axis=0).argmax(axis=1) == labels)


def _view_cases(rng):
    """Logits for which the views often disagree, some of them very surely, and labels right about half of the time."""
    cases = []
    for views, images, classes in [(3, 60, 4), (4, 80, 5), (2, 100, 10), (5, 120, 6)]:
        labels = rng.integers(classes, size=images)
        logits = normal(rng, views, images, classes) * rng.uniform(0.5, 4, size=(views, images, 1))
        cases.append((logits + 1.2 * np.eye(classes)[labels], labels))
    return cases


def _majority(logits, labels):
    votes = logits.argmax(axis=2)
    return np.mean([np.bincount(votes[:, i]).argmax() == label for i, label in enumerate(labels)])


ACCURACY_OF_VIEWS = Exercise(
    "accuracy_of_views",
    10,
    "Several views, one answer",
    accuracy_of_views,
    _view_cases,
    {
        "You average logits. Here the probabilities of the views are averaged: take the softmax of each view first.": (
            lambda logits, y: np.mean(logits.mean(axis=0).argmax(axis=1) == y)
        ),
        "Your softmax goes over the wrong axis: the probabilities of the classes of one image in one view sum to 1.": (
            lambda logits, y: np.mean(softmax(logits, axis=1).mean(axis=0).argmax(axis=1) == y)
        ),
        "That is the mean accuracy of single views. Average the probabilities first, then choose once.": (
            lambda logits, y: np.mean(logits.argmax(axis=2) == y)
        ),
        "You average class numbers: between class 2 and class 4 there is no class 3.": lambda logits, y: np.mean(
            logits.argmax(axis=2).mean(axis=0) == y
        ),
        "Your views vote, and a narrow choice counts as much as a clear one. Average the probabilities, then choose "
        "once.": _majority,
        "An image counts as right when any view is right. Nobody knows which view to trust.": lambda logits, y: np.mean(
            (logits.argmax(axis=2) == y).any(axis=0)
        ),
        "That is the first view alone.": lambda logits, y: np.mean(logits[0].argmax(axis=1) == y),
        "The largest probability of all views decides in yours. Take their mean.": lambda logits, y: np.mean(
            softmax(logits).max(axis=0).argmax(axis=1) == y
        ),
    },
    (
        "One image, several opinions, one answer: where do you take the mean?",
        "The exponential of the logits, divided by its sum over the last axis, then the mean over axis 0.",
        "`probabilities.mean(axis=0).argmax(axis=1)` are the answers; compare them with `labels`.",
    ),
)

EXERCISES = [ACCURACY_OF_VIEWS, STEP_SHARES, SINGULAR_VALUES_AFTER, CUT_MIX]

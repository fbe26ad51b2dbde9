"""The exercises of notebook 07: training. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def honest_accuracy(val, test):
    """The test accuracy at the epoch that is best by validation: two arrays (epochs,) -> a number."""
    return float(test[np.argmax(val)])


HONEST_ACCURACY = Exercise(
    "honest_accuracy",
    7,
    "Which number do you report?",
    honest_accuracy,
    lambda rng: [tuple(rng.permutation(np.linspace(0.5, 0.9, 4 * n)).reshape(2, -1)) for n in (1, 2, 5, 8)],
    {
        "That is the best test reading: the test images have chosen the epoch. Let validation choose.": (
            lambda val, test: float(test.max())
        ),
        "That is the validation accuracy. It was used to choose, so it is too high as well. Report the test's.": (
            lambda val, test: float(val.max())
        ),
        "That is the last epoch. The best one by validation is wanted: argmax.": lambda val, test: float(test[-1]),
        "That is the number of the epoch, not the accuracy there.": lambda val, test: float(np.argmax(val)),
    },
)


def crop_each(images, tops, lefts, padding):
    """Cut a window of the old size out of each padded image, image i at row tops[i] and column lefts[i].

    images: (batch, height, width, channels), padded with zeros by `padding` on all sides -> the same shape.
    """
    height, width = images.shape[1:3]
    padded = _padded(images, padding)
    corners = zip(padded, tops, lefts, strict=True)
    return np.stack([image[top : top + height, left : left + width] for image, top, left in corners])


def _padded(images, padding):
    return np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])


def _one_corner(images, tops, lefts, padding):
    return crop_each(images, np.full_like(tops, tops[0]), np.full_like(lefts, lefts[0]), padding)


def _crop_cases(rng):
    cases = []
    for batch, height, width, channels, padding in [(1, 5, 4, 1, 1), (2, 4, 6, 1, 2), (5, 6, 5, 3, 2)]:
        images = rng.integers(1, 256, size=(batch, height, width, channels)).astype("uint8")
        tops = (np.arange(batch) + int(rng.integers(2))) % (2 * padding + 1)
        cases.append((images, tops, (tops + 1) % (2 * padding + 1), padding))
    return cases


CROP_EACH = Exercise(
    "crop_each",
    7,
    "A random crop with an offset for each image",
    crop_each,
    _crop_cases,
    {
        "All images moved alike, as in keras.layers.RandomCrop. Image i has its own tops[i] and lefts[i].": _one_corner,
        "tops count rows, lefts count columns: they are swapped.": lambda images, tops, lefts, padding: crop_each(
            images, lefts, tops, padding
        ),
        "Nothing was cropped: cut the window out of the padded images.": lambda images, tops, lefts, padding: images,
        "What leaves on one side comes in on the other, as np.roll does. Zeros should come in: pad, then cut.": (
            lambda images, tops, lefts, padding: np.stack(
                [
                    np.roll(image, (padding - a, padding - b), (0, 1))
                    for image, a, b in zip(images, tops, lefts, strict=True)
                ]
            )
        ),
    },
)


def smoothed_loss(logits, labels, smoothing):
    """Mean cross-entropy with label smoothing: (batch, classes), (batch,) whole numbers, a share -> a number."""
    return _cross_entropy(logits, _targets(labels, logits.shape[1], smoothing)).mean()


def _targets(labels, classes, smoothing):
    return (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes


def _cross_entropy(logits, targets):
    return -(targets * np.log(softmax(logits.astype("float64")))).sum(axis=1)


def _spread_over_the_others(logits, labels, smoothing):
    classes = logits.shape[1]
    others = smoothing / (classes - 1) * (1 - np.eye(classes)[labels])
    return _cross_entropy(logits, (1 - smoothing) * np.eye(classes)[labels] + others).mean()


SMOOTHED_LOSS = Exercise(
    "smoothed_loss",
    7,
    "The loss with label smoothing",
    smoothed_loss,
    lambda rng: [
        (3 * normal(rng, b, c), rng.integers(0, c, size=b), float(rng.uniform(0.1, 0.4)))
        for b, c in [(1, 3), (2, 5), (5, 4), (8, 10)]
    ],
    {
        "The smoothing is missing: this is the loss of one-hot targets.": lambda logits, labels, s: smoothed_loss(
            logits, labels, 0
        ),
        "You shared s among the wrong classes only. It is spread over all classes: s / classes for each.": (
            _spread_over_the_others
        ),
        "That is the sum over the batch. Take the mean.": lambda logits, labels, s: (
            len(logits) * smoothed_loss(logits, labels, s)
        ),
        "The right class keeps 1 - s, besides its part of s: the targets of an image sum to 1.": (
            lambda logits, labels, s: _cross_entropy(
                logits, np.eye(logits.shape[1])[labels] + s / logits.shape[1]
            ).mean()
        ),
        "A cross-entropy is minus the sum: the sign is missing.": lambda logits, labels, s: (
            -smoothed_loss(logits, labels, s)
        ),
    },
)


def cosine_rates(steps, warmup, peak):
    """Learning rates of the steps 1 to `steps`: a straight line to `peak` at step `warmup`, then half a cosine to 0."""
    step = np.arange(1, steps + 1)
    falling = peak * (1 + np.cos(np.pi * (step - warmup) / (steps - warmup))) / 2
    return np.where(step <= warmup, peak * step / warmup, falling)


def _rates_with(falling, first=1):
    """`cosine_rates` with another formula after the warm-up, or steps that begin at 0."""

    def wrong(steps, warmup, peak):
        step = np.arange(first, steps + first)
        return np.where(step <= warmup, peak * step / warmup, peak * falling(step, steps, warmup))

    return wrong


COSINE_RATES = Exercise(
    "cosine_rates",
    7,
    "The learning rate, step by step",
    cosine_rates,
    lambda rng: [(5, 2, 1.0), (12, 3, 0.5), (40, 10, 2.0), (int(rng.integers(50, 90)), 7, 1.0)],
    {
        "The cosine begins where the warm-up ends: count its steps from there, (step - warmup) / (steps - warmup).": (
            _rates_with(lambda step, steps, warmup: (1 + np.cos(np.pi * step / steps)) / 2)
        ),
        "Half of it is missing: 1 + cos goes from 2 to 0.": _rates_with(
            lambda step, steps, warmup: 1 + np.cos(np.pi * (step - warmup) / (steps - warmup))
        ),
        "After the warm-up your rate falls in a straight line. Wanted is half a cosine.": _rates_with(
            lambda step, steps, warmup: (steps - step) / (steps - warmup)
        ),
        "The first step is number 1, so that its rate is not 0, and the last is number `steps`.": _rates_with(
            lambda step, steps, warmup: (1 + np.cos(np.pi * (step - warmup) / (steps - warmup))) / 2, first=0
        ),
        "A quarter of a cosine falls to 0 without coming to rest. Use (1 + cos(pi * share)) / 2.": _rates_with(
            lambda step, steps, warmup: np.cos(np.pi / 2 * (step - warmup) / (steps - warmup))
        ),
    },
)


def mixup(images, targets, order, share):
    """Image i keeps share[i] of itself and gets the rest from image order[i], its targets likewise.

    images: (batch, height, width, channels). targets: (batch, classes). order, share: (batch,). Returns both, mixed.
    """
    of_image = share[:, None, None, None]
    mixed = of_image * images + (1 - of_image) * images[order]
    return mixed, share[:, None] * targets + (1 - share[:, None]) * targets[order]


def _mixup_cases(rng):
    cases = []
    for batch, height, width, channels, classes in [(2, 2, 3, 1, 3), (3, 3, 2, 3, 4), (6, 2, 2, 1, 10)]:
        labels = (np.arange(batch) + int(rng.integers(classes))) % classes
        share = np.linspace(0.55, 0.9, batch).astype("float32")
        images = normal(rng, batch, height, width, channels)
        cases.append((images, np.eye(classes, dtype="float32")[labels], np.roll(np.arange(batch), 1), share))
    return cases


MIXUP = Exercise(
    "mixup",
    7,
    "MixUp",
    mixup,
    _mixup_cases,
    {
        "Mix the targets too: an image that is 70 % cat has a target that is 70 % cat.": lambda x, y, order, share: (
            mixup(x, y, order, share)[0],
            y,
        ),
        "share and 1 - share are swapped: share is what an image keeps of itself.": lambda x, y, order, share: mixup(
            x, y, order, 1 - share
        ),
        "All images were mixed with the first share. Each has its own: share[:, None, None, None].": (
            lambda x, y, order, share: mixup(x, y, order, np.full_like(share, share[0]))
        ),
        "The targets come from other partners than the images: use targets[order].": lambda x, y, order, share: (
            mixup(x, y, order, share)[0],
            mixup(x, y, order[::-1], share)[1],
        ),
        "The partner of image i is image order[i]. You took the batch in reverse.": lambda x, y, order, share: mixup(
            x, y, np.arange(len(x))[::-1], share
        ),
    },
)

EXERCISES = [HONEST_ACCURACY, CROP_EACH, SMOOTHED_LOSS, COSINE_RATES, MIXUP]

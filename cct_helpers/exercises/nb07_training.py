"""The exercises of notebook 07: training. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def honest_accuracy(val, test):
    """The test accuracy at the epoch that is best by validation: two arrays (epochs,) -> a number."""
    return float(test[np.argmax(val)])


def _curves(rng, epochs):
    """Validation and test accuracies whose best, worst and last epochs all differ."""
    best, top, worst, least = rng.permutation(epochs - 1)[:4]
    val, test = rng.permutation(np.linspace(0.5, 0.8, 2 * epochs)).reshape(2, -1)
    val[best], test[top], val[worst], test[least] = 0.85, 0.9, 0.4, 0.45
    return val, test


HONEST_ACCURACY = Exercise(
    "honest_accuracy",
    7,
    "Which number do you report?",
    honest_accuracy,
    lambda rng: [_curves(rng, n) for n in (5, 6, 9, 14)],
    {
        "That is the best test reading: the test images have chosen the epoch. Let validation choose.": (
            lambda val, test: float(test.max())
        ),
        "That is the validation accuracy. It was used to choose, so it is too high as well. Report the test's.": (
            lambda val, test: float(val.max())
        ),
        "That is the last epoch. The best one by validation is wanted: argmax.": lambda val, test: float(test[-1]),
        "That is the number of the epoch, not the accuracy there.": lambda val, test: float(np.argmax(val)),
        "That is the worst epoch by validation: argmin for a loss, argmax for an accuracy.": lambda val, test: float(
            test[np.argmin(val)]
        ),
    },
    (
        "The test images may be looked at once. So something else has to choose the epoch.",
        "`np.argmax(val)` is the number of the epoch that validation likes best.",
        "Report the test accuracy at that epoch: `test[...]`.",
    ),
)


def find_offsets(images, crops, padding):
    """Row and column at which each crop was cut out of its padded image: (batch, h, w, c) twice -> (batch,) twice."""
    height, width = images.shape[1:3]
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    places = []
    for image, crop in zip(padded, crops, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (height, width), axis=(0, 1))
        places.append(np.argwhere((windows == crop.transpose(2, 0, 1)).all(axis=(2, 3, 4)))[0])
    tops, lefts = np.array(places).T
    return tops, lefts


def _crops(rng, batch, height, width, channels, padding):
    images = rng.integers(1, 256, size=(batch, height, width, channels)).astype("uint8")
    offsets = 2 * padding + 1
    tops = (rng.permutation(batch) + 1) % offsets
    lefts = (tops + 1 + rng.permutation(batch) % (offsets - 1)) % offsets
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    cut = [image[top : top + height, left : left + width] for image, top, left in zip(padded, tops, lefts, strict=True)]
    return images, np.stack(cut), padding


def _offsets_with(change):
    """`find_offsets`, and then a change of (tops, lefts)."""
    return lambda images, crops, padding: change(*find_offsets(images, crops, padding), padding)


FIND_OFFSETS = Exercise(
    "find_offsets",
    7,
    "How far did the crop move each image?",
    find_offsets,
    lambda rng: [_crops(rng, *sizes) for sizes in [(3, 4, 5, 1, 1), (4, 6, 4, 2, 2), (5, 7, 8, 3, 2)]],
    {
        "All images moved alike in yours. Each has an offset of its own.": _offsets_with(
            lambda tops, lefts, padding: (np.full_like(tops, tops[0]), np.full_like(lefts, lefts[0]))
        ),
        "tops count rows, lefts count columns: they are swapped.": _offsets_with(
            lambda tops, lefts, padding: (lefts, tops)
        ),
        "That counts from the image. Count rows and columns of the *padded* image, so from 0 to 2 * padding.": (
            _offsets_with(lambda tops, lefts, padding: (tops - padding, lefts - padding))
        ),
        "That is how far the image moved, the other way round: the window went down where the picture went up.": (
            _offsets_with(lambda tops, lefts, padding: (2 * padding - tops, 2 * padding - lefts))
        ),
        "Rows and columns are counted from 0.": _offsets_with(lambda tops, lefts, padding: (tops + 1, lefts + 1)),
    },
    (
        "There are only (2 * padding + 1) squared places for the window. Try them.",
        "Pad each image with zeros, cut the window at row `top` and column `left`, and compare all its pixels with "
        "the crop.",
        "Two loops over `range(2 * padding + 1)`; where `np.array_equal(window, crop)` holds, keep `top` and `left`.",
    ),
)


def smoothed_loss(logits, labels, smoothing):
    """Mean cross-entropy with label smoothing over the images with a label, from large logits too; -1 is no label."""
    known = labels >= 0
    return _cross_entropy(logits[known], _targets(labels[known], logits.shape[1], smoothing)).mean()


def _targets(labels, classes, smoothing):
    return (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes


def _cross_entropy(logits, targets):
    logits = logits.astype("float64") - logits.max(axis=1, keepdims=True)
    return -(targets * (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))).sum(axis=1)


def _known(answer):
    """A wrong answer for the images that have a label."""
    return lambda logits, labels, smoothing: answer(logits[labels >= 0], labels[labels >= 0], smoothing)


def _spread_over_the_others(logits, labels, smoothing):
    own = np.eye(logits.shape[1])[labels]
    others = smoothing / (logits.shape[1] - 1) * (1 - own)
    return _cross_entropy(logits, (1 - smoothing) * own + others).mean()


def _overflowing(logits, labels, smoothing):
    with np.errstate(all="ignore"):
        powers = np.exp(logits.astype("float64"))
        logs = np.log(powers / powers.sum(axis=1, keepdims=True))
    return -(_targets(labels, logits.shape[1], smoothing) * logs).sum(axis=1).mean()


def _underflowing(logits, labels, smoothing):
    with np.errstate(all="ignore"):
        powers = np.exp(logits.astype("float64") - logits.max(axis=1, keepdims=True))
        logs = np.log(powers / powers.sum(axis=1, keepdims=True))
    return -(_targets(labels, logits.shape[1], smoothing) * logs).sum(axis=1).mean()


def _losses(rng):
    cases = []
    for batch, classes, size in [(3, 4, 3), (4, 6, 3), (6, 5, 2), (7, 3, 900)]:
        labels = rng.integers(0, classes - 1, size=batch)  # never the last class, which -1 would pick
        labels[int(rng.integers(batch))] = -1
        logits = size * normal(rng, batch, classes)
        if size > 100:
            logits[labels.argmax(), 0] = 2 * size  # of an image that counts: its exp is infinite in every draw
        cases.append((logits, labels, float(rng.uniform(0.15, 0.4))))
    return cases


SMOOTHED_LOSS = Exercise(
    "smoothed_loss",
    7,
    "A smoothed loss that survives real data",
    smoothed_loss,
    _losses,
    {
        "-1 is no class, but as an index it picks the last one. Leave these images out first: labels >= 0.": (
            lambda logits, labels, s: _cross_entropy(logits, _targets(labels, logits.shape[1], s)).mean()
        ),
        "You leave the images without a label out of the sum, and count them in the mean.": lambda logits, labels, s: (
            smoothed_loss(logits, labels, s) * np.mean(labels >= 0)
        ),
        "The smoothing is missing: this is the loss of one-hot targets.": lambda logits, labels, s: smoothed_loss(
            logits, labels, 0
        ),
        "You shared s among the wrong classes only. It is spread over all classes: s / classes for each.": _known(
            _spread_over_the_others
        ),
        "That is the sum over the batch. Take the mean.": lambda logits, labels, s: (
            (labels >= 0).sum() * smoothed_loss(logits, labels, s)
        ),
        "That is the mean over images and classes. Sum over the classes of an image, then take the mean over images.": (
            lambda logits, labels, s: smoothed_loss(logits, labels, s) / logits.shape[1]
        ),
        "The right class keeps 1 - s, besides its part of s: the targets of an image sum to 1.": _known(
            lambda logits, labels, s: _cross_entropy(
                logits, np.eye(logits.shape[1])[labels] + s / logits.shape[1]
            ).mean()
        ),
        "A cross-entropy is minus the sum: the sign is missing.": lambda logits, labels, s: (
            -smoothed_loss(logits, labels, s)
        ),
        "exp of a logit in the hundreds is infinite. Subtract the largest logit of each row first.": _known(
            _overflowing
        ),
        "A probability may be too small for a number, and its log infinite. Take the log before you divide: "
        "logits - log(sum of exp(logits)).": _known(_underflowing),
    },
    (
        "Three things to settle in turn: which images count, what their targets are, and how to take a logarithm "
        "safely.",
        "The log of a softmax is `logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))`; subtract the largest "
        "logit "
        "of each row before that.",
        "`known = labels >= 0`, targets `(1 - s) * np.eye(classes)[labels] + s / classes`, and minus the mean of the"
        " sums of "
        "targets times logs.",
    ),
)


def restarted_rates(lengths, warmup, peak):
    """Learning rates of cycles of so many steps each: warm-up in the first, and half a cosine to 0 in every one."""
    rates = []
    for number, length in enumerate(lengths):
        rising = warmup if number == 0 else 0
        step = np.arange(1, length + 1)
        falling = peak * (1 + np.cos(np.pi * (step - rising) / (length - rising))) / 2
        rates.append(np.where(step <= rising, peak * step / max(rising, 1), falling))
    return np.concatenate(rates)


def _rates_with(shape, first=1, again=False, clock=lambda step, rising, length: (step - rising) / (length - rising)):
    """`restarted_rates` with another shape of the fall, steps from 0, a warm-up in each cycle, or another clock."""

    def wrong(lengths, warmup, peak):
        rates = []
        for number, length in enumerate(lengths):
            rising = warmup if number == 0 or again else 0
            step = np.arange(first, length + first)
            falling = peak * shape(clock(step, rising, length))
            rates.append(np.where(step <= rising, peak * step / max(rising, 1), falling))
        return np.concatenate(rates)

    return wrong


def _half_cosine(share):
    return (1 + np.cos(np.pi * share)) / 2


def _no_restart(lengths, warmup, peak):
    return restarted_rates([sum(lengths)], warmup, peak)


RESTARTED_RATES = Exercise(
    "restarted_rates",
    7,
    "A schedule that starts again",
    restarted_rates,
    lambda rng: [
        ([5, 7], 2, 0.5),
        ([6, 4, 9], 3, 0.3),
        ([12], 4, 2.0),
        ([20, 10, 30], 5, float(rng.uniform(0.2, 0.8))),
    ],
    {
        "The cosine begins where the warm-up ends: count its steps from there, (step - warmup) / (length - warmup).": (
            _rates_with(_half_cosine, clock=lambda step, rising, length: step / length)
        ),
        "Half of it is missing: 1 + cos goes from 2 to 0.": _rates_with(lambda share: 2 * _half_cosine(share)),
        "After the warm-up your rate falls in a straight line. Wanted is half a cosine.": _rates_with(
            lambda share: 1 - share
        ),
        "The first step is number 1, so that its rate is not 0, and the last step of a cycle has the rate 0.": (
            _rates_with(_half_cosine, first=0)
        ),
        "A quarter of a cosine falls to 0 without coming to rest. Use (1 + cos(pi * share)) / 2.": _rates_with(
            lambda share: np.cos(np.pi / 2 * share)
        ),
        "np.cos takes radians: half a turn is np.pi, not 180.": _rates_with(
            lambda share: (1 + np.cos(180 * share)) / 2
        ),
        "Only the first cycle warms up. The others begin near the peak.": _rates_with(_half_cosine, again=True),
        "Nothing starts again in yours: every cycle falls from the peak to 0.": _no_restart,
    },
    (
        "Write one cycle first. The whole schedule is one cycle after the other, `np.concatenate`.",
        "In a cycle of `length` steps, count from 1. The share of the fall that is over is step / length; where "
        "there is a "
        "warm-up, (step - warmup) / (length - warmup).",
        "`peak * (1 + np.cos(np.pi * share)) / 2`, and for the first `warmup` steps `peak * step / warmup` instead, by "
        "`np.where`.",
    ),
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
    for batch, height, width, channels, classes in [(3, 4, 2, 5, 6), (4, 3, 2, 1, 5), (6, 2, 5, 3, 10)]:
        labels = (np.arange(batch) + int(rng.integers(classes))) % classes
        share = np.linspace(0.55, 0.9, batch).astype("float32")
        images = normal(rng, batch, height, width, channels)
        order = np.roll(np.arange(batch), 1)
        order[-2:] = order[-2:][::-1] if batch > 3 else order[-2:]  # no rotation, no reversal
        cases.append((images, np.eye(classes, dtype="float32")[labels], order, share))
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
        "The partner of image i is image order[i], not the one whose partner is i.": lambda x, y, order, share: mixup(
            x, y, np.argsort(order), share
        ),
    },
    (
        "Image i becomes share[i] of itself and 1 - share[i] of its partner, images[order[i]]. The target likewise.",
        "`images[order]` is the batch of all partners. `share` is (batch,) and must meet (batch, height, width, "
        "channels).",
        "`share[:, None, None, None]` for the images, `share[:, None]` for the targets.",
    ),
)

EXERCISES = [HONEST_ACCURACY, FIND_OFFSETS, SMOOTHED_LOSS, RESTARTED_RATES, MIXUP]

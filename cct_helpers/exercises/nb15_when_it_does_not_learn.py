"""The exercises of notebook 15: when it does not learn. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise


def guess_losses(counts):
    """Loss of a model that finds all classes equally likely, and lowest loss of one that does not look at the images.

    counts: (classes,), the images of each class. Returns two numbers, in nats.
    """
    shares = counts[counts > 0] / counts.sum()
    return float(np.log(len(counts))), float(-(shares * np.log(shares)).sum())


def _second(wrong):
    """`guess_losses` with another second result, a function of the shares of the classes that have images."""
    return lambda counts: (float(np.log(len(counts))), float(wrong(counts[counts > 0] / counts.sum())))


def _with_nan(counts):
    shares = counts / counts.sum()
    with np.errstate(all="ignore"):
        return float(np.log(len(counts))), float(-(shares * np.log(shares)).sum())


def _counts(rng):
    cases = [rng.permutation([2, 5, 13]), rng.permutation([3, 9, 11, 40, 1])]
    some = rng.integers(1, 30, size=(2, 8))
    empty = int(rng.integers(8))
    some[:, empty], some[:, empty - 1] = 0, 60  # a class without images, and a large one
    return [(counts,) for counts in (*cases, *some)]


GUESS_LOSSES = Exercise(
    "guess_losses",
    15,
    "What may the first loss be?",
    guess_losses,
    _counts,
    {
        "These are bits. A loss is measured in nats: np.log, not np.log2.": lambda counts: tuple(
            loss / np.log(2) for loss in guess_losses(counts)
        ),
        "Divide the counts by their sum first: shares sum to 1.": lambda counts: (
            float(np.log(len(counts))),
            float(-(counts[counts > 0] * np.log(counts[counts > 0])).sum()),
        ),
        "Each class counts as often as it occurs. You took the plain mean of the logarithms.": _second(
            lambda shares: -np.log(shares).mean()
        ),
        "The sign of the second one: the logarithm of a share is negative, a loss is not.": _second(
            lambda shares: (shares * np.log(shares)).sum()
        ),
        "That is the loss on images of the largest class alone. The others count too, each with its share.": _second(
            lambda shares: -np.log(shares.max())
        ),
        "A class without images adds nothing, but 0 * log(0) is not a number. Leave such classes out of the sum.": (
            _with_nan
        ),
        "The first model gives every class the same probability, also one that has no images.": lambda counts: (
            float(np.log(np.count_nonzero(counts))),
            guess_losses(counts)[1],
        ),
    },
    (
        "The loss of an image is minus the logarithm of the probability of its class. What do the two models say?",
        "The first says 1 / classes for each. The best that the second can say are the shares of the classes.",
        "`-(shares * np.log(shares)).sum()`, over the classes that have images.",
    ),
)


def lowest_loss(classes, smoothing):
    """The loss of a model that is right and sure, when its probabilities are taken for logits; in nats."""
    return float(np.log(np.e + classes - 1) - (1 - smoothing + smoothing / classes))


LOWEST_LOSS = Exercise(
    "lowest_loss",
    15,
    "How low can that loss go?",
    lowest_loss,
    lambda rng: [
        (3, 0.0),
        (5, 0.1),
        (10, 0.0),
        (int(rng.integers(20, 60)), 0.2),
        (100, float(rng.uniform(0.05, 0.3))),
    ],
    {
        "Of the classes, all but one have the logit 0: there are classes - 1 of them.": lambda classes, s: float(
            np.log(np.e + classes) - (1 - s + s / classes)
        ),
        "The label smoothing is missing: the target of the right class is 1 - smoothing + smoothing / classes.": (
            lambda classes, s: lowest_loss(classes, 0.0)
        ),
        "Smoothing spreads over all classes, the right one among them.": lambda classes, s: float(
            np.log(np.e + classes - 1) - (1 - s)
        ),
        "These are bits. A loss is measured in nats: np.log, not np.log2.": lambda classes, s: float(
            np.log2(np.e + classes - 1) - (1 - s + s / classes)
        ),
        "That is the loss of a model that knows nothing. This one is right and sure.": lambda classes, s: float(
            np.log(classes)
        ),
        "A loss is not below 0: log(sum of the exponentials) minus the logit of the class, not the other way round.": (
            lambda classes, s: -lowest_loss(classes, s)
        ),
    },
    (
        "The best that such a model can give is 1 for the right class and 0 for the others. Take these for logits.",
        "The loss of logits is log(sum of their exponentials) minus the sum of targets times logits.",
        "exp(1) = e, exp(0) = 1: `np.log(np.e + classes - 1)` minus the target of the right class.",
    ),
)


def moved_copies(train, test):
    """Which test images are a training image moved by up to one pixel: (n, h, w, c) twice -> (test,) of True, False.

    The outermost pixels of the test image do not count: a move may have brought them in.
    """
    height, width = train.shape[1:3]
    inner = test[:, None, 1:-1, 1:-1]
    found = np.zeros((len(test), len(train)), bool)
    for row in range(3):
        for column in range(3):
            window = train[None, :, row : row + height - 2, column : column + width - 2]
            found |= (inner == window).all(axis=(2, 3, 4))
    return found.any(axis=1)


def _moved(images, rows, columns):
    """Images moved down and right, with zeros brought in."""
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    height, width = images.shape[1:3]
    return padded[:, 1 - rows : 1 - rows + height, 1 - columns : 1 - columns + width]


def _copies(rng, known, asked, height, width, channels):
    """Copies moved in several ways, one as it is, copies with another pixel in the middle, and strangers."""
    train = rng.integers(1, 256, size=(known, height, width, channels)).astype("uint8")
    test = rng.integers(1, 256, size=(asked, height, width, channels)).astype("uint8")
    ways = [(1, 0), (0, -1), (-1, 1), (0, 0), (0, 2)]
    order = rng.permutation(asked)
    for number, (rows, columns) in enumerate(ways[:4]):
        test[order[number]] = _moved(train[number : number + 1], rows, columns)[0]
    test[order[4], 2, 2, -1] = 0  # a stranger
    test[order[5]] = train[0]
    test[order[5], 2, 2, -1] ^= 255  # not a copy: one pixel of the middle is another
    test[order[6]] = np.roll(train[1], 2, axis=1)  # moved too far
    return train, test


def _copies_by(moves, alike=lambda inner, window: (inner == window).all(axis=(2, 3, 4)), border=1):
    """`moved_copies` with other moves, another comparison, or another border."""

    def wrong(train, test):
        height, width = train.shape[1:3]
        inner = test[:, None, border : height - border, border : width - border]
        found = np.zeros((len(test), len(train)), bool)
        for row, column in moves:
            if border:
                window = train[None, :, row : row + height - 2, column : column + width - 2]
            else:
                window = _moved(train, 1 - row, 1 - column)[None]
            found |= alike(inner, window)
        return found.any(axis=1)

    return wrong


EVERY_WAY = [(row, column) for row in range(3) for column in range(3)]

MOVED_COPIES = Exercise(
    "moved_copies",
    15,
    "Find the copies that were moved",
    moved_copies,
    lambda rng: [_copies(rng, 4, 7, 5, 6, 2), _copies(rng, 5, 8, 7, 6, 1), _copies(rng, 9, 12, 8, 9, 3)],
    {
        "That finds the copies that stayed where they were. Try all nine moves.": _copies_by([(1, 1)]),
        "You move rows alone. Columns move too, and both at once: nine ways.": _copies_by([(0, 1), (1, 1), (2, 1)]),
        "You move columns alone. Rows move too, and both at once: nine ways.": _copies_by([(1, 0), (1, 1), (1, 2)]),
        "One equal pixel is not enough: all of the inner pixels must be equal.": _copies_by(
            EVERY_WAY, lambda inner, window: (inner == window).any(axis=(2, 3, 4))
        ),
        "You compare the outermost pixels as well. A move brings other ones in there: leave them out.": _copies_by(
            [way for way in EVERY_WAY if way != (1, 1)], border=0
        ),
        "True is for the copies.": lambda train, test: ~moved_copies(train, test),
    },
    (
        "What does the inside of a moved copy show? A window of the original, one pixel beside the middle.",
        "`test[:, 1:-1, 1:-1]` is the inside. Its window in a training image begins at a row and a column from 0 to 2.",
        "Two loops over `range(3)`; `train[:, row : row + height - 2, column : column + width - 2]`, compared with "
        "every inside by `[:, None]` and `[None]`, then `.all(axis=(2, 3, 4))`.",
    ),
)


def pick_rate(rates, losses, width):
    """A tenth of the rate in the middle of the `width` steps with the lowest mean loss: (steps,) twice -> a number."""
    means = np.convolve(losses, np.ones(width) / width, "valid")  # (steps,) -> (steps - width + 1,)
    return float(rates[np.nanargmin(means) + width // 2] / 10)


def _range_test(rng, steps, width, breaks):
    """A valley with noise, a lucky step outside it, and NaN from some step on where `breaks` says so."""
    rates = np.geomspace(1e-5, 1, steps)
    bottom = steps // 2 + int(rng.integers(-steps // 10, steps // 10 + 1))
    losses = 1.7 + 0.6 * np.minimum(1, np.abs(np.arange(steps) - bottom) / (0.4 * steps)) ** 2
    losses = losses + rng.uniform(0, 0.05, steps)
    losses[bottom - width] = 0.05  # one lucky batch, a window away
    losses[bottom - width - 1] = losses[bottom - width + 1] = 5.0
    if breaks:
        losses[-steps // 5 :] = np.nan
    return rates, losses, width


def _pick(place, mode="valid", choose=np.nanargmin, share=0.1):
    def wrong(rates, losses, width):
        means = np.convolve(losses, np.ones(width) / width, mode)
        return float(rates[np.clip(choose(means) + place(width), 0, len(rates) - 1)] * share)

    return wrong


PICK_RATE = Exercise(
    "pick_rate",
    15,
    "Read a range test without eyes",
    pick_rate,
    lambda rng: [
        _range_test(rng, 30, 3, False),
        _range_test(rng, 40, 5, False),
        _range_test(rng, 60, 5, True),
        _range_test(rng, 90, 7, True),
    ],
    {
        "That is the rate of the lowest single loss, a lucky batch. Take means over `width` steps.": (
            lambda rates, losses, width: float(rates[np.nanargmin(losses)] / 10)
        ),
        "That is the rate itself. Wanted is a tenth of it.": _pick(lambda width: width // 2, share=1.0),
        "That is the rate at which the best window begins. Take the one in its middle.": _pick(lambda width: 0),
        "That is the rate at which the best window ends. Take the one in its middle.": _pick(lambda width: width - 1),
        "argmin takes NaN for the smallest of all. np.nanargmin leaves it out.": _pick(
            lambda width: width // 2, choose=np.argmin
        ),
        'mode="same" fills up with zeros at both ends, and a mean with zeros in it is low. Use "valid".': _pick(
            lambda width: 0, "same"
        ),
    },
    (
        "First the means of all windows of `width` steps, then the window with the lowest mean, then its middle.",
        '`np.convolve(losses, np.ones(width) / width, "valid")` gives the means; entry i belongs to the steps from i '
        "to i + width - 1.",
        "`rates[np.nanargmin(means) + width // 2] / 10`. `nanargmin`, as the end may have diverged.",
    ),
    tolerance=1e-6,  # of 0.1: rates are small
)


def diagnose(loss, val_loss, classes):
    """1 nothing learnt, 2 overfits, 3 not finished, 0 none of these; the first that holds. Losses (epochs,), nats."""
    if loss.min() > 0.95 * np.log(classes):
        return 1
    if val_loss[-1] > 1.1 * val_loss.min():
        return 2
    return 3 if val_loss[-1] < 0.97 * val_loss[-2] else 0


def _histories(rng):
    """Each rule met and missed, and both at once where their order matters."""

    def noisy(*values):
        return np.array(values) * rng.uniform(0.995, 1.005, len(values))

    return [
        (noisy(2.31, 2.30, 2.30, 2.29), noisy(2.31, 2.30, 2.33, 2.90), 10),  # nothing learnt, though it rises
        (noisy(1.2, 0.6, 0.2, 0.1), noisy(1.1, 0.7, 0.8, 0.9), 5),  # overfits, and ends below where it began
        (noisy(1.9, 1.6, 1.4, 1.3), noisy(2.0, 1.7, 1.5, 1.35), 10),  # still falling
        (noisy(1.5, 0.9, 0.5, 0.4, 0.38), noisy(1.6, 1.0, 0.7, 0.66, 0.655), 8),  # has come to rest
        (noisy(2.2, 0.5, 2.4, 2.35), noisy(2.2, 0.6, 2.4, 2.4), 10),  # learnt something, then lost it
        (noisy(1.5, 1.2, 0.9, 0.8, 0.7), noisy(1.5, 1.3, 1.2, 1.22, 1.21), 7),  # rests a little above its lowest
        (noisy(4.62, 4.60, 4.59, 4.58, 4.57), noisy(4.6, 4.5, 4.3, 4.1, 3.9), 100),  # nothing learnt, though it falls
        (noisy(2.0, 1.1, 0.6, 0.35, 0.2), noisy(2.0, 1.2, 0.8, 1.5, 1.4), 20),  # overfits, though it falls at the end
        (noisy(0.69, 0.68, 0.67, 0.672), noisy(0.69, 0.68, 0.69, 0.685), 2),  # nothing learnt of two classes
        (noisy(2.45, 2.38, 2.36), noisy(2.44, 2.40, 2.38), 10),  # worse than chance
    ]


def _learnt(loss, val_loss, classes):
    return loss.min() <= 0.95 * np.log(classes)


def _diagnose(learnt=_learnt, rises=None, falls=None, order=(1, 2)):
    """`diagnose` with other rules, or with the first two in another order."""

    def wrong(loss, val_loss, classes):
        holds = {
            1: not learnt(loss, val_loss, classes),
            2: (rises or (lambda loss, val: val[-1] > 1.1 * val.min()))(loss, val_loss),
            3: (falls or (lambda loss, val: val[-1] < 0.97 * val[-2]))(loss, val_loss),
        }
        return next((number for number in (*order, 3) if holds[number]), 0)

    return wrong


DIAGNOSE = Exercise(
    "diagnose",
    15,
    "Diagnose from a history",
    diagnose,
    _histories,
    {
        "The order counts: ask first whether anything was learnt. What rises from chance is not overfitting.": (
            _diagnose(order=(2, 1))
        ),
        "Overfitting shows in the validation loss. The training loss falls all the while.": _diagnose(
            rises=lambda loss, val: loss[-1] > 1.1 * loss.min()
        ),
        "Compare the last validation loss with the lowest one, not with the first.": _diagnose(
            rises=lambda loss, val: val[-1] > 1.1 * val[0]
        ),
        "Ask for the lowest training loss. The last one may have risen again after something was learnt.": _diagnose(
            learnt=lambda loss, val, classes: loss[-1] <= 0.95 * np.log(classes)
        ),
        "A loss a little below chance has learnt nothing either: compare with 0.95 * np.log(classes).": _diagnose(
            learnt=lambda loss, val, classes: loss.min() <= np.log(classes)
        ),
        "A loss is measured in nats: chance is np.log(classes), not np.log2(classes).": _diagnose(
            learnt=lambda loss, val, classes: loss.min() <= 0.95 * np.log2(classes)
        ),
        "Nothing learnt is asked of the training loss. The validation loss has its turn in the second question.": (
            _diagnose(learnt=lambda loss, val, classes: val.min() <= 0.95 * np.log(classes))
        ),
        "Not finished is asked of the validation loss, not of the training loss.": _diagnose(
            falls=lambda loss, val: loss[-1] < 0.97 * loss[-2]
        ),
        "A hair above the lowest is noise. Overfits is for more than 10 percent above it.": _diagnose(
            rises=lambda loss, val: val[-1] > val.min()
        ),
    },
    (
        "Three questions, in this order, each with `if` and `return`. What is left is 0.",
        "Chance is `np.log(classes)`. The lowest loss is `.min()`, the last one `[-1]`, the one before it `[-2]`.",
        "`loss.min() > 0.95 * np.log(classes)`, then `val_loss[-1] > 1.1 * val_loss.min()`, then "
        "`val_loss[-1] < 0.97 * val_loss[-2]`.",
    ),
)

EXERCISES = [GUESS_LOSSES, LOWEST_LOSS, PICK_RATE, MOVED_COPIES, DIAGNOSE]

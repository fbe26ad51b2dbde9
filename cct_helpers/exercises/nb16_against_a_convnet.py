"""The exercises of notebook 16: against a ConvNet. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise


def tokens_at_balance(dim, mlp_ratio):
    """How many tokens make the two products of attention as costly as the rest of a transformer block, in MACs."""
    return (2 + mlp_ratio) * dim


TOKENS_AT_BALANCE = Exercise(
    "tokens_at_balance",
    16,
    "When does attention take over?",
    tokens_at_balance,
    lambda rng: [(96, 1), (64, 3), (256, 2), (32 * int(rng.integers(2, 9)), 4)],
    {
        "There are two products of n * n * dim: queries with keys, and weights with values.": lambda dim, mlp_ratio: (
            2 * (2 + mlp_ratio) * dim
        ),
        "The MLP is missing: two matrices of dim times mlp_ratio * dim.": lambda dim, mlp_ratio: 2 * dim,
        "The MLP has two matrices, there and back.": lambda dim, mlp_ratio: (2 + mlp_ratio / 2) * dim,
        "There are four projections: queries, keys, values, and the output.": lambda dim, mlp_ratio: (
            (1.5 + mlp_ratio) * dim
        ),
        "The four projections are missing.": lambda dim, mlp_ratio: mlp_ratio * dim,
        "That is what the matrices cost for one token. The products cost 2 * dim * n for one: divide by 2 * dim.": (
            lambda dim, mlp_ratio: (4 + 2 * mlp_ratio) * dim**2
        ),
        "dim is on both sides, but once more often in the matrices: n is a multiple of dim.": lambda dim, mlp_ratio: (
            2 + mlp_ratio
        ),
    },
    (
        "Write both costs for n tokens: the matrices cost n times something, the two products n * n times something.",
        "The matrices: n * (4 * dim**2 + 2 * mlp_ratio * dim**2). The products: 2 * n**2 * dim.",
        "Set them equal and divide by 2 * n * dim: n = (2 + mlp_ratio) * dim.",
    ),
)


def resnet_weights(depth, width, channels, classes):
    """Trained parameters of the paper's ResNet for small images, with shortcuts that have no weights."""
    return _count(depth, width, channels, classes)


def _count(depth, width, channels, classes, norm=2, bias=0, projection=False, head=1, more=0, a_block=2):
    """The count of `resnet_weights`, with something changed that people forget or add."""
    blocks = (depth - 2) // 6
    total, given = 0, channels
    layers = [width] + [width * 2**stage for stage in range(3) for _ in range(a_block * blocks)]
    for made in layers[: len(layers) + more]:
        total += 9 * given * made + (norm + bias) * made
        if projection and made > given and given >= width:
            total += given * made + 2 * made
        given = made
    return total + given * classes + head * classes


RESNET_WEIGHTS = Exercise(
    "resnet_weights",
    16,
    "Count a ResNet",
    resnet_weights,
    lambda rng: [
        (14, 8, 1, 4),
        (20, 12, 3, 7),
        (32, 16, 3, 100),
        (6 * int(rng.integers(5, 9)) + 2, int(rng.integers(5, 12)), 2, int(rng.integers(5, 50))),
    ],
    {
        "A norm has two numbers a channel, its scale and its shift. They are missing.": lambda *sizes: _count(
            *sizes, norm=0
        ),
        "A norm has two numbers a channel, its scale and its shift.": lambda *sizes: _count(*sizes, norm=1),
        "The running mean and variance of a norm are kept, not trained.": lambda *sizes: _count(*sizes, norm=4),
        "The convolutions have no bias, as the norm after each would take it away again.": lambda *sizes: _count(
            *sizes, bias=1
        ),
        "The shortcuts have no weights here. You count a 1 x 1 convolution and its norm on two of them.": (
            lambda *sizes: _count(*sizes, projection=True)
        ),
        "The head has a bias for each class.": lambda *sizes: _count(*sizes, head=0),
        "A block has two convolutions. You count one.": lambda *sizes: _count(*sizes, a_block=1),
        "The last convolution of the network is missing.": lambda *sizes: _count(*sizes, more=-1),
    },
    (
        "Go through the convolutions in order and keep how many channels come in.",
        "A convolution has 9 * channels in * channels out weights, its norm 2 * channels out. Each stage has "
        "(depth - 2) / 3 convolutions, two in each block.",
        "Channels out: `[width] + [width * 2**stage for stage in range(3) for _ in range((depth - 2) // 3)]`; at the "
        "end `given * classes + classes`.",
    ),
)


def epochs_in_budget(budget, images, speeds, shares):
    """Epochs that a number of seconds pays for, where a share of them is on images of each size."""
    return float(budget / (images * (shares / speeds).sum()))


def _speeds(rng, sizes):
    """A budget, a number of images, speeds that fall and shares that sum to 1."""
    shares = rng.dirichlet(np.ones(sizes)) * 0.7 + 0.3 / sizes
    speeds = np.sort(rng.uniform(100, 3000, size=sizes))[::-1] * np.linspace(1.5, 0.5, sizes)
    return float(rng.uniform(200, 900)), int(rng.integers(4000, 50000)), speeds, shares


EPOCHS_IN_BUDGET = Exercise(
    "epochs_in_budget",
    16,
    "How many epochs does the budget pay for?",
    epochs_in_budget,
    lambda rng: [_speeds(rng, sizes) for sizes in (2, 3, 4, 5)],
    {
        "You average the speeds. A slow epoch takes longer than a fast one: average the seconds.": (
            lambda budget, images, speeds, shares: float(budget * (shares * speeds).sum() / images)
        ),
        "You take all sizes alike. `shares` says how many of the epochs each size has.": (
            lambda budget, images, speeds, shares: float(budget / (images * (1 / speeds).mean()))
        ),
        "An epoch is all images. You return how many images the budget pays for.": (
            lambda budget, images, speeds, shares: float(budget / (shares / speeds).sum())
        ),
        "That pays for whole images, the slowest, throughout.": lambda budget, images, speeds, shares: float(
            budget * speeds[-1] / images
        ),
        "Here parts of an epoch count. Do not round.": lambda budget, images, speeds, shares: float(
            np.floor(budget / (images * (shares / speeds).sum()))
        ),
        "Those are the seconds of an epoch. How many of them fit into the budget?": (
            lambda budget, images, speeds, shares: float(images * (shares / speeds).sum())
        ),
    },
    (
        "How many seconds does one epoch take on images of one size? And a mean epoch, with these shares?",
        "An epoch of size i takes images / speeds[i] seconds, and is shares[i] of all epochs.",
        "`budget / (images * (shares / speeds).sum())`.",
    ),
)


def wrong_alike(first, second, labels):
    """Of the images that both models get wrong, the share for which they give the same class; all (n,)."""
    both = (first != labels) & (second != labels)
    return float(np.mean(first[both] == second[both]))


def _answers(rng, images, classes):
    """Answers of two models, right and wrong, alike and not, and the labels; each kind occurs."""
    labels = rng.integers(classes, size=images)
    first, second = (
        np.where(rng.random(images) < 0.5, labels, (labels + rng.integers(1, classes, size=images)) % classes)
        for _ in range(2)
    )
    first[:5] = (labels[:5] + 1) % classes
    second[:5] = first[:5]
    second[3:5] = (labels[3:5] + 2) % classes
    second[5], first[5] = labels[5], (labels[5] + 1) % classes
    order = rng.permutation(images)
    return first[order], second[order], labels[order]


def _alike_by(share):
    """`wrong_alike` with another share, of (same class, first wrong, second wrong), each (n,) of True and False."""
    return lambda first, second, labels: float(share(first == second, first != labels, second != labels))


WRONG_ALIKE = Exercise(
    "wrong_alike",
    16,
    "Are they wrong in the same way?",
    wrong_alike,
    lambda rng: [_answers(rng, images, classes) for images, classes in [(23, 4), (31, 5), (47, 3), (60, 10)]],
    {
        "That is how many. Wanted is their share of the images that both get wrong.": _alike_by(
            lambda same, one, two: np.sum(same & one & two)
        ),
        "You divide by all images. Of interest are those that both get wrong.": _alike_by(
            lambda same, one, two: np.mean(same & one & two)
        ),
        "You count the images that both get right as well: there they agree, of course.": _alike_by(
            lambda same, one, two: np.mean(same)
        ),
        "That is how often both are wrong. How often do they say the same then?": _alike_by(
            lambda same, one, two: np.mean(one & two)
        ),
        "You divide by the images that at least one gets wrong. Both have to be wrong.": _alike_by(
            lambda same, one, two: np.sum(same & one & two) / np.sum(one | two)
        ),
        "You divide by the mistakes of the first model. Both have to be wrong.": _alike_by(
            lambda same, one, two: np.sum(same & one & two) / np.sum(one)
        ),
        "You divide by the mistakes of the second model. Both have to be wrong.": _alike_by(
            lambda same, one, two: np.sum(same & one & two) / np.sum(two)
        ),
        "That is the share that is different. Wanted are the same classes.": _alike_by(
            lambda same, one, two: np.sum(~same & one & two) / np.sum(one & two)
        ),
    },
    (
        "First find the images that both get wrong, then look at nothing but these.",
        "`both = (first != labels) & (second != labels)` marks them.",
        "`np.mean(first[both] == second[both])`.",
    ),
)

EXERCISES = [TOKENS_AT_BALANCE, RESNET_WEIGHTS, EPOCHS_IN_BUDGET, WRONG_ALIKE]

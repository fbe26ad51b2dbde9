"""The exercises of notebook 12: padding and masks. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def _padded_ids(rng, batch, length):
    """Ids of texts of different lengths, the first one short, padded with 0 at the end."""
    letters = rng.integers(1, length // 2 + 1, batch)
    letters[0] = 2
    letters[1:2] = length // 2 | 1  # an odd one
    return np.where(np.arange(length) < letters[:, None], rng.integers(1, 30, (batch, length)), 0)


def token_counts(ids, stride):
    """How many tokens of each text stand on a letter: (batch, length) padded with 0 -> (batch,) whole numbers."""
    return (ids[:, ::stride] != 0).sum(axis=1)


TOKEN_COUNTS = Exercise(
    "token_counts",
    12,
    "How many tokens are real?",
    token_counts,
    lambda rng: [(_padded_ids(rng, b, n), s) for b, n, s in [(3, 8, 2), (4, 11, 3), (5, 16, 2), (6, 21, 4)]],
    {
        "The last token stands on a letter too when the division leaves a rest: token i stands on letter i * stride.": (
            lambda ids, stride: (ids != 0).sum(axis=1) // stride
        ),
        "These are the tokens of the whole row, padding included.": lambda ids, stride: np.full(
            len(ids), ids[:, ::stride].shape[1]
        ),
        "That is the number of letters. Only every `stride`-th one has a token.": lambda ids, stride: (ids != 0).sum(
            axis=1
        ),
        "These are the tokens of padding. Count the others.": lambda ids, stride: (ids[:, ::stride] == 0).sum(axis=1),
    },
    (
        "Look at the letters on which tokens stand, and count those that are no padding.",
        "Tokens stand on letters 0, stride, 2 * stride, ...: `ids[:, ::stride]`.",
        "`(ids[:, ::stride] != 0).sum(axis=1)`.",
    ),
)


def _sums(features, first=-1):
    """Sums over three places, from `first` on, for every second place: (batch, length, dim) -> (batch, tokens, dim)."""
    around = np.pad(features, ((0, 0), (1, 2), (0, 0)))
    return sum(around[:, 1 + first + i : 1 + first + i + features.shape[1] : 2] for i in range(3))


def _letters(ids):
    return (ids != 0)[:, :, None].astype("float32")


def mean_letters(features, ids):
    """Mean over the letters among 3 places, stride 2: (batch, length, dim), (batch, length) -> (batch, tokens, dim)."""
    real = _letters(ids)
    return _sums(features * real) / np.maximum(_sums(real), 1) * real[:, ::2]


def _largest(features, ids):
    real = _letters(ids)
    around = np.pad(np.where(real, features, -np.inf), ((0, 0), (1, 1), (0, 0)), constant_values=-np.inf)
    return np.stack([around[:, i : i + 3].max(axis=1) for i in range(0, ids.shape[1], 2)], axis=1)


def _features_and_ids(rng, batch, length, dim):
    ids = _padded_ids(rng, batch, length)
    return normal(rng, batch, length, dim) + 3 * (ids == 0)[:, :, None].astype("float32"), ids


MEAN_LETTERS = Exercise(
    "mean_letters",
    12,
    "A mean that counts letters only",
    mean_letters,
    lambda rng: [_features_and_ids(rng, b, n, d) for b, n, d in [(2, 8, 3), (3, 9, 4), (4, 16, 5)]],
    {
        "You divide by 3 everywhere. At the ends of a text fewer places hold a letter: divide by how many there are.": (
            lambda features, ids: _sums(features * _letters(ids)) / 3 * _letters(ids)[:, ::2]
        ),
        "Padding takes part: its features are added and counted as if they were letters.": lambda features, ids: (
            _sums(features) / _sums(np.ones(features.shape))
        ),
        "The features of padding are left out, but its places are counted. Divide by the number of letters.": (
            lambda features, ids: (
                _sums(features * _letters(ids)) / _sums(np.ones(features.shape)) * _letters(ids)[:, ::2]
            )
        ),
        "A token that stands on padding may still touch the last letter. Set it to zero after the pool.": (
            lambda features, ids: _sums(features * _letters(ids)) / np.maximum(_sums(_letters(ids)), 1)
        ),
        "Some windows hold no letter at all, and 0 / 0 is NaN. Divide by 1 there.": lambda features, ids: (
            _sums(features * _letters(ids)) / _sums(_letters(ids)) * _letters(ids)[:, ::2]
        ),
        "The windows are shifted: token i is the mean of the places 2i - 1, 2i and 2i + 1.": lambda features, ids: (
            _sums(features * _letters(ids), 0) / np.maximum(_sums(_letters(ids), 0), 1) * _letters(ids)[:, ::2]
        ),
        "That is the largest of each window. Take the mean.": lambda features, ids: np.where(
            _letters(ids)[:, ::2], _largest(features, ids), 0
        ),
    },
    (
        "A mean is a sum divided by a number. Both are over letters alone: the features of the letters, and how many.",
        "With `real = (ids != 0)[:, :, None]`, pool `features * real` and `real` in the same way, by a sum of three.",
        "The first sum divided by the second, or by 1 where that is 0, times the mask of the places on which tokens "
        "stand, `real[:, ::2]`.",
    ),
)


def _scores(queries, keys):
    return queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])


def _same(text_of):
    return text_of[:, :, None] == text_of[:, None]


def packed_attention(queries, keys, values, text_of):
    """Attention inside each text of a row: (batch, tokens, size) thrice, (batch, tokens) -> (batch, tokens, size)."""
    return softmax(np.where(_same(text_of), _scores(queries, keys), -np.inf)) @ values


def _packed_case(rng, batch, tokens, size):
    begins = rng.random((batch, tokens)) < 0.3
    begins[:, :3] = False, False, True  # the first text has two tokens, and it is not the only one
    return *(normal(rng, batch, tokens, size) for _ in range(3)), begins.cumsum(axis=1)


PACKED_ATTENTION = Exercise(
    "packed_attention",
    12,
    "Several texts in one row",
    packed_attention,
    lambda rng: [_packed_case(rng, b, t, s) for b, t, s in [(2, 4, 3), (3, 5, 4), (4, 9, 8)]],
    {
        "The weights that are left no longer sum to 1. Leave other texts out before the softmax: a score of -inf.": (
            lambda q, k, v, text_of: (softmax(_scores(q, k)) * _same(text_of)) @ v
        ),
        "A score of 0 is a score like others, exp(0) = 1. A token that may not be read has the score -inf.": (
            lambda q, k, v, text_of: softmax(_scores(q, k) * _same(text_of)) @ v
        ),
        "`text_of` plays no part: the other texts are read as well.": lambda q, k, v, text_of: (
            softmax(_scores(q, k)) @ v
        ),
        "A token reads the texts before its own too. Compare with ==.": lambda q, k, v, text_of: (
            softmax(np.where(text_of[:, :, None] >= text_of[:, None], _scores(q, k), -np.inf)) @ v
        ),
        "All tokens read the first text. Which tokens may be read depends on the token that reads.": (
            lambda q, k, v, text_of: softmax(np.where((text_of == 0)[:, None], _scores(q, k), -np.inf)) @ v
        ),
        "The scores are not divided by the square root of the size of a query.": lambda q, k, v, text_of: (
            packed_attention(q * np.sqrt(q.shape[-1]), k, v, text_of)
        ),
        "You kept the other texts and left out the token's own.": lambda q, k, v, text_of: (
            softmax(np.where(_same(text_of), -np.inf, _scores(q, k))) @ v
        ),
    },
    (
        "Every token spreads a weight of 1 over the tokens of its own text. All others must get nothing of it.",
        "Which pairs belong to one text? Compare `text_of` with itself along two axes: `(batch, tokens, tokens)`.",
        "`np.where(text_of[:, :, None] == text_of[:, None], scores, -np.inf)`, then the softmax over the last axis.",
    ),
)


def reads_padding(model, ids):
    """Whether the answers of model(ids), (batch, classes), depend on how far the ids (batch, length) are padded."""
    longer = np.concatenate([ids, np.zeros((len(ids), 5), ids.dtype)], axis=1)
    return bool(np.abs(model(longer) - model(ids)).max() > 1e-5)


TABLE = np.random.default_rng(7).normal(size=(30, 4))  # a vector for each id of the models that follow
HEAD = np.random.default_rng(8).normal(size=(4, 3))


def _letter_mean(ids):
    real = (ids != 0)[:, :, None]
    return (TABLE[ids] * real).sum(axis=1) / real.sum(axis=1) @ HEAD


def _mean_of_all(ids):
    return TABLE[ids].mean(axis=1) @ HEAD


def _attention_model(ids, mask_keys, mask_pool):
    x, real = TABLE[ids], ids != 0
    scores = x @ x.swapaxes(1, 2)
    read = softmax(np.where(real[:, None], scores, -np.inf) if mask_keys else scores) @ x
    pooled = softmax(np.where(real, read.sum(axis=-1), -np.inf) if mask_pool else read.sum(axis=-1))
    return (pooled[:, None] @ read)[:, 0] @ HEAD


def _as_candidate(function):
    """The model under a name that tells nothing."""

    def candidate(ids):
        return function(ids)

    return candidate


def _largest(ids):
    return (TABLE[ids] * (ids != 0)[:, :, None]).max(axis=1) @ HEAD  # zeros of padding win where all are below 0


MODELS = [
    _letter_mean,
    _mean_of_all,
    lambda ids: _attention_model(ids, True, True),
    lambda ids: _attention_model(ids, True, False),
    lambda ids: _attention_model(ids, False, True),
    lambda ids: TABLE[ids[:, 0]] @ HEAD,  # the first letter alone
    lambda ids: TABLE[ids].sum(axis=1) @ HEAD,  # padding adds its vector
    _largest,
    lambda ids: _letter_mean(ids) + 1e-7 * ids.shape[1],  # reads no padding, and rounds otherwise in a longer row
]


def _padded_models(rng):
    """Models in a random order, with texts of which the first fills its row and has no number above 0 at one place."""
    below = np.flatnonzero((TABLE[:, 1] < 0) & (np.arange(30) > 0))
    cases = []
    for number in rng.permutation(len(MODELS)):
        ids = np.where(np.arange(6) < rng.integers(2, 5, size=3)[:, None], rng.integers(1, 30, size=(3, 6)), 0)
        ids[0] = rng.choice(below, size=6)
        if MODELS[number] is _largest:  # no text is padded yet, so that each alone is the same
            ids = rng.choice(below, size=(3, 6))
        cases.append((_as_candidate(MODELS[number]), ids))
    return cases


def _test_by(passes):
    """A test of models from a function of (model, ids) to True or False."""
    return lambda model, ids: bool(passes(model, ids))


def _longer(ids):
    return np.concatenate([ids, np.zeros((len(ids), 5), ids.dtype)], axis=1)


READS_PADDING = Exercise(
    "reads_padding",
    12,
    "Does this model read padding?",
    reads_padding,
    _padded_models,
    {
        "That asks whether texts with padding and texts without differ, and they are other texts. Pad the same ones "
        "further.": (_test_by(lambda model, ids: np.ptp(model(ids), axis=0).max() > 1e-5)),
        "True is for a model that reads padding.": lambda model, ids: not reads_padding(model, ids),
        "You took padding away. A text that fills its row has none: add some instead.": _test_by(
            lambda model, ids: any(np.abs(model(row[None, row != 0]) - model(row[None])).max() > 1e-5 for row in ids)
        ),
        "More columns may change the order of a sum, and so its last digit. Allow for rounding: atol=1e-5.": _test_by(
            lambda model, ids: (model(_longer(ids)) != model(ids)).any()
        ),
        "Padding stands at the end of a text. You put it in front, and then other letters stand first.": _test_by(
            lambda model, ids: np.abs(model(np.roll(_longer(ids), 5, axis=1)) - model(ids)).max() > 1e-5
        ),
    },
    (
        "Padding carries nothing. So what may change when there is more of it?",
        "Make the same texts longer by some columns of 0 at the end and ask the model again.",
        "Return True if the logits differ by more than rounding: `not np.allclose(model(longer), model(ids), "
        "atol=1e-5)`.",
    ),
)

EXERCISES = [TOKEN_COUNTS, MEAN_LETTERS, PACKED_ATTENTION, READS_PADDING]

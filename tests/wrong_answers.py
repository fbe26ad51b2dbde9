"""Plausible wrong answers to the exercises, written apart from the mistakes that the exercises know.

`python -m tests.wrong_answers` counts, in 50 draws: wrong answers that get a tick, hints that mislead, and the share
that gets a hint. Those with `seen` were looked at while the rules for hints were written; the others were not.
"""

import itertools
import sys

import keras
import numpy as np
from keras import ops

ANSWERS = []  # (exercise, words of the hint that fits or "", seen, answer)


def wrong(name, words, seen=False):
    """File the function or class below as a wrong answer to the exercise `name`; `words`: of its hint, "" for none."""

    def file(answer):
        ANSWERS.append((name, words, seen, answer))
        return answer

    return file


def soft(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@wrong("top_classes", "An entry along axis 0 of your result changes when the other entries of", seen=True)
def _(logits, k):
    return np.argsort(-logits, axis=0)[:, :k]


@wrong("top_classes", "The most likely class is left out:", seen=True)
def _(logits, k):
    return np.argsort(-logits, axis=1)[:, 1 : k + 1]


@wrong("top_classes", "Wanted:")
def _(logits, k):
    return np.argsort(-logits, axis=1)[:, :5]


@wrong("class_or_none", "Shapes are compared from their last axis on, and (4, 3) does not fit (4,).")
def _(logits, threshold):
    e = np.exp(logits - logits.max(axis=1))
    p = e / e.sum(axis=1)
    return np.where(p.max(axis=1) >= threshold, p.argmax(axis=1), -1)


@wrong("class_or_none", "Whole numbers are wanted.")
def _(logits, threshold):
    p = soft(logits)
    return np.where(p.max(axis=1) >= threshold, p.max(axis=1), -1)


@wrong("tokens_for_share", "That is one number for everything.")
def _(weights, share):
    return (np.cumsum(-np.sort(-weights)) < share).sum() + 1


@wrong("tokens_for_share", "")
def _(weights, share):
    return (weights >= share * weights.max(axis=1, keepdims=True)).sum(axis=1)


@wrong("unpatchify", "Wanted:", seen=True)
def _(tokens, size, rows, columns):
    x = tokens.reshape(len(tokens), rows, columns, size, size, -1).transpose(0, 2, 3, 1, 4, 5)
    return x.reshape(len(tokens), columns * size, rows * size, -1)


@wrong("unpatchify", "In a token the channels of a pixel stand side by side:")
def _(tokens, size, rows, columns):
    x = tokens.reshape(len(tokens), rows, columns, -1, size, size).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(len(tokens), rows * size, columns * size, -1)


@wrong("steps_needed", "Where it is wrong, it is off by -1.")
def _(side, kernel, stride, padding, most):
    n = 0
    while n == 0 or side * side > most:
        side = ((side + padding - kernel) // stride + 1 - 1) // 2 + 1
        n += 1
    return n


@wrong("tokens_that_see", "Wanted: axis 0 like `count`. Yours: axis 0 of size 1 here.")
def _(pixel, steps, count):
    size, start, apart = (1, 0, 1)
    for k, s, p in steps:
        size, start, apart = (size + (k - 1) * apart, start - p * apart, apart * s)
    f = start + apart * np.arange(count)
    return np.flatnonzero((f <= pixel) & (pixel < f + size))


@wrong("tokens_that_see", "True and False are wanted, as a comparison gives them:")
def _(pixel, steps, count):
    size, start, apart = (1, 0, 1)
    for k, s, p in steps:
        size, start, apart = (size + (k - 1) * apart, start - p * apart, apart * s)
    f = start + apart * np.arange(count)
    return ((f <= pixel) & (pixel < f + size)).astype(int)


@wrong("mean_pool", "Wanted:")
def _(x):
    p = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    o = np.pad(np.ones_like(x), [(0, 0), (1, 1), (1, 1), (0, 0)])
    w = [np.lib.stride_tricks.sliding_window_view(a, (3, 3), axis=(1, 2)).sum(axis=(-2, -1)) for a in (p, o)]
    return w[0] / w[1]


@wrong("mean_pool", "Wanted:")
def _(x):
    p = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    w = np.lib.stride_tricks.sliding_window_view(p, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return w.mean(axis=(3, 4, 5))


@wrong("unshuffle", "These are the right numbers, all of them, at other places:", seen=True)
def _(outputs, order):
    return outputs[:, -order]


@wrong("unshuffle", "`order` read backwards is not its inverse.")
def _(outputs, order):
    return outputs[:, order[::-1]]


@wrong("find_places", "Shapes are compared from their last axis on, and (20, 6) does not fit (20,).")
def _(vectors, table, columns):
    t = table / np.linalg.norm(table, axis=1)
    return np.stack(np.divmod((vectors @ t.T).argmax(1), columns), 1)


@wrong("find_places", "These are the right numbers with the axes in another order:")
def _(vectors, table, columns):
    t = table / np.linalg.norm(table, axis=1, keepdims=True)
    return np.stack(np.divmod((vectors @ t.T).argmax(1), columns))


@wrong("order_gaps", "")
def _(f, tokens, order):
    a, b = (f(tokens), f(tokens[:, order]))
    return (np.abs(b - a).sum((1, 2)), np.abs(b - a[:, order]).sum((1, 2)))


@wrong("order_gaps", "For the second number the outputs of the straight tokens are shuffled:")
def _(f, tokens, order):
    a, b = (f(tokens), f(tokens[:, order]))
    return (np.abs(b - a).max((1, 2)), np.abs(b - a[:, np.argsort(order)]).max((1, 2)))


@wrong("grid_sines", "Rows and columns are counted from 0.")
def _(rows, columns, dim):
    r, c = np.divmod(np.arange(rows * columns), columns)

    def s(p):
        a = (p[:, None] + 1) / 10000 ** (4 * np.arange(dim // 4) / dim)
        return np.stack([np.sin(a), np.cos(a)], -1).reshape(len(a), -1)

    return np.concatenate([s(r), s(c)], 1)


@wrong("grid_sines", "Each half is a table of its own with dim / 2 columns:")
def _(rows, columns, dim):
    r, c = np.divmod(np.arange(rows * columns), columns)

    def s(p):
        a = p[:, None] / 10000 ** (2 * np.arange(dim // 4) / dim)
        return np.stack([np.sin(a), np.cos(a)], -1).reshape(len(a), -1)

    return np.concatenate([s(r), s(c)], 1)


@wrong("cross_attention", "Shapes are compared from their last axis on, and (2, 3, 4) does not fit (2,")
def _(q, k, v):
    e = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
    return e / e.sum(axis=-1) @ v


@wrong("cross_attention", "For a @ b the last axis of a must be as long as the last but one of b, and")
def _(q, k, v):
    return soft(q @ k.T / np.sqrt(q.shape[-1])) @ v


@wrong("fold_norm", "Shapes are compared from their last axis on, and (4, 2) does not fit (4,).")
def _(scale, shift, kernel, bias):
    return (scale * kernel, bias + shift @ kernel)


@wrong("fold_norm", "The results are right, in another order.")
def _(scale, shift, kernel, bias):
    return (bias + shift @ kernel, scale[:, None] * kernel)


@wrong("value_to_output", "Wanted:")
def _(kernel, projection, heads, head):
    d = len(projection)
    s = d // heads
    p = slice(head * s, (head + 1) * s)
    return projection[p] @ kernel[:, 2 * d :][:, p]


@wrong("value_to_output", "Sizes and indices must be whole numbers:")
def _(kernel, projection, heads, head):
    d = len(projection)
    s = d / heads
    p = slice(head * s, (head + 1) * s)
    return kernel[:, 2 * d :][:, p] @ projection[p]


@wrong("reorder_heads", "Result number 1 alone is wrong.")
def _(kernel, projection, order):
    d, h = (len(projection), len(order))
    k = kernel.copy().reshape(d, 3, h, -1)
    k[:, 2] = k[:, 2][:, order]
    return (k.reshape(kernel.shape), projection.reshape(h, -1, d)[order].reshape(d, d))


@wrong("reorder_heads", "Result number 1:")
def _(kernel, projection, order):
    d, h = (len(projection), len(order))
    return (kernel.reshape(d, 3, h, -1)[:, :, order], projection.reshape(h, -1, d)[order])


@wrong("is_attention", "Wanted is one True or False:")
def _(attend):
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    return np.isclose(attend(q, k, v), soft(q @ k.T / 2) @ v)


@wrong("is_attention", "")
def _(attend):
    q, k = np.random.default_rng(0).normal(size=(2, 6, 4))
    return bool(np.allclose(attend(q, k, np.ones((6, 4))), 1))


@wrong("rate_from_outputs", "Every number is 100 times the right one, as percent for a share:")
def _(branch, output):
    k = np.any(output != 0, axis=(1, 2))
    return 100 * float(1 - np.mean(branch[k] / output[k]))


@wrong("rate_from_outputs", "")
def _(branch, output):
    k = np.any(output != 0, axis=(1, 2))
    return float(np.mean(output[k] / branch[k]) - 1)


@wrong("deviation_of_kept", "Every number is too small by the square root of axis 0 of `rates` (3 here):")
def _(rates, one_draw):
    return float(np.sqrt((4 if one_draw else 2) * np.mean(rates * (1 - rates))))


@wrong("deviation_of_kept", "`one_draw` plays no part:")
def _(rates, one_draw):
    return float(np.sqrt(4 * np.sum(rates * (1 - rates))))


@wrong("shared_masks", "Wanted:")
def _(kept):
    return np.argwhere(np.triu((kept[:, None] == kept).all(-1), k=1))[:, 0]


@wrong("shared_masks", "Every number is 1 too large: counted from 1")
def _(kept):
    return np.argwhere(np.triu((kept[:, None] == kept).all(-1), k=1)) + 1


@wrong("skip_dropped", "Your function changes its argument", seen=True)
def _(branch, tokens, kept, rate):
    tokens[kept] = branch(tokens[kept]) / (1 - rate)
    tokens[~kept] = 0
    return tokens


@wrong("skip_dropped", "You divide by rate. Divide by what is kept, 1 - rate.")
def _(branch, tokens, kept, rate):
    out = np.zeros_like(tokens)
    out[kept] = branch(tokens[kept]) / rate
    return out


@wrong("skip_dropped", "A mask of True and False picks from the first axes of an array, and needs")
def _(branch, tokens, kept, rate):
    out = np.zeros_like(tokens)
    out[kept[:, None, None]] = branch(tokens[kept]) / (1 - rate)
    return out


@wrong("effective_tokens", "That is one number for everything.", seen=True)
def _(weights):
    return np.exp(-(weights * np.log(np.where(weights > 0, weights, 1))).sum())


@wrong("effective_tokens", "", seen=True)
def _(weights):
    return np.exp(-np.mean(weights * np.log(np.where(weights > 0, weights, 1)), axis=1))


@wrong("effective_tokens", "2 ** and log do not undo each other.")
def _(weights):
    return 2 ** (-(weights * np.log(np.where(weights > 0, weights, 1))).sum(axis=1))


@wrong("pool_some", "")
def _(tokens, weights, real):
    kept = weights * real
    return (kept[:, :, None] * tokens).max(1) / kept.sum(1, keepdims=True)


@wrong("pool_some", "The weights that are left no longer sum to 1.")
def _(tokens, weights, real):
    return (np.where(real, weights, 0)[:, :, None] * tokens).sum(1)


@wrong("pool_queries", "Every number is too small by the factor axis 1 of `tokens` (6 here):")
def _(tokens, kernel, bias):
    w = soft(tokens @ kernel + bias, axis=1)
    return np.einsum("btq,btd->bqd", w, tokens) / tokens.shape[1]


@wrong("pool_queries", "For a @ b the last axis of a must be as long as the last but one of b, and")
def _(tokens, kernel, bias):
    return soft(tokens @ kernel + bias, axis=1) @ tokens


@wrong("query_pooling", "For a @ b the last axis of a must be as long as the last but one of b, and")
class Q1(keras.layers.Layer):
    def __init__(self, queries, **kw):
        super().__init__(**kw)
        self.score = keras.layers.Dense(queries, name="score")

    def build(self, shape):
        self.score.build(shape)

    def call(self, tokens):
        return ops.matmul(ops.softmax(self.score(tokens), axis=1), tokens)


@wrong("query_pooling", "The softmax ran over the queries.")
class Q2(keras.layers.Layer):
    def __init__(self, queries, **kw):
        super().__init__(**kw)
        self.score = keras.layers.Dense(queries, name="score")

    def build(self, shape):
        self.score.build(shape)

    def call(self, tokens):
        w = ops.softmax(self.score(tokens))
        return ops.matmul(ops.swapaxes(w, 1, 2), tokens)


@wrong("is_weighted_mean", "One of these takes its weights from another image.")
def _(pool):
    return bool(np.allclose(pool(np.ones((3, 5, 4))), 1))


@wrong("tokenizer_parameters", "One convolution too many:", seen=True)
def _(c, d, k, n, h):
    return k * k * (c * h + (n - 1) * h * h + h * d)


@wrong("kind_of_block", "The result is the same whatever the arguments are.")
def _(block, x, norm, attention, mlp):
    return "mid"


@wrong("kind_of_block", "Every number is 1 too large:")
def _(block, x, norm, attention, mlp):
    h = x + attention(norm(x))
    a = h + mlp(norm(h))
    h = norm(x + attention(x))
    b = norm(h + mlp(h))
    h = norm(x + attention(norm(x)))
    c = h + mlp(h)
    same = [np.allclose(block(x), y, atol=0.0001) for y in (a, b, c)]
    return same.index(True) + 1 if any(same) else 4


@wrong("widest", "The numbers are right, but whole ones are wanted:")
def _(budget, blocks, r, heads):
    d = 0.0
    while (
        blocks
        * (
            4 * (d + heads) ** 2
            + (d + heads)
            + 2 * (d + heads) ** 2 * r
            + (d + heads) * r
            + (d + heads)
            + 4 * (d + heads)
        )
        <= budget
    ):
        d += heads
    return d


@wrong("widest", "Every number is too large by `heads` (1 here).")
def _(budget, blocks, r, heads):
    d = 0
    while blocks * (4 * (d + heads) ** 2 + (d + heads) + 2 * (d + heads) ** 2 * r + 4 * (d + heads)) <= budget:
        d += heads
    return d


@wrong("scale_tokens", "The name is lost:", seen=True)
class S1(keras.layers.Layer):
    def __init__(self, factor, **kw):
        super().__init__(**kw)
        self.factor = factor

    def call(self, tokens):
        return tokens * self.factor

    def get_config(self):
        return {"factor": self.factor}


@wrong("scale_tokens", "")
class S2(keras.layers.Layer):
    def __init__(self, factor, **kw):
        super().__init__(**kw)
        self.factor = factor

    def call(self, tokens):
        return tokens + self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@wrong("scale_tokens", "The name is lost:")
class S3(keras.layers.Layer):
    def __init__(self, factor, **kw):
        super().__init__(**kw)
        self.factor = factor

    def call(self, tokens):
        return tokens * self.factor

    def get_config(self):
        return {"factor": self.factor}


@wrong("scale_tokens", "")
class S4(keras.layers.Layer):
    def __init__(self, factor, **kw):
        super().__init__(**kw)
        self.factor = factor

    def call(self, tokens):
        return tokens + self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@wrong("honest_accuracy", "This would be right with `val` and `test` swapped.", seen=True)
def _(val, test):
    return float(val[np.argmax(test)])


@wrong("honest_accuracy", "That is the worst epoch by validation:")
def _(val, test):
    return float(test[np.argmin(val)])


@wrong("find_offsets", "Wanted:")
def _(images, crops, padding):
    return np.full(len(images), padding)


@wrong("find_offsets", "")
def _(images, crops, padding):
    p = np.pad(images, padding)
    h, w = images.shape[1:3]
    t = []
    for im, c in zip(p, crops, strict=False):
        t.append(
            next(
                (i, j)
                for i in range(2 * padding + 1)
                for j in range(2 * padding + 1)
                if np.array_equal(im[i : i + h, j : j + w], c)
            )
        )
    return np.array(t).T


@wrong("smoothed_loss", "", seen=True)
def _(logits, labels, s):
    c = logits.shape[1]
    t = np.full(logits.shape, s / (c - 1))
    t[np.arange(len(t)), labels] = 1 - s
    return -(t * np.log(soft(logits))).mean()


@wrong("smoothed_loss", "`smoothing` plays no part:", seen=True)
def _(logits, labels, s):
    c = logits.shape[1]
    t = 0.9 * np.eye(c)[labels] + 0.1 / c
    return -(t * np.log(soft(logits))).sum(1).mean()


@wrong("smoothed_loss", "")
def _(logits, labels, s):
    c = logits.shape[1]
    t = (1 - s) * np.eye(c)[labels] + s / c
    return -(t * np.log(soft(logits))).mean()


@wrong("smoothed_loss", "")
def _(logits, labels, s):
    k = labels >= 0
    layer = logits[k] - logits[k].max(axis=1, keepdims=True)
    logs = layer - np.log(np.exp(layer).sum())
    c = logits.shape[1]
    return -(((1 - s) * np.eye(c)[labels[k]] + s / c) * logs).sum(1).mean()


@wrong("smoothed_loss", "Every number is 1.443 times the right one, 1 / log(2):")
def _(logits, labels, s):
    k = labels >= 0
    layer = logits[k].astype(float) - logits[k].max(axis=1, keepdims=True)
    logs = (layer - np.log(np.exp(layer).sum(1, keepdims=True))) / np.log(2)
    c = logits.shape[1]
    return -(((1 - s) * np.eye(c)[labels[k]] + s / c) * logs).sum(1).mean()


@wrong("restarted_rates", "This would be right if `peak` were always 1.")
def _(lengths, warmup, peak):
    out = []
    for n, L in enumerate(lengths):
        r = warmup if n == 0 else 0
        s = np.arange(1, L + 1)
        out.append(np.where(s <= r, s / max(r, 1), (1 + np.cos(np.pi * (s - r) / (L - r))) / 2))
    return np.concatenate(out)


@wrong("restarted_rates", "Make an array of the list:")
def _(lengths, warmup, peak):
    out = []
    for n, L in enumerate(lengths):
        r = warmup if n == 0 else 0
        s = np.arange(1, L + 1)
        out.append(np.where(s <= r, peak * s / max(r, 1), peak * (1 + np.cos(np.pi * (s - r) / (L - r))) / 2))
    return out


@wrong("mixup", "The partner of image i is image order[i], not the one whose partner is i.", seen=True)
def _(x, y, order, share):
    o = np.argsort(order)
    s = share[:, None, None, None]
    return (s * x + (1 - s) * x[o], share[:, None] * y + (1 - share[:, None]) * y[o])


@wrong("mixup", "Shapes are compared from their last axis on, and (4, 5) does not fit (4,).")
def _(x, y, order, share):
    return (share * x + (1 - share) * x[order], share * y + (1 - share) * y[order])


@wrong("mixup", "Result number 1:")
def _(x, y, order, share):
    s = share[:, None, None, None]
    return (s * x + (1 - s) * x[::1], share[:, None] * y + (1 - share[:, None]) * y)


@wrong("shared_squares", "")
def _(one, other, k):
    a, b = (np.argsort(-one, axis=1)[:, :k], np.argsort(-other, axis=1)[:, :k])
    return (np.array([len(np.intersect1d(x, y)) for x, y in zip(a, b, strict=False)]), k * k / one.shape[0])


@wrong("shared_squares", "Those are the smallest squares.")
def _(one, other, k):
    a, b = np.argsort(one, axis=1)[:, :k], np.argsort(other, axis=1)[:, :k]
    return np.array([len(set(x) & set(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]), k * k / one.shape[1]


@wrong("votes_between", "Shapes are compared from their last axis on, and (2, 4, 5) does not fit (2,")
def _(tokens, weights, kernel, bias, first, second):
    v = weights * (tokens @ kernel)
    return (v[..., first] - v[..., second], bias[first] - bias[second])


@wrong("votes_between", "Result number 1 alone is wrong. Wanted: axis 0 like axis 0 of `tokens`")
def _(tokens, weights, kernel, bias, first, second):
    v = weights[..., None] * (tokens @ kernel)
    return (v[..., first] - v[..., second], bias[first] - bias[second])


@wrong("votes_between", "Result number 2 alone is wrong.")
def _(tokens, weights, kernel, bias, first, second):
    return (weights * np.einsum("btd,db->bt", tokens, kernel[:, first] - kernel[:, second]), bias[second] - bias[first])


@wrong("remove_squares", "Your function changes its argument", seen=True)
def _(image, order, count, size):
    c = image.shape[1] // size
    m = image.mean((0, 1))
    for t in order[:count]:
        image[t // c * size : t // c * size + size, t % c * size : t % c * size + size] = m
    return image


@wrong("remove_squares", "This would be right with `count` + 1 in the place of `count`.", seen=True)
def _(image, order, count, size):
    c = image.shape[1] // size
    m = image.mean((0, 1))
    out = image.copy()
    for t in order[: count + 1]:
        out[t // c * size : t // c * size + size, t % c * size : t % c * size + size] = m
    return out


@wrong("remove_squares", "That is the mean colour of the square itself, which still tells what was")
def _(image, order, count, size):
    c = image.shape[1] // size
    out = image.copy()
    for t in order[:count]:
        r, k = (t // c * size, t % c * size)
        out[r : r + size, k : k + size] = image[r : r + size, k : k + size].mean((0, 1))
    return out


@wrong("input_shares", "Wanted:")
def _(pooling, maps, past_share):
    r = pooling
    for layer in maps[::-1]:
        r = r @ ((1 - past_share) * layer.mean(1) + past_share * np.eye(layer.shape[-1]))
    return r


@wrong("input_shares", "For a @ b the last axis of a must be as long as the last but one of b, and")
def _(pooling, maps, past_share):
    r = pooling[:, None]
    for layer in maps[::-1]:
        r = r @ ((1 - past_share) * layer.mean(0) + past_share * np.eye(layer.shape[-1]))
    return r[:, 0]


@wrong("all_settings", "These are the right numbers, all of them, at other places:")
def _(counts):
    return np.stack([g.ravel() for g in np.meshgrid(*map(np.arange, counts))], axis=1)


@wrong("all_settings", "Wanted:")
def _(counts):
    return np.array(list(itertools.product(*[range(c - 1) for c in counts]))).reshape(-1, len(counts))


@wrong("paired_difference", "That is made of the variance.")
def _(changed, base):
    d = changed - base
    return (d.mean(), d.var(ddof=1) / np.sqrt(len(d)))


@wrong("paired_difference", "The 2 is for two means that know nothing of each other.")
def _(changed, base):
    d = changed - base
    return (d.mean(), d.std(ddof=1) * np.sqrt(2 / len(d)))


@wrong("seeds_needed", "Rounded they would be right, but whole ones are wanted:")
def _(deviation, difference, errors):
    return 2 * (errors * deviation / difference) ** 2


@wrong("seeds_needed", "Every number is 1 too large:")
def _(deviation, difference, errors):
    return int(2 * (errors * deviation / difference) ** 2) + 2


@wrong("best_of", "That is the worst of each choice. They report the best.", seen=True)
def _(scores, k):
    return np.mean([min(c) for c in itertools.combinations(scores, k)])


@wrong("best_of", "Those are runs that stand beside each other.")
def _(scores, k):
    return np.mean([scores[i : i + k].max() for i in range(len(scores) - k + 1)])


@wrong("accuracy_of_views", "Your views vote, and a narrow choice counts as much as a clear one.", seen=True)
def _(logits, labels):
    v = logits.argmax(2)
    return np.mean([np.bincount(v[:, i]).argmax() == labels[i] for i in range(len(labels))])


@wrong("accuracy_of_views", "Every number is 100 times the right one, as percent for a share:", seen=True)
def _(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
    return 100 * np.mean(p.mean(0).argmax(1) == labels)


@wrong("step_shares", "The first step is different", seen=True)
def _(steps, momentum):
    age = np.arange(steps)[::-1]
    return (1 - momentum) * momentum**age


@wrong("step_shares", "The last step comes last, and it counts with 1 - momentum.")
def _(steps, momentum):
    shares = [1 - momentum]
    while len(shares) < steps - 1:
        shares.append(shares[-1] * momentum)
    return np.array([*shares, momentum ** (steps - 1)])


@wrong("singular_values_after", "")
def _(matrix, steps):
    s = np.linalg.eigvalsh(matrix @ matrix.T)[::-1][: min(matrix.shape)] / np.linalg.norm(matrix)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return -np.sort(-np.abs(s))


@wrong("singular_values_after", "You took the max over an axis too many:")
def _(matrix, steps):
    s = np.linalg.svd(matrix, compute_uv=False) / np.linalg.norm(matrix)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return s.max()


@wrong("cut_mix", "Your function changes its argument")
def _(image, other, a, b, box):
    t, layer, h, w = box
    r, c = (slice(max(t, 0), t + h), slice(max(layer, 0), layer + w))
    image[r, c] = other[r, c]
    s = 1 - other[r, c].shape[0] * other[r, c].shape[1] / (image.shape[0] * image.shape[1])
    return (image, s * a + (1 - s) * b)


@wrong("cut_mix", "A slice that starts below 0 counts from the end of the axis.")
def _(image, other, a, b, box):
    t, layer, h, w = box
    m = image.copy()
    m[t : t + h, layer : layer + w] = other[t : t + h, layer : layer + w]
    hh, ww = m[t : t + h, layer : layer + w].shape[:2]
    s = 1 - hh * ww / (image.shape[0] * image.shape[1])
    return (m, s * a + (1 - s) * b)


@wrong("lay_on_white", "White is 1 here, not 255: the numbers go from 0 to 1.", seen=True)
def _(image):
    return image[..., :3] * image[..., 3:] + 255 * (1 - image[..., 3:])


@wrong("lay_on_white", "Shapes are compared from their last axis on, and (2, 3, 3) does not fit (2,")
def _(image):
    return image[..., :3] * image[..., 3] + 1 - image[..., 3]


@wrong("class_weights", "The weights sum to 1 over the classes.", seen=True)
def _(labels):
    c = np.bincount(labels)
    w = 1 / c
    return w / w.sum()


@wrong("class_weights", "That is a weight for each image. Return one for each class.", seen=True)
def _(labels):
    c = np.bincount(labels)
    return (len(labels) / (len(c) * c))[labels]


@wrong("leaked", "Wanted:")
def _(train, test):
    seen = {i.tobytes() for i in train}
    return np.array([n for n, i in enumerate(test) if i.tobytes() in seen or i[:, ::-1].tobytes() in seen])


@wrong("leaked", "The result is the same whatever the arguments are.")
def _(train, test):
    return any((t == s).all() for t in test for s in train)


@wrong("score_by_object", "You left out the image itself alone.", seen=True)
def _(vectors, labels, objects):
    right = 0
    for i in range(len(vectors)):
        far = np.linalg.norm(vectors - vectors[i], axis=1)
        far[i] = np.inf
        right += labels[far.argmin()] == labels[i]
    return right / len(vectors)


@wrong("score_by_object", "That adds up the distances along the axes.")
def _(vectors, labels, objects):
    far = np.abs(vectors[:, None] - vectors).sum(axis=2)
    far[objects[:, None] == objects] = np.inf
    return (labels[far.argmin(axis=0)] == labels).mean()


@wrong("score_by_object", "There each image is its own nearest.")
def _(vectors, labels, objects):
    far = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    return (labels[far.argmin(axis=0)] == labels).mean()


@wrong("token_counts", "The last token stands on a letter too when the division leaves a rest:", seen=True)
def _(ids, stride):
    return (ids[:, stride - 1 :: stride] != 0).sum(axis=1)


@wrong("token_counts", "The numbers are right, but whole ones are wanted:", seen=True)
def _(ids, stride):
    return np.ceil((ids != 0).sum(axis=1) / stride)


@wrong("mean_letters", "Shapes are compared from their last axis on, and (2, 8, 3) does not fit (2,", seen=True)
def _(features, ids):
    f = features * (ids != 0)
    a = np.pad(f, ((0, 0), (1, 1), (0, 0)))
    return np.stack([a[:, i : i + 3].mean(1) for i in range(0, ids.shape[1], 2)], 1)


@wrong("mean_letters", "You divide by 3 everywhere.", seen=True)
def _(features, ids):
    r = (ids != 0)[:, :, None]
    a = np.pad(features * r, ((0, 0), (1, 1), (0, 0)))
    return np.stack([a[:, i : i + 3].mean(1) for i in range(0, ids.shape[1], 2)], 1) * r[:, ::2]


@wrong("packed_attention", "All tokens read the first text.")
def _(q, k, v, text_of):
    may = (text_of == text_of[:, :1])[:, None]
    return soft(np.where(may, q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5, -np.inf)) @ v


@wrong("packed_attention", "Shapes are compared from their last axis on, and (2, 4, 4) does not fit (2,")
def _(q, k, v, text_of):
    return soft(np.where(text_of == text_of[0], q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5, -np.inf)) @ v


@wrong("reads_padding", "Wanted is one True or False:")
def _(model, ids):
    layer = np.concatenate([ids, np.zeros((len(ids), 3), ids.dtype)], 1)
    return np.abs(model(layer) - model(ids)) > 1e-05


@wrong("whole_gradient", "Wanted:")
def _(gradients, counts):
    return (gradients * counts[:, None]).sum(axis=1) / counts.sum()


@wrong("whole_gradient", "Shapes are compared from their last axis on, and (4, 2) does not fit (4,).")
def _(gradients, counts):
    return (gradients * counts).sum(axis=0) / counts.sum()


@wrong("rows_of", "The numbers are right, but whole ones are wanted:", seen=True)
def _(process, processes, batch):
    s = batch / processes
    return np.arange(process * s, (process + 1) * s)


@wrong("rows_of", "The last entry along axis 0 is missing. The rest is right.", seen=True)
def _(process, processes, batch):
    s = batch // processes
    return np.arange(process * s, (process + 1) * s - 1)


@wrong("share_of_peak", "Every number is 3600 times the right one, as seconds for hours.")
def _(macs, speed, peak):
    return 6 * macs * speed * 3600 / peak


@wrong("fastest", "Whole numbers are wanted.")
def _(seconds, talk, most):
    return float(np.sqrt(seconds / talk))


@wrong("workers_needed", "Whole numbers are wanted.")
def _(prepare, step):
    return prepare / (step + 1)


@wrong("largest_scale", "Wanted is one number")
def _(gradients):
    return 2.0 ** np.floor(np.log2(65504 / np.abs(gradients)))


@wrong("fewest_pieces", "Whole numbers are wanted.")
def _(memory, parameters, per_image, batch):
    return batch / ((memory - 16 * parameters) / per_image)


@wrong("add_around_the_ring", "ends at")
def _(parts, rounds):
    held = np.array(parts, float)
    for r in range(rounds):
        for d in range(len(held)):
            held[d + 1, d - r] += held[d, d - r]
    return held


@wrong("epochs_for", "Whole numbers are wanted.")
def _(dollars, price, macs, images, delivered):
    return dollars / price * 3600 * delivered / macs / images


@wrong("guess_losses", "The results are right, in another order.", seen=True)
def _(counts):
    shares = counts[counts > 0] / counts.sum()
    return -(shares * np.log(shares)).sum(), np.log(len(counts))


@wrong(
    "guess_losses",
    "Result number 2 alone is wrong. Every number is too small by the factor axis 0 of `counts`",
    seen=True,
)
def _(counts):
    shares = counts / counts.sum()
    return np.log(len(counts)), -(shares * np.log(shares + 1e-9)).mean()


@wrong("lowest_loss", "Every number is 1 too large:", seen=True)
def _(classes, smoothing):
    return 1 + np.log(np.e + classes - 1) - (1 - smoothing + smoothing / classes)


@wrong("lowest_loss", "Smoothing spreads over all classes, the right one among them.", seen=True)
def _(classes, smoothing):
    target = np.full(classes, smoothing / (classes - 1))
    target[0] = 1 - smoothing
    logits = np.eye(classes)[0]
    return float(np.log(np.exp(logits).sum()) - (target * logits).sum())


@wrong("moved_copies", "Wanted: axis 0 like axis 0 of `test`.", seen=True)
def _(train, test):
    height, width = train.shape[1:3]
    found = np.zeros((len(test), len(train)), bool)
    for row in range(3):
        for column in range(3):
            window = train[:, row : row + height - 2, column : column + width - 2]
            found |= (test[:, None, 1:-1, 1:-1] == window).all(axis=(2, 3, 4))
    return found.any(axis=0)


@wrong("pick_rate", "That is the rate itself.", seen=True)
def _(rates, losses, width):
    means = np.convolve(losses, np.ones(width), "valid")
    return rates[np.nanargmin(means) + width // 2]


@wrong("pick_rate", "`rates` plays no part:", seen=True)
def _(rates, losses, width):
    return float(np.nanargmin(np.convolve(losses, np.ones(width) / width, "valid")) + width // 2)


@wrong("diagnose", "A loss a little below chance has learnt nothing either:", seen=True)
def _(loss, val_loss, classes):
    if loss.min() > np.log(classes):
        return 1
    if val_loss[-1] > 1.1 * val_loss.min():
        return 2
    return 3 if val_loss[-1] < 0.97 * val_loss[-2] else 0


@wrong("diagnose", "", seen=True)
def _(loss, val_loss, classes):
    if loss.min() > 0.95 * np.log(classes):
        return "nothing learnt"
    return "overfits" if val_loss[-1] > 1.1 * val_loss.min() else "none"


@wrong("largest_scale", "an axis of size 1 too many", seen=True)
def _(gradients):
    return 2.0 ** np.floor(np.log2(65504.0 / np.abs(gradients).max(axis=0, keepdims=True)))


@wrong("largest_scale", "", seen=True)
def _(gradients):
    return 2.0 ** np.floor(np.log(65504.0 / np.abs(gradients).max()))


@wrong("fewest_pieces", "Your pieces are not equal:", seen=True)
def _(memory, parameters, per_image, batch):
    at_once = (memory - 16 * parameters) // per_image
    return -(-batch // at_once)


@wrong("fewest_pieces", "The numbers are right, but whole ones are wanted:", seen=True)
def _(memory, parameters, per_image, batch):
    at_once = (memory - 16 * parameters) // per_image
    return next(p for p in range(1, batch) if batch / p <= at_once and batch % p == 0) / 1


@wrong("workers_needed", "The numbers are right, but whole ones are wanted:", seen=True)
def _(prepare, step):
    return np.ceil(prepare / step)


@wrong("add_around_the_ring", "", seen=True)
def _(parts, rounds):
    held, n = parts.copy(), len(parts)
    for r in range(1, rounds + 1):
        for d in range(n):
            held[(d + 1) % n, (d - r) % n] += held[d, (d - r) % n]
    return held


@wrong("add_around_the_ring", "Your function changes its argument 'parts'.", seen=True)
def _(parts, rounds):
    n = len(parts)
    for r in range(rounds):
        for d in range(n):
            parts[(d + 1) % n, (d - r) % n] += parts[d, (d - r) % n]
    return parts


@wrong("epochs_for", "Whole numbers are wanted.", seen=True)
def _(dollars, price, macs, images, delivered):
    return dollars / price * 60 * delivered // (6 * macs * images)


@wrong("epochs_for", "You round to the nearest number:", seen=True)
def _(dollars, price, macs, images, delivered):
    return round(dollars / price * 3600 * delivered / (6 * macs * images))


@wrong("tokens_at_balance", "Whole numbers are wanted.")
def _(dim, mlp_ratio):
    return np.sqrt((2 + mlp_ratio) * dim)


@wrong("tokens_at_balance", "That is what the matrices cost for one token.", seen=True)
def _(dim, mlp_ratio):
    return 4 * dim**2 + 2 * mlp_ratio * dim**2


def count_weights(kernel, a_block):
    """A `resnet_weights` with so many numbers in a kernel and so many convolutions in a block."""

    def answer(depth, width, channels, classes):
        total, given = kernel * channels * width + 2 * width, width
        for made in (width, 2 * width, 4 * width):
            for _ in range(a_block * (depth - 2) // 6):
                total += kernel * given * made + 2 * made
                given = made
        return total + given * classes + classes

    return answer


wrong("resnet_weights", "A block has two convolutions.", seen=True)(count_weights(kernel=9, a_block=1))
wrong("resnet_weights", "")(count_weights(kernel=3, a_block=2))  # 3 numbers a kernel, not 3 x 3


@wrong("epochs_in_budget", "not round.")
def _(budget, images, speeds, shares):
    return round(budget / (images * (shares / speeds).sum()))


@wrong("epochs_in_budget", "Wanted is one number:")
def _(budget, images, speeds, shares):
    return budget / (images * (shares / speeds))


@wrong("wrong_alike", "if, and, or, max and min of Python want one number.")
def _(first, second, labels):
    both = (first != labels) and (second != labels)
    return float(np.mean(first[both] == second[both]))


@wrong("wrong_alike", "That is how many.", seen=True)
def _(first, second, labels):
    both = (first != labels) & (second != labels)
    return float(np.sum(first[both] == second[both]))


def count(draws=50):
    """Print how all wrong answers fare, those here and the mistakes that the exercises know."""
    from cct_helpers import exercises

    ticks, misled, asked = 0, [], 0
    shares = {True: [], False: []}
    for name, words, seen, answer in ANSWERS:
        texts = [exercises.examine(name, answer, seed) for seed in range(draws)]
        asked += draws
        ticks += sum(verdict.solved for verdict in texts)
        said = [
            verdict.text if words.startswith("Your function") else verdict.text.split("Hint: ")[1:] for verdict in texts
        ]
        hints = map("".join, said)
        misled += [f"{name}: {hint} (for: {words})" for hint in hints if hint and (not words or words not in hint)]
        shares[seen].append(all(map(bool, said)))
    for name, exercise in exercises.all_exercises().items():
        for sentence, mistake in exercise.mistakes.items() if exercise.call is exercises.call else ():
            texts = [exercises.examine(name, mistake, seed) for seed in range(draws)]
            asked += draws
            ticks += sum(verdict.solved for verdict in texts)
            hints = [verdict.text.split("Hint: ")[-1] for verdict in texts]
            misled += [f"{name}: {hint} (for: {sentence})" for hint in hints if hint != sentence]
    known = sum(len(exercise.mistakes) for exercise in exercises.all_exercises().values())
    print(f"{len(exercises.all_exercises())} exercises, {known} known mistakes, {len(ANSWERS)} plausible ones")
    print(
        f"{asked} examinations of wrong answers: {ticks} wrong ticks, {len(misled)} misleading hints", *misled, sep="\n"
    )
    for seen, got in shares.items():
        print(f"plausible mistakes, {'seen' if seen else 'unseen'}: {sum(got)} of {len(got)} get a hint in every draw")


if __name__ == "__main__":
    count(*map(int, sys.argv[1:]))

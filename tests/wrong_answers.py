"""A wrong answer for every hint of every exercise, as learners write them: name -> [(answer, part of its hint)].

Written apart from the wrong functions behind the hints in cct_helpers/exercises_*.py, so that the two can disagree.
"""

import math

import keras
import numpy as np
from keras import ops

WRONG = {}


def wrong(name, hint):
    """File the function or class below as a wrong answer to the exercise `name` that must get this hint."""

    def file(answer):
        WRONG.setdefault(name, []).append((answer, hint))
        return answer

    return file


# 00


@wrong("top_classes", "least likely classes")
def _(logits, k):
    return logits.argsort(axis=-1)[..., :k]


@wrong("top_classes", "least likely of them comes first")
def _(logits, k):
    return logits.argsort(axis=1)[:, logits.shape[1] - k :]


@wrong("top_classes", "argsort, not sort")
def _(logits, k):
    return np.sort(logits, axis=1)[:, ::-1][:, :k]


@wrong("probabilities", "Subtract the largest logit")
def _(logits):
    e = np.exp(logits)
    return e / e.sum(-1)[:, None]


@wrong("probabilities", "Your columns sum to 1")
def _(logits):
    e = np.exp(logits - logits.max(0))
    return e / e.sum(0)


@wrong("probabilities", "division is missing")
def _(logits):
    return np.exp(logits - logits.max(-1)[:, None])


@wrong("probabilities", "whole batch")
def _(logits):
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e)


@wrong("times_uniform", "is to multiply by tokens")
def _(weights):
    return weights * (1 / weights.shape[-1])


@wrong("times_uniform", "Dividing by the largest weight")
def _(weights):
    return weights / np.max(weights, axis=-1)[:, None]


@wrong("times_uniform", "axis 0 is the batch")
def _(weights):
    return len(weights) * weights


@wrong("times_uniform", "Multiples come from a division")
def _(weights):
    return weights - np.full_like(weights, 1 / len(weights[0]))


# 01


@wrong("unpatchify", "One reshape alone")
def _(tokens, size, rows, columns):
    return tokens.reshape(len(tokens), rows * size, columns * size, -1)


@wrong("unpatchify", "mirrored along its diagonal")
def _(tokens, size, rows, columns):
    out = np.zeros((len(tokens), rows * size, columns * size, tokens.shape[2] // size**2), tokens.dtype)
    for i in range(rows * columns):
        patch = tokens[:, i].reshape(len(tokens), size, size, -1).swapaxes(1, 2)
        r, c = i // columns * size, i % columns * size
        out[:, r : r + size, c : c + size] = patch
    return out


@wrong("unpatchify", "column by column")
def _(tokens, size, rows, columns):
    out = np.zeros((len(tokens), rows * size, columns * size, tokens.shape[2] // size**2), tokens.dtype)
    for i in range(rows * columns):
        r, c = i % rows * size, i // rows * size
        out[:, r : r + size, c : c + size] = tokens[:, i].reshape(len(tokens), size, size, -1)
    return out


@wrong("token_grid", "After every convolution comes a max-pool")
def _(height, width, kernel, stride, padding, convs):
    for _ in range(convs):
        height = (height + 2 * padding - kernel) // stride + 1
        width = (width + 2 * padding - kernel) // stride + 1
    return height, width


@wrong("token_grid", "Padding is put on both ends")
def _(height, width, kernel, stride, padding, convs):
    def side(n):
        for _ in range(convs):
            n = (n - kernel + padding) // stride + 1
            n = math.ceil(n / 2)
        return n

    return side(height), side(width)


@wrong("token_grid", "add 1 after the floor")
def _(height, width, kernel, stride, padding, convs):
    for _ in range(convs):
        height, width = ((n + 2 * padding - kernel) // stride for n in (height, width))
        height, width = ((n + 2 - 3) // 2 for n in (height, width))
    return [height, width]


@wrong("token_grid", "does not halve exactly")
def _(height, width, kernel, stride, padding, convs):
    for _ in range(convs):
        height, width = (int(((n + 2 * padding - kernel) // stride + 1) / 2) for n in (height, width))
    return height, width


@wrong("field_side", "Multiply by the stride after")
def _(steps):
    side, jump = 1, 1
    for k, s in steps:
        jump = jump * s
        side = side + (k - 1) * jump
    return side


@wrong("field_side", "The strides are missing")
def _(steps):
    return sum(k for k, s in steps) - len(steps) + 1


@wrong("field_side", "Begin with 1")
def _(steps):
    side, jump = 0, 1
    for k, s in steps:
        side, jump = side + (k - 1) * jump, jump * s
    return side


def _convolved(images, kernel):
    return ops.convert_to_numpy(ops.conv(np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)]), kernel, padding="valid"))


@wrong("tokenizer_step", "zeros come after the convolution")
def _(images, kernel):
    x = np.maximum(ops.convert_to_numpy(ops.conv(images, kernel, padding="valid")), 0)
    x = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)])
    return ops.max_pool(x, 3, 2, padding="valid")


@wrong("tokenizer_step", "padded at one end only")
def _(images, kernel):
    return ops.max_pool(np.maximum(_convolved(images, kernel), 0), 3, strides=2, padding="same")


@wrong("tokenizer_step", "ReLU is missing")
def _(images, kernel):
    x = np.pad(_convolved(images, kernel), [(0, 0), (1, 1), (1, 1), (0, 0)])
    return ops.max_pool(x, 3, strides=2, padding="valid")


@wrong("tokenizer_step", "max-pool is missing")
def _(images, kernel):
    return ops.relu(_convolved(images, kernel))


@wrong("token_grid", "the two are swapped")
def _(height, width, kernel, stride, padding, convs):
    def side(n):
        for _ in range(convs):
            n = ((n - kernel + 2 * padding) // stride + 2) // 2
        return n

    return side(width), side(height)


@wrong("field_side", "first one is counted already")
def _(steps):
    side, jump = 1, 1
    for k, s in steps:
        side, jump = side + k * jump, jump * s
    return side


@wrong("tokenizer_step", "kernel is turned round")
def _(images, kernel):
    x = np.maximum(_convolved(images, np.flip(kernel, axis=(0, 1))), 0)
    return ops.max_pool(np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), 3, strides=2, padding="valid")


# 02


@wrong("order_gap", "Take the absolute value")
def _(pool, tokens, order):
    return np.max(pool(tokens[order]) - pool(tokens))


@wrong("order_gap", "mean change")
def _(pool, tokens, order):
    return np.mean(abs(pool(tokens) - pool(tokens[order])))


@wrong("order_gap", "compare the tokens themselves")
def _(pool, tokens, order):
    return np.max(np.abs(tokens - tokens[order]))


@wrong("order_gap", "belongs inside")
def _(pool, tokens, order):
    result = pool(tokens)
    return np.abs(result - result[order]).max()


@wrong("unshuffle", "shuffles a second time")
def _(outputs, order):
    return np.take(outputs, order, axis=1)


@wrong("unshuffle", "Sorting the numbers")
def _(outputs, order):
    return np.sort(outputs, 1)


@wrong("unshuffle", "Reading backwards")
def _(outputs, order):
    return np.flip(outputs, axis=1)


@wrong("unshuffle", "axis 0 is the batch")
def _(outputs, order):
    inverse = np.argsort(order)
    return outputs[inverse]


@wrong("cosine_similarity", "plain products")
def _(table):
    return np.einsum("id,jd->ij", table, table)


@wrong("cosine_similarity", "Only one of the two rows")
def _(table):
    return table @ table.T / np.linalg.norm(table, axis=1)[:, None]


@wrong("cosine_similarity", "divided columns")
def _(table):
    t = table / np.sqrt((table**2).sum(0, keepdims=True))
    return t @ t.T


def _sine(n, dim):
    table = np.zeros((n, dim))
    for p in range(n):
        for i in range(dim):
            angle = p / 10000 ** (2 * (i // 2) / dim)
            table[p, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return table


@wrong("grid_sines", "table over the flat index")
def _(rows, columns, dim):
    return _sine(rows * columns, dim)


@wrong("grid_sines", "halves are swapped")
def _(rows, columns, dim):
    r, c = np.meshgrid(range(rows), range(columns), indexing="ij")
    return np.concatenate([_sine(columns, dim // 2)[c.ravel()], _sine(rows, dim // 2)[r.ravel()]], axis=1)


@wrong("grid_sines", "run down the columns")
def _(rows, columns, dim):
    r, c = np.meshgrid(range(rows), range(columns))
    return np.concatenate([_sine(rows, dim // 2)[r.ravel()], _sine(columns, dim // 2)[c.ravel()]], axis=1)


@wrong("cosine_similarity", "not by its square")
def _(table):
    squares = np.einsum("id,id->i", table, table)
    return table @ table.T / (squares[:, None] * squares)


@wrong("grid_sines", "half of a table of dim columns")
def _(rows, columns, dim):
    r, c = np.meshgrid(range(rows), range(columns), indexing="ij")
    halves = _sine(rows, dim)[r.ravel()], _sine(columns, dim)[c.ravel()]
    return np.hstack([half[:, : dim // 2] for half in halves])


# 03


def _soft(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@wrong("attention", "scale is missing")
def _(queries, keys, values):
    return _soft(np.einsum("bis,bjs->bij", queries, keys)) @ values


@wrong("attention", "Divide by its square root")
def _(queries, keys, values):
    return _soft(queries @ keys.transpose(0, 2, 1) / values.shape[2]) @ values


@wrong("attention", "softmax runs over the queries")
def _(queries, keys, values):
    scores = queries @ keys.transpose(0, 2, 1) / math.sqrt(queries.shape[2])
    return _soft(scores, axis=-2) @ values


@wrong("attention", "Queries and keys are swapped")
def _(queries, keys, values):
    return _soft(keys @ queries.transpose(0, 2, 1) / math.sqrt(queries.shape[2])) @ values


def _heads(x, kernel, heads, scale):
    b, t, d = x.shape
    out = []
    for h in range(heads):
        part = slice(h * (d // heads), (h + 1) * (d // heads))
        q, k, v = (x @ kernel[:, i * d : (i + 1) * d][:, part] for i in range(3))
        out.append(_soft(q @ k.transpose(0, 2, 1) / scale) @ v)
    return np.concatenate(out, axis=-1)


@wrong("multi_head_attention", "bias of the projection is missing")
def _(x, kernel, projection, bias, heads):
    return _heads(x, kernel, heads, math.sqrt(x.shape[-1] / heads)) @ projection


@wrong("multi_head_attention", "not of dim")
def _(x, kernel, projection, bias, heads):
    return _heads(x, kernel, heads, math.sqrt(x.shape[-1])) @ projection + bias


@wrong("multi_head_attention", "divide the scores by the root of the head size")
def _(x, kernel, projection, bias, heads):
    return _heads(x, kernel, heads, 1) @ projection + bias


@wrong("multi_head_attention", "not (heads, 3, size)")
def _(x, kernel, projection, bias, heads):
    b, t, d = x.shape
    q, k, v = np.moveaxis((x @ kernel).reshape(b, t, heads, 3, d // heads), 3, 0).swapaxes(2, 3)
    y = _soft(q @ k.swapaxes(-1, -2) / (d // heads) ** 0.5) @ v
    return y.swapaxes(1, 2).reshape(b, t, d) @ projection + bias


@wrong("multi_head_attention", "before you merge them")
def _(x, kernel, projection, bias, heads):
    b, t, d = x.shape
    q, k, v = np.moveaxis((x @ kernel).reshape(b, t, 3, heads, d // heads), 2, 0).swapaxes(2, 3)
    y = _soft(q @ k.swapaxes(-1, -2) / (d // heads) ** 0.5) @ v
    return y.reshape(b, t, d) @ projection + bias


@wrong("layer_norm", "normalise over the tokens")
def _(x, scale, shift, epsilon):
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + epsilon) * scale + shift


@wrong("layer_norm", "epsilon is missing")
def _(x, scale, shift, epsilon):
    return (x - x.mean(-1)[..., None]) / x.std(-1)[..., None] * scale + shift


@wrong("layer_norm", "epsilon goes under the root")
def _(x, scale, shift, epsilon):
    return (x - x.mean(-1)[..., None]) / (x.std(-1)[..., None] + epsilon) * scale + shift


@wrong("layer_norm", "square root of the variance")
def _(x, scale, shift, epsilon):
    return (x - x.mean(-1)[..., None]) / (x.var(-1)[..., None] + epsilon) * scale + shift


@wrong("gelu", "tanh formula")
def _(x):
    return ops.gelu(x)


@wrong("gelu", "root of 2 is missing")
def _(x):
    return x * (ops.erf(x) + 1) * 0.5


@wrong("gelu", "That is a ReLU")
def _(x):
    return ops.relu(x)


@wrong("gelu", "half is missing")
def _(x):
    return x + x * ops.erf(x / math.sqrt(2))


@wrong("attention", "divide by the number of tokens")
def _(queries, keys, values):
    return _soft(queries @ keys.transpose(0, 2, 1) / math.sqrt(queries.shape[1])) @ values


@wrong("layer_norm", "The shift is missing")
def _(x, scale, shift, epsilon):
    return (x - x.mean(-1)[..., None]) / np.sqrt(x.var(-1)[..., None] + epsilon) * scale


@wrong("gelu", "in the place of the normal probability")
def _(x):
    return x * ops.sigmoid(1.702 * x)


# 04


@wrong("drop_branch", "division is missing")
def _(branch, uniform, rate):
    return np.where(uniform[:, None, None] >= rate, branch, 0)


@wrong("drop_branch", "One draw decides")
def _(branch, uniform, rate):
    return branch / (1 - rate) if uniform[0] >= rate else 0 * branch


@wrong("drop_branch", "keep what should be dropped")
def _(branch, uniform, rate):
    return np.where(uniform[:, None, None] < rate, branch / (1 - rate), 0)


@wrong("drop_branch", "divide by rate")
def _(branch, uniform, rate):
    return np.where(uniform[:, None, None] >= rate, branch / rate, 0)


@wrong("expected_branches", "two branches")
def _(blocks, rate):
    return sum(1 - r for r in np.linspace(0, rate, blocks))


@wrong("expected_branches", "rate of the last block for all")
def _(blocks, rate):
    return (1 - rate) * blocks * 2


@wrong("expected_branches", "number of dropped branches")
def _(blocks, rate):
    return np.linspace(0, rate, blocks).sum() * 2


@wrong("expected_branches", "first block has rate 0")
def _(blocks, rate):
    return sum(2 * (1 - rate * (i + 1) / blocks) for i in range(blocks))


def _chances(rates):
    p = [1.0]
    for r in rates:
        p = [r * a + (1 - r) * b for a, b in zip([*p, 0], [0, *p], strict=True)]
    return p


@wrong("share_with_at_most", "One too few")
def _(rates, most):
    return sum(_chances(rates)[:most])


@wrong("share_with_at_most", "more than `most`")
def _(rates, most):
    return 1 - sum(_chances(rates)[: most + 1])


@wrong("share_with_at_most", "exactly `most`")
def _(rates, most):
    return _chances(rates)[most]


@wrong("share_with_at_most", "counts dropped branches")
def _(rates, most):
    return sum(_chances(1 - rates)[: most + 1])


@wrong("skip_dropped", "computed the dropped images too")
def _(branch, tokens, keep, rate):
    return keep[:, None, None] / (1 - rate) * branch(tokens)


@wrong("skip_dropped", "division by 1 - rate is missing")
def _(branch, tokens, keep, rate):
    out = np.zeros(tokens.shape)
    out[keep] = branch(tokens[keep])
    return out


@wrong("skip_dropped", "left the tokens themselves")
def _(branch, tokens, keep, rate):
    out = tokens.copy()
    out[keep] = branch(tokens[keep]) / (1 - rate)
    return out


@wrong("skip_dropped", "kept images only")
def _(branch, tokens, keep, rate):
    return branch(tokens[keep]) / (1 - rate)


# 05


@wrong("sequence_pooling", "axis of size 1")
def _(tokens, kernel, bias):
    weights = _soft(tokens @ kernel[:, None] + bias)
    return np.sum(weights * tokens, axis=1)


@wrong("sequence_pooling", "plain mean")
def _(tokens, kernel, bias):
    return np.mean(tokens, axis=-2)


@wrong("sequence_pooling", "ran over the batch")
def _(tokens, kernel, bias):
    weights = _soft(tokens @ kernel + bias, axis=0)
    return np.sum(weights[..., None] * tokens, axis=1)


@wrong("sequence_pooling", "Scores are no weights yet")
def _(tokens, kernel, bias):
    return np.sum((tokens @ kernel + bias)[..., None] * tokens, axis=1)


@wrong("pool_some", "no longer sum to 1")
def _(tokens, scores, real):
    weights = np.where(real, _soft(scores), 0)
    return np.sum(weights[..., None] * tokens, axis=1)


@wrong("pool_some", "A score of 0")
def _(tokens, scores, real):
    return np.sum(_soft(np.where(real, scores, 0))[..., None] * tokens, axis=1)


@wrong("pool_some", "pooled the tokens that should be left out")
def _(tokens, scores, real):
    return np.sum(_soft(np.where(~real, scores, -1e9))[..., None] * tokens, axis=1)


@wrong("pool_some", "plays no part")
def _(tokens, scores, real):
    return np.sum(_soft(scores)[..., None] * tokens, axis=1)


@wrong("effective_tokens", "0 times log 0")
def _(weights):
    return np.exp(-np.sum(weights * np.log(weights), axis=1))


@wrong("effective_tokens", "That is the entropy")
def _(weights):
    return -np.sum(weights * np.log(np.maximum(weights, 1e-30)), axis=1)


@wrong("effective_tokens", "minus is missing")
def _(weights):
    return np.exp(np.sum(weights * np.log(np.maximum(weights, 1e-30)), axis=1))


@wrong("effective_tokens", "do not undo each other")
def _(weights):
    return np.exp(-np.sum(weights * np.log2(np.maximum(weights, 1e-30)), axis=1))


class _Pooling(keras.layers.Layer):
    activation = None

    def build(self, shape):
        self.score = keras.layers.Dense(1, activation=self.activation)
        self.score.build(shape)


@wrong("pooling_layer", "axis of size 1")
class _SoftmaxDense(_Pooling):
    activation = staticmethod(lambda x: keras.ops.exp(x) / keras.ops.sum(keras.ops.exp(x), axis=-1, keepdims=True))

    def call(self, tokens):
        return ops.sum(self.score(tokens) * tokens, axis=1)


@wrong("pooling_layer", "plain mean")
class _Mean(_Pooling):
    def call(self, tokens):
        return ops.mean(tokens, axis=1)


@wrong("pooling_layer", "Scores are no weights yet")
class _Scores(_Pooling):
    def call(self, tokens):
        return ops.sum(self.score(tokens) * tokens, axis=1)


@wrong("pooling_layer", "ran over the batch")
class _OverBatch(_Pooling):
    def call(self, tokens):
        return ops.sum(ops.softmax(self.score(tokens), axis=0) * tokens, axis=1)


@wrong("sequence_pooling", "weights of an image should sum to 1")
def _(tokens, kernel, bias):
    return np.sum(np.exp(tokens @ kernel + bias)[..., None] * tokens, axis=1)


@wrong("effective_tokens", "one number for each image")
def _(weights):
    return np.exp(-np.sum(weights * np.log(np.maximum(weights, 1e-30)), axis=0))


@wrong("pooling_layer", "weights of an image should sum to 1")
class _NoDivision(_Pooling):
    def call(self, tokens):
        return ops.sum(ops.exp(self.score(tokens)) * tokens, axis=1)


# 06


def _block(d, r, qkv_bias=0, projection_bias=1, norms=2, mlp_bias=1, projection=1):
    total = d * 3 * d + qkv_bias * 3 * d + projection * (d * d + projection_bias * d)
    return total + d * r * d + r * d * d + mlp_bias * (r * d + d) + norms * 2 * d


@wrong("block_parameters", "have no bias")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, qkv_bias=1)


@wrong("block_parameters", "The projection after the heads has a bias")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, projection_bias=0)


@wrong("block_parameters", "A block has two norms")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, norms=1)


@wrong("block_parameters", "The norms have parameters too")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, norms=0)


@wrong("block_parameters", "Both linear layers of the MLP")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, mlp_bias=0)


def _convolutions(channels, dim, convs, hidden, places, bias=0):
    total, into = 0, channels
    for i in range(convs):
        out = dim if i == convs - 1 else hidden
        total, into = total + (places * into + bias) * out, out
    return total


@wrong("tokenizer_parameters", "These convolutions have no bias")
def _(channels, dim, kernel, convs, hidden):
    return _convolutions(channels, dim, convs, hidden, kernel**2, bias=1)


@wrong("tokenizer_parameters", "Only the first convolution")
def _(channels, dim, kernel, convs, hidden):
    return sum(kernel**2 * channels * out for out in [hidden] * (convs - 1) + [dim])


@wrong("tokenizer_parameters", "All but the last")
def _(channels, dim, kernel, convs, hidden):
    return kernel**2 * (channels * dim + (convs - 1) * dim * dim)


@wrong("authors_block", "pre-norm")
def _(x, norm, attention, mlp):
    x = x + attention(norm(x))
    return x + mlp(norm(x))


@wrong("authors_block", "post-norm")
def _(x, norm, attention, mlp):
    x = norm(x + attention(x))
    return norm(x + mlp(x))


@wrong("authors_block", "norm before attention is missing")
def _(x, norm, attention, mlp):
    x = norm(x + attention(x))
    return x + mlp(x)


@wrong("authors_block", "added to h, not to x")
def _(x, norm, attention, mlp):
    h = norm(attention(norm(x)) + x)
    return mlp(h) + x


@wrong("scale_tokens", "take **kwargs")
class _NoKwargs(keras.layers.Layer):
    def __init__(self, factor, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, tokens):
        return tokens * self.factor


@wrong("scale_tokens", "The name is lost")
class _DropsKwargs(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__()
        self.factor = factor

    def call(self, tokens):
        return tokens * self.factor


@wrong("scale_tokens", "every argument of __init__")
class _Forgets(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return {"name": self.name}

    def call(self, tokens):
        return tokens * self.factor


@wrong("scale_tokens", "factor has another value")
class _Default(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return {"name": self.name}

    def call(self, tokens):
        return tokens * self.factor


@wrong("block_parameters", "is missing: dim * dim + dim")
def _(dim, mlp_ratio):
    return _block(dim, mlp_ratio, projection=0)


@wrong("tokenizer_parameters", "kernel * kernel places")
def _(channels, dim, kernel, convs, hidden):
    return _convolutions(channels, dim, convs, hidden, kernel)


@wrong("authors_block", "branch is added to x")
def _(x, norm, attention, mlp):
    h = norm(attention(norm(x)))
    return mlp(h) + h


# 07


@wrong("honest_accuracy", "best test reading")
def _(val, test):
    return max(test)


@wrong("honest_accuracy", "That is the validation accuracy")
def _(val, test):
    return max(val)


@wrong("honest_accuracy", "last epoch")
def _(val, test):
    return test[len(test) - 1]


@wrong("honest_accuracy", "number of the epoch")
def _(val, test):
    return int(val.argmax())


def _cut(images, tops, lefts, padding, mode="constant"):
    _, h, w, _ = images.shape
    big = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode=mode)
    out = np.empty_like(images)
    for i in range(len(images)):
        out[i] = big[i, tops[i] : tops[i] + h, lefts[i] : lefts[i] + w]
    return out


@wrong("crop_each", "All images moved alike")
def _(images, tops, lefts, padding):
    return _cut(images, [tops[0]] * len(images), [lefts[0]] * len(images), padding)


@wrong("crop_each", "they are swapped")
def _(images, tops, lefts, padding):
    return _cut(images, lefts, tops, padding)


@wrong("crop_each", "Nothing was cropped")
def _(images, tops, lefts, padding):
    return images.copy()


@wrong("crop_each", "comes in on the other")
def _(images, tops, lefts, padding):
    return _cut(images, tops, lefts, padding, mode="wrap")


def _log_p(logits):
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@wrong("smoothed_loss", "smoothing is missing")
def _(logits, labels, smoothing):
    return -_log_p(logits)[np.arange(len(labels)), labels].mean()


@wrong("smoothed_loss", "wrong classes only")
def _(logits, labels, smoothing):
    targets = np.full(logits.shape, smoothing / (logits.shape[1] - 1))
    targets[np.arange(len(labels)), labels] = 1 - smoothing
    return -(targets * _log_p(logits)).sum(1).mean()


@wrong("smoothed_loss", "sum over the batch")
def _(logits, labels, smoothing):
    targets = (1 - smoothing) * np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1]
    return -(targets * _log_p(logits)).sum()


@wrong("smoothed_loss", "sign is missing")
def _(logits, labels, smoothing):
    targets = (1 - smoothing) * np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1]
    return (targets * _log_p(logits)).sum(1).mean()


def _schedule(steps, warmup, peak, down, first=1):
    return np.array([peak * (i / warmup if i <= warmup else down(i)) for i in range(first, steps + first)])


@wrong("cosine_rates", "cosine begins where the warm-up ends")
def _(steps, warmup, peak):
    return _schedule(steps, warmup, peak, lambda i: 0.5 + 0.5 * math.cos(math.pi * i / steps))


@wrong("cosine_rates", "Half of it is missing")
def _(steps, warmup, peak):
    return _schedule(steps, warmup, peak, lambda i: 1 + math.cos(math.pi * (i - warmup) / (steps - warmup)))


@wrong("cosine_rates", "falls in a straight line")
def _(steps, warmup, peak):
    return _schedule(steps, warmup, peak, lambda i: 1 - (i - warmup) / (steps - warmup))


@wrong("cosine_rates", "first step is number 1")
def _(steps, warmup, peak):
    return _schedule(
        steps, warmup, peak, lambda i: 0.5 + 0.5 * math.cos(math.pi * (i - warmup) / (steps - warmup)), first=0
    )


def _mix(a, b, share):
    share = share.reshape(-1, *[1] * (a.ndim - 1))
    return share * a + (1 - share) * b


@wrong("mixup", "Mix the targets too")
def _(images, targets, order, share):
    return _mix(images, images[order], share), targets


@wrong("mixup", "share and 1 - share are swapped")
def _(images, targets, order, share):
    return _mix(images[order], images, share), _mix(targets[order], targets, share)


@wrong("mixup", "mixed with the first share")
def _(images, targets, order, share):
    s = share[0]
    return s * images + (1 - s) * images[order], s * targets + (1 - s) * targets[order]


@wrong("mixup", "batch in reverse")
def _(images, targets, order, share):
    return _mix(images, images[::-1], share), _mix(targets, targets[::-1], share)


@wrong("smoothed_loss", "besides its part of s")
def _(logits, labels, smoothing):
    targets = np.full(logits.shape, smoothing / logits.shape[1])
    targets[np.arange(len(labels)), labels] += 1
    return -(targets * _log_p(logits)).sum(1).mean()


@wrong("cosine_rates", "without coming to rest")
def _(steps, warmup, peak):
    return _schedule(steps, warmup, peak, lambda i: math.cos(0.5 * math.pi * (i - warmup) / (steps - warmup)))


@wrong("mixup", "other partners than the images")
def _(images, targets, order, share):
    return _mix(images, images[order], share), _mix(targets, targets[np.flip(order)], share)


# 08


def _layers(maps):
    return [(layer.mean(1) + np.eye(maps.shape[-1])) / 2 for layer in maps]


@wrong("rollout", "wrong order")
def _(maps):
    result = np.eye(maps.shape[-1])
    for layer in _layers(maps):
        result = result @ layer
    return result


@wrong("rollout", "residual connection is missing")
def _(maps):
    result = np.eye(maps.shape[-1])
    for layer in maps:
        result = layer.mean(axis=1) @ result
    return result


@wrong("rollout", "largest head")
def _(maps):
    result = np.eye(maps.shape[-1])
    for layer in maps:
        result = (layer.max(axis=1) + np.eye(maps.shape[-1])) / 2 @ result
    return result


@wrong("rollout", "Divide by 2 in each layer")
def _(maps):
    result = np.eye(maps.shape[-1])
    for layer in maps:
        result = (layer.mean(axis=1) + np.eye(maps.shape[-1])) @ result
    return result


@wrong("rollout", "number by number")
def _(maps):
    result = 1
    for layer in _layers(maps):
        result = result * layer
    return result


@wrong("input_shares", "wrong axis")
def _(pooling, rollout):
    return (rollout @ pooling[:, :, None])[..., 0]


@wrong("input_shares", "mean of the rows")
def _(pooling, rollout):
    return rollout.sum(1) / rollout.shape[1]


@wrong("input_shares", "as if it were a class token")
def _(pooling, rollout):
    return rollout[:, 0, :]


@wrong("token_votes", "pooling weights are missing")
def _(tokens, weights, kernel):
    return np.einsum("btd,dc->btc", tokens, kernel)


@wrong("token_votes", "Votes have a sign")
def _(tokens, weights, kernel):
    return np.abs(np.einsum("bt,btd,dc->btc", weights, tokens, kernel))


@wrong("token_votes", "Keep one vote for each token")
def _(tokens, weights, kernel):
    return np.einsum("bt,btd,dc->bc", weights, tokens, kernel)


def _fill(image, chosen, size, colour):
    out = image.copy()
    for row, column in chosen:
        out[row * size : (row + 1) * size, column * size : (column + 1) * size] = colour
    return out


@wrong("remove_squares", "counted down the columns")
def _(image, order, count, size):
    rows = image.shape[0] // size
    return _fill(image, [(i % rows, i // rows) for i in order[:count]], size, image.mean((0, 1)))


@wrong("remove_squares", "last tokens of the order")
def _(image, order, count, size):
    columns = image.shape[1] // size
    return _fill(image, [divmod(i, columns) for i in order[-count:]], size, image.mean((0, 1)))


@wrong("remove_squares", "Only one square is gone")
def _(image, order, count, size):
    columns = image.shape[1] // size
    return _fill(image, [divmod(order[count - 1], columns)], size, image.mean((0, 1)))


@wrong("remove_squares", "Black is a colour too")
def _(image, order, count, size):
    columns = image.shape[1] // size
    return _fill(image, [divmod(i, columns) for i in order[:count]], size, 0)


@wrong("rollout", "heads are added up")
def _(maps):
    result = np.eye(maps.shape[-1])
    for layer in maps:
        result = (layer.sum(axis=1) + np.eye(maps.shape[-1])) / 2 @ result
    return result


@wrong("input_shares", "All output tokens take part")
def _(pooling, rollout):
    return np.einsum("bt,bt->bt", rollout[:, 0], pooling)


@wrong("token_votes", "No softmax here")
def _(tokens, weights, kernel):
    return _soft(np.einsum("bt,btd,dc->btc", weights, tokens, kernel))


@wrong("remove_squares", "one number for each channel")
def _(image, order, count, size):
    columns = image.shape[1] // size
    return _fill(image, [divmod(i, columns) for i in order[:count]], size, image.mean())


# 09


@wrong("all_settings", "first axis changes fastest")
def _(counts):
    grids = np.meshgrid(*[np.arange(count) for count in counts], indexing="ij")
    return np.stack([grid.ravel(order="F") for grid in grids], axis=1)


@wrong("all_settings", "count the choices from 1")
def _(counts):
    return np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1) + 1


@wrong("all_settings", "lies on its side")
def _(counts):
    return np.array(np.unravel_index(np.arange(np.prod(counts)), counts))


@wrong("all_settings", "changes one axis at a time")
def _(counts):
    rows = [np.zeros(len(counts), int)]
    for axis in range(len(counts)):
        for choice in range(1, counts[axis]):
            row = np.zeros(len(counts), int)
            row[axis] = choice
            rows.append(row)
    return np.stack(rows)


@wrong("paired_difference", "Their mean is surer")
def _(changed, base):
    return np.mean(changed - base), np.std(changed - base, ddof=1)


@wrong("paired_difference", "ddof=1")
def _(changed, base):
    gain = changed - base
    return gain.mean(), np.sqrt(gain.var() / gain.size)


@wrong("paired_difference", "Subtract seed by seed first")
def _(changed, base):
    errors = [scores.std(ddof=1) / np.sqrt(scores.size) for scores in (changed, base)]
    return changed.mean() - base.mean(), np.hypot(*errors)


@wrong("paired_difference", "The sign is turned round")
def _(changed, base):
    loss = base - changed
    return loss.mean(), loss.std(ddof=1) * loss.size**-0.5


@wrong("paired_difference", "root of that number")
def _(changed, base):
    gain = changed - base
    return gain.sum() / len(gain), gain.std(ddof=1) / len(gain)


@wrong("seeds_needed", "error of one mean")
def _(deviation, difference):
    seeds = 1
    while 2 * deviation / math.sqrt(seeds) > difference:
        seeds += 1
    return seeds


@wrong("seeds_needed", "That is one standard error")
def _(deviation, difference):
    seeds = 1
    while deviation * math.sqrt(2 / seeds) > difference:
        seeds += 1
    return seeds


@wrong("seeds_needed", "You round down")
def _(deviation, difference):
    return int(2 * (2 * deviation / difference) ** 2)


@wrong("seeds_needed", "something is squared")
def _(deviation, difference):
    return int(np.ceil(2 * deviation * np.sqrt(2) / difference))


@wrong("seeds_needed", "runs of both settings together")
def _(deviation, difference):
    seeds = 1
    while 2 * deviation * math.sqrt(2 / seeds) > difference:
        seeds += 1
    return seeds + seeds


@wrong("best_of", "best of all runs")
def _(scores, k):
    return max(scores)


@wrong("best_of", "which picks nothing")
def _(scores, k):
    return sum(scores) / len(scores)


@wrong("best_of", "first k runs only")
def _(scores, k):
    return max(scores[i] for i in range(k))


@wrong("best_of", "mean of the k best runs")
def _(scores, k):
    return np.sort(scores)[::-1][:k].mean()


@wrong("best_of", "same run twice")
def _(scores, k):
    ordered = np.sort(scores)
    reach = (np.arange(1, len(scores) + 1) / len(scores)) ** k
    return float(ordered @ np.diff(reach, prepend=0))


# 10


def pixels_in(image, box):
    """A mask (height, width) of the pixels in a box that may reach over the edges."""
    down, right = np.indices(image.shape[:2])
    top, left, height, width = box
    return (down >= top) & (down < top + height) & (right >= left) & (right < left + width)


@wrong("cut_mix", "area of the whole box")
def _(image, other, target, other_target, box):
    share = box[2] * box[3] / np.prod(image.shape[:2])
    mixed = np.where(pixels_in(image, box)[..., None], other, image)
    return mixed, (1 - share) * target + share * other_target


@wrong("cut_mix", "The shares are swapped")
def _(image, other, target, other_target, box):
    inside = pixels_in(image, box)
    share = inside.mean()
    return np.where(inside[..., None], other, image), share * target + (1 - share) * other_target


@wrong("cut_mix", "The box shows the wrong image")
def _(image, other, target, other_target, box):
    inside = pixels_in(image, box)
    share = inside.mean()
    return np.where(inside[..., None], image, other), (1 - share) * target + share * other_target


@wrong("cut_mix", "Mix the targets too")
def _(image, other, target, other_target, box):
    return np.where(pixels_in(image, box)[..., None], other, image), target


@wrong("cut_mix", "count the pixels")
def _(image, other, target, other_target, box):
    return np.where(pixels_in(image, box)[..., None], other, image), (target + other_target) / 2


@wrong("averaged_weights", "Old and new are swapped")
def _(weights, momentum):
    average = weights[0].copy()
    for row in weights[1:]:
        average += momentum * (row - average)
    return average


@wrong("averaged_weights", "starts at zero")
def _(weights, momentum):
    powers = momentum ** np.arange(len(weights) - 1, -1, -1)
    return (1 - momentum) * powers @ weights


@wrong("averaged_weights", "the plain mean")
def _(weights, momentum):
    return sum(weights) / len(weights)


@wrong("averaged_weights", "weights after the last step")
def _(weights, momentum):
    for row in weights:
        average = row
    return average


@wrong("averaged_weights", "from the last to the first")
def _(weights, momentum):
    average = weights[-1]
    for step in range(len(weights) - 2, -1, -1):
        average = momentum * average + (1 - momentum) * weights[step]
    return average


def iterate(x, steps, c=2.0315):
    for _ in range(steps):
        cube = x @ x.T @ x
        x = 3.4445 * x - 4.7750 * cube + c * x @ x.T @ cube
    return x


@wrong("orthogonalise", "@, not *")
def _(matrix, steps):
    x = matrix / np.sqrt((matrix**2).sum())
    for _ in range(steps):
        square = x * x
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square * square) * x
    return x


@wrong("orthogonalise", "not divided by its norm")
def _(matrix, steps):
    return iterate(matrix, steps)


@wrong("orthogonalise", "largest number of the matrix")
def _(matrix, steps):
    return iterate(matrix / abs(matrix).max(), steps)


@wrong("orthogonalise", "One step too few")
def _(matrix, steps):
    return iterate(matrix / np.sqrt((matrix**2).sum()), steps - 1)


@wrong("orthogonalise", "fifth power is missing")
def _(matrix, steps):
    return iterate(matrix / np.sqrt((matrix**2).sum()), steps, c=0)


@wrong("accuracy_of_views", "mean accuracy of single views")
def _(logits, labels):
    return np.mean([np.mean(view.argmax(axis=1) == labels) for view in logits])


@wrong("accuracy_of_views", "You average class numbers")
def _(logits, labels):
    return (np.mean([view.argmax(axis=1) for view in logits], axis=0) == labels).mean()


@wrong("accuracy_of_views", "right when any view is right")
def _(logits, labels):
    return sum(any(view[i].argmax() == label for view in logits) for i, label in enumerate(labels)) / len(labels)


@wrong("accuracy_of_views", "the first view alone")
def _(logits, labels):
    return (logits[0].argmax(axis=-1) == labels).mean()


@wrong("accuracy_of_views", "largest logit of all views")
def _(logits, labels):
    return np.mean(np.maximum.reduce(list(logits)).argmax(axis=1) == labels)


# 11


@wrong("lay_on_white", "dropped alpha")
def _(image):
    return np.delete(image, 3, axis=-1)


@wrong("lay_on_white", "lies on black")
def _(image):
    return image[:, :, 3, None] * image[:, :, :3]


@wrong("lay_on_white", "the other way round")
def _(image):
    red_green_blue, alpha = np.split(image, [3], axis=-1)
    return alpha * 1 + (1 - alpha) * red_green_blue


@wrong("lay_on_white", "added all of the white")
def _(image):
    return 1 + np.einsum("rcd,rc->rcd", image[..., :3], image[..., 3])


def _table(labels, predicted):
    """How many images of class i were predicted as class j: (classes, classes)."""
    counts = np.zeros((max(labels.max(), predicted.max()) + 1,) * 2)
    np.add.at(counts, (labels, predicted), 1)
    return counts


@wrong("balanced_accuracy", "plain accuracy")
def _(labels, predicted):
    return np.trace(_table(labels, predicted)) / len(labels)


@wrong("balanced_accuracy", "predicted as a class")
def _(labels, predicted):
    counts = _table(labels, predicted)
    there = (counts.sum(axis=1) > 0) & (counts.sum(axis=0) > 0)
    return (counts.diagonal()[there] / counts.sum(axis=0)[there]).mean()


@wrong("balanced_accuracy", "instead of counting 0")
def _(labels, predicted):
    total = 0
    for label in range(max(labels) + 1):
        here = labels == label
        total += np.sum(here & (predicted == label)) / max(np.sum(here), 1)
    return total / (max(labels) + 1)


@wrong("class_weights", "common ones less")
def _(labels):
    _, counts = np.unique(labels, return_counts=True)
    return counts / counts.mean()


@wrong("class_weights", "multiply by n / classes")
def _(labels):
    return np.array([1 / np.sum(labels == label) for label in np.unique(labels)])


@wrong("class_weights", "divide by the number of classes as well")
def _(labels):
    return np.array([labels.size / np.sum(labels == label) for label in np.unique(labels)])


@wrong("class_weights", "shares of the classes")
def _(labels):
    return np.array([np.mean(labels == label) for label in np.unique(labels)])


# 12


def _pool(features, first=-1):
    batch, length, dim = features.shape
    row = np.concatenate([np.zeros((batch, 1, dim)), features, np.zeros((batch, 2, dim))], axis=1)
    return np.stack([row[:, i + 1 + first : i + 4 + first].max(axis=1) for i in range(0, length, 2)], axis=1)


@wrong("token_counts", "leaves a rest")
def _(ids, stride):
    return np.count_nonzero(ids, axis=1) // stride


@wrong("token_counts", "padding included")
def _(ids, stride):
    return np.array([len(row[::stride]) for row in ids])


@wrong("token_counts", "number of letters")
def _(ids, stride):
    return np.count_nonzero(ids, axis=1)


@wrong("token_counts", "Count the others")
def _(ids, stride):
    return np.array([sum(row[i] == 0 for i in range(0, len(row), stride)) for row in ids])


@wrong("pool_letters", "as if they were letters")
def _(features, ids):
    return _pool(features)


@wrong("pool_letters", "Mask before the pool too")
def _(features, ids):
    return _pool(features) * (ids[:, ::2, None] > 0)


@wrong("pool_letters", "zero after the pool")
def _(features, ids):
    return _pool(np.where(ids[..., None] > 0, features, 0))


@wrong("pool_letters", "windows are shifted")
def _(features, ids):
    return _pool(features * (ids > 0)[..., None], first=0) * (ids[:, ::2, None] > 0)


def _scores_of(queries, keys):
    return np.einsum("bqs,bks->bqk", queries, keys) / queries.shape[-1] ** 0.5


@wrong("masked_attention", "no longer sum to 1")
def _(queries, keys, values, real):
    return _soft(_scores_of(queries, keys)) @ (values * real[..., None])


@wrong("masked_attention", "exp(0) = 1")
def _(queries, keys, values, real):
    return _soft(np.where(real[:, None], _scores_of(queries, keys), 0)) @ values


@wrong("masked_attention", "plays no part")
def _(queries, keys, values, real):
    return _soft(_scores_of(queries, keys)) @ values


@wrong("masked_attention", "The columns are")
def _(queries, keys, values, real):
    return _soft(_scores_of(queries, keys)) @ values * real[..., None]


@wrong("masked_attention", "not divided")
def _(queries, keys, values, real):
    return _soft(np.where(real[:, None], queries @ keys.swapaxes(1, 2), -1e9)) @ values


@wrong("masked_attention", "kept the padding")
def _(queries, keys, values, real):
    return _soft(np.where(real[:, None], -1e9, _scores_of(queries, keys))) @ values


# 13


@wrong("whole_gradient", "counts the same in your mean")
def _(gradients, counts):
    return sum(gradients) / len(gradients)


@wrong("whole_gradient", "divide by their number")
def _(gradients, counts):
    return (counts[:, None] * gradients).sum(axis=0)


@wrong("whole_gradient", "divide by the number of parts")
def _(gradients, counts):
    return (counts[:, None] * gradients).mean(axis=0)


@wrong("whole_gradient", "plain sum of the parts")
def _(gradients, counts):
    return np.ones(len(counts)) @ gradients


@wrong("rows_of", "do the whole work")
def _(process, processes, batch):
    return np.array(range(batch))


@wrong("rows_of", "Every process gets the first rows")
def _(process, processes, batch):
    return np.array(range(batch))[: batch // processes]


@wrong("rows_of", "count processes from 1")
def _(process, processes, batch):
    last = batch // processes * process
    return np.array(range(last - batch // processes, last))


@wrong("rows_of", "every so many-th row")
def _(process, processes, batch):
    return np.array([row for row in range(batch) if row % processes == process])


def _hours(operations, peak, share):
    return operations / peak / share / 60 / 60


@wrong("training_hours", "two operations, a product and a sum")
def _(macs, images, epochs, peak, share):
    return _hours(macs * images * epochs * 3, peak, share)


@wrong("training_hours", "forward pass alone")
def _(macs, images, epochs, peak, share):
    return _hours(macs * images * epochs * 2, peak, share)


@wrong("training_hours", "These are seconds")
def _(macs, images, epochs, peak, share):
    return 3600 * _hours(macs * images * epochs * 6, peak, share)


@wrong("training_hours", "delivers less takes longer")
def _(macs, images, epochs, peak, share):
    return _hours(macs * images * epochs * 6, peak, 1) * share


@wrong("training_hours", "divide by the share")
def _(macs, images, epochs, peak, share):
    return _hours(macs * images * epochs * 6, peak, 1)

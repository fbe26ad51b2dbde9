"""The layers of a Compact Convolutional Transformer, on plain Keras 3 (every backend).

Each layer gives the numbers of the authors' PyTorch code (SHI-Labs/Compact-Transformers) for the same weights.
Paper: Hassani et al., Escaping the Big Data Paradigm with Compact Transformers, https://arxiv.org/abs/2104.05704
"""

import math
import numbers

import keras
from keras import ops

from cct_helpers.initializers import Normal


def check_rate(name, rate):
    """Return `rate` as a float; raise ValueError unless 0 <= rate < 1."""
    if not isinstance(rate, numbers.Real) or not 0 <= rate < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {rate!r}: it is the share of values to drop.")
    return float(rate)


def check_positive(**sizes):
    """Raise ValueError, naming the argument, unless every size is a whole number of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or size < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {size!r}.")


def check_heads(dim, num_heads):
    """Raise ValueError unless every head gets an equal share of a token's numbers."""
    if dim % num_heads:
        raise ValueError(
            f"dim must be a multiple of num_heads, got dim {dim} and num_heads {num_heads}: "
            "each head takes an equal share of a token's numbers."
        )


def check_hidden(dim, mlp_ratio):
    """Return the width of the MLP's hidden layer; raise ValueError if there is none."""
    if not isinstance(mlp_ratio, numbers.Real) or not 1 <= dim * mlp_ratio < math.inf:
        raise ValueError(f"mlp_ratio must give the MLP at least 1 hidden unit, got {mlp_ratio!r} times dim {dim}.")
    return int(dim * mlp_ratio)


class Layer(keras.layers.Layer):
    """A layer that can be saved: `get_config` returns the arguments named in `config_names`."""

    config_names = ()

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self.config_names}}


@keras.saving.register_keras_serializable("cct_helpers")
class Linear(keras.layers.Dense):
    """Dense on the last axis, started as the authors do: weights normal(0, 0.02), bias 0.

    (..., features) -> (..., units). All leading axes are folded into one before the product: one large matrix
    product is two to three times faster on TensorFlow's CPU kernels than a batch of small ones.
    """

    def __init__(self, units, use_bias=True, kernel_initializer=None, **kwargs):
        super().__init__(units, use_bias=use_bias, kernel_initializer=kernel_initializer or Normal(0.02), **kwargs)

    def call(self, inputs):
        *leading, features = inputs.shape
        rows = ops.reshape(inputs, (-1, features))  # (..., features) -> (rows, features)
        outputs = super().call(rows)
        return ops.reshape(outputs, (-1, *leading[1:], self.units))  # (rows, units) -> (..., units)


@keras.saving.register_keras_serializable("cct_helpers")
class MultiHeadSelfAttention(Layer):
    """Every token reads from every token: softmax(Q K^T / sqrt(head size)) V, several heads side by side.

    One projection without bias makes queries, keys and values; another, with bias, mixes the heads ("Attention Is All
    You Need", section 3.2; the authors' src/utils/transformers.py).

    Args:
        num_heads: heads; each gets dim / num_heads numbers of a token.
        dropout: rate at which attention weights are dropped in training.
        output_dropout: rate at which outputs are dropped in training.

    (batch, tokens, dim) -> the same shape. Raises ValueError when dim is not a multiple of `num_heads`.
    """

    config_names = ("num_heads", "dropout", "output_dropout")

    def __init__(self, num_heads, dropout=0.0, output_dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        self.num_heads = num_heads
        self.dropout = check_rate("dropout", dropout)
        self.output_dropout = check_rate("output_dropout", output_dropout)
        self.drop_weights = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.drop_outputs = keras.layers.Dropout(output_dropout, dtype=self.dtype_policy)

    def build(self, shape):
        dim = shape[-1]
        check_heads(dim, self.num_heads)
        self.dim, self.head_size = dim, dim // self.num_heads
        self.qkv = Linear(3 * dim, use_bias=False, dtype=self.dtype_policy, name="qkv")
        self.projection = Linear(dim, dtype=self.dtype_policy, name="projection")
        self.qkv.build(shape)
        self.projection.build(shape)

    def queries_keys_values(self, tokens):
        """(batch, tokens, dim) -> three arrays of (batch, heads, tokens, head size)."""
        qkv = ops.reshape(self.qkv(tokens), (-1, tokens.shape[1], 3, self.num_heads, self.head_size))
        qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))  # (batch, tokens, 3, heads, size) -> (3, batch, heads, tokens, size)
        return ops.unstack(qkv, axis=0)  # not qkv[0] and so on: the gradient of an index fills all of qkv with zeros

    def weights_from(self, queries, keys):
        """How much each token reads from each: (batch, heads, tokens, tokens), every row sums to 1."""
        scores = ops.matmul(queries * self.head_size**-0.5, ops.transpose(keys, (0, 1, 3, 2)))
        # In float32 even under mixed precision: a sum of exponentials loses too much in 16 bits.
        return ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)

    def attention_weights(self, tokens):
        """The weights alone, without dropout: (batch, tokens, dim) -> (batch, heads, tokens, tokens)."""
        queries, keys, _ = self.queries_keys_values(tokens)
        return self.weights_from(queries, keys)

    def call(self, tokens, training=None):
        queries, keys, values = self.queries_keys_values(tokens)
        weights = self.drop_weights(self.weights_from(queries, keys), training=training)
        heads = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # -> (batch, tokens, heads, head size)
        mixed = self.projection(ops.reshape(heads, (-1, tokens.shape[1], self.dim)))
        return self.drop_outputs(mixed, training=training)


@keras.saving.register_keras_serializable("cct_helpers")
class StochasticDepth(Layer):
    """In training, replace a whole residual branch by zeros, image by image (https://arxiv.org/abs/1603.09382).

    Each image keeps its branch with probability 1 - rate; a kept branch is divided by 1 - rate, so that its mean stays
    the same. Outside training nothing changes. Every layer draws from a generator of its own.

    Args:
        rate: probability of dropping a branch.
        seed: whole number for a repeatable sequence; None draws one.

    (batch, ...) -> the same shape. Raises ValueError unless 0 <= rate < 1.
    """

    config_names = ("rate", "seed")

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = check_rate("rate", rate), seed
        if self.rate > 0:
            self.generator = keras.random.SeedGenerator(seed)

    def call(self, branch, training=False):
        if not training or self.rate == 0:
            return branch
        keep = 1 - self.rate
        one_draw_an_image = (ops.shape(branch)[0],) + (1,) * (len(branch.shape) - 1)
        mask = ops.floor(keep + keras.random.uniform(one_draw_an_image, seed=self.generator, dtype="float32"))
        return branch * ops.cast(mask / keep, branch.dtype)


@keras.saving.register_keras_serializable("cct_helpers")
class TransformerBlock(Layer):
    """The authors' encoder block: attention, then an MLP, each added to what came in.

        h = norm1(x + attention(pre_norm(x)))
        y = h + linear2(gelu(linear1(h)))

    The middle norm stands on the residual stream itself, so the block is neither pre-norm nor post-norm (the authors'
    src/utils/transformers.py; all their checkpoints need it). GELU is the exact one, LayerNorm's epsilon 1e-5.

    Args:
        num_heads: attention heads.
        mlp_ratio: width of the MLP's hidden layer, in multiples of dim.
        dropout: rate after each linear layer of the MLP and after attention.
        attention_dropout: rate on the attention weights.
        stochastic_depth: rate at which each of the two branches is dropped, independently.

    (batch, tokens, dim) -> the same shape. Raises ValueError for rates outside [0, 1) or heads that do not divide dim.
    """

    config_names = ("num_heads", "mlp_ratio", "dropout", "attention_dropout", "stochastic_depth")

    def __init__(self, num_heads, mlp_ratio=1, dropout=0.0, attention_dropout=0.1, stochastic_depth=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.mlp_ratio = num_heads, mlp_ratio
        self.dropout = check_rate("dropout", dropout)
        self.attention_dropout = check_rate("attention_dropout", attention_dropout)
        self.stochastic_depth = check_rate("stochastic_depth", stochastic_depth)
        policy = {"dtype": self.dtype_policy}
        self.pre_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="pre_norm", **policy)
        self.attention = MultiHeadSelfAttention(num_heads, attention_dropout, dropout, name="attention", **policy)
        self.drop_attention = StochasticDepth(stochastic_depth, name="drop_attention", **policy)
        self.norm1 = keras.layers.LayerNormalization(epsilon=1e-5, name="norm1", **policy)
        self.drop_hidden = keras.layers.Dropout(dropout, name="drop_hidden", **policy)
        self.drop_output = keras.layers.Dropout(dropout, name="drop_output", **policy)
        self.drop_mlp = StochasticDepth(stochastic_depth, name="drop_mlp", **policy)

    def build(self, shape):
        batch, tokens, dim = shape
        hidden = check_hidden(dim, self.mlp_ratio)
        self.linear1 = Linear(hidden, name="linear1", dtype=self.dtype_policy)
        self.linear2 = Linear(dim, name="linear2", dtype=self.dtype_policy)
        for layer in (self.pre_norm, self.attention, self.norm1, self.linear1):
            layer.build(shape)
        self.linear2.build((batch, tokens, hidden))

    def mlp(self, tokens, training=None):
        """(batch, tokens, dim) -> the same shape, each token on its own."""
        hidden = ops.gelu(self.linear1(tokens), approximate=False)
        return self.drop_output(self.linear2(self.drop_hidden(hidden, training=training)), training=training)

    def call(self, tokens, training=None):
        branch = self.attention(self.pre_norm(tokens), training=training)
        tokens = self.norm1(tokens + self.drop_attention(branch, training=training))
        return tokens + self.drop_mlp(self.mlp(tokens, training=training), training=training)


@keras.saving.register_keras_serializable("cct_helpers")
class SequencePooling(Layer):
    """A learned weighted mean of the tokens (the paper's "SeqPool"): softmax(g(x))^T x.

    One linear layer scores every token, a softmax over the tokens turns scores into weights. Its bias adds the same to
    every score, so the softmax cancels it; it is kept to match the authors' checkpoints.

    (batch, tokens, dim) -> (batch, dim).
    """

    def build(self, shape):
        self.score = Linear(1, name="score", dtype=self.dtype_policy)
        self.score.build(shape)

    def weights_over_tokens(self, tokens):
        """The share of each token in the mean: (batch, tokens, dim) -> (batch, tokens), every row sums to 1."""
        scores = ops.squeeze(self.score(tokens), axis=-1)  # (batch, tokens, 1) -> (batch, tokens)
        return ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)

    def call(self, tokens):
        weights = self.weights_over_tokens(tokens)[:, None]  # (batch, tokens) -> (batch, 1, tokens)
        return ops.squeeze(ops.matmul(weights, tokens), axis=1)  # (batch, 1, dim) -> (batch, dim)

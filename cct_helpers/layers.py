"""Every layer of a Compact Convolutional Transformer, on plain Keras 3: from the image to the pooled vector.

Read from top to bottom: tokenizers turn an image into tokens, position embeddings say where each token is, the
transformer block lets tokens read from each other, sequence pooling makes one vector of them. Each layer gives the
numbers of the authors' PyTorch code (SHI-Labs/Compact-Transformers) for the same weights, on every Keras backend.
Paper: Hassani et al., Escaping the Big Data Paradigm with Compact Transformers, https://arxiv.org/abs/2104.05704
"""

import math
import numbers
import random

import keras
import numpy as np
from keras import ops


def as_rate(name, rate):
    """The share of values to drop, as a float.

    Raises:
        ValueError: unless 0 <= rate < 1; the message calls the argument `name`.
    """
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


def hidden_units(dim, mlp_ratio):
    """The width of the MLP's hidden layer, dim * mlp_ratio rounded down.

    Raises:
        ValueError: where that is less than 1.
    """
    if not isinstance(mlp_ratio, numbers.Real) or not 1 <= dim * mlp_ratio < math.inf:
        raise ValueError(f"mlp_ratio must give the MLP at least 1 hidden unit, got {mlp_ratio!r} times dim {dim}.")
    return int(dim * mlp_ratio)


def default_policy():
    """The dtype policy of layers to which none is given: Keras's, but float32 in place of a reader's own floatx.

    A keras.json left over from other work may say "floatx": "float16", and a softmax or a norm in 16 bits is wrong.
    """
    policy = keras.config.dtype_policy()
    return keras.DTypePolicy("float32") if policy.name == keras.config.floatx() else policy


class SavableLayer(keras.layers.Layer):
    """A Keras layer whose `get_config` returns the arguments named in `config_names`, so that it can be saved."""

    config_names = ()

    def __init__(self, dtype=None, **kwargs):
        super().__init__(dtype=dtype or default_policy(), **kwargs)

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self.config_names}}


# First weights, drawn by NumPy: the same seed gives the same weights on every backend.


@keras.saving.register_keras_serializable("cct_helpers")
class Normal(keras.initializers.Initializer):
    """Normal numbers around 0 with the standard deviation `stddev`.

    Args:
        stddev: a number above 0.
        seed: a whole number; None takes one from Python's generator, which `keras.utils.set_random_seed` starts.

    Raises:
        ValueError: for another `stddev`.
    """

    def __init__(self, stddev, seed=None):
        if not isinstance(stddev, numbers.Real) or not 0 < stddev < math.inf:
            raise ValueError(f"stddev must be a number above 0, got {stddev!r}.")
        self.stddev = stddev
        self._start(seed)

    def _start(self, seed):
        self.seed = seed
        self.numbers = np.random.default_rng(random.getrandbits(32) if seed is None else seed)

    def draw(self, shape, stddev, dtype):
        """An array of `shape`, on the backend."""
        return ops.convert_to_tensor(self.numbers.normal(0, stddev, shape), dtype or keras.config.floatx())

    def __call__(self, shape, dtype=None):
        return self.draw(shape, self.stddev, dtype)

    def get_config(self):
        return {"stddev": self.stddev, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        if config.get("stddev") is None:  # files of before HeNormal had a name of its own
            return HeNormal(config["seed"])
        return cls(**config)


@keras.saving.register_keras_serializable("cct_helpers")
class HeNormal(Normal):
    """Normal numbers with the standard deviation sqrt(2 / inputs of a unit), for a layer before a ReLU.

    All axes of the shape but the last count as inputs. Source: He et al., https://arxiv.org/abs/1502.01852.

    Args:
        seed: as in `Normal`.
    """

    def __init__(self, seed=None):
        self._start(seed)

    def __call__(self, shape, dtype=None):
        return self.draw(shape, math.sqrt(2 / math.prod(shape[:-1])), dtype)

    def get_config(self):
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


# Tokens


@keras.saving.register_keras_serializable("cct_helpers")
class PatchTokenizer(SavableLayer):
    """Cut an image into square patches, one token each (ViT, https://arxiv.org/abs/2010.11929, section 3.1).

    A convolution whose stride equals its kernel, with bias: each patch is seen by one token and by no other.

    Args:
        patch_size: side of a patch, in pixels.
        dim: numbers per token.

    Returns:
        When called with images (batch, height, width, channels): tokens (batch, tokens, dim) in reading order, with
        tokens = height / patch_size * width / patch_size.

    Raises:
        ValueError: when a side of the image is not a multiple of `patch_size`.
    """

    config_names = ("patch_size", "dim")

    def __init__(self, patch_size, dim, **kwargs):
        super().__init__(**kwargs)
        check_positive(patch_size=patch_size, dim=dim)
        self.patch_size, self.dim = patch_size, dim
        self.conv = keras.layers.Conv2D(
            dim,
            patch_size,
            strides=patch_size,
            data_format="channels_last",  # whatever the reader's keras.json says
            kernel_initializer=HeNormal(),
            dtype=self.dtype_policy,
            name="conv",
        )

    def grid(self, height, width):
        """(rows, columns) of tokens for an image of so many pixels; ValueError where it cannot be cut."""
        if height < 1 or width < 1 or height % self.patch_size or width % self.patch_size:
            raise ValueError(
                f"An image of {height}x{width} pixels cannot be cut into patches of {self.patch_size}x"
                f"{self.patch_size}: both sides must be multiples of patch_size. Resize the image or choose another "
                "patch_size."
            )
        return height // self.patch_size, width // self.patch_size

    def build(self, input_shape):
        self.grid(*input_shape[1:3])
        self.conv.build(input_shape)

    def compute_output_shape(self, input_shape):
        rows, columns = self.grid(*input_shape[1:3])
        return input_shape[0], rows * columns, self.dim

    def call(self, images):
        patches = self.conv(images)
        rows, columns = self.grid(*images.shape[1:3])
        # (batch, rows, columns, dim) -> (batch, tokens, dim)
        return ops.reshape(patches, (-1, rows * columns, self.dim))


@keras.saving.register_keras_serializable("cct_helpers")
class ConvTokenizer(SavableLayer):
    """Turn an image into tokens with convolutions (the paper's tokenizer): MaxPool(ReLU(Conv2d(x))).

    Every convolution has no bias and is followed by a ReLU and a max-pool of 3x3 with stride 2, padded by 1 on all
    sides. Neighbouring tokens see overlapping pixels.

    Args:
        dim: numbers per token, the channels of the last convolution.
        kernel_size: side of each convolution's kernel, in pixels.
        stride: step of each convolution, in pixels.
        padding: zeros on all four sides before each convolution, in pixels.
        num_conv_layers: how many steps of convolution, ReLU and pool.
        hidden_channels: channels between the steps.

    Returns:
        When called with images (batch, height, width, channels): tokens (batch, tokens, dim) in reading order; `grid`
        gives their number.

    Raises:
        ValueError: for sizes below 1, a negative padding, or an image smaller than the kernel.
    """

    config_names = ("dim", "kernel_size", "stride", "padding", "num_conv_layers", "hidden_channels")

    def __init__(self, dim, kernel_size=3, stride=1, padding=1, num_conv_layers=2, hidden_channels=64, **kwargs):
        super().__init__(**kwargs)
        check_positive(
            dim=dim,
            kernel_size=kernel_size,
            stride=stride,
            num_conv_layers=num_conv_layers,
            hidden_channels=hidden_channels,
        )
        if not isinstance(padding, numbers.Integral) or padding < 0:
            raise ValueError(f"padding must be a whole number of at least 0, got {padding!r}.")
        self.dim, self.kernel_size, self.stride, self.padding = dim, kernel_size, stride, padding
        self.num_conv_layers, self.hidden_channels = num_conv_layers, hidden_channels
        # Equal to explicit padding when the window is centred, and saves a copy of the image.
        self.centred = stride == 1 and kernel_size == 2 * padding + 1
        self.convs = [
            keras.layers.Conv2D(
                channels,
                kernel_size,
                strides=stride,
                padding="same" if self.centred else "valid",
                data_format="channels_last",
                use_bias=False,
                kernel_initializer=HeNormal(),
                dtype=self.dtype_policy,
                name=f"conv_{i}",
            )
            for i, channels in enumerate([hidden_channels] * (num_conv_layers - 1) + [dim])
        ]

    def grid(self, height, width):
        """(rows, columns) of tokens for an image of so many pixels; ValueError where it is too small."""
        sides = [height, width]
        for layer in range(self.num_conv_layers):
            if min(sides) + 2 * self.padding < self.kernel_size or min(sides) < 1:
                raise ValueError(
                    f"An image of {height}x{width} pixels is too small for this tokenizer: convolution {layer + 1} "
                    f"gets {sides[0]}x{sides[1]} and needs at least {self.kernel_size - 2 * self.padding} a side "
                    f"(kernel_size {self.kernel_size}, padding {self.padding}). Use larger images, fewer convolutions "
                    "or more padding."
                )
            sides = [(side + 2 * self.padding - self.kernel_size) // self.stride + 1 for side in sides]
            sides = [(side - 1) // 2 + 1 for side in sides]
        return tuple(sides)

    def build(self, input_shape):
        self.grid(*input_shape[1:3])
        channels = [input_shape[-1]] + [self.hidden_channels] * (len(self.convs) - 1)
        for conv, given in zip(self.convs, channels, strict=True):
            conv.build((None, None, None, given))

    def compute_output_shape(self, input_shape):
        rows, columns = self.grid(*input_shape[1:3])
        return input_shape[0], rows * columns, self.dim

    def call(self, images):
        features = images
        for conv in self.convs:
            if not self.centred:
                features = pad_zeros(features, self.padding)
            features = conv(features)
            # A max of values, zeros and then a ReLU: the ReLU may come after the pool, on fewer values.
            features = ops.max_pool(
                pad_zeros(features, 1),
                3,
                strides=2,
                padding="valid",
                data_format="channels_last",
            )
            features = ops.relu(features)
        rows, columns = self.grid(*images.shape[1:3])
        # (batch, rows, columns, dim) -> (batch, tokens, dim)
        return ops.reshape(features, (-1, rows * columns, self.dim))


def pad_zeros(images, pixels):
    """Zeros on all four sides: (batch, h, w, channels) -> (batch, h + 2 pixels, w + 2 pixels, channels)."""
    return ops.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])


@keras.saving.register_keras_serializable("cct_helpers")
class ClassToken(SavableLayer):
    """Put one learned token, zeros at the start of training, before the others (ViT, section 3.1).

    Returns:
        When called with tokens (batch, tokens, dim): (batch, 1 + tokens, dim).
    """

    def build(self, input_shape):
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def compute_output_shape(self, input_shape):
        batch, tokens, dim = input_shape
        return batch, 1 + tokens, dim

    def call(self, tokens):
        first = ops.zeros_like(tokens[:, :1]) + ops.cast(self.token, tokens.dtype)
        return ops.concatenate([first, tokens], axis=1)


def sine_positions(tokens, dim):
    """Fixed sine and cosine positions ("Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.5).

    Column i of row p is sin(p / 10000^(2 (i // 2) / dim)) for even i and the cosine of the same angle for odd i.

    Args:
        tokens: rows of the table, one a place in the sequence.
        dim: numbers per token.

    Returns:
        A float32 array (tokens, dim).
    """
    column = np.arange(dim)
    angles = np.arange(tokens)[:, None] / 10000 ** (2 * (column // 2) / dim)
    return np.where(column % 2 == 0, np.sin(angles), np.cos(angles)).astype("float32")


@keras.saving.register_keras_serializable("cct_helpers")
class PositionEmbedding(SavableLayer):
    """Add to every token a vector that depends only on its place: (batch, tokens, dim) -> the same shape.

    Args:
        kind: "learned" (a trained table, started normal(0, 0.2) as the authors do), "sine" (a fixed table over the
            flat token index, `sine_positions`) or "none" (tokens pass unchanged).
        grid: (rows, columns) of the tokens, kept so that `resize_positions` knows the shape; None for a flat sequence.

    Returns:
        When called with tokens (batch, tokens, dim): the same shape. Called with other `rows` and `columns` too, it
        adds the table resized to them, and gradients reach the table through it.

    Raises:
        ValueError: for another kind, or when the grid does not hold the tokens (one more may be a class token).
    """

    config_names = ("kind", "grid")

    def __init__(self, kind="learned", grid=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("learned", "sine", "none"):
            raise ValueError(f'Position kind must be "learned", "sine" or "none", got {kind!r}.')
        self.kind, self.grid = kind, grid and tuple(grid)

    def build(self, input_shape):
        tokens, dim = input_shape[1:]
        if self.grid and tokens - self.grid[0] * self.grid[1] not in (0, 1):
            raise ValueError(f"A grid of {self.grid[0]}x{self.grid[1]} does not hold {tokens} tokens.")
        if self.kind == "learned":
            self.table = self.add_weight(shape=(1, tokens, dim), initializer=Normal(0.2), name="table")
        elif self.kind == "sine":
            self.table = sine_positions(tokens, dim)[None]

    def call(self, tokens, rows=None, columns=None):
        if self.kind == "none":
            return tokens
        table = ops.cast(self.table, tokens.dtype)
        if rows and (rows, columns) != self.grid:
            resizing = resizing_matrix(self.table.shape[1], self.grid, (rows, columns))
            table = ops.matmul(ops.cast(resizing, tokens.dtype), table)
        return tokens + table


def resize_positions(table, old_grid, new_grid):
    """Resize a position table to another grid of tokens, bilinearly, as the authors do (src/utils/helpers.py).

    Args:
        table: (1, tokens, dim) array; a row beyond the grid (a class token's, the first) is kept as it is.
        old_grid: (rows, columns) of the table.
        new_grid: (rows, columns) that are wanted.

    Returns:
        A float32 array (1, rows * columns, dim), one row more with a class token.
    """
    table = np.asarray(table, "float32")
    return np.matmul(resizing_matrix(table.shape[1], old_grid, new_grid), table)


def resizing_matrix(tokens, old_grid, new_grid):
    """The matrix that resizes a table of so many rows from one grid to another: (new tokens, tokens) float32.

    Each new row is a weighted mean of the four old ones around it, rows and columns apart: hence the Kronecker product.
    """
    on_grid = np.kron(*(_resizing_along(old, new) for old, new in zip(old_grid, new_grid, strict=True)))
    extra = tokens - old_grid[0] * old_grid[1]  # a class token's row is kept
    matrix = np.eye(extra + len(on_grid), tokens, dtype="float32")
    matrix[extra:, extra:] = on_grid
    return matrix


def _resizing_along(old, new):
    """Linear interpolation between pixel centres along one side: (new, old)."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance = np.abs(place[:, None] - np.arange(old))
    return np.maximum(1 - distance, 0)


# The encoder


@keras.saving.register_keras_serializable("cct_helpers")
class Linear(keras.layers.Dense):
    """Dense on the last axis, started as the authors do: weights normal(0, 0.02), bias 0.

    All leading axes are folded into one before the product: one large matrix product is two to three times faster on
    TensorFlow's CPU kernels than a batch of small ones.

    Args:
        units: numbers that come out.
        use_bias: whether a learned bias is added.
        kernel_initializer: another start of the weights; `Normal(0.02)` where None.

    Returns:
        When called with (..., features): (..., units).
    """

    def __init__(self, units, use_bias=True, kernel_initializer=None, dtype=None, **kwargs):
        start = kernel_initializer or Normal(0.02)
        dtype = dtype or default_policy()
        super().__init__(units, use_bias=use_bias, kernel_initializer=start, dtype=dtype, **kwargs)

    def call(self, inputs):
        *leading, features = inputs.shape
        rows = ops.reshape(inputs, (-1, features))  # (..., features) -> (rows, features)
        outputs = super().call(rows)
        return ops.reshape(outputs, (-1, *leading[1:], self.units))  # (rows, units) -> (..., units)


@keras.saving.register_keras_serializable("cct_helpers")
class MultiHeadSelfAttention(SavableLayer):
    """Every token reads from every token: softmax(Q K^T / sqrt(head size)) V, several heads side by side.

    One projection without bias makes queries, keys and values; another, with bias, mixes the heads ("Attention Is All
    You Need", https://arxiv.org/abs/1706.03762, section 3.2; the authors' src/utils/transformers.py).

    Args:
        num_heads: heads; each gets dim / num_heads numbers of a token.
        dropout: rate at which attention weights are dropped in training.
        output_dropout: rate at which outputs are dropped in training.

    Returns:
        When called with tokens (batch, tokens, dim): the same shape.

    Raises:
        ValueError: for a rate outside [0, 1), or when dim is not a multiple of `num_heads`.
    """

    config_names = ("num_heads", "dropout", "output_dropout")

    def __init__(self, num_heads, dropout=0.0, output_dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        self.num_heads = num_heads
        self.dropout = as_rate("dropout", dropout)
        self.output_dropout = as_rate("output_dropout", output_dropout)
        self.drop_weights = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.drop_outputs = keras.layers.Dropout(output_dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        dim = input_shape[-1]
        check_heads(dim, self.num_heads)
        self.dim, self.head_size = dim, dim // self.num_heads
        self.qkv = Linear(3 * dim, use_bias=False, dtype=self.dtype_policy, name="qkv")
        self.projection = Linear(dim, dtype=self.dtype_policy, name="projection")
        self.qkv.build(input_shape)
        self.projection.build(input_shape)

    def queries_keys_values(self, tokens):
        """(batch, tokens, dim) -> three arrays of (batch, heads, tokens, head size)."""
        qkv = ops.reshape(self.qkv(tokens), (-1, tokens.shape[1], 3, self.num_heads, self.head_size))
        # (batch, tokens, 3, heads, size) -> (3, batch, heads, tokens, size)
        qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))
        # Not qkv[0] and so on: the gradient of an index fills all of qkv with zeros.
        return ops.unstack(qkv, axis=0)

    def weights_from(self, queries, keys):
        """How much each token reads from each, softmax(Q K^T / sqrt(head size)): every row sums to 1.

        Args:
            queries: (batch, heads, tokens, head size).
            keys: the same shape.

        Returns:
            (batch, heads, tokens, tokens): entry [b, h, i, j] is what token i reads from token j.
        """
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
        # -> (batch, tokens, heads, head size)
        heads = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
        mixed = self.projection(ops.reshape(heads, (-1, tokens.shape[1], self.dim)))
        return self.drop_outputs(mixed, training=training)


@keras.saving.register_keras_serializable("cct_helpers")
class StochasticDepth(SavableLayer):
    """In training, replace a whole residual branch by zeros, image by image (https://arxiv.org/abs/1603.09382).

    Each image keeps its branch with probability 1 - rate; a kept branch is divided by 1 - rate, so that its mean stays
    the same. Outside training nothing changes. Every layer draws from a generator of its own.

    Args:
        rate: probability of dropping a branch.
        seed: whole number for a repeatable sequence; None draws one.

    Returns:
        When called with a branch (batch, ...): the same shape.

    Raises:
        ValueError: unless 0 <= rate < 1.
    """

    config_names = ("rate", "seed")

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = as_rate("rate", rate), seed
        if self.rate > 0:
            self.generator = keras.random.SeedGenerator(seed)

    def call(self, branch, training=False):
        if not training or self.rate == 0:
            return branch
        keep = 1 - self.rate
        one_draw_an_image = (ops.shape(branch)[0],) + (1,) * (len(branch.shape) - 1)
        mask = ops.floor(
            keep + keras.random.uniform(one_draw_an_image, seed=self.generator, dtype="float32"),
        )
        return branch * ops.cast(mask / keep, branch.dtype)


@keras.saving.register_keras_serializable("cct_helpers")
class TransformerBlock(SavableLayer):
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

    Returns:
        When called with tokens (batch, tokens, dim): the same shape.

    Raises:
        ValueError: for rates outside [0, 1), heads that do not divide dim, or an MLP without hidden units.
    """

    config_names = ("num_heads", "mlp_ratio", "dropout", "attention_dropout", "stochastic_depth")

    def __init__(self, num_heads, mlp_ratio=1, dropout=0.0, attention_dropout=0.1, stochastic_depth=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.mlp_ratio = num_heads, mlp_ratio
        self.dropout = as_rate("dropout", dropout)
        self.attention_dropout = as_rate("attention_dropout", attention_dropout)
        self.stochastic_depth = as_rate("stochastic_depth", stochastic_depth)
        policy = {"dtype": self.dtype_policy}
        self.pre_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="pre_norm", **policy)
        self.attention = MultiHeadSelfAttention(num_heads, attention_dropout, dropout, name="attention", **policy)
        self.drop_attention = StochasticDepth(stochastic_depth, name="drop_attention", **policy)
        self.norm1 = keras.layers.LayerNormalization(epsilon=1e-5, name="norm1", **policy)
        self.drop_hidden = keras.layers.Dropout(dropout, name="drop_hidden", **policy)
        self.drop_output = keras.layers.Dropout(dropout, name="drop_output", **policy)
        self.drop_mlp = StochasticDepth(stochastic_depth, name="drop_mlp", **policy)

    def build(self, input_shape):
        batch, tokens, dim = input_shape
        hidden = hidden_units(dim, self.mlp_ratio)
        self.linear1 = Linear(hidden, name="linear1", dtype=self.dtype_policy)
        self.linear2 = Linear(dim, name="linear2", dtype=self.dtype_policy)
        for layer in (self.pre_norm, self.attention, self.norm1, self.linear1):
            layer.build(input_shape)
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
class SequencePooling(SavableLayer):
    """A learned weighted mean of the tokens (the paper's "SeqPool"): softmax(g(x))^T x.

    One linear layer scores every token, a softmax over the tokens turns scores into weights. Its bias adds the same to
    every score, so the softmax cancels it; it is kept to match the authors' checkpoints.

    Returns:
        When called with tokens (batch, tokens, dim): the pooled vectors (batch, dim).
    """

    def build(self, input_shape):
        self.score = Linear(1, name="score", dtype=self.dtype_policy)
        self.score.build(input_shape)

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[2]

    def weights_over_tokens(self, tokens):
        """The share of each token in the mean: (batch, tokens, dim) -> (batch, tokens); rows sum to 1."""
        scores = ops.squeeze(self.score(tokens), axis=-1)  # (batch, tokens, 1) -> (batch, tokens)
        return ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)

    def call(self, tokens):
        weights = self.weights_over_tokens(tokens)[:, None]  # (batch, tokens) -> (batch, 1, tokens)
        return ops.squeeze(ops.matmul(weights, tokens), axis=1)  # (batch, 1, dim) -> (batch, dim)

"""From an image to a sequence of tokens: tokenizers, class token and positions, on plain Keras 3 (every backend).

Paper: Hassani et al., Escaping the Big Data Paradigm with Compact Transformers, https://arxiv.org/abs/2104.05704
"""

import numbers

import keras
import numpy as np
from keras import ops

from cct_helpers.initializers import Normal
from cct_helpers.layers import Layer, check_positive


@keras.saving.register_keras_serializable("cct_helpers")
class PatchTokenizer(Layer):
    """Cut an image into square patches, one token each (ViT, https://arxiv.org/abs/2010.11929, section 3.1).

    A convolution whose stride equals its kernel, with bias: each patch is seen by one token and by no other.

    Args:
        patch_size: side of a patch, in pixels.
        dim: numbers per token.

    (batch, height, width, channels) -> (batch, tokens, dim), tokens = height / patch_size * width / patch_size,
    in reading order. Raises ValueError when a side is not a multiple of `patch_size`.
    """

    config_names = ("patch_size", "dim")

    def __init__(self, patch_size, dim, **kwargs):
        super().__init__(**kwargs)
        check_positive(patch_size=patch_size, dim=dim)
        self.patch_size, self.dim = patch_size, dim
        self.conv = keras.layers.Conv2D(
            dim, patch_size, strides=patch_size, kernel_initializer=Normal(), dtype=self.dtype_policy, name="conv"
        )

    def grid(self, height, width):
        """Rows and columns of tokens for an image of that many pixels."""
        if height < 1 or width < 1 or height % self.patch_size or width % self.patch_size:
            raise ValueError(
                f"An image of {height}x{width} pixels cannot be cut into patches of {self.patch_size}x"
                f"{self.patch_size}: both sides must be multiples of patch_size. Resize the image or choose another "
                "patch_size."
            )
        return height // self.patch_size, width // self.patch_size

    def build(self, shape):
        self.grid(*shape[1:3])
        self.conv.build(shape)

    def call(self, images):
        patches = self.conv(images)
        rows, columns = self.grid(*images.shape[1:3])
        # (batch, rows, columns, dim) -> (batch, tokens, dim)
        return ops.reshape(patches, (-1, rows * columns, self.dim))


@keras.saving.register_keras_serializable("cct_helpers")
class ConvTokenizer(Layer):
    """Turn an image into tokens with convolutions (the paper's tokenizer): MaxPool(ReLU(Conv2d(x))).

    Every convolution has no bias and is followed by a ReLU and a max-pool of 3x3 with stride 2, padded by 1 on all
    sides. Neighbouring tokens see overlapping pixels.

    Args:
        dim: numbers per token, the channels of the last convolution.
        kernel_size, stride, padding: of each convolution, in pixels; zeros are padded on all four sides.
        num_conv_layers: how many convolution + ReLU + pool steps.
        hidden_channels: channels between the steps.

    (batch, height, width, channels) -> (batch, tokens, dim), in reading order; `grid` gives the number of tokens.
    Raises ValueError when the image is smaller than the kernel.
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
                use_bias=False,
                kernel_initializer=Normal(),
                dtype=self.dtype_policy,
                name=f"conv_{i}",
            )
            for i, channels in enumerate([hidden_channels] * (num_conv_layers - 1) + [dim])
        ]

    def grid(self, height, width):
        """Rows and columns of tokens for an image of that many pixels."""
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

    def build(self, shape):
        self.grid(*shape[1:3])
        channels = [shape[-1]] + [self.hidden_channels] * (len(self.convs) - 1)
        for conv, given in zip(self.convs, channels, strict=True):
            conv.build((None, None, None, given))

    def call(self, images):
        features = images
        for conv in self.convs:
            if not self.centred:
                features = pad(features, self.padding)
            features = conv(features)
            # A max of values, zeros and then a ReLU: the ReLU may come after the pool, on a quarter of the values.
            features = ops.relu(ops.max_pool(pad(features, 1), 3, strides=2, padding="valid"))
        rows, columns = self.grid(*images.shape[1:3])
        # (batch, rows, columns, dim) -> (batch, tokens, dim)
        return ops.reshape(features, (-1, rows * columns, self.dim))


def pad(images, pixels):
    """Zeros on all four sides: (batch, h, w, channels) -> (batch, h + 2 pixels, w + 2 pixels, channels)."""
    return ops.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])


@keras.saving.register_keras_serializable("cct_helpers")
class ClassToken(Layer):
    """Put one learned token, zeros at the start, first: (batch, tokens, dim) -> (batch, 1 + tokens, dim)."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="zeros", name="token")

    def call(self, tokens):
        first = ops.zeros_like(tokens[:, :1]) + ops.cast(self.token, tokens.dtype)
        return ops.concatenate([first, tokens], axis=1)


def sine_positions(tokens, dim):
    """Fixed sine and cosine positions, (tokens, dim) float32; "Attention Is All You Need", section 3.5.

    Column i of row p is sin(p / 10000^(2 (i // 2) / dim)) for even i and the cosine of the same angle for odd i.
    """
    column = np.arange(dim)
    angles = np.arange(tokens)[:, None] / 10000 ** (2 * (column // 2) / dim)
    return np.where(column % 2 == 0, np.sin(angles), np.cos(angles)).astype("float32")


@keras.saving.register_keras_serializable("cct_helpers")
class PositionEmbedding(Layer):
    """Add to every token a vector that depends only on its place: (batch, tokens, dim) -> the same shape.

    Args:
        kind: "learned" (a trained table, started normal(0, 0.2) as the authors do), "sine" (a fixed table over the
            flat token index, `sine_positions`) or "none" (tokens pass unchanged).
        grid: (rows, columns) of the tokens, kept so that `resize_positions` knows the shape; None for a flat sequence.

    Called with other `rows` and `columns`, it adds the table resized to them, and gradients reach the table through it.
    Raises ValueError for another kind, or when the grid does not hold the tokens (one more may be a class token).
    """

    config_names = ("kind", "grid")

    def __init__(self, kind="learned", grid=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("learned", "sine", "none"):
            raise ValueError(f'Position kind must be "learned", "sine" or "none", got {kind!r}.')
        self.kind, self.grid = kind, grid and tuple(grid)

    def build(self, shape):
        tokens, dim = shape[1:]
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
        old_grid, new_grid: (rows, columns).

    Returns a float32 array of (1, rows * columns, dim), or one row more with a class token.
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

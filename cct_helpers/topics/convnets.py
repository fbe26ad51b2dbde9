"""ResNet for small images, the convolutional network that CCT is compared with, and what it costs.

He et al., Deep Residual Learning for Image Recognition, https://arxiv.org/abs/1512.03385, section 4.2: a convolution,
three stages of residual blocks with 16, 32 and 64 channels, the mean over the image, a linear head. Shortcuts have no
weights (the paper's option A). A model from here trains with `cct.fit`, on images of several sizes too.
"""

import keras
import numpy as np
from keras import ops

from cct_helpers.layers import HeNormal, Linear, SavableLayer, check_positive, default_policy, pad_zeros
from cct_helpers.models import ImageModel, _normalization, as_image_shape

STAGES = 3
LAST = dict(data_format="channels_last")  # whatever a reader's keras.json says


@keras.saving.register_keras_serializable("cct_helpers")
class Convolution(SavableLayer):
    """A 3 x 3 convolution without bias, padded by 1, whose kernel is kept as a matrix (9 * channels in, channels out).

    It computes what `keras.layers.Conv2D` computes. Kept as a matrix, the kernel can be trained by Muon, which Keras
    gives matrices alone.

    Args:
        channels: numbers that come out at each place.
        stride: step, in pixels.

    Returns:
        When called with (batch, height, width, channels in): (batch, height / stride, width / stride, channels), sides
        rounded up.

    Raises:
        ValueError: for sizes below 1.
    """

    config_names = ("channels", "stride")

    def __init__(self, channels, stride=1, **kwargs):
        super().__init__(**kwargs)
        check_positive(channels=channels, stride=stride)
        self.channels, self.stride = channels, stride

    def build(self, input_shape):
        shape = (9 * input_shape[-1], self.channels)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=HeNormal())

    def call(self, images):
        # (9 * channels in, channels) -> (3, 3, channels in, channels)
        kernel = ops.reshape(self.kernel, (3, 3, images.shape[-1], self.channels))
        if self.stride == 1:
            return ops.conv(images, kernel, padding="same", **LAST)
        return ops.conv(pad_zeros(images, 1), kernel, self.stride, "valid", **LAST)  # "same" would not be centred


@keras.saving.register_keras_serializable("cct_helpers")
class ConvolutionalTokenizer(keras.Model):
    """All convolutions of a ResNet: images of any size -> a grid of tokens (batch, rows, columns, channels)."""

    def grid(self, height, width):
        """(rows, columns) of tokens for an image of so many pixels: each stage after the first halves the sides."""
        return tuple(-(-side // 2 ** (STAGES - 1)) for side in (height, width))


def residual_block(x, channels, stride=1):
    """ReLU(shortcut + branch): (batch, h, w, any) -> (batch, h/stride, w/stride, channels)."""
    y = activate(normalize(Convolution(channels, stride)(x)))
    y = normalize(Convolution(channels)(y))
    if stride > 1:
        x = x[:, ::stride, ::stride]  # the paper's option A: every second pixel,
    if x.shape[-1] < channels:
        # and zeros in the channels that are new
        x = ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, channels - x.shape[-1]]])
    return activate(keras.layers.Add(dtype=default_policy())([x, y]))


def normalize(x):
    """Batch normalisation: each channel with the mean and variance of the batch, or when used, of the training."""
    return keras.layers.BatchNormalization(axis=-1, momentum=0.9, epsilon=1e-5, dtype=default_policy())(x)


def activate(x):
    """ReLU."""
    return keras.layers.ReLU(dtype=default_policy())(x)


def blocks_of_stage(depth):
    """How many residual blocks each stage has in a ResNet of this depth."""
    blocks = (depth - 2) // 6 if isinstance(depth, int) else 0
    if blocks < 1 or depth != 6 * blocks + 2:
        raise ValueError(f"depth must be 6 n + 2 with n from 1, such as 8, 14, 20 or 56, got {depth!r}.")
    return blocks


def build_resnet(depth=20, *, input_shape=(32, 32, 3), num_classes=10, normalization=None, width=16):
    """Build the paper's ResNet for CIFAR-10.

    Args:
        depth: layers with weights, 6 n + 2: 20, 32, 44, 56, 110 in the paper, or 8 and 14.
        input_shape: (height, width, channels) of the images, pixels.
        num_classes: number of logits.
        normalization: as in `build_cct`.
        width: channels of the first stage; the second has twice, the third four times as many.

    Returns:
        A keras.Model, images (batch, height, width, channels) -> logits (batch, num_classes). Its layers: the
        normalization if any, "tokenizer" (all convolutions), "pooling" (the mean of all tokens), "head".

    Raises:
        ValueError: for another depth or shape, or a normalization that does not fit the channels.
    """
    blocks = blocks_of_stage(depth)
    check_positive(num_classes=num_classes, width=width)
    shape = as_image_shape(input_shape)

    pixels = keras.Input((None, None, shape[-1]), dtype="float32", name="pixels")
    x = activate(normalize(Convolution(width)(pixels)))
    for stage in range(STAGES):
        for block in range(blocks):
            x = residual_block(x, width * 2**stage, stride=2 if stage and not block else 1)
    tokenizer = ConvolutionalTokenizer(pixels, x, name="tokenizer")

    images = keras.Input(shape, dtype="float32", name="images")
    x = images if normalization is None else _normalization(normalization, shape[-1])(images)
    x = keras.layers.GlobalAveragePooling2D(**LAST, dtype=default_policy(), name="pooling")(tokenizer(x))
    return ImageModel(images, Linear(num_classes, dtype="float32", name="head")(x), name=f"resnet_{depth}")


def resnet_costs(depth=20, input_shape=(32, 32, 3), num_classes=10, width=16):
    """Parameters and MACs of a model that `build_resnet` would build, by arithmetic alone.

    Args:
        depth, input_shape, num_classes, width: as in `build_resnet`.

    Returns:
        A dict as `costs.model_costs` gives: "parameters" and "macs", each a dict with "convolutions", "norms" and
        "head"; "grid", the (rows, columns) of the last map. A norm has two trained numbers a channel; its running mean
        and variance, which are not trained, are not counted.

    Raises:
        ValueError: as `build_resnet`.
    """
    blocks = blocks_of_stage(depth)
    check_positive(num_classes=num_classes, width=width)
    rows, columns, given = as_image_shape(input_shape)
    layers = [(width, 1)]
    for stage in range(STAGES):
        for block in range(blocks):
            layers += [(width * 2**stage, 2 if stage and not block else 1), (width * 2**stage, 1)]
    weights = macs = norms = 0
    for made, stride in layers:
        rows, columns = -(-rows // stride), -(-columns // stride)
        weights += 9 * given * made
        macs += rows * columns * 9 * given * made
        norms += 2 * made
        given = made
    parameters = {"convolutions": weights, "norms": norms, "head": given * num_classes + num_classes}
    return {
        "parameters": parameters,
        "macs": {"convolutions": macs, "norms": 0, "head": given * num_classes},
        "grid": (rows, columns),
    }


def move(images, pixels, seed=0):
    """Every image moved by `pixels` up, down, left or right; what comes in is 0, as in training.

    Args:
        images: (n, height, width, channels), any dtype.
        pixels: how far, 0 or more.
        seed: draws the direction of each image.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for a distance that leaves nothing of an image.
    """
    height, width = images.shape[1:3]
    if not 0 <= pixels < min(height, width):
        raise ValueError(f"pixels must be from 0 to {min(height, width) - 1} for these images, got {pixels}.")
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    starts = pixels * np.array([[0, 1], [2, 1], [1, 0], [1, 2]])  # (top, left) of what is cut out
    chosen = starts[np.random.default_rng(seed).integers(4, size=len(images))].tolist()
    pairs = zip(padded, chosen, strict=True)
    return np.stack([image[top : top + height, left : left + width] for image, (top, left) in pairs])


def cover(images, side, seed=0):
    """A square of each image covered with the image's mean colour, at a random place.

    Args:
        images: (n, height, width, channels), any dtype.
        side: of the square, in pixels, 0 or more.
        seed: draws the places.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: for a square that does not fit into an image.
    """
    height, width = images.shape[1:3]
    if not 0 <= side <= min(height, width):
        raise ValueError(f"side must be from 0 to {min(height, width)} for these images, got {side}.")
    covered, rng = images.copy(), np.random.default_rng(seed)
    tops, lefts = (rng.integers(0, whole - side + 1, size=len(images)) for whole in (height, width))
    for image, top, left in zip(covered, tops, lefts, strict=True):
        image[top : top + side, left : left + side] = image.mean(axis=(0, 1))
    return covered

"""Whole models from images to logits: CCT, and the two steps on the way to it, ViT-Lite and CVT.

Paper: Hassani et al., Escaping the Big Data Paradigm with Compact Transformers, https://arxiv.org/abs/2104.05704
"""

import difflib

import keras
import numpy as np

from cct_helpers.layers import (
    ClassToken,
    ConvTokenizer,
    Linear,
    PatchTokenizer,
    PositionEmbedding,
    SequencePooling,
    TransformerBlock,
    as_rate,
    check_heads,
    check_positive,
    default_policy,
    hidden_units,
)

# The authors' sizes (their src/cct.py, src/cvt.py, src/vit.py), by layers: dim, heads, MLP ratio.
ENCODERS = {
    2: dict(num_layers=2, dim=128, num_heads=2, mlp_ratio=1),
    4: dict(num_layers=4, dim=128, num_heads=2, mlp_ratio=1),
    6: dict(num_layers=6, dim=256, num_heads=4, mlp_ratio=2),
    7: dict(num_layers=7, dim=256, num_heads=4, mlp_ratio=2),
    14: dict(num_layers=14, dim=384, num_heads=6, mlp_ratio=3),
}


def _variants():
    small = dict(kernel_size=3, stride=1, padding=1, hidden_channels=64, image_size=32)
    large = dict(kernel_size=7, stride=2, padding=3, hidden_channels=64, num_conv_layers=2)
    sizes = {
        f"cct_{layers}_3x{convs}_32": {**ENCODERS[layers], **small, "num_conv_layers": convs}
        for layers, convs in [(2, 2), (4, 2), (6, 1), (6, 2), (7, 1), (7, 2)]
    }
    sizes["cct_7_7x2_224"] = {**ENCODERS[7], **large, "image_size": 224}
    sizes["cct_14_7x2_224"] = {**ENCODERS[14], **large, "image_size": 224}
    sizes["cct_14_7x2_384"] = {**ENCODERS[14], **large, "image_size": 384}
    for family in ("cvt", "vit"):
        for layers in (2, 4, 6, 7):
            sizes[f"{family}_{layers}_4_32"] = {**ENCODERS[layers], "patch_size": 4, "image_size": 32}
    learned = {name: {**size, "position": "learned"} for name, size in sizes.items()}
    sine = {f"{name}_sine": {**size, "position": "sine"} for name, size in sizes.items()}
    return {**learned, **sine}


VARIANTS = _variants()

REGULARIZATION = dict(stochastic_depth=0.1, attention_dropout=0.1, dropout=0.0)


@keras.saving.register_keras_serializable("cct_helpers")
class ImageModel(keras.Model):
    """A functional model that refuses images of another shape.

    Keras lets a missing or extra channel axis of 1 pass, and a normalization by channel would then spread one channel
    over three in silence.
    """

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build the model that a saved file describes, with one input and not, as Keras 3.10 has it, a list of one."""
        layers = config["input_layers"]
        layers = layers[0] if len(layers) == 1 else layers
        return super().from_config({**config, "input_layers": layers}, custom_objects)

    @property
    def input_spec(self):
        return keras.layers.InputSpec(shape=self.input_shape, name="images")


def build_cct(
    variant="cct_2_3x2_32", *, input_shape=None, num_classes=10, position=None, normalization=None, **overrides
):
    """Build a Compact Convolutional Transformer: convolutional tokens, encoder, sequence pooling, linear head.

    Args:
        variant: a name in `VARIANTS` that starts with "cct_": layers, kernel x convolutions, image side (pixels).
        input_shape: (height, width, channels) of the images, pixels; the variant's square RGB images when None.
        num_classes: number of logits.
        position: "learned", "sine" or "none"; the variant's when None.
        normalization: (mean, std), each one number or one per channel, in pixel units 0 to 255: the model then takes
            raw pixels. None takes the arrays as they come, as the authors' code does.
        **overrides: replace a size of the variant (num_layers, dim, num_heads, mlp_ratio, kernel_size, stride, padding,
            num_conv_layers, hidden_channels) or a rate (stochastic_depth, that of the last block, 0.1 by default;
            attention_dropout, 0.1; dropout, 0).

    Returns:
        A keras.Model, images (batch, height, width, channels) -> logits (batch, num_classes).

    Raises:
        ValueError: for an unknown variant or override, and for sizes that do not fit together.
    """
    return _build("cct", variant, input_shape, num_classes, position, normalization, overrides)


def build_cvt(
    variant="cvt_7_4_32", *, input_shape=None, num_classes=10, position=None, normalization=None, **overrides
):
    """Build a Compact Vision Transformer: patch tokens, encoder, sequence pooling, linear head (the paper's CVT).

    Args:
        variant: a name in `VARIANTS` that starts with "cvt_": layers, patch side (pixels), image side (pixels).
        input_shape, num_classes, position, normalization: as in `build_cct`.
        **overrides: as in `build_cct`, but of the tokenizer only patch_size, in pixels.

    Returns:
        As `build_cct`.

    Raises:
        ValueError: as in `build_cct`, and for an image whose sides are no multiples of patch_size.
    """
    return _build("cvt", variant, input_shape, num_classes, position, normalization, overrides)


def build_vit_lite(
    variant="vit_7_4_32", *, input_shape=None, num_classes=10, position=None, normalization=None, **overrides
):
    """Build a ViT-Lite: patch tokens, a class token before them, encoder, linear head on the class token.

    Args:
        variant: a name in `VARIANTS` that starts with "vit_": layers, patch side (pixels), image side (pixels).
        input_shape, num_classes, position, normalization: as in `build_cct`.
        **overrides: as in `build_cvt`.

    Returns:
        As `build_cct`.

    Raises:
        ValueError: as in `build_cvt`.
    """
    return _build("vit", variant, input_shape, num_classes, position, normalization, overrides)


def _build(family, variant, input_shape, num_classes, position, normalization, overrides):
    size = sizes_of(family, variant, overrides)
    height, width, channels = as_image_shape(input_shape or (size["image_size"], size["image_size"], 3))
    check_positive(num_classes=num_classes)

    images = keras.Input((height, width, channels), dtype="float32", name="images")
    x = images if normalization is None else _normalization(normalization, channels)(images)
    tokenizer = tokenizer_of(family, size)
    grid = tokenizer.grid(height, width)
    x = tokenizer(x)
    if family == "vit":
        x = ClassToken(name="class_token")(x)
    x = PositionEmbedding(position or size["position"], grid, name="position")(x)
    if size["dropout"]:
        x = keras.layers.Dropout(size["dropout"], dtype=default_policy(), name="dropout")(x)
    # The rate grows with depth, from 0 in the first block: https://arxiv.org/abs/1603.09382, section 3.
    for i, rate in enumerate(np.linspace(0, size["stochastic_depth"], size["num_layers"])):
        x = TransformerBlock(
            size["num_heads"], size["mlp_ratio"], size["dropout"], size["attention_dropout"], rate, name=f"block_{i}"
        )(x)
    x = keras.layers.LayerNormalization(epsilon=1e-5, dtype=default_policy(), name="norm")(x)
    x = x[:, 0] if family == "vit" else SequencePooling(name="pooling")(x)
    # Logits stay float32 under mixed precision, so that the loss is exact.
    logits = Linear(num_classes, dtype="float32", name="head")(x)
    return ImageModel(images, logits, name=variant)


def at_size(model, height, width):
    """The same model for images of another size: it shares every weight, and training one trains the other.

    The position table is resized on the way, as in `resize_positions`.

    Args:
        model: from `build_cct`, `build_cvt` or `build_vit_lite`.
        height: of the images, in pixels.
        width: of the images, in pixels.

    Returns:
        A keras.Model from images (batch, height, width, channels) to logits.

    Raises:
        ValueError: for a size that the tokenizer cannot take.
    """
    height, width, channels = as_image_shape((height, width, model.input_shape[-1]))
    images = keras.Input((height, width, channels), dtype="float32", name="images")
    rows, columns = model.get_layer("tokenizer").grid(height, width)
    layers = model.layers[1:]  # the first is the input
    x = images
    for layer in layers[:-1]:
        x = layer(x, rows=rows, columns=columns) if layer.name == "position" else layer(x)
    if any(layer.name == "class_token" for layer in layers):
        x = x[:, 0]
    return ImageModel(images, layers[-1](x), name=model.name)


def sizes_of(family, variant, overrides):
    """The sizes of a variant with the overrides put in, a dict; ValueError for names that do not exist."""
    known = [name for name in VARIANTS if name.startswith(family + "_")] or list(VARIANTS)
    if variant not in known:
        close = difflib.get_close_matches(str(variant), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Unknown variant {variant!r}.{hint} Known: {', '.join(known)}.")
    size = {**VARIANTS[variant], **REGULARIZATION}
    unknown = sorted(set(overrides) - (set(size) - {"position", "image_size"}))
    if unknown:
        allowed = sorted(set(size) - {"position", "image_size"})
        raise ValueError(f"{variant} has no setting {', '.join(unknown)}. It has {', '.join(allowed)}.")
    size.update(overrides)
    check_positive(**{name: size[name] for name in ("num_layers", "dim", "num_heads")})
    check_heads(size["dim"], size["num_heads"])
    hidden_units(size["dim"], size["mlp_ratio"])
    for name in REGULARIZATION:
        as_rate(name, size[name])
    return size


def as_image_shape(shape):
    """(height, width, channels) as whole numbers, or ValueError."""
    of_three = isinstance(shape, (tuple, list)) and len(shape) == 3
    if not of_three or not all(isinstance(side, (int, np.integer)) and side >= 1 for side in shape):
        raise ValueError(f"input_shape must be (height, width, channels), whole numbers of at least 1, got {shape}.")
    return tuple(int(side) for side in shape)


def tokenizer_of(family, size):
    """The tokenizer layer of a model with these sizes, not yet built."""
    if family == "cct":
        names = ("kernel_size", "stride", "padding", "num_conv_layers", "hidden_channels")
        return ConvTokenizer(size["dim"], **{name: size[name] for name in names}, name="tokenizer")
    return PatchTokenizer(size["patch_size"], size["dim"], name="tokenizer")


def _normalization(mean_and_std, channels):
    """A layer for (pixels - mean) / std, constants for each channel."""
    pair = mean_and_std if isinstance(mean_and_std, (tuple, list, np.ndarray)) else [mean_and_std]
    parts = [np.asarray(part, "float64").ravel() for part in pair]
    if len(parts) != 2 or any(len(part) not in (1, channels) for part in parts):
        raise ValueError(
            f"normalization must be (mean, std), each one number or one for each of {channels} channels, "
            f"got {mean_and_std}."
        )
    mean, std = (np.broadcast_to(part, channels) for part in parts)
    if not np.all(std > 0):
        raise ValueError(f"normalization needs a std above 0 for every channel, got {std.tolist()}.")
    numbers = dict(mean=mean.tolist(), variance=(std**2).tolist())
    return keras.layers.Normalization(axis=-1, **numbers, dtype=default_policy(), name="normalization")

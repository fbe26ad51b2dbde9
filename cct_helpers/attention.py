"""What a trained model reads from where: attention maps, rollout and pooling weights, as NumPy arrays."""

import keras
import numpy as np


def blocks_of(model):
    """The encoder blocks of a model, first to last."""
    return [layer for layer in model.layers if layer.name.startswith("block_")]


def tokens_entering(model, images, layer_names, batch_size=128):
    """The tokens that each named layer receives, computed in one pass.

    Args:
        model: from `build_cct`, `build_cvt` or `build_vit_lite`.
        images: (batch, height, width, channels).
        layer_names: names of layers.
        batch_size: images computed at a time.

    Returns:
        A list of arrays (batch, tokens, dim), one a name.

    Raises:
        ValueError: when the images do not fit the model.
    """
    check_images(model, images)
    inner = keras.Model(model.input, {name: model.get_layer(name).input for name in layer_names})
    images = np.asarray(images, "float32")
    batches = [inner(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    return [np.concatenate([keras.ops.convert_to_numpy(batch[name]) for batch in batches]) for name in layer_names]


def check_images(model, images):
    """Raise ValueError unless `images` is (batch, height, width, channels) with the sizes that the model takes."""
    given, wanted = tuple(np.shape(images)), tuple(model.input_shape[1:])
    if given[1:] != wanted:
        raise ValueError(
            f"The model takes images of shape (batch, {', '.join(map(str, wanted))}), got {given}. "
            "A single image needs a batch axis: images[None]."
        )


def attention_maps(model, images):
    """Attention weights of every block and head, without dropout.

    Args:
        model: from `build_cct`, `build_cvt` or `build_vit_lite`.
        images: (batch, height, width, channels).

    Returns:
        A float32 array (layers, batch, heads, tokens, tokens): entry [l, b, h, i, j] is how much token i reads from
        token j; each row sums to 1.

    Raises:
        ValueError: when the images do not fit the model.
    """
    blocks = blocks_of(model)
    entering = tokens_entering(model, images, [block.name for block in blocks])
    maps = [
        keras.ops.convert_to_numpy(block.attention.attention_weights(block.pre_norm(tokens)))
        for block, tokens in zip(blocks, entering, strict=True)
    ]
    return np.stack(maps).astype("float32")


def attention_rollout(maps):
    """Follow attention through all layers (Abnar and Zuidema, https://arxiv.org/abs/2005.00928, section 3).

    In each layer the heads are averaged, and half of a token is taken to be its own past, because of the residual
    connection: (A + I) / 2. The layers are then multiplied, the last one leftmost.

    Args:
        maps: (layers, batch, heads, tokens, tokens), from `attention_maps`.

    Returns:
        An array (batch, tokens, tokens): the share of input token j in output token i; each row sums to 1.

    Raises:
        ValueError: for maps of another shape.
    """
    maps = np.asarray(maps)
    if maps.ndim != 5 or maps.shape[-1] != maps.shape[-2]:
        raise ValueError(f"maps must be (layers, batch, heads, tokens, tokens), got shape {maps.shape}.")
    with_residual = (maps.mean(axis=2) + np.eye(maps.shape[-1], dtype=maps.dtype)) / 2
    rollout = with_residual[0]
    for layer in with_residual[1:]:
        rollout = layer @ rollout
    return rollout


def pooling_weights(model, images):
    """The share of each token in the pooled vector.

    Args:
        model: from `build_cct` or `build_cvt`.
        images: (batch, height, width, channels).

    Returns:
        A float32 array (batch, tokens); each row sums to 1.

    Raises:
        ValueError: for a model without sequence pooling (a ViT-Lite reads its class token instead), or images that do
            not fit the model.
    """
    if "pooling" not in [layer.name for layer in model.layers]:
        raise ValueError(f"{model.name} has no sequence pooling: use a model from build_cct or build_cvt.")
    (tokens,) = tokens_entering(model, images, ["pooling"])
    return keras.ops.convert_to_numpy(model.get_layer("pooling").weights_over_tokens(tokens)).astype("float32")


def entropy_bits(weights):
    """How widely weights are spread: their entropy, sum over i of w_i log2(1 / w_i).

    Args:
        weights: (..., tokens), not negative, with the sum 1 over the last axis.

    Returns:
        An array (...), in bits: 0 where one token has all the weight, log2(tokens) where all have the same. 2 to this
        power is the number of equal tokens with the same entropy.
    """
    weights = np.asarray(weights, "float64")
    return np.sum(weights * np.log2(1 / np.where(weights > 0, weights, 1)), axis=-1)  # a weight of 0 adds nothing


def token_votes(model, images):
    """The part of each token in each logit, signed.

    Sequence pooling is a weighted mean and the head is linear, so a logit is a sum over tokens, with nothing left out:
    logit_c = sum over t of w_t (head_c . x_t) + bias_c. Here stands each w_t (head_c . x_t). The tokens x_t are those
    after the last norm; they have read from the whole image.

    Args:
        model: from `build_cct` or `build_cvt`.
        images: (batch, height, width, channels).

    Returns:
        An array (batch, tokens, classes); its sum over tokens is the logits without their bias.

    Raises:
        ValueError: as `pooling_weights` does.
    """
    weights = pooling_weights(model, images)
    (tokens,) = tokens_entering(model, images, ["pooling"])
    head = keras.ops.convert_to_numpy(model.get_layer("head").kernel)
    return weights[:, :, None] * (tokens.astype("float32") @ head)

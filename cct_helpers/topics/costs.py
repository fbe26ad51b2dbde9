"""What a model costs, by arithmetic alone: parameters and multiply-accumulates of each part. No model is built.

A multiply-accumulate (MAC) is one product added to a sum. Only convolutions and matrix products are counted, for one
image, as usual; norms, activations and softmax are left out.
"""

from cct_helpers.layers import PositionEmbedding
from cct_helpers.models import as_image_shape, sizes_of, tokenizer_of

COUNTED = ("tokenizer", "position", "attention projections", "attention products", "MLP", "norms", "pooling", "head")


def model_costs(variant="cct_2_3x2_32", input_shape=None, num_classes=10, position=None, **overrides):
    """Parameters and MACs of a model that `build_cct`, `build_cvt` or `build_vit_lite` would build.

    Args:
        variant: a name in `VARIANTS`.
        input_shape: (height, width, channels) of the images, pixels; the variant's when None.
        num_classes: number of logits.
        position: "learned", "sine" or "none"; the variant's when None.
        **overrides: as in `build_cct`.

    Returns:
        A dict: "parameters" and "macs", each a dict by part, with the names in `COUNTED`; "tokens", the length of the
        sequence; "grid", its (rows, columns). "attention products" are Q K^T and the weighted sum of the values: the
        MACs that the authors publish leave them out. A ViT-Lite's class token is counted as its "pooling".

    Raises:
        ValueError: for sizes that no model can have.
    """
    family = str(variant)[:3]
    size = sizes_of(family, variant, overrides)
    height, width, channels = as_image_shape(input_shape or (size["image_size"], size["image_size"], 3))
    grid = tokenizer_of(family, size).grid(height, width)
    learned = PositionEmbedding(position or size["position"]).kind == "learned"
    class_token = family == "vit"
    layers, dim = size["num_layers"], size["dim"]
    hidden = int(dim * size["mlp_ratio"])
    tokens = grid[0] * grid[1] + class_token
    convolution = _convolutions(size, height, width, channels)

    parameters = {
        "tokenizer": convolution["parameters"],
        "position": tokens * dim if learned else 0,
        "attention projections": layers * (4 * dim * dim + dim),
        "attention products": 0,
        "MLP": layers * (2 * dim * hidden + hidden + dim),
        "norms": (2 * layers + 1) * 2 * dim,
        "pooling": dim if class_token else dim + 1,
        "head": dim * num_classes + num_classes,
    }
    macs = {
        "tokenizer": convolution["macs"],
        "position": 0,
        "attention projections": layers * tokens * 4 * dim * dim,
        "attention products": layers * 2 * tokens * tokens * dim,
        "MLP": layers * tokens * 2 * dim * hidden,
        "norms": 0,
        "pooling": 0 if class_token else 2 * tokens * dim,
        "head": dim * num_classes,
    }
    return {"parameters": parameters, "macs": macs, "tokens": tokens, "grid": grid}


def _convolutions(size, height, width, channels):
    """Parameters and MACs of the tokenizer's convolutions: kernel area x channels in x channels out, at each place."""
    if "patch_size" in size:
        side = size["patch_size"]
        weights = side * side * channels * size["dim"]
        return {"parameters": weights + size["dim"], "macs": height // side * (width // side) * weights}
    kernel, stride, padding = size["kernel_size"], size["stride"], size["padding"]
    outputs = [size["hidden_channels"]] * (size["num_conv_layers"] - 1) + [size["dim"]]
    parameters = macs = 0
    for given, made in zip([channels, *outputs], outputs, strict=False):
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        parameters += kernel * kernel * given * made
        macs += height * width * kernel * kernel * given * made
        height, width = ((side - 1) // 2 + 1 for side in (height, width))  # the max-pool halves
    return {"parameters": parameters, "macs": macs}

"""Outputs of the authors' PyTorch code with random weights (tests/golden/*.npz), and the models to repeat them."""

import pathlib

import numpy as np

import cct_helpers as cct

FOLDER = pathlib.Path(__file__).parents[1] / "golden"
SMALL = dict(dim=32, num_layers=2, num_heads=2)
COLOUR = dict(input_shape=(16, 16, 3), num_classes=5)

MODELS = {
    "cct_2_3x2_32": (cct.build_cct, "cct_2_3x2_32", {}),
    "cct_tiny_learned": (cct.build_cct, "cct_2_3x2_32", {**SMALL, **COLOUR, "mlp_ratio": 2}),
    "cct_tiny_sine": (cct.build_cct, "cct_2_3x2_32_sine", {**SMALL, **COLOUR, "num_heads": 4}),
    "cct_tiny_7x1_none": (
        cct.build_cct,
        "cct_7_7x2_224",
        {
            **SMALL,
            "num_layers": 3,
            "num_conv_layers": 1,
            "input_shape": (33, 33, 1),
            "num_classes": 4,
            "position": "none",
        },
    ),
    "cct_tiny_7x2_wide": (cct.build_cct, "cct_7_7x2_224", {**SMALL, "input_shape": (32, 48, 1), "num_classes": 4}),
    "cct_tiny_5x3_tall": (
        cct.build_cct,
        "cct_2_3x2_32_sine",
        {**SMALL, "kernel_size": 5, "padding": 2, "num_conv_layers": 3, "input_shape": (40, 24, 3), "num_classes": 4},
    ),
    "cvt_tiny": (cct.build_cvt, "cvt_2_4_32", {**SMALL, **COLOUR, "mlp_ratio": 2}),
    "vit_lite_tiny": (cct.build_vit_lite, "vit_2_4_32", {**SMALL, **COLOUR, "mlp_ratio": 2}),
}


def build(case):
    """The Keras model of a case, with fresh weights."""
    builder, variant, overrides = MODELS[case]
    return builder(variant, **overrides)


def read(case):
    """The arrays of a case: weights by the authors' names, images (batch, h, w, channels), activations, logits."""
    with np.load(FOLDER / f"{case}.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    weights = {name.removeprefix("weight/"): array for name, array in arrays.items() if name.startswith("weight/")}
    activations = {name.removeprefix("activation/"): array for name, array in arrays.items() if "activation/" in name}
    return weights, arrays["images_nchw"].transpose(0, 2, 3, 1), activations, arrays["logits"]

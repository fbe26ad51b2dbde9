"""Compact Convolutional Transformers in Keras 3: what the notebooks of the course are built on.

    import cct_helpers as cct

Four modules tell the whole story. Read them in this order, each from top to bottom:

    layers.py      image -> tokens -> encoder block -> pooled vector: every layer of the model
    models.py      the layers put together: CCT, and CVT and ViT-Lite, the steps on the way to it
    attention.py   what a trained model reads from where, as arrays
    training.py    `fit`: batches, steps, validation, checkpoint

The others serve them; open one when you need it:

    recipes.py     settings of a training: learning rates, optimizer, augmentation
    augment.py     crops, flips, MixUp, AutoAugment: arrays in, arrays out
    data.py        data sets by name or path        images.py, npz.py   files and folders of pictures, arrays
    weights.py     the authors' checkpoints, and the trained models in weights/
    figures.py     pictures that several notebooks draw
    widgets.py     sliders and uploads              explorer.py   pages that answer on their own
    environment.py versions, device, profile
    live.*, live_pass.js, live_kernel.*, explorer.html, page.*   the pages that explorer.py fills

What belongs to one notebook has its number: plots/nb04_... draws the pictures of notebook 04, exercises/nb04_... marks
its exercises. What is the subject of a notebook or two stands in topics/.
"""

from cct_helpers.environment import profile, setup  # isort: skip  (first: it sets what Keras reads when it is imported)
from cct_helpers.attention import attention_maps, attention_rollout, entropy_bits, pooling_weights, token_votes
from cct_helpers.data import Dataset, load_dataset
from cct_helpers.exercises import check, hint, progress, solution
from cct_helpers.explorer import attention_explorer, live_model
from cct_helpers.layers import (
    ClassToken,
    ConvTokenizer,
    Linear,
    MultiHeadSelfAttention,
    PatchTokenizer,
    PositionEmbedding,
    SequencePooling,
    StochasticDepth,
    TransformerBlock,
    resize_positions,
    sine_positions,
)
from cct_helpers.models import VARIANTS, build_cct, build_cvt, build_vit_lite
from cct_helpers.recipes import RECIPES, Recipe, learning_rates
from cct_helpers.training import evaluate, fit, predict
from cct_helpers.weights import load_pretrained, load_reference_weights, pretrained_names, reference_weights
from cct_helpers.widgets import explore, show

__all__ = [
    *("setup", "profile", "load_dataset", "Dataset"),
    *("PatchTokenizer", "ConvTokenizer", "ClassToken", "PositionEmbedding", "sine_positions", "resize_positions"),
    *("MultiHeadSelfAttention", "StochasticDepth", "TransformerBlock", "SequencePooling", "Linear"),
    *("build_cct", "build_cvt", "build_vit_lite", "VARIANTS"),
    *("load_pretrained", "pretrained_names", "load_reference_weights", "reference_weights"),
    *("attention_maps", "attention_rollout", "pooling_weights", "token_votes", "entropy_bits"),
    *("fit", "Recipe", "RECIPES", "learning_rates", "evaluate", "predict"),
    *("check", "hint", "solution", "progress"),
    *("show", "explore", "attention_explorer", "live_model"),
]


def __dir__():
    return sorted(__all__)

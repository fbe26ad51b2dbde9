"""Helpers of the course on Compact Convolutional Transformers. Use: `import cct_helpers as cct`."""

from cct_helpers.environment import profile, setup  # isort: skip  (first: it sets what Keras reads when it is imported)
from cct_helpers.attention import attention_maps, attention_rollout, pooling_weights, token_votes
from cct_helpers.checks import check, progress
from cct_helpers.data import Dataset, load_dataset
from cct_helpers.evaluation import evaluate, predict
from cct_helpers.explorer import attention_explorer
from cct_helpers.layers import (
    Linear,
    MultiHeadSelfAttention,
    SequencePooling,
    StochasticDepth,
    TransformerBlock,
)
from cct_helpers.models import VARIANTS, build_cct, build_cvt, build_vit_lite
from cct_helpers.recipes import RECIPES, Recipe, learning_rates
from cct_helpers.tokenizers import (
    ClassToken,
    ConvTokenizer,
    PatchTokenizer,
    PositionEmbedding,
    resize_positions,
    sine_positions,
)
from cct_helpers.training import fit
from cct_helpers.weights import load_pretrained, load_reference_weights, pretrained_names, reference_weights
from cct_helpers.widgets import explore, show

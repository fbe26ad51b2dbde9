# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Solutions: compact transformer
#
# Worked answers to the exercises of [notebook 06](../06_compact_transformer.ipynb), each with its reason and its
# wrong turns. Try them yourself first.
#
# 12 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/06_compact_transformer.ipynb)

# %% jupyter={"source_hidden": true} tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as NAME.zip, then '!unzip -q NAME.zip'."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import keras
import numpy as np

# %% [markdown]
# ## Count the parameters of the tokenizer
#
# Each convolution has `kernel * kernel` numbers for every pair of a channel that goes in and one that comes out.
#
# Wrong turns: a bias that the authors' convolutions do not have; the image's channels for every convolution; one
# convolution too many, if `convs` is taken for the hidden ones.


# %% tags=["solution"]
def tokenizer_parameters(channels, dim, kernel, convs, hidden):
    sizes = [channels] + [hidden] * (convs - 1) + [dim]  # channels on the way
    return sum(kernel * kernel * one * other for one, other in zip(sizes[:-1], sizes[1:], strict=True))


cct.check("tokenizer_parameters", tokenizer_parameters)

# %% [markdown]
# ## Which block is this?
#
# With the parts at hand, build the three kinds and compare. That is how a reimplementation is checked when nobody
# says what the original does.
#
# Wrong turn: the fourth kind of the check has a third norm, `h + mlp(norm(h))` after `h = norm(x + ...)`. It looks
# like the authors' block and like pre-norm, has the same parameters if the norms are shared, and is neither.


# %% tags=["solution"]
def kind_of_block(block, x, norm, attention, mlp):
    h = x + attention(norm(x))
    pre = h + mlp(norm(h))
    h = norm(x + attention(x))
    post = norm(h + mlp(h))
    h = norm(x + attention(norm(x)))
    authors = h + mlp(h)  # no norm on this branch
    same = [np.allclose(block(x), kind, atol=1e-4) for kind in (pre, post, authors)]
    return same.index(True) if any(same) else 3


cct.check("kind_of_block", kind_of_block)

# %% [markdown]
# ## How wide may it be?
#
# Count once, for any width, then try widths from below. A formula with a root would be faster and is easier to get
# wrong by one.
#
# Wrong turns: `<` for `<=`, so that a budget that fits exactly is refused; a width that the heads do not divide; 3 *
# dim of biases that the authors' queries, keys and values do not have.


# %% tags=["solution"]
def widest(budget, blocks, mlp_ratio, heads):
    def parameters(dim):
        hidden = mlp_ratio * dim
        attention = dim * 3 * dim + dim * dim + dim  # no bias but that of the projection
        return blocks * (attention + dim * hidden + hidden + hidden * dim + dim + 4 * dim)

    dim = 0
    while parameters(dim + heads) <= budget:
        dim += heads
    return dim


cct.check("widest", widest)

# %% [markdown]
# ## A layer that can be saved and loaded
#
# `__init__` takes all that the configuration holds, and the configuration holds all that `__init__` takes. Keras
# notes the arguments by itself when they are plain numbers and texts, so this layer would load without a `get_config`
# as well, with the factor that it was *made* with. What may change later has to be written by hand.
#
# Wrong turns: without `**kwargs` the name has nowhere to go, and `super().__init__()` without them drops it in
# silence.


# %% tags=["solution"]
class ScaleTokens(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)  # name, trainable, dtype
        self.factor = factor

    def call(self, tokens):
        return tokens * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}  # the factor of now


cct.check("scale_tokens", ScaleTokens)

# %% [markdown]
# ## All of them

# %%
cct.progress(6)
assert len(cct.exercises.solved(6)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 07](../07_training.ipynb).

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
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/06_compact_transformer.ipynb)

# %% jupyter={"source_hidden": true} tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as a .zip, run '!unzip -q NAME.zip', then this cell."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import keras

# %% [markdown]
# ## Count the parameters of a block
#
# A linear layer from a to b has a * b numbers and b biases. The number of heads is nowhere: heads share the same
# matrices.
#
# Wrong turns: each bias or norm that is forgotten shifts the count by a few hundred, which is too little to notice in
# millions and enough to break a loading of weights.


# %% tags=["solution"]
def block_parameters(dim, mlp_ratio):
    attention = dim * 3 * dim + (dim * dim + dim)  # queries, keys, values; projection with bias
    hidden = dim * mlp_ratio
    mlp = (dim * hidden + hidden) + (hidden * dim + dim)
    norms = 2 * 2 * dim  # scale and shift, twice
    return attention + mlp + norms


cct.check("block_parameters", block_parameters)

# %% [markdown]
# ## Count the parameters of the tokenizer
#
# Each convolution has one kernel for every pair of a channel in and a channel out. ReLU and pool have no parameters.
#
# Wrong turns: biases counted; `dim` channels out of every convolution; the image's channels into every convolution.


# %% tags=["solution"]
def tokenizer_parameters(channels, dim, kernel, convs, hidden):
    sizes = [channels] + [hidden] * (convs - 1) + [dim]
    return sum(kernel * kernel * into * out for into, out in zip(sizes[:-1], sizes[1:], strict=True))


cct.check("tokenizer_parameters", tokenizer_parameters)

# %% [markdown]
# ## The authors' block from its parts
#
# Two lines, and many ways to write two others. All of them train, and only this one takes the authors' weights.
#
# Wrong turns: pre-norm, `h = x + attention(norm(x))`, then `h + mlp(norm(h))`; post-norm; `x + mlp(h)`, which throws
# away what attention added.


# %% tags=["solution"]
def authors_block(x, norm, attention, mlp):
    h = norm(x + attention(norm(x)))  # the second norm stands on the main path
    return h + mlp(h)


cct.check("authors_block", authors_block)

# %% [markdown]
# ## A layer that can be saved and loaded
#
# A saved model holds names and arguments. `**kwargs` takes what Keras adds, handing it to `super().__init__` gives
# the layer its old name, and `get_config` says with which arguments to build it again.
#
# Wrong turns: no `**kwargs`, so the layer saves and does not load; `**kwargs` taken and dropped, so it loads under
# another name; a configuration without the parent's entries.


# %% tags=["solution"]
class ScaleTokens(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)  # name, trainable, dtype
        self.factor = factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

    def call(self, tokens):
        return tokens * self.factor


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

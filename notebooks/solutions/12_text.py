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
# # 12. Solutions: text
#
# Worked answers to the exercises of [notebook 12](../12_text.ipynb), each with its reason and its wrong turns. Try them
# yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/12_text.ipynb)

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
import numpy as np

# %% [markdown]
# ## How many tokens are real?
#
# Token `i` stands on letter `i * stride`, so take every `stride`-th id and count those that are not padding. As a
# formula: `(n - 1) // stride + 1` for a text of `n` letters.
#
# Wrong turns: `n // stride` forgets the last token when the division leaves a rest; counting the columns of the array
# counts padding.


# %% tags=["solution"]
def token_counts(ids, stride):
    return (ids[:, ::stride] != 0).sum(axis=1)  # letters on which tokens stand


cct.check("token_counts", token_counts)

# %% [markdown]
# ## A max-pool that sees no padding
#
# Zeros are what the pool sees beyond the end of a text that has no padding. So padding becomes zero before the pool.
# After it, the token in the middle of padding may still have touched the last letter; a text without padding has no
# such token, so it becomes zero too.
#
# Wrong turns: only one of the two masks. Each alone passes for some lengths, which is why a test needs odd and even
# ones.


# %% tags=["solution"]
def pool_letters(features, ids):
    real = (ids != 0)[:, :, None]  # (batch, length) -> (batch, length, 1)
    around = np.pad(features * real, ((0, 0), (1, 1), (0, 0)))
    tokens = [around[:, i : i + 3].max(axis=1) for i in range(0, ids.shape[1], 2)]
    return np.stack(tokens, axis=1) * real[:, ::2]  # (batch, tokens, dim)


cct.check("pool_letters", pool_letters)

# %% [markdown]
# ## Attention that reads no padding
#
# The softmax shares out what is left when the score of padding is minus infinity. `real[:, None]` has the shape
# `(batch, 1, tokens)`: the last axis of the scores, the tokens that are read.
#
# Wrong turns: the mask after the softmax leaves rows that sum to less than 1; `real[:, :, None]` masks the tokens
# that read. Both give an array of the right shape.


# %% tags=["solution"]
def masked_attention(queries, keys, values, real):
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])  # (batch, tokens, tokens)
    scores = np.where(real[:, None], scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True) @ values  # (batch, tokens, size)


cct.check("masked_attention", masked_attention)

# %% [markdown]
# ## Does this model read padding?
#
# The same texts, padded further: a model that does not read padding cannot tell. Nothing about the inside of the
# model is needed, so the test works for any of them, yours included.
#
# Wrong turns: comparing texts of different lengths, which are other texts; comparing the most likely class, which
# often stays while the logits move; a tolerance of 0, since more columns may change the order of a sum.


# %% tags=["solution"]
def reads_padding(model, ids):
    padding = np.zeros((len(ids), 3), ids.dtype)
    longer = np.concatenate([ids, padding], axis=1)  # the same texts
    return not np.allclose(model(longer), model(ids), atol=1e-5)


cct.check("reads_padding", reads_padding)

# %% [markdown]
# ## All of them

# %%
cct.progress(12)
assert len(cct.exercises.solved(12)) == 4

# %% [markdown]
# ## Recap
#
# - A mask belongs before every step that mixes places: before the convolution, before the pool, before each softmax.
# - Wrong masks give right shapes. Compare a text alone with the same text padded, for odd and even lengths.

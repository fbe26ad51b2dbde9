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
# 8 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/12_text.ipynb)

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
# ## A mean that counts letters only
#
# A mean over letters is the sum of their features divided by how many they are, and both come from the same sum of
# three places: of the features with padding at zero, and of the mask itself. A token that stands on padding may still
# have touched the last letter; a text without padding has no such token, so it becomes zero.
#
# Wrong turns: dividing by 3, which makes the ends of a text smaller than they are; dividing by 0 where a window holds
# no letter.


# %% tags=["solution"]
def mean_letters(features, ids):
    real = (ids != 0)[:, :, None]  # (batch, length) -> (batch, length, 1)

    def sum_of_three(array):  # (batch, length, channels) -> (batch, tokens, channels)
        around = np.pad(array, ((0, 0), (1, 1), (0, 0)))
        return np.stack([around[:, i : i + 3].sum(axis=1) for i in range(0, ids.shape[1], 2)], axis=1)

    count = np.maximum(sum_of_three(real.astype(int)), 1)  # letters of each window
    return sum_of_three(features * real) / count * real[:, ::2]


cct.check("mean_letters", mean_letters)

# %% [markdown]
# ## Several texts in one row
#
# A mask may differ from token to token: here it is an array of pairs, `(batch, tokens, tokens)`, True where both belong
# to one text. The softmax shares out what is left when the score of all others is minus infinity.
#
# Wrong turns: the mask after the softmax leaves rows that sum to less than 1; `>=` instead of `==` lets a text read
# those before it. Both give an array of the right shape. And a whole model needs more: a pooling for each text, and
# positions that begin anew in each.


# %% tags=["solution"]
def packed_attention(queries, keys, values, text_of):
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])  # (batch, tokens, tokens)
    scores = np.where(text_of[:, :, None] == text_of[:, None], scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True) @ values  # (batch, tokens, size)


cct.check("packed_attention", packed_attention)

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

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
# # 1. Solutions: patches and convolutions
#
# Worked answers to the exercises of [notebook 01](../01_patches_and_convolutions.ipynb), each with its reason and its
# wrong turns. Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/01_patches_and_convolutions.ipynb)

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
# ## From patches back to the image
#
# `patchify` splits, transposes and merges. The way back does the same in the opposite order, and the transpose that
# swapped axes 2 and 3 is its own inverse.
#
# Wrong turns: without the transpose the numbers of a patch lie one after the other along the rows of pixels, and no
# patch is a square; with (0, 1, 4, 2, 3, 5) every patch is mirrored along its diagonal. The shapes are right in both.


# %% tags=["solution"]
def unpatchify(tokens, size, rows, columns):
    # (batch, tokens, numbers in a patch) -> (batch, rows, columns, down, across, channels)
    x = tokens.reshape(len(tokens), rows, columns, size, size, -1)
    x = x.transpose(0, 1, 3, 2, 4, 5)  # -> (batch, rows, down, columns, across, channels)
    return x.reshape(len(x), rows * size, columns * size, -1)  # -> (batch, height, width, channels)


cct.check("unpatchify", unpatchify)

# %% [markdown]
# ## How many steps does a photo need?
#
# One formula twice a step, until the square of the side is small enough.
#
# Wrong turns: halving the side for the pool is wrong for odd sides, which are rounded up; comparing the side with
# `most` forgets that tokens fill a square.
#
# With the usual 3 x 3 convolutions a photo of 224 pixels needs four steps to get to 196 tokens. The authors' 7 x 7
# convolutions with stride 2 do it in two.


# %% tags=["solution"]
def steps_needed(side, kernel, stride, padding, most):
    steps = 0
    while steps == 0 or side * side > most:
        side = (side + 2 * padding - kernel) // stride + 1  # the convolution
        side = (side + 2 * 1 - 3) // 2 + 1  # the pool
        steps += 1
    return steps


cct.check("steps_needed", steps_needed)

# %% [markdown]
# ## Which tokens see this pixel?
#
# The receptive field of token `i` begins at `start + i * step` and is `size` pixels long. The pixel lies in it or
# not.
#
# Wrong turns: the padding belongs in, since it moves every field to the left; and a field of 13 pixels that begins at
# -6 ends at 6, not at 7.


# %% tags=["solution"]
def tokens_that_see(pixel, steps, count):
    size, start, step = 1, 0, 1  # in pixels: a position before the first step sees its own pixel
    for kernel, stride, padding in steps:
        size, start, step = size + (kernel - 1) * step, start - padding * step, step * stride
    first = start + step * np.arange(count)  # (count,)
    return (first <= pixel) & (pixel < first + size)


cct.check("tokens_that_see", tokens_that_see)

# %% [markdown]
# ## A mean-pool whose border is not darker
#
# Zeros add nothing to a sum, so the sums are right as they are. What must change is the number to divide by: 9
# inside, 6 at an edge, 4 in a corner. An array of ones, pooled alike, counts for you.
#
# Wrong turns: dividing by 9 everywhere makes the border darker, which is one more way for a network to know where the
# border is. Keras's `AveragePooling2D(padding="same")` divides by the count, and pads an even side at its end alone.


# %% tags=["solution"]
def mean_pool(x):
    def sum_of_windows(x):  # 3 x 3, with stride 2
        around = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        seen = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2))
        return seen[:, ::2, ::2].sum(axis=(-2, -1))

    return sum_of_windows(x) / sum_of_windows(
        np.ones_like(x)
    )  # ones: how many places of each window are inside


cct.check("mean_pool", mean_pool)

# %% [markdown]
# ## All of them

# %%
cct.progress(1)
assert len(cct.exercises.solved(1)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 02](../02_positions.ipynb).

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

# %% tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
if root is None:
    raise FileNotFoundError(
        "cct_helpers was not found. Open this notebook inside the unpacked repository. On Colab, upload the repository "
        "as a .zip (folder icon on the left), run '!unzip -q NAME.zip' in a new cell, then run this cell again."
    )
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import keras
import numpy as np

# %% [markdown]
# ## From patches back to the image
#
# A row of pixels runs through all patches of a row of patches. So "which patch down" and "where in the patch down"
# must stand side by side before they are merged, and likewise across.
#
# Wrong turns: one reshape has the right shape and tears each patch into lines. With `(columns, rows)` instead of
# `(rows, columns)` square images still look right in places, so the check uses images that are not square.


# %% tags=["solution"]
def unpatchify(tokens, size, rows, columns):
    batch = len(tokens)
    x = tokens.reshape(batch, rows, columns, size, size, -1)  # -> (batch, rows, columns, down, across, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5)  # -> (batch, rows, down, columns, across, channels)
    return x.reshape(batch, rows * size, columns * size, -1)  # -> (batch, height, width, channels)


cct.check("unpatchify", unpatchify)

# %% [markdown]
# ## Count the tokens of a convolutional tokenizer
#
# Every window operation has the same formula, and the two sides never meet. The floor comes at every step, so the
# steps cannot be merged into one division.
#
# Wrong turns: the pool forgotten; padding counted once instead of at both ends; the pool taken for an exact half,
# which is wrong on odd sides: 33 pixels become 17, not 16.


# %% tags=["solution"]
def token_grid(height, width, kernel, stride, padding, convs):
    for _ in range(convs):
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))  # convolution
        height, width = ((side + 2 - 3) // 2 + 1 for side in (height, width))  # pool
    return height, width


cct.check("token_grid", token_grid)

# %% [markdown]
# ## How many pixels a token sees
#
# A window of `kernel` positions adds `kernel - 1` steps to the side, and a step is as many pixels long as the strides
# before it make it.
#
# Wrong turn: multiplying by the stride first. The stride of a layer spreads the windows of the *next* one; its own
# window still covers neighbours.


# %% tags=["solution"]
def field_side(steps):
    size, apart = 1, 1  # one position sees one pixel; neighbours are one pixel apart
    for kernel, stride in steps:
        size += (kernel - 1) * apart
        apart *= stride
    return size


cct.check("field_side", field_side)

# %% [markdown]
# ## One step of the convolutional tokenizer
#
# Padding by hand and `"valid"` leave no room for a rule that differs from library to library. After a ReLU, zeros
# around cannot win against a real value, so they serve the pool as well as minus infinity would.
#
# Wrong turns: zeros after the convolution instead of before it change the border alone. `padding="same"` in the pool
# is right on odd sides and starts a pixel late on even ones.


# %% tags=["solution"]
def zeros_around(x):
    return np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])


def tokenizer_step(images, kernel):
    x = keras.ops.conv(zeros_around(images), kernel, padding="valid")  # (batch, height, width, dim)
    x = keras.ops.convert_to_numpy(keras.ops.relu(x))
    return keras.ops.max_pool(zeros_around(x), 3, strides=2, padding="valid")  # (batch, rows, columns, dim)


cct.check("tokenizer_step", tokenizer_step)

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

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
# # 10. Solutions: stronger training
#
# Worked answers to the exercises of [notebook 10](../10_stronger_training.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 10 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/10_stronger_training.ipynb)

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
# ## Several views, one answer
#
# Each view gets a softmax over its classes. Then average over the first axis, choose once, count.
#
# Logits and probabilities can disagree: a view that is wildly sure pulls the mean of the logits as far as it likes, but
# its probability stops at 1. Wrong turns: averaging the chosen class numbers; letting views vote, so that a narrow
# choice counts as much as a clear one; averaging the accuracies of single views, which averages no opinions.


# %% tags=["solution"]
def accuracy_of_views(logits, labels):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))  # (views, images, classes)
    probabilities = powers / powers.sum(axis=-1, keepdims=True)
    chosen = probabilities.mean(axis=0).argmax(axis=-1)  # -> (images, classes) -> (images,)
    return (chosen == labels).mean()


cct.check("accuracy_of_views", accuracy_of_views)

# %% [markdown]
# ## What an average remembers
#
# A step enters the average with `1 - m`, and every later step multiplies it by `m`. The first step has no average
# before it to share with: it enters whole, and is multiplied like the others. The shares sum to 1, since each step
# gives away what it takes.
#
# Wrong turns: treating the first step like the others, so that a part of the sum is missing; then dividing by the sum,
# which gives to all steps what belongs to the first.


# %% tags=["solution"]
def step_shares(steps, momentum):
    age = np.arange(steps)[::-1]  # 0 for the last step
    shares = (1 - momentum) * momentum**age
    shares[0] = momentum ** age[0]
    return shares


cct.check("step_shares", step_shares)

# %% [markdown]
# ## What Muon does to a matrix, without the matrix
#
# With x = U S Vᵀ the product x xᵀ x is U S³ Vᵀ: the singular vectors stay, and each singular value goes through a s +
# b s³ + c s⁵ on its own. So one can see what five steps do to any value from 0 to 1 by a curve, without a matrix.
#
# Wrong turns: dividing by the largest singular value, np.linalg.norm(matrix, 2), instead of the root of the sum of
# squares; forgetting that the order may change on the way, since the polynomial goes up and down.


# %% tags=["solution"]
def singular_values_after(matrix, steps):
    a, b, c = 3.4445, -4.7750, 2.0315
    s = np.linalg.svd(matrix, compute_uv=False) / np.linalg.norm(matrix)  # none is above 1
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return -np.sort(-np.abs(s))  # the largest first


cct.check("singular_values_after", singular_values_after)

# %% [markdown]
# ## CutMix
#
# A mask says which pixels come from the other image, and slices that are clipped at 0 fill it. Slices clip themselves
# at the far edge, but a negative start would count from there, hence the `max`. The mean of the mask is the share.
#
# Wrong turns: counting the area of the whole box, as if the part outside were there; a negative start of a slice,
# which is silent and pastes nothing or somewhere else; leaving the target as it was.


# %% tags=["solution"]
def cut_mix(image, other, target, other_target, box):
    top, left, height, width = box
    pasted = np.zeros(image.shape[:2], bool)
    pasted[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
    mixed = np.where(pasted[:, :, None], other, image)  # (height, width) -> (height, width, 1)
    return mixed, (1 - pasted.mean()) * target + pasted.mean() * other_target


cct.check("cut_mix", cut_mix)

# %% [markdown]
# ## All of them

# %%
cct.progress(10)
assert len(cct.exercises.solved(10)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random numbers of several sizes. Break a
# solution on purpose and read what it says.

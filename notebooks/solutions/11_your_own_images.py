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
# # 11. Solutions: your own images
#
# Worked answers to the exercises of [notebook 11](../11_your_own_images.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 7 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/11_your_own_images.ipynb)

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
# ## Transparent parts on white
#
# Alpha is the share of the stored colour; the rest of 1 is what lies under it, here white, which is 1 in each
# channel.
#
# Wrong turns: to drop alpha shows what was never meant to be seen; to multiply by it alone lays the picture on black.


# %% tags=["solution"]
def lay_on_white(image):
    colour, alpha = image[..., :3], image[..., 3:]  # (height, width, 3), (height, width, 1)
    return colour * alpha + (1 - alpha)


cct.check("lay_on_white", lay_on_white)

# %% [markdown]
# ## Weights instead of repetition
#
# Equal sums mean weight times count is the same for every class, so the weight goes as 1 / count. All weights of the
# images together must be n, so each class gets n / classes of it.
#
# Wrong turns: 1 / count alone makes the loss n / classes times too small. With SGD that works like a lower learning
# rate; AdamW scales it away, and nobody notices until the optimizer is changed.


# %% tags=["solution"]
def class_weights(labels):
    counts = np.bincount(labels)  # (classes,)
    return len(labels) / (len(counts) * counts)


cct.check("class_weights", class_weights)

# %% [markdown]
# ## Which test images were in training?
#
# Two pictures are the same if all their numbers are, so their bytes are a fingerprint, and a set finds it without
# comparing every pair. A mirrored copy has other bytes: look for both.
#
# Wrong turns: mirroring up and down; comparing means or a few pixels. And what this does not find: the same object
# photographed twice, or a copy saved as JPEG once more. For those split by object, before you split at all.


# %% tags=["solution"]
def leaked(train, test):
    seen = {image.tobytes() for image in train}
    both = [(image, image[:, ::-1]) for image in test]  # as it is, and mirrored left to right
    return np.array([any(each.tobytes() in seen for each in pair) for pair in both])


cct.check("leaked", leaked)

# %% [markdown]
# ## How well does it know objects that it has not seen?
#
# All distances at once, and infinity where two images are of one object, so that none of those is the nearest.
#
# Wrong turns: to leave out the image alone is what a split at random does: another frame of the mug is nearest, and the
# score says how well the mug is known. To leave out the class instead of the object leaves nobody who could be right:
# the result is 0, and the check takes it for the stub.


# %% tags=["solution"]
def score_by_object(vectors, labels, objects):
    apart = vectors[:, None] - vectors[None]  # (n, 1, dim), (1, n, dim) -> (n, n, dim)
    distances = (apart**2).sum(axis=-1)  # (n, n)
    distances[objects[:, None] == objects[None]] = np.inf  # also the image itself
    return np.mean(labels[distances.argmin(axis=1)] == labels)


cct.check("score_by_object", score_by_object)

# %% [markdown]
# ## All of them

# %%
cct.progress(11)
assert len(cct.exercises.solved(11)) == 4

# %% [markdown]
# ## Recap
#
# Weights in the loss make each class count the same, and add no image. Test images that were seen, and objects that
# were seen, make a score that says nothing of the next photo: look for both.

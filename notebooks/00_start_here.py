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
# # 0. Start here
#
# *What will I build, and does my machine work?*
#
# You will see a trained Compact Convolutional Transformer (CCT) classify real photos on your machine, look at where
# it reads, and find your way through the course.
#
# 5 minutes to read, under a minute to run. Builds on: having trained a small Keras model before.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/00_start_here.ipynb)

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

# %% [markdown]
# The folded cell above found the course, imported it as `cct`, and printed three lines: the versions, the device
# that Keras computes on, and the *profile*, quick or full. If you see them, nothing is missing. A CPU is enough.

# %%
import keras
import numpy as np
from IPython.display import HTML, display
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures

keras.utils.set_random_seed(0)

# %% [markdown]
# ## Do the parts work?
#
# A small trained model comes with the course, as a file of weights and a *card* that says what it is. The card also
# keeps the numbers that the model gave for four fixed images when it was saved. Your machine must give the same.

# %%
model = cct.load_pretrained("cct_2_3x2_32_cifar10")
card = model.card
print(f"{model.name}: {model.count_params():,} parameters, {card['data']}")
print(f"right on {card['test_top1']:.1%} of the test images; classes: {', '.join(card['class_names'])}")

coarse = np.random.default_rng(20).integers(0, 256, (4, 4, 4, 3))  # (images, rows, columns, channels)
fixed = np.kron(coarse, np.ones((1, 8, 8, 1))).astype("uint8")  # (images, height, width, channels)
difference = np.abs(cct.predict(model, fixed) - card["logits_of_fixed_images"]).max()
print(f"largest difference from the card: {difference:.5f}")
assert difference < 1e-3, "This machine computes something else than the card says."

# %% [markdown]
# ## Show it photos
#
# These come with scikit-image and scikit-learn. The model takes squares of 32 x 32 pixels, raw, 0 to 255.
#
# **Predict:** the first two show a cat and the shape of a horse. The other four show none of the ten classes: coffee,
# bricks, coins, a Chinese palace. What will the model say about those?


# %%
def small(photo, side=32):
    """The middle square of a photo, resized: (side, side, 3) uint8."""
    if photo.ndim == 2:
        photo = np.stack([photo] * 3, axis=-1)  # grey: (height, width) -> (height, width, channels)
    height, width, _ = photo.shape
    length = min(height, width)
    top, left = (height - length) // 2, (width - length) // 2
    square = Image.fromarray(photo[top : top + length, left : left + length])
    return np.asarray(square.resize((side, side), Image.Resampling.BOX))


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


# %% tags=["trap"]
horse = 255 * photos.horse().astype("uint8")  # a drawing in black and white
originals = {"cat": photos.chelsea(), "horse": horse, "coffee": photos.coffee(), "bricks": photos.brick()}
originals |= {"coins": photos.coins(), "palace": load_sample_image("china.jpg")}
images = np.stack([small(photo) for photo in originals.values()])  # (images, height, width, channels)

probabilities = softmax(cct.predict(model, images))  # (images, classes)
figure = figures.draw_predictions(images, probabilities, card["class_names"], list(originals))
alt = "Six small photos with three bars each: cat and horse are right; coffee, bricks, coins and palace get a class too"
cct.show(figure, alt=alt)

answers = [card["class_names"][label] for label in probabilities.argmax(axis=1)]
for name, answer, sure in zip(originals, answers, probabilities.max(axis=1), strict=True):
    print(f"{name:7} {answer:10} {sure:.0%}")
assert answers[:2] == ["cat", "horse"] and probabilities[:2].max(axis=1).min() > 0.8
assert probabilities[2:].max() > 0.5  # and yet none of these four shows one of the ten classes
assert np.allclose(probabilities.sum(axis=1), 1)

# %% [markdown]
# The cat and the horse are right. Coffee, bricks, coins and a palace get a class as well, at least one of them with
# more than half of the probability.
#
# > **Trap: a probability is not a sign of presence.** A classifier has no "none of these": its ten probabilities must
# > sum to 1, so something always wins. The probability says how the ten compare, not whether one of them is there.
#
# **To catch it:** show a model images of none of its classes before you trust its confidence.
#
# ## Where does it read?
#
# The model cuts the photo into 8 x 8 *tokens*. Two layers of *attention* let every token read from all others, and
# *sequence pooling* weighs them into one vector. Here are those weights for the cat; a token with the mean weight has
# 1.

# %%
pooling = cct.pooling_weights(model, images[:1])[0]  # (tokens,), sums to 1
figure, (photo, veil, alone) = figures.new_figure(1, 3, width=9, height=3)
figures.draw_image(photo, images[0], "the photo")
figures.draw_overlay(veil, images[0], pooling, (8, 8), "pooling weights over it")
figures.draw_map(alone, 64 * pooling.reshape(8, 8), "the weights alone", low=0, label="weight, times uniform")
cct.show(figure, alt="Cat photo; the pooling weights are large on a few squares, many times larger than on most others")
print(f"largest weight: {64 * pooling.max():.1f} times uniform; sum of all: {pooling.sum():.3f}")
assert 64 * pooling.max() > 3 and abs(pooling.sum() - 1) < 1e-5

# %% [markdown]
# And here is the same photo with every weight of every layer. Point at a square, or walk with the arrow keys, to see
# where that token reads from. It runs in the page: if you see no picture below, the notebook is not trusted yet, or
# you are on a site that does not run scripts.

# %%
display(HTML(cct.attention_explorer(model, images[0], card["class_names"])))

# %% [markdown]
# A token with a large weight is one that the model *reads from*. Whether it is *why* the model says "cat" is another
# question, and the last notebook of the core tests it.
#
# ## The map of the course
#
# <!-- map: written by notebooks/make.py -->
#
# | notebook | the question it answers |
# |---|---|
# | [01 Patches and convolutions](01_patches_and_convolutions.ipynb) | How does an image become tokens? |
# | [02 Positions](02_positions.ipynb) | Does order matter? |
# | [03 Self-attention](03_self_attention.ipynb) | What does a block compute? |
# | [04 Stochastic depth](04_stochastic_depth.ipynb) | Why drop whole branches? |
# | [05 Sequence pooling](05_sequence_pooling.ipynb) | What replaces the class token? |
# | [06 Compact transformer](06_compact_transformer.ipynb) | How do the parts make CCT? |
# | [07 Training](07_training.ipynb) | How is it trained? |
# | [08 Looking inside](08_looking_inside.ipynb) | What did it learn? |
#
# Read these in order. The others stand alone; take what you need:
#
# | notebook | the question it answers |
# |---|---|
# | [09 What matters](09_what_matters.ipynb) | Which part earns its keep? |
# | [10 Stronger training](10_stronger_training.ipynb) | What do the tricks add, and when? |
# | [11 Your own images](11_your_own_images.ipynb) | Does it work on my data? |
# | [12 Text](12_text.ipynb) | Is it only for images? |
# | [13 Scaling up](13_scaling_up.ipynb) | What when it outgrows my machine? |
#
# <!-- end of map -->
#
# Each says at its top what it builds on and how long it takes.
#
# ## How to use a notebook
#
# 1. **Predict.** Most sections ask a question before the code. Answer it, in a word or a number, before you run the
#    cell. Being wrong is where you learn.
# 2. **Run** the cell (Shift and Enter). Cells are short and build on each other, so run them in order.
# 3. **Read** what came out, and the `assert` lines: each states a claim of the text and would stop the notebook if it
#    were false. Change a number and see which one breaks.
# 4. **Do** the exercises at the end. Each marks itself and says what went wrong.
#
# Boxes that begin with **Trap** show a mistake from real implementations and how to catch it. Pictures with sliders
# stand below a still picture that shows the same without them.
#
# ## Profiles and data
#
# The **quick** profile runs each notebook in about a minute on two CPU cores, offline, on 1,797 small handwritten
# digits. It is the default on a machine without a GPU. The **full** profile trains on CIFAR-10, and is the default
# with a GPU. The environment variable `CCT_PROFILE=quick` or `CCT_PROFILE=full` decides otherwise, and `CCT_DATA`
# names data of your own (an `.npz` file or a folder of class folders). Set them before you start Jupyter.

# %%
digits = cct.load_dataset("digits")
parts = {"training": digits.x_train, "validation": digits.x_val, "test": digits.x_test}
print({name: part.shape for name, part in parts.items()}, digits.x_train.dtype)
assert sum(len(part) for part in parts.values()) == 1797
names = [digits.class_names[label] for label in digits.y_train[:10]]
cct.show(
    figures.draw_images(digits.x_train[:10], names, columns=10, side=0.9),
    alt="Ten handwritten digits with their classes",
)

# %% [markdown]
# ## On Colab
#
# Open a notebook with the badge at its top. Colab has all packages that the course needs; nothing is installed. If
# the first cell says that `cct_helpers` was not found, upload the repository as a .zip with the folder icon on the
# left, unzip it as the message says, and run the cell again. To switch the GPU on: *Runtime*, *Change runtime type*.

# %% [markdown]
# ## Exercises
#
# Reading is not enough. Every notebook of the course ends with a few stubs: functions that run and return zeros.
# Replace the zeros with your own lines and run the cell. `cct.check` calls your function with random arrays of
# several sizes and compares it with the right one. It prints ✓, or the smallest case that went wrong, with a hint
# where the mistake is a common one.
#
# Change the stubs as often as you like. Worked solutions are in [solutions](solutions/00_start_here.ipynb), with the
# wrong turns. The first ones are short.

# %% [markdown]
# ### Exercise: The k most likely classes, most likely first
#
# *Warm-up, 3 minutes.* Return the numbers of the `k` classes with the highest logits, the highest first: `(batch,
# classes)` to `(batch, k)`. Classes are counted from 0. `np.argsort` sorts upwards.
#
# `top_classes(np.array([[1, 5, 3], [9, 0, 4]]), 2)` gives `[[1, 2], [0, 2]]`.


# %% tags=["exercise"]
def top_classes(logits, k):
    return np.zeros((len(logits), k), int)  # your line here


cct.check("top_classes", top_classes)

# %% [markdown]
# ### Exercise: A classifier that may say none of these
#
# *10 minutes.* The trap above has a first remedy: refuse to answer when no probability is large. For logits `(batch,
# classes)` return the most likely class of each image where its probability is at least `threshold`, and -1 where it
# is not: `(batch,)` whole numbers. Some logits are in the hundreds: make sure that no exponential becomes infinite.
#
# `class_or_none(np.array([[2.0, 0.0], [0.1, 0.0]]), 0.6)` gives `[0, -1]`: the probabilities are 0.88 and 0.52.


# %% tags=["exercise"]
def class_or_none(logits, threshold):
    return np.zeros(len(logits), int)  # your lines here


cct.check("class_or_none", class_or_none)

# %% [markdown]
# ### Exercise: How few tokens hold most of the weight?
#
# *15 minutes.* The picture of the pooling weights shows a few bright squares. Say how few: for weights `(batch,
# tokens)`, each row with the sum 1, return the smallest number of tokens that together hold at least `share` of the
# weight, `(batch,)` whole numbers.
#
# `tokens_for_share(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]), 0.75)` gives `[2, 1]`.


# %% tags=["exercise"]
def tokens_for_share(weights, share):
    return np.zeros(len(weights), int)  # your lines here


cct.check("tokens_for_share", tokens_for_share)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(0)

# %% [markdown]
# ## Recap
#
# - Your machine computes what the model computed when it was saved: the numbers agree with the card.
# - A CCT of under 300,000 parameters recognises a cat in 32 x 32 pixels, and finds a class for a tray of coins too.
# - Its weights can be drawn. What the drawings are worth is tested, not assumed.
#
# **The difference from the paper and the 2021 example.** The model is `cct_2_3x2_32` of [Hassani et al.,
# 2021](https://arxiv.org/abs/2104.05704), layer by layer that of the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers). It was trained here, on CIFAR-10, so its
# accuracy is not one of the paper's. The [Keras example of 2021](https://keras.io/examples/vision/cct/) builds a
# close relative that differs in its blocks and its padding; the course says where.
#
# Next: [01 Patches and convolutions](01_patches_and_convolutions.ipynb). How does an image become tokens?

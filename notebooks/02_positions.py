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
# # 2. Positions
#
# *Does order matter?*
#
# You will shuffle an image and see which models notice, then build both kinds of position embedding by hand, look
# into trained ones, and carry them to a larger image.
#
# 20 minutes to read, 1 minute to run. Builds on [notebook 01](01_patches_and_convolutions.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/02_positions.ipynb)

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
import dataclasses
import inspect
import itertools
import json

import keras
import numpy as np
from keras import ops
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures
from cct_helpers.plots import nb02_positions as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## A sum forgets the order
#
# Notebook 01 turned an image into a list of tokens. A list has an order, and the order says where in the image a
# token lies. Does a transformer see it? Begin with the operation that it is made of: a weighted sum, with weights
# from a softmax.
#
# **Predict:** you shuffle the tokens, and each keeps its score. What happens to the weighted sum?


# %%
def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


tokens = rng.normal(size=(64, 128))  # (tokens, dim)
scorer = rng.normal(size=128) / 10  # one number for each of a token's numbers
order = rng.permutation(64)

pooled = softmax(tokens @ scorer) @ tokens  # (tokens,) @ (tokens, dim) -> (dim,)
shuffled = softmax(tokens[order] @ scorer) @ tokens[order]
print(f"largest difference: {np.abs(pooled - shuffled).max():.1e}")
assert np.abs(pooled - shuffled).max() < 1e-9

# %% [markdown]
# Nothing. A token's weight depends on what the token holds, not on its place, and a sum has no order.
#
# ## Attention forgets it too
#
# In attention every token makes such a weighted sum. Notebook 03 takes it apart. For now three lines are enough: each
# token has a *query* and a *key*, and the softmax of their products says how much of which *value* goes into the sum.
#
# **Predict:** you shuffle the tokens again. Does the output change?


# %% tags=["trap"]
def attention(tokens, queries, keys, values):
    scores = (tokens @ queries) @ (tokens @ keys).T / np.sqrt(queries.shape[1])  # (tokens, tokens)
    return softmax(scores) @ (tokens @ values)  # -> (tokens, head size)


matrices = rng.normal(size=(3, 128, 64)) / np.sqrt(128)
straight, shuffled = attention(tokens, *matrices), attention(tokens[order], *matrices)
print(
    f"same place: {np.abs(shuffled - straight).max():.2f}   same token: {np.abs(shuffled - straight[order]).max():.1e}"
)
assert np.abs(shuffled - straight[order]).max() < 1e-9
assert np.abs(shuffled - straight).max() > 0.1

# %% [markdown]
# > **Trap: "attention knows the order, since the output changes".** The outputs are shuffled as the inputs were, and
# > nothing else: each token gets the same result wherever it stands. That is *permutation equivariance*.
#
# **To catch it:** compare the outputs token by token, not place by place.
#
# One draw of weights is no proof. Here is one. Write the shuffle as a matrix $P$ with a single 1 in every row and
# column, so that $P X$ has the rows of $X$ in another order and $P^\top P = I$. A softmax along the rows does not mind
# which row or column stands where: $\mathrm{softmax}(P S P^\top) = P\,\mathrm{softmax}(S)\,P^\top$. So with
# $S = X W_Q W_K^\top X^\top / \sqrt d$
#
# $$\mathrm{Att}(P X) = \mathrm{softmax}(P S P^\top)\, P X W_V = P\,\mathrm{softmax}(S)\, P^\top P\, X W_V
# = P\,\mathrm{Att}(X),$$
#
# whatever $W_Q$, $W_K$ and $W_V$ are. Each step, checked:

# %%
P = np.eye(64)[order]  # (tokens, tokens)
S = (tokens @ matrices[0]) @ (tokens @ matrices[1]).T / 8  # the root of a head size of 64
assert np.array_equal(P @ tokens, tokens[order]) and np.array_equal(P.T @ P, np.eye(64))
assert np.allclose(softmax(P @ S @ P.T), P @ softmax(S) @ P.T)
assert np.allclose(attention(P @ tokens, *matrices), P @ attention(tokens, *matrices))

# %% [markdown]
# The other parts of a block, the normalisation and the MLP, treat each token alone. The pooling at the end is the
# weighted sum above. So a whole transformer should not notice either.
#
# ## Shuffle a photo
#
# Cut a photo into its 4 x 4 patches and lay them out in another order. `build_cvt` makes a transformer on patch
# tokens.
#
# **Predict:** which of three models gives the same logits for both pictures: without positions, with a table that is
# learned, with one made of sines?


# %%
def square(photo, side):
    """The largest square in the middle of a photo, resized: (side, side, 3) uint8."""
    height, width = photo.shape[:2]
    left, top, size = (width - min(height, width)) // 2, (height - min(height, width)) // 2, min(height, width)
    box = (left, top, left + size, top + size)
    return np.asarray(Image.fromarray(photo).resize((side, side), Image.Resampling.BOX, box=box))


def shuffle_patches(image, order, size=4):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    x = image.reshape(rows, size, columns, size, 3).transpose(0, 2, 1, 3, 4)  # -> (rows, columns, size, size, 3)
    x = x.reshape(rows * columns, size, size, 3)[order]  # -> (patches, size, size, 3)
    x = x.reshape(rows, columns, size, size, 3).transpose(0, 2, 1, 3, 4)  # -> (rows, size, columns, size, 3)
    return x.reshape(image.shape)


cat = square(photos.chelsea(), 32)
pair = np.stack([cat, shuffle_patches(cat, order)])  # (2, 32, 32, 3)
assert np.array_equal(np.sort(pair[0], axis=None), np.sort(pair[1], axis=None))  # the same pixels
alt = "A cat's face, and the same 64 patches in random order, where no face can be seen"
cct.show(figures.draw_images(pair, ["photo", "patches shuffled"], columns=2, side=2.6), alt=alt)

# %%
normalization = (127.5, 64)


def noticed(build):
    """How far the logits of the two pictures are apart, as a share of the size of the logits."""
    keras.utils.set_random_seed(0)
    first, second = np.asarray(build()(pair))
    return np.linalg.norm(first - second) / np.linalg.norm(first)


kinds = ("none", "sine", "learned")
apart = {
    kind: noticed(lambda k=kind: cct.build_cvt("cvt_2_4_32", position=k, normalization=normalization)) for kind in kinds
}
print("patch tokens:", {kind: f"{share:.1e}" for kind, share in apart.items()})
assert apart["none"] < 1e-5
assert apart["sine"] > 1e-2 and apart["learned"] > 1e-2

# %% [markdown]
# Without positions the model gives the same answer for a cat and for confetti. These weights are random, but no
# training can change it: the proof above used no particular weights. A vector that depends on the place, added to
# each token, breaks the tie.
#
# ## Convolutional tokens know their neighbours
#
# Now the tokenizer of notebook 01 with its overlapping windows.
#
# **Predict:** does a CCT without positions notice that the patches were shuffled?

# %%
share = noticed(lambda: cct.build_cct("cct_2_3x2_32", position="none", normalization=normalization))
print(f"convolutional tokens, no position: {share:.1e}")
assert share > 1e-3


def changed_tokens(tokenizer):
    """Share of a token that changes when its neighbours do: shuffled photo against shuffled tokens."""
    straight, shuffled = np.asarray(tokenizer(pair / 127.5 - 1))  # (tokens, dim) each
    return np.linalg.norm(shuffled - straight[order], axis=-1) / np.linalg.norm(straight[order], axis=-1)


patches, convolutions = changed_tokens(cct.PatchTokenizer(4, 128)), changed_tokens(cct.ConvTokenizer(128))
print(f"change of a token, mean: patches {patches.mean():.1e}, convolutions {convolutions.mean():.2f}")
assert patches.max() < 1e-4 and convolutions.min() > 0.1

# %% [markdown]
# It does. The tokens themselves have changed: a convolutional token also sees the edge of its neighbours, and those
# are others now. So the order of *neighbouring* pieces is inside the tokens before the transformer begins.
#
# There is a second source. **Predict:** an image has one grey everywhere. How many different tokens does each
# tokenizer make of it?

# %%
grey = np.full((1, 32, 32, 3), 0.5, "float32")
different = {}
for name, tokenizer in {"patches": cct.PatchTokenizer(4, 128), "convolutions": cct.ConvTokenizer(128)}.items():
    tokens_of_grey = np.asarray(tokenizer(grey))[0].round(3)  # (tokens, dim)
    different[name] = np.unique(tokens_of_grey, axis=0, return_inverse=True)[1].reshape(8, 8)
    print(f"{name}: {different[name].max() + 1} different tokens")

print(different["convolutions"])  # the same number, the same token
assert different["patches"].max() + 1 == 1
assert different["convolutions"].max() + 1 == 4 * 4
assert np.ptp(different["convolutions"][2:7, 2:7]) == 0  # one token in the middle

# %% [markdown]
# Patches make the same token 64 times. The convolutional tokenizer makes 16 different ones: four kinds of row times
# four kinds of column. The first two rows and the last one see zeros from outside the image in windows of 13 pixels,
# and the rest do not. So the padding carries the news "I am at the top left". How much a deep convolutional network
# can make of it was measured by [Islam et al., 2020](https://arxiv.org/abs/2001.08248).
#
# The authors of CCT say in the abstract of an earlier version of the [paper](https://arxiv.org/abs/2104.05704v2) that
# convolutions and sequence pooling remove the need for position embeddings. That is their claim. Further down you
# test it on a small scale.
#
# ## A vector for every place: the learned table
#
# The most direct way to tell a token its place: a table with one row for each place, added to the tokens, trained
# like any other weight. The authors start it from a normal distribution with standard deviation 0.2, ten times that
# of their linear layers.

# %%
keras.utils.set_random_seed(0)
layer = cct.PositionEmbedding("learned", grid=(8, 8))
images_as_tokens = rng.normal(size=(2, 64, 128)).astype("float32")  # (batch, tokens, dim)
with_positions = layer(images_as_tokens)

table = ops.convert_to_numpy(layer.table)  # (1, tokens, dim): one table for all images of a batch
assert table.shape == (1, 64, 128) and layer.count_params() == 64 * 128
assert 0.19 < table.std() < 0.21 and cct.Linear(1).kernel_initializer.stddev == 0.02
assert np.allclose(with_positions, images_as_tokens + table)
print(inspect.getsource(cct.PositionEmbedding.call))

# %% [markdown]
# Now see that it learns. After one step of plain gradient descent, the change of a weight is its gradient, times
# minus the learning rate.
#
# **Predict:** for how many of the 16 places is the gradient zero?

# %%
digits = cct.load_dataset("digits")
tiny = dict(input_shape=(16, 16, 1), num_layers=2, dim=64, num_heads=2, mlp_ratio=1)
tiny["normalization"] = (digits.x_train.mean(), digits.x_train.std())
model = cct.build_cvt("cvt_2_4_32", patch_size=4, position="learned", **tiny)
model.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

table = model.get_layer("position").table
before = ops.convert_to_numpy(table)
model.train_on_batch(digits.x_train[:64], digits.y_train[:64])
gradient = before - ops.convert_to_numpy(table)  # (1, tokens, dim)

sizes = np.linalg.norm(gradient[0], axis=-1)
print("size of the gradient for each place:\n", sizes.reshape(4, 4).round(4))
assert any(weight is table for weight in model.trainable_weights)
assert np.all(sizes > 0)

# %% [markdown]
# For none: every place of the table learns from every batch.
#
# > **Trap: the table that never trained.** The [Keras example](https://keras.io/examples/vision/cct/) in its version
# > of 2021 called an `Embedding` layer on plain numbers and added the result to the tokens. That computes the vectors
# > once, when the model is built, and puts them into the model as a constant.
#
# **Predict:** how many parameters does such a model have?


# %% tags=["trap"]
def frozen_by_accident():
    tokens = keras.Input((64, 128))
    positions = keras.layers.Embedding(64, 128)(ops.arange(64))  # an array, not a part of the model
    return keras.Model(tokens, tokens + positions)


def trained():
    tokens = keras.Input((64, 128))
    return keras.Model(tokens, cct.PositionEmbedding("learned")(tokens))


for build in (frozen_by_accident, trained):
    first, second = build(), build()
    second.set_weights(first.get_weights())  # what saving and loading does
    restored = np.allclose(first(images_as_tokens), second(images_as_tokens))
    print(f"{build.__name__}: {first.count_params()} parameters, same output after loading: {restored}")
    assert (first.count_params() == 64 * 128) == restored == (build is trained)

# %% [markdown]
# None. No error, no warning, and the loss falls. But the table is no weight of the model: it is not trained, and it
# is not saved. A model that is loaded gets other positions than the one that was trained.
#
# **To catch it:** count the parameters on paper, and compare the outputs after loading.
#
# ## A table nobody has to train: sines
#
# [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762) (section 3.5) write the place as the hands of many clocks.
# Each pair of columns is one clock; the hand's angle grows with the place, quickly in the first columns and slowly in
# the last.


# %%
def sine_table(tokens, dim):
    places = np.arange(tokens)[:, None]  # (tokens, 1)
    speeds = 1 / 10000 ** (2 * np.arange(dim // 2) / dim)  # (dim / 2,), from 1 to nearly 1 / 10000
    angles = places * speeds  # (tokens, dim / 2)
    hands = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # (tokens, dim / 2, 2)
    return hands.reshape(tokens, dim)  # sine, cosine, sine, cosine, ...


sines = sine_table(64, 128)
layer = cct.PositionEmbedding("sine")
assert np.allclose(sines, cct.sine_positions(64, 128), atol=1e-6)
assert np.allclose(layer(images_as_tokens), images_as_tokens + sines, atol=1e-5)
assert layer.count_params() == 0  # fixed, nothing to train
assert np.allclose(np.linalg.norm(sines, axis=-1), np.sqrt(64))  # 64 clocks with hands of length 1

alt = "Heat map of 64 tokens by 128 columns: fast waves on the left, almost constant stripes on the right"
cct.show(pictures.draw_table(sines, "sine positions for 64 tokens"), alt=alt)

# %% [markdown]
# One row is one token. On the left neighbours differ, on the right even the first and the last row are nearly the
# same. The columns on the right are there for sequences of thousands of tokens.
#
# ## What a table says about space
#
# To use a place, a model has to tell near from far. So compare the rows of a table with each other: the *cosine
# similarity* is 1 for the same direction, 0 for unrelated ones. Three tables: fresh, trained (it comes with this
# course, in a CCT trained on CIFAR-10) and sine.
#
# **Predict:** token 7 is the last of the first row of the image, token 8 the first of the second. How similar are
# they in the sine table?


# %%
def similarity(table):
    unit = table / np.linalg.norm(table, axis=-1, keepdims=True)  # (tokens, dim)
    return unit @ unit.T  # (tokens, tokens)


pretrained = cct.load_pretrained("cct_2_3x2_32_cifar10")
grid = pretrained.get_layer("position").grid
learned = ops.convert_to_numpy(pretrained.get_layer("position").table)[0]  # (tokens, dim)
fresh = rng.normal(scale=0.2, size=learned.shape)
similarities = {"fresh": similarity(fresh), "learned": similarity(learned), "sine": similarity(sines)}
assert grid == (8, 8)

alt = "Three grids of 8 x 8 maps. Fresh: a bright dot each. Learned: a bright spot around each place. Sine: bright rows"
cct.show(pictures.draw_similarity_maps(similarities, grid), alt=alt)

# %% [markdown]
# Each small map belongs to one token and stands at that token's place. It shows how similar all 64 places are to it.
# Put numbers on what you see: correlate the similarity with the distance on the grid, and compare the neighbour to
# the right with the one below.

# %%
row, column = np.divmod(np.arange(64), 8)
down, across = np.abs(row[:, None] - row), np.abs(column[:, None] - column)  # (tokens, tokens) each
distance = np.hypot(down, across)
others = distance > 0

facts = {}
for name, values in similarities.items():
    correlation = np.corrcoef(values[others], distance[others])[0, 1]
    right, below = values[(down == 0) & (across == 1)].mean(), values[(down == 1) & (across == 0)].mean()
    facts[name] = correlation, right, below
    print(f"{name:8} correlation with distance {correlation:5.2f}   right {right:5.2f}   below {below:5.2f}")

assert abs(facts["fresh"][0]) < 0.1
assert facts["learned"][0] < -0.5 and abs(facts["learned"][1] - facts["learned"][2]) < 0.15
assert facts["sine"][1] > 0.9 and facts["sine"][1] - facts["sine"][2] > 0.2
assert np.isclose(similarities["sine"][7, 8], similarities["sine"][0, 1])

# %% [markdown]
# Nobody told the learned table that the tokens form a grid. It started as noise, and training made places that are
# close similar, to the right and below almost alike. What a token needs from its surroundings is what it reads in the
# loss.
#
# The sine table counts through the tokens in reading order and knows nothing of rows. The neighbour to the right is
# the next number. The neighbour below is eight numbers on. And tokens 7 and 8, at opposite edges of the image, are as
# similar as two that touch. For sines the similarity depends on nothing but the difference of the two numbers, since
# sin a sin b + cos a cos b = cos(a - b):

# %%
for step in (1, 8, 20):
    diagonal = np.diagonal(similarities["sine"], offset=step)  # all pairs that are `step` numbers apart
    print(f"{step:2} apart: from {diagonal.min():.4f} to {diagonal.max():.4f}")
    assert np.ptp(diagonal) < 1e-6

# %% [markdown]
# Try it. Choose a table and a token. `dim` is the length of a sine vector; the trained table has 128 numbers and no
# other size.


# %%
def position_view(table, row, column, dim):
    if table == "learned" and dim != learned.shape[1]:
        raise ValueError(f"The trained table has {learned.shape[1]} numbers a token. Set dim to {learned.shape[1]}.")
    values = similarities["learned"] if table == "learned" else similarity(sine_table(64, dim))
    return pictures.draw_similarity(values, grid, row, column, table)


settings = [
    dict(table="learned", row=3, column=2, dim=128),
    dict(table="sine", row=3, column=2, dim=128),
    dict(table="sine", row=3, column=7, dim=16),
]
alt = "Similarity of one token with all others: a round spot for the learned table, bright rows for two sine tables"
explorer = cct.explore(
    position_view, settings, alt, table=["learned", "sine"], row=(0, 7), column=(0, 7), dim=[16, 64, 128, 256]
)

# %% [markdown]
# ## Which one is worth having
#
# Now train: none, sine and learned, on patches and on convolutions, all for the same number of epochs on 1,293
# digits. Test on three kinds of images: digits as they are; *wrapped*, that is 4 pixels to the right, and what leaves
# on the right comes in on the left; and *cut*, the same with zeros coming in. 4 pixels are the distance of two
# tokens, so a wrapped digit has exactly the patches of the original, in other places.
#
# **Predict:** for patches, which kind wins on images that stay, and which on wrapped images?


# %%
builders = {
    "patches": lambda kind: cct.build_cvt("cvt_2_4_32", patch_size=4, position=kind, **tiny),
    "convolutions": lambda kind: cct.build_cct("cct_2_3x2_32", hidden_channels=16, position=kind, **tiny),
}


def test_images(pixels=4):
    still = digits.x_test
    cut = np.pad(still, [(0, 0), (0, 0), (pixels, 0), (0, 0)])[:, :, :16]  # zeros come in, ink may leave
    return {"as they are": still, "wrapped": np.roll(still, pixels, axis=2), "cut": cut}


def measure(tokenizer, kind, seed, epochs):
    """Train one model; its test accuracy on digits as they are, wrapped and cut."""
    keras.utils.set_random_seed(seed)
    model = builders[tokenizer](kind)
    cct.fit(model, digits, dataclasses.replace(cct.RECIPES["quick"], epochs=epochs), seed=seed, verbose=False)
    return {name: cct.evaluate(model, images, digits.y_test)["top1"] for name, images in test_images().items()}


assert len(digits.x_train) == 1293
once = measure("convolutions", "none", seed=0, epochs=4)
print("convolutions, no position, 4 epochs:", {name: round(share, 2) for name, share in once.items()})

# %% [markdown]
# Four epochs of one model show only that it runs. The comparison takes minutes, so it is on record: three seeds, 15
# epochs each, made by this notebook, run as `python notebooks/02_positions.py --record`.

# %%
record_path = Path(root) / "notebooks" / "results" / "02_three_positions.json"
if "--record" in sys.argv:
    record = {
        "command": "python notebooks/02_positions.py --record",
        "what": "test accuracy (share) on digits as they are, and 4 pixels to the right with the rest wrapped or cut",
        "recipe": 'cct.RECIPES["quick"] with 15 epochs; weights of the best epoch by validation',
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "runs": [
            {"tokenizer": tokenizer, "position": kind, "seed": seed, "accuracy": measure(tokenizer, kind, seed, 15)}
            for tokenizer, kind, seed in itertools.product(builders, kinds, range(3))
        ],
    }
    record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

# %%
record = json.loads(record_path.read_text(encoding="utf-8"))
accuracies = {case: {kind: [] for kind in kinds} for case in itertools.product(builders, test_images())}
for run in record["runs"]:
    for images, accuracy in run["accuracy"].items():
        accuracies[run["tokenizer"], images][run["position"]].append(accuracy)
for names, runs in accuracies.items():
    cells = (f"{kind} {100 * np.mean(a):5.1f} ± {100 * np.std(a, ddof=1):4.1f}" for kind, a in runs.items())
    print(f"{', '.join(names):32}", "   ".join(cells))

# %%
alt = "Dots of three runs for none, sine and learned, on patches and convolutions: positions matter for patches only"
panels = {names: runs for names, runs in accuracies.items() if names[1] != "cut"}
cct.show(pictures.draw_accuracies(panels, kinds, chance=0.1), alt=alt)

# %%
percent = {names: {kind: 100 * np.array(a) for kind, a in runs.items()} for names, runs in accuracies.items()}
still, wrapped, cut = (percent["patches", images] for images in ("as they are", "wrapped", "cut"))
assert min(still["sine"].min(), still["learned"].min()) > still["none"].max() + 10
assert np.abs(still["none"] - wrapped["none"]).max() < 0.5
for kind, least in {"sine": 10, "learned": 25}.items():
    assert (still[kind] - wrapped[kind]).mean() > least
lost_ink = digits.x_test[:, :, 12:].sum() / digits.x_test.sum()
print(f"ink that a move by 4 pixels cuts off: {lost_ink:.1%}")
assert (still["none"] - cut["none"]).mean() > 10 and 0.06 < lost_ink < 0.07

still, wrapped = (np.array(list(percent["convolutions", i].values())).mean(axis=1) for i in ("as they are", "wrapped"))
assert still.min() > 95 and np.ptp(still) < 1.5 and np.all(still - wrapped > 8)  # (kinds,) each

# %% [markdown]
# **Patches.** Without positions the model sees a bag of patches. Every run with positions, sine or learned, is more
# than 10 points better. Wrapping turns it round: the bag does not change, so the model without positions gives the
# same answers, while the learned table loses more than 25 points. It has tied what it knows to places that no longer
# hold. Cutting hurts all three, the one without positions too, since 7 % of the ink is gone. (Notebook 01 moved its
# digits like that, so lost ink had a part in what you saw there.)
#
# **Convolutions.** On digits as they are, the three means lie within 1.5 points, and three seeds cannot tell them
# apart. The order inside the tokens is enough here, which is in line with the authors' claim above. On wrapped digits
# all three lose more than 8 points, without positions too: wrapping changes the tokens at the border, and the zero
# padding gives places away.
#
# One small data set and 15 epochs: a longer training or larger images may fall another way.

# %% [markdown]
# ## Another resolution
#
# A table learned at 32 x 32 pixels has 8 x 8 rows. An image of 48 x 48 makes 12 x 12 tokens. The usual way on: take
# the table as a small picture with `dim` channels and enlarge it, *bilinearly*. In one direction that is a matrix:
# each new place lies between two old ones and takes a share of both.
#
# **Predict:** the new places are 2/3 as far apart as the old ones. Where does the first one lie, on the old scale?


# %%
def interpolation(old, new):
    """(new, old) matrix: each row says how much of every old place goes into a new one."""
    places = (np.arange(new) + 0.5) * old / new - 0.5  # the middle of each new cell, on the old scale
    places = np.clip(places, 0, old - 1)[:, None]  # (new, 1); beyond the outermost middle, its value
    return np.maximum(0, 1 - np.abs(places - np.arange(old)))


def resize_by_hand(table, old_grid, new_grid):
    picture = table.reshape(*old_grid, -1)  # (1, tokens, dim) -> (rows, columns, dim)
    down, across = interpolation(old_grid[0], new_grid[0]), interpolation(old_grid[1], new_grid[1])
    resized = np.einsum("Rr,Cc,rcd->RCd", down, across, picture, optimize=True)
    return resized.reshape(1, -1, table.shape[-1])  # (new rows, new columns, dim) -> (1, tokens, dim)


print("the first new places, on the old scale:", ((np.arange(3) + 0.5) * 8 / 12 - 0.5).round(3))
assert np.allclose(interpolation(8, 12).sum(axis=1), 1)

for new_grid in [(12, 12), (16, 8), (5, 11)]:
    by_hand = resize_by_hand(learned[None], (8, 8), new_grid)
    assert np.allclose(by_hand, cct.resize_positions(learned[None], (8, 8), new_grid), atol=1e-5)

# %% [markdown]
# At -0.167: outside the middle of the first old cell, because the *edges* of both grids coincide, not their first
# points. By hand and in the package the numbers agree, also for grids that are not square.
#
# > **Trap: the table resized as if it were flat, or square.** The table is stored as a list. Some code takes the
# > square root of its length for the number of rows; 4 x 9 tokens are 36, and so are 6 x 6.
#
# Resize a table whose only number is the column that it stands for. **Predict:** what should all tokens of one column
# hold?

# %% tags=["trap"]
columns_of_36 = np.tile(np.arange(9.0), 4)[None, :, None]  # (1, 36 tokens, 1): 0 to 8, four times
maps = {
    "as 4 x 9": cct.resize_positions(columns_of_36, (4, 9), (8, 18)),
    "as 6 x 6": cct.resize_positions(columns_of_36, (6, 6), (8, 18)),
    "as a flat list": interpolation(36, 144) @ columns_of_36[0],
}
maps = {name: values.reshape(8, 18) for name, values in maps.items()}  # (1, tokens, 1) -> (rows, columns)
differ = {name: float(np.ptp(values, axis=0).max()) for name, values in maps.items()}
print("largest difference inside one column:", {name: round(value, 2) for name, value in differ.items()})
assert differ["as 4 x 9"] < 1e-5 and differ["as 6 x 6"] > 2 and differ["as a flat list"] > 2

alt = "Three maps of 8 x 18 tokens: even stripes from left to right; a checkered muddle; stripes that run over two rows"
names = "column (tokens)", "row (tokens)"
cct.show(figures.draw_maps(maps, "column it believes in", names=names, size=(2.8, 2.0)), alt=alt)

# %% [markdown]
# All three have the right shape. Only the first gives one number to all tokens of a column.
#
# **To catch it:** resize a table of coordinates. It is a good test of any code that moves positions about.
#
# ## The trained model at 48 x 48 pixels
#
# `load_reference_weights` resizes the table when the model is larger than the one that was trained. Take crops of
# photos at 48 x 48 pixels and compare the logits with those for the same crops at 32 x 32. Beside it stand three tables
# that were not resized on the grid. The model is the CVT that comes with the course: its tokens are patches, so that
# all that it knows of order is in the table.
#
# **Predict:** nothing else in the model depends on the image size. Will the logits be equal?

# %%
photographs = [getattr(photos, name)() for name in ("chelsea", "rocket", "astronaut", "coffee")]
photographs += [load_sample_image(name) for name in ("flower.jpg", "china.jpg")]

crops = []  # 120 squares of 96 to 250 pixels a side, from random places
for photo, side in itertools.product(photographs, rng.integers(96, 251, 20)):
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    crops.append(photo[top : top + side, left : left + side])
small, large = (np.stack([square(crop, side) for crop in crops]) for side in (32, 48))

# %%
patches = cct.load_pretrained("cvt_2_4_32_cifar10")
learned_by_patches = ops.convert_to_numpy(patches.get_layer("position").table)[0]  # (64, 128)
card = patches.card["build"]
settings = dict(normalization=(card["mean"], card["std"]), **card["overrides"])
at_48 = cct.build_cvt(card["variant"], input_shape=(48, 48, 3), **settings)
cct.load_reference_weights(at_48, cct.reference_weights(patches))
position = at_48.get_layer("position")
corner = np.pad(learned_by_patches.reshape(8, 8, 128), ((0, 4), (0, 4), (0, 0)))
tables = {
    "resized on the grid": ops.convert_to_numpy(position.table),
    "resized as a flat list": interpolation(64, 144) @ learned_by_patches,
    "old table in the corner": corner.reshape(144, 128),
    "no position": np.zeros((144, 128)),
}

# %%
expected, means, same = cct.predict(patches, small), {}, {}  # expected: (crops, classes)
for name, table in tables.items():
    position.table.assign(table.reshape(1, 144, 128))
    logits = cct.predict(at_48, large)
    means[name] = np.linalg.norm(logits - expected, axis=1).mean()
    same[name] = np.mean(logits.argmax(axis=1) == expected.argmax(axis=1))
    print(f"{name:24} distance of the logits, mean {means[name]:.2f}; same class for {same[name]:.0%} of the crops")
assert list(means) == sorted(means, key=means.get)  # grid, flat, corner, none
assert same["resized on the grid"] > max(same[name] for name in list(same)[1:]) and means["resized on the grid"] > 1

# %% [markdown]
# Not equal: patches of the larger image see other pixels, and each token has more than twice as many others to read
# from. But the order of the four is the lesson of the coordinates: the table that is resized on its grid stays closest
# to the old answers, then the flat list, then the old table in a corner, and no table at all comes last. To use a model
# at another resolution for real, resize the table on its grid and then train a little at the new size.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/02_positions.ipynb).

# %% [markdown]
# ### Exercise: Undo a shuffle of the tokens
#
# *Warm-up, 5 minutes.* A model that works on each token alone was given `tokens[:, order]`. Put its outputs `(batch,
# tokens, dim)` back into the order that the tokens had before.
#
# `unshuffle(np.array([[[7], [8], [9]]]), np.array([2, 0, 1]))[0, :, 0]` gives `[8, 9, 7]`.


# %% tags=["exercise"]
def unshuffle(outputs, order):
    return np.zeros(outputs.shape)  # your line here


cct.check("unshuffle", unshuffle)

# %% [markdown]
# ### Exercise: Which place does this vector come from?
#
# *10 minutes.* Read positions backwards. `vectors` `(n, dim)` are rows of a table `(places, dim)`, scaled and with
# some noise. Find for each the row of the table whose direction is most similar to it, by the cosine, and return its
# place on the grid: `(n, 2)`, row and column, counted from 0. The table is in reading order and has `columns` places
# in a row.
#
# `find_places(np.array([[0.0, 2.0]]), np.array([[9.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.1, 0.5]]), 2)` gives `[[1,
# 1]]`.


# %% tags=["exercise"]
def find_places(vectors, table, columns):
    return np.zeros((len(vectors), 2), int)  # your lines here


cct.check("find_places", find_places)

# %% [markdown]
# ### Exercise: Does this function see the order of its tokens?
#
# *15 minutes.* Write the test that tells three kinds of function apart. `function` takes tokens `(tokens, dim)` to an
# array of the same shape. Give it the tokens as they are and the tokens in the order `order`, and return two numbers:
# the largest absolute difference of the two results *place by place*, and *token by token* (each token compared with
# itself, wherever it stands). The first is 0 for an invariant function, the second for an equivariant one.
#
# `order_gaps(lambda x: 2 * x, np.array([[1.0], [4.0]]), np.array([1, 0]))` gives `(6.0, 0.0)`.


# %% tags=["exercise"]
def order_gaps(function, tokens, order):
    return 0.0, 0.0  # your lines here


cct.check("order_gaps", order_gaps)

# %% [markdown]
# ### Exercise: Sine positions that know rows and columns
#
# *20 minutes.* Make sine positions that know the grid: the first `dim / 2` numbers of a token are the sine row of its
# *row*, the others that of its *column*, each from a `sine_table` with `dim / 2` columns. The tokens of `rows` x
# `columns` are in reading order, both counted from 0. The result is `(rows * columns, dim)`.
#
# `grid_sines(2, 2, 4)[1].round(2)` gives `[0.0, 1.0, 0.84, 0.54]`: token 1 stands in row 0 and column 1.


# %% tags=["exercise"]
def grid_sines(rows, columns, dim):
    return np.zeros((rows * columns, dim))  # your lines here


cct.check("grid_sines", grid_sines)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(2)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Give `similarity` the table of your `grid_sines(8, 8, 128)` and look at one token. Are right and below alike now?
# 2. Repeat "Shuffle a photo" with an order that only swaps left and right
#    (`np.arange(64).reshape(8, 8)[:, ::-1].ravel()`). Which of the models notice a mirrored order of patches?
# 3. Take the position table out of `pretrained` (assign zeros) and look at its answers for the photos above at 32 x 32.
#
# ## Recap
#
# - A weighted sum has no order. Attention is permutation-equivariant, pooling is permutation-invariant, so a
#   transformer on patches alone sees a bag of patches.
# - Convolutional tokens carry some order: their windows overlap, and the zero padding tells them how near the border
#   they are.
# - A learned table is a weight like others. Check that it trains and that it is saved.
# - The trained table of this course's CCT shows the grid: the similarity falls with the distance, to the right as
#   well as below. The sine table runs over the flat index, so it knows the order of reading and not the rows.
# - On 1,293 digits positions decided for patches and made no difference that three seeds can show for convolutions.
#   What a table ties to places is lost when the image moves.
# - To change the resolution, resize the table on its grid, never as a list.
#
# **The difference from the paper and the 2021 example.** As in the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers), the learned table starts with standard deviation 0.2, the
# sine table runs over the flat index and is not trained, and a table is resized bilinearly without antialiasing.
# Theirs takes the square root of the number of tokens for the old grid; `resize_positions` is told the grid. In the
# [Keras example of 2021](https://keras.io/examples/vision/cct/) the table was a constant that never trained; the
# example was later given a layer with a weight for it. The [paper](https://arxiv.org/abs/2104.05704) describes the
# model.
#
# Next: [03 Self-attention](03_self_attention.ipynb). What does a block compute?

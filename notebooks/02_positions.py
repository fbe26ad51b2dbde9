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
# You will shuffle an image and see which models notice, prove why, build both kinds of position embedding by hand,
# look into trained ones, and carry them to a larger image.
#
# 115 minutes to read, 1 minute to run. Builds on [notebook 01](01_patches_and_convolutions.ipynb). The words of the
# course are in the [glossary](glossary.md).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/02_positions.ipynb)

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
import dataclasses
import inspect
import itertools
import json

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageOps
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures
from cct_helpers.plots import nb02_positions as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two questions on notebook 01
#
# Answer them from memory, then look.
#
# 1. A photo of 32 x 32 pixels is cut into patches of 4 x 4. How many tokens are there, and which pixels does token 9
#    hold?
# 2. How many pixels does a token of the convolutional tokenizer with two 3 x 3 convolutions see, and how far apart are
#    two neighbours?
#
# <details><summary>Answers</summary>
#
# 1. There are 64 tokens, 8 in a row. Token 9 stands in row 1 and column 1, counted from 0, so it holds the pixels 4 to
#    7 of both directions.
# 2. Such a token sees 13 x 13 pixels, and neighbours are 4 pixels apart. So the windows of neighbours overlap.
#
# </details>

# %% [markdown]
# **Which way through?** The main line goes from *A sum forgets the order* to *Convolutional tokens know their
# neighbours*, about 30 minutes: what a transformer sees of the order; then a good place for a break; and from *A vector
# for every place: the learned table* to *Another resolution*, about 50: how a place is added to a token, and what that
# is worth. What stands under *For a second reading* can wait: whether adding drowns the content, a formula for the
# sines, a trained model at 48 x 48 pixels, and one more trap.
#
# ## A sum forgets the order
#
# *Why:* notebook 01 turned an image into a list of tokens. Its order says where in the image a token lies, and that is
# of use only to a layer that reads the order.
#
# A convolution does: its kernel has one weight for the neighbour on the left and another for the one on the right. You
# also know a layer that does not: `GlobalAveragePooling2D` takes a mean, and a mean is the same whatever stands where.
# Which of the two is a transformer like?
#
# It is made of weighted sums. Begin with one on paper: three tokens of one number each, 8, 4 and 12, with the weights
# 1/2, 1/4 and 1/4. The sum is 4 + 1 + 3 = 8. Each token brings its own weight, so any other order gives 8 too:

# %%
numbers, shares = np.array([8, 4, 12]), np.array([1 / 2, 1 / 4, 1 / 4])
for places in itertools.permutations(range(3)):
    print(numbers[[*places]], "->", shares[[*places]] @ numbers[[*places]])
    assert shares[[*places]] @ numbers[[*places]] == 8

# %% [markdown]
# In a transformer the weights come from a [softmax](glossary.md), which in notebook 00 made probabilities of logits.
# Here each token gets a score from what it holds, and the same function makes positive weights of the scores; they sum
# to 1. Now with 64 tokens of 128 numbers.
#
# **Predict:** you shuffle the tokens. By how much does the weighted sum change?


# %%
def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


tokens = rng.normal(size=(64, 128))  # (tokens, dim)
scorer = rng.normal(size=128) / 10  # one number for each of a token's numbers
order = rng.permutation(64)

pooled = softmax(tokens @ scorer) @ tokens  # (tokens,) @ (tokens, dim) -> (dim,)
pooled_again = softmax(tokens[order] @ scorer) @ tokens[order]
print(f"largest difference: {np.abs(pooled - pooled_again).max():.1e}")
assert np.abs(pooled - pooled_again).max() < 1e-9

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weighted sum does not change, but for rounding. A token's weight depends on what the token holds, not on its
# place, and a sum has no order. In the words of notebook 01, it is [invariant](glossary.md) to the order: its input
# changes and its output stays the same.
#
# </details>
#
# ## Attention forgets it too
#
# *Why:* one sum over all tokens stands only at the end of a transformer. Inside, in attention, every token makes such a
# weighted sum of its own. Notebook 03 takes it apart; here three lines are enough. Each token has a *query*, a *key*
# and a *value*. The softmax of the products of queries and keys says how much of which value goes into the sum.
#
# **Predict:** you shuffle the tokens again. Does the output change?


# %% tags=["trap"]
def attention(tokens, queries, keys, values):
    scores = (tokens @ queries) @ (tokens @ keys).T / np.sqrt(queries.shape[1])  # (tokens, tokens)
    return softmax(scores) @ (tokens @ values)  # -> (tokens, head size)


matrices = rng.normal(size=(3, 128, 64)) / np.sqrt(128)
straight, shuffled = attention(tokens, *matrices), attention(tokens[order], *matrices)
same_place, same_token = np.abs(shuffled - straight).max(), np.abs(shuffled - straight[order]).max()
print(f"largest difference, place by place: {same_place:.2f}, token by token: {same_token:.1e}")
assert same_place > 0.5 and same_token < 1e-9

# %% [markdown]
# <details><summary>Answer</summary>
#
# Place by place it does: the outputs are shuffled as the inputs were. Token by token it does not: each token gets the
# same result wherever it stands.
#
# </details>
#
# > **Trap: "attention knows the order, since the output changes".** The results have only moved with their tokens.
#
# **To catch it:** compare the outputs token by token, not place by place.
#
# Notebook 01 has a word for it: a function whose output changes in the same way as its input is
# [equivariant](glossary.md) to that change. Attention is equivariant to the order of the tokens, a mean is invariant to
# it, and a convolution is neither:

# %%
alt = """Tokens A, B, C and C, A, B: average pooling gives one result twice, attention moves,
convolution differs"""
cct.show(pictures.draw_orders(), alt=alt)

# %% [markdown]
# One draw of weights is no proof. Here is one, in two lines. Let $X$ be the tokens, $(n, d)$, and let $P$ be a matrix
# $(n, n)$ with a single 1 in every row and column. Then $P X$ has the rows of $X$ in another order, and $P^\top P = I$.
# With the scores $S = X W_Q W_K^\top X^\top / \sqrt{d_h}$, also $(n, n)$, for a head size of $d_h$, the scores of the
# shuffled tokens are $P S P^\top$: rows and columns are shuffled alike. A softmax along the rows does not mind which
# row or column stands where, so
#
# $$\mathrm{softmax}(P S P^\top) = P\,\mathrm{softmax}(S)\,P^\top,$$
#
# $$\mathrm{Att}(P X) = \mathrm{softmax}(P S P^\top)\, P X W_V = P\,\mathrm{softmax}(S)\, P^\top P\, X W_V
# = P\,\mathrm{Att}(X),$$
#
# whatever $W_Q$, $W_K$ and $W_V$ are. Each step, checked:

# %%
P, (W_Q, W_K, W_V) = np.eye(64)[order], matrices  # (tokens, tokens), and (dim, head size) each
S = (tokens @ W_Q) @ (tokens @ W_K).T / np.sqrt(64)  # a head size of 64
assert np.array_equal(P @ tokens, tokens[order]) and np.array_equal(P.T @ P, np.eye(64))
S_shuffled = (P @ tokens @ W_Q) @ (P @ tokens @ W_K).T / np.sqrt(64)
assert np.allclose(S_shuffled, P @ S @ P.T)
assert np.allclose(softmax(P @ S @ P.T), P @ softmax(S) @ P.T)
assert np.allclose(attention(P @ tokens, *matrices), P @ attention(tokens, *matrices))

# %% [markdown]
# The other parts of a transformer, a normalisation and a small network called [MLP](glossary.md), treat each token
# alone (notebook 03), and the pooling at its end is the weighted sum above. So the whole model should not notice a
# shuffle either.
#
# ## Shuffle a photo
#
# *Why:* the proof is about one layer, and a model has many. So cut a photo into its 4 x 4 patches, lay them out in
# another order, and try whole models. `build_cvt` makes a transformer on patch tokens ([CVT](glossary.md): compact
# vision transformer).


# %%
def small(photo, side=32):
    """The largest square in the middle of a photo, resized: (side, side, 3) uint8."""
    return np.asarray(ImageOps.fit(Image.fromarray(photo), (side, side), Image.Resampling.BOX))


def shuffle_patches(image, order, size=4):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    x = image.reshape(rows, size, columns, size, 3)
    x = x.transpose(0, 2, 1, 3, 4)  # -> (rows, columns, size, size, 3)
    x = x.reshape(rows * columns, size, size, 3)[order]  # -> (patches, size, size, 3)
    x = x.reshape(rows, columns, size, size, 3)
    x = x.transpose(0, 2, 1, 3, 4)  # -> (rows, size, columns, size, 3)
    return x.reshape(image.shape)


cat = small(photos.chelsea())
pair = np.stack([cat, shuffle_patches(cat, order)])  # (2, 32, 32, 3)
assert np.array_equal(np.sort(pair[0], axis=None), np.sort(pair[1], axis=None))  # the same pixels
alt = "A cat's face, and the same 64 patches in random order, where no face can be seen"
cct.show(figures.draw_images(pair, ["photo", "the same 64 patches"], columns=2, side=2.6), alt=alt)

# %% [markdown]
# Three models see both pictures: one without positions; one with a table of vectors that is learned, a vector for each
# place; one with such a table made of sines. You build both tables below.
#
# **Predict:** which of them give the same logits for both pictures?

# %%
normalization = (127.5, 64)


def noticed(model):
    """How far the logits of the two pictures are apart, as a share of the size of the logits."""
    first, second = np.asarray(model(pair))  # (classes,) each
    return np.linalg.norm(first - second) / np.linalg.norm(first)


apart = {}
for kind in ("none", "sine", "learned"):
    keras.utils.set_random_seed(0)
    apart[kind] = noticed(cct.build_cvt("cvt_2_4_32", position=kind, normalization=normalization))
    print(f"patch tokens, position {kind:7}: logits differ by {apart[kind]:.1e} of their size")
assert apart["none"] < 1e-5 and apart["sine"] > 1e-2 and apart["learned"] > 1e-2

# %% [markdown]
# <details><summary>Answer</summary>
#
# Only the model without positions gives the same logits for the cat and for its shuffled patches, but for rounding. The
# other two notice.
#
# </details>
#
# These weights are random. The proof holds for all weights, so no training can change it. The other two models add to
# each token a vector that depends on its place.
#
# ## Convolutional tokens know their neighbours
#
# *Why:* so far the tokens were patches, which share no pixel. The windows of a CCT's tokenizer overlap (notebook 01),
# so ask again.
#
# **Predict:** does a CCT without positions notice that the patches were shuffled?

# %%
keras.utils.set_random_seed(0)
share = noticed(cct.build_cct("cct_2_3x2_32", position="none", normalization=normalization))
print(f"convolutional tokens, no position: logits differ by {share:.1e} of their size")
assert share > 1e-2

# %% [markdown]
# <details><summary>Answer</summary>
#
# It does: the logits of the two pictures differ.
#
# </details>
#
# Where does the news of the order come in? Look at the tokens before the transformer: shuffle the photo and make its
# tokens, and beside it make the tokens of the photo and shuffle these.


# %%
def changed_tokens(tokenizer):
    """Share of a token that changes when its neighbours do: shuffled photo against shuffled tokens."""
    of_photo, of_shuffled = np.asarray(tokenizer(pair / 127.5 - 1))  # (tokens, dim) each
    difference = of_shuffled - of_photo[order]
    return np.linalg.norm(difference, axis=-1) / np.linalg.norm(of_photo[order], axis=-1)


on_patches = changed_tokens(cct.PatchTokenizer(4, 128))
on_windows = changed_tokens(cct.ConvTokenizer(128))
print(f"change of a token, mean: patches {on_patches.mean():.1e}, convolutions {on_windows.mean():.2f}")
assert on_patches.max() < 1e-4 and on_windows.min() > 0.1 and on_windows.mean() > 0.5

# %% [markdown]
# The patches are the same tokens in another order. The convolutional tokens themselves have changed, each by more than
# a tenth and by more than half on average: such a token sees the edges of its neighbours too, and those are others now.
# So the order of *neighbouring* pieces is inside the tokens before the transformer begins.
#
# There is a second source. **Predict:** an image has one grey everywhere. How many different tokens does each tokenizer
# make of it?

# %%
grey = np.full((1, 32, 32, 3), 0.5, "float32")
different = {}
tokenizers = {"patches": cct.PatchTokenizer(4, 128), "convolutions": cct.ConvTokenizer(128)}
for name, tokenizer in tokenizers.items():
    tokens_of_grey = np.asarray(tokenizer(grey))[0].round(3)  # (tokens, dim)
    different[name] = np.unique(tokens_of_grey, axis=0, return_inverse=True)[1].reshape(8, 8)
    print(f"{name}: {different[name].max() + 1} different tokens")

print(different["convolutions"])  # the same number, the same token
assert different["patches"].max() + 1 == 1 and different["convolutions"].max() + 1 == 4 * 4
assert np.ptp(different["convolutions"][2:7, 2:7]) == 0  # one token in the middle

# %% [markdown]
# <details><summary>Answer</summary>
#
# Patches make the same token 64 times. The convolutional tokenizer makes 16 different ones: four kinds of row times
# four kinds of column.
#
# </details>
#
# The first two rows and the last one see zeros from outside the image in their windows of 13 pixels, and the rest do
# not. So the [padding](glossary.md) carries the news "I am at the top left". How much a deep convolutional network can
# make of it was measured by [Islam et al., 2020](https://arxiv.org/abs/2001.08248).
#
# The authors of CCT say in the abstract of an earlier version of the [paper](https://arxiv.org/abs/2104.05704v2) that
# convolutions and sequence pooling remove the need for position embeddings. That is their claim. Further down you test
# it on a small scale.
#
# ## A vector for every place: the learned table
#
# *Why:* a token that does not hold its place has to be told it. The most direct way is a [position
# embedding](glossary.md): a table $E$ with one row for each place, added to the tokens $X$ of every image and trained
# like any other weight:
#
# $$Z = X + E,\qquad X, Z: (\text{batch}, n, d),\quad E: (1, n, d).$$
#
# The authors start $E$ from a normal distribution with standard deviation 0.2, ten times that of their linear layers.

# %%
keras.utils.set_random_seed(0)
layer = cct.PositionEmbedding("learned", grid=(8, 8))
images_as_tokens = rng.normal(size=(2, 64, 128)).astype("float32")  # (batch, tokens, dim)
with_positions = layer(images_as_tokens)

table = ops.convert_to_numpy(layer.table)  # (1, tokens, dim): one table for all images of a batch
assert table.shape == (1, 64, 128) and layer.count_params() == 64 * 128 == 8192
assert any(weight is layer.table for weight in layer.trainable_weights)
assert 0.19 < table.std() < 0.21 and cct.Linear(1).kernel_initializer.stddev == 0.02
assert np.allclose(with_positions, images_as_tokens + table)
print(inspect.getsource(cct.PositionEmbedding.call))

# %% [markdown]
# `rows` and `columns` serve images of other sizes; you come to that below.
#
# ## A table nobody has to train: sines
#
# *Why:* a learned table takes parameters and training. This one takes a formula. [Vaswani et al.,
# 2017](https://arxiv.org/abs/1706.03762) (section 3.5) write the place as the hands of many clocks. Each pair of
# columns is one clock. Its hand turns with the place $p$, quickly in the first columns and slowly in the last:
#
# $$E_{p,\,2i} = \sin(\omega_i\, p),\qquad E_{p,\,2i+1} = \cos(\omega_i\, p),\qquad
# \omega_i = 10000^{-2i/d},\quad i = 0, \dots, d/2 - 1.$$


# %%
def sine_table(tokens, dim):
    places = np.arange(tokens)[:, None]  # (tokens, 1)
    speeds = 1 / 10000 ** (2 * np.arange(dim // 2) / dim)  # (dim / 2,), from 1 to nearly 1 / 10000
    angles = places * speeds  # (tokens, dim / 2)
    hands = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # (tokens, dim / 2, 2)
    return hands.reshape(tokens, dim)  # sine, cosine, sine, cosine, ...


sines = sine_table(64, 128)
fixed = cct.PositionEmbedding("sine")
with_sines = fixed(images_as_tokens)
assert np.allclose(sines, cct.sine_positions(64, 128), atol=1e-6)
assert np.allclose(with_sines, images_as_tokens + sines, atol=1e-5) and fixed.count_params() == 0

# %% [markdown]
# The table is used as the learned one was, and it has no parameters. Drawn as a picture:

# %%
to_the_next, to_the_last = np.abs(sines[0] - sines[1]), np.abs(sines[0] - sines[-1])  # (dim,) each
assert to_the_next.max() > 0.8 and to_the_last[96:].max() < 0.1

alt = """Heat map of 64 tokens by 128 columns: fast waves on the left, almost constant stripes on
the right"""
title = "sine positions: fast clocks on the left, slow ones on the right"
cct.show(pictures.draw_table(sines, title), alt=alt)

# %% [markdown]
# One row is one token. On the left neighbours differ; in the last quarter of the columns even the first and the last
# row are nearly the same. Those columns are there for sequences of thousands of tokens.
#
# ## What a table says about space
#
# *Why:* to use a place, a model has to tell near from far. So compare the rows of a table with each other. The [cosine
# similarity](glossary.md) of two rows, $e_p \cdot e_q\, /\, (|e_p|\,|e_q|)$, is 1 for the same direction and 0 for
# unrelated ones. Three tables: fresh, trained (it comes with this course, in a CCT trained on CIFAR-10) and sine.


# %%
def similarity(table):
    unit = table / np.linalg.norm(table, axis=-1, keepdims=True)  # (tokens, dim)
    return unit @ unit.T  # (tokens, tokens)


pretrained = cct.load_pretrained("cct_2_3x2_32_cifar10")
grid = pretrained.get_layer("position").grid  # (8, 8)
learned = ops.convert_to_numpy(pretrained.get_layer("position").table)[0]  # (tokens, dim)
fresh = rng.normal(scale=0.2, size=learned.shape)
similarities = {"fresh": similarity(fresh), "learned": similarity(learned), "sine": similarity(sines)}
titles = "fresh: like itself alone", "learned: like places around it", "sine: like its row"
alt = """Three grids of 8 x 8 maps. Fresh: a bright dot each. Learned: a bright spot around each
place. Sine: bright rows"""
shown = dict(zip(titles, similarities.values(), strict=True))
cct.show(pictures.draw_similarity_maps(shown, grid), alt=alt)

# %% [markdown]
# Each small map belongs to one token and stands at that token's place. It shows how similar all 64 places are to it.
# Put numbers on what you see: correlate the similarity with the distance on the grid, and compare the neighbour to the
# right with the one below.
#
# **Predict:** token 7 is the last of the first row of the image, token 8 the first of the second. How similar are they
# in the sine table: as two that touch, or as two at opposite edges?

# %%
row, column = np.divmod(np.arange(64), 8)
down, across = np.abs(row[:, None] - row), np.abs(column[:, None] - column)  # (tokens, tokens) each
distance = np.hypot(down, across)
others, beside, one_down = distance > 0, (down == 0) & (across == 1), (down == 1) & (across == 0)
facts = {}
for name, values in similarities.items():
    correlation = np.corrcoef(values[others], distance[others])[0, 1]
    right, below = values[beside].mean(), values[one_down].mean()
    facts[name] = correlation, right, below
    print(f"{name:8} correlation with distance {correlation:5.2f},", end=" ")
    print(f"similarity to the right {right:.2f}, below {below:.2f}")

across_the_image, touching = similarities["sine"][7, 8], similarities["sine"][0, 1]
print(f"sine: tokens 7 and 8 {across_the_image:.2f}, tokens 0 and 1 {touching:.2f}")
assert abs(facts["fresh"][0]) < 0.1
assert facts["learned"][0] < -0.5 and abs(facts["learned"][1] - facts["learned"][2]) < 0.05
assert facts["sine"][1] > 0.9 and facts["sine"][1] - facts["sine"][2] > 0.2
assert np.isclose(across_the_image, touching)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Tokens 7 and 8, at opposite edges of the image, are as similar in the sine table as two that touch: both pairs are
# one number apart.
#
# </details>
#
# Nobody told the learned table that the tokens form a grid. It started as noise, and training made the rows of near
# places similar, to the right and below alike. A likely reason: neighbouring places need similar treatment, so the
# gradient pulls their rows the same way.
#
# The sine table counts through the tokens in reading order and knows nothing of rows. The neighbour to the right is the
# next number, the neighbour below is eight numbers on. So the bright row around each token runs on into the next one.
#
# Try it. Choose a table and a token. `dim` is the length of a sine vector; the trained table has 128 numbers and no
# other size. With `dim` 16 there are 8 clocks, and the two fastest come round after 6 and after 20 steps, so places
# that far apart look alike in part.


# %%
def position_view(table, row, column, dim):
    if table == "learned" and dim != 128:
        raise ValueError("The trained table has 128 numbers a token. Set dim to 128.")
    values = similarities["learned"] if table == "learned" else similarity(sine_table(64, dim))
    return pictures.draw_similarity(values, grid, row, column, f"{table}, {dim} numbers")


settings = [
    dict(table="learned", row=3, column=2, dim=128),
    dict(table="sine", row=3, column=2, dim=128),
    dict(table="sine", row=3, column=2, dim=16),
]
alt = """Similarity with token (3, 2): a round spot if learned, a bright row for 128 sines, several
spots for 16"""
ranges = dict(row=(0, 7), column=(0, 7), dim=[16, 64, 128, 256])
explorer = cct.explore(position_view, settings, alt, table=["learned", "sine"], **ranges)

# %% [markdown]
# ## Which one is worth having
#
# *Why:* what a table knows of space does not say yet what a model gains by it. So train: none, sine and learned, on
# patches and on convolutions, 40 epochs on 1,293 digits each. Test every model three times: on digits as they are; on
# *wrapped* ones, moved 4 pixels to the right, where what leaves on the right comes in on the left; and *without its
# table*, with zeros in place of the positions. 4 pixels are the distance of two tokens, so a wrapped digit has exactly
# the patches of the original, in other places.
#
# **Predict:** for patches, which kind wins on digits as they are, and which on wrapped ones?

# %%
digits = cct.load_dataset("digits")
tiny = dict(
    input_shape=(16, 16, 1), num_layers=2, dim=64, num_heads=2, mlp_ratio=1,
    normalization=(digits.x_train.mean(), digits.x_train.std()),
)  # fmt: skip
builders = {
    "patches": lambda kind: cct.build_cvt("cvt_2_4_32", patch_size=4, position=kind, **tiny),
    "convolutions": lambda kind: cct.build_cct(
        "cct_2_3x2_32", hidden_channels=16, position=kind, **tiny
    ),
}


# %%
def recorded_run(tokenizer, kind, seed):
    """Test accuracy after 40 epochs: on digits as they are, without the table, and wrapped."""
    keras.utils.set_random_seed(seed)
    model = builders[tokenizer](kind)
    recipe = dataclasses.replace(cct.RECIPES["quick"], epochs=40)
    cct.fit(model, digits, recipe, seed=seed, verbose=False)
    without = builders[tokenizer]("none")
    kept = [weight for weight in model.weights if not weight.path.startswith("position/")]
    without.set_weights([ops.convert_to_numpy(weight) for weight in kept])
    tests = {"as they are": (model, digits.x_test), "without its table": (without, digits.x_test)}
    tests["wrapped"] = model, np.roll(digits.x_test, 4, axis=2)
    return {
        name: cct.evaluate(tested, images, digits.y_test)["top1"]
        for name, (tested, images) in tests.items()
    }


assert len(digits.x_train) == 1293

# %% [markdown]
# The next cell repeats one of the 18 runs, patches with a learned table and seed 0. All 18, six models with three seeds
# each, are on record, made by the function above: `python notebooks/scripts/records.py --make 02`.

# %%
file = Path(root, "notebooks", "results", "02_three_positions.json")
record = json.loads(file.read_text(encoding="utf-8"))
by_name = {(run["tokenizer"], run["kind"], run["seed"]): run for run in record["runs"]}
recorded = by_name["patches", "learned", 0]
once = recorded_run("patches", "learned", seed=0)
for name, share in once.items():
    print(f"{name:18} {share:6.1%} here, {recorded[name]:6.1%} on record")
    assert abs(share - recorded[name]) < 0.04  # equal but for this machine's rounding

# %% [markdown]
# And the whole record, mean and standard deviation over the three seeds, in percent:

# %%
kinds = "none", "sine", "learned"
percent = {tokenizer: {} for tokenizer in builders}  # -> images -> kind -> (seeds,) in percent
for tokenizer, name in itertools.product(builders, once):
    scores = {}
    for kind in kinds:
        scores[kind] = 100 * np.array([by_name[tokenizer, kind, seed][name] for seed in range(3)])
    percent[tokenizer][name] = scores
    cells = [f"{kind} {runs.mean():5.1f} ± {runs.std(ddof=1):4.1f}  " for kind, runs in scores.items()]
    print(f"{tokenizer:13} {name:18}", *cells)

alt = """Dots of three runs: patches need positions and fall towards guessing without; convolutions
stay at 75 % or more"""
panels = {
    "patches: positions decide": percent["patches"],
    "convolutions: as good without them": percent["convolutions"],
}
cct.show(pictures.draw_accuracies(panels, chance=10), alt=alt)

# %% [markdown]
# Read it one tokenizer at a time. First the patches:

# %%
still, bare, wrapped = percent["patches"].values()  # as they are, without its table, wrapped
lost = {kind: (still[kind] - wrapped[kind]).mean() for kind in kinds}
assert min(still["sine"].min(), still["learned"].min()) > still["none"].max() + 20
assert max(bare["sine"].max(), bare["learned"].max()) < 20
assert np.abs(still["none"] - wrapped["none"]).max() < 0.5
assert lost["learned"] > 65 and lost["sine"] > 20
assert wrapped["learned"].max() < 25 < 55 < min(wrapped["none"].min(), wrapped["sine"].min())

# %% [markdown]
# <details><summary>Answer</summary>
#
# On digits as they are, sine and learned win: every run with either is more than 20 points better than every run
# without. Which of the two is better, three seeds cannot tell. On wrapped digits learned comes last, and three seeds
# cannot tell sine from none.
#
# </details>
#
# Without positions the model sees a bag of patches. Wrapping does not change the bag, so its answers stay as they were.
# A model with positions rests on them: without its table each run gets fewer than 20 % right. On wrapped digits the
# learned table costs it more than 65 points on average, as it has tied what it knows to places that no longer hold.
# With sines it loses more than 20 on average.
#
# Now the convolutions:

# %%
still, bare, wrapped = percent["convolutions"].values()
means = [still[kind].mean() for kind in kinds]
assert min(means) > 98 and np.ptp(means) < 1
assert np.abs(still["learned"] - bare["learned"]).max() < 1 and (still["sine"] - bare["sine"]).min() > 5
assert min((still[kind] - wrapped[kind]).mean() for kind in kinds) > 10

# %% [markdown]
# On digits as they are the three means lie within one point, and three seeds cannot tell them apart. The order inside
# the tokens is enough here, in line with the authors' claim above. It also answers a question that notebook 01 leaves
# open: the convolutional model there has a learned table like the others, so why does it mind moves so much less?
# Because it hardly uses the table. Without it, each run changes by less than one point.
#
# Two things to note. A convolutional model with sines does lean on them: without them each run loses more than 5
# points, perhaps because that table is there from the first step and cannot shrink. And wrapped digits cost all three
# kinds more than 10 points on average, without positions too: wrapping changes the tokens at the border, and the zero
# padding gives places away.
#
# This is one small data set. With larger images or longer training it may come out otherwise.

# %% [markdown]
# ## Another resolution
#
# *Why:* you may want to give the model larger images than it was trained on. A table learned at 32 x 32 pixels has
# 8 x 8 rows, and an image of 48 x 48 makes 12 x 12 tokens. The usual way is to take the table as a small picture with
# `dim` channels and enlarge it *bilinearly*. Begin with one direction. Each new place lies between two old ones and
# takes a share of both, so the step is a product with a matrix.
#
# **Predict:** the new places are 2/3 as far apart as the old ones, and the outer edges of both grids coincide. Where
# does the middle of the first new cell lie, if the middles of the old ones are 0, 1, 2, ...?


# %%
def interpolation(old, new):
    """(new, old) matrix: each row says how much of every old place goes into a new one."""
    places = (np.arange(new) + 0.5) * old / new - 0.5  # the middle of each new cell, on the old scale
    places = np.clip(places, 0, old - 1)[:, None]  # (new, 1); beyond the outermost middle, its value
    return np.maximum(0, 1 - np.abs(places - np.arange(old)))


assert np.isclose((0 + 0.5) * 8 / 12 - 0.5, -1 / 6) and np.allclose(interpolation(8, 12).sum(axis=1), 1)
alt = """Four old cells above six new ones of the same total width; the first new middle lies left
of the first old"""
cct.show(pictures.draw_two_grids(4, 6), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first new middle lies at -1/6, outside the middle of the first old cell.
#
# </details>
#
# For $m$ old and $k$ new places, new place $j$ lies at $p_j$ on the old scale and takes the share $a_{ji}$ of old place
# $i$:
#
# $$p_j = \left(j + \tfrac12\right) \frac{m}{k} - \tfrac12,\qquad a_{ji} = \max\left(0,\ 1 - |p_j - i|\right),$$
#
# with $p_j$ cut off at 0 and $m - 1$. A grid has two directions: rows and columns are resized one after the other,
# $E': (1, k_r k_c, d)$ from $E: (1, m_r m_c, d)$.


# %%
def resize_by_hand(table, old_grid, new_grid):
    picture = table.reshape(*old_grid, -1)  # (1, tokens, dim) -> (rows, columns, dim)
    down, across = interpolation(old_grid[0], new_grid[0]), interpolation(old_grid[1], new_grid[1])
    # a sum over old rows r and old columns c -> (new rows, new columns, dim)
    resized = np.einsum("Rr,Cc,rcd->RCd", down, across, picture, optimize=True)
    return resized.reshape(1, -1, table.shape[-1])  # -> (1, tokens, dim)


for new_grid in [(12, 12), (16, 8), (5, 11)]:
    resized = resize_by_hand(learned[None], (8, 8), new_grid)
    assert np.allclose(resized, cct.resize_positions(learned[None], (8, 8), new_grid), atol=1e-5)

# %% [markdown]
# By hand and in the package the numbers agree, also for grids that are not square.
#
# > **Trap: the table resized as if it were flat, or square.** The table is stored as a list. Some code takes the square
# > root of its length for the number of rows; 4 x 9 tokens are 36, and so are 6 x 6.
#
# Resize a table whose only number is the column that it stands for. **Predict:** what should all tokens of one column
# hold?

# %% tags=["trap"]
columns_of_36 = np.tile(np.arange(9.0), 4)[None, :, None]  # (1, 36 tokens, 1): 0 to 8, four times
maps = {
    "as 4 x 9: right": cct.resize_positions(columns_of_36, (4, 9), (8, 18)),
    "as 6 x 6": cct.resize_positions(columns_of_36, (6, 6), (8, 18)),
    "as a flat list": interpolation(36, 144) @ columns_of_36[0],
}
differ = {}
for name, values in maps.items():
    maps[name] = values.reshape(8, 18)  # (1, tokens, 1) -> (rows, columns)
    differ[name] = np.ptp(maps[name], axis=0).max()
    print(f"{name:15}  largest difference inside one column {differ[name]:.2f}")
assert differ["as 4 x 9: right"] < 1e-5 and differ["as 6 x 6"] > 4 and differ["as a flat list"] > 4

alt = """Three maps of 8 x 18 tokens: even stripes from left to right; a checkered muddle; stripes
that run over two rows"""
names = "column (tokens)", "row (tokens)"
cct.show(figures.draw_maps(maps, "column it believes in", names=names, size=(2.8, 2.0)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# All tokens of one column should hold the same number.
#
# </details>
#
# All three tables have the right shape; only the first passes.
#
# **To catch it:** resize a table of coordinates. It is a good test of any code that moves positions about.

# %% [markdown]
# ## For a second reading
#
# Two of these sections look at the same 120 crops of photos:

# %%
photographs = [getattr(photos, name)() for name in ("chelsea", "rocket", "astronaut", "coffee")]
photographs += [load_sample_image(name) for name in ("flower.jpg", "china.jpg")]

crops = []  # 120 squares of 96 to 250 pixels a side, from random places
for photo, side in itertools.product(photographs, rng.integers(96, 251, 20)):
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    crops.append(photo[top : top + side, left : left + side])
small_crops, large_crops = (np.stack([small(crop, side) for crop in crops]) for side in (32, 48))

# %% [markdown]
# ### Does adding not drown the content?
#
# *Why:* many ask this first. A token and its place are mixed into one list of numbers. Why not append the position
# instead?
#
# Because the linear layer that comes next makes a sum of both in any case. For a sum of token and place it is $(x +
# e)\,W = x W + e W$; for a longer list of both it is $x W_1 + e W_2$, with columns and weights to pay for. Adding asks
# only that token and place can be told apart again: 128 numbers have room for many directions, and training is free to
# put the places into directions that the tokens do not use.
#
# Did training do so? Take the 120 crops, and the tokens and the tables of two trained models of this course: CCT with
# convolutions, CVT with patches.
#
# Fit one linear layer that reads the *token* out of the sum, and one that reads the *place*, row and column, both by
# least squares on 100 crops. Test them on the other 20.
#
# **Predict:** the rows of the tables are less than half as long as the tokens. Which share of the variation of the
# tokens can be read out of the sum: a half, or nearly all?


# %%
def read_out(sums, wanted):
    """Fit a linear layer on 100 crops: the share of the variation that it explains on 20 others."""
    x, y = np.concatenate(sums), np.concatenate(wanted)  # (crops, tokens, ...) -> (crops * tokens, ...)
    x = np.insert(x, 0, 1, axis=1)  # ones, for the bias
    unseen = np.arange(len(x)) // 64 % 6 == 0  # every sixth crop
    matrix = np.linalg.lstsq(x[~unseen], y[~unseen], rcond=None)[0]
    left_over = x[unseen] @ matrix - y[unseen]
    variation = y[unseen] - y[unseen].mean(axis=0)
    return 1 - np.sum(left_over**2) / np.sum(variation**2)


# %% [markdown]
# The tokens *alone* are what enters the layer of the positions; the sum is what leaves it.

# %%
places = np.tile(np.stack([row, column], axis=1), (120, 1, 1))  # (crops, tokens, 2)
for name in ("cct_2_3x2_32_cifar10", "cvt_2_4_32_cifar10"):
    model = cct.load_pretrained(name)
    rows = ops.convert_to_numpy(model.get_layer("position").table)  # (1, tokens, dim)
    alone = keras.Model(model.input, model.get_layer("position").input).predict(small_crops, verbose=0)
    lengths = np.linalg.norm(alone, axis=-1).mean(), np.linalg.norm(rows, axis=-1).mean()
    token, place = read_out(alone + rows, alone), read_out(alone + rows, places)
    place_alone = max(read_out(alone, places), 0)
    print(f"{name}: tokens are {lengths[0]:.1f} long, rows {lengths[1]:.1f}")
    print(f"  read from the sum: token {token:.1%}, place {place:.1%};", end=" ")
    print(f"place from the token alone {place_alone:.0%}")
    assert lengths[1] < 0.5 * lengths[0] and min(token, place) > 0.97
    if name.startswith("cct"):
        assert 0.4 < place_alone < 0.6
    else:
        assert min(token, place) > 0.9995 and place_alone < 0.005

# %% [markdown]
# <details><summary>Answer</summary>
#
# Nearly all of it, more than 97 %, and the place as well. Adding drowns neither.
#
# </details>
#
# With patches nothing at all is lost. The tokens are made of 48 pixel numbers and a bias, so they fill at most 49 of
# the 128 directions, and 64 rows of a table need at most 64 more: there is room for both. The last number is a
# by-product. From the token *alone* a linear layer reads about half of the variation of the place with convolutions,
# and nothing with patches: the padding again.

# %% [markdown]
# ### Sines know only the difference
#
# *Why:* you saw that in the sine table tokens 7 and 8 are as similar as two that touch, and want the reason. For sines
# the similarity depends on nothing but the difference of the two numbers:
#
# $$e_p \cdot e_q = \sum_i \left(\sin \omega_i p\, \sin \omega_i q + \cos \omega_i p\, \cos \omega_i q\right)
# = \sum_i \cos\big(\omega_i\,(p - q)\big).$$

# %%
for step in (1, 8, 20):
    diagonal = np.diagonal(sines @ sines.T, offset=step)  # all pairs that are `step` numbers apart
    print(f"{step:2} apart: from {diagonal.min():.3f} to {diagonal.max():.3f}")
    assert np.allclose(diagonal, np.cos(step / 10000 ** (np.arange(64) / 64)).sum())

# %% [markdown]
# ### The trained model at 48 x 48 pixels
#
# *Why:* *Another resolution* resized a table. Does a real model then work? `load_reference_weights` resizes the table
# when the model is larger than the one that was trained. Take the crops at 48 x 48 pixels and compare the logits with
# those for the same crops at 32 x 32. Beside it stand three tables that were not resized on the grid. The model is the
# CVT: its tokens are patches, so all that it knows of order is in the table.
#
# **Predict:** nothing else in the model depends on the image size. Will the logits be equal? Which table comes nearest?

# %%
cvt = cct.load_pretrained("cvt_2_4_32_cifar10")
learned_by_cvt = ops.convert_to_numpy(cvt.get_layer("position").table)[0]  # (64, 128)
card = cvt.card["build"]
built = dict(normalization=(card["mean"], card["std"]), **card["overrides"])
at_48 = cct.build_cvt(card["variant"], input_shape=(48, 48, 3), **built)
cct.load_reference_weights(at_48, cct.reference_weights(cvt))
position = at_48.get_layer("position")
tables = {
    "resized on the grid": resize_by_hand(learned_by_cvt, (8, 8), (12, 12)),
    "resized as a flat list": interpolation(64, 144) @ learned_by_cvt,
    "old table in the corner": np.pad(learned_by_cvt.reshape(8, 8, 128), ((0, 4), (0, 4), (0, 0))),
    "no position": np.zeros((144, 128)),
}
assert np.allclose(position.table, tables["resized on the grid"], atol=1e-5)  # what the loader did

# %%
expected, distances = cct.predict(cvt, small_crops), {}  # (crops, classes); table -> (crops,)
for name, of_places in tables.items():
    position.table.assign(of_places.reshape(1, 144, 128))
    distances[name] = np.linalg.norm(cct.predict(at_48, large_crops) - expected, axis=1)
    print(f"{name:24} mean distance of the logits {distances[name].mean():.2f}")
means = [values.mean() for values in distances.values()]
assert means == sorted(means) and means[0] > 1  # on the grid, flat, in the corner, none

on_grid, *rest = distances.values()
further = [np.mean(of_other > on_grid) for of_other in rest]
flat, corner, none = further
print(f"further than the grid: flat list {flat:.0%}, corner {corner:.0%}, none {none:.0%} of the crops")
assert min(further) > 2 / 3

# %% [markdown]
# <details><summary>Answer</summary>
#
# The logits are not equal: the patches of the larger image see other pixels, and each token has more than twice as many
# others to read from, 144 against 64. The table that is resized on its grid comes nearest.
#
# </details>
#
# The order of the four agrees with the test on columns in *Another resolution*: the grid stays closest to the old
# answers, then the flat list, then the old table in a corner, and no table at all comes last. Against each of the
# others the grid is nearer for more than two crops of three. To use a model at another resolution for real, resize the
# table on its grid and then train a little at the new size.
#
# ### One more trap
#
# *Why:* for the day on which you write such a layer yourself.
#
# > **Trap: the table that never trained.** The [Keras example](https://keras.io/examples/vision/cct/) in its version of
# > 2021 called an `Embedding` layer on plain numbers and added the result to the tokens. That computes the vectors
# > once, when the model is built, and puts them into the model as a constant.
#
# **Predict:** how many parameters does such a model have?


# %% tags=["trap"]
def frozen_by_accident():
    entrance = keras.Input((64, 128))
    positions = keras.layers.Embedding(64, 128)(ops.arange(64))  # an array, not a part of the model
    return keras.Model(entrance, entrance + positions)


def trained():
    entrance = keras.Input((64, 128))
    return keras.Model(entrance, cct.PositionEmbedding("learned")(entrance))


for build in (frozen_by_accident, trained):
    first, second = build(), build()
    second.set_weights(first.get_weights())  # what saving and loading does
    same = np.allclose(first(images_as_tokens), second(images_as_tokens))
    print(f"{build.__name__}: {first.count_params()} parameters, same output after loading: {same}")
    assert first.count_params() == (8192 if build is trained else 0) and same == (build is trained)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first model has no parameters, where 8,192 were meant.
#
# </details>
#
# No error, no warning, and in a larger model the loss falls. But the table is no weight of the model: it is not
# trained, and it is not saved. A model that is loaded gets other positions than the one that was trained.
#
# **To catch it:** count the parameters on paper, and compare the outputs after loading.

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
# *15 minutes.* Write the test that tells kinds of function apart, for a batch of images. `function` takes tokens
# `(batch, tokens, dim)` to an array of the same shape. Give it the tokens as they are and the tokens of every image in
# the order `order`. Return for each image the largest absolute difference of the two results *place by place*, and
# *token by token* (each token compared with itself, wherever it stands), `(batch,)` both. The first is 0 for an
# invariant function, the second for an equivariant one.
#
# `order_gaps(lambda x: 2 * x, np.array([[[1.0], [4.0]], [[0.0], [1.0]]]), np.array([1, 0]))` gives `([6.0, 2.0], [0.0,
# 0.0])`.


# %% tags=["exercise"]
def order_gaps(function, tokens, order):
    return np.zeros(len(tokens)), np.zeros(len(tokens))  # your lines here


cct.check("order_gaps", order_gaps)

# %% [markdown]
# ### Exercise: Sine positions that know rows and columns
#
# *20 minutes.* Make sine positions that know the grid: the first `dim / 2` numbers of a token are the sine row of its
# *row*, the others that of its *column*, each from a `sine_table` with `dim / 2` columns; `dim` is a multiple of 4. The
# tokens of `rows` x `columns` are in reading order, both counted from 0. The result is `(rows * columns, dim)`.
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
# 3. Take the position table out of `pretrained` and of `cvt` (assign zeros). How many of the 120 small crops of
#    the second reading keep their class?
#
# ## The parts in one table
#
# For 8 x 8 tokens of 128 numbers.
#
# | name | shape in | shape out | parameters |
# |---|---|---|---|
# | `PositionEmbedding("learned")` | (batch, 64, 128) | (batch, 64, 128) | 64 · 128 = 8,192 |
# | `PositionEmbedding("sine")` | (batch, 64, 128) | (batch, 64, 128) | 0, a fixed table |
# | `PositionEmbedding("none")` | (batch, 64, 128) | (batch, 64, 128) | 0, tokens pass unchanged |
# | `resize_positions` to 12 x 12 | (1, 64, 128) | (1, 144, 128) | 0 |
#
# ## Recap
#
# - A weighted sum has no order. Attention is equivariant to the order of the tokens, pooling is invariant, so a
#   transformer on patches alone sees a bag of patches. Two lines prove it, for all weights.
# - Convolutional tokens carry some order: their windows overlap, and the zero padding tells them how near the border
#   they are.
# - The trained table of this course's CCT shows the grid: the similarity falls with the distance, to the right as well
#   as below. The sine table runs over the flat index, so it knows the order of reading and not the rows.
# - On 1,293 digits positions decided for patches and made no difference that three seeds can show for convolutions. A
#   model on patches that has learned places fails when the image moves.
# - To change the resolution, resize the table on its grid, never as a list.
# - A position is added to its token. In the trained models of this course a linear layer can read both out again.
# - A learned table is a weight like others. Check that it trains and that it is saved.
#
# **The difference from the paper and the 2021 example.** As in the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers), the learned table starts with standard deviation 0.2, the
# sine table runs over the flat index and is not trained, and a table is resized bilinearly without antialiasing. Theirs
# takes the square root of the number of tokens for the old grid; `resize_positions` is told the grid. In the [Keras
# example of 2021](https://keras.io/examples/vision/cct/) the table was a constant that never trained; the example was
# later given a layer with a weight for it. The [paper](https://arxiv.org/abs/2104.05704) describes the model.
#
# What came later: sines of row and column apart ([Beyer et al., 2022](https://arxiv.org/abs/2205.01580); you write them
# in an exercise), a learned number for each *offset* that is added to the scores ([Liu et al.,
# 2021](https://arxiv.org/abs/2103.14030)), and queries and keys that are turned by an angle that grows with the place
# ([Su et al., 2021](https://arxiv.org/abs/2104.09864)).
#
# Next: [03 Self-attention](03_self_attention.ipynb). What does a block compute?

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
# # 3. Self-attention
#
# *What does a block compute?*
#
# You will build attention from array operations on the tokens of a real photo, prove it equal to two libraries'
# layers, put it into a transformer block, and see where a token reads from.
#
# 20 minutes to read, 1 minute to run. Builds on [notebook 01](01_patches_and_convolutions.ipynb) and [notebook
# 02](02_positions.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/03_self_attention.ipynb)

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
import inspect

import keras
import numpy as np
from keras import ops
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures
from cct_helpers.plots import nb03_self_attention as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Tokens to work with
#
# A token of notebook 01 knows the few pixels around it. To say "cat" it needs news from the other tokens. Attention
# is how it gets them: each token reads from all others and decides itself how much from which.
#
# Take real numbers from the start: a photo, in the trained CCT that comes with this course, at the moment when its
# tokens enter the attention of the first block.


# %%
def square(photo, side=32):
    """The largest square in the middle of a photo, resized: (side, side, 3) uint8."""
    height, width = photo.shape[:2]
    size = min(height, width)
    left, top = (width - size) // 2, (height - size) // 2
    box = (left, top, left + size, top + size)
    return np.asarray(Image.fromarray(photo).resize((side, side), Image.Resampling.BOX, box=box))


cat = square(photos.chelsea())
pretrained = cct.load_pretrained("cct_2_3x2_32_cifar10")
block = pretrained.get_layer("block_0")
before = keras.Model(pretrained.input, block.input)  # from the image to the tokens that enter block 0

entering = ops.convert_to_numpy(before(cat[None]))  # (batch, tokens, dim)
tokens = ops.convert_to_numpy(block.pre_norm(entering))[0]  # (tokens, dim), normalised; more on that below
print("image", cat.shape, "-> tokens", tokens.shape)
assert tokens.shape == (64, 128)

# %% [markdown]
# ## Queries, keys, values
#
# Each token is multiplied by three matrices. The results have names: the *query* says what the token looks for, the
# *key* what it has to offer, the *value* what it hands over. The score of a pair is the product of one's query with
# the other's key ([Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2).
#
# **Predict:** why two matrices, query and key, and not one for both? What would be true of the scores with one?

# %%
size = 64  # numbers in a query: the head size
kernel = ops.convert_to_numpy(block.attention.qkv.kernel)  # (dim, 3 * dim): queries, keys, values side by side
to_query, to_key, to_value = kernel[:, :64], kernel[:, 128:192], kernel[:, 256:320]  # of the first of two heads

queries, keys, values = tokens @ to_query, tokens @ to_key, tokens @ to_value  # (tokens, size) each
scores = queries @ keys.T  # (tokens, size) @ (size, tokens) -> (tokens, tokens)
print("scores", scores.shape, " token 0 with 9:", scores[0, 9].round(2), "  token 9 with 0:", scores[9, 0].round(2))
assert scores.shape == (64, 64)
assert not np.allclose(scores, scores.T)
assert np.allclose(queries @ queries.T, (queries @ queries.T).T)

# %% [markdown]
# With one matrix the scores would be symmetric: an ear that reads from an eye would be read by the eye just as much.
# Two matrices let them differ.
#
# ## From scores to weights
#
# A *softmax* turns each row of scores into weights: all positive, with the sum 1. Row `i` then says what share of its
# reading token `i` gets from each token. The result is the sum of the values with these weights.


# %%
def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))  # the largest power is 1, so none overflows
    return powers / powers.sum(axis=-1, keepdims=True)


def attend(queries, keys, values):
    weights = softmax(queries @ keys.T / np.sqrt(queries.shape[-1]))  # (tokens, tokens)
    return weights @ values, weights  # (tokens, tokens) @ (tokens, size) -> (tokens, size)


output, weights = attend(queries, keys, values)
print("output", output.shape, " largest weight", weights.max().round(3), " uniform would be", 1 / 64)
assert output.shape == (64, 64)
assert np.allclose(weights.sum(axis=-1), 1)
assert np.allclose(output[5], sum(weights[5, j] * values[j] for j in range(64)), atol=1e-5)

# %% [markdown]
# > **Trap: softmax over the wrong axis.** With as many rows as columns, `axis=0` gives an array of the right shape
# > and values between 0 and 1.
#
# **Predict:** what do its rows sum to?

# %% tags=["trap"]
wrong = softmax(scores.T / np.sqrt(size)).T  # a softmax over axis 0
assert wrong.shape == weights.shape and wrong.min() >= 0 and wrong.max() <= 1
print(f"sums of rows: right {weights.sum(-1).min():.3f} to {weights.sum(-1).max():.3f}", end="; ")
print(f"wrong {wrong.sum(-1).min():.3f} to {wrong.sum(-1).max():.3f}")
assert wrong.sum(-1).min() < 0.8 and wrong.sum(-1).max() > 1.4

sums = {"softmax over keys": weights.sum(-1), "over queries (wrong)": wrong.sum(-1)}
alt = "What each of 64 tokens reads in all: a flat line at 1, and for the softmax over queries a zigzag from 0.7 to 1.5"
cct.show(figures.draw_curves(range(64), sums, "token that reads", "sum of its weights", ylim=(0, None)), alt=alt)

# %% [markdown]
# Not to 1: some tokens read half as much again as they should, others a quarter less.
#
# **To catch it:** one line, `assert np.allclose(weights.sum(axis=-1), 1)`.
#
# ## Why divide by the root of the head size
#
# You saw a division by `np.sqrt(queries.shape[-1])` and no reason for it. Take random queries and keys, all numbers
# with variance 1.
#
# **Predict:** a score is a sum of `size` products. How does its variance grow with `size`, and what does the softmax
# make of it?

# %%
head_sizes = (4, 16, 64, 256, 1024)


def entropy(weights):
    """Mean entropy of the rows in bits: 0 reads from one token, log2(tokens) from all alike."""
    return -np.sum(weights * np.log2(np.maximum(weights, 1e-300)), axis=-1).mean()


assert np.isclose(entropy(weights), cct.entropy_bits(weights).mean())  # the same in the package, row by row


variances, entropies = {"plain": [], "scaled": []}, {"plain": [], "scaled": []}
for head_size in head_sizes:
    q, k = rng.normal(size=(2, 64, head_size))
    for name, scale in {"plain": 1, "scaled": 1 / np.sqrt(head_size)}.items():
        variances[name].append(np.var(q @ k.T * scale))
        entropies[name].append(entropy(softmax(q @ k.T * scale)))

for name in variances:
    print(f"{name:7}", "variance", np.round(variances[name], 1), " entropy", np.round(entropies[name], 2), "bits")
assert np.allclose(variances["plain"], head_sizes, rtol=0.2) and np.allclose(variances["scaled"], 1, atol=0.2)
assert entropies["plain"][-1] < 0.5 and min(entropies["scaled"]) > 5

alt = "Without scale the variance rises with the head size and the entropy falls to zero; with it both stay level"
cct.show(pictures.draw_scaling(head_sizes, variances, entropies, np.log2(64)), alt=alt)

# %% [markdown]
# The variance of a score *is* the head size. At 1,024 the plain softmax reads from almost one token, and random
# numbers chose which. Divided by the square root, the scores keep variance 1 for every size. The authors of attention
# give as their reason that gradients become very small in such a saturated softmax ([section
# 3.2.1](https://arxiv.org/abs/1706.03762)).
#
# > **Trap: the scale left out.** All shapes stay, rows sum to 1, and training runs.
#
# **Predict:** the entropy of the trained head without its scale: higher or lower? And would you notice it in a fresh
# layer, before any training?

# %% tags=["trap"]
unscaled = softmax(queries @ keys.T)
print(f"trained head: entropy {entropy(weights):.2f} of 6 bits, without the scale {entropy(unscaled):.2f}")
assert entropy(weights) > 5 and entropy(unscaled) < 2

keras.utils.set_random_seed(0)
fresh = cct.MultiHeadSelfAttention(num_heads=2)
fresh(tokens[None])  # the first call makes the weights
q, k, _ = (ops.convert_to_numpy(part)[0, 0] for part in fresh.queries_keys_values(tokens[None]))  # of one head
print(f"fresh head:   entropy {entropy(softmax(q @ k.T / 8)):.2f}, without the scale {entropy(softmax(q @ k.T)):.2f}")
assert min(entropy(softmax(q @ k.T / 8)), entropy(softmax(q @ k.T))) > 0.99 * np.log2(64)

# %% [markdown]
# A trained head that read from most tokens reads from a few. A fresh layer does not show it: the course starts `qkv` so
# small (0.02) that its scores are near zero with and without the scale. The mistake grows with the weights.
#
# **To catch it:** test the scores with queries and keys of variance 1, as above: their variance must be near 1 for any
# head size. Or compare the layer with Keras's own, as the next sections do.

# %% [markdown]
# ## Many heads
#
# One head reads one mixture. Several heads read several, side by side, each with its share of the numbers: 2 heads of
# 64 for `dim` 128. No loop is needed: a reshape cuts the last axis into heads, and a transpose puts the heads where a
# matrix product leaves them alone.


# %%
def multi_head_attention(x, kernel, projection, bias, heads):
    batch, count, dim = x.shape
    size = dim // heads
    # (batch, tokens, 3 dim) -> (batch, tokens, 3, heads, size)
    qkv = (x @ kernel).reshape(batch, count, 3, heads, size)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # -> (3, batch, heads, tokens, size)
    weights = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(size))  # (batch, heads, tokens, tokens)
    read = (weights @ v).transpose(0, 2, 1, 3)  # (batch, heads, tokens, size) -> (batch, tokens, heads, size)
    return read.reshape(batch, count, dim) @ projection + bias  # -> (batch, tokens, dim)


x = np.stack([tokens, tokens[::-1], rng.normal(size=tokens.shape).astype("float32")])  # (batch, tokens, dim)
layer = block.attention
projection, bias = layer.projection.get_weights()
by_hand = multi_head_attention(x, kernel, projection, bias, heads=2)
difference = np.abs(by_hand - layer(x)).max()
print(f"by hand against the package: {difference:.1e}")
assert difference < 1e-5

one = multi_head_attention(x[:1], kernel, np.eye(128), 0, heads=2)  # the heads before they are mixed
assert np.allclose(one[0, :, :64], output, atol=1e-5)  # the first is the head from above

# %% [markdown]
# The last product mixes the heads, so that later layers need not know about them. The package does the same in three
# short methods:

# %%
for part in ("queries_keys_values", "weights_from", "call"):
    print(inspect.getsource(getattr(cct.MultiHeadSelfAttention, part)))

# %% [markdown]
# > **Trap: the order in which heads are packed.** The authors' `qkv` matrix is laid out as (3, heads, size): all
# > queries, all keys, all values. Other libraries pack (heads, 3, size). Both give arrays of the same shape.
#
# **Predict:** queries, keys and values of two heads are six parts. How many stand at the same place in both?

# %% tags=["trap"]
right = (x @ kernel).reshape(3, 64, 3, 2, 64).transpose(2, 0, 3, 1, 4)  # (batch, tokens, 3, heads, size) -> (3, ...)
wrong = (x @ kernel).reshape(3, 64, 2, 3, 64).transpose(3, 0, 2, 1, 4)  # (batch, tokens, heads, 3, size) -> (3, ...)
assert right.shape == wrong.shape == (3, 3, 2, 64, 64)
for i, name in enumerate(["queries", "keys", "values"]):
    for head in range(2):
        same = np.allclose(right[i, :, head], wrong[i, :, head])
        print(f"{name}, head {head}: {'same' if same else 'different'}")
        assert same == ((i, head) in [(0, 0), (2, 1)])

# %% [markdown]
# Two: the first and the last. A model trained from nothing fits itself to either order; weights from elsewhere give
# nonsense in it.
#
# **To catch it:** load known weights and compare numbers, as this course does with the authors'.
#
# ## The same in Keras
#
# `keras.layers.MultiHeadAttention` computes it too. It has biases on queries, keys and values, which the authors'
# layer has not, so give it zeros there. **Predict:** what is `key_dim`, the number for all heads or for one?

# %% tags=["trap"]
theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=64)
theirs.build(x.shape, x.shape)
q, k, v = kernel.reshape(128, 3, 2, 64).transpose(1, 0, 2, 3)  # (dim, 3 dim) -> (3, dim, heads, size)
zeros = np.zeros((2, 64))
theirs.set_weights([q, zeros, k, zeros, v, zeros, projection.reshape(2, 64, 128), bias])
assert np.abs(theirs(x, x) - layer(x)).max() < 1e-5

counts = {"package": layer.count_params()}
for key_dim in (64, 128):
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=key_dim)
    theirs.build(x.shape, x.shape)
    counts[f"key_dim={key_dim}"] = theirs.count_params()
print(counts)
assert counts["package"] == 4 * 128 * 128 + 128 == 65_664
assert counts["key_dim=64"] == 65_664 + 3 * 128
assert counts["key_dim=128"] == 131_968

# %% [markdown]
# > **Trap: `key_dim` is the size of *one* head.** With `key_dim=128` and two heads, attention works on 256 numbers,
# > twice the paper's, and has twice the parameters. The [Keras example](https://keras.io/examples/vision/cct/) has it
# > so. It is a valid model, and another one than CCT.
#
# **To catch it:** count the parameters on paper first.
#
# ## What it costs
#
# Count the multiplications for `n` tokens of `dim` numbers: the four projections take `4 n dim²`, the scores `n² dim`
# and the weighted sum as much again.
#
# **Predict:** at how many tokens do scores and sums cost as much as the projections, for `dim` 128?


# %%
def multiplications(n, dim):
    return 4 * n * dim * dim, 2 * n * n * dim  # projections; scores and weighted sums


for n in (64, 256, 1024):
    projections, pairs = multiplications(n, 128)
    print(f"{n:5} tokens: projections {projections / 1e6:6.1f} million, pairs {pairs / 1e6:6.1f} million")
assert multiplications(256, 128)[0] == multiplications(256, 128)[1]
assert multiplications(1024, 128)[1] == 256 * multiplications(64, 128)[1]

# %% [markdown]
# At 256, which is `2 dim`. The pairs grow with the square: 16 times as many tokens, 256 times the work. The number of
# heads is in neither formula, as each head takes its share of `dim`. Nor does the order of the tokens change anything
# but the order of the results, as in notebook 02:

# %%
order = rng.permutation(64)
assert np.abs(layer(x[:, order]) - ops.convert_to_numpy(layer(x))[:, order]).max() < 1e-5

# %% [markdown]
# ## The block
#
# Attention moves information between tokens. A small network, the *MLP*, then works on each token alone. Both are
# *added* to what came in, and the tokens that run through all these additions are called the *residual stream*. A
# *layer normalisation* keeps its numbers in bounds. There are three places in use to put it.


# %%
def normalise(x, epsilon=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def pre_norm(x, attention, mlp):  # most vision transformers, and the Keras example
    h = x + attention(normalise(x))
    return h + mlp(normalise(h))


def post_norm(x, attention, mlp):  # Attention Is All You Need
    h = normalise(x + attention(x))
    return normalise(h + mlp(h))


def mid_norm(x, attention, mlp):  # the authors of CCT
    h = normalise(x + attention(normalise(x)))
    return h + mlp(h)


# %% [markdown]
# The third is the authors' own: one norm inside the attention branch, one on the stream in the middle. One of them
# calls it a merge that went wrong in a [discussion](https://github.com/SHI-Labs/Compact-Transformers/issues/25); all
# their checkpoints need it. Prove that `TransformerBlock` computes it, with a fresh block, whose norms have no scale
# or shift yet.

# %%
ours = cct.TransformerBlock(num_heads=2, mlp_ratio=2)
ours.build(x.shape)
for weight in ours.trainable_weights:  # small at the start: make them large enough to matter
    if len(weight.shape) == 2:
        weight.assign(rng.normal(size=weight.shape) / np.sqrt(weight.shape[0]))


def parts_of(block):
    return lambda x: ops.convert_to_numpy(block.attention(x)), lambda x: ops.convert_to_numpy(block.mlp(x))


for variant in (pre_norm, post_norm, mid_norm):
    difference = np.abs(variant(3 * x, *parts_of(ours)) - ours(3 * x)).max()
    print(f"{variant.__name__:9} against TransformerBlock: {difference:.1e}")
    assert (difference < 1e-4) == (variant is mid_norm)
print(inspect.getsource(cct.TransformerBlock.call))

# %% [markdown]
# (`drop_attention` and `drop_mlp` drop whole branches in training. That is notebook 04.)
#
# What does the place of the norm do to the stream? Send tokens through 14 blocks with random weights and watch their
# mean length.
#
# **Predict:** in which variant does the length grow with depth?

# %%
blocks = []
for _ in range(14):
    blocks.append(cct.TransformerBlock(num_heads=2, mlp_ratio=2))
    blocks[-1].build(x.shape)
    for weight in blocks[-1].trainable_weights:
        if len(weight.shape) == 2:
            weight.assign(rng.normal(size=weight.shape) / np.sqrt(weight.shape[0]))

lengths = {}
for variant in (pre_norm, post_norm, mid_norm):
    stream = rng.normal(size=(4, 64, 128)).astype("float32")
    lengths[variant.__name__] = [np.linalg.norm(stream, axis=-1).mean()]
    for each in blocks:
        stream = variant(stream, *parts_of(each))
        lengths[variant.__name__].append(np.linalg.norm(stream, axis=-1).mean())

pre, post, mid = (np.array(values) for values in lengths.values())
assert np.all(np.diff(pre) > 0) and pre[-1] > 2 * pre[0]
assert np.allclose(post[1:], np.sqrt(128), rtol=1e-3)
assert 1 < mid[1:].min() / post[1] and mid[1:].max() < 1.5 * mid[1:].min()

# %%
alt = "Pre-norm rises steadily with depth, post-norm is a flat line, mid-norm stays level a little above it"
labels = "after block", "mean length of a token"
cct.show(figures.draw_curves(range(15), lengths, *labels, ylim=(0, None)), alt=alt)

# %% [markdown]
# With pre-norm nothing ever shortens the stream: each block adds to it, and a late block's contribution is small
# beside what is there already. Post-norm sets each token to length `sqrt(dim)` twice a block. The authors' block does
# it once, and the MLP then adds a bounded amount, so the length stays level too. These are random weights: they show
# what the formula does, not which of them trains best.
#
# ## The MLP and its GELU
#
# The MLP is two linear layers with a *GELU* between them: `x` times the probability that a normal random number is
# below `x`. There is the exact formula and one with a tanh that is close ([Hendrycks and Gimpel,
# 2016](https://arxiv.org/abs/1606.08415)).
#
# **Predict:** the authors use the exact one, `keras.ops.gelu` by default the other. How large is the difference at
# most?

# %%
z = np.linspace(-6, 6, 100_001).astype("float32")
exact = ops.convert_to_numpy(ops.gelu(z, approximate=False))
tanh = ops.convert_to_numpy(ops.gelu(z))
worst = np.abs(exact - tanh).argmax()
print(f"largest difference {np.abs(exact - tanh).max():.1e} at {z[worst]:.1f}")
assert np.isclose(exact[worst], z[worst] * ops.convert_to_numpy(1 + ops.erf(z[worst] / np.sqrt(2))) / 2, atol=1e-6)
assert 4.6e-4 < np.abs(exact - tanh).max() < 4.9e-4

# %% [markdown]
# Small, but a test for equality sees it. That is why this course passes `approximate=False`.
#
# > **Trap: a GELU after the last layer.** It belongs between the two linear layers. Some code, the [Keras
# > example](https://keras.io/examples/vision/cct/) too, applies it, and a dropout, after the second one as well.
#
# **Predict:** what is the lowest number that such a branch can add to a token?

# %% tags=["trap"]
branch = ops.convert_to_numpy(ours.mlp(3 * x))  # (batch, tokens, dim), ends with a linear layer
with_gelu = ops.convert_to_numpy(ops.gelu(branch, approximate=False))
for name, added in {"ends with the linear layer": branch, "ends with a GELU": with_gelu}.items():
    print(f"{name:27} lowest {added.min():+.2f}, highest {added.max():+.2f}, below -0.17: {(added < -0.17).mean():.0%}")
assert branch.min() < -1 and (branch < -0.17).mean() > 0.2
assert -0.17 < with_gelu.min() < -0.16 and with_gelu.max() > 1

# %% [markdown]
# -0.17, the lowest point of the curve. The branch can push the stream up as far as it likes and hardly down. Shapes
# and parameters are the same, so neither shows it.
#
# **To catch it:** look at the range of what a branch adds, or load known weights and compare numbers.
#
# > **Trap: epsilon.** A layer norm adds a small number to the variance. Keras takes 1e-3, PyTorch 1e-5. It matters
# > where tokens are small.
#
# **Predict:** give the trained model the other epsilon. Do its logits change, and does the cat stay a cat?

# %% tags=["trap"]
expected = ops.convert_to_numpy(pretrained(cat[None]))
norms = [pretrained.get_layer("norm")]
norms += [
    norm
    for i in range(2)
    for norm in (pretrained.get_layer(f"block_{i}").pre_norm, pretrained.get_layer(f"block_{i}").norm1)
]
for norm in norms:
    norm.epsilon = 1e-3
shifted = ops.convert_to_numpy(pretrained(cat[None]))
for norm in norms:
    norm.epsilon = 1e-5

print(f"epsilon 1e-3 instead of 1e-5: logits differ by up to {np.abs(shifted - expected).max():.1e}")
assert keras.layers.LayerNormalization().epsilon == 1e-3
assert 1e-4 < np.abs(shifted - expected).max() < 1 and shifted.argmax() == expected.argmax()
assert np.allclose(pretrained(cat[None]), expected, atol=1e-5)

# %% [markdown]
# The same weights, the same formula, other numbers, and the cat stays a cat.
#
# **To catch it:** accuracy would hardly notice. Compare the numbers themselves.
#
# ## Where a token reads from
#
# A row of attention weights has one number for each token, and tokens have places. So lay a row over the photo. The
# trained CCT reads like this.
#
# **Predict:** where does the token on the eye at the left read from: the eye, the other eye, the edges of the face?

# %%
maps = cct.attention_maps(pretrained, cat[None])  # (layers, batch, heads, tokens, tokens)
print("maps", maps.shape)
assert maps.shape == (2, 1, 2, 64, 64)
assert np.allclose(maps.sum(axis=-1), 1, atol=1e-5)
assert np.allclose(maps[0, 0, 0], weights, atol=1e-5)  # the head that you built first

eye = (3, 2)  # row, column on the 8 x 8 grid
token = eye[0] * 8 + eye[1]
assert token == 26
rows = maps[:, 0, :, token]  # (layers, heads, tokens)
for number, head in np.ndindex(2, 2):
    times = 64 * rows[number, head]  # 1 is the uniform weight
    print(f"layer {number}, head {head}: largest {times.max():.1f} x uniform, itself {times[token]:.1f} x,", end=" ")
    print(f"entropy {cct.entropy_bits(rows[number, head]):.2f} of 6 bits")
    assert times[token] < 2 < times.max()
by_row = maps[1, 0, 1, token].reshape(8, 8).sum(axis=1)  # the second head of the second layer, row by row
print("share of its reading in each row of squares:", by_row.round(2))
assert by_row[4:6].sum() > 0.5 and by_row.argmax() == 5

alt = "A cat's face, and four veils that show where the token on its eye reads from in two layers and two heads"
cct.show(figures.draw_heads(cat, rows, (8, 8), eye, high=5), alt=alt)

# %% [markdown]
# In none of the four heads does this token read much from itself: at most twice the uniform share. It does not need
# to, as the addition in the block keeps what it was. The second head of the second layer takes more than half of its
# reading from the two rows of squares below the eyes, most of it beside the nose; the first spreads its reading widely.
#
# Read such pictures with care. The picture shows where this token reads *from*, not why, and not what the model's
# answer rests on. What is read is the value, after layers that have mixed the tokens already, and the residual stream
# carries a token past the attention. Look at the scale as well: were each veil scaled to its own largest weight, a
# nearly uniform head would look as lively as a sharp one. Notebook 08 tests what such maps are worth.
#
# Choose a photo, a layer, a head and a token.

# %%
names = ["chelsea", "astronaut", "coffee", "rocket"]
views = {name: square(getattr(photos, name)()) for name in names}
views["flower"] = square(load_sample_image("flower.jpg"))
all_maps = cct.attention_maps(pretrained, np.stack(list(views.values())))  # (layers, photos, heads, tokens, tokens)


def reading_view(photo, layer, head, row, column):
    weights = all_maps[layer, list(views).index(photo), head, 8 * row + column]  # (tokens,)
    numbers = f"largest {64 * weights.max():.1f} x uniform, entropy {cct.entropy_bits(weights):.2f} of 6 bits"
    title = f"layer {layer}, head {head}: where token ({row}, {column}) reads"
    return pictures.draw_explorer(views[photo], weights, (8, 8), (row, column), 8, title, numbers)


settings = [
    dict(photo="chelsea", layer=1, head=0, row=3, column=2),
    dict(photo="rocket", layer=0, head=1, row=2, column=4),
    dict(photo="flower", layer=1, head=1, row=6, column=1),
]
alt = "Where one token of a cat, a rocket and a flower reads from, each with its sorted weights and the uniform level"
ranges = dict(layer=(0, 1), head=(0, 1), row=(0, 7), column=(0, 7))
explorer = cct.explore(reading_view, settings, alt, photo=list(views), **ranges)

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/03_self_attention.ipynb).

# %% [markdown]
# ### Exercise: Some tokens read from others
#
# *Warm-up, 10 minutes.* In *cross-attention* the queries come from other tokens than keys and values. Write it for a
# batch: `queries` `(batch, n, size)`, `keys` `(batch, m, size)` and `values` `(batch, m, width)` give `(batch, n,
# width)`. Divide the scores by the root of the size, as above.
#
# `cross_attention(np.zeros((1, 1, 4)), np.ones((1, 2, 4)), np.array([[[2.0], [6.0]]]))` gives `[[[4.0]]]`: equal
# scores, so the mean of the values.


# %% tags=["exercise"]
def cross_attention(queries, keys, values):
    return np.zeros((*queries.shape[:2], values.shape[2]))  # your lines here


cct.check("cross_attention", cross_attention)

# %% [markdown]
# ### Exercise: Fold the scale of a norm into the next layer
#
# *10 minutes.* A norm ends with `x * scale + shift`, and a linear layer that follows computes `x @ kernel + bias`.
# Two linear things in a row are one. Return `kernel` `(dim, n)` and `bias` `(n,)` of a single linear layer that does
# both; `scale` and `shift` are `(dim,)`.
#
# `fold_norm(np.array([2.0, 3.0]), np.array([1.0, 0.0]), np.array([[5.0], [7.0]]), np.array([4.0]))[1]` gives `[9.0]`.


# %% tags=["exercise"]
def fold_norm(scale, shift, kernel, bias):
    return np.zeros(kernel.shape), np.zeros(bias.shape)  # your lines here


cct.check("fold_norm", fold_norm)

# %% [markdown]
# ### Exercise: What one head writes, as one matrix
#
# *15 minutes.* A head reads values and the projection writes what it read. Between the two nothing happens to a
# single number, so they are one matrix: head number `head`, counted from 0, adds `weights @ x @ matrix` to the
# output. Return this `matrix`, `(dim, dim)`. `kernel` `(dim, 3 * dim)` holds queries, keys and values side by side,
# each head after head, as in the notebook; `projection` is `(dim, dim)`.
#
# With one head, `value_to_output(np.array([[1.0, 2.0, 3.0]]), np.array([[4.0]]), 1, 0)` gives `[[12.0]]`.


# %% tags=["exercise"]
def value_to_output(kernel, projection, heads, head):
    return np.zeros(projection.shape)  # your lines here


cct.check("value_to_output", value_to_output)

# %% [markdown]
# ### Exercise: Swap the heads, keep the output
#
# *20 minutes.* Heads have no order of their own. Given `kernel` `(dim, 3 * dim)` and `projection` `(dim, dim)` of a
# self-attention, return both with the heads in another order, so that the output of the layer stays the same: new
# head number `i` is old head number `order[i]`.
#
# With heads of one number, `reorder_heads(np.array([[1, 2, 3, 4, 5, 6]] * 2), np.array([[7, 8], [9, 0]]),
# np.array([1, 0]))[1]` gives `[[9, 0], [7, 8]]`.


# %% tags=["exercise"]
def reorder_heads(kernel, projection, order):
    return np.zeros(kernel.shape), np.zeros(projection.shape)  # your lines here


cct.check("reorder_heads", reorder_heads)

# %% [markdown]
# ### Exercise: Write the test that finds the bug
#
# *15 minutes.* Now you are the check. `attend` is a function from queries, keys and values, each `(tokens, size)`, to
# the output `(tokens, size)`. Some of those that you are given are right; others forget the scale, scale by something
# else, take the softmax over the wrong axis or swap their arguments. Return True for a right one and False for the
# others. Choose arrays on which they differ.
#
# `is_attention(lambda queries, keys, values: values)` gives `False`.


# %% tags=["exercise"]
def is_attention(attend):
    return False  # your lines here


cct.check("is_attention", is_attention)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(3)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Write attention for one token with two plain Python loops and check it against a row of `output`.
# 2. Give `multi_head_attention` 1, 2, 4 and 8 heads with the same matrices. Which numbers change, and does the count
#    of parameters?
# 3. Find, over the five photos, the head and token with the lowest entropy, and look at it in the explorer.
#
# ## Recap
#
# - Attention is a softmax of query times key over the root of the head size, and a sum of values with these weights.
#   Every row of weights sums to 1.
# - The scale keeps the variance of the scores at 1. Without it, heads whose queries and keys have variance 1 read
#   from one token; a fresh layer of this course starts so small that only training shows the mistake.
# - Heads are a reshape and a transpose. They change neither the number of parameters nor the cost, as long as the
#   head size is `dim / heads`.
# - The cost of pairs grows with the square of the tokens.
# - The authors' block normalises the residual stream in its middle, after attention and before the MLP.
# - An attention map says where a token reads from, and no more.
#
# **The difference from the paper and the 2021 example.** `TransformerBlock` computes what the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers) computes: no bias on queries, keys and values, mid-norm,
# exact GELU after the first linear layer alone, epsilon 1e-5. The [paper](https://arxiv.org/abs/2104.05704) describes
# the encoder in words; the code is what their weights were trained with. The [Keras example of
# 2021](https://keras.io/examples/vision/cct/) is pre-norm, has heads of size 128 with biases (131,968 parameters
# against 65,664), and a GELU and a dropout after the second linear layer as well.
#
# Next: [04 Stochastic depth](04_stochastic_depth.ipynb). Why drop whole branches?

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
# You will work out attention for three tokens on paper, build it from array operations on the tokens of a real photo,
# prove it equal to Keras's layer and to this course's, put it into a transformer block, and see where a token reads
# from.
#
# 115 minutes to read, 1 minute to run. Builds on [notebook 01](01_patches_and_convolutions.ipynb) and [notebook
# 02](02_positions.ipynb). The words of the course are in the [glossary](glossary.md).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/03_self_attention.ipynb)

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
import inspect
from textwrap import dedent

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageOps
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures
from cct_helpers.plots import nb03_self_attention as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two questions on notebook 02
#
# Answer them from memory, then look.
#
# 1. A transformer on patches has no positions. You shuffle its tokens. What happens to the output of an attention
#    layer, and what to the logits?
# 2. A learned position table belongs to 8 x 8 tokens of 128 numbers. What is its shape, and what is done with it for an
#    image that makes 12 x 12 tokens?
#
# <details><summary>Answers</summary>
#
# 1. The output of the attention layer is shuffled in the same way: it is equivariant to the order. The logits stay as
#    they are: the pooling at the end makes the model invariant.
# 2. The table is (1, 64, 128). It is taken as a picture of 8 x 8 pixels with 128 channels and enlarged bilinearly to
#    12 x 12, on its grid and not as a list.
#
# </details>

# %% [markdown]
# **Which way through?** The main line goes from *What a token lacks* to *Why divide by the root of the head size*,
# about 35 minutes: one head; then a good place for a break; and from *Many heads* to *Where a token reads from*, about
# 45: the layer and the block around it. What stands under *For a second reading* can wait: how to get the attention
# weights out of a model of your own, what the norms do in a deep model, and five mistakes for whoever writes or changes
# an attention layer.
#
# ## What a token lacks
#
# *Why:* a token of notebook 01 knows the few pixels around it. To say "cat" it needs news from the others.
#
# In a convolutional network a place gets news from its neighbours: a 3 x 3 convolution is a weighted sum over 9 places,
# with weights that were learned and then stay. News from the far side of the image takes many layers.
#
# [Self-attention](glossary.md) is a weighted sum over *all* places, and its weights are not learned: each token works
# them out, image by image, from what the tokens hold. What is learned is how to work them out.
#
# ## Three tokens on paper
#
# *Why:* three tokens of two numbers are few enough to follow every step with a pencil. Say the numbers are how much a
# token looks like an ear, and how much like an eye. Token A = (1, 0) is an ear, B = (0, 1) an eye, C = (1, 1) a bit of
# both. Each token $x$ is multiplied by three matrices:
#
# - The [query](glossary.md) $x W_Q$ says what the token looks for. Here an ear looks for eyes, with strength 2, and an
#   eye for ears, with strength 1.
# - The [key](glossary.md) $x W_K$ says what it offers. Here simply what it is.
# - The *value* $x W_V$ is what it hands over.
#
# The *score* of a pair is the product of the reader's query and the other's key ([Vaswani et al.,
# 2017](https://arxiv.org/abs/1706.03762), section 3.2). The [softmax](glossary.md) of notebook 02, along each row,
# turns scores into weights, $e^{s_j} / \sum_k e^{s_k}$, which are positive and sum to 1. The output is the sum of the
# values with these weights.
#
# **Predict:** on paper, for token C. Its query is (1, 2), the keys are the tokens themselves, the values are (2, 0),
# (0, 4) and (2, 4). Which scores, which weights ($e$ is 2.7, its square 7.4, its cube 20.1), which output?


# %%
def softmax(scores, axis=-1):
    scores = scores - scores.max(axis=axis, keepdims=True)  # the largest is 0, so no power overflows
    powers = np.exp(scores)
    return powers / powers.sum(axis=axis, keepdims=True)


X = np.array([[1, 0], [0, 1], [1, 1]])  # (tokens, dim): A, B, C
W_Q, W_K, W_V = np.array([[[0, 2], [1, 0]], [[1, 0], [0, 1]], [[2, 0], [0, 4]]])  # (dim, size) each
Q, K, V = X @ W_Q, X @ W_K, X @ W_V  # (tokens, size) each
S = Q @ K.T  # (tokens, size) @ (size, tokens) -> (tokens, tokens)
A = softmax(S)  # (tokens, tokens)

steps = {"tokens $X$": X, "queries $Q = X W_Q$": Q, "keys $K = X W_K$": K, "values $V = X W_V$": V}
steps |= {"scores $Q K^T$": S, "weights: softmax": A, "output": A @ V}
alt = """Tables of numbers with arrows. Row C: scores 1, 2, 3, weights 0.09, 0.24, 0.67, output 1.51
and 3.64"""
message = "Token C, from its query to what it has read"
cct.show(pictures.draw_steps(steps, "ABC", 2, message), alt=alt)
assert S[2].tolist() == [1, 2, 3] and np.allclose(A[2], [0.09, 0.24, 0.67], atol=0.005)
assert np.allclose((A @ V)[2], [1.51, 3.64], atol=0.005) and (S[0, 1], S[1, 0]) == (2, 1)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Token C has the scores 1, 2 and 3. The powers 2.7, 7.4 and 20.1 sum to 30.2, so the weights are 0.09, 0.24 and 0.67.
# The first number of its output is 0.09 · 2 + 0.67 · 2 = 1.5, the second 0.24 · 4 + 0.67 · 4 = 3.6.
#
# </details>
#
# Read the picture along the blue rows. Token C reads two thirds from itself and a quarter from the eye. The ear looks
# for the eye with a score of 2, the eye for the ear with 1: the score of a pair has a direction.
#
# ## The formula
#
# *Why:* papers and code write all these steps in one line, for $n$ tokens of $d$ numbers. One factor is new, the root
# of the *head size* $d_h$, the length of a query; its reason comes below.
#
# $$\mathrm{Att}(X) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_h}}\right) V,\qquad
# Q = X W_Q,\quad K = X W_K,\quad V = X W_V.$$
#
# | array | shape | what it holds |
# |---|---|---|
# | $X$ | $(n, d)$ | tokens |
# | $W_Q$, $W_K$, $W_V$ | $(d, d_h)$ | what is learned |
# | $Q$, $K$, $V$ | $(n, d_h)$ | queries, keys, values |
# | $Q K^\top$, and its softmax | $(n, n)$ | scores, and [attention weights](glossary.md); row $i$: token $i$ reads |
# | $\mathrm{Att}(X)$ | $(n, d_h)$ | what each token has read |
#
# Nothing in it depends on $n$: the same matrices serve any number of tokens. If the queries come from other tokens than
# keys and values, it is called [cross-attention](glossary.md); if the scores of some pairs are set to minus infinity,
# *masked* attention. Cross-attention comes back in an exercise, masking in notebook 12.
#
# ## The same on a photo
#
# *Why:* in a trained model nobody chose the matrices, and no number is called "ear". So take a photo in the trained CCT
# that comes with this course, at the moment when its 64 tokens enter the attention of the first block. (A normalisation
# comes before it, `pre_norm`; the block has a section of its own below.) The layer keeps its matrices side by side in
# one `kernel`, for two attentions that work in parallel, called [heads](glossary.md). Take the first.


# %%
def small(photo, side=32):
    """The largest square in the middle of a photo, resized: (side, side, 3) uint8."""
    return np.asarray(ImageOps.fit(Image.fromarray(photo), (side, side), Image.Resampling.BOX))


cat = small(photos.chelsea())
pretrained = cct.load_pretrained("cct_2_3x2_32_cifar10")
block = pretrained.get_layer("block_0")
before = keras.Model(pretrained.input, block.input)  # from the image to the tokens that enter block 0

entering = ops.convert_to_numpy(before(cat[None]))  # (batch, tokens, dim)
tokens = ops.convert_to_numpy(block.pre_norm(entering))[0]  # (tokens, dim)
kernel = ops.convert_to_numpy(block.attention.qkv.kernel)  # (dim, 3 * dim), two heads each
to_query, to_key, to_value = kernel[:, :64], kernel[:, 128:192], kernel[:, 256:320]  # of the first head
print("image", cat.shape, "-> tokens", tokens.shape, "; kernel", kernel.shape)
assert tokens.shape == (64, 128) and kernel.shape == (128, 3 * 128)


# %%
def attend(queries, keys, values):
    weights = softmax(queries @ keys.T / np.sqrt(queries.shape[-1]))  # (tokens, tokens)
    return weights @ values, weights  # (tokens, tokens) @ (tokens, size) -> (tokens, size)


queries, keys, values = tokens @ to_query, tokens @ to_key, tokens @ to_value  # (tokens, size) each
output, weights = attend(queries, keys, values)
print("output", output.shape, " largest weight", weights.max().round(3), " uniform would be", 1 / 64)
assert output.shape == (64, 64) and np.allclose(weights.sum(axis=-1), 1)
assert np.allclose(output[5], sum(weights[5, j] * values[j] for j in range(64)), atol=1e-5)

# %% [markdown]
# **Predict:** why two matrices, for query and key? Suppose one serves as both: which token does each token then read
# from most?

# %%
products = {"query and key": queries @ keys.T, "query for both": queries @ queries.T}
most_from_itself = {}
for name, product in products.items():
    shares = softmax(product / 8)  # (tokens, tokens)
    own = 64 * np.diag(shares).mean()  # 1 is uniform
    most_from_itself[name] = np.mean(shares.argmax(axis=1) == np.arange(64))
    print(f"{name:14}  own weight {own:.1f} x uniform,", end=" ")
    print(f"the largest of its row for {most_from_itself[name]:.0%} of the tokens")
    assert np.allclose(product, product.T) == (name == "query for both")  # symmetric
assert most_from_itself["query for both"] > 0.8 and most_from_itself["query and key"] < 0.1

# %% [markdown]
# <details><summary>Answer</summary>
#
# With one matrix for both, more than 80 % of the tokens read most of all from themselves, with two fewer than 10 %.
#
# </details>
#
# The product of a vector with itself is a squared length, and few other products are as large. With one matrix the
# scores would be symmetric, too. Two matrices let a token look for something that it is not.
#
# ## A convolution's weights, and attention's
#
# *Why:* you know another layer with weights from place to place, a convolution. Side by side, the two show what is new.
# Write the plainest one, a 3 x 3 average, as a matrix like the attention weights: row $i$ says what place $i$ takes
# from each place. One impulse at each place in turn gives its columns.
#
# **Predict:** two rows of the matrix of a convolution: what do they have in common? And two rows of attention?

# %%
average = keras.layers.AveragePooling2D(3, strides=1, padding="same")
impulses = np.eye(64, dtype="float32").reshape(64, 8, 8, 1)  # image i is 1 at place i, and 0 elsewhere
columns = ops.convert_to_numpy(average(impulses)).reshape(64, 64)  # (impulses, places)
convolution = columns.T  # (places, places): what each place takes from each place
assert np.allclose(convolution.sum(axis=1), 1) and (convolution > 0).sum(axis=1).max() == 9

of_27, of_36 = convolution[27].reshape(8, 8), convolution[36].reshape(8, 8)  # one row, one column on
assert np.array_equal(of_27[2:5, 2:5], of_36[3:6, 3:6])

# %% [markdown]
# The picture sets this matrix beside the head that you built, on two photos. Each panel is one row of a matrix, laid
# over the photo: the token with the blue frame reads from what is orange.

# %%
rocket = small(photos.rocket())
two_photos = np.stack([cat, rocket])
both = cct.attention_maps(pretrained, two_photos)  # (layers, photos, heads, tokens, tokens)
assert np.allclose(both[0, 0, 0], weights, atol=1e-5)  # the head that you built
head = both[0, :, 0]  # (photos, tokens, tokens)
elsewhere = np.abs(head[0] - head[1]).sum(axis=1).mean() / 2
print(f"on the other photo a token takes {elsewhere:.0%} of its reading elsewhere, on average")
assert 1 / 3 < elsewhere < 0.4

panels = {
    "3 x 3 average, any photo": (cat, convolution),
    "one head, on the cat": (cat, head[0]),
    "the same head, on a rocket": (rocket, head[1]),
}
alt = """A 3 x 3 average reads around each token; a head reads elsewhere for another token or
another photo"""
message = "Where two tokens read from, in a convolution and in a head"
cct.show(pictures.draw_reading(panels, [(3, 2), (6, 5)], (8, 8), 5, message), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Two rows of the convolution show the same pattern, moved along with the place, unless it meets the border. Two rows of
# attention need nothing in common but their sum, 1.
#
# </details>
#
# And on another photo the same row is another: on average a token takes more than a third of its reading from
# elsewhere.
#
# | | 3 x 3 convolution | attention |
# |---|---|---|
# | a place reads from | the 9 places around it | all places |
# | its weights depend on | the offset alone | what the tokens hold |
# | from image to image they | stay | change |
# | what is learned | the weights themselves | matrices that work them out |
# | it knows before training | near things belong together; the same everywhere | nothing about places |
#
# The last line is the [inductive bias](glossary.md) of notebook 00: a convolution does not have to learn it, attention
# has to, from data.
#
# ## Why divide by the root of the head size
#
# *Why:* the root in the formula looks like a detail. See what becomes of the scores without it.
#
# Take random queries and keys whose numbers are independent, with mean 0 and variance 1. A score is a sum of $d_h$
# products, and variances of independent numbers add up:
#
# $$\mathrm{Var}(q \cdot k) = \sum_{i=1}^{d_h} \mathrm{Var}(q_i\, k_i) = d_h.$$
#
# One number says how sharp the softmax is, the [entropy](glossary.md) of a row of weights in bits:
# $H = \sum_j w_j \log_2 (1 / w_j)$. It is 0 where one token has all the weight, and 6 bits where 64 tokens have the
# same.
#
# **Predict:** without the division, does the entropy rise or fall as the heads grow?

# %%
head_sizes = (4, 16, 64, 256, 1024)


def entropy(weights):
    """Mean entropy of the rows in bits: 0 reads from one token, log2(tokens) from all alike."""
    return -np.sum(weights * np.log2(np.maximum(weights, 1e-300)), axis=-1).mean()


assert np.isclose(entropy(weights), cct.entropy_bits(weights).mean())  # the package's, row by row

variances, entropies = {"plain": [], "scaled": []}, {"plain": [], "scaled": []}
for head_size in head_sizes:
    q, k = rng.normal(size=(2, 64, head_size))
    for name, scale in {"plain": 1, "scaled": 1 / np.sqrt(head_size)}.items():
        variances[name].append(np.var(q @ k.T * scale))
        entropies[name].append(entropy(softmax(q @ k.T * scale)))

assert np.allclose(variances["plain"], head_sizes, rtol=0.2)
assert np.allclose(variances["scaled"], 1, atol=0.2)
assert entropies["plain"][-1] < 0.5 and min(entropies["scaled"]) > 5
alt = """Without scale the variance rises with the head size and the entropy falls nearly to zero;
with it both stay level"""
cct.show(pictures.draw_scaling(head_sizes, variances, entropies, np.log2(64)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Without the division the entropy falls.
#
# </details>
#
# The variance of a score *is* the head size; at 1,024 almost all the weight of the plain softmax is on one token, and
# random numbers chose which. Divided by the root, the scores keep variance 1 at every size. The authors of the
# transformer give as their reason that gradients become very small in such a saturated softmax ([section
# 3.2.1](https://arxiv.org/abs/1706.03762)).
#
# > **Trap: the scale left out.** All shapes stay, rows sum to 1, and training runs.
#
# **Predict:** the entropy of the trained head without its scale: higher or lower? And would you notice it in a fresh
# layer, before any training?

# %% tags=["trap"]
scaled, unscaled = entropy(weights), entropy(softmax(queries @ keys.T))
print(f"trained head: entropy {scaled:.2f} of 6 bits, without the scale {unscaled:.2f}")
assert scaled > 5 and unscaled < 2

keras.utils.set_random_seed(0)
fresh = cct.MultiHeadSelfAttention(num_heads=2)
fresh(tokens[None])  # the first call makes the weights
parts = fresh.queries_keys_values(tokens[None])  # three arrays, (batch, heads, tokens, size) each
q, k, _ = (ops.convert_to_numpy(part)[0, 0] for part in parts)  # of one head
scaled, unscaled = entropy(softmax(q @ k.T / 8)), entropy(softmax(q @ k.T))
print(f"fresh head:   entropy {scaled:.2f} of 6 bits, without the scale {unscaled:.2f}")
assert min(scaled, unscaled) > 0.99 * np.log2(64)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Lower: the trained head, which reads from most tokens, would read from a few. A fresh layer does not show it.
#
# </details>
#
# This course starts `qkv` so small (standard deviation 0.02) that the scores are near zero with and without the scale.
# The effect of the mistake grows with the weights.
#
# **To catch it:** test the scores with queries and keys of variance 1, as above: their variance must be near 1 for any
# head size. Or compare the layer with Keras's own, as a section below does.
#
# ## Many heads
#
# *Why:* one head reads one mixture, and more than one may be worth reading. Several heads read several, side by side,
# each with $d_h = d / h$ numbers of its own: 2 heads of 64 for $d = 128$. Their outputs are joined, and one more matrix
# mixes them. That is [multi-head attention](glossary.md):
#
# $$\mathrm{MHA}(X) = \big[\mathrm{Att}_1(X), \dots, \mathrm{Att}_h(X)\big]\, W_O + b_O,\qquad
# [\dots]: (n, d),\quad W_O: (d, d),\quad b_O: (d).$$
#
# No loop over heads is needed. A reshape cuts the last axis into heads, and a transpose puts the heads where a matrix
# product leaves them alone.


# %%
def multi_head_attention(x, kernel, projection, bias, heads):
    batch, count, dim = x.shape
    size = dim // heads
    # (batch, tokens, 3 dim) -> (batch, tokens, 3, heads, size)
    qkv = (x @ kernel).reshape(batch, count, 3, heads, size)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # -> (3, batch, heads, tokens, size)
    weights = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(size))  # (batch, heads, tokens, tokens)
    read = (weights @ v).transpose(0, 2, 1, 3)  # -> (batch, tokens, heads, size)
    return read.reshape(batch, count, dim) @ projection + bias  # -> (batch, tokens, dim)


noise = rng.normal(size=tokens.shape).astype("float32")
x = np.stack([tokens, tokens[::-1], noise])  # (batch, tokens, dim)
layer = block.attention
projection, bias = layer.projection.get_weights()
difference = np.abs(multi_head_attention(x, kernel, projection, bias, heads=2) - layer(x)).max()
print(f"by hand against the package: {difference:.1e}")
assert difference < 1e-5

unmixed = multi_head_attention(x[:1], kernel, np.eye(128), 0, heads=2)  # side by side, not yet mixed
assert np.allclose(unmixed[0, :, :64], output, atol=1e-5)  # the first is the head from above

# %% [markdown]
# The package does the same in three short methods. (`drop_weights` and `drop_outputs` are [dropout](glossary.md) on the
# attention weights and on the result: in training they set a share of the numbers to 0.)

# %%
for part in ("queries_keys_values", "weights_from", "call"):
    print(dedent(inspect.getsource(getattr(cct.MultiHeadSelfAttention, part))))

# %% [markdown]
# ## The same in Keras
#
# *Why:* in other models you will meet `keras.layers.MultiHeadAttention`, which computes it too. It has biases on
# queries, keys and values, which the authors' layer has not; zeros there make the two equal. It takes the reader's
# tokens and the tokens to read from: the same ones twice are self-attention.
#
# **Predict:** it has an argument `key_dim`. Is that the number for all heads together, or for one?

# %% tags=["trap"]
theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=64)
theirs.build(x.shape, x.shape)
q, k, v = kernel.reshape(128, 3, 2, 64).transpose(1, 0, 2, 3)  # (dim, 3 dim) -> (3, dim, heads, size)
zeros = np.zeros((2, 64))
theirs.set_weights([q, zeros, k, zeros, v, zeros, projection.reshape(2, 64, 128), bias])
assert np.abs(theirs(x, x) - layer(x)).max() < 1e-5

counts = {"package": layer.count_params(), "key_dim=64": theirs.count_params()}
wide = keras.layers.MultiHeadAttention(num_heads=2, key_dim=128)
wide.build(x.shape, x.shape)
counts["key_dim=128"] = wide.count_params()
print(counts)
assert counts["package"] == 4 * 128 * 128 + 128 == 65_664
assert counts["key_dim=64"] == 65_664 + 3 * 128 and counts["key_dim=128"] == 131_968

# %% [markdown]
# <details><summary>Answer</summary>
#
# For one head: `key_dim=64` gives the parameters of the package's layer and the biases, `key_dim=128` about twice as
# many.
#
# </details>
#
# > **Trap: `key_dim` is the size of *one* head.** With `key_dim=128` and two heads, attention works on 256 numbers,
# > twice the paper's. The [Keras example](https://keras.io/examples/vision/cct/) has it so. Such a model is valid, but
# > it is not the CCT of the paper.
#
# **To catch it:** count the parameters on paper first: $4 d^2 + d$ with a bias on the last matrix alone.
#
# ## What it costs
#
# *Why:* with smaller patches an image makes more tokens, and you want to know their price before you train. Count the
# multiplications for $n$ tokens of $d$ numbers. The four matrices take $4 n d^2$, the scores $n^2 d$, the weighted sum
# as much again.
#
# **Predict:** at how many tokens do scores and sums cost as much as the matrices, for $d = 128$?


# %%
def multiplications(n, dim):
    return 4 * n * dim * dim, 2 * n * n * dim  # matrices; scores and weighted sums


for n in (64, 256, 1024):
    matrices, pairs = multiplications(n, 128)
    print(f"{n:5} tokens: matrices {matrices / 1e6:5.1f} million,", end=" ")
    print(f"pairs {pairs / 1e6:5.1f} million, weights of two heads {2 * n * n:9,}")
assert multiplications(256, 128)[0] == multiplications(256, 128)[1]
assert multiplications(1024, 128)[1] == 256 * multiplications(64, 128)[1]

# %% [markdown]
# <details><summary>Answer</summary>
#
# At $2 d = 256$ tokens both cost the same.
#
# </details>
#
# The pairs grow with the square: 16 times as many tokens, 256 times the work. The number of heads is in neither
# formula, as each head takes its share of $d$. It is in the memory: each head keeps $n^2$ weights of its own.

# %% [markdown]
# ## The block
#
# *Why:* what a transformer stacks is not attention alone, but blocks. In a block attention moves information between
# tokens. A small network, the [MLP](glossary.md), then works on each token alone. Both are *added* to what came in, and
# the tokens that run through all these additions are called the [residual stream](glossary.md). What the two read is
# kept in bounds by a [layer normalisation](glossary.md):
#
# $$\mathrm{LN}(x) = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta,$$
#
# with $\mu$ and $\sigma^2$ the mean and the variance of the $d$ numbers of *one token*, $\epsilon$ a small number
# against a division by zero, $\odot$ a product number by number, and $\gamma$ and $\beta$ learned, $(d)$ each. You know
# `BatchNormalization`, which takes mean and variance of *one channel*, over all places and all images of the batch.
#
# **Predict:** in training other images join the batch of a photo. Does the photo's result change with batch
# normalisation? With layer normalisation?


# %%
def normalise(x, axis=-1, epsilon=1e-5):
    mean, variance = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


images = rng.normal(2, 3, size=(8, 64, 128)).astype("float32")  # (batch, places, channels or dim)
axes = {keras.layers.LayerNormalization: -1, keras.layers.BatchNormalization: (0, 1)}
for kind, axis in axes.items():
    norm = kind(epsilon=1e-5)  # fresh: the learned scale is 1, the shift 0
    together = norm(images, training=True)
    alone = norm(images[:1], training=True)
    assert np.allclose(together, normalise(images, axis), atol=1e-4)
    moved = np.abs(together[:1] - alone).max()
    print(f"{kind.__name__:19} image 0 in a batch of 8, and alone: results differ by up to {moved:.4f}")
    assert (moved > 0.01) == (kind is keras.layers.BatchNormalization)

# %% [markdown]
# <details><summary>Answer</summary>
#
# With batch normalisation an image's result depends on the images beside it; in use, running means of the training
# replace them. With layer normalisation it does not, and the layer computes the same in training and in use.
#
# </details>
#
# ## Three places for the norms
#
# *Why:* two blocks of the same parts can still compute different things. It depends on where the norms stand, and three
# ways are in use.

# %%
alt = """Flow charts. Pre-norm: norms in both branches. Post: both on the stream. Mid: one in a
branch, one on it"""
cct.show(pictures.draw_blocks(), alt=alt)


# %%
def pre_norm(x, attention, mlp):  # most vision transformers, and the Keras example
    y = x + attention(normalise(x))
    return y + mlp(normalise(y))


def post_norm(x, attention, mlp):  # Attention Is All You Need
    y = normalise(x + attention(x))
    return normalise(y + mlp(y))


def mid_norm(x, attention, mlp):  # the authors of CCT
    y = normalise(x + attention(normalise(x)))
    return y + mlp(y)


# %% [markdown]
# The third is the authors' alone, and a mistake by their own account. Asked about it in 2021, one of them answered in
# their [issue tracker](https://github.com/SHI-Labs/Compact-Transformers/issues/25) that two lines had come out wrong in
# a merge: the middle norm should stand at the start of the MLP branch, which is pre-norm. It stayed, and all their
# published weights were trained with it. So this course keeps it too: in a pre-norm block those weights give other
# numbers.
#
# Show that `TransformerBlock` computes the third, with a fresh block, whose norms have no scale or shift yet. The
# tokens are made three times as long, so that a norm that is missing shows.


# %%
def random_block():
    """A block whose matrices are large enough to matter; those of a fresh one are small."""
    block = cct.TransformerBlock(num_heads=2, mlp_ratio=2)
    block.build(x.shape)
    for weight in block.trainable_weights:
        if len(weight.shape) == 2:
            weight.assign(rng.normal(size=weight.shape) / np.sqrt(weight.shape[0]))
    return block


def on_arrays(part):
    """A part of a block, as a function from array to array."""
    return lambda x: ops.convert_to_numpy(part(x))


def parts_of(block):
    return on_arrays(block.attention), on_arrays(block.mlp)


ours = random_block()
for variant in (pre_norm, post_norm, mid_norm):
    difference = np.abs(variant(3 * x, *parts_of(ours)) - ours(3 * x)).max()
    print(f"{variant.__name__:9} against TransformerBlock: {difference:.1e}")
    assert (difference < 1e-4) == (variant is mid_norm)
print(dedent(inspect.getsource(cct.TransformerBlock.call)))

# %% [markdown]
# (`drop_attention` and `drop_mlp` drop whole branches in training. That is notebook 04.)
#
# ## The MLP and its GELU
#
# *Why:* the MLP is the part of the block that you have not opened yet. It is two linear layers with a
# [GELU](glossary.md) between them, for each token alone: the number $x$ times the probability $\Phi(x)$ that a normal
# random number is below it ([Hendrycks and Gimpel, 2016](https://arxiv.org/abs/1606.08415)).
#
# $$\mathrm{MLP}(X) = \mathrm{GELU}(X W_1 + b_1)\, W_2 + b_2,\qquad
# \mathrm{GELU}(x) = x\,\Phi(x) = \frac{x}{2}\left(1 + \mathrm{erf}\frac{x}{\sqrt 2}\right),$$
#
# with $X: (n, d)$, $W_1: (d, r d)$ and $W_2: (r d, d)$. Between its two layers the MLP is $r$ times as wide as a token;
# $r$ is the *MLP ratio*. There is a second formula with a tanh that comes close. The authors use the exact one,
# `keras.ops.gelu` the other unless it is told `approximate=False`.

# %%
z = np.linspace(-4, 4, 80_001).astype("float32")
exact = ops.convert_to_numpy(ops.gelu(z, approximate=False))
tanh = ops.convert_to_numpy(ops.gelu(z))
by_formula = z / 2 * (1 + ops.convert_to_numpy(ops.erf(z / np.sqrt(2, dtype="float32"))))
apart = np.abs(exact - tanh).max()
print(f"exact and tanh differ by up to {apart:.1e}; lowest point {exact.min():.3f}")
assert np.allclose(exact, by_formula, atol=1e-6) and 4.6e-4 < apart < 4.9e-4
assert -0.171 < exact.min() < -0.169

alt = """The GELU follows the ReLU but for a soft dip to -0.17; exact and tanh formula differ by a
few 1/10,000"""
cct.show(pictures.draw_gelu(z, exact, np.maximum(z, 0), exact - tanh), alt=alt)

# %% [markdown]
# The difference is small, but a test for equality sees it.
#
# With the MLP all parts of a block are there, so count its parameters. The trained block has an MLP ratio of 1:

# %%
print(f"attention {block.attention.count_params():,}, whole block {block.count_params():,} parameters")
assert block.pre_norm.count_params() == block.norm1.count_params() == 2 * 128
assert block.linear1.count_params() + block.linear2.count_params() == 2 * 128**2 + 2 * 128 == 33_024
assert block.count_params() == 65_664 + 33_024 + 2 * 256 == 99_200

# %% [markdown]
# Attention has 65,664, the MLP 33,024 and the two norms 512. Together they make 99,200.
#
# ## Where a token reads from
#
# *Why:* you want to see what a trained head does. A row of attention weights has one number for each token, and tokens
# have places. So lay a row over the photo. The trained CCT reads like this.
#
# **Predict:** where does the token on the eye at the left read from: the eye, the other eye, the edges of the face?

# %%
maps = cct.attention_maps(pretrained, cat[None])  # (layers, batch, heads, tokens, tokens)
assert maps.shape == (2, 1, 2, 64, 64) and np.allclose(maps.sum(axis=-1), 1, atol=1e-5)

eye = (3, 2)  # row, column on the 8 x 8 grid
token = eye[0] * 8 + eye[1]
rows = maps[:, 0, :, token]  # (layers, heads, tokens)

alt = """A cat's face, and four veils that show where the token on its eye reads from in two layers
and two heads"""
figure = figures.draw_heads(cat, rows, (8, 8), eye, high=5)
figure.suptitle("One token, four heads: each reads in its own way")
cct.show(figure, alt=alt)

# %% [markdown]
# The same four rows in numbers, and one of them summed over each row of squares:

# %%
for layer_number, head_number in np.ndindex(2, 2):
    row = rows[layer_number, head_number]
    times, bits = 64 * row, cct.entropy_bits(row)  # 1 is the uniform weight
    print(f"layer {layer_number}, head {head_number}: largest {times.max():.1f} x uniform,", end=" ")
    print(f"itself {times[token]:.1f} x, entropy {bits:.2f} of 6 bits")
    assert times[token] < 2 < times.max()

by_row = rows[1, 1].reshape(8, 8).sum(axis=1)  # the second head of the second layer
print("share of its reading in each row of squares:", by_row.round(2))
assert by_row[4:6].sum() > 0.5 and by_row.argmax() == 5
assert rows[1, 1].argmax() == 8 * 5 + 2  # two rows below the eye, in its column

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each head reads from other places, and in none of the four does the token read much from itself: less than twice the
# uniform share. The second head of the second layer (layer 1, head 1) takes more than half of its reading from the two
# rows of squares below the eyes, most from the cheek at the left.
#
# </details>
#
# A token does not need to read from itself, as the addition in the block keeps what it was.
#
# Read such pictures with care. The picture shows where this token reads *from*, not why, and not what the model's
# answer rests on. What is read is the value, after layers that have mixed the tokens already, and the residual stream
# carries a token past the attention. Look at the scale as well: were each veil scaled to its own largest weight, a
# nearly uniform head would look as lively as a sharp one. Notebook 08 tests what such maps are worth.
#
# Choose a photo, a layer, a head and a token.

# %%
names = ["chelsea", "astronaut", "coffee", "rocket"]
views = {name: small(getattr(photos, name)()) for name in names}
views["flower"] = small(load_sample_image("flower.jpg"))
five = np.stack(list(views.values()))  # (photos, 32, 32, 3)
all_maps = cct.attention_maps(pretrained, five)  # (layers, photos, heads, tokens, tokens)


def reading_view(photo, layer, head, row, column):
    weights = all_maps[layer, list(views).index(photo), head, 8 * row + column]  # (tokens,)
    bits = cct.entropy_bits(weights)
    numbers = f"largest {64 * weights.max():.1f} x uniform, entropy {bits:.2f} of 6 bits"
    title = f"layer {layer}, head {head}: where token ({row}, {column}) reads"
    return pictures.draw_explorer(views[photo], weights, (8, 8), (row, column), 8, title, numbers)


settings = [
    dict(photo="chelsea", layer=1, head=0, row=3, column=2),
    dict(photo="flower", layer=1, head=1, row=6, column=1),
]
alt = """Where one token of a cat and one of a flower read from, each with its sorted weights and
the uniform level"""
ranges = dict(layer=(0, 1), head=(0, 1), row=(0, 7), column=(0, 7))
explorer = cct.explore(reading_view, settings, alt, photo=list(views), **ranges)

# %% [markdown]
# ## For a second reading
#
# ### Attention weights out of a Keras model
#
# *Why:* everybody asks this at some time: how do I see the weights of the layer inside my model? The argument is
# `return_attention_scores=True`, and it belongs to the *call*, not to the layer: a constructor that is given it says
# "Unrecognized keyword arguments". A model that is trained already needs no change. Make a second model that ends where
# the attention begins, and call the layer on what comes out.

# %%
entrance = keras.Input((64, 128))
normed = keras.layers.LayerNormalization()(entrance)
read = keras.layers.MultiHeadAttention(2, key_dim=64, name="attention")(normed, normed)
pooled = keras.layers.GlobalAveragePooling1D()(entrance + read)
whole = keras.Model(entrance, keras.layers.Dense(10)(pooled))

inside = whole.get_layer("attention")  # from here on for any model of yours
up_to_it = keras.Model(whole.input, inside.input[0])  # its first input: the tokens that read
entering_it = up_to_it(x)
_, scores = inside(entering_it, entering_it, return_attention_scores=True)
assert scores.shape == (3, 2, 64, 64)  # (batch, heads, tokens, tokens)

_, scores = theirs(x, x, return_attention_scores=True)
assert np.allclose(ops.sum(scores, axis=-1), 1, atol=1e-5)  # after the softmax, in spite of the name
assert np.allclose(scores[0], both[0, 0], atol=1e-5)  # both heads of the first block, on the cat

# %% [markdown]
# They are weights, not scores: the softmax is in them, and for the cat they are those of this course's
# `cct.attention_maps`.
#
# ### What the norms do to the stream
#
# *Why:* the blocks of *Three places for the norms* differ, and it shows in a deep model. Send tokens through 14 blocks
# with random weights and watch their mean length.
#
# **Predict:** in which variant does the length grow with depth?

# %%
blocks = [random_block() for _ in range(14)]
start = rng.normal(size=(4, 64, 128)).astype("float32")  # (batch, tokens, dim)
streams = {}
for name, variant in {"pre-norm": pre_norm, "post-norm": post_norm, "mid-norm": mid_norm}.items():
    stream = [start]
    for each in blocks:
        stream.append(variant(stream[-1], *parts_of(each)))
    streams[name] = np.stack(stream)  # (blocks + 1, batch, tokens, dim)


def mean_length(arrays):
    return np.linalg.norm(arrays, axis=-1).mean(axis=(1, 2))  # (n, batch, tokens, dim) -> (n,)


lengths = {name: mean_length(stream) for name, stream in streams.items()}
pre, post, mid = lengths.values()  # (blocks + 1,) each
shares = mean_length(np.diff(streams["pre-norm"], axis=0)) / pre[:-1]  # (blocks,)
print(f"pre-norm: the first block adds {shares[0]:.0%} of a token's length, the last {shares[-1]:.0%}")

# %%
assert np.all(np.diff(pre) > 0) and pre[-1] > 3 * pre[0]
assert 0.6 < shares[0] < 0.8 and shares[-1] < 0.4
assert np.allclose(post[1:], np.sqrt(128), rtol=1e-3)
assert mid[1:].min() > post[1] and mid[1:].max() < 1.4 * post[1]
alt = """Pre-norm rises steadily with depth, post-norm is a flat line, mid-norm stays level a little
above it"""
labels = "after block", "mean length of a token", "The place of the norms decides"
cct.show(figures.draw_curves(range(15), lengths, *labels, ylim=(0, None)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# It grows with pre-norm, to more than three times the first length.
#
# </details>
#
# Each block adds to the stream and no operation brings it back, so what a block adds becomes a smaller share of what is
# there: more than 60 % in the first block, less than 40 % in the last. Post-norm sets each token to length $\sqrt d$
# twice a block. The authors' block does it once, and the MLP then adds a bounded amount, so the length stays level too.
# These are random weights: they show what the formula does, not which of them trains best.
#
# ### Five mistakes that keep every shape
#
# *Why:* you write or change an attention layer. None of these raises an error, and for each there is a test of a line
# or two that finds it.
#
# > **Trap: softmax over the wrong axis.** With as many rows as columns, `axis=0` gives an array of the right shape and
# > values between 0 and 1.
#
# **Predict:** what do its rows sum to?

# %% tags=["trap"]
over_queries = softmax(queries @ keys.T / 8, axis=0)
assert over_queries.shape == weights.shape and over_queries.min() >= 0 and over_queries.max() <= 1
sums = {"softmax over keys": weights.sum(axis=-1), "over queries (wrong)": over_queries.sum(axis=-1)}
for name, of_rows in sums.items():
    print(f"{name:21} sums of rows from {of_rows.min():.2f} to {of_rows.max():.2f}")
assert sums["over queries (wrong)"].min() < 0.75 and sums["over queries (wrong)"].max() > 1.5

alt = """What each of 64 tokens reads in all: a flat line at 1, and for the softmax over queries a
zigzag from 0.7 to 1.5"""
labels = "token that reads", "sum of its weights", "What each token reads in all"
cct.show(figures.draw_curves(range(64), sums, *labels, ylim=(0, None)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Not to 1: the sums go from less than 0.75 to more than 1.5.
#
# </details>
#
# Some tokens read half as much again as they should, others a quarter less.
#
# **To catch it:** one line, `assert np.allclose(weights.sum(axis=-1), 1)`.
#
# > **Trap: heads by a reshape alone.** `(batch, tokens, dim)` has as many numbers as `(batch, heads, tokens, size)`.
# > But a reshape never moves a number (notebook 01), and the heads have to move in front of the tokens.
#
# **Predict:** 64 tokens, 2 heads of 64 numbers. What stands in the first two rows of head 0?

# %% tags=["trap"]
of_heads = x @ kernel[:, :128]  # (batch, tokens, dim): the queries of both heads, side by side
side_by_side = of_heads.reshape(3, 64, 2, 64)  # (batch, tokens, heads, size)
transposed = side_by_side.transpose(0, 2, 1, 3)  # -> (batch, heads, tokens, size)
reshaped = of_heads.reshape(3, 2, 64, 64)  # the same shape at once
assert reshaped.shape == transposed.shape and not np.allclose(reshaped, transposed)
assert np.array_equal(transposed[0, 0, 0], of_heads[0, 0, :64])  # right: half of token 0
assert np.array_equal(reshaped[0, 0, :2].ravel(), of_heads[0, 0])  # wrong: all of token 0, cut in two
assert np.array_equal(reshaped[0, 0].ravel(), of_heads[0, :32].ravel())

# %% [markdown]
# <details><summary>Answer</summary>
#
# Token 0 stands there, cut in two.
#
# </details>
#
# Head 0 gets all of the tokens 0 to 31, head 1 all of the others, and no token can read from the other half of the
# image.
#
# **To catch it:** compare one row with what it should hold, or the whole layer with Keras's.
#
# > **Trap: the order in which heads are packed.** The authors' `qkv` matrix is laid out as (3, heads, size): all
# > queries, all keys, all values. Other libraries pack (heads, 3, size). Both give arrays of the same shape.
#
# **Predict:** queries, keys and values of two heads are six parts. How many stand at the same place in both?

# %% tags=["trap"]
qkv = x @ kernel  # (batch, tokens, 3 dim)
as_ours = qkv.reshape(3, 64, 3, 2, 64)  # (batch, tokens, 3, heads, size)
as_theirs = qkv.reshape(3, 64, 2, 3, 64)  # (batch, tokens, heads, 3, size)
same = []
for part, number in np.ndindex(3, 2):
    if np.allclose(as_ours[:, :, part, number], as_theirs[:, :, number, part]):
        same.append((part, number))
print("at the same place (0 queries, 1 keys, 2 values; head):", same)
assert same == [(0, 0), (2, 1)]

# %% [markdown]
# <details><summary>Answer</summary>
#
# Two of the six stand at the same place, the first and the last.
#
# </details>
#
# A model trained from nothing fits itself to either order; weights from elsewhere give nonsense in it.
#
# **To catch it:** load known weights and compare numbers, as this course does with the authors'.
#
# > **Trap: a GELU after the last layer.** It belongs between the two linear layers. Some code, the [Keras
# > example](https://keras.io/examples/vision/cct/) too, applies it, and a dropout, after the second one as well.
#
# **Predict:** what is the lowest number that such a branch can add to a token?

# %% tags=["trap"]
branch = ops.convert_to_numpy(ours.mlp(3 * x))  # (batch, tokens, dim), ends with a linear layer
with_gelu = ops.convert_to_numpy(ops.gelu(branch, approximate=False))
for name, term in {"ends with the linear layer": branch, "ends with a GELU": with_gelu}.items():
    below = np.mean(term < -0.17)
    print(f"{name:27} lowest {term.min():+.2f}, highest {term.max():+.2f}, below -0.17: {below:.0%}")
assert branch.min() < -1 and (branch < -0.17).mean() > 0.2
assert -0.171 < with_gelu.min() < -0.169 and with_gelu.max() > 1

# %% [markdown]
# <details><summary>Answer</summary>
#
# It can add no less than -0.17, the lowest point of the curve.
#
# </details>
#
# The branch can push the stream up as far as it likes and hardly down. Shapes and parameters are the same, so neither
# shows it.
#
# **To catch it:** look at the range of what a branch adds, or load known weights and compare numbers.
#
# > **Trap: epsilon.** The $\epsilon$ of a layer norm is 1e-3 in Keras and 1e-5 in PyTorch. It matters where tokens are
# > small.
#
# **Predict:** give the trained model the other epsilon. Do its logits change, and does the cat stay a cat?

# %% tags=["trap"]
expected = ops.convert_to_numpy(pretrained(cat[None]))
norms = [pretrained.get_layer("norm")]
for each in (pretrained.get_layer("block_0"), pretrained.get_layer("block_1")):
    norms += [each.pre_norm, each.norm1]
for norm in norms:
    norm.epsilon = 1e-3
shifted = ops.convert_to_numpy(pretrained(cat[None]))
for norm in norms:
    norm.epsilon = 1e-5

print(f"epsilon 1e-3 instead of 1e-5: logits differ by up to {np.abs(shifted - expected).max():.1e}")
assert keras.layers.LayerNormalization().epsilon == 1e-3
assert 1e-3 < np.abs(shifted - expected).max() < 1e-2 and shifted.argmax() == expected.argmax()
assert np.allclose(pretrained(cat[None]), expected, atol=1e-5)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The logits change by a few thousandths, and the cat stays a cat.
#
# </details>
#
# **To catch it:** accuracy would hardly notice. Compare the numbers themselves.

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
# *15 minutes.* A head reads values and the projection writes what it read. Between the two there is only a sum over
# tokens, so both together are one matrix: head number `head`, counted from 0, adds `weights @ x @ matrix` to the
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
# *15 minutes.* Now you are the check. `candidate` is a function from queries, keys and values, each `(tokens, size)`,
# to the output `(tokens, size)`. Some of those that you are given are right; others forget the scale, scale by
# something else, take the softmax over the wrong axis or mix up their arguments. Return True for a right one and False
# for the others. Choose arrays on which they differ.
#
# `is_attention(lambda queries, keys, values: values)` gives `False`.


# %% tags=["exercise"]
def is_attention(candidate):
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
# ## The parts in one table
#
# For $n$ tokens of $d = 128$ numbers, 2 heads and an MLP ratio of 1, as in `cct_2_3x2_32`. No number of parameters
# depends on $n$.
#
# | name | shape in | shape out | parameters |
# |---|---|---|---|
# | `LayerNormalization` | (batch, n, d) | (batch, n, d) | 2 d = 256 |
# | `MultiHeadSelfAttention` | (batch, n, d) | (batch, n, d) | 4 d² + d = 65,664 |
# | its weights, `attention_weights` | (batch, n, d) | (batch, heads, n, n) | those of queries and keys |
# | MLP | (batch, n, d) | (batch, n, d) | 2 d² + 2 d = 33,024 |
# | `TransformerBlock` | (batch, n, d) | (batch, n, d) | 99,200 |
#
# ## Recap
#
# - Attention is a softmax of query times key over the root of the head size, and a sum of values with these weights.
#   Every row of weights sums to 1.
# - A convolution's weights depend on the offset and stay; attention's depend on what the tokens hold, and change from
#   image to image.
# - The scale keeps the variance of the scores at 1. Without it, large heads whose queries and keys have variance 1 read
#   from almost one token alone; a fresh layer of this course starts so small that only training shows the mistake.
# - Heads are a reshape and a transpose. They change neither the number of parameters nor of multiplications, as long as
#   the head size is `dim / heads`. Keras calls the head size `key_dim`.
# - The cost of pairs grows with the square of the number of tokens.
# - The authors' block has a norm in the attention branch and one on the residual stream in its middle. They call the
#   second a mistake, and their weights need it.
# - An attention map says where a token reads from, and no more.
# - `return_attention_scores=True` in the call of Keras's layer gives its weights, after the softmax.
#
# **The difference from the paper and the 2021 example.** `TransformerBlock` computes what the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers) computes: no bias on queries, keys and values, mid-norm,
# exact GELU after the first linear layer alone, epsilon 1e-5. The [paper](https://arxiv.org/abs/2104.05704) describes
# the encoder in words; the code is what their weights were trained with. The [Keras example of
# 2021](https://keras.io/examples/vision/cct/) is pre-norm, has heads of size 128 with biases (131,968 parameters
# against 65,664), and a GELU and a dropout after the second linear layer as well.
#
# To read on: *The Illustrated Transformer* ([Alammar, 2018](https://jalammar.github.io/illustrated-transformer/)) draws
# every step; *Understanding Deep Learning* ([Prince, 2023](https://udlbook.github.io/udlbook/)) has it in chapter 12;
# [Xiong et al., 2020](https://arxiv.org/abs/2002.04745) compare pre-norm and post-norm.
#
# Next: [04 Stochastic depth](04_stochastic_depth.ipynb). Why drop whole branches?

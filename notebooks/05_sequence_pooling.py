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
# # 5. Sequence pooling
#
# *What replaces the class token?*
#
# You will turn many tokens into one vector in three ways, find attention in one of them, see where it reads from, and
# hide parts of a photo to test what that means.
#
# 110 minutes to read, 1 minute to run. Builds on [notebook 03](03_self_attention.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/05_sequence_pooling.ipynb)

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
import functools
import inspect
import json
import textwrap
import warnings

import keras
import numpy as np
import tensorflow as tf
from IPython.display import HTML, display
from keras import ops
from PIL import Image
from scipy.special import softmax
from skimage import data as photos

from cct_helpers import figures
from cct_helpers.plots import nb05_sequence_pooling as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two questions on notebook 04
#
# 1. A branch is dropped for one image in five. What is a kept branch divided by, and why?
# 2. Which layers of a CCT behave differently in training and when the trained model is used?
#
# <details><summary>Answers</summary>
#
# 1. A kept branch is divided by 0.8, the share of images that keep it. Its mean over the draws is then what the branch
#    gives when nothing is dropped.
# 2. Dropout and stochastic depth behave differently. In training they draw random numbers; when the model is used they
#    hand on what they get.
#
# </details>

# %% [markdown]
# **Which way through?** The main line goes from *Many tokens, one vector* to *Train one*, about 30 minutes; then a good
# place for a break; and from *Where does it read from?* to *Which pooling is best?*, about 45. What stands under *For a
# second reading* can wait: what each pooling costs, a parameter without effect, and a mistake that trains well.
#
# ## Many tokens, one vector
#
# *Why:* the blocks give one vector per [token](glossary.md): `(batch, tokens, dim)`. A classifier wants one per image:
# `(batch, dim)`. Something has to take the token axis away.
#
# In your CNNs that was `Flatten` or `GlobalAveragePooling2D`, between the last convolution and the `Dense` layer of the
# classes.
#
# A transformer has three usual ways:
#
# - [ViT](https://arxiv.org/abs/2010.11929) puts a learned [class token](glossary.md) before the others. In every block
#   it reads from them, as every token does, and after the last block it alone is kept.
# - *Average pooling* takes the mean of all tokens. It is Keras's `GlobalAveragePooling1D`.
# - [Sequence pooling](glossary.md) ([the CCT paper](https://arxiv.org/abs/2104.05704), section 3.2) takes a weighted
#   mean and learns how to weigh.

# %%
alt = """Three ways from four tokens to one vector. Class token: a fifth token gathers from the
others and becomes the vector alone. Average: four arrows of equal width. Sequence pooling: four
arrows of different widths."""
cct.show(pictures.draw_poolings(np.array([0.1, 0.5, 0.25, 0.15])), alt=alt)

# %% [markdown]
# The difference is where the information has to go. With a class token, all that the classifier is to know of the image
# must be carried into *one* token by attention, block by block. With pooling, each token can keep its part until the
# end, and the parts are put together there.
#
# ## Sequence pooling on paper
#
# *Why:* what you have done once by hand is easy to find again in the formula and in the code.
#
# Three tokens of two numbers each: (0, 4), (0, 8) and (1, 2). A learned vector gives each token a score, their dot
# product. Let it be (0.69, 0), so that the scores are 0, 0 and 0.69. The [softmax](glossary.md) of notebook 03 turns
# scores into weights: the exponential of each, divided by the sum of all. The exponential of 0 is 1, that of 0.69 is 2.
# The picture calls the learned vector a query, and the tokens keys and values. The next section says why.
#
# **Predict:** which three weights come out, and which vector is the weighted mean?

# %%
three = np.array([[0.0, 4.0], [0.0, 8.0], [1.0, 2.0]])  # (tokens, dim)
learned = np.array([np.log(2), 0.0])  # (dim,)
scores_of_three = three @ learned  # (tokens, dim) @ (dim,) -> (tokens,)
powers = np.exp(scores_of_three)
weights_of_three = powers / powers.sum()
vector = weights_of_three @ three  # (tokens,) @ (tokens, dim) -> (dim,)

figure = pictures.draw_one_query(three, learned, scores_of_three, weights_of_three, vector)
alt = """Three tokens meet one query: scores 0, 0 and 0.69, weights 0.25, 0.25 and 0.50, weighted
mean (0.5, 4)"""
cct.show(figure, alt=alt)
assert np.allclose(powers, [1, 1, 2]) and np.allclose(weights_of_three, [0.25, 0.25, 0.5])
assert np.allclose(vector, [0.5, 4])

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights are 1/4, 1/4 and 2/4. The weighted mean is (0.5, 4): its first number is half of the last token's 1, its
# second 4/4 + 8/4 + 2/2 = 1 + 2 + 1.
#
# </details>
#
# The same as a formula, for one image:
#
# $$w = \text{softmax}(X g + b), \qquad z = \sum_t w_t \, x_t = w^T X$$
#
# $X$ holds the tokens $x_t$ as its rows, (tokens, dim). $g$, (dim,), and $b$, one number, are learned and the same for
# all images. $w$ holds the [pooling weights](glossary.md), (tokens,), positive and with the sum 1. $z$ is the one
# vector, (dim,).
#
# Now a batch, and all three poolings.
#
# **Predict:** which of the three have something to learn, and how many numbers does each learn for dim 4?

# %%
x = rng.normal(size=(2, 5, 4)).astype("float32")  # (batch, tokens, dim), as the last block gives them

from_class_token = x[:, 0]  # (batch, tokens, dim) -> (batch, dim), if token 0 is the class token
average = x.mean(axis=1)  # (batch, tokens, dim) -> (batch, dim)

kernel, bias = rng.normal(size=4).astype("float32"), np.float32(0.3)  # g and b
scores_of_x = x @ kernel + bias  # (batch, tokens, dim) -> (batch, tokens), one number a token
weights_of_x = softmax(scores_of_x, axis=1)  # over the tokens of each image
pooled = weights_of_x[:, None] @ x  # (batch, 1, tokens) @ (batch, tokens, dim) -> (batch, 1, dim)
pooled = pooled[:, 0]  # (batch, 1, dim) -> (batch, dim)

print("weights of two images:", weights_of_x.round(3), sep="\n")
assert from_class_token.shape == average.shape == pooled.shape == (2, 4)
assert np.allclose(keras.layers.GlobalAveragePooling1D()(x), average, atol=1e-6)
assert np.allclose(weights_of_x.sum(axis=1), 1) and np.all(weights_of_x > 0)
first, second = weights_of_x  # one kernel, and yet each image has weights of its own
assert not np.allclose(first, second, atol=0.01)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The class token is itself learned: 4 numbers. The average learns nothing. Sequence pooling learns a kernel of 4
# numbers and a bias, so 5.
#
# </details>
#
# The weights of an image are positive and sum to 1, so the result is a mean: it does not grow with the number of
# tokens. The kernel is shared by all images, but the scores depend on the tokens, so each image gets weights of its
# own.
#
# ## It is attention with one learned query
#
# *Why:* a weighted mean of tokens, with weights from a softmax: that was attention, too. If this is the same thing
# again, you know most of it already.
#
# Notebook 03 computed $\text{softmax}(Q K^\top / \sqrt{d_h}) \, V$: each token's [query](glossary.md) asks the keys of
# all tokens, and the weights mix their values. Put the learned vector $g$ in the place of all queries, and the tokens
# in the place of keys and values: that is sequence pooling. So a model with sequence pooling ends with one more step of
# attention, whose query belongs to no token.
#
# Keras's `Attention` layer takes queries and values, and uses the values as keys too. It knows nothing of pooling.
#
# **Predict:** what comes out if you give it the kernel as the only query? In which shape?

# %%
one_query = np.broadcast_to(kernel, (2, 1, 4))  # (batch, queries, dim), the same for every image
attended = ops.convert_to_numpy(keras.layers.Attention()([one_query, x]))
print("attention:", attended.shape, "first image", attended[0].round(3))
print("pooling:  ", pooled.shape, "   first image ", pooled[0].round(3))
assert attended.shape == (2, 1, 4)
assert np.allclose(attended[:, 0], pooled, atol=1e-6)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Out comes the pooled vector, one for each query: (batch, 1, dim). The bias had no place in that layer, and was not
# missed. *The bias that does nothing*, in the second reading, says why.
#
# </details>
#
# Three things are simpler than in a block: there are no matrices that make keys and values, no division by the root of
# the head size, and the query does not depend on the image. Others keep more of attention at this place: the [Set
# Transformer](https://arxiv.org/abs/1810.00825) pools with several learned queries and heads,
# [CaiT](https://arxiv.org/abs/2103.17239) lets a class token read in the last two blocks only.
#
# ## Average pooling is a special case
#
# *Why:* the average of your CNNs is in it as well, so sequence pooling can do all that the average can.
#
# **Predict:** which kernel turns sequence pooling into average pooling?

# %%
zeros = np.zeros(4, "float32")
equal = softmax(x @ zeros + bias, axis=1)  # (batch, tokens), the same score for all
print("weights of the first image:", equal[0])
assert np.allclose(equal, 1 / 5)
assert np.allclose((equal[:, None] @ x)[:, 0], average, atol=1e-6)

# %% [markdown]
# <details><summary>Answer</summary>
#
# A kernel of zeros does: all scores are equal, and all weights are 1/tokens.
#
# </details>
#
# Training can start near the average and move away from it where that helps: a new layer has a kernel of small numbers.
#
# ## The layer of the package
#
# *Why:* from here on the package's layer does the work. Does it compute the same? These are its two methods; compare
# them with the arrays above.

# %%
print(textwrap.dedent(inspect.getsource(cct.SequencePooling.weights_over_tokens)))
print(textwrap.dedent(inspect.getsource(cct.SequencePooling.call)))

layer = cct.SequencePooling()
layer.build(x.shape)
layer.score.set_weights([kernel[:, None], bias[None]])  # (dim,) -> (dim, 1), (1,)
assert np.allclose(ops.convert_to_numpy(layer.weights_over_tokens(x)), weights_of_x, atol=1e-6)
assert np.allclose(ops.convert_to_numpy(layer(x)), pooled, atol=1e-6)

# %% [markdown]
# The same numbers as the array version. `[:, None]` and `squeeze` only make room for the matrix product; the cast to
# float32 matters when a model runs in 16 bits.
#
# ## Train one
#
# *Why:* random numbers have shown how pooling computes, not which weights training finds. For that you need a trained
# model.
#
# Digits of 16 x 16 pixels, one convolution, so 8 x 8 = 64 tokens. The model is put together from the package's layers
# with the pooling as the only part that changes. The last two lines of `pool` are a mistake, kept for *The pooling that
# is none*. `Recipe` and `fit` are taken as given until [notebook 07](07_training.ipynb).


# %%
def pool(tokens, kind):
    """Take the token axis away: (batch, tokens, dim) -> (batch, dim)."""
    if kind == "sequence":
        return cct.SequencePooling(name="pooling")(tokens)
    if kind == "average":
        return ops.mean(tokens, axis=1)
    if kind == "class token":
        return tokens[:, 0]
    # (batch, tokens, dim) -> (batch, tokens, 1)
    weights = keras.layers.Dense(1, activation="softmax", name="pooling")(tokens)
    return ops.sum(weights * tokens, axis=1)


# %%
def build(kind):
    """A CCT of two blocks for the digits, with the pooling `kind`."""
    images = keras.Input((16, 16, 1))
    x = keras.layers.Normalization(mean=78.0, variance=96.0**2)(images)
    x = cct.ConvTokenizer(48, num_conv_layers=1, name="tokenizer")(x)
    x = cct.ClassToken(name="class_token")(x) if kind == "class token" else x
    x = cct.PositionEmbedding("learned", name="position")(x)
    for i in range(2):
        x = cct.TransformerBlock(num_heads=2, attention_dropout=0.0, name=f"block_{i}")(x)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(images, cct.Linear(10, name="head")(pool(x, kind)))


# %%
data = cct.load_dataset("digits")
recipe = cct.Recipe(
    epochs=8, batch_size=32, optimizer="adamw", learning_rate=4e-3, weight_decay=0.03,
    warmup_epochs=1, label_smoothing=0.0, augment="none",
)  # fmt: skip


def train(kind, seed):
    """A trained model with this pooling, and its history."""
    keras.utils.set_random_seed(seed)
    model = build(kind)
    return model, cct.fit(model, data, recipe, seed=seed, verbose=False)


# %%
model, history = train("sequence", seed=0)
test = cct.evaluate(model, data.x_test, data.y_test)

record = json.loads(Path(root, "notebooks", "results", "05_three_poolings.json").read_text())
by_kind = {}  # pooling -> its recorded runs, one a seed
for run in record["runs"]:
    by_kind.setdefault(run["kind"], []).append(run)

recorded = by_kind["sequence"][0]["test_top1"]  # of the same call
print(f"test top-1 {100 * test['top1']:.1f} %, on record {100 * recorded:.1f} %")
assert abs(test["top1"] - recorded) < 0.04  # equal but for the rounding of another machine

# %% [markdown]
# The same call, with three seeds for each pooling, is on record; the record is used below. Machines round differently
# in the last digit, and a training makes such differences larger, so your number may differ a little.
#
# ## Where does it read from?
#
# *Why:* the weights are there for each image, without any extra method: pooling computes them anyway. So look at what
# training has made of them. You need the tokens that enter the pooling.
#
# **Predict:** will the large weights lie on the strokes or on the background?


# %%
def tokens_and_scores(model, images):
    """What enters the pooling, and the score of each token: (batch, tokens, dim), (batch, tokens)."""
    encoder = keras.Model(model.input, model.get_layer("norm").output)
    tokens = ops.convert_to_numpy(encoder(images.astype("float32")))
    scores = model.get_layer("pooling").score(tokens)
    return tokens, ops.convert_to_numpy(scores)[..., 0]  # (batch, tokens, 1) -> (batch, tokens)


tokens, scores = tokens_and_scores(model, data.x_test)
weights = softmax(scores, axis=1)
of_package = cct.pooling_weights(model, data.x_test)  # the same in one call
assert np.allclose(weights, of_package, atol=1e-5)

# %%
chosen = [int(np.flatnonzero(data.y_test == digit)[0]) for digit in range(8)]  # the first of each
names = [str(data.y_test[i]) for i in chosen]
alt = """The digits 0 to 7, and below each its pooling weights in orange on a grid of 8 by 8 tokens,
all on one scale, with a dot on each token that has ink. Most of the dark cells have a dot; in some
images the darkest has none. Under the 0 all cells are pale."""
cct.show(pictures.draw_overlays(data.x_test[chosen], weights[chosen], (8, 8), names), alt=alt)

# %% [markdown]
# How widely an image spreads its weights is one number, their [entropy](glossary.md), as in notebook 03:
#
# $$H = \sum_t w_t \log_2 \frac{1}{w_t} \quad \text{bits}$$
#
# 64 equal weights have 6 bits, a single token with all the weight has 0.

# %%
bits = cct.entropy_bits(weights)  # (images,)
largest, smallest = 64 * weights.max(axis=1), 64 * weights.min(axis=1)
print(f"largest weight, median over the images: {np.median(largest):.1f} times uniform")
print(f"smallest weight, median over the images: {np.median(smallest):.2f} times uniform")
print(f"entropy: {bits.min():.2f} to {bits.max():.2f} bits, 6 if all tokens counted the same")
assert 5.8 < bits.max() < 6 and np.median(largest) > 3

# %% [markdown]
# How unequal the weights are differs from image to image. In some, nearly all tokens count the same: close to 6 bits.
# In half of the images the heaviest token has more than three times the equal weight.
#
# On ink or beside it? Measure it: each token stands on 2 x 2 pixels, and some of these have ink.


# %%
def share_on_ink(images, weights):
    """The share of tokens that lie on ink, and the share of the pooling weight that these get."""
    cells = images.reshape(-1, 8, 2, 8, 2).max(axis=(2, 4))  # (n, 16, 16, 1) -> (n, 8, 8)
    ink = cells.reshape(-1, 64) > 0  # (n, rows, columns) -> (n, tokens)
    return float(ink.mean()), float((weights * ink).sum(axis=1).mean())


# %%
tokens_on_ink, weight_on_ink = share_on_ink(data.x_test, weights)
print(f"{tokens_on_ink:.0%} of the tokens lie on ink; they get {weight_on_ink:.0%} of the weight")

shares = [run["weight_on_ink"] for run in by_kind["sequence"]]
print("recorded, three seeds:", ", ".join(f"{share:.0%}" for share in shares), "of the weight")
assert 0.5 < tokens_on_ink < 0.52
assert len(shares) == 3 and 2 / 3 < min(shares) and max(shares) < 0.8
assert abs(weight_on_ink - shares[0]) < 0.1  # the same call again

# %% [markdown]
# <details><summary>Answer</summary>
#
# On the strokes, for the most part: half of the tokens lie on ink, and in all three recorded models they get two thirds
# of the weight or more.
#
# </details>
#
# The dots in the picture of the eight digits mark ink, and some dark cells have none. How often does the heaviest token
# of an image lie beside the stroke?

# %% tags=["trap"]
ink = data.x_test.reshape(-1, 8, 2, 8, 2).max(axis=(2, 4)).reshape(-1, 64) > 0  # (images, tokens)
large = 64 * weights > 2  # more than twice the equal weight
large_on_ink = (ink & large).sum() / max(large.sum(), 1)  # a share of the large weights
ink_at_largest = np.take_along_axis(ink, weights.argmax(axis=1)[:, None], axis=1)  # (images, 1)
print(f"of the weights above twice uniform, {large_on_ink:.0%} lie on ink")
print(f"the heaviest token lies on ink in {ink_at_largest.mean():.0%} of the images")
assert large_on_ink > 0.7 and 0.5 < ink_at_largest.mean() < 0.95

# %% [markdown]
# Between a fifth and a third of the weight lies on empty background, in some images even the heaviest token, and that
# is no mistake. A token before pooling is not its pixels any more: two blocks of attention have written into it what
# they read elsewhere. The token of an empty place can hold a summary of the digit.
#
# > **Trap: "the weights show why".** They show where the pooled vector reads from. They do not show which pixels the
# > decision rests on, and a picture of weights over an image invites that reading.
#
# **To catch it:** leave out what the picture points at, as the next section does, and do it with more than one seed.
#
# ## Does it need what it reads?
#
# *Why:* a large weight says that a token is read, not that it is needed.
#
# Leave out the tokens with the largest weight and measure the accuracy. A drop alone says little, as leaving out any
# tokens may hurt. So there are two controls: as many tokens drawn at random, and as many with the smallest weight. Left
# out means a score of minus infinity: the softmax divides the weight among the others.


# %%
def accuracy_without(model, tokens, scores, labels, order, k):
    """Top-1 without the first k tokens in `order` (n, tokens); the others share the weight."""
    scores = scores.copy()
    np.put_along_axis(scores, order[:, :k], -np.inf, axis=1)  # a score of -inf is a weight of 0
    pooled = (softmax(scores, axis=1)[:, None] @ tokens)[:, 0]  # -> (batch, dim)
    logits = ops.convert_to_numpy(model.get_layer("head")(pooled.astype("float32")))
    return float(np.mean(logits.argmax(axis=1) == labels))


# %% [markdown]
# `removal` calls it for three orders and several numbers of tokens. `functools.partial` fills in the arguments that
# stay the same.


# %%
def removal(model, ks=(0, 4, 8, 16, 24, 32, 40, 48, 56)):
    """Top-1 with k tokens left out: of largest weight, random (mean of 5 draws), of smallest weight."""
    tokens, scores = tokens_and_scores(model, data.x_test)
    left = functools.partial(accuracy_without, model, tokens, scores, data.y_test)
    random = [np.random.default_rng(i).random(scores.shape).argsort(axis=1) for i in range(5)]
    by_weight = scores.argsort(axis=1)  # smallest first
    return {
        "removed": list(ks),
        "largest": [left(by_weight[:, ::-1], k) for k in ks],
        "random": [float(np.mean([left(order, k) for order in random])) for k in ks],
        "smallest": [left(by_weight, k) for k in ks],
    }


# %% [markdown]
# The record has this measurement for the model above and for two with other seeds.
#
# **Predict:** 64 tokens. How many can be left out at random before the accuracy falls by 5 points? How many of the
# largest weight?

# %%
measured = removal(model)
removals = [run["removal"] for run in by_kind["sequence"]]
alt = """Three panels, one for each recorded seed: test accuracy against tokens left out. Leaving out
the largest weights costs most in each, steeply for seeds 0 and 2 and slowly for seed 1. Random tokens
and those of smallest weight hardly change it until many are gone."""
panels = {f"seed {seed}": run for seed, run in enumerate(removals)}
cct.show(pictures.draw_removals(panels), alt=alt)
assert np.allclose(measured["random"], removals[0]["random"], atol=0.1)  # the same model again

# %%
lost = {}  # (order, tokens left out) -> points lost, one entry a seed
print("points lost, one column a seed")
for name in ("largest", "random", "smallest"):
    for k in (8, 16, 32, 56):
        place = measured["removed"].index(k)
        lost[name, k] = [100 * (run[name][0] - run[name][place]) for run in removals]
        columns = " ".join(f"{points:5.1f}" for points in lost[name, k])
        print(f"{name:8} {k:2} left out: {columns}")
assert max(lost["random", 32]) < 5 < min(lost["largest", 16])  # the answer to the question
assert sum(points > 5 for points in lost["random", 56]) == 1  # in one model of the three
assert sum(points > 5 for points in lost["largest", 8]) == 1
assert max(lost["smallest", 32]) < 2
assert 8 < min(lost["largest", 32]) < 9 and 61 < max(lost["largest", 32]) < 62

# %% [markdown]
# <details><summary>Answer</summary>
#
# At random, 32 tokens can be left out for less than 5 points in all three recorded models, and in two of them even 56.
# Of the largest weight, 16 are too many in all three, and in one of them 8 are.
#
# </details>
#
# Half of all tokens, those of smallest weight, can go for less than 2 points. The 32 of largest weight cost between 8
# and 62: the seeds differ a lot in how much hangs on the tokens of large weight.
#
# So each model does need what it reads: here the weights pass the test. What it shows is limited. Without its large
# weights the head gets a kind of vector that it was never trained on, so a part of the drop may be surprise, not lost
# information. And it says nothing about pixels. [Notebook 08](08_looking_inside.ipynb) puts maps of this kind to a
# harder test.
#
# ## Try it
#
# How uneven should weights be? Every degree between the average and a single token is possible. The scores can be
# divided by a *temperature* before the softmax. Training used 1. Choose a test image, and go from 0.1 (a few tokens,
# nearly alone) to 10 (nearly the average). A colour means the same weight at every temperature.


# %%
def pooling_view(index, temperature):
    softened = softmax(scores[index] / temperature)  # (tokens,)
    title = f"temperature {temperature:.1f}, entropy {cct.entropy_bits(softened):.2f} of 6 bits"
    name = f"test image {index}, digit {data.y_test[index]}"
    return pictures.draw_pooling(data.x_test[index], softened, (8, 8), 8, name, title)


stills = [dict(index=5, temperature=temperature) for temperature in (1.0, 0.1, 10.0)]
alt = """A digit, its pooling weights beside it, and all 64 in order, at temperatures 1, 0.1 and 10.
At 0.1 two squares are full orange and have nearly all the weight; at 10 all are evenly pale, and all
bars near uniform."""
sliders = dict(index=(0, 99), temperature=(0.1, 10.0, 0.1))
box = cct.explore(pooling_view, stills, alt=alt, **sliders)

# %% [markdown]
# ## Hide squares of a photo
#
# *Why:* without the *tokens* of largest weight the models lost most. Is that so for the *pixels* below them, too? The
# trap above says that the weights cannot tell.
#
# Take the trained CCT that comes with the course. Its 8 x 8 tokens stand for squares of 4 x 4 pixels. Hide the sixteen
# squares of largest weight, a quarter of the photo: give them its mean colour.
#
# **Predict:** a hidden square still has a token. Is its weight 0 afterwards? And does the model still see a cat?

# %%
photo_model = cct.load_pretrained("cct_2_3x2_32_cifar10")
class_names = photo_model.card["class_names"]
photo = Image.fromarray(photos.chelsea()[:, 75:375])
cat = np.asarray(photo.resize((32, 32), Image.Resampling.BOX))  # (32, 32, 3)


def hide(image, squares):
    """The image with these squares of 4 x 4 pixels, counted in reading order, in its mean colour."""
    is_hidden = np.isin(np.arange(64), squares).reshape(8, 8)
    pixels = is_hidden.repeat(4, axis=0).repeat(4, axis=1)  # (8, 8) -> (32, 32)
    return np.where(pixels[..., None], image.mean(axis=(0, 1)), image).round().astype("uint8")


heaviest = cct.pooling_weights(photo_model, cat[None])[0].argsort()[-16:]
pair = np.stack([cat, hide(cat, heaviest)])  # (images, height, width, channels)
weights_of_pair = cct.pooling_weights(photo_model, pair)  # (images, tokens)

# %%
chances = softmax(cct.predict(photo_model, pair), axis=1)  # (images, classes)
titles = ["the photo", "16 squares hidden"]
figure = pictures.draw_hidden(pair, weights_of_pair, chances, class_names, (8, 8), titles)
alt = """A cat and its weights, up to 15 times uniform; with 16 squares in one colour, up to 12.
Both times: cat, over 90 %"""
cct.show(figure, alt=alt)

# %%
versions = np.stack([hide(cat, rng.permutation(64)[:16]) for _ in range(50)])  # 16 random squares
of_random = softmax(cct.predict(photo_model, versions), axis=1)  # (draws, classes)

column = class_names.index("cat")
print(f"cat: {chances[0, column]:.0%}, without the heaviest 16 squares {chances[1, column]:.0%}")
print(f"without 16 random squares, mean of 50 draws: {of_random[:, column].mean():.0%}")
of_hidden = 64 * weights_of_pair[:, heaviest].mean(axis=1)  # (images,)
print("mean weight of the heaviest, times uniform, before and after:", of_hidden.round(2))
assert chances[:, column].min() > 0.9 and of_random[:, column].mean() < 0.85
assert np.allclose(of_hidden.round(1), [3.9, 3.2])
assert chances[0, column] - chances[1, column] < 0.05
assert 8 * 6 + 4 in heaviest  # the square on the nose: row 6, column 4

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weight of a hidden square is not 0: on average the sixteen still have 3.2 times the equal weight, where it was 3.9
# before. And the model still sees a cat, with more than 90 %.
#
# </details>
#
# Sixteen squares at random cost more than these. So on this photo the model reads most from squares whose *pixels* it
# hardly needs. That is no contradiction: a token at the pooling has read from all others in two blocks, and holds more
# than its own pixels. With the digits you left out *tokens*, here you hide *pixels*. These are two questions, and a
# picture of the weights can answer the first at most.
#
# One of the sixteen is the square on the nose. In notebook 00 it cost eight points when it alone was hidden, more than
# all sixteen together here. What a square costs depends on what else can be seen.
#
# That was one choice of squares on one photo. Make your own: below, the model computes in the page.
#
# 1. Press *What counts*. The first small picture then shows how much each square counts, its pooling weight.
# 2. Press *Hide squares* and click on squares of the photo. Weights and classes follow at once; the upright
#    marks at the bars say what they were before.
# 3. Find the fewest squares that change the answer. Then try to change it by hiding only squares of small weight.
#
# If you see no picture below, the notebook has not been run yet, or you are on a site that runs no scripts.

# %%
display(HTML(cct.live_model(photo_model, cat)))

# %% [markdown]
# ## Which pooling is best?
#
# *Why:* you know three poolings, and a model has room for one.
#
# Back to the digits. Equal training for all, with three seeds each, from the record `results/05_three_poolings.json`.
# `recorded_run` makes one run of the record: it trains a model, scores it, and for sequence pooling measures what you
# have seen above. Here it is only to be read.


# %%
def recorded_run(kind, seed):
    """Scores on the test images, losses, and for sequence pooling what its weights are like."""
    model, history = train(kind, seed)
    test = cct.evaluate(model, data.x_test, data.y_test)
    run = {"test_top1": test["top1"], "test_loss": test["loss"], "loss": history["loss"]}
    if kind == "sequence":
        weights = softmax(tokens_and_scores(model, data.x_test)[1], axis=1)
        tokens_on_ink, weight_on_ink = share_on_ink(data.x_test, weights)
        run |= {
            "tokens_on_ink": tokens_on_ink,
            "weight_on_ink": weight_on_ink,
            "removal": removal(model),
        }
    return run


# %% [markdown]
# **Predict:** the order of class token, average and sequence pooling.

# %%
scored = {}  # pooling -> test top-1 in percent, one a seed
for kind in ("class token", "average", "sequence"):
    scored[kind] = [100 * run["test_top1"] for run in by_kind[kind]]
    seeds = " ".join(f"{value:.1f}" for value in scored[kind])
    print(f"{kind:12} mean {np.mean(scored[kind]):.1f} %, seeds {seeds}")

alt = """Test accuracy of three seeds for each pooling. The class token is ahead; average and sequence
overlap. Two of the three dots of sequence pooling lie on each other."""
title = "Three poolings, three seeds each, on the digits"
cct.show(figures.draw_scores(scored, "test top-1 (%)", title), alt=alt)

assert abs(np.mean(scored["sequence"]) - np.mean(scored["average"])) < 0.5
assert min(scored["class token"]) - max(scored["sequence"] + scored["average"]) > 3
assert len(set(scored["sequence"])) == 2  # two seeds share a dot

# %% [markdown]
# <details><summary>Answer</summary>
#
# On these digits the class token comes first: its worst seed is more than three points above the best of the others.
# Sequence pooling and the average lie within half a point of each other. (Two seeds of sequence pooling have the same
# score, so their dots lie on each other.)
#
# </details>
#
# That is the opposite of what the authors of CCT report. With patches for tokens and six blocks, they call the model
# ViT-Lite-6 if a class token sums up, and CVT-6 if sequence pooling does (notebook 06 builds both). They publish
# 92.58 % for CVT-6 and 90.94 % for ViT-Lite-6, both after 200 epochs on
# [CIFAR-10](https://github.com/SHI-Labs/Compact-Transformers/tree/main/examples). Two models that come with this course
# are a pair of the same kind, with two blocks, one training each:

# %%
for name, top1 in (("cvt_2_4_32_cifar10", 0.8164), ("vit_lite_2_4_32_cifar10", 0.7631)):
    card = cct.load_pretrained(name).card
    print(f"{name:23} test top-1 {card['test_top1']:.2%}")
    assert card["test_top1"] == top1
    assert (card["epochs"], card["train_images"]) == (200, 47_500)
assert (recipe.epochs, len(data.x_train)) == (8, 1293)

# %% [markdown]
# There it is 81.64 % with sequence pooling, and 76.31 % with a class token. So the record of the digits does not say
# that sequence pooling is worse. It says that eight epochs on 1,293 small digits are another task than 200 epochs on
# 47,500 photos, and that an order of poolings belongs to its task.
#
# Why the digits differ, the record does not test. One possible reason: the mean of 64 different tokens is a shorter
# vector than one token, so the head learns more slowly from it. [Notebook 07](07_training.ipynb) trains the pair of
# ViT-Lite and CVT on these digits, with patches for tokens, and [notebook 09](09_what_matters.ipynb) compares the three
# poolings on photos.
#
# ## For a second reading
#
# ### What each costs
#
# *Why:* where two poolings do equally well, you would take the cheaper one.
#
# A class token itself has one number less to learn than sequence pooling. But it is one token more in every block,
# and attention compares all pairs.
#
# **Predict:** two models with 64 tokens are equal but for this. ViT-Lite-6 has a class token, CVT-6 has sequence
# pooling. Which one has more parameters?

# %%
with_token = cct.build_vit_lite("vit_6_4_32").count_params()  # dim 256, 64 patches
without = cct.build_cvt("cvt_6_4_32").count_params()
print(f"ViT-Lite-6 {with_token:,}, CVT-6 {without:,}: {with_token - without} more")
assert with_token - without == 256 + 256 - (256 + 1) == 255  # token, its position, no pooling
assert round(100 * (65**2 / 64**2 - 1), 1) == 3.1  # percent more pairs of tokens in attention

# %% [markdown]
# <details><summary>Answer</summary>
#
# The model with the class token has more, by 255: its dim is 256, and the token and its row in the position table cost
# 256 each, pooling 257.
#
# </details>
#
# The same for dim 128, part by part:

# %%
shape = (None, 64, 128)  # (batch, tokens, dim)
parts = {
    "class token": cct.ClassToken(),
    "average": keras.layers.GlobalAveragePooling1D(),
    "sequence pooling": cct.SequencePooling(),
}
for name, part in parts.items():
    part.build(shape)
    shape_out = part.compute_output_shape(shape)
    print(f"{name:16} {part.count_params():3} parameters, {shape} -> {shape_out}")
assert [part.count_params() for part in parts.values()] == [128, 0, 128 + 1] == [128, 0, 129]

# %% [markdown]
# | pooling | tokens in the blocks | one vector | parameters |
# |---|---|---|---|
# | class token | (batch, 65, 128) | row 0, (batch, 128) | 128, and 128 for its position |
# | average | (batch, 64, 128) | the mean, (batch, 128) | 0 |
# | sequence pooling | (batch, 64, 128) | the weighted mean, (batch, 128) | 129 |
#
# All of these are small numbers, and 3.1 % more pairs is little too. Cost does not decide between them.
#
# ### The bias that does nothing
#
# *Why:* one number of the layer is left, the bias $b$. Attention had no place for it, and the results were equal. What
# is it for?
#
# **Predict:** what happens to the weights when the bias grows by 100?

# %%
layer.score.set_weights([kernel[:, None], bias[None] + 100])
shifted = ops.convert_to_numpy(layer.weights_over_tokens(x))
assert np.allclose(shifted, weights_of_x, atol=1e-4)

layer.score.set_weights([kernel[:, None], bias[None]])
variables = [layer.score.kernel.value, layer.score.bias.value]
with tf.GradientTape() as tape:  # records what is computed, so that it can be differentiated
    loss = tf.reduce_sum(layer(x) ** 2)  # any loss
kernel_gradient, bias_gradient = tape.gradient(loss, variables)
print("gradients: kernel", kernel_gradient.numpy().ravel().round(3), "bias", bias_gradient.numpy())
assert np.abs(kernel_gradient).max() > 1e-2 and np.abs(bias_gradient).max() < 1e-5

# %% [markdown]
# <details><summary>Answer</summary>
#
# Nothing happens to the weights, up to rounding. A softmax sees only differences of scores, and the bias adds the same
# to all.
#
# </details>
#
# So its gradient is zero too, again up to rounding: the bias is *dead*. The package has it because the authors'
# checkpoints have it, and a model without it could not take their weights one to one.
#
# **Predict:** the bias starts at 0, and AdamW trains it. Where does it stand in the CCT of the photos above, after 205
# epochs?

# %%
same_model = cct.load_pretrained("cct_2_3x2_32_cifar10")
dead = same_model.get_layer("pooling").score.bias
stands_at = float(ops.convert_to_numpy(dead)[0])
dead.assign([0.0])
change = np.abs(cct.predict(same_model, pair) - cct.predict(photo_model, pair)).max()

epochs = same_model.card["epochs"]
print(f"bias after {epochs} epochs: {stands_at:.2f}")
print(f"set to 0, the logits change by {change:.0e}")
assert round(stands_at) == 28 and change < 1e-4 and epochs == 205

# %% [markdown]
# It stands at 28, and that changes nothing. What carried it there? A gradient that should be 0 is computed in rounded
# numbers, so it is a little noise; that model was trained in numbers of 16 bits, where rounding is coarse.
#
# **Predict:** you train one layer with plain gradient descent and one with Adam, with the same steps. Which of the two
# moves the bias?

# %% tags=["trap"]
many = rng.normal(size=(1600, 16, 8)).astype("float32")  # (images, tokens, dim)
targets = rng.normal(size=(1600, 8)).astype("float32")  # (images, dim), something to learn
optimizers = {"SGD": keras.optimizers.SGD(1e-3), "Adam": keras.optimizers.Adam(1e-3)}
moved = {}
for name, optimizer in optimizers.items():
    trial = keras.Sequential([cct.SequencePooling()])
    trial.compile(optimizer, "mse")
    trial.fit(many, targets, batch_size=8, verbose=0)  # 200 steps
    moved[name] = float(np.abs(ops.convert_to_numpy(trial.layers[0].score.bias)[0]))
print("the bias moved by", {name: f"{distance:.0e}" for name, distance in moved.items()})
assert moved["Adam"] > 1000 * moved["SGD"]

# %% [markdown]
# <details><summary>Answer</summary>
#
# Adam moves the bias, over a thousand times as far as gradient descent. Adam and AdamW divide each gradient by its own
# usual size, so that the noise of a dead parameter becomes steps as long as those of any other. Gradient descent takes
# the noise as small as it is.
#
# </details>
#
# > **Trap: a parameter that only wanders.** It stands far from 0 and changes nothing.
#
# **To catch it:** list the weights whose gradient is below a millionth of the largest, and know the reason for each. Do
# not read meaning into a weight because training has moved it.

# %% [markdown]
# ### The pooling that is none
#
# *Why:* sequence pooling in one line of Keras, `Dense(1, activation="softmax")`, is in code that people use. You may
# meet it. It is the last branch of `pool` above.
#
# **Predict:** which numbers does this layer give for 64 tokens?

# %% tags=["trap"]
one_line = keras.layers.Dense(1, activation="softmax")
with warnings.catch_warnings(record=True) as caught:
    wrong = ops.convert_to_numpy(one_line(tokens))  # (batch, tokens, dim) -> (batch, tokens, 1)
print("warning:", str(caught[0].message).split(" The")[0] if caught else "none")
print("weights:", np.unique(wrong.round(6)))
print("sum over the tokens of an image:", wrong[0].sum().round(4))
assert np.allclose(wrong, 1)  # but for rounding: a number divided by itself is not 1 everywhere
assert np.allclose((wrong * tokens).sum(axis=1), tokens.sum(axis=1), atol=1e-3)

# %% [markdown]
# <details><summary>Answer</summary>
#
# This layer gives 1 for every token: the weights of an image sum to 64.
#
# </details>
#
# > **Trap: a softmax over an axis of size one.** Keras applies an activation to the last axis. Here that axis has one
# > entry, so the softmax of each score is 1. The weighted mean has become the sum of all tokens, and the kernel has
# > no gradient. An example is the repository johnypark/CCT-keras.
#
# **To catch it:** check the property that defines the layer. Weights over the tokens sum to 1 and are not all equal.
#
# Keras 3 prints a warning, one line among others and only for its own softmax. Whoever writes the softmax by hand, as
# exponentials divided by their sum, gets no warning.
#
# **Predict:** does a model with this layer train?

# %%
for kind in ("sequence", "softmax of one"):
    losses = np.array([run["loss"] for run in by_kind[kind]])  # (seeds, epochs)
    start, end = losses[:, 0], losses[:, -1]
    scored[kind] = [100 * run["test_top1"] for run in by_kind[kind]]
    top1 = np.mean(scored[kind])
    print(f"{kind:14} loss {start.mean():.2f} to {end.mean():.2f}, test top-1 {top1:.1f} %")
    assert np.all(end < 0.2 * start)
assert min(scored["softmax of one"]) > max(scored["sequence"])

# %% [markdown]
# <details><summary>Answer</summary>
#
# A model with this layer trains, and here it even scores better than sequence pooling, with every seed.
#
# </details>
#
# A sum is 64 times the mean, so the same step of the head moves the logits 64 times as far; whether that head start is
# the reason, this record does not test. Neither the loss nor the accuracy tells you that the layer does not do what its
# name says. No image has weights of its own, and a larger image would give a larger sum.
#
# The check from above, as a function for any pooling:


# %%
def check_weights(weights):
    """Raise ValueError unless the weights (batch, tokens) of each image sum to 1."""
    sums = np.asarray(weights).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        found = f"{sums.min():.2f} to {sums.max():.2f}"
        raise ValueError(f"Weights must sum to 1 over the tokens, got {found}.")


check_weights(weights)
try:
    check_weights(wrong[..., 0])  # (batch, tokens, 1) -> (batch, tokens)
except ValueError as error:
    print(error)
else:
    raise AssertionError("the check did not notice")

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/05_sequence_pooling.ipynb).

# %% [markdown]
# ### Exercise: How many tokens does the model really read?
#
# *Warm-up, 8 minutes.* Entropies are hard to read; numbers of tokens are not. Return, for weights `(batch, tokens)`
# with the sum 1 in each row, how many tokens with equal weights would have the same entropy, `(batch,)`. For an
# entropy in bits that is `2 ** entropy`. A weight of exactly 0 adds nothing to the entropy. Write the entropy yourself,
# without `cct.entropy_bits`.
#
# `effective_tokens(np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])).round(3)` gives `[2.0, 2.828]`.


# %% tags=["exercise"]
def effective_tokens(weights):
    return np.zeros(len(weights))  # your lines here


cct.check("effective_tokens", effective_tokens)

# %% [markdown]
# ### Exercise: Leave tokens out of the mean
#
# *10 minutes.* The removal test left tokens out before the softmax. `cct.pooling_weights` gives the weights from after
# it, and no scores. Get the same result from these: pool tokens `(batch, tokens, dim)` into `(batch, dim)`, but only
# those where `real` `(batch, tokens)` is True. `weights` `(batch, tokens)` sum to 1 over all tokens of an image.
#
# `pool_some(np.array([[[2.0], [5.0], [9.0]]]), np.array([[0.2, 0.1, 0.7]]), np.array([[True, True, False]]))` gives
# `[[3.0]]`.


# %% tags=["exercise"]
def pool_some(tokens, weights, real):
    return np.zeros((len(tokens), tokens.shape[2]))  # your lines here


cct.check("pool_some", pool_some)

# %% [markdown]
# ### Exercise: More than one question to the tokens
#
# *10 minutes.* Sequence pooling asks one question of all tokens. Let it ask several: `kernel` `(dim, queries)` and
# `bias` `(queries,)` give every token a score for each query, and each query makes a weighted mean of its own. From
# tokens `(batch, tokens, dim)` to `(batch, queries, dim)`.
#
# `pool_queries(np.array([[[1.0], [3.0]]]), np.zeros((1, 2)), np.zeros(2))` gives `[[[2.0], [2.0]]]`.


# %% tags=["exercise"]
def pool_queries(tokens, kernel, bias):
    return np.zeros((len(tokens), kernel.shape[1], tokens.shape[2]))  # your lines here


cct.check("pool_queries", pool_queries)

# %% [markdown]
# ### Exercise: Pooling with several queries as a Keras layer
#
# *10 minutes.* Make a Keras layer of the last exercise. `__init__` and `build` are written: `self.score` is a `Dense`
# layer that gives the scores, `(batch, tokens, queries)`. Write `call`, in `keras.ops`, so that it runs on every
# backend. The check makes a layer, sets its weights and calls it.
#
# With two queries, tokens of the shape (8, 64, 128) become (8, 2, 128).


# %% tags=["exercise"]
class QueryPooling(keras.layers.Layer):
    def __init__(self, queries, **kwargs):
        super().__init__(**kwargs)
        self.score = keras.layers.Dense(queries, name="score")

    def build(self, shape):
        self.score.build(shape)

    def call(self, tokens):
        return ops.zeros((tokens.shape[0], self.score.units, tokens.shape[2]))  # your lines here


cct.check("query_pooling", QueryPooling)

# %% [markdown]
# ### Exercise: Is this pooling a mean?
#
# *15 minutes.* Write the test that catches a sum which calls itself a mean (*The pooling that is none*, in the second
# reading, shows one that is in use). `pool` is a function from tokens `(batch, tokens, dim)` to `(batch, dim)`; its
# weights depend on the tokens, but stay as they are when the same number is added to all of them. Return True if every
# image gets a weighted mean of its own tokens, with weights that sum to 1 and that it would also get alone, and False
# otherwise. You choose the tokens, not the weights: those stay inside.
#
# `is_weighted_mean(lambda tokens: tokens.sum(axis=1))` gives `False`.


# %% tags=["exercise"]
def is_weighted_mean(pool):
    return False  # your lines here


cct.check("is_weighted_mean", is_weighted_mean)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(5)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Write max pooling over the tokens as another branch of `pool`, or the average times 64, train it and compare. The
#    second tells whether the size of the vector is what makes the sum score so well.
# 2. Measure the test accuracy at the temperatures 0.1, 1 and 10 with `softmax(scores / temperature, axis=1)`
#    and the model's head.
# 3. In `accuracy_without`, replace the tokens by the mean token of the image instead of leaving them out. Does the
#    conclusion change?
#
# ## Recap
#
# - Pooling turns `(batch, tokens, dim)` into `(batch, dim)`. Sequence pooling is a weighted mean with learned scores;
#   the average is its case of equal scores.
# - It is attention with one learned query. The tokens are keys and values.
# - The weights come from a softmax over the tokens and sum to 1.
# - Large weights show where the vector reads from, and leaving them out hurts more than leaving out random ones. They
#   do not show why, and how much hangs on them differs from seed to seed.
# - A token is more than its pixels: with the heaviest squares of one photo hidden, the model said the same of it.
# - Which pooling is best depends on the task: the class token on these few digits, sequence pooling on CIFAR-10, for
#   the authors and in the pair of models shipped here.
# - Sequence pooling costs dim + 1 parameters. A class token costs dim and dim for its position, and is one token more
#   in every block.
# - The bias cancels in the softmax; Adam moves it all the same.
# - A softmax over an axis of size one is a sum in disguise, and it trains well. A check of the weights finds it.
#
# **Difference from the paper and the 2021 example:** none in the arithmetic. The paper writes it as
# $\text{softmax}(g(x))^T x$ with a linear $g$; the authors' code, the keras.io example (`Dense(1)`, then a softmax over
# axis 1) and this package compute the same. The package starts the kernel as the authors do, normal with deviation
# 0.02; the keras.io example uses the default of `Dense`.
#
# Links: [the CCT paper](https://arxiv.org/abs/2104.05704), [ViT](https://arxiv.org/abs/2010.11929),
# [Set Transformer](https://arxiv.org/abs/1810.00825), [CaiT](https://arxiv.org/abs/2103.17239),
# [keras.io example](https://keras.io/examples/vision/cct/),
# [authors' code](https://github.com/SHI-Labs/Compact-Transformers).
#
# Next: [06 Compact transformer](06_compact_transformer.ipynb). How do the parts make CCT?

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
# You will turn many tokens into one vector in three ways, see where the learned one reads from, and test what that
# means.
#
# 15 minutes to read, 1 minute to run. Builds on [notebook 03](03_self_attention.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/05_sequence_pooling.ipynb)

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
import functools
import inspect
import json
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import softmax

from cct_helpers import figures
from cct_helpers.plots import nb05_sequence_pooling as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Many tokens, one vector
#
# The encoder gives one vector per token: `(batch, tokens, dim)`. A classifier wants one per image: `(batch, dim)`.
# Something has to take the token axis away.
#
# Three answers, in plain arrays. ViT (https://arxiv.org/abs/2010.11929) puts a learned *class token* before the
# others and reads only that one after the last block. *Average pooling* takes the mean. *Sequence pooling* (section
# 3.2 of the CCT paper, https://arxiv.org/abs/2104.05704) takes a weighted mean and learns how to weigh.
#
# **Predict:** which of the three have something to learn, and how many numbers is it for dim 4?

# %%
tokens = rng.normal(size=(2, 5, 4)).astype("float32")  # (batch, tokens, dim), as the last block gives them

from_class_token = tokens[:, 0]  # (batch, tokens, dim) -> (batch, dim), if token 0 is the class token
average = tokens.mean(axis=1)  # (batch, tokens, dim) -> (batch, dim)

kernel, bias = rng.normal(size=4).astype("float32"), np.float32(0.3)
scores = tokens @ kernel + bias  # (batch, tokens, dim) -> (batch, tokens), one number a token
exponentials = np.exp(scores)
weights = exponentials / exponentials.sum(axis=1, keepdims=True)  # softmax over the tokens
pooled = (weights[:, None] @ tokens)[:, 0]  # (batch, 1, tokens) @ (batch, tokens, dim) -> (batch, dim)

assert from_class_token.shape == average.shape == pooled.shape == (2, 4)
print("weights of image 0:", weights[0].round(3), "sum:", weights[0].sum().round(6))
assert np.allclose(weights.sum(axis=1), 1) and np.all(weights > 0)

# %% [markdown]
# The class token is itself learned: 4 numbers. The average learns nothing. Sequence pooling learns a kernel of 4
# numbers and a bias.
#
# The weights of an image are positive and sum to 1, so the result is a mean: it lies among the tokens, whatever their
# number. The kernel is shared by all images, but the scores depend on the tokens, so each image gets weights of its
# own.
#
# ## Average pooling is a special case
#
# **Predict:** which kernel turns sequence pooling into average pooling?

# %%
equal = np.exp(tokens @ np.zeros(4, "float32") + bias)  # (batch, tokens), the same score for all
equal = equal / equal.sum(axis=1, keepdims=True)
assert np.allclose(equal, 1 / 5)
assert np.allclose((equal[:, None] @ tokens)[:, 0], average, atol=1e-6)

many = rng.normal(size=(8, 64, 128)).astype("float32")  # (batch, tokens, dim), the sizes of CCT-2/3x2
layer = cct.SequencePooling()
layer.build(many.shape)
start = ops.convert_to_numpy(layer.weights_over_tokens(many))
print(f"a new layer, 64 tokens: weights from {start.min():.4f} to {start.max():.4f}, equal would be {1 / 64:.4f}")
assert start.max() < 3 / 64

# %% [markdown]
# A kernel of zeros: all scores are equal, all weights are 1/tokens. The package starts its kernel with small numbers,
# as the authors do, so a new layer is not far from the average. Training can move away from there where that helps.
#
# ## The layer of the package

# %%
print(inspect.getsource(cct.SequencePooling.weights_over_tokens))
print(inspect.getsource(cct.SequencePooling.call))

layer = cct.SequencePooling()
layer.build(tokens.shape)
layer.score.set_weights([kernel[:, None], bias[None]])  # (dim,) -> (dim, 1), (1,)
assert np.allclose(ops.convert_to_numpy(layer.weights_over_tokens(tokens)), weights, atol=1e-6)
assert np.allclose(ops.convert_to_numpy(layer(tokens)), pooled, atol=1e-6)

# %% [markdown]
# The same numbers as the array version. `[:, None]` and `squeeze` only make room for the matrix product; the cast to
# float32 matters when a model runs in 16 bits.
#
# ## The dead bias
#
# **Predict:** what happens to the weights when the bias grows by 100?

# %%
layer.score.set_weights([kernel[:, None], bias[None] + 100])
shifted = ops.convert_to_numpy(layer.weights_over_tokens(tokens))
print("largest change of a weight:", np.abs(shifted - weights).max())
assert np.allclose(shifted, weights, atol=1e-4)

layer.score.set_weights([kernel[:, None], bias[None]])
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(layer(tokens) ** 2)  # any loss
kernel_gradient, bias_gradient = tape.gradient(loss, [layer.score.kernel.value, layer.score.bias.value])
print("gradient of the kernel:", kernel_gradient.numpy().ravel().round(3))
print("gradient of the bias:  ", bias_gradient.numpy())
assert np.abs(kernel_gradient).max() > 1e-2 and np.abs(bias_gradient).max() < 1e-5

# %% [markdown]
# Nothing, up to rounding. A softmax sees only differences of scores, and the bias adds the same to all. Its gradient
# is zero, again up to rounding. The package has it because the authors' checkpoints have it: a model without it could
# not take their weights one to one.
#
# **Predict:** the bias starts at 0. Where does it stand in the CCT that comes with the course, after 205 epochs?

# %% tags=["trap"]
trained = cct.load_pretrained("cct_2_3x2_32_cifar10")
score = trained.get_layer("pooling").score
learned_bias = float(ops.convert_to_numpy(score.bias)[0])
noise = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3))
before = cct.predict(trained, noise)
score.bias.assign([0.0])
after = cct.predict(trained, noise)
print(f"bias after training {learned_bias:.2f}; set to 0, the logits change by {np.abs(after - before).max():.0e}")
assert learned_bias > 20 and np.abs(after - before).max() < 1e-4

# %% [markdown]
# > **Trap: a parameter that only wanders.** It stands far from 0 and changes nothing. Adam and AdamW divide each
# > gradient by its own size, so the rounding noise of a dead parameter becomes steps as large as anybody's. Plain
# > gradient descent would have left it where it was.
#
# **To catch it:** list the weights whose gradient is below a millionth of the largest, and know the reason for each. Do
# not read meaning into a weight because training has moved it.
#
# ## What a class token costs
#
# A class token needs one number less to learn. But it is one token more in every block, and attention compares all
# pairs.
#
# **Predict:** ViT-Lite-6 has a class token, CVT-6 has sequence pooling, all else is equal. Which one has more
# parameters?

# %%
dim, count = 128, 64
pooling, class_token = cct.SequencePooling(), cct.ClassToken()
pooling.build((None, count, dim))
class_token.build((None, count, dim))
assert pooling.count_params() == dim + 1 and class_token.count_params() == dim
print(f"pairs of tokens in attention: {(count + 1) ** 2} with a class token, {count**2} without")
print(f"that is {100 * ((count + 1) ** 2 / count**2 - 1):.1f} % more")

with_token, without = cct.build_vit_lite("vit_6_4_32"), cct.build_cvt("cvt_6_4_32")
difference = with_token.count_params() - without.count_params()
print(f"ViT-Lite-6 {with_token.count_params():,}, CVT-6 {without.count_params():,}: {difference} more")
assert difference == 256 + 256 - (256 + 1)  # its token, a position for it, and no pooling

# %% [markdown]
# ViT-Lite has 255 more: the token (256) and a row in the position table (256), against 257 for pooling. These numbers
# are small. The real difference is where the information has to go: all of an image must be carried into one token by
# attention, block by block. With pooling, each token can keep its part until the end.
#
# ## Train one
#
# Digits of 16 x 16 pixels, one convolution, so 8 x 8 = 64 tokens. The model is put together from the package's layers
# with the pooling as the only part that changes. Ignore the last two lines of `pool` for now.


# %%
def pool(tokens, kind):
    """Take the token axis away: (batch, tokens, dim) -> (batch, dim)."""
    if kind == "sequence":
        return cct.SequencePooling(name="pooling")(tokens)
    if kind == "average":
        return ops.mean(tokens, axis=1)
    if kind == "class token":
        return tokens[:, 0]
    weights = keras.layers.Dense(1, activation="softmax", name="pooling")(tokens)  # (batch, tokens, 1)
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
print(f"test top-1 {100 * test['top1']:.1f} %")
assert test["top1"] > 0.85

# %% [markdown]
# ## Where does it read from?
#
# The weights are there for each image, without any extra method: pooling computes them anyway. You need the tokens
# that enter it.
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
assert np.allclose(weights, ops.convert_to_numpy(model.get_layer("pooling").weights_over_tokens(tokens)), atol=1e-5)
assert np.allclose(weights.sum(axis=1), 1)

chosen = [int(np.flatnonzero(data.y_test == digit)[0]) for digit in range(8)]
cct.show(
    pictures.draw_overlays(data.x_test[chosen], weights[chosen], (8, 8), [str(data.y_test[i]) for i in chosen]),
    alt="The digits 0 to 7, and below each its pooling weights in orange on a grid of 8 by 8 tokens, all on one scale. "
    "In most images some cells are far darker than others; under the 0 the weight is spread widely.",
)

# %% [markdown]
# How widely an image spreads its weights is one number, their *entropy*, as in notebook 03: $H = \sum_t w_t \log_2
# (1 / w_t)$, in bits. 64 equal weights have 6 bits, a single token has 0, and $2^H$ equal tokens would have the same.

# %%
bits, equal = cct.entropy_bits(weights), np.log2(64)  # (images,)
largest, smallest = 64 * weights.max(axis=1), 64 * weights.min(axis=1)
print(
    f"largest weight of an image: {np.median(largest):.1f} times uniform, smallest: {np.median(smallest):.2f} (medians)"
)
print(f"entropy: {bits.mean():.2f} bits, {equal:.2f} if all tokens counted the same")
assert np.all(bits <= equal + 1e-6) and np.median(largest) > 1.5 > 0.9 > np.median(smallest)
print(f"as many equal tokens would have that entropy: {2 ** bits.mean():.0f} of 64")
cct.show(
    pictures.draw_entropies(bits, 64),
    alt="Histogram of the entropy of the pooling weights. All images lie below that of equal weights, 6 bits.",
)

# %% [markdown]
# How unequal the weights are differs from image to image. In some, nearly all tokens count the same. In most, some
# tokens have far more weight than others. On ink or beside it? Measure it: each token stands on 2 x 2 pixels, and
# some of these have ink.


# %% tags=["trap"]
def share_on_ink(images, weights):
    """The share of tokens that lie on ink, and the share of the pooling weight that those tokens get."""
    cells = images.reshape(-1, 8, 2, 8, 2).max(axis=(2, 4))  # (n, 16, 16, 1) -> (n, 8, 8), 2 x 2 pixels a token
    ink = cells.reshape(-1, 64) > 0  # (n, rows, columns) -> (n, tokens)
    return float(ink.mean()), float((weights * ink).sum(axis=1).mean())


left = np.zeros((1, 16, 16, 1))
left[:, :, :8] = 1  # ink on the left half: half of the tokens, and columns 0 to 3 of the grid
assert share_on_ink(left, (np.arange(64) % 8 < 4)[None] / 32) == (0.5, 1.0)

tokens_on_ink, weight_on_ink = share_on_ink(data.x_test, weights)
print(f"{100 * tokens_on_ink:.0f} % of the tokens lie on ink; they get {100 * weight_on_ink:.0f} % of the weight")

record = json.loads(Path(root, "notebooks", "results", "05_three_poolings.json").read_text())
by_kind = {run["kind"]: [r for r in record["runs"] if r["kind"] == run["kind"]] for run in record["runs"]}
shares = [(run["tokens_on_ink"], run["weight_on_ink"]) for run in by_kind["sequence"]]
print("recorded, three seeds:", ", ".join(f"{100 * weight:.0f} % of the weight" for _, weight in shares))
assert len(shares) == 3 and all(0.5 < count < 0.52 and 0.65 < weight < 0.8 for count, weight in shares)
live, recorded = 100 * test["top1"], 100 * by_kind["sequence"][0]["test_top1"]  # the same call, here and on record
assert abs(live - recorded) < 4 and abs(weight_on_ink - shares[0][1]) < 0.1  # equal but for this machine's rounding

# %% [markdown]
# Half of the tokens lie on ink, and in all three recorded models they get two thirds of the weight or more. So these
# models read above all from where something is drawn.
#
# A quarter of the weight still lies on empty background, and that is no mistake. A token before pooling is not its
# pixels any more: two blocks of attention have written into it what they read elsewhere. An empty place can hold a
# summary.
#
# > **Trap: "the weights show why".** They show where the pooled vector reads from. They do not show which pixels the
# > decision rests on, and a picture of weights over an image invites that reading.
#
# **To catch it:** leave out what the picture points at, as the next section does, and do it with more than one seed.
#
# ## Does it need what it reads?
#
# An honest test of "where it reads from": leave out the tokens with the largest weight and measure the accuracy. A
# drop alone says little, as leaving out any tokens may hurt. So there are two controls: as many tokens drawn at
# random, and as many with the smallest weight. Left out means a score of minus infinity: the softmax divides the
# weight among the others.
#
# **Predict:** 64 tokens; how many can be left out at random before the accuracy falls by 5 points? How many of the
# largest?


# %%
def accuracy_without(model, tokens, scores, labels, order, k):
    """Top-1 when the first k tokens in `order` (n, tokens) are left out and the others share the weight."""
    scores = scores.copy()
    np.put_along_axis(scores, order[:, :k], -np.inf, axis=1)  # a score of -inf is a weight of 0
    pooled = (softmax(scores, axis=1)[:, None] @ tokens)[:, 0]  # -> (batch, dim)
    logits = ops.convert_to_numpy(model.get_layer("head")(pooled.astype("float32")))
    return float(np.mean(logits.argmax(axis=1) == labels))


def removal(model, ks=(0, 4, 8, 16, 24, 32, 40, 48, 56)):
    """Top-1 with k tokens left out: those of largest weight, random ones (5 draws), those of smallest weight."""
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
# Three seeds of each pooling are on record: this function, called for each.


# %%
def recorded_run(kind, seed):
    """One run of the record: scores on the test images, losses, and for sequence pooling what its weights are like."""
    model, history = train(kind, seed)
    test = cct.evaluate(model, data.x_test, data.y_test)
    run = {"test_top1": test["top1"], "test_loss": test["loss"], "loss": history["loss"]}
    if kind == "sequence":
        weights = softmax(tokens_and_scores(model, data.x_test)[1], axis=1)
        tokens_on_ink, weight_on_ink = share_on_ink(data.x_test, weights)
        run |= {"tokens_on_ink": tokens_on_ink, "weight_on_ink": weight_on_ink, "removal": removal(model)}
    return run


# %%
measured = removal(model)
for name, top1 in measured.items():
    print(f"{name:9}", " ".join(f"{value:5.0f}" if name == "removed" else f"{100 * value:5.1f}" for value in top1))
at = measured["removed"].index(32)
assert measured["random"][at] - measured["largest"][at] > 0.1  # the largest weights matter more than random ones
cct.show(
    figures.draw_curves(
        measured["removed"],
        {
            f"{name} weight" if name != "random" else "random": measured[name]
            for name in ("largest", "random", "smallest")
        },
        "tokens left out, of 64",
        "test top-1 (share)",
    ),
    alt="Test accuracy against tokens left out. Leaving out the largest weights drops it steeply; random tokens or the "
    "smallest weights hardly change it until most are gone.",
)

# %%
removals = [run["removal"] for run in by_kind["sequence"]]
lost = {}
for k in (16, 32):
    at = removals[0]["removed"].index(k)
    for name in ("largest", "random", "smallest"):
        lost[name, k] = [100 * (run[name][0] - run[name][at]) for run in removals]  # points, one entry a seed
        print(f"{k} left out, {name:8}: points lost", " ".join(f"{points:5.1f}" for points in lost[name, k]))
assert min(lost["largest", 16]) > 5 and min(lost["largest", 32]) > 8 and max(lost["largest", 32]) > 60
assert max(lost["random", 32]) < 5 and max(lost["smallest", 32]) < 2

# %% [markdown]
# Recorded with three seeds: half of all tokens can go at random for less than 5 points, half of them by smallest
# weight for less than 2. The 16 largest cost more than 5 points each time, the 32 largest between 8 and 62: the seeds
# differ a lot in how much hangs on the tokens of large weight.
#
# So each model does need what it reads: here the weights pass the test. What it shows is limited. Without its large
# weights the head gets a kind of vector that it was never trained on, so a part of the drop may be surprise, not lost
# information. And it says nothing about pixels.
#
# ## Try it
#
# The scores can be divided by a *temperature* before the softmax. Training used 1. Choose a test image, and go from
# 0.1 (nearly one token alone) to 10 (nearly the average).


# %%
def pooling_view(index, temperature):
    weights = softmax(scores[index] / temperature)  # (tokens,)
    title = f"temperature {temperature:.1f}, entropy {cct.entropy_bits(weights):.2f} of 6 bits"
    name = f"test image {index}, digit {data.y_test[index]}"
    return pictures.draw_pooling(data.x_test[index], weights, (8, 8), name, title)


controls = dict(index=(0, 99), temperature=(0.1, 10.0, 0.1))
settings = [dict(index=5, temperature=1.0), dict(index=5, temperature=0.1), dict(index=5, temperature=10.0)]
box = cct.explore(
    pooling_view,
    settings,
    alt="A digit, its pooling weights over it, and the 64 weights in order, at temperatures 1, 0.1 and 10. At 0.1 few "
    "tokens have nearly all the weight, at 10 all bars are close to the uniform line.",
    **controls,
)

# %% [markdown]
# ## Which pooling is best?
#
# Equal training for all: `train(kind, seed)` with three seeds each. The runs are in the record
# `results/05_three_poolings.json`.
#
# **Predict:** the order of class token, average and sequence pooling.

# %%
top1 = {kind: [100 * run["test_top1"] for run in by_kind[kind]] for kind in ("class token", "average", "sequence")}
cct.show(
    figures.draw_scores(top1, "test top-1 (%)"),
    alt="Test accuracy of three seeds for each pooling. The class token is ahead; average and sequence overlap.",
)
for kind, values in top1.items():
    print(f"{kind:12} mean {np.mean(values):.1f} %, seeds", " ".join(f"{value:.1f}" for value in values))
others = top1["sequence"] + top1["average"]
assert abs(np.mean(top1["sequence"]) - np.mean(top1["average"])) < 0.5
assert min(top1["class token"]) - max(others) > 3

# %% [markdown]
#
# ## The pooling that is none
#
# Sequence pooling in one line of Keras: `Dense(1, activation="softmax")`. It is in code that people use, and it is
# the last branch of `pool` above.
#
# **Predict:** which numbers does this layer give for 64 tokens?

# %% tags=["trap"]
layer = keras.layers.Dense(1, activation="softmax")
with warnings.catch_warnings(record=True) as caught:
    wrong = ops.convert_to_numpy(layer(tokens))  # (batch, tokens, dim) -> (batch, tokens, 1)
print("warning:", str(caught[0].message).split(" The")[0] if caught else "none")
print("weights:", np.unique(wrong.round(6)), "sum over the tokens of an image:", wrong[0].sum().round(4))
assert np.allclose(wrong, 1)  # but for rounding: not every processor divides a number by itself to exactly 1
assert np.allclose((wrong * tokens).sum(axis=1), tokens.sum(axis=1), atol=1e-3)

# %% [markdown]
# > **Trap: a softmax over an axis of size one.** Keras applies an activation to the last axis. Here that axis has one
# > entry, so the softmax of each score is 1. The weighted mean has become the sum of all tokens, and the kernel has
# > no gradient. An example is the repository johnypark/CCT-keras.
#
# **To catch it:** check the property that defines the layer. Weights over the tokens sum to 1 and are not all equal.
#
# Keras 3 prints a warning, one line among others and only for its own softmax. Exponentials divided by their sum by
# hand pass in silence.
#
# **Predict:** does a model with this layer train?

# %%
epochs = np.arange(1, recipe.epochs + 1)
curves = {}
for kind, name in (("sequence", "sequence pooling"), ("softmax of one", "softmax over an axis of size one")):
    losses = np.array([run["loss"] for run in by_kind[kind]])  # (seeds, epochs)
    curves[name] = losses.mean(axis=0), losses.std(axis=0)
    top1[kind] = [100 * run["test_top1"] for run in by_kind[kind]]
    print(f"{name}: loss {losses[:, 0].mean():.2f} to {losses[:, -1].mean():.2f}, test {np.mean(top1[kind]):.1f} %")
    assert np.all(losses[:, -1] < 0.2 * losses[:, 0])
assert min(top1["softmax of one"]) > max(top1["sequence"])
cct.show(
    figures.draw_curves(epochs, curves, "epoch", "training loss (nats)"),
    alt="Training loss over eight epochs, mean of three seeds. Both fall, that of the softmax over one entry lower.",
)

# %% [markdown]
# It trains, and here it even scores better. A sum is 64 times the mean, so the same step of the head moves the logits
# 64 times as far; whether that head start is the reason, this record does not test. Neither the loss nor the accuracy
# tells you that the layer does not do what its name says. No image has weights of its own, and a larger image would
# give a larger sum.
#
# The check from above, as a function for any pooling:


# %%
def check_weights(weights):
    """Raise ValueError unless the weights (batch, tokens) of each image sum to 1."""
    sums = np.asarray(weights).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            f"Pooling weights must sum to 1 over the tokens, got sums from {sums.min():.2f} to {sums.max():.2f}."
        )


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
# entropy in bits that is `2 ** entropy`. A weight of exactly 0 adds nothing to the entropy.
#
# `effective_tokens(np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])).round(3)` gives `[2.0, 2.828]`.


# %% tags=["exercise"]
def effective_tokens(weights):
    return np.zeros(len(weights))  # your lines here


cct.check("effective_tokens", effective_tokens)

# %% [markdown]
# ### Exercise: Leave tokens out of the mean
#
# *10 minutes.* Pool tokens `(batch, tokens, dim)` into `(batch, dim)`, but only those where `real` `(batch, tokens)`
# is True; the others get no weight at all, and the weights of an image still sum to 1. `scores` `(batch, tokens)` are
# given, from before the softmax.
#
# `pool_some(np.array([[[2.0], [4.0], [9.0]]]), np.zeros((1, 3)), np.array([[True, True, False]]))` gives `[[3.0]]`.


# %% tags=["exercise"]
def pool_some(tokens, scores, real):
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
# *15 minutes.* Write the test that catches the pooling that is none. `pool` is a function from tokens `(batch,
# tokens, dim)` to `(batch, dim)`; its weights depend on the tokens, but not when the same number is added to all of
# them. Return True if every image gets a weighted mean of its own tokens, with weights that sum to 1, and False
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
# 1. Write max pooling over the tokens as another branch of `pool`, train it and compare.
# 2. Measure the test accuracy at the temperatures 0.1, 1 and 10 with `softmax(scores / temperature, axis=1)`
#    and the model's head.
# 3. In `accuracy_without`, replace the tokens by the mean token of the image instead of leaving them out. Does the
#    conclusion change?
#
# ## Recap
#
# - Pooling turns `(batch, tokens, dim)` into `(batch, dim)`. Sequence pooling is a weighted mean with learned scores;
#   the average is its case of equal scores.
# - The weights come from a softmax over the tokens and sum to 1. The bias cancels; Adam moves it all the same.
# - It costs dim + 1 parameters. A class token costs dim, and one token more in every block.
# - Large weights show where the vector reads from, and leaving them out hurts more than leaving out random ones. They
#   do not show why, and how much hangs on them differs from seed to seed.
# - A softmax over an axis of size one is a sum in disguise, and it trains well. A check of the weights finds it.
# - **Difference from the paper and the 2021 example:** none in the arithmetic. The paper writes it as softmax(g(x))^T
#   x with a linear g; the authors' code, the keras.io example (`Dense(1)`, then a softmax over axis 1) and this
#   package compute the same. The package starts the kernel as the authors do, normal with deviation 0.02; the
#   keras.io example uses the default of `Dense`.
# - Links: [the CCT paper](https://arxiv.org/abs/2104.05704), [ViT](https://arxiv.org/abs/2010.11929), [keras.io
#   example](https://keras.io/examples/vision/cct/), [authors'
#   code](https://github.com/SHI-Labs/Compact-Transformers).
#
# Next: [06 Compact transformer](06_compact_transformer.ipynb). How do the parts make CCT?

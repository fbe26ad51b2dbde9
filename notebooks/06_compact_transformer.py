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
# # 6. Compact transformer
#
# *How do the parts make CCT?*
#
# You put the parts together, count every parameter and every multiplication, and see what each step from ViT to CCT
# costs and buys. At a second reading you load weights in the authors' format and find every stage equal to their code.
#
# 110 minutes to read, 1 minute to run. Builds on [notebook 01](01_patches_and_convolutions.ipynb),
# [notebook 04](04_stochastic_depth.ipynb) and [notebook 05](05_sequence_pooling.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/06_compact_transformer.ipynb)
#
# **Two questions on notebooks 04 and 05**, before you begin. What does stochastic depth do to a branch when a trained
# model is used? And which numbers of sequence pooling have to change when an image has 100 tokens instead of 64?
#
# <details><summary>Answers</summary>
#
# Stochastic depth does nothing when a model is used: it drops branches in training only, and scales up the ones it
# keeps so that the mean stays right. Sequence pooling needs no other numbers for 100 tokens: one kernel scores every
# token, and the softmax runs over as many scores as there are.
#
# </details>

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
import json
import tempfile
import textwrap

import keras
import numpy as np
from keras import layers, ops
from PIL import Image
from skimage import data

from cct_helpers import figures
from cct_helpers.plots import nb06_compact_transformer as pictures
from cct_helpers.topics.costs import model_costs

keras.utils.set_random_seed(0)

# %% [markdown]
# **Which way through?** The main line goes from *The model in one picture* to *Count one layer*, about 30 minutes; then
# a good place for a break; and from *The whole model in one table* to *Choose your own*, about 30. What stands under
# *For a second reading* can wait: *Every variant, to the digit* and *Equal to the authors' code* until you quote or
# load the authors' models, *Save and load*, *A larger image* and *Three traps of saving and building* until you use
# your own. Of the exercises only the last needs more than the main line, *Save and load*.
#
# ## The model in one picture
#
# A Compact Convolutional Transformer (CCT) is a short chain. Convolutions turn the image into tokens. A few
# transformer blocks let the tokens read from each other. Sequence pooling takes a weighted mean of them. One linear
# layer turns that mean into a class.
#
# The course comes with a CCT trained on CIFAR-10. Here it is at work on a photo that it has never seen.
#
# **Predict:** the model gets this photo at 32 x 32 pixels. Does each token see a part of the image that no other token
# sees?

# %%
trained = cct.load_pretrained("cct_2_3x2_32_cifar10")
photo = data.chelsea()[:, 75:375]  # (300, 300, 3)
image = np.asarray(Image.fromarray(photo).resize((32, 32), Image.Resampling.BOX))
batch = image[None]  # (32, 32, 3) -> (1, 32, 32, 3)

normal = trained.get_layer("normalization")(batch)
tokens = np.asarray(trained.get_layer("tokenizer")(normal))[0]  # (64, 128)
maps = cct.attention_maps(trained, batch)  # (blocks, batch, heads, tokens, tokens)
attention = maps[-1, 0].mean(axis=0)  # last block, mean of the heads: (64, 64)
weights = cct.pooling_weights(trained, batch)[0]  # (64,)
probabilities = np.asarray(ops.softmax(trained(batch)))[0]  # (10,)
assert tokens.shape == (64, 128)

# %% [markdown]
# How much of the image goes into one token? Notebook 01 derived the rule: each layer widens what is seen by its kernel,
# and its stride moves neighbours apart.

# %%
size, start, step = 1, 0, 1  # what a token sees, in pixels: how wide, from where, how far to the next
for kernel, stride, padding in [(3, 1, 1), (3, 2, 1)] * 2:  # convolution, max-pool, and both again
    size, start, step = size + (kernel - 1) * step, start - padding * step, step * stride
print(f"a token sees {size} x {size} pixels; its neighbour sees as many, {step} pixels further on")
assert (size, start, step) == (13, -6, 4)

names = trained.card["class_names"]
row, column = 3, 2  # the token to follow, on the eye at the left; counted from 0
seen = photo, image, tokens, attention[8 * row + column], weights, probabilities
followed = dict(grid=(8, 8), field=(size, start, step), token=(row, column))
title = "Convolutions make tokens, attention mixes them, pooling sums them up, one layer decides"
alt = """From left to right: a cat at 32 x 32 pixels with a frame around the 13 x 13 that one token
sees; 8 x 8 coloured tokens; the photo with the places in orange that this token reads from; the photo
with the places that count in the result, most of all the nose; bars of class probabilities, cat far
ahead."""
cct.show(pictures.draw_overview(*seen, names, **followed, title=title), alt=alt)
assert names[np.argmax(probabilities)] == "cat" and probabilities.max() > 0.9

# %% [markdown]
# <details><summary>Answer</summary>
#
# No, or next to none of it: neighbouring tokens share most of what they see. The frame on the left is what one of them
# sees, 13 x 13 pixels, and the next token looks only 4 pixels further on.
#
# </details>
#
# The colours of the second picture are the three main directions of the tokens' 128 numbers: tokens that look alike
# there have similar numbers.
#
# ## Assemble it
#
# *Why:* if you can write the model in a dozen lines from its parts, nothing in it is hidden. Notebook 01 opened the
# tokenizer, notebooks 03 and 04 the block, notebook 05 the pooling.
#
# The names are the authors': `cct_2_3x2_32` has **2** blocks, **3x3** kernels, **2** convolutions, and takes images of
# **32** pixels. So CCT-7/3x1 has 7 blocks and one 3x3 convolution. `_sine` at the end means fixed positions instead of
# learned ones.
#
# **Predict:** the image has 32 x 32 = 1,024 pixels. How many tokens do two rounds of convolution and max-pool leave?

# %%
images = keras.Input((32, 32, 3))
x = cct.ConvTokenizer(dim=128, kernel_size=3, num_conv_layers=2)(images)
# (batch, 32, 32, 3) -> (batch, 64, 128)
print("tokens:", x.shape)
x = cct.PositionEmbedding("learned", grid=(8, 8))(x)
for rate in (0.0, 0.1):  # stochastic depth grows from 0 to 0.1; the shape stays
    x = cct.TransformerBlock(num_heads=2, mlp_ratio=1, stochastic_depth=rate)(x)
x = layers.LayerNormalization(epsilon=1e-5)(x)
x = cct.SequencePooling()(x)  # (batch, 64, 128) -> (batch, 128)
logits = cct.Linear(10)(x)  # (batch, 128) -> (batch, 10)
by_hand = keras.Model(images, logits)

built = cct.build_cct("cct_2_3x2_32")
built.set_weights(by_hand.get_weights())
noise = keras.random.normal((4, 32, 32, 3), seed=1)
difference = float(ops.max(ops.abs(built(noise) - by_hand(noise))))
print(f"{by_hand.count_params():,} parameters, largest difference {difference:.1e}")
assert difference < 1e-6 and by_hand.count_params() == 283_723

# %% [markdown]
# <details><summary>Answer</summary>
#
# Each max-pool halves both sides: 32, 16, 8. Two rounds leave 8 x 8 = 64 tokens.
#
# </details>
#
# `cct.build_cct` does the same as the cell above, but looks up the sizes by name and checks what you pass in.
# `built.summary()` shows the model the way you know it from Keras.
#
# ## The block, written out
#
# *Why:* "a transformer block" is not one thing. The original one normalises after each addition (post-norm), most
# vision transformers at the start of each branch ([pre-norm](glossary.md)). The code of CCT's authors does something in
# between:
#
# $$h = \mathrm{norm}_1\big(x + \mathrm{attention}(\mathrm{norm}_0(x))\big), \qquad y = h + \mathrm{mlp}(h)$$
#
# $x$, $h$ and $y$ all have the shape (batch, tokens, dim). The middle norm sits on the main path, and the MLP's branch
# has no norm of its own. The authors call this a slip in a merge, found too late to change (their issue 25): all
# their weights were trained with it. So whoever wants to load these weights has to make the same slip.
#
# **Predict:** in a pre-norm block you can follow $x$ to the output through additions alone. Can you here?

# %%
block = built.get_layer("block_1")
for weight in block.weights:  # new norms and biases are 1 and 0 and would hide mistakes: move them
    weight.assign(weight + 0.1 * keras.random.normal(weight.shape, seed=2))


def norm(x, layer):
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    return centred / ops.sqrt(ops.var(x, axis=-1, keepdims=True) + 1e-5) * layer.gamma + layer.beta


def mlp(x, linear1, linear2):
    hidden = x @ linear1.kernel + linear1.bias
    hidden = 0.5 * hidden * (1 + ops.erf(hidden / 2**0.5))  # the exact GELU
    return hidden @ linear2.kernel + linear2.bias


# %% [markdown]
# With these two, and attention as notebook 03 opened it, the block is two lines:

# %%
x = keras.random.normal((4, 64, 128), seed=3)
h = norm(x + block.attention(norm(x, block.pre_norm)), block.norm1)
y = h + mlp(h, block.linear1, block.linear2)

difference = float(ops.max(ops.abs(y - block(x))))
print(f"our lines against cct.TransformerBlock: {difference:.1e}")
assert difference < 1e-4
print(inspect.getsource(cct.TransformerBlock.call))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Not in this block: the only way from $x$ to $y$ leads through `norm1`.
#
# </details>
#
# The lines and the layer agree. `drop_attention` and `drop_mlp` in the layer's code are the stochastic depth of
# notebook 04, whose other name is DropPath.
#
# ## Count one layer
#
# *Why:* a parameter count is the cheapest test of an architecture. A wrong bias or a wrong width shows at once. And a
# count of the multiplications says what a model costs before you wait for it.
#
# A layer's work is counted in *multiply-accumulates* ([MACs](glossary.md)): one product, added to a sum. For layers
# that turn $c$ channels into $d$:
#
# | layer | parameters | with a bias | MACs |
# |---|---|---|---|
# | convolution of $k \times k$, its result on $H \times W$ places | $k^2 c\,d$ | $+\,d$ | $H W \cdot k^2 c\,d$ |
# | linear layer on $n$ tokens | $c\,d$ | $+\,d$ | $n \cdot c\,d$ |
#
# Each weight is used once at every place, so MACs are weights times places.
#
# Small enough for paper: one 3 x 3 convolution without bias, from 1 channel to 2, on a grey image of 4 x 4 pixels that
# is padded to keep its size.
#
# **Predict:** how many parameters does it have, and how many MACs?

# %%
small = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3, padding="same", use_bias=False)])
places = 4 * 4
parameters = small.count_params()
work = places * parameters
print(f"{parameters} parameters, {work} MACs, shape out {small.output_shape[1:]}")
assert parameters == 3 * 3 * 1 * 2 == 18 and work == 288

# %% [markdown]
# <details><summary>Answer</summary>
#
# The small convolution has 9 · 1 · 2 = 18 parameters and uses each at 16 places: 288 MACs.
#
# </details>
#
# Now a block of CCT-2. **Predict:** which has more parameters in a block of width 128, attention or the MLP with
# ratio 1?

# %%
d = 128
qkv = d * 3 * d  # queries, keys, values; no bias
projection = d * d + d
two_linear_layers = 2 * (d * d + d)
two_norms = 2 * 2 * d
print(f"attention {qkv + projection:,}, MLP {two_linear_layers:,}, norms {two_norms}")
assert qkv + projection == block.attention.count_params() == 65_664
assert two_linear_layers == 33_024
assert qkv + projection + two_linear_layers + two_norms == block.count_params() == 99_200

twice_as_wide = d * 2 * d + 2 * d + 2 * d * d + d  # the same MLP with ratio 2
print(f"MLP with ratio 2: {twice_as_wide:,}")
assert abs(twice_as_wide / (qkv + projection) - 1) < 0.005

# %% [markdown]
# <details><summary>Answer</summary>
#
# Attention has about twice as many parameters as an MLP with ratio 1. With ratio 2, as in the authors' larger models,
# the two are even.
#
# </details>
#
# One block has 65,664 + 33,024 + 512 = 99,200 parameters. A count also finds the wrong head size of notebook 03:
# `keras.layers.MultiHeadAttention(num_heads=2, key_dim=128)` gives *each* of the two heads 128 numbers, so the
# attention of the [Keras example](https://keras.io/examples/vision/cct/) is twice as wide as the paper's. Keras's layer
# also has biases that the authors' has not.

# %%
counts = {128: 131_968, 64: 65_664 + 3 * 128}  # key_dim: parameters; 3 * 128 are biases
for key_dim, expected in counts.items():
    from_keras = layers.MultiHeadAttention(num_heads=2, key_dim=key_dim)
    from_keras.build((None, 64, 128), (None, 64, 128))
    print(f"key_dim={key_dim}: {from_keras.count_params():,} parameters; the authors': 65,664")
    assert from_keras.count_params() == expected

# %% [markdown]
# ## The whole model in one table
#
# *Why:* layer, shape, parameters, MACs is what you want to know of any model before you train it.
#
# One kind of work has no parameters: the "attention products", $QK^T$ and the weighted sum of the values. For $n$
# tokens of $d$ numbers they take $2 n^2 d$ MACs in each block. The weighted sum in pooling has no parameters either,
# and takes $n d$. All other work follows from the two formulas of the last section; norms, softmax and additions are
# small beside it and count as 0.
#
# **Predict:** which part of `cct_2_3x2_32` does the most work: the tokenizer, or a block?

# %%
n = 64  # tokens
macs = {
    "tokenizer": 32 * 32 * (9 * 3 * 64) + 16 * 16 * (9 * 64 * 128),  # two convolutions
    "block_0": n * (d * 3 * d + d * d) + 2 * n * n * d + n * 2 * d * d,  # projections, products, MLP
    "pooling": n * d + n * d,  # scores, weighted sum
    "head": d * 10,
}
macs["block_1"] = macs["block_0"]

print(f"{'layer':10} {'shape out':14} {'parameters':>10} {'MACs':>11}")
for layer in built.layers[1:]:  # the first is the input
    shape, work = str(layer.output.shape[1:]), macs.get(layer.name, 0)
    print(f"{layer.name:10} {shape:14} {layer.count_params():10,} {work:11,}")
all_macs = sum(macs.values())
print(f"{'together':25} {built.count_params():10,} {all_macs:11,}")

counts = [layer.count_params() for layer in built.layers[1:]]
assert counts == [75_456, 8_192, 99_200, 99_200, 256, 129, 1_290]
assert macs["tokenizer"] > all_macs / 2 > 2 * macs["block_0"]  # more than both blocks

# %% [markdown]
# From here on `model_costs` does this arithmetic, for any model of the course. It splits the blocks into their parts.

# %%
whole = model_costs("cct_2_3x2_32")
assert sum(whole["parameters"].values()) == built.count_params()
assert whole["macs"]["tokenizer"] == macs["tokenizer"] and sum(whole["macs"].values()) == all_macs

message = "The blocks hold most parameters, the tokenizer does most of the work"
alt = """Two bars of 100 percent. Of the parameters, nearly half are attention projections, a quarter
each tokenizer and MLP. Of the MACs, more than half are in the tokenizer, a quarter in the attention
projections."""
figure = pictures.draw_costs(whole["parameters"], whole["macs"], whole["tokens"], message)
cct.show(figure, alt=alt)
assert 2 * 99_200 > built.count_params() / 2 and 0.2 < 75_456 / built.count_params() < 0.3

# %% [markdown]
# <details><summary>Answer</summary>
#
# The tokenizer does more than half of the work, more than both blocks together, with about a quarter of the parameters.
# Its second convolution uses each of its weights at 16 x 16 = 256 places, a block only at 64.
#
# </details>
#
# Counters that only look at layers miss the attention products. The numbers that the authors publish leave them out:

# %%
published = {  # variant: (classes, billions of MACs, their decimals)
    "cct_2_3x2_32": (10, 0.033, 3),
    "cct_7_3x1_32": (10, 0.947, 3),
    "cct_14_7x2_224": (1000, 5.11, 2),
}
for variant, (classes, billions, decimals) in published.items():
    work = model_costs(variant, num_classes=classes)["macs"]
    everything = sum(work.values()) / 1e9
    without = everything - work["attention products"] / 1e9
    print(f"{variant:15} {without:.4f}G without the products, {everything:.4f}G with them")
    assert round(without, decimals) == billions

# %% [markdown]
# **Predict:** the same model gets images of 64 x 64 pixels instead of 32 x 32. By what factor does the work of each
# part grow?

# %%
at_32 = model_costs("cct_2_3x2_32", (32, 32, 3))["macs"]
at_64 = model_costs("cct_2_3x2_32", (64, 64, 3))["macs"]
growth = {part: at_64[part] / work for part, work in at_32.items() if work}
for part, times in growth.items():
    print(f"{part:21} x {times:.0f}")
assert at_32["attention products"] < 0.1 * sum(at_32.values())
assert growth.pop("attention products") == 16 and growth.pop("head") == 1
assert all(abs(times - 4) < 0.001 for times in growth.values())

# %% [markdown]
# <details><summary>Answer</summary>
#
# Twice the image side means four times the tokens. Tokenizer, projections, MLP and pooling then cost four times as
# much, the attention products sixteen times, and the head as much as before.
#
# </details>
#
# In CCT-2 at 32 pixels the attention products are less than a tenth of the work, pink in the bars above. They are why
# long sequences are expensive for a transformer.
#
# ## From ViT-Lite to CVT to CCT
#
# *Why:* CCT differs from a vision transformer in more than one thing. To know what each is worth, change one at a time.
# The paper does so, in three models:
#
# 1. **[ViT-Lite](glossary.md)**: patches of 4 x 4 pixels, a class token, the encoder.
# 2. **[CVT](glossary.md)** (compact vision transformer): the class token goes, sequence pooling comes.
# 3. **CCT**: the patches go, convolutions come.
#
# **Predict:** how many parameters does the step from the class token to sequence pooling cost?

# %%
steps = {"ViT-Lite": "vit_2_4_32", "CVT": "cvt_2_4_32", "CCT": "cct_2_3x2_32"}
totals = {}  # model -> tokens, parameters, MACs
for name, variant in steps.items():
    costs = model_costs(variant)
    p = costs["parameters"]
    totals[name] = costs["tokens"], sum(p.values()), sum(costs["macs"].values())
    print(f"{name:9} tokenizer {p['tokenizer']:7,}, positions {p['position']:6,}, ", end="")
    print(f"class token or pooling {p['pooling']}")

alt = """Three rows of boxes from image to class. ViT-Lite: patches side by side, 65 tokens with a
class token, the class token is taken. CVT: the same patches, 64 tokens, and in orange a weighted mean
of all tokens. CCT: in orange overlapping windows and two rounds of convolution, ReLU and max-pool;
the rest as in CVT."""
cct.show(pictures.draw_family(totals), alt=alt)

# %%
_, of_vit, _ = totals["ViT-Lite"]
_, of_cvt, macs_of_cvt = totals["CVT"]
_, of_cct, macs_of_cct = totals["CCT"]
print(f"ViT-Lite to CVT: {of_cvt - of_vit:+,} parameters")
print(f"CVT to CCT: {of_cct - of_cvt:+,} parameters, MACs x {macs_of_cct / macs_of_cvt:.1f}")
# a kernel and a bias come; a class token and its position go
assert of_cvt - of_vit == (128 + 1) - (128 + 128) == -127
assert of_cct - of_cvt == 75_456 - 6_272 == 69_184 and 2.2 < macs_of_cct / macs_of_cvt < 2.4

# %% [markdown]
# <details><summary>Answer</summary>
#
# The step to sequence pooling costs less than nothing, 127 parameters fewer. A class token of 128 numbers goes, with
# its 128 numbers of position; a kernel of 128 weights and one bias come.
#
# </details>
#
# The step to convolutions costs 69,184 parameters more and over twice the work, for the same 64 tokens.
#
# What do the steps buy? All three were trained on CIFAR-10 with one recipe, the authors' for 200 epochs: ViT-Lite and
# CVT once each (with MLPs twice as wide, so that all have 0.28M parameters), CCT with three seeds.

# %%
record = json.loads(Path(root, "notebooks", "results", "cifar10_recipe_a.json").read_text())
trainings = {  # model -> its trainings
    "ViT-Lite-2/4": [cct.load_pretrained("vit_lite_2_4_32_cifar10").card],
    "CVT-2/4": [cct.load_pretrained("cvt_2_4_32_cifar10").card],
    "CCT-2/3x2": record["runs"],
}
top1 = {}  # model -> test accuracy in percent, one a training
for name, runs in trainings.items():
    top1[name] = [100 * run["test_top1"] for run in runs]
    print(f"{name:13} test top-1", ", ".join(f"{value:.2f} %" for value in top1[name]))
    assert all(run["epochs"] == 200 for run in runs)
    assert all(abs(run["parameters"] / 283_723 - 1) < 0.015 for run in runs)

title = "Each step buys more than five points"
figure = figures.draw_scores(top1, "CIFAR-10 test top-1 accuracy (%)", title)
alt = "A dot for ViT-Lite at 76 percent, one for CVT at 82, three for CCT from 87.7 to 88.8"
cct.show(figure, alt=alt)
vit, cvt, compact = (np.mean(values) for values in top1.values())
assert cvt - vit > 5 and compact - cvt > 6 and 1 < np.ptp(top1["CCT-2/3x2"]) < 1.5

# %% [markdown]
# Pooling instead of a class token: more than 5 points. Convolutions instead of patches: more than 6. ViT-Lite
# and CVT have one run each, so take the sizes as rough: the three seeds of CCT lie more than a point apart. The
# authors, with models three times as deep and over ten times as large, report steps in the same order: 90.94, 92.58 and
# 93.56 % for ViT-Lite-6/4, CVT-6/4 and CCT-6/3x2.
#
# ## Choose your own
#
# *Why:* a model of your own begins with its sizes, and a size moves the cost of one part more than that of another.
#
# Each slider changes one number of the model. The bars show where parameters and work go. Some choices are impossible;
# the picture then says why. Things to try:
#
# - `cct_2_3x2_32` is where the sliders start. Set `num_conv_layers` to 1: what happens to tokens and to the products?
# - Set `dim` to 96 and `num_heads` to 5.
# - Raise `image_side` and watch the attention products grow past everything else.


# %%
def draw_architecture(image_side, **sizes):
    sizes["padding"] = sizes["kernel_size"] // 2
    costs = model_costs("cct_2_3x2_32", (image_side, image_side, 3), **sizes)
    most = max(costs["macs"], key=costs["macs"].get)
    message = f"Largest share of the work: {most}"
    return pictures.draw_costs(costs["parameters"], costs["macs"], costs["tokens"], message)


# %%
sliders = dict(num_layers=(1, 14), dim=(32, 384, 32), num_heads=(1, 8), mlp_ratio=(1, 4))
sliders |= dict(kernel_size=[1, 3, 5, 7], num_conv_layers=(1, 3), image_side=(16, 128, 16))
small_cct = dict(num_layers=2, dim=128, num_heads=2, mlp_ratio=1)
small_cct |= dict(kernel_size=3, num_conv_layers=2, image_side=32)
many_tokens = small_cct | dict(num_conv_layers=1, image_side=96)
alt = """Bars of parameters and MACs by part, for two models. In CCT-2/3x2, with 64 tokens, the
tokenizer does most of the work. With 2,304 tokens, one convolution on an image of 96 pixels, the
attention products do most of it."""
box = cct.explore(draw_architecture, [small_cct, many_tokens], alt=alt, **sliders)

costs = model_costs("cct_2_3x2_32", (96, 96, 3), num_conv_layers=1)
assert costs["tokens"] == 2304
assert costs["macs"]["attention products"] > 0.8 * sum(costs["macs"].values())

# %% [markdown]
# <details><summary>What you find</summary>
#
# With one convolution the grid is 16 x 16 instead of 8 x 8: four times the tokens, sixteen times the attention
# products. A width of 96 cannot be divided among 5 heads, so there is no such model.
#
# </details>
#
# ## For a second reading
#
# ### Every variant, to the digit
#
# *Why:* the paper's models have names. If you quote their accuracy, you want to have built the same thing.
#
# **Predict:** `cct_6_3x1_32` has one convolution, `cct_6_3x2_32` has two. Which has fewer parameters?

# %%
one, two = model_costs("cct_6_3x1_32"), model_costs("cct_6_3x2_32")
print("tokens  tokenizer  positions  parameters in all  MACs in all")
for costs in (one, two):
    p, work = costs["parameters"], sum(costs["macs"].values())
    row = f"{costs['tokens']:6} {p['tokenizer']:10,} {p['position']:10,}"
    print(f"{row} {sum(p.values()):18,} {work / 1e6:11.0f}M")

with_one, with_two = one["parameters"], two["parameters"]
assert (with_one["tokenizer"], with_two["tokenizer"]) == (6_912, 149_184)
assert (with_one["position"], with_two["position"]) == (65_536, 16_384)
assert 10 * 283_723 < sum(with_one.values()) < sum(with_two.values())
assert sum(one["macs"].values()) > 3 * sum(two["macs"].values())

# %% [markdown]
# <details><summary>Answer</summary>
#
# The model with one convolution has fewer parameters. A single convolution goes straight from 3 channels to 256,
# 6,912 weights; two of them need 149,184. The larger table of positions takes back only a part of that.
#
# </details>
#
# One convolution halves the image only once: 256 tokens instead of 64. You pay for that in work, more than three times
# as much. Here are all variants of the authors' code; the counts on the right of the colon are theirs.

# %%
authors = {  # variant: (classes, parameters with learned positions)
    "cct_2_3x2_32": (10, 283_723),
    "cct_4_3x2_32": (10, 482_123),
    "cct_6_3x1_32": (10, 3_233_803),
    "cct_6_3x2_32": (10, 3_326_923),
    "cct_7_3x1_32": (10, 3_760_139),
    "cct_7_3x2_32": (10, 3_853_259),
    "cct_7_7x2_224": (102, 4_573_735),
    "cct_14_7x2_224": (1000, 22_367_273),
    "cct_14_7x2_384": (1000, 22_513_193),
    "cvt_7_4_32": (10, 3_716_619),
    "vit_7_4_32": (10, 3_716_874),
}
print(f"{'variant':15} {'tokens':>6} {'parameters':>11} {'without positions':>18}")
for variant, (classes, expected) in authors.items():
    costs = model_costs(variant, num_classes=classes)
    total = sum(costs["parameters"].values())
    without = total - costs["parameters"]["position"]
    print(f"{variant:15} {costs['tokens']:6} {total:11,} {without:18,}")
    assert total == expected

# %% [markdown]
# These counts are arithmetic. Two of them again, of real models:

# %%
for variant in ("cct_6_3x1_32", "cct_7_3x2_32"):
    counted = cct.build_cct(variant).count_params()
    print(f"{variant}: {counted:,}")
    assert counted == authors[variant][1]
assert authors["cct_6_3x1_32"][1] - one["parameters"]["position"] == 3_168_267

# %% [markdown]
# A detail for those who compare: the authors'
# [table](https://github.com/SHI-Labs/Compact-Transformers/tree/main/examples) gives 3.168M for CCT-6/3x1. That is the
# count *without* positions. Their other entries count the learned table.
#
# ### Equal to the authors' code
#
# *Why:* equal counts do not make equal models. A norm in the wrong place or a transposed matrix has the same number of
# parameters. The proof is in the numbers: same weights, same image, same result at every stage.
#
# The repository holds a file with random weights, two images and what the authors' PyTorch code computes from them.
# `cct.load_reference_weights` knows the authors' names and axis orders.
#
# **Predict:** two frameworks, float32, ten or so layers. How close can the logits be: 0.1, 0.001, 0.00001?

# %%
golden = dict(np.load(f"{root}/tests/golden/cct_2_3x2_32.npz"))
state = {}  # the authors' names -> arrays
for name, array in golden.items():
    if name.startswith("weight/"):
        state[name.removeprefix("weight/")] = array
print(f"{len(state)} arrays, the first is {list(state)[0]}")
model = cct.load_reference_weights(cct.build_cct("cct_2_3x2_32"), state)

# PyTorch: (batch, channels, height, width) -> (batch, height, width, channels)
examples = golden["images_nchw"].transpose(0, 2, 3, 1)
reference = np.asarray(model(examples))  # (batch, classes)

# %% [markdown]
# The authors' result is there for every stage of the model. Compare all of them:

# %%
layer_of = {"tokens": "tokenizer", "block_0": "block_0", "block_1": "block_1", "norm": "norm"}
pairs = {}  # stage -> our array, theirs
for stage, name in layer_of.items():
    part = keras.Model(model.input, model.get_layer(name).output)  # the model up to this layer
    pairs[stage] = np.asarray(part(examples)), golden[f"activation/{stage}"]
pairs["logits"] = reference, golden["logits"]

for stage, (ours, theirs) in pairs.items():
    difference, largest = np.abs(ours - theirs).max(), np.abs(theirs).max()
    print(f"{stage:8} largest difference {difference:.0e}, largest number {largest:5.2f}")
    assert difference < 1e-4 and difference < 1e-5 * largest

# %% [markdown]
# <details><summary>Answer</summary>
#
# The logits can be about as close as float32 allows, some millionths: a float32 has seven digits. That is also why
# the tokens differ by more. Their numbers are larger, and it is the share that counts: below 0.00001 at every stage.
#
# </details>
#
# With this, the authors' own checkpoints are yours to use: pass the path of a `.pth` or `.safetensors` file instead of
# a dict. An equality like this also measures how much a "small" difference matters. In notebook 03 you gave a trained
# model another epsilon in its norms. Here is that mistake on the authors' own numbers:

# %%
first, second = model.get_layer("block_0"), model.get_layer("block_1")
norms = [first.pre_norm, first.norm1, second.pre_norm, second.norm1, model.get_layer("norm")]
found = {}  # epsilon -> largest difference in the logits
for epsilon in (1e-3, 1e-5):  # Keras's default, then the authors', which stays
    for norm_layer in norms:
        norm_layer.epsilon = epsilon
    found[epsilon] = np.abs(np.asarray(model(examples)) - golden["logits"]).max()
    print(f"epsilon {epsilon:.0e}: largest difference in the logits {found[epsilon]:.0e}")
assert found[1e-3] > 2e-4 > 20 * found[1e-5] and layers.LayerNormalization().epsilon == 1e-3

# %% [markdown]
# ### Save and load
#
# *Why:* a model that you cannot load in another program is lost work.
#
# A `.keras` file holds the weights and a description of each layer, its **configuration**: a dictionary of names and
# values that `layer.get_config()` returns. Loading calls `Layer(**config)` with it. Keras writes the configuration by
# itself from the arguments that a layer was made with, when these are plain numbers, texts and lists. To all of them
# it adds `name`, `trainable` and `dtype`.

# %%
layer = cct.StochasticDepth(0.1, name="drop")
config = layer.get_config()
print({key: value for key, value in config.items() if key != "dtype"})
again = cct.StochasticDepth(**config)
print(f"made again: {again.name}, rate {again.rate}")
assert set(config) == {"name", "trainable", "dtype", "rate", "seed"}
assert (again.name, again.rate) == ("drop", 0.1)

# %% [markdown]
# **Predict:** does the file hold the Python code of our layers as well?

# %%
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/model.keras")
    loaded = keras.models.load_model(f"{folder}/model.keras")
difference = np.abs(np.asarray(loaded(examples)) - reference).max()
print(f"largest difference after loading: {difference:.0e}")
assert difference < 1e-6
print(keras.saving.serialize_keras_object(cct.TransformerBlock(2))["registered_name"])

# %% [markdown]
# <details><summary>Answer</summary>
#
# The file holds no code, only the weights, and names with their arguments. So a new program must
# `import cct_helpers` before it loads the file.
#
# </details>
#
# Each of our layers is registered under its name, as in the last line above; no `custom_objects` are needed.
#
# ### A larger image
#
# *Why:* nothing in attention or pooling depends on the number of tokens. The one part that does is the table of learned
# positions, one row a token.
#
# **Predict:** you load 32 x 32 weights into a model for images of 48 x 40 pixels. How many rows must the table have?

# %%
larger = cct.build_cct("cct_2_3x2_32", input_shape=(48, 40, 3))
cct.load_reference_weights(larger, state)
table = larger.get_layer("position").table
print("grid:", larger.get_layer("tokenizer").grid(48, 40), " table:", table.shape)
assert table.shape == (1, 12 * 10, 128)

resized = cct.resize_positions(state["classifier.positional_emb"], (8, 8), (12, 10))
assert np.array_equal(table, resized)
print("logits:", larger(np.zeros((1, 48, 40, 3), "float32")).shape)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The table must have 12 x 10 = 120 rows, one for each token.
#
# </details>
#
# `load_reference_weights` lays the 64 rows out as an 8 x 8 picture and resizes it, as you would resize an image. The
# authors' code does the same; it can only make square grids.
#
# ### Three traps of saving and building
#
# *Why:* none of the three raises an error where the mistake is made.
#
# > **Trap: a layer that does not take `**kwargs`.** When Keras rebuilds a layer it passes `name`, `trainable` and
# > `dtype` as well. A layer whose `__init__` has no room for them cannot be rebuilt.
#
# **Predict:** when do you notice, when you save or when you load?


# %% tags=["trap"]
@keras.saving.register_keras_serializable("course")
class MeanPooling(layers.Layer):
    def __init__(self):  # no **kwargs
        super().__init__()

    def call(self, tokens):
        return ops.mean(tokens, axis=1)


with tempfile.TemporaryDirectory() as folder:
    keras.Sequential([keras.Input((64, 128)), MeanPooling()]).save(f"{folder}/model.keras")
    try:
        keras.models.load_model(f"{folder}/model.keras")
        outcome = "loaded"
    except TypeError as error:
        lines = str(error).splitlines()
        outcome = next(line for line in lines if "unexpected keyword" in line)
print(outcome)
assert "unexpected keyword argument" in outcome

# %% [markdown]
# <details><summary>Answer</summary>
#
# You notice when you load: saving such a layer raises no error.
#
# </details>
#
# **To catch it:** load what you save at once, in the same script, before you train for hours.
#
# > **Trap: a GELU that changes when it is saved.** `keras.ops.gelu` computes an approximation with tanh by default.
# > Given as `activation=`, it is saved under the name "gelu", and that name means the *exact* GELU. The loaded model
# > computes something else, without a word.
#
# **Predict:** how large can the difference be? In notebook 03 you measured how far the two formulas lie apart.

# %% tags=["trap"]
dense = layers.Dense(1, activation=ops.gelu, kernel_initializer="ones")
before = keras.Sequential([keras.Input((1,)), dense])
with tempfile.TemporaryDirectory() as folder:
    before.save(f"{folder}/model.keras")
    after = keras.models.load_model(f"{folder}/model.keras")
values = np.linspace(-5, 5, 1001, dtype="float32")[:, None]
difference = np.abs(before(values) - after(values)).max()
print(f"the same model before and after saving differs by {difference:.1e}")
assert 4.6e-4 < difference < 4.8e-4

# %% [markdown]
# <details><summary>Answer</summary>
#
# The loaded model differs by up to 4.7e-4, by as much as the two formulas do. The cure is to pass the name,
# `activation="gelu"`, from the start.
#
# </details>
#
# **To catch it:** compare the outputs before and after loading, not only the shapes.
#
# > **Trap: an argument that nobody reads.** A function that ends in `**kwargs` accepts every name. In the authors'
# > repository (commit cd11f09), `--drop-path` of the training script ends in such a place and has no effect.
#
# **Predict:** you ask for a drop rate of 0.5. Which one does the model get?


# %% tags=["trap"]
def careless(variant, **settings):  # reads num_layers and forgets the rest
    return cct.build_cct(variant, num_layers=settings.get("num_layers", 2))


def rate_of(model):
    return model.get_layer("block_1").stochastic_depth


got = rate_of(careless("cct_2_3x2_32", stochastic_depth=0.5))
print("asked for 0.5, got", got)
assert got == rate_of(careless("cct_2_3x2_32")) == 0.1
assert rate_of(cct.build_cct("cct_2_3x2_32", stochastic_depth=0.5)) == 0.5
try:
    cct.build_cct("cct_2_3x2_32", drop_path=0.5)
    outcome = "accepted"
except ValueError as error:
    outcome = f"refused: {error}"
print(textwrap.fill(outcome, 96))
assert "drop_path" in outcome and outcome.startswith("refused")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The model gets the default rate, 0.1, and nobody says so. `build_cct` refuses names that it does not know.
#
# </details>
#
# **To catch it:** build with two values and look for a difference. A test of every argument is one loop.
#
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/06_compact_transformer.ipynb).

# %% [markdown]
# ### Exercise: Count the parameters of the tokenizer
#
# *Warm-up, 8 minutes.* Count the parameters of a convolutional tokenizer: `convs` convolutions of `kernel` x `kernel`
# without bias, from `channels` over `hidden` channels to `dim`. With one convolution there are no hidden channels.
# The result is a whole number.
#
# `tokenizer_parameters(3, 128, 3, 2, 64)` gives `75456`: 9 x 3 x 64 and 9 x 64 x 128.


# %% tags=["exercise"]
def tokenizer_parameters(channels, dim, kernel, convs, hidden):
    return 0  # your lines here


cct.check("tokenizer_parameters", tokenizer_parameters)

# %% [markdown]
# ### Exercise: Which block is this?
#
# *15 minutes.* `block` is a function on `(batch, tokens, dim)`, put together from the functions `norm`, `attention` and
# `mlp`, which you are given too, perhaps in one of the ways of notebook 03. Find out which from what it makes of `x`:
# return 0 for pre-norm, 1 for post-norm, 2 for the authors' block, and 3 if it is none of these.
#
# `kind_of_block(lambda x: x, np.ones((1, 2, 3)), np.sin, np.cos, np.exp)` gives `3`: a block that hands its input
# back is none of the three.


# %% tags=["exercise"]
def kind_of_block(block, x, norm, attention, mlp):
    return 0  # your lines here


cct.check("kind_of_block", kind_of_block)

# %% [markdown]
# ### Exercise: How wide may it be?
#
# *20 minutes.* Turn the count round. `blocks` blocks of the authors may have `budget` parameters together, at most.
# Return the largest `dim` that fits, a multiple of `heads`, and 0 if not even `heads` fits. Queries, keys and values
# have no bias; the projection, both layers of the MLP, `mlp_ratio` times as wide, and the two norms have all of
# theirs.
#
# `widest(2 * 99_200, 2, 1, 2)` gives `128`: two blocks of 99,200 parameters each.


# %% tags=["exercise"]
def widest(budget, blocks, mlp_ratio, heads):
    return 0  # your lines here


cct.check("widest", widest)

# %% [markdown]
# ### Exercise: A layer that can be saved and loaded
#
# *15 minutes.* This layer multiplies its tokens by `factor`. Complete it so that a layer made from its configuration,
# `ScaleTokens(**config)`, has the same name, and the factor that the layer has *now*: it may have been changed,
# `layer.factor = 3`. The configuration that Keras writes by itself holds the factor that the layer was *made* with. So
# write `get_config` yourself; the dictionary of the parent class, `super().get_config()`, has all but the factor.
#
# A layer made with factor 2 and changed to 3 is loaded as one with factor 3.


# %% tags=["exercise"]
class ScaleTokens(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__()
        self.factor = 0 * factor  # change these lines, and write get_config

    def call(self, tokens):
        return tokens * self.factor


cct.check("scale_tokens", ScaleTokens)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(6)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Write a block in pre-norm order, `h = x + attention(norm(x))`, `y = h + mlp(norm(h))`, with the weights of
#    `block`, and see how far its output is from the authors' block.
# 2. Find a CCT with fewer than 100,000 parameters and at least 64 tokens, and build it with `cct.build_cct`.
#
# ## Recap
#
# | `cct_2_3x2_32` | shape in | shape out | parameters |
# |---|---|---|---|
# | `ConvTokenizer(128)` | (batch, 32, 32, 3) | (batch, 64, 128) | 75,456 |
# | `PositionEmbedding("learned")` | (batch, 64, 128) | (batch, 64, 128) | 8,192 |
# | `TransformerBlock(2)`, twice | (batch, 64, 128) | (batch, 64, 128) | 2 x 99,200 |
# | `LayerNormalization(epsilon=1e-5)` | (batch, 64, 128) | (batch, 64, 128) | 256 |
# | `SequencePooling()` | (batch, 64, 128) | (batch, 128) | 129 |
# | `Linear(10)` | (batch, 128) | (batch, 10) | 1,290 |
# | together | (batch, 32, 32, 3) | (batch, 10) | 283,723 |
#
# - The authors' block normalises before attention and again on the main path before the MLP.
# - Parameters and work sit in different places. The attention products have no parameters and grow with the square of
#   the number of tokens; published MACs leave them out.
# - Two changes lead from ViT-Lite to CCT: sequence pooling costs nothing, convolutions cost 69,184 parameters and over
#   twice the work. In these records each bought more than five points on CIFAR-10.
# - Equal counts are a first test. Equal numbers at every stage, from the same weights, are the proof.
# - A saved model holds names, not code. Give every layer `**kwargs`, pass activations by name, and load what you save.
#
# **Difference from the paper:** the model is that of the authors' *code*: tokens, blocks and logits equal it to 1e-4.
# The code is not quite what the authors meant: its middle norm is a slip by their own word. Their loader of weights
# resizes positions for square grids only, ours for any.
#
# **Difference from the [Keras example](https://keras.io/examples/vision/cct/):** it has pre-norm blocks, heads of 128
# instead of 64 numbers (so 131,968 instead of 65,664 parameters in each attention), biases on queries, keys and
# values, GELU and dropout after the MLP's second layer too, and a pooling layer that takes no `**kwargs`, so a whole
# saved model does not load.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [authors' code](https://github.com/SHI-Labs/Compact-Transformers),
# [Keras example](https://keras.io/examples/vision/cct/), [layer normalisation before or
# after](https://arxiv.org/abs/2002.04745), [glossary](glossary.md).
#
# Next: [07 Training](07_training.ipynb). How is it trained?

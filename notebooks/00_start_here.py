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
# You will play with a trained Compact Convolutional Transformer (CCT), see why it exists, check that your machine
# computes what it should, and find your way through the course.
#
# 55 minutes to read, under a minute to run. Builds on: a small Keras model that you trained with `fit`, and NumPy
# arrays with their shapes. No GPU is needed.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/00_start_here.ipynb)

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

# %% jupyter={"source_hidden": true}
from cct_helpers.figures import reduce_colours
from cct_helpers.widgets import show_png

alt = """A photo of a cat on its way through the model: 32 x 32 pixels, 64 tokens as colours, what one
token reads from, what counts in the result, and its class: cat, 95 %"""
overview = Path(root, "notebooks", "images", "overview.png").read_bytes()
show_png(reduce_colours(overview, 160), alt)

# %% [markdown]
# One photo on its way through the model of this course, from left to right. The name of the model says what it is:
#
# - **Transformer**: a network that works on a list of vectors, called [tokens](glossary.md). In each of its blocks the
#   tokens first read from each other, then each is changed by itself. Here a token stands for a piece of the photo. A
#   transformer for images is a [vision transformer](glossary.md), ViT for short.
# - **Attention** is how tokens read: each takes a weighted mean of all of them, itself included, and the weights are
#   computed from what the tokens hold. In the third picture, more orange is more weight; *uniform* is the weight that
#   each would have if all 64 counted alike.
# - **Convolutional**: the tokens come out of two ordinary convolutions, where a ViT cuts the photo into squares.
# - **Compact**: fewer than 300,000 parameters, while the smallest model of the [ViT
#   paper](https://arxiv.org/abs/2010.11929) has 86 million. This model learned from fewer than 50,000 small photos, and
#   from nothing else.
#
# The three lines above the picture come from the folded first cell. It found the course, imported it as `cct`, and
# printed the versions, the device that Keras computes on, and the *profile*, quick or full. If you see them, nothing
# is missing. The pictures and numbers that you see now were stored with the notebook. Run it once, so that they come
# from your machine and the model below answers you: in JupyterLab *Run*, *Run All Cells*.
#
# **Which way through?** From top to bottom. Short of time? Three sections can wait, about 13 minutes: *Where does it
# read?* comes back in notebook 08, and in *How good is it?* and *Profiles and data* you can look things up later.

# %% jupyter={"source_hidden": true}
import json

import keras
import numpy as np
from IPython.display import HTML, display
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import figures
from cct_helpers.plots import nb00_start_here as pictures

keras.utils.set_random_seed(0)

# %% [markdown]
# ## Play with it first
#
# *Why:* how a model works is easier to follow once you have seen what it does.
#
# The model takes squares of 32 x 32 pixels with their raw values, 0 to 255. The folded cell makes six of them, from
# photos that come with scikit-image and scikit-learn. The cat is the one above.


# %% jupyter={"source_hidden": true}
def small(photo, side=32):
    """The middle square of a photo, resized: (side, side, 3) uint8."""
    if photo.ndim == 2:
        photo = np.stack([photo] * 3, axis=-1)  # grey: (height, width) -> (height, width, channels)
    height, width, _ = photo.shape
    length = min(height, width)
    top, left = (height - length) // 2, (width - length) // 2
    square = Image.fromarray(photo[top : top + length, left : left + length])
    return np.asarray(square.resize((side, side), Image.Resampling.BOX))


horse = 255 * photos.horse().astype("uint8")  # a drawing in black and white
originals = {"cat": photos.chelsea(), "horse": horse, "coffee": photos.coffee()}
originals |= {"bricks": photos.brick(), "coins": photos.coins()}
originals |= {"palace": load_sample_image("china.jpg")}
images = np.stack([small(photo) for photo in originals.values()])  # (images, height, width, channels)

# %%
model = cct.load_pretrained("cct_2_3x2_32_cifar10")
class_names = model.card["class_names"]
assert images.shape == (6, 32, 32, 3) and model.count_params() < 300_000

# %% [markdown]
# And here is the model, all of it, in a box titled "A small model in this page". It computes there, without a kernel
# and without a network. *Draw* on the cat, *hide* squares of it, *move* it, or open a photo of your own. The bars show
# what the model makes of the picture now, the upright lines on them what it made of it before.
#
# If you see no box with this title, only a still picture that answers to nothing, the notebook has not been run yet, or
# you are on a site that runs no scripts, such as GitHub.
#
# **Predict** before you press:
#
# 1. *Move* the cat one pixel to the right. You hardly see it. Does the model?
# 2. *Hide* one square of its face. Which one takes most from the probability of "cat", and how much?
# 3. Take the coins. No class fits them. What do the bars say?

# %%
display(HTML(cct.live_model(model, images)))

# %% jupyter={"source_hidden": true}
alt = """The page of the live model: the cat with a hidden square on its nose, bars of classes with cat
first, and small pictures of what a square takes from"""
show_png(Path(root, "notebooks", "images", "live_model.png").read_bytes(), alt)

# %% [markdown]
# The picture above is the still of the box, with one square hidden.
#
# Now the same questions in Python, to get numbers. First the move. The page repeats the last column of pixels when it
# moves a picture; so does this cell.


# %%
def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def probability_of_cat(images):
    return softmax(cct.predict(model, images))[:, class_names.index("cat")]  # (images,)


cat = images[0]
moved = [np.pad(cat, [(0, 0), (s, 0), (0, 0)], mode="edge")[:, :32] for s in range(9)]
when_moved = probability_of_cat(np.stack(moved))  # (moves,)
print("moved by 0 to 8 pixels:", ", ".join(f"{sure:.0%}" for sure in when_moved))
assert 0.005 < when_moved[0] - when_moved[1] < 0.015  # one pixel: about one point
assert when_moved[0] - when_moved[4] > 0.1 and when_moved[8] < 0.5

# %% [markdown]
# Then each of the 8 x 8 squares is hidden in turn: it is filled with the mean colour, as in the page.

# %%
hidden = np.repeat(cat[None], 64, axis=0)  # (squares, height, width, channels)
for square, (row, column) in enumerate(np.ndindex(8, 8)):
    rows, columns = slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4)
    hidden[square, rows, columns] = cat.mean(axis=(0, 1))

when_hidden = probability_of_cat(hidden)  # (squares,)
lowest, second_lowest = np.sort(when_hidden)[:2]
print(f"one square hidden: {lowest:.0%} at the lowest, then {second_lowest:.0%}")
assert when_hidden.argmin() == 8 * 6 + 4  # row 6, column 4
assert 0.07 < when_moved[0] - lowest < 0.09 and when_moved[0] - second_lowest < 0.02

# %% [markdown]
# Last, the coins.

# %%
for_coins = softmax(cct.predict(model, images[4:5]))[0]  # (classes,)
top_three = sorted(range(10), key=lambda k: -for_coins[k])[:3]
print("coins:", ", ".join(f"{class_names[k]} {for_coins[k]:.0%}" for k in top_three))
assert {class_names[k] for k in top_three} == {"airplane", "deer", "horse"}
assert 0.28 < for_coins[top_three].min() and for_coins[top_three].max() < 0.38

# %% [markdown]
# <details><summary>Answers</summary>
#
# 1. Yes: one pixel takes about one point from the probability of "cat", 4 pixels take more than ten, and after 8 pixels
#    it is below 50 %. Some of the picture leaves at the right, too. What else a move does to a model is a subject of
#    notebooks 01 and 02.
# 2. The square in row 6, column 4, counted from 0, on its nose, costs about eight points; every other one less than
#    two. No single square carries the answer. Hide several.
# 3. The bars say airplane, horse and deer, about a third each. The section "Show it what it does not know" is about
#    that.
#
# </details>
#
# ## Does your machine compute the same?
#
# *Why:* what the course says of its models holds for you only if your machine computes the same numbers.
#
# The model came from a file of weights and a *card* that says what it is. The card also keeps the numbers that the
# model gave for four fixed images when it was saved. Compare them with yours.

# %%
card = model.card
coarse = np.random.default_rng(20).integers(0, 256, (4, 4, 4, 3))  # (images, rows, columns, channels)
fixed = np.kron(coarse, np.ones((1, 8, 8, 1))).astype("uint8")  # (images, height, width, channels)
difference = np.abs(cct.predict(model, fixed) - card["logits_of_fixed_images"]).max()
print(f"{model.name}: {model.count_params():,} parameters, trained on {card['data']}")
print(f"classes: {', '.join(class_names)}")
print(f"largest difference from the card: {difference:.5f}")
assert difference < 1e-3, "This machine computes something else than the card says."

# %% [markdown]
# The cell compared the [logits](glossary.md), the model's scores of the ten classes before a softmax makes
# probabilities of them. The name `cct_2_3x2_32` is the authors': 2 blocks, convolutions of 3 x 3 pixels, 2 of them,
# images of 32 pixels a side.
#
# ## Show it what it does not know
#
# *Why:* sooner or later a model is given a picture that shows none of its classes.
#
# **Predict:** the first two photos show a cat and the shape of a horse. The other four show none of the ten classes:
# coffee, bricks, coins, a Chinese palace. How sure will the model be about those?

# %% tags=["trap"]
probabilities = softmax(cct.predict(model, images))  # (images, classes)
figure = figures.draw_predictions(images, probabilities, class_names, list(originals))
figure.suptitle("Something always wins, also where no class fits")
alt = """Six small photos with three bars each: cat and horse are right; coffee, bricks, coins and
palace get a class too"""
cct.show(figure, alt=alt)

answers = [class_names[label] for label in probabilities.argmax(axis=1)]
for name, answer, sure in zip(originals, answers, probabilities.max(axis=1), strict=True):
    print(f"{name:7} {answer:10} {sure:.0%}")
assert answers[:2] == ["cat", "horse"] and probabilities[:2].max(axis=1).min() > 0.8
assert 0.7 < probabilities[2:].max() < 0.8  # and yet none of these four shows one of the ten classes

# %% [markdown]
# The cat and the horse are right, with more than 80 % each. Coffee, bricks, coins and the palace get a class as well,
# one of them with more than 70 %.
#
# > **Trap: a probability is not a sign of presence.** A classifier has no "none of these": its ten probabilities must
# > sum to 1, so something always wins. The probability says how the ten compare, not whether one of them is there.
#
# **To catch it:** show a model images of none of its classes before you trust its confidence.
#
# ## Where does it read?
#
# *Why:* the bars say what the model answers, not where it reads. But it computes weights, and those can be drawn.
#
# The convolutions turn the photo into 8 x 8 tokens; each sees 13 x 13 pixels and shares most of them with its
# neighbours (notebook 01). Two blocks of attention let every token read from all others. At the end [sequence
# pooling](glossary.md) makes one vector of them: a weighted mean, with weights that the model computes. Here are those
# weights for the cat, in the last picture as multiples of the uniform weight: a token that counts as much as the mean
# of all has the value 1.

# %%
tokenizer = model.get_layer("tokenizer")
assert tokenizer.grid(32, 32) == (8, 8) and tokenizer.output.shape[1:] == (64, 128)
pooling = cct.pooling_weights(model, images[:1])[0]  # (tokens,), sums to 1
figure, (photo, veil, alone) = figures.new_figure(1, 3, width=9, height=3.3)
figure.suptitle("A few squares around the nose count most")
figures.draw_image(photo, cat, "the photo")
figures.draw_overlay(veil, cat, pooling, (8, 8), "pooling weights over it")
times_uniform = 64 * pooling.reshape(8, 8)  # (tokens,) -> (rows, columns)
figures.draw_map(alone, times_uniform, "the weights alone", low=0, label="weight, times uniform")
alt = """Photo of a cat; the pooling weights are large on a few squares around the nose, and small
elsewhere"""
cct.show(figure, alt=alt)
print(f"largest weight: {times_uniform.max():.1f} times uniform; sum of all: {pooling.sum():.3f}")
assert 15 < times_uniform.max() < 16 and abs(pooling.sum() - 1) < 1e-5
assert pooling.shape == (64,) and model.get_layer("pooling").output.shape[1:] == (128,)

# %% [markdown]
# A token with a large weight is one that the model *reads from*. Whether it is also *why* the model says "cat" is
# another question. Notebook 08 tests it, with an explorer that shows every weight of every layer.
#
# ## Why not an ordinary transformer?
#
# *Why:* an ordinary transformer does without the convolutions that you know. What it gives up with them is the reason
# for CCT.
#
# A convolution of 3 x 3 computes, for each place $p$ of an image,
#
# $$y_p = \sum_{d} w_d\; x_{p+d}$$
#
# where $d$ runs over nine offsets, $x_{p+d}$ has the shape (channels in,), $w_d$ (channels out, channels in) and $y_p$
# (channels out,). Two things are taken for granted here before any image was seen. What belongs together lies close
# together: that is [locality](glossary.md). And the same pattern means the same everywhere, so $w_d$ does not depend on
# $p$: that is [weight sharing](glossary.md). From the second follows a third, [equivariance](glossary.md). If $T$ moves
# the image by some pixels, the output of the layer $f$ moves along:
#
# $$f(T x) = T f(x)$$
#
# What a model takes for granted before it sees data is its [inductive bias](glossary.md).
#
# **Predict:** a convolution with 64 filters of 3 x 3 on a photo of 32 x 32 x 3 has 1,728 weights, and 30 x 30 places
# where it fits. How many weights has a `Dense` layer between the same numbers?

# %%
convolution = keras.layers.Conv2D(64, 3, use_bias=False)
photo_in = cat[None].astype("float32") / 255  # (1, 32, 32, 3)
out = np.asarray(convolution(photo_in))  # (1, 30, 30, 64)
out_moved = np.asarray(convolution(np.roll(photo_in, 1, axis=2)))  # T: one pixel to the right
# f(T x) = T f(x), except in the column where pixels came in:
assert np.allclose(out_moved[:, :, 1:], out[:, :, :-1], atol=1e-5)

dense_weights = photo_in.size * out.size
print(f"convolution {convolution.count_params():,} weights, Dense {dense_weights:,}")
assert convolution.count_params() == 3 * 3 * 3 * 64 == 1728 and dense_weights == 176_947_200
assert dense_weights / 1728 == (32 * 32 * 3) / (3 * 3 * 3) * (30 * 30) == 102_400

# %% [markdown]
# The `Dense` layer has 177 million weights, 102,400 times as many: 113.8 times because it is not local (3,072 numbers
# for each output, not 27), and 900 times because it shares nothing between its 900 places.
#
# Attention takes another way. Its weights are not learned one by one but computed from the content, anew for each
# image: $y_p = \sum_q a(x_p, x_q)\, v(x_q)$, where $a$ is the weight, $v$ makes what is handed over, and $q$ runs over
# *all* places: no offset occurs. So it can compare the two eyes of a cat, however far apart. But it has to learn from
# the data that near pixels belong together.
#
# To see the difference, take two outputs of each of the three layers and draw the weights that each gives to 8 x 8
# inputs.


# %%
def around(row, column):  # the nine places that a convolution of 3 x 3 reads
    return slice(row - 1, row + 2), slice(column - 1, column + 2)


outputs = (2, 2), (5, 5)  # (row, column) of two outputs in a grid of 8 x 8
random = np.random.default_rng(0)
kernel = random.normal(size=(3, 3))
by_dense = random.normal(size=(2, 8, 8))  # (outputs, rows, columns), not trained
by_convolution = np.zeros((2, 8, 8))
for weights, place in zip(by_convolution, outputs, strict=True):
    weights[around(*place)] = kernel

head = cct.attention_maps(model, images[:1])[1, 0, 0]  # second block, first head: (tokens, tokens)
assert head.shape == (64, 64)
head = np.reshape(head, (8, 8, 8, 8))  # -> (row, column) of who reads, (row, column) of what is read
by_attention = np.stack([head[place] for place in outputs])  # (outputs, rows, columns)

# %%
reads = {
    "Dense:\na weight for every pair": by_dense,
    "Convolution:\n9 weights, shared": by_convolution,
    "Attention:\nfrom the content": by_attention,
}
alt = """Three columns of 8 x 8 weights for two outputs. Dense: many, all different. Convolution:
the same nine around both places. Attention: some large ones far away, and different ones for the two
outputs"""
cct.show(pictures.draw_reads(reads, outputs), alt=alt)

for weights, place in zip(by_attention, outputs, strict=True):
    assert np.isclose(weights.sum(), 1) and weights[around(*place)].sum() < 0.5
one, other = by_attention
elsewhere = np.abs(one - other).sum() / 2  # the part of its weight that the second has in other places
print(f"the second output has {elsewhere:.0%} of its weight in other places than the first")
assert elsewhere > 1 / 3

# %% [markdown]
# A blue box is the place of the output itself. In the first column (`Dense`, not trained) every place has a weight of
# its own for every output. In the second one kernel is moved along. In the third (a head of the trained model, on the
# cat) less than half of the weight lies on the nine places around each output, and the second output has more than a
# third of its weight in other places than the first: what the tokens hold decides.
#
# **Attention assumes almost nothing, so it needs data.** Trained on the 1.3 million photos of ImageNet alone, ViT was a
# few points behind convolutional networks of its size, and ahead of them only after 14 to 300 million photos
# ([Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929)). [Hassani et al.,
# 2021](https://arxiv.org/abs/2104.05704) ask whether transformers have to be so hungry, and answer no: let one or two
# convolutions make the tokens, which brings locality and weight sharing in at the start, keep attention for the rest,
# and pool the sequence. That is CCT.
#
# | year | what came | why it matters here |
# |---|---|---|
# | 1989 | [convolutional net](https://doi.org/10.1162/neco.1989.1.4.541) (LeCun et al.) | locality, shared weights |
# | 2014 | [attention](https://arxiv.org/abs/1409.0473) (Bahdanau et al.) | weights that are computed |
# | 2015 | [ResNet](https://arxiv.org/abs/1512.03385) (He et al.) | [residual connections](glossary.md), in blocks too |
# | 2017 | [transformer](https://arxiv.org/abs/1706.03762) (Vaswani et al.) | nothing but attention and small networks |
# | 2020 | [ViT](https://arxiv.org/abs/2010.11929) (Dosovitskiy et al.) | patches as tokens, many million photos |
# | 2020 | [DeiT](https://arxiv.org/abs/2012.12877) (Touvron et al.) | ImageNet is enough, with much augmentation |
# | 2021 | [CCT](https://arxiv.org/abs/2104.05704) (Hassani et al.) | convolutional tokens; 50,000 photos are enough |
# | 2021 | [CCT in Keras](https://keras.io/examples/vision/cct/) (Paul) | the example that this course started from |
#
# ## How good is it?
#
# *Why:* two right answers are no measure. For that you need many test photos, and other models to compare with.
#
# All numbers are for CIFAR-10: 50,000 training and 10,000 test photos of 32 x 32 pixels in ten classes.
# [Top-1](glossary.md) is the accuracy that `fit` shows; [top-5](glossary.md) counts an answer as right if the class is
# among the five most likely.

# %%
# Records of trainings that take longer than a notebook may:
results = Path(root, "notebooks", "results")
by_recipe = json.loads((results / "cifar10_recipe_a.json").read_text())["runs"]
top1 = 100 * np.array([run["test_top1"] for run in by_recipe])
print(f"ours, the authors' recipe: {top1.mean():.1f} ± {top1.std(ddof=1):.1f} %, {len(top1)} seeds")
print(f"ours, shipped: {card['test_top1']:.2%}, top-5 {card['test_top5']:.2%}, {card['epochs']} epochs")
race = json.loads((results / "07_race_time.json").read_text())["runs"]
example = next(run for run in race if run["run"].startswith("keras_io_2021"))
size, tested = example["parameters"], example["test"]
print(f"ours, the example of 2021 again: {tested['top1']:.2%}, {size:,} parameters")
by_optimizer = json.loads((results / "cifar10_adamw_muon.json").read_text())["runs"]
adamw, muon = (run["test_top1"] for run in by_optimizer)
print(f"ours, in the same time: AdamW {adamw:.1%}, Muon {muon:.1%}")

# %% [markdown]
# The table below quotes these records and the card of the model. The next cell checks that it quotes them rightly.

# %%
assert (round(top1.mean(), 1), round(top1.std(ddof=1), 1), len(top1)) == (88.3, 0.6, 3)
assert (card["test_top1"], card["test_top5"], card["epochs"]) == (0.9068, 0.994, 205)
assert {run["parameters"] for run in by_recipe} == {model.count_params()} == {283_723}
assert {run["epochs"] for run in by_recipe} == {200} and example["epochs"] == 30
assert (tested["top1"], tested["top5"], size) == (0.7641, 0.9841, 416_331)
assert {run["val_images"] for run in by_recipe} == {card["val_images"]} == {2500}
assert [round(100 * adamw, 1), round(100 * muon, 1)] == [89.6, 90.7]
assert 0.99 < by_optimizer[0]["seconds"] / by_optimizer[1]["seconds"] < 1.01  # the same time

# %% [markdown]
# | model | parameters | epochs | top-1 (%) | top-5 (%) | from |
# |---|---|---|---|---|---|
# | CCT, the [Keras example of 2021](https://keras.io/examples/vision/cct/) | 0.4M | 30 | 76.45 | 98.27 | its page |
# | the same recipe, run here | 416,331 | 30 | 76.41 | 98.41 | record, 1 seed |
# | the ViT beside it on that page | 4.7M | 100 | 78.22 | | [the same page](https://keras.io/examples/vision/cct/) |
# | CCT-2/3x2, the authors | 0.28M | 200 | 89.17 | | [their code](https://github.com/SHI-Labs/Compact-Transformers) |
# | CCT-2/3x2, their recipe, run here | 283,723 | 200 | 88.3 ± 0.6 | | record, 3 seeds |
# | **`cct_2_3x2_32_cifar10`**, the model above | 283,723 | 205 | 90.68 | 99.40 | its card, 1 seed |
# | ResNet-20, a convolutional network | 0.27M | | 91.25 | | [its paper](https://arxiv.org/abs/1512.03385) |
#
# **Why 88.3 and not 89.17?** Two differences speak for the authors' number. They train on all 50,000 photos; here 2,500
# are held out, and the best weights are chosen on them. And they report the best of four runs, each at the epoch that
# is best on the test photos. That flatters: on new photos the number would be smaller. How much each difference adds
# was not measured.
#
# The model above had a recipe of its own and another optimizer, [Muon](glossary.md) in place of [AdamW](glossary.md).
# The two were run side by side for the same time, each with its own learning rate and weight decay, all else equal:
# AdamW came to 89.6 %, Muon to 90.7 % (one seed each; notebook 10 is about such things).
#
# The convolutional network in the last line is better still. On small images a good one is hard to beat. A CCT is worth
# knowing because it shows what the assumptions of a convolution are worth, and because its parts are those of the large
# transformers.
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
# Read these in order. Take of the others what you need:
#
# | notebook | the question it answers |
# |---|---|
# | [09 What matters](09_what_matters.ipynb) | Which part earns its keep? |
# | [10 Stronger training](10_stronger_training.ipynb) | What do the tricks add, and when? |
# | [11 Your own images](11_your_own_images.ipynb) | Does it work on my data? |
# | [12 Text](12_text.ipynb) | Is it only for images? |
# | [13 One machine](13_one_machine.ipynb) | What makes a step faster or larger? |
# | [14 Many machines](14_many_machines.ipynb) | What when it outgrows my machine? |
# | [15 When it does not learn](15_when_it_does_not_learn.ipynb) | Why does my loss not fall? |
# | [16 Against a ConvNet](16_against_a_convnet.ipynb) | Why not a ResNet? |
#
# <!-- end of map -->
#
# Each says at its top what it builds on and how long it takes. The words that it defines are in the
# [glossary](glossary.md).
#
# ## How to use a notebook
#
# 1. **Predict.** Most sections ask a question before the code. Answer it, in a word or a number, before you run the
#    cell: write it down, as the answer often stands right below. Being wrong is where you learn.
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
# The **quick** profile runs each notebook in at most a minute on two CPU cores, offline, on 1,797 small handwritten
# digits. They have 8 x 8 pixels; the course doubles each pixel to 16 x 16. This profile is the default on a machine
# without a GPU. The **full** profile trains on CIFAR-10, and is the default with a GPU.
#
# The environment variable `CCT_PROFILE=quick` or `CCT_PROFILE=full` decides otherwise, and `CCT_DATA` names data of
# your own (an `.npz` file or a folder of class folders). Set them before you start Jupyter.

# %%
digits = cct.load_dataset("digits")
parts = {"training": digits.x_train, "validation": digits.x_val, "test": digits.x_test}
print({name: part.shape for name, part in parts.items()}, digits.x_train.dtype)
assert sum(len(part) for part in parts.values()) == 1797
odd, even = digits.x_train[:, 1::2, 1::2], digits.x_train[:, ::2, ::2]
assert np.array_equal(odd, even)  # each pixel is there twice

labels = [digits.class_names[label] for label in digits.y_train[:10]]
ten = figures.draw_images(digits.x_train[:10], labels, columns=10, side=0.9)
cct.show(ten, alt="Ten handwritten digits with their classes")

# %% [markdown]
# ## On Colab
#
# Open a notebook with the badge at its top. Colab has all packages that the course needs; you install nothing. If
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
# mistakes that are easy to make. The first ones are short.

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
# is not: `(batch,)` whole numbers. Some logits are in the hundreds. The `softmax` of this notebook bears that: find
# the line that makes it so.
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
# What you saw of one photo, in the order in which the model computes it:
#
# | name | shape | what it is |
# |---|---|---|
# | photo | (32, 32, 3) | rows, columns and colours; raw pixels, 0 to 255 |
# | tokens | (64, 128) | 8 x 8 pieces of the photo, each a vector of 128 numbers |
# | attention weights of a head | (64, 64) | in row $i$ how much token $i$ reads from each token |
# | pooling weights | (64,) | how much each token counts in the result |
# | pooled vector | (128,) | the mean of the tokens with these weights |
# | logits | (10,) | a score for each class |
# | probabilities | (10,) | the softmax of the logits |
#
# Each row of weights sums to 1, and so do the probabilities. Notebook 01 builds the tokens, 03 the attention weights,
# 05 the pooling weights and the pooled vector.
#
# - Your machine computes what the model computed when it was saved: the numbers agree with the card.
# - A transformer lets tokens read from each other by attention, with weights computed from their content. It takes
#   almost nothing for granted about images. Convolutions do: locality and shared weights, and so equivariance.
# - CCT puts convolutions before the transformer. One of fewer than 300,000 parameters is right on 90.7 % of the
#   CIFAR-10 test photos. It recognises a cat in 32 x 32 pixels, and finds a class for a tray of coins too.
# - Its weights can be drawn. What the drawings are worth is tested, not assumed.
#
# **The difference from the paper and the 2021 example.** The model is `cct_2_3x2_32` of [Hassani et al.,
# 2021](https://arxiv.org/abs/2104.05704), layer by layer that of the authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers). It was trained here, on CIFAR-10, so its
# accuracy is not one of the paper's. The [Keras example of 2021](https://keras.io/examples/vision/cct/) builds a
# close relative that differs in its blocks and its padding; the course says where.
#
# Next: [01 Patches and convolutions](01_patches_and_convolutions.ipynb). How does an image become tokens?

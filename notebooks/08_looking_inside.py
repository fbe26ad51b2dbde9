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
# # 8. Looking inside
#
# *What did it learn?*
#
# You will take a trained CCT apart: what each head reads, and what each token adds to the answer, to the last digit.
# Then you test which of these pictures can be believed.
#
# 105 minutes to read, 1 minute to run. Builds on [notebook 05](05_sequence_pooling.ipynb), on the weights of tokens.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/08_looking_inside.ipynb)

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

import keras
import numpy as np
import tensorflow as tf
from IPython.display import HTML, display
from PIL import Image
from scipy.special import softmax
from skimage import data as photos

from cct_helpers import figures
from cct_helpers.plots import nb08_looking_inside as pictures
from cct_helpers.topics import faithfulness

keras.utils.set_random_seed(0)

# %% [markdown]
# **Which way through?** The main line goes from *The model and two photos* to *Look for yourself*, about 34 minutes:
# you draw maps. Then a good place for a break; and from *A map from outside: the gradient* to *The same test, now, on
# your machine*, about 35: you test them. What stands under *For a second reading* can wait: the attention weights by
# hand, a trap of rollout, the first filters, two more controls, how occlusion differs from the votes, and the errors
# that the model is surest of.
#
# ## Before you begin
#
# Two questions on [notebook 07](07_training.ipynb):
#
# 1. The weights of which epoch are kept, and which images decide that?
# 2. Somebody adds 3 to all logits of an image. What happens to its probabilities?
#
# <details><summary>Answers</summary>
#
# 1. The epoch with the highest accuracy on the validation images. The test images are read once, at the end.
# 2. The probabilities stay as they are: the softmax divides by the sum, so a number that is added to every logit
#    cancels. You will need this below.
#
# </details>
#
# ## The model and two photos
#
# `cct_2_3x2_32_cifar10` comes with the course: 64 tokens, two layers of two heads, trained on CIFAR-10. The photos
# come with scikit-image. Of the ten classes, the first photo shows one, the second none.


# %%
def small(photo, side=32):
    """The middle square of a colour photo, resized: (side, side, 3) uint8."""
    height, width, _ = photo.shape
    length = min(height, width)
    top, left = (height - length) // 2, (width - length) // 2
    square = Image.fromarray(photo[top : top + length, left : left + length])
    return np.asarray(square.resize((side, side), Image.Resampling.BOX))


cat_and_motorcycle = [small(photos.chelsea()), small(photos.stereo_motorcycle()[0])]
images = np.stack(cat_and_motorcycle)  # (batch, height, width, channels)

# %% [markdown]
# A shipped model comes with its weights, and with a card that names its classes.

# %%
model = cct.load_pretrained("cct_2_3x2_32_cifar10")
names, grid = model.card["class_names"], model.get_layer("tokenizer").grid(32, 32)
logits = cct.predict(model, images)  # (batch, classes)
figure = figures.draw_predictions(images, softmax(logits, axis=1), names)
figure.suptitle("One clear case, and one without a right answer")
figure.set_figheight(2.3)  # room for this line
alt = "Photo of a cat: cat by far. Photo of a motorcycle: truck first, then automobile"
cct.show(figure, alt=alt, colours=256)  # few colours make a small file
assert [names[label] for label in logits.argmax(axis=1)] == ["cat", "truck"] and grid == (8, 8)

# %% [markdown]
# A motorcycle is neither a truck nor an automobile, and the model has to choose. That makes it worth a look.
#
# ## Attention, all of it
#
# *Why:* in the two layers, attention is the only way from one token to another. In each layer, each head, each token
# spreads one unit of weight over all tokens, as you saw in [notebook 03](03_self_attention.ipynb).
# `cct.attention_maps` collects these weights. Layers, heads, rows and columns count from 0.

# %%
maps = cct.attention_maps(model, images)
print("(layers, batch, heads, tokens, tokens) =", maps.shape)
assert np.allclose(maps.sum(axis=-1), 1, atol=1e-5)

# %% [markdown]
# One row tells where one token reads from. An [attention map](glossary.md) is a row laid over the photo. Here are
# all four rows of the token in row 3, column 3, none picked by hand, on one scale. Equal weights would be 1 times
# *uniform* everywhere.

# %%
token = 27  # row 3, column 3
figure = figures.draw_heads(images[0], maps[:, 0, :, token], grid, divmod(token, 8), high=6)
figure.suptitle("Every head reads from many squares, in a way of its own")
alt = """What token 27 of the cat photo reads from, in two layers of two heads, on one scale: spread
over many squares"""
cct.show(figure, alt=alt, colours=256)

# %% [markdown]
# How many squares is "many"? The [entropy](glossary.md) of a row says how widely it reads: 6 bits for 64 equal weights,
# 0 for a single token. Two to the power of the entropy is easier to picture: so many tokens, in equal parts, would read
# as widely.

# %%
bits = cct.entropy_bits(maps[:, 0]).mean(axis=-1)  # (layers, heads): the mean over 64 rows
for (layer, number), mean in np.ndenumerate(bits):
    print(f"layer {layer}, head {number}: {mean:.2f} bits, as {2**mean:.0f} equal tokens")
assert 35 <= 2 ** bits.min() and 2 ** bits.max() < 51

# %% [markdown]
# The heads read neither from one token nor from all alike. This says *where* a token reads. It does not say what it
# takes from there, nor what that is good for.
#
# > **Trap: every map on a scale of its own.** Most tools stretch the colours from the smallest to the largest weight
# > of each picture. Then a head that does nothing looks as busy as one that does.
#
# Make a head that knows nothing: random scores, almost equal. **Predict:** which map in the upper row is the trained
# one?

# %% tags=["trap"]
noise = softmax(np.random.default_rng(0).normal(0, 0.02, size=64))
trained = maps[1, 0, 1, 10]  # layer 1, head 1: what the token in row 1, column 2 reads
figure = pictures.draw_scales({"A": trained, "B": noise}, grid, high=6)
alt = "Two maps, each on its own scale, that look alike; below, on one scale, B is flat and A is not"
cct.show(figure, alt=alt, colours=256)
for name, weights in {"A": trained, "B": noise}.items():
    print(f"{name}: {cct.entropy_bits(weights):.3f} bits, largest {64 * weights.max():.2f} x uniform")
assert 64 * noise.max() < 1.1 and 64 * trained.max() > 3

# %% [markdown]
# <details><summary>Answer</summary>
#
# A is the trained one. The weights of B differ from uniform by less than a tenth; on a scale of its own that fills the
# whole range of colours.
#
# </details>
#
# **To catch it:** print the entropy and the largest weight in multiples of uniform, and draw what you compare on one
# scale.
#
# ## Through all layers: rollout
#
# *Why:* the tokens of layer 1 are mixtures already. A map of layer 1 says which mixtures a token reads, not which part
# of the photo. To follow the mixing back to the input tokens, [Abnar and Zuidema](https://arxiv.org/abs/2005.00928)
# average the heads, give half of each token to its own past (the residual connection), and multiply the layers. They
# call it [attention rollout](glossary.md):
#
# $$\tilde A_l = \tfrac12 (A_l + I), \qquad R = \tilde A_1 \tilde A_0, \qquad s = w R, \qquad w, s: (\text{tokens}),
# \quad A_l, R: (\text{tokens}, \text{tokens}).$$
#
# In a ViT, $w$ picks out the row of the class token. A CCT has none. The [pooling weights](glossary.md) take its place:
# they are the row with which the model reads its tokens.
#
# An example for paper first: two tokens, two layers.

# %%
attention = np.array([[[0.2, 0.8], [0.4, 0.6]], [[0.0, 1.0], [0.5, 0.5]]])  # (layers, tokens, tokens)
mixing = (attention + np.eye(2)) / 2
figure = pictures.draw_rollout(mixing, np.array([0.2, 0.8]))
alt = """From the pooled vector back to two input tokens: thick and thin lines with their shares,
0.32 and 0.68 at last"""
cct.show(figure, alt=alt, colours=256)
assert np.allclose(np.array([0.2, 0.8]) @ (mixing[1] @ mixing[0]), [0.32, 0.68])

# %% [markdown]
# Read it from right to left. The pooled vector takes 0.2 of the upper and 0.8 of the lower token. Of what it takes from
# the lower one, a quarter came from the upper one a layer before, and so on. Multiply along a path, add up the paths.
#
# Now with 64 tokens and the trained weights.

# %%
of_layers = maps.mean(axis=2)  # of the heads: (layers, batch, tokens, tokens)
early, late = (of_layers + np.eye(64)) / 2
rollout = late @ early  # (batch, tokens, tokens), like its factors
pooling = cct.pooling_weights(model, images)  # (batch, tokens)
shares = np.einsum("bt,btu->bu", pooling, rollout)  # (batch, tokens): of each input token
assert np.allclose(rollout, cct.attention_rollout(maps), atol=1e-6)
assert np.allclose(shares.sum(axis=-1), 1)

kinds = {"pooling weights": pooling[0], "rollout": shares[0]}
message = "Rollout spreads what the pooling weights read"
figure = pictures.draw_votes(images[0], grid, kinds, {}, message=message)
alt = "Cat; pooling weights high on a few squares; rollout, on the same scale, faint and spread out"
cct.show(figure, alt=alt, colours=256)
blur = 2 ** (cct.entropy_bits(shares) - cct.entropy_bits(pooling))  # (batch,)
assert blur.round().tolist() == [5, 3]

# %% [markdown]
# By its entropy, rollout reads as if from about five times as many tokens for the cat, and three times for the
# motorcycle. And it rests on assumptions: that a token is half its own past and half what it reads, that heads count
# equally, that values, MLP and norms change nothing. It has no sign, and it knows no class.
#
# A shortcut is the *last attention*, $w A_1$: what the pooled vector reads in layer 1 alone, without the halves and
# without layer 0. It will be tested too.
#
# ## The part that is exact: votes
#
# *Why:* weights have no sign and know no class. But the last steps of a CCT are a weighted mean of tokens and a linear
# layer. Both are sums, so their order can be changed: every token casts a *vote* in every logit,
#
# $$\text{logit}_c = \sum_t w_t \, (W_c \cdot x_t) + b_c , \qquad w: (\text{tokens}), \quad x: (\text{tokens},
# \text{dim}), \quad W: (\text{classes}, \text{dim}).$$
#
# No assumption is needed. Maps of this kind have a name: [class activation maps](glossary.md) ([Zhou et al.,
# 2016](https://arxiv.org/abs/1512.04150)), with learned weights $w_t$ here where theirs are all equal.
#
# **Predict:** what is the difference between a token's weight $w_t$ and its vote?

# %%
to_pooling = keras.Model(model.input, model.get_layer("pooling").input)
tokens = to_pooling(images, training=False).numpy()  # (batch, tokens, dim)
head = model.get_layer("head")
votes = pooling[..., None] * (tokens @ head.kernel.numpy())  # (batch, tokens, classes)

error = np.abs(votes.sum(axis=1) + head.bias.numpy() - logits).max()
print(f"votes {votes.shape}; sum of votes and bias minus the logit: at most {error:.0e}")
assert error < 1e-4
assert np.abs(votes - cct.token_votes(model, images)).max() < 1e-4
print(inspect.getsource(cct.token_votes).split('"""')[2])

# %% [markdown]
# <details><summary>Answer</summary>
#
# A vote has a sign and a class; a weight has neither. Two tokens of equal weight can pull in opposite directions.
#
# </details>

# %%
for_cat, kinds = votes[0, :, 3], {"pooling weights": pooling[0]}
message = "For the cat, weights and votes agree on a few squares"
cast = {'votes for "cat"': for_cat}
figure = pictures.draw_votes(images[0], grid, kinds, cast, message=message)
alt = "Cat; pooling weights and votes are high on the same few squares"
cct.show(figure, alt=alt, colours=256)
common = np.abs(votes.mean(axis=2)).mean() / np.abs(votes).mean()
print(f"mean over the classes: {common:.0%} of a vote's size;", end=" ")
print(f"lowest vote for cat {for_cat.min():+.2f}, highest {for_cat.max():+.2f}")
assert common < 0.1 and for_cat.min() > -0.05 and names[3] == "cat"

# %% [markdown]
# No token casts a vote against the cat worth naming. May a sign be read like that? A number added to all classes
# changes no probability, as you said at the top. So the sign of a vote for *one* class means something only where the
# votes of a token for all classes have a mean near 0. Here that mean is less than a tenth of a vote. Always safe is the
# difference of the votes for two classes.
#
# Note what a vote is tied to: an *output* token, which has read from the whole image in two layers. "This square of
# the photo made it a cat" does not follow.
#
# ## A large weight is not support
#
# *Why:* pooling weights are the map that is drawn most easily, and the one that is most easily read as a reason.
#
# > **Trap: reading weight as support.** A token with a large weight has a say. It need not speak for the class that
# > won.
#
# Look at the motorcycle, and only at its *heavy* tokens, those with more than 3 times the uniform weight. One is
# outlined: the one that favours the second class most. For which class does it speak?

# %% tags=["trap"]
winner, rival = np.argsort(-logits[1])[:2]
difference = votes[1, :, winner] - votes[1, :, rival]
heavy = np.where(64 * pooling[1] > 3, difference, np.inf).argmin()
kinds, cast = {"pooling weights": pooling[1]}, {f"{names[winner]}\nminus {names[rival]}": difference}
message, place = "The heavy token that favours the second class most", divmod(heavy, 8)
figure = pictures.draw_votes(images[1], grid, kinds, cast, place, message)
alt = """Motorcycle; the outlined token has a large weight, and its vote speaks for the second
class, not the first"""
cct.show(figure, alt=alt, colours=256)
print(f"token {heavy}: weight {64 * pooling[1, heavy]:.1f} x uniform,", end=" ")
print(f"vote for {names[winner]} rather than {names[rival]} {difference[heavy]:+.2f}")
assert 64 * pooling[1, heavy] > 3 and difference[heavy] < -0.1 and names[rival] == "automobile"

# %% [markdown]
# It speaks for the second class: it would have the model say *automobile*. A map of weights, with or without rollout,
# shows it in the same colour as the tokens that decided.
#
# **To catch it:** look at a signed measure beside the weights. Votes are one, and exact.
#
# **Predict:** among the first 200 test images of CIFAR-10, how many have a heavy token that votes for the second class?

# %%
results = Path(root) / "notebooks" / "results"
record = json.loads((results / "08_faithfulness_cifar10.json").read_text("utf-8"))
found = record["heavy_tokens"]  # on the first 200 test images of CIFAR-10
print(f"200 test images: {found['for_the_second_class']} of {found['tokens']} heavy tokens", end=" ")
print(f"vote for the second class, at least one in {found['images_with_one']} images")
assert round(found["for_the_second_class"] / found["tokens"], 2) == 0.08
assert found["images_with_one"] == 54

# %% [markdown]
# <details><summary>Answer</summary>
#
# 54 of the 200 images have at least one, though of all heavy tokens only 8 % vote for the second class.
#
# </details>
#
# So say "the model reads from here", never "this is why". There is a debate on this with good arguments on both sides:
# [Attention is not Explanation](https://arxiv.org/abs/1902.10186), and [Attention is not not
# Explanation](https://arxiv.org/abs/1908.04626).
#
# ## Look for yourself
#
# Point at a square of the photo, or walk with the arrow keys: the page shows where that token reads from, in every
# layer and head, and rollout, pooling weights and votes as above. It needs no kernel. Where scripts do not run, the
# pictures above show the same photo. Put the path of an image of your own in place of the photo.


# %%
def opened(path):
    return np.asarray(Image.open(path).convert("RGB"))


mine = photos.chelsea()  # or, for a file of your own: opened("my_photo.jpg")
display(HTML(cct.attention_explorer(model, small(mine), names)))

# %% [markdown]
# Here is a good place for a break. The second and the fourth exercise need nothing that comes later.
#
# ## A map from outside: the gradient
#
# *Why:* all maps so far use the parts of a CCT. Before they are tested they get a rival, the oldest kind of map,
# which works for any network: how much would the logit of the answer change if this pixel changed a little? That is a
# gradient ([Simonyan et al., 2013](https://arxiv.org/abs/1312.6034)). For a square, add up the sizes of the gradient
# at its pixels.


# %%
def gradient_map(model, images):
    """How much the pixels of each token's square move the logit of the answer: (images, tokens)."""
    pixels = tf.Variable(images, dtype="float32")
    with tf.GradientTape() as tape:
        answer = tf.reduce_max(model(pixels, training=False), axis=1)  # (images,)
    slopes = np.abs(tape.gradient(answer, pixels).numpy()).max(axis=-1)  # (images, height, width)
    rows, columns = model.get_layer("tokenizer").grid(*images.shape[1:3])
    height, width = images.shape[1] // rows, images.shape[2] // columns  # of a square
    squares = slopes.reshape(len(images), rows, height, columns, width)
    return squares.sum(axis=(2, 4)).reshape(len(images), -1)  # -> (images, tokens)


assert gradient_map(model, images).shape == (2, 64)

# %% [markdown]
# It costs one backward pass, knows the class, and has no sign in this form. The next section draws it.
#
# ## First test: shuffle the weights
#
# *Why:* a map that shows what the model *learned* must change when what it learned is destroyed ([Adebayo et al.,
# 2018](https://arxiv.org/abs/1810.03292)). So shuffle the numbers of each weight matrix. Every layer keeps its
# numbers, and no longer knows anything.
#
# Two maps are compared by their [rank correlation](glossary.md): sort the squares by each map, and correlate the
# places. 1 is the same order, 0 is unrelated, -1 the reverse.
#
# **Predict:** which of the maps looks most like before?


# %%
def maps_to_test(model):
    """name -> (images, tokens)"""
    rng, gradient = np.random.default_rng(0), gradient_map(model, images)
    given = faithfulness.maps_of(model, images, rng, gradient=gradient)
    return {name: given[name] for name in ("pooling weights", "rollout", "votes", "gradient")}


def shuffled(model, rng):
    """A copy of the model in which the numbers of each matrix stand in a random order."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for variable in copy.trainable_variables:
        if variable.ndim > 1:
            variable.assign(rng.permutation(variable.numpy().ravel()).reshape(variable.shape))
    return copy


# %%
rng, before = np.random.default_rng(0), maps_to_test(model)
after = [maps_to_test(shuffled(model, rng)) for _ in range(5)]
of_cat = [{name: some[name][0] for name in before} for some in (before, after[0])]
alt = """Four maps of the cat, trained above, weights shuffled below: above bright around the nose,
below noise, or flat"""
message = "Four maps of the cat, before and after"
cct.show(pictures.draw_shuffled(*of_cat, grid, ["votes"], message), alt=alt, colours=256)
for name, trained in before.items():
    alike = np.mean([faithfulness.spearman(trained, some[name]) for some in after])
    print(f"{name:16} rank correlation of trained and shuffled: {alike:+.2f}")
    assert abs(alike) < 0.15
assert max(some["gradient"].mean() for some in after) < before["gradient"].mean() / 20

# %% [markdown]
# <details><summary>Answer</summary>
#
# None of them: every correlation is near 0, so all four pass. The gradient map also fades, to less than a twentieth: a
# model that knows nothing cares little about any pixel. (In larger networks some popular maps fail this test, and show
# the edges of the photo whatever the weights are.)
#
# </details>
#
# ## Second test: hide and see
#
# *Why:* a map claims that some places matter. Then hide these places, and see whether the answer changes. In notebook
# 05 you did this to tokens, and by hand to one photo; here every map is tested.
#
# In the page below the model itself computes, after every click. Press *Hide squares* and click on the cat: a square
# takes on the mean colour of the photo. *Undo* brings it back.
#
# **Predict:** how many of the 64 squares must go before the probability of *cat* is below one half: if the votes choose
# them, and if chance does?

# %%
display(HTML(cct.live_model(model, images, names)))

# %% [markdown]
# How few squares do you need by hand? Then open *More: hide squares in the order of a map* and let the votes choose.
# The picture below shows the same, for readers of a page without scripts: squares in the order of their votes for
# *cat*, and in a random order.

# %%
orders = {"by votes": faithfulness.order_of(for_cat)}
orders["at random"] = faithfulness.random_orders(1, 64, np.random.default_rng(0))[0]
cat, fill = images[0], faithfulness.mean_fill(images[0])
counts, hidden, falling = [0, 8, 16, 24, 32, 48, 64], {}, {}
for name, order in orders.items():
    hidden[name] = faithfulness.remove_squares(cat, order, counts, grid, fill)
    falling[name] = softmax(cct.predict(model, hidden[name]), axis=1)[:, 3]  # (counts,)
    height = faithfulness.area(falling[name], counts)
    print(f"{name}: mean height of the row {height:.2f}")
    assert abs(height - {"by votes": 0.50, "at random": 0.54}[name]) < 0.01

alt = """The cat photo while more squares take on its mean colour, by votes and at random, with the
probability of cat"""
message = "Half of the photo hidden by votes, and the cat comes back"
figure = pictures.draw_removal(hidden, falling, np.array(counts) / 64, "cat", message)
cct.show(figure, alt=alt, colours=256)
chosen, random = falling.values()
assert chosen[1] > 0.5 > chosen[2] and random[3] > 0.5 > random[4] and abs(chosen[4] - 0.79) < 0.01

# %% [markdown]
# <details><summary>Answer</summary>
#
# By the votes it takes between 9 and 16 squares, at random between 25 and 32.
#
# </details>
#
# By the mean height of the two rows the votes win, but only just: 0.50 against 0.54. With half of the photo gone by
# votes, the model says *cat* with 79 % again: on pictures of which half is one colour a model is erratic, for it was
# never trained on such. One photo and one random order prove nothing.
#
# ## The same for 200 images: deletion
#
# *Why:* to see whether a map is better than no map, take many images, and fair opponents.
#
# Hide the squares of an image in the order of a map, and follow the probability of the class that the model named. This
# is the [deletion test](glossary.md) ([Petsiuk et al.](https://arxiv.org/abs/1806.07421)). The measure is the mean
# height as above, the *area* under the curve: a low one means that the map found what the model uses. Opponents are
# other orders of the same squares:
#
# - **random orders**, 20 for each image: a map must beat these at least;
# - **the centre**: a map that never looks at the image and says "the middle";
# - **occlusion**: hide one square alone, measure how far the probability falls, and do this for each of the 64. No
#   guess but a measurement, for 64 passes through the model.
#
# A fourth opponent, the map of another image, has its turn at a second reading, in *Two more controls*.
#
# The test takes minutes on a CPU, so its results are in a record, made by `notebooks/scripts/faithfulness_runs.py`: the
# first 200 test images of CIFAR-10, right or wrong, none chosen. Squares were replaced in two ways, by the mean colour
# and by a blurred copy, since neither is a natural picture.
#
# The picture shows, for each map, the area of the centre minus that of the map: above 0 the map is better than the
# centre. With 200 other images the mean would be another. How far it would move, the [bootstrap](glossary.md) tells:
# draw 200 out of the 200 with replacement, take the mean, repeat 5,000 times, and keep the middle 95 %.
#
# **Predict:** which maps beat the centre, which never saw the image?


# %%
def gains(areas, over):
    """Mean gain in area over one of the orders, and its interval: name -> (mean, low, high)."""
    rng = np.random.default_rng(0)
    gained = {name: np.subtract(areas[over], areas[name]) for name in areas if name != over}
    return {name: faithfulness.bootstrap_interval(each, rng) for name, each in gained.items()}


fills = ["mean colour", "blur"]
own = ["occlusion", "votes", "pooling weights", "gradient", "rollout", "last attention", "random"]
over_centre = {fill: gains(record[fill]["area"], "centre") for fill in fills}
drawn = {fill: {name: over_centre[fill][name] for name in own} for fill in fills}
label = "area of the centre minus that of the map (0: no better)"
title = "Each map against the middle of the image, on CIFAR-10"
alt = """Means with intervals: occlusion, votes, pooling weights and gradient lie above 0 with both
fills, rollout and last attention with neither; random orders lie below"""
cct.show(pictures.draw_intervals(drawn, label, title), alt=alt, colours=256)

# %%
assert record["sha256"] == model.card["sha256"]  # made with these weights
assert [record["images"], record["random_orders"]] == [200, 20]
better = [[over_centre[fill][name][1] > 0 for fill in fills] for name in own]  # intervals above 0
assert better == 4 * [[True, True]] + 3 * [[False, False]]
assert over_centre["blur"]["rollout"][0] > 0.015 and over_centre["blur"]["rollout"][1] > -0.002
assert all(over_centre[fill]["random"][2] < 0 for fill in fills)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Occlusion, votes, pooling weights and the gradient beat the centre, with both fills. Rollout and the last attention do
# so with neither: by this test they show little more than "the middle". (Rollout with the blur lies at the edge.)
# Random orders are worse than the centre, so beating *them* is weak evidence.
#
# </details>
#
# ### Which of the four is best?
#
# *Why:* four dots of a picture in an order are not yet a ranking. Whether one map beats another is read off the
# interval of their *difference*. Take the votes against each of the other three.


# %%
def say(name, intervals):
    """Print a name with its means and intervals."""
    texts = [f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]" for mean, low, high in intervals]
    print(f"{name:16}", "   ".join(texts))


print(f"votes over       {fills[0]:25} {fills[1]}")
for other in ("pooling weights", "gradient", "occlusion"):
    both = [gains(record[fill]["area"], other)["votes"] for fill in fills]
    say(other, both)
    assert [low > 0 for _, low, _ in both] == [other == "pooling weights", False]
    assert all(high > 0 for _, _, high in both)
    assert other != "pooling weights" or max(mean for mean, _, _ in both) < 0.01

# %% [markdown]
# The votes, which know the class, are ahead of the pooling weights, which do not, by less than 0.01, and with the blur
# not even that is certain. They cannot be told apart from the gradient, which any network has, nor from occlusion. So
# this test does not say which of the four is best.
#
# Nor does it say all about them. It hides squares, which makes pictures that the model was never trained on (training
# it anew on such pictures is the expensive way out: [Hooker et al., 2018](https://arxiv.org/abs/1806.10758)). And a
# square is smaller than what a token sees of the image.
#
# ## The same test, now, on your machine
#
# *Why:* a record of one model on one data set is no law. Here is the whole of it on a small scale: the shipped CCT for
# digits, 16 tokens, on 60 of its test images. The images are cleaner, and each square is a larger part of its image.
# `measure` is the function that made the record. **Predict:** which opponent is hardest to beat, for digits?


# %%
def measure(model, images, fill, seed=0):
    """Deletion curves of all maps (images, points), the maps, and occlusion (images, tokens)."""
    rng = np.random.default_rng(seed)
    tested = faithfulness.maps_of(model, images, rng, gradient=gradient_map(model, images))
    grid = model.get_layer("tokenizer").grid(*images.shape[1:3])

    def predict(some):
        return softmax(cct.predict(model, some), axis=1)

    curves, occlusion = faithfulness.compare_orders(predict, images, tested, grid, fill, rng)
    return curves, tested, occlusion


# %%
reader, digits = cct.load_pretrained("cct_2_3x2_16_digits"), cct.load_dataset("digits")
curves_of_digits, _, _ = measure(reader, digits.x_test[:60], faithfulness.mean_fill)
steps = faithfulness.removal_counts(16)
areas = {name: faithfulness.area(falls, steps) for name, falls in curves_of_digits.items()}
live = gains(areas, "centre")
title = "Each map against the middle of the image, on digits"
drawn = {"mean colour": {name: live[name] for name in own}}
alt = "Occlusion lies level with the centre; all maps of the model below it, random orders farthest"
cct.show(pictures.draw_intervals(drawn, label, title), alt=alt, colours=256)
for name in own:
    mean, _, high = live[name]
    assert name == "occlusion" or (high < 0 and mean < -0.05)
    assert name == "random" or mean > live["random"][0] + 0.02
assert live["occlusion"][1] < 0 < live["occlusion"][2]

# %% [markdown]
# <details><summary>Answer</summary>
#
# The centre: here it beats every map of the model, by 0.05 or more, and only occlusion, the direct measurement, keeps
# up with it. The middle is where a digit is. Had the centre been left out, every map would look faithful: on the mean
# all are ahead of the random orders.
#
# </details>
#
# The main line ends here. What did the model learn? On CIFAR-10, four maps tell more of where it looks than "in the
# middle". On digits none of the model's own does. So test a map on your own data before you believe it; and even then
# it says where, not why.
#
# ## For a second reading
#
# Each section stands for itself.
#
# ### The attention weights, by hand
#
# *Why:* is what we look at what the model does? Here are the weights of layer 0, from its own matrices:
#
# $$A = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_h}}\right), \qquad Q, K: (\text{tokens}, d_h), \quad A:
# (\text{tokens}, \text{tokens}),$$
#
# with the head size $d_h$, as in [notebook 03](03_self_attention.ipynb).

# %%
block = model.get_layer("block_0")
normed = block.pre_norm(keras.Model(model.input, block.input)(images, training=False)).numpy()
heads, size = block.num_heads, normed.shape[-1] // block.num_heads
qkv = (normed @ block.attention.qkv.kernel.numpy()).reshape(2, 64, 3, heads, size)
queries, keys, _ = qkv.transpose(2, 0, 3, 1, 4)  # (batch, heads, tokens, head size) each
by_hand = softmax(queries @ keys.swapaxes(-1, -2) / np.sqrt(size), axis=-1)
assert np.abs(by_hand - maps[0]).max() < 1e-5

# %% [markdown]
# They are what `cct.attention_maps` returned.
#
# ### Rollout with the wrong axis
#
# *Why:* you write rollout yourself, or use a version that you found.
#
# > **Trap: normalising along the wrong axis.** Some versions drop small weights first and then divide by the row
# > sums, without `keepdims`. That divides column `j` by the sum of row `j`. ([An open
# > report](https://github.com/jacobgil/vit-explain/issues/16) of this in a popular tool.)
#
# **Predict:** does every row still sum to 1? Could you see it in a picture?

# %% tags=["trap"]
whole = early[0]  # (tokens, tokens), rows sum to 1
kept = np.where(whole >= np.quantile(whole, 0.9), whole, 0)
by_row = kept / kept.sum(axis=-1, keepdims=True)
by_column = kept / kept.sum(axis=-1)
for name, rows in {"with keepdims": by_row, "without": by_column}.items():
    sums = rows.sum(axis=-1)
    print(f"row sums, {name}: {sums.min():.3f} to {sums.max():.3f}")
assert np.allclose(by_row.sum(axis=-1), 1) and 0.05 < np.abs(by_column.sum(axis=-1) - 1).max() < 0.1
assert np.allclose(whole / whole.sum(axis=-1), whole, atol=1e-5)  # while rows are whole, no harm

# %% [markdown]
# <details><summary>Answer</summary>
#
# The rows no longer sum to 1, but they miss it by less than a tenth, which no eye sees in a picture. As long as every
# row sums to 1 the wrong axis does no harm at all: that is the last assert, and why the mistake stays unnoticed.
#
# </details>
#
# **To catch it:** assert the row sums after every step.
#
# ### The first filters
#
# *Why:* you would like to see what the model looks for first. The first convolution sees the pixels themselves, so its
# 64 filters can be drawn as pictures of 3 x 3 pixels, with grey for 0.
#
# Some filters look at light and ignore colour. To find them, take the mean of a filter's three channels: what is left
# is what it does to grey. The share of its squared weights that is left is its *grey part*: 1 for a filter that
# ignores colour, 0 for one that compares colours and ignores light, and one third on average for random numbers.


# %%
def grey_part(kernels):
    """(filters, 3, 3, channels) -> (filters,), from 0 to 1."""
    return 3 * (kernels.mean(axis=-1) ** 2).sum(axis=(1, 2)) / (kernels**2).sum(axis=(1, 2, 3))


kernels = model.get_layer("tokenizer").get_weights()[0].transpose(3, 0, 1, 2)  # -> (64, 3, 3, channels)
grey = grey_part(kernels)
chance = grey_part(np.random.default_rng(0).normal(size=(10_000, 3, 3, 3)))
figure = pictures.draw_filters(kernels, grey, rows=4)
alt = """64 small pictures in four rows: at the top dark and light edges without colour, at the
bottom coloured patterns"""
cct.show(figure, alt=alt, colours=256)
assert (grey > 0.8).sum() == 30 and (grey < 0.2).sum() == 20  # of 64
assert (chance > 0.8).mean() < 0.01 and abs((chance < 0.2).mean() - 0.14) < 0.01
assert abs(chance.mean() - 1 / 3) < 0.01

# %% [markdown]
# Training has split the filters in two. 30 of the 64 have a grey part above 0.8, where random numbers would give hardly
# one, and 20 have one below 0.2, where random numbers would give 9. [Krizhevsky et al.,
# 2012](https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html) saw the same split in a
# network of another size on other images. This picture needs no test: the filters *are* the weights. From the second
# layer on, filters no longer look at pixels, and a picture of their weights tells little.
#
# ### Two more controls
#
# *Why:* perhaps a map is good for any photo, or wins because its squares hang together. Two controls ask that:
#
# - **another image's map**: the same kind of map, of three wrong images;
# - **votes, moved**: the image's own votes, shifted around the grid three times: the same neighbours, at wrong places.

# %%
assert record["others"] == 3
print(f"over another's   {fills[0]:25} {fills[1]}")
for name in ("votes", "pooling weights", "gradient", "rollout", "last attention"):
    both = [gains(record[fill]["area"], f"another image's {name}")[name] for fill in fills]
    say(name, both)
    assert all(low > 0 and 0.04 <= round(mean, 2) <= 0.07 for mean, low, _ in both)
both = [gains(record[fill]["area"], "random")["votes, moved"] for fill in fills]
print("over random orders")
say("votes, moved", both)
assert all(high < 0 for _, _, high in both)

# %% [markdown]
# Every map beats the same map of other images, by 0.04 to 0.07: it does say something about *this* image. The moved
# votes are worse than random orders: a hole in the wrong place hurts less than the same number of scattered squares. So
# the maps do not win because their squares hang together, but because of where they are.
#
# ### Occlusion leads, and falls behind
#
# *Why:* by area, votes and occlusion are level, and yet their curves look different. The picture shows how much further
# the probability has fallen than in the order of the centre.

# %%
shown, curves = ["occlusion", "votes", "pooling weights", "rollout", "random"], {}
eighth, half = (record["counts"].index(count) for count in (8, 32))  # of 64 squares
for fill in fills:
    of_fill = record[fill]["mean_curve"]
    curves[f"hidden squares: {fill}"] = {name: of_fill[name] for name in [*shown, "centre"]}
    behind = np.subtract(of_fill["occlusion"], of_fill["votes"])  # (points,)
    assert behind[eighth] < -0.15 and behind[half] > 0.06
title = "Occlusion leads at first, and falls behind from the middle on"
figure = pictures.draw_deletion(curves, record["counts"], "centre", ["random"], title)
alt = """Lines around the centre at 0: occlusion far above it at first, below from the middle on;
votes and pooling weights a little above; random orders far below"""
cct.show(figure, alt=alt, colours=256)

# %% [markdown]
# After an eighth of the squares the probability is more than 15 points lower in the order of occlusion than in that of
# the votes, with both fills. After a half it is more than 6 points higher. Occlusion takes first what hurts most when
# it goes *alone*, and never saw two squares go together.
#
# ### Do votes and occlusion name the same squares?
#
# *Why:* a map claims to know, in one pass, what occlusion measures in 64. Then both should name the same squares. For
# more than 60 % of the squares, hiding one alone changes the probability by less than one percentage point: the order
# among these means nothing. So compare the top 8. By chance two maps share one of them.
#
# **Predict:** how many do the votes share with occlusion, and how many the centre?

# %%
usual = np.array([record[fill]["occlusion_mean"] for fill in fills])
expected = {"votes": ([2.2, 2.4], [2.5, 2.6]), "centre": ([2.0, 2.0], [2.2, 2.3])}
print("with each fill    shared of 8   effect of each alone, times the mean")
for name, (shares_8, effects) in expected.items():
    common = [np.mean(record[fill]["against_occlusion"][name]["shared"]) for fill in fills]
    strong = [record[fill]["occlusion_of_the_8_largest"][name] for fill in fills] / usual
    print(f"{name:17} {common[0]:.1f} and {common[1]:.1f}   {strong[0]:.1f} and {strong[1]:.1f}")
    assert np.round(common, 1).tolist() == shares_8 and np.round(strong, 1).tolist() == effects
other_fill = np.mean(record["occlusion_of_both_fills"]["shared"])
print(f"occlusion with one fill and with the other: {other_fill:.1f} of 8")
assert round(other_fill, 1) == 4.9
assert min(record[fill]["occlusion_below_0.01"] for fill in fills) > 0.6

# %% [markdown]
# <details><summary>Answer</summary>
#
# The votes share 2.2 to 2.4 of the 8, and the centre 2.0. Even occlusion shares only 4.9 with itself, if the other fill
# is used. What sets the votes apart is that the squares they name have a larger effect, each hidden alone: 2.5 and 2.6
# times the mean, against 2.2 and 2.3 for the centre.
#
# </details>
#
# So they agree on a few squares that matter. And two maps of equal area can name different squares: what a square does
# alone is not what it does when others are hidden too.
#
# ### Wrong, and how sure
#
# *Why:* errors show what a model has not understood, and now and then a wrong label. The surest ones are the most
# interesting. The record has the answers of the CIFAR-10 model for all 10,000 test images.
#
# **Predict:** of the answers that the model is 90 % sure of or more, how many are wrong?

# %%
sure = record["confidence"]
tenths = [some for some in sure["tenths"] if some["images"] >= 50]
says, answers = ([some[kind] for some in tenths] for kind in ("confidence", "images"))
right = [some["right"] / some["images"] for some in tenths]
title = "How often it is right follows how sure it is, not exactly"
figure = pictures.draw_calibration(says, right, answers, title)
alt = "Share of right answers against confidence: all dots lie above the diagonal"
cct.show(figure, alt=alt, colours=256)
assert np.all(np.array(right) > says)

# %%
top, surest = tenths[-1], sure["surest_errors"][:6]
print(f"{top['images']:,} answers with 90 % or more, {top['images'] - top['right']} of them wrong")
for error in surest:
    print("test image {image:4}: {confidence:.0%} sure of {says}; it is {is}".format(**error))
assert (top["images"], top["right"], round(top["confidence"], 2)) == (5532, 5487, 0.93)
assert round(right[-1], 2) == 0.99
animals = {"bird", "cat", "deer", "dog", "frog", "horse"}
assert sum({error["says"], error["is"]} <= animals for error in surest) == 5

# %% [markdown]
# <details><summary>Answer</summary>
#
# 45 of 5,532, less than one in a hundred. The model says 93 % there and is right in 99 %: it is *less* sure than it
# could be.
#
# </details>
#
# How well confidence and accuracy agree is called [calibration](glossary.md) ([Guo et al.,
# 2017](https://arxiv.org/abs/1706.04599)). Large networks are usually too sure. This one was trained with label
# smoothing ([notebook 07](07_training.ipynb)), which asks for less than certainty, and got it: at every confidence it
# is right more often than it says.
#
# Five of the six surest errors take one animal for another. CIFAR-10 has wrong labels too, so look at the images before
# you blame the model.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/08_looking_inside.ipynb).

# %% [markdown]
# ### Exercise: Do two maps mark the same squares?
#
# *Warm-up, 10 minutes.* A rank correlation looks at all squares, those that hardly matter too. Compare the top
# instead: for two kinds of map `one` and `other`, `(n, tokens)` each, return how many of their `k` largest squares
# the two have in common, `(n,)` whole numbers, and beside it how many that would be by chance on average, a number.
# Which rank a square has among the `k` is no matter.
#
# `shared_squares(np.array([[9, 5, 1, 0]]), np.array([[4, 7, 0, 5]]), 2)` gives `([1], 1.0)`: tokens 0 and 1 against 1
# and 3.


# %% tags=["exercise"]
def shared_squares(one, other, k):
    return np.zeros(len(one), int), 0.0  # your lines here


cct.check("shared_squares", shared_squares)

# %% [markdown]
# ### Exercise: This class rather than that one
#
# *10 minutes.* A vote for a class says little alone: a number added to all classes changes no probability. So ask
# what speaks for one class *rather than* another, and for each image ask of two classes of its own: `first` and
# `second`, `(batch,)` whole numbers. From tokens `(batch, tokens, dim)`, pooling `weights` `(batch, tokens)`, and
# `kernel` `(dim, classes)` and `bias` `(classes,)` of the head, return the votes for the difference of the two logits,
# `(batch, tokens)`, and what the bias adds to it, `(batch,)`.
#
# `votes_between(np.ones((1, 2, 1)), np.array([[0.25, 0.75]]), np.array([[5.0, 1.0]]), np.array([2.0, 3.0]),
# np.array([0]), np.array([1]))` gives `([[1.0, 3.0]], [-1.0])`.


# %% tags=["exercise"]
def votes_between(tokens, weights, kernel, bias, first, second):
    return np.zeros(weights.shape), np.zeros(len(weights))  # your lines here


cct.check("votes_between", votes_between)

# %% [markdown]
# ### Exercise: Take squares out, in an order
#
# *15 minutes.* Fill the first `count` tokens of `order` with the mean colour of the image `(height, width, channels)`,
# floating-point numbers, and leave the rest as it is. Token `i` covers `size` x `size` pixels, tokens are in reading
# order and counted from 0, and the image you are given must not change.
#
# `remove_squares(np.array([[[1.0], [2.0], [6.0]]]), np.array([2, 0, 1]), 1, 1)[:, :, 0]` gives `[[1.0, 2.0, 3.0]]`.


# %% tags=["exercise"]
def remove_squares(image, order, count, size):
    return np.zeros(image.shape)  # your lines here


cct.check("remove_squares", remove_squares)

# %% [markdown]
# ### Exercise: From the pooled vector back to the image
#
# *20 minutes.* Rollout took halves for granted, two layers, and a product of whole matrices. Do without: `maps`
# `(layers, batch, heads, tokens, tokens)` has any number of layers, the first one first, and `past_share` is the share
# of a token that is its own past; its attention, the mean of the heads, gets the rest. Return the share of each input
# token in the pooled vector, `(batch, tokens)`; `pooling` `(batch, tokens)` are the pooling weights.
#
# With one layer, `input_shares(np.array([[1.0, 0.0]]), np.array([[[[[0.0, 1.0], [0.5, 0.5]]]]]), 0.4)` gives `[[0.4,
# 0.6]]`.


# %% tags=["exercise"]
def input_shares(pooling, maps, past_share):
    return np.zeros(pooling.shape)  # your lines here


cct.check("input_shares", input_shares)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(8)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Turn the deletion test round: start with the fill and *insert* squares in the order of a map. Does the order of
#    the maps stay the same?
# 2. Open the live model in *More: switch parts off*, and switch off one head after the other. Does the head whose map
#    you like best matter most?
#
# ## Recap
#
# | map | sign? | knows the class? | exact? | weights shuffled | deletion test on CIFAR-10 |
# |---|---|---|---|---|---|
# | last attention | no | no | no | not tested | level with the centre |
# | rollout | no | no | no | passes | level with the centre, or just above it |
# | pooling weights | no | no | as weights | passes | beats the centre |
# | votes | yes | yes | for output tokens | passes | beats the centre |
# | gradient | no | yes | for tiny changes | passes | beats the centre |
# | occlusion | yes | yes | for one square alone | not tested | beats the centre |
#
# - Attention weights say where a token reads from. Compare them on one scale, in multiples of uniform, beside their
#   entropy.
# - Rollout multiplies the layers; in a CCT the pooling weights are its last row. Rows must sum to 1 at every step.
# - Votes split a logit exactly into signed parts, one for each output token. A token with a large weight can vote
#   against the class.
# - Whether a map is faithful is a question for an experiment, with controls: the centre is one that is easy to forget.
#   On CIFAR-10 four maps beat it, and the test does not say which of them is best. On the digits no map of the model
#   does.
#
# **The difference from the paper and the 2021 example.** Nothing here changes the model. Rollout was proposed for
# models with a class token; taking it through the pooling weights is our way for the pooling of the [CCT
# paper](https://arxiv.org/abs/2104.05704). Its half-and-half assumption fits the authors' block less well than
# others, since there a norm stands on the residual stream itself
# ([code](https://github.com/SHI-Labs/Compact-Transformers)). The [Keras example of
# 2021](https://keras.io/examples/vision/cct/) pools in the same way, so the votes are exact for it as well. It
# draws no maps.
#
# Next: [09 What matters](09_what_matters.ipynb). Which part earns its keep?

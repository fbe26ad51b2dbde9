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
# You will take a trained CCT apart: what each head reads, what each token adds to the answer, to the last digit. Then
# you test whether pictures of this kind can be believed.
#
# 20 minutes to read, 1 minute to run. Builds on [notebook 05](05_sequence_pooling.ipynb), on the weights of tokens.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/08_looking_inside.ipynb)

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
import json

import keras
import numpy as np
from IPython.display import HTML, display
from PIL import Image
from skimage import data as photos

from cct_helpers import figures
from cct_helpers.plots import nb08_looking_inside as pictures
from cct_helpers.topics import faithfulness

keras.utils.set_random_seed(0)

# %% [markdown]
# ## The model and two photos
#
# `cct_2_3x2_32_cifar10` comes with the course: 64 tokens, two layers of two heads, trained on CIFAR-10. The photos
# come with scikit-image. Of the ten classes, the first shows one, the second none.


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


# %%
model = cct.load_pretrained("cct_2_3x2_32_cifar10")
names, grid = model.card["class_names"], model.get_layer("tokenizer").grid(32, 32)
images = np.stack([small(photos.chelsea()), small(photos.stereo_motorcycle()[0])])  # (batch, height, width, channels)
logits = cct.predict(model, images)
predicted = logits.argmax(axis=1)
alt = "Photo of a cat: cat by far. Photo of a motorcycle: truck first, then automobile"
cct.show(figures.draw_predictions(images, softmax(logits), names), alt=alt)
assert [names[label] for label in predicted] == ["cat", "truck"] and grid == (8, 8)

# %% [markdown]
# A motorcycle is neither a truck nor an automobile, and the model has to choose. That makes it worth a look.
#
# ## Attention, all of it
#
# In each layer, each head, each token spreads one unit of weight over all tokens. You built this in the notebook on
# attention. Here it is again for layer 0, from the weights of the trained model, to be sure that what we look at is
# what the model does.
#
# **Predict:** how many rows of weights are there in this small model, for one photo?

# %%
block = model.get_layer("block_0")
entering = keras.Model(model.input, block.input)(images, training=False)  # (batch, tokens, dim)
normed = block.pre_norm(entering).numpy()

heads, size = block.num_heads, normed.shape[-1] // block.num_heads
qkv = (normed @ block.attention.qkv.kernel.numpy()).reshape(2, 64, 3, heads, size)
queries, keys, _ = qkv.transpose(2, 0, 3, 1, 4)  # (batch, tokens, 3, heads, size) -> 3 x (batch, heads, tokens, size)
by_hand = softmax(queries @ keys.swapaxes(-1, -2) / np.sqrt(size))  # (batch, heads, tokens, tokens)

maps = cct.attention_maps(model, images)
print("(layers, batch, heads, tokens, tokens) =", maps.shape)
assert np.abs(by_hand - maps[0]).max() < 1e-5
assert np.allclose(maps.sum(axis=-1), 1, atol=1e-5)
assert maps[:, 0].size == 256 * 64 and maps[:, 0, :, :, 0].size == 256

# %% [markdown]
# 256 rows of 64 weights, for two layers of two heads. One row tells where one token reads from. Here are all four
# rows of one token, none picked by hand, on one scale.

# %%
token = 27  # row 3, column 3
rows = maps[:, 0, :, token]  # (layers, heads, tokens)
alt = "What token 27 of the cat photo reads from, in two layers of two heads, on one scale of colours"
cct.show(figures.draw_heads(images[0], rows, grid, divmod(token, 8), high=6), alt=alt)

entropy = cct.entropy_bits  # in bits: log2 of the number of tokens for equal weights, 0 when one token has it all
for layer, head in np.ndindex(maps.shape[0], heads):
    bits, largest = entropy(maps[layer, 0, head]).mean(), 64 * maps[layer, 0, head].max(axis=-1).mean()
    print(f"layer {layer}, head {head}: entropy {bits:.2f} of {np.log2(64):.0f} bits, largest {largest:.1f} x uniform")
assert np.all((entropy(maps[:, 0]).mean(axis=-1) > 3) & (entropy(maps[:, 0]).mean(axis=-1) < 5.95))

# %% [markdown]
# The numbers are means over all 64 rows of a head. Uniform weights would have 6 bits and a largest weight of 1 times
# uniform. Every head lies between: it reads from more than 8 tokens, which would be 3 bits, and not from all alike.
# This says *where* a token reads. It does not say what it takes from there, nor what it is good for.
#
# > **Trap: every map on a scale of its own.** Most tools stretch the colours from the smallest to the largest weight
# > of each picture. Then a head that does nothing looks as busy as one that does.
#
# Make a head that knows nothing: random scores, almost equal. **Predict:** which of the two in the upper row is the
# trained one?

# %% tags=["trap"]
noise = softmax(np.random.default_rng(0).normal(0, 0.02, size=64))
trained = maps[0, 0, 1, token]
figure = pictures.draw_scales({"A": noise, "B": trained}, grid, high=6)
cct.show(figure, alt="Two maps that look alike on their own scales; on one scale, one is flat")
print(f"noise:   entropy {entropy(noise):.3f} bits, largest {64 * noise.max():.2f} x uniform")
print(f"trained: entropy {entropy(trained):.3f} bits, largest {64 * trained.max():.2f} x uniform")
assert 64 * noise.max() < 1.1 < 3 < 64 * trained.max()

# %% [markdown]
# A is the noise. Its weights differ from uniform by less than a tenth. On its own scale that fills the whole range of
# colours.
#
# **To catch it:** print entropy and the largest weight in multiples of uniform, and draw what you compare on
# one scale.
#
# ## Through all layers: rollout
#
# Tokens of layer 1 are mixtures already. To follow the mixing back to the input tokens, [Abnar and
# Zuidema](https://arxiv.org/abs/2005.00928) average the heads, give half of each token to its own past (the residual
# connection), and multiply the layers. The paper calls it *attention rollout*.

# %%
first, second = ((maps[layer].mean(axis=1) + np.eye(64)) / 2 for layer in range(2))  # (batch, tokens, tokens)
rollout = second @ first
assert np.allclose(rollout, cct.attention_rollout(maps), atol=1e-6)
assert np.allclose(rollout.sum(axis=-1), 1, atol=1e-5)

# %% [markdown]
# In a ViT one takes the row of the class token. A CCT has none. **Predict:** what takes its place?

# %%
pooling = cct.pooling_weights(model, images)  # (batch, tokens)
shares = np.einsum("bt,btu->bu", pooling, rollout)  # (batch, tokens): share of each input token in the pooled vector
assert np.allclose(shares.sum(axis=-1), 1, atol=1e-5)

for i, name in enumerate(["cat", "motorcycle"]):
    for kind, weights in {"pooling": pooling[i], "rollout": shares[i]}.items():
        print(f"{name:10} {kind}: entropy {entropy(weights):.2f} bits, largest {64 * weights.max():.1f} x uniform")
    assert entropy(shares[i]) > entropy(pooling[i])

# %% [markdown]
# The pooling weights do: they are the row with which the model reads its tokens. Rollout is blurrier than they are,
# for both photos. It rests on assumptions: that halves are halves, that heads count equally, that values, MLP and
# norms change nothing. It has no sign, and it knows no class.
#
# > **Trap: normalising along the wrong axis.** Some versions drop small weights first and then divide by the row
# > sums, without `keepdims`. That divides column `j` by the sum of row `j`. ([An open
# > report](https://github.com/jacobgil/vit-explain/issues/16) of this in a popular tool.)
#
# **Predict:** what do the rows sum to then?

# %% tags=["trap"]
whole = first[0]  # (tokens, tokens), rows sum to 1
kept = np.where(whole >= np.quantile(whole, 0.9), whole, 0)
right = kept / kept.sum(axis=-1, keepdims=True)
wrong = kept / kept.sum(axis=-1)
for name, rows in {"right": right, "wrong": wrong}.items():
    print(f"row sums, {name}: {rows.sum(axis=-1).min():.3f} to {rows.sum(axis=-1).max():.3f}")
assert np.allclose(right.sum(axis=-1), 1) and np.abs(wrong.sum(axis=-1) - 1).max() > 0.05
assert np.allclose(whole / whole.sum(axis=-1), whole, atol=1e-5)  # while rows are whole, it changes nothing

# %% [markdown]
# To anything around 1. The last line is why it stays unnoticed: as long as every row sums to 1 the wrong axis does no
# harm.
#
# **To catch it:** assert the row sums after every step.
#
# ## The part that is exact: votes
#
# The last steps of a CCT are a weighted mean of tokens and a linear layer. Both are sums, so they can be swapped:
# every token casts a *vote* in every logit,
#
# $$\text{logit}_c = \sum_t w_t \, (W_c \cdot x_t) + b_c .$$
#
# No assumption is needed. **Predict:** what is the difference between a token's weight $w_t$ and its vote?

# %%
tokens = keras.Model(model.input, model.get_layer("pooling").input)(images, training=False).numpy()
score = model.get_layer("pooling").score
weights = softmax((tokens @ score.kernel.numpy())[..., 0])  # (batch, tokens, 1) -> (batch, tokens)
head = model.get_layer("head")
votes = weights[..., None] * (tokens @ head.kernel.numpy())  # (batch, tokens, classes)

error = np.abs(votes.sum(axis=1) + head.bias.numpy() - logits).max()
print(f"votes {votes.shape}; sum of votes and bias minus the logit: at most {error:.0e}")
assert error < 1e-4 and np.allclose(weights, pooling, atol=1e-5)
assert np.abs(votes - cct.token_votes(model, images)).max() < 1e-4
print(inspect.getsource(cct.token_votes).split('"""')[2])

# %% [markdown]
# A vote has a sign and a class, a weight has neither. Two weights of equal size can pull in opposite directions.

# %%
kinds = {"pooling weights": pooling[0], "rollout to the input": shares[0]}
figure = pictures.draw_votes(images[0], grid, kinds, {'votes for "cat"': votes[0, :, names.index("cat")]})
cct.show(figure, alt="Cat; pooling weights and votes are high on the same few squares, rollout is spread out")
correlation = faithfulness.spearman(pooling[0], votes[0, :, predicted[0]])
print(f"rank correlation of pooling weights and votes for cat: {correlation:.2f}")
assert votes[0, :, predicted[0]].min() > -0.05 and correlation > 0.7

# %% [markdown]
# For this clear case votes and weights nearly agree: no token casts a vote against the cat worth naming. Note what a
# vote is tied to: an *output* token, which has read from the whole image in two layers. "This square of the photo
# made it a cat" does not follow.
#
# > **Trap: reading weight as support.** A token with a large weight has a say. It need not speak for the class that
# > won.
#
# Take the motorcycle, and of its tokens with more than 3 times the uniform weight the one whose vote for the first
# class is lowest, compared with the second. **Predict:** does it speak for the class that the model named?

# %% tags=["trap"]
first, second = np.argsort(-logits[1])[:2]
difference = votes[1, :, first] - votes[1, :, second]
heavy = np.where(64 * pooling[1] > 3, difference, np.inf).argmin()
one, other = names[first], names[second]
signed = {f'votes for "{one}"': votes[1, :, first], f'"{one}" minus "{other}"': difference}
figure = pictures.draw_votes(images[1], grid, {"pooling weights": pooling[1]}, signed, divmod(heavy, 8))
cct.show(figure, alt="Motorcycle; the outlined token has a large weight and votes for the second class, not the first")
print(f"token {heavy}: weight {64 * pooling[1, heavy]:.1f} x uniform,", end=" ")
print(f"vote for {one} {votes[1, heavy, first]:+.2f}, for {other} {votes[1, heavy, second]:+.2f}")
assert 64 * pooling[1, heavy] > 3 and difference[heavy] < -0.1 and logits[1, first] > logits[1, second]

# %% [markdown]
# No: it would have the model say the second class. A map of weights, with or without rollout, shows it in the same
# colour as the tokens that decided. So say "the model reads from here", never "this is why".
#
# **To catch it:** look at a signed measure beside the weights. Votes are one, and exact.
#
# ## The first filters
#
# The first convolution sees the pixels themselves, so its 64 kernels can be drawn as pictures of 3 x 3 pixels. All of
# them, largest first, on one scale, where grey is 0.
#
# **Predict:** a random filter is a third grey. (The grey part is what stays when the mean of the three channels is
# taken.) What did training make of that?

# %%
kernels = model.get_layer("tokenizer").get_weights()[0]  # (3, 3, channels, 64)
kernels = kernels.transpose(3, 0, 1, 2)  # -> (64, 3, 3, channels)
kernels = kernels[np.argsort(-np.linalg.norm(kernels.reshape(64, -1), axis=1))]
alt = "64 small pictures: dark and light edges without colour, and coloured patterns"
cct.show(figures.draw_images(0.5 + 0.5 * kernels / np.abs(kernels).max(), columns=16, side=0.55), alt=alt)
grey = 3 * (kernels.mean(axis=-1) ** 2).sum(axis=(1, 2)) / (kernels**2).sum(axis=(1, 2, 3))  # (64,), 0 to 1
flat = 9 * (kernels.mean(axis=(1, 2)) ** 2).sum(axis=1) / (kernels**2).sum(axis=(1, 2, 3))
print(f"grey part: above 0.8 in {(grey > 0.8).sum()} filters, below 0.2 in {(grey < 0.2).sum()}, of {len(grey)}")
print(f"flat part (equal at all 9 pixels): below 0.05 in {(flat < 0.05).sum()} filters")
random = np.random.default_rng(0).normal(size=(1000, 3, 3, 3))
assert abs(3 * (random.mean(axis=-1) ** 2).sum() / (random**2).sum() - 1 / 3) < 0.01
assert (grey > 0.8).sum() > 15 and (grey < 0.2).sum() > 10 and (flat < 0.05).sum() > 40

# %% [markdown]
# Many split in two: some look at light and dark and ignore colour, others compare colours and ignore light. And most
# respond to a change between neighbouring pixels, not to an even area. [Krizhevsky et al.,
# 2012](https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html) report such a split,
# into filters that ignore colour and filters that need it, in a network of another size on other images.
#
# ## Can such a map be believed?
#
# A map claims that some places matter. So remove them and see. Replace the squares of an image by its mean colour, in
# the order of a map, and follow the probability of the class that the model predicted. The faster it falls, the
# better the map found what the model uses. This is the *deletion test* ([Petsiuk et
# al.](https://arxiv.org/abs/1806.07421)).
#
# **Predict:** which falls faster for the cat, removing squares by their votes, or in a random order?


# %%
orders = {
    "votes": faithfulness.order_of(votes[0, :, predicted[0]]),
    "random": faithfulness.random_orders(1, 64, np.random.default_rng(0))[0],
}
assert orders["votes"][0] == votes[0, :, predicted[0]].argmax()  # the strongest vote for "cat" goes first
counts = [0, 8, 16, 24, 32, 48, 64]
fill = faithfulness.mean_fill(images[0])
removed = {name: faithfulness.remove_squares(images[0], order, counts, grid, fill) for name, order in orders.items()}
falling = {name: softmax(cct.predict(model, some))[:, predicted[0]] for name, some in removed.items()}
alt = "The cat photo while more squares are grey, by votes and in random order, with the probability of cat above each"
cct.show(pictures.draw_removal(removed, falling, np.array(counts) / 64, "cat"), alt=alt)
for name, falls in falling.items():
    print(f"{name:7}", " ".join(f"{100 * probability:3.0f} %" for probability in falls))
assert all(falls[0] > 0.8 and falls[-1] < 0.3 for falls in falling.values())  # they differ in between alone

# %% [markdown]
# Compare the two rows. Do you trust the winner? On pictures that are half grey squares a model is erratic: another
# order, another photo or another training can turn the result round.
#
# One photo and one random order prove nothing. A test needs many images, and things to compare with:
#
# - **random orders**, 20 for each image: a map must beat these at least;
# - **the centre**: a map that never looks at the image and says "the middle";
# - **another image's map**: the same shape of map, but of the wrong image;
# - **occlusion**: remove one square alone, measure how far the probability falls, and do this for each of the 64. Not
#   a guess but a measurement, for 64 passes through the model.


# %%
def maps_of(model, images):
    """The maps to test, each (images, tokens)."""
    attention, pooling = cct.attention_maps(model, images), cct.pooling_weights(model, images)
    rollout = np.einsum("bt,btu->bu", pooling, cct.attention_rollout(attention))
    predicted = cct.predict(model, images).argmax(axis=1)
    grid = model.get_layer("tokenizer").grid(*images.shape[1:3])
    votes = cct.token_votes(model, images)[np.arange(len(images)), :, predicted]
    return {
        "pooling weights": pooling,
        "last attention": np.einsum("bt,bhtu->bu", pooling, attention[-1]) / attention.shape[2],
        "rollout": rollout,
        "votes": votes,
        "centre": np.tile(faithfulness.centre_map(grid), (len(images), 1)),
        "another image's rollout": np.roll(rollout, 1, axis=0),
        "another image's votes": np.roll(votes, 1, axis=0),
    }


# %%
def measure(model, images, fill, seed=0):
    """Deletion curves of all maps, (images, points) each, and their rank correlation with occlusion, (images,)."""
    maps, grid = maps_of(model, images), model.get_layer("tokenizer").grid(*images.shape[1:3])
    rng = np.random.default_rng(seed)

    def predict(some):
        return softmax(cct.predict(model, some))

    curves, occlusion = faithfulness.compare_orders(predict, images, maps, grid, fill, rng)
    return curves, {name: faithfulness.spearman(values, occlusion) for name, values in maps.items()}


# %%
print(inspect.getsource(faithfulness.deletion_curves).split('"""')[2])

# %% [markdown]
# CIFAR-10 is not on every machine, and 200 images take minutes on a CPU. So there is a record, made by this notebook
# with `CCT_DATA=cifar10.npz python notebooks/08_looking_inside.py --record`; the next cell is how. It has numbers for
# the first 200 test images, right or wrong, none chosen. Squares were replaced in two ways, by the mean colour and by
# a blurred copy, since neither is a natural picture.

# %%
record_path = Path(root) / "notebooks" / "results" / "08_faithfulness_cifar10.json"
fills = {"mean colour": faithfulness.mean_fill, "blur": faithfulness.blurred_fill}


def as_lists(arrays):
    return {name: np.round(array, 4).tolist() for name, array in arrays.items()}


if "--record" in sys.argv:
    test_images = cct.load_dataset().x_test[:200]
    what = "cct_2_3x2_32_cifar10 on the first 200 test images of CIFAR-10: probability of the predicted class"
    record = {"command": "CCT_DATA=cifar10.npz python notebooks/08_looking_inside.py --record", "what": what}
    record["sha256"] = model.card["sha256"]
    record |= {"images": len(test_images), "random_orders": 20, "steps": 8, "seed": 0, "keras": keras.__version__}
    for name, fill in fills.items():
        curves, agreement = measure(model, test_images, fill)
        means = as_lists({key: curve.mean(axis=0) for key, curve in curves.items()})
        areas = as_lists({key: faithfulness.area(curve) for key, curve in curves.items()})
        record[name] = {"mean_curve": means, "area": areas, "spearman_with_occlusion": as_lists(agreement)}
    record_path.write_text(json.dumps(record) + "\n", encoding="utf-8")
record = json.loads(record_path.read_text(encoding="utf-8"))
assert record["sha256"] == model.card["sha256"]  # made with these weights

# %%
curves = {f"squares replaced by {name}": record[name]["mean_curve"] for name in fills}
controls = ["random", "centre", "another image's rollout", "another image's votes"]
figure = pictures.draw_deletion(curves, "probability of the class (%)", controls)
cct.show(figure, alt="All deletion curves fall from 84 percent; at first occlusion falls fastest, random slowest")

# %% [markdown]
# The area under a curve sums it up: low means fast. For every image, take the area of its 20 random orders minus that
# of the map. Above 0 the map is better than random. The interval comes from the *bootstrap*: draw 200 images out of
# the 200 with replacement, take the mean, repeat 5,000 times, and keep the middle 95 %.


# %%
def gains(areas, over="random"):
    """Mean gain in area and its interval for each map: name -> (mean, low, high)."""
    rng = np.random.default_rng(0)
    others = [name for name in areas if name != over]
    return {name: faithfulness.bootstrap_interval(np.subtract(areas[over], areas[name]), rng) for name in others}


tested = {fill: gains(record[fill]["area"]) for fill in fills}
for fill, named in tested.items():
    for name, (mean, low, high) in named.items():
        print(f"{fill:11}  {name:24} {mean:+.3f}  [{low:+.3f}, {high:+.3f}]")
    assert min(low for name, (_, low, _) in named.items() if not name.startswith("another")) > 0
for name in ("another image's rollout", "another image's votes"):
    assert tested["mean colour"][name][1] < 0 < tested["mean colour"][name][2] and tested["blur"][name][1] > 0
figure = pictures.draw_intervals(tested, "area of random orders minus area of the map", "no better than random")
cct.show(figure, alt="Gain over random with intervals: the image's own maps overlap, another image's are last")

# %% [markdown]
# The record, as measured. Every map of the image's own is better than a random order, with both fills.
#
# Before you trust the word "better", look at the controls. The centre, which never saw the image, also beats random
# with both fills, and with the blur even the rollout and the votes of *another image* do. So beating random orders is
# weak evidence. They scatter their squares, a map tends to take out neighbours, and these are different kinds of broken
# pictures. A fair control has the same shape. Compare each map with the same map of another image, and with the centre.
#
# **Predict:** is anything left?

# %%
ahead = [("rollout", "another image's rollout"), ("votes", "another image's votes")]
ahead += [("votes", "centre"), ("pooling weights", "centre")]
level = [("rollout", "centre"), ("last attention", "centre"), ("votes", "pooling weights")]
level += [("votes", "occlusion"), ("pooling weights", "occlusion")]
for fill in fills:
    for name, over in ahead + level:
        mean, low, high = gains(record[fill]["area"], over)[name]
        print(f"{fill:11}  {name} against {over}: {mean:+.3f}  [{low:+.3f}, {high:+.3f}]")
        assert low > 0 if (name, over) in ahead else abs(mean) < 0.02 and low < 0.005

for fill in fills:
    for name, values in record[fill]["spearman_with_occlusion"].items():
        mean, low, high = faithfulness.bootstrap_interval(values, np.random.default_rng(0))
        if not name.startswith("another"):
            print(f"{fill:11}  rank correlation with occlusion, {name:16} {mean:+.3f}  [{low:+.3f}, {high:+.3f}]")
        assert mean < 0.1

# %% [markdown]
# Something is left. Rollout and votes both beat the same map of another image by 0.04 to 0.07, with intervals above 0:
# they do say something about *this* image. Against the centre they part. The votes and the pooling weights are ahead of
# it, by 0.02 to 0.03, with both fills. Rollout is ahead by less than 0.02, and with the mean colour its interval
# contains 0: it shows little more than "the middle". The last attention is level with the centre.
#
# And the votes, which know the class, cannot be told apart from the pooling weights, which do not; nor can either from
# occlusion, the direct measurement. The difference of two means is read off its own interval, not off their order.
#
# And then there is this. By area the votes and occlusion are level, yet their rank correlation is below 0.1, on a scale
# where 1 is the same order. Look at the curves again. Occlusion takes first the squares that hurt most when they go
# alone, and is far ahead after an eighth of them; from the middle on it is behind, as it never saw two squares go
# together.
#
# What the numbers do not say: removing squares makes pictures that the model was never trained on, a square of 4 pixels
# is smaller than the 13 that a token sees, and this is one model. Results that change with the fill should make you
# careful with any single one.
#
# ## The same test, now, on your machine
#
# Here is the whole of it on a small scale: a CCT with 16 tokens, trained on digits in this cell, tested on 200 of its
# test images. The images are cleaner and the squares larger, so do not expect the numbers of the record.

# %%
digits = cct.load_dataset("digits")
normalization = digits.x_train.mean(), digits.x_train.std()
settings = dict(input_shape=(16, 16, 1), dim=64, hidden_channels=32, normalization=normalization)
reader = cct.build_cct("cct_2_3x2_32", **settings)
cct.fit(reader, digits, dataclasses.replace(cct.RECIPES["quick"], epochs=8), verbose=False)
print(f"test accuracy {cct.evaluate(reader, digits.x_test, digits.y_test)['top1']:.1%}")

curves, agreement = measure(reader, digits.x_test[:200], faithfulness.mean_fill)
live = gains({name: faithfulness.area(curve) for name, curve in curves.items()})
for name, (mean, low, high) in live.items():
    rank = f", rank correlation with occlusion {np.mean(agreement[name]):+.2f}" if name in agreement else ""
    print(f"{name:24} {mean:+.3f}  [{low:+.3f}, {high:+.3f}]{rank}")
assert live["occlusion"][1] > 0 and max(live, key=live.get) == "occlusion" and live["centre"][0] > 0
assert (
    live["centre"][0] > max(live[name][0] for name in ("pooling weights", "last attention", "rollout", "votes")) - 0.01
)

# %% [markdown]
# Occlusion comes first. And here the centre, which saw no image, is as good as any map of the model or better, since
# the middle is where a digit is. Had it been left out, every map would look faithful. For the maps between, train
# again with another seed (`keras.utils.set_random_seed(1)` before the model is built) before you believe their order.
#
# ## Where it is wrong and sure
#
# The most confident errors are worth more than a second decimal of the accuracy: they show what a model has not
# understood, and now and then a wrong label.
#
# **Predict:** is the model less sure where it is wrong?

# %%
guesses = softmax(cct.predict(reader, digits.x_test))  # (images, classes)
wrong = np.flatnonzero(guesses.argmax(axis=1) != digits.y_test)
worst = wrong[np.argsort(-guesses[wrong].max(axis=1))][:6]
said, true = ([digits.class_names[i] for i in labels[worst]] for labels in (guesses.argmax(axis=1), digits.y_test))
figure = figures.draw_errors(digits.x_test[worst], said, true, guesses[worst].max(axis=1))
cct.show(figure, alt="The most confident errors on test digits, with guess, confidence and true class")
sure = [guesses.max(axis=1)[part].mean() for part in (guesses.argmax(axis=1) == digits.y_test, wrong)]
print(f"{len(wrong)} errors of {len(guesses)}; mean confidence where right {sure[0]:.2f}, where wrong {sure[1]:.2f}")
right = guesses.max(axis=1)[guesses.argmax(axis=1) == digits.y_test]
below = (right < guesses[worst[0]].max()).mean()
print(f"the surest error is surer than {below:.0%} of the right answers")
assert sure[0] > sure[1] + 0.1 and below > 0.1

# %% [markdown]
# Less sure on the mean, by a good margin. But the first picture is an error with a confidence that many right answers
# do not reach: a threshold that stops it would stop them too.
#
# ## Look for yourself
#
# Point at a token of the photo, or walk with the arrow keys. The explorer runs in the page, without a kernel; where
# scripts do not run, the still pictures below it show the same photo. Its layers, heads, rows and columns start at
# one, not at zero. Put the path of an image of your own in place of the photo.


# %%
def opened(path):
    return np.asarray(Image.open(path).convert("RGB"))


mine = photos.chelsea()  # or, for a file of your own: opened("my_photo.jpg")
display(HTML(cct.attention_explorer(model, small(mine), names)))

# %% [markdown]
# And all kinds of maps, with scales that stay the same: up to 6 times uniform for weights, half a logit for votes.

# %%
kinds = ["what one token reads from", "what all tokens read from", "rollout", "pooling weights", "votes for its class"]


def draw_kind(photo, kind, layer, head, row, column):
    i = ["cat", "motorcycle"].index(photo)
    chosen = predicted[i]
    if kind == kinds[4]:
        title = f'votes for "{names[chosen]}"'
        return pictures.draw_one_map(images[i], votes[i, :, chosen], grid, title, high=0.5, signed=True)
    token = (row, column) if kind == kinds[0] else None
    weights = {kinds[2]: shares[i], kinds[3]: pooling[i]}
    weights |= {kinds[0]: maps[layer, i, head, 8 * row + column], kinds[1]: maps[layer, i, head].mean(axis=0)}
    title = f"{kind}, layer {layer}, head {head}" if kind in kinds[:2] else kind
    return pictures.draw_one_map(images[i], 64 * weights[kind], grid, title, high=6, token=token)


# %%
start = dict(photo="cat", kind=kinds[0], layer=1, head=0, row=3, column=3)
settings = [start, start | {"kind": kinds[2]}, start | {"photo": "motorcycle", "kind": kinds[4]}]
controls = dict(photo=["cat", "motorcycle"], kind=kinds, layer=(0, 1), head=(0, 1), row=(0, 7), column=(0, 7))
alt = "What token 27 of the cat reads from; rollout for the cat; signed votes for truck on the motorcycle"
explorer = cct.explore(draw_kind, settings, alt, **controls)

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/08_looking_inside.ipynb).

# %% [markdown]
# ### Exercise: Do two maps mark the same squares?
#
# *Warm-up, 10 minutes.* A rank correlation looks at all squares, most of which hardly matter. Compare the top
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
# what speaks for class `first` *rather than* class `second`. From tokens `(batch, tokens, dim)`, pooling `weights`
# `(batch, tokens)`, and `kernel` `(dim, classes)` and `bias` `(classes,)` of the head, return the votes for the
# difference of the two logits, `(batch, tokens)`, and what the bias adds to it, a number.
#
# `votes_between(np.ones((1, 2, 1)), np.array([[0.25, 0.75]]), np.array([[5.0, 1.0]]), np.array([2.0, 3.0]), 0, 1)`
# gives `([[1.0, 3.0]], -1.0)`.


# %% tags=["exercise"]
def votes_between(tokens, weights, kernel, bias, first, second):
    return np.zeros(weights.shape), 0.0  # your lines here


cct.check("votes_between", votes_between)

# %% [markdown]
# ### Exercise: Take squares out, in an order
#
# *15 minutes.* Fill the first `count` tokens of `order` with the mean colour of the image `(height, width, channels)`
# and leave the rest as it is. Token `i` covers `size` x `size` pixels, tokens are in reading order and counted from
# 0, and the image you are given must not change.
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
# `(layers, batch, heads, tokens, tokens)` has any number of layers, the first one first, and `own` is the share of a
# token that is its own past; its attention, the mean of the heads, gets the rest. Return the share of each input
# token in the pooled vector, `(batch, tokens)`; `pooling` `(batch, tokens)` are the pooling weights.
#
# With one layer, `input_shares(np.array([[1.0, 0.0]]), np.array([[[[[0.0, 1.0], [0.5, 0.5]]]]]), 0.4)` gives `[[0.4,
# 0.6]]`.


# %% tags=["exercise"]
def input_shares(pooling, maps, own):
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
# 1. Shuffle the weights of each layer of the model with a random permutation and look at its pooling map and rollout.
#    Do you still like the pictures?
# 2. Turn the deletion test round: start with the fill and *insert* squares in the order of a map. Does the order of
#    the maps stay the same?
#
# ## Recap
#
# - Attention weights say where a token reads from. Compare them on one scale, in multiples of uniform, beside their
#   entropy.
# - Rollout multiplies the layers; in a CCT the pooling weights are its last row. Rows must sum to 1 at every step.
# - Votes split a logit exactly into signed parts, one for each output token. A token with a large weight can vote
#   against the class.
# - The first filters split into those for light and those for colour.
# - Whether a map is faithful is a question for an experiment, with controls. On CIFAR-10 rollout and votes beat the
#   same map of another image; votes and pooling weights beat the centre and cannot be told apart; rollout and the last
#   attention do not clearly beat it. On the digits no map beats the centre.
#
# **The difference from the paper and the 2021 example.** Nothing here changes the model. Rollout was proposed for
# models with a class token; taking it through the pooling row is our way for the pooling of the [CCT
# paper](https://arxiv.org/abs/2104.05704). Its half-and-half assumption fits the authors' block less well than
# others, since there a norm stands on the residual stream itself
# ([code](https://github.com/SHI-Labs/Compact-Transformers)). The [Keras example of
# 2021](https://keras.io/examples/vision/cct/) pools in the same way, so the votes are exact for it as well. It does
# not look inside.
#
# Next: [09 What matters](09_what_matters.ipynb). Which part earns its keep?

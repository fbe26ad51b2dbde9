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
# # 13. One machine
#
# *What makes a step faster or larger?*
#
# You turn on, one at a time, the switches that make a training step faster or let a larger one fit, test whether the
# numbers stay the same, and see what each switch costs.
#
# 105 minutes to read, 1 minute to run. Builds on [notebook 06](06_compact_transformer.ipynb) and
# [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/13_one_machine.ipynb)

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
import json
import re
import textwrap
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.datasets import load_sample_image

from cct_helpers.environment import native_log_lines_hidden
from cct_helpers.plots import nb13_one_machine as pictures
from cct_helpers.recipes import Recipe, build_optimizer
from cct_helpers.topics.costs import model_costs

# a GPU would cut digits of float32 unasked
tf.config.experimental.enable_tensor_float_32_execution(False)

# %% [markdown]
# **Which way through?** The main line goes from *Five settings on one processor* to *The input pipeline: make the next
# batch in the meantime*, about 34 minutes: a faster step. Then a good place for a break; and from *Gradient
# accumulation: a large batch in small pieces* to *Will it fit?*, about 35: a larger step, and its cost. What stands
# under *For a second reading* can wait: *What float16 cannot hold*, *Photos, with `tf.data`*, *Every fourth input*,
# *`keras.RematScope`*, *Which switch works where* and *The fixed part on a GPU*.
#
# ## Two questions first
#
# **1.** What is a [MAC](glossary.md), and which of CCT's MACs grow with the square of the tokens? (Notebook 06)
#
# <details><summary>Answer</summary>
#
# A multiply-accumulate: one product, added to a sum. The products of attention grow with the square: every query meets
# every key, and every weight meets a value. All other layers treat each token alone, so they grow in proportion.
#
# </details>
#
# **2.** What are the parts of a training step, in order? (Notebook 07)
#
# <details><summary>Answer</summary>
#
# Take a batch and augment it; forward pass to the logits; loss; backward pass to the gradients; the optimizer's update.
#
# </details>
#
# ## Five settings on one processor
#
# *Why:* before you learn a switch, see what it can bring.
#
# A script timed an update of CCT-2/3x2, with 64 images of 32 x 32 pixels: as it comes, called *off*, and with five
# settings that guides to faster training name: bfloat16 and float16, two ways to compute with 16 bits; XLA, a compiler;
# XLA together with bfloat16; and the same batch in four small pieces. You need not know them yet. The script left a
# record in the repository, with the machine that it ran on:

# %%
results, measured, panels = Path(root) / "notebooks" / "results", {}, {}
for path in sorted(results.glob("13_?pu.json")):
    record = json.loads(path.read_text(encoding="utf-8"))
    kind = path.stem.removeprefix("13_").upper()  # CPU or GPU
    machine = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    print(textwrap.fill(f"{kind}: {machine}", 90))
    runs = measured[kind] = record["results"]
    switches = {name.removeprefix("switch/"): run for name, run in runs.items() if "switch/" in name}
    batch = dict(CPU=64, GPU=1024)[kind]  # images in an update
    panels[kind] = {name: run["seconds"] for name, run in switches.items() if run["images"] == batch}

# %% [markdown]
# **Predict:** how many of the five make the update faster on this processor?

# %%
cpu, on_cpu = measured["CPU"], panels["CPU"]
times = {name: seconds / on_cpu["off"] for name, seconds in on_cpu.items()}
assert len(times) == 6 and [name for name in times if times[name] < 1] == ["mixed_bfloat16"]
assert round(times["mixed_bfloat16"], 2) == 0.77 and round(times["mixed_float16"]) == 154
figure = pictures.draw_switches(panels, "An update as it comes, and with each of the five settings")
alt = """Bars of the time of an update on the CPU: off 111 ms, bfloat16 shorter;
XLA, XLA with bfloat16 and four small batches longer; float16 off the scale"""
cct.show(figure, alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# One: bfloat16.
#
# </details>
#
# So a switch is a claim about hardware: measure it on yours. In about a quarter of an hour the script does so:
# `python notebooks/scripts/scaling_runs.py`. On a GPU, `KERAS_BACKEND=jax` before it and `--gpu` behind it add a second
# panel to this picture. All times below that are called *recorded* are from this record.
#
# ## The rule of this notebook
#
# *Why:* a switch that makes training faster and the model worse is no gain. So each one is turned on and off on the
# same short run, and you ask whether the numbers stay the same. What it costs is in the record.
#
# The run is eight steps of plain gradient descent on digits. Plain, because Adam divides each gradient by its own size
# and would hide a gradient that is, say, four times too large. Dropout is off, so that two runs can be compared number
# by number.

# %%
digits = cct.load_dataset("digits")
images = digits.x_train[:512].astype("float32")  # (512, 16, 16, 1)
targets = np.eye(10, dtype="float32")[digits.y_train[:512]]  # (512,) -> (512, 10)
loss = keras.losses.CategoricalCrossentropy(from_logits=True)


def new_model(**settings):
    keras.utils.set_random_seed(0)
    small = dict(input_shape=(16, 16, 1), normalization=(78, 96), num_layers=1)
    small |= dict(dim=32, hidden_channels=16, stochastic_depth=0.0, attention_dropout=0.0)
    return cct.build_cct("cct_2_3x2_32", **(small | settings))


def weights_of(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


# %%
def train(model, batch=64, steps=8, optimizer=None, **options):
    """The weights after `steps` batches, in order."""
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, **options)
    for step in range(steps):
        part = slice(step * batch, (step + 1) * batch)
        model.train_on_batch(images[part], targets[part])
    return weights_of(model)


plain, again = train(new_model()), train(new_model())
moved = abs(plain - weights_of(new_model())).max()
print(f"{len(plain):,} weights, moved by up to {moved:.3f}")
assert abs(plain - again).max() < 1e-6 and 0.015 < moved < 0.025

# %% [markdown]
# The same run twice gives the same weights, and they moved by up to 0.02, far more than rounding could. So a difference
# between two runs now has a cause.
#
# ## XLA: one program instead of many operations
#
# *Why:* TensorFlow starts one routine for each operation, and each writes its result to memory for the next to read.
# [XLA](glossary.md) compiles the whole step into one program and joins neighbours: a bias and a GELU in one pass over
# the numbers. The more of a step goes into reading and writing, the more that saves.
#
# **Predict:** the compiler may reorder sums. Are the weights after eight steps the same to the last bit, to five
# decimal places, or not at all?

# %%
fused = train(new_model(), jit_compile=True)
difference = abs(fused - plain).max()
print(f"largest difference {difference:.0e}; recorded: x {times['XLA']:.2f} the time")
assert difference < 5e-6 and round(times["XLA"], 2) == 1.51

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights are the same to five decimal places and more. (a + b) + c and a + (b + c) may differ in the last bit, and
# that is all that happens here.
#
# </details>
#
# Why is XLA slower in the record? A step of CCT-2/3x2 spends most of its time in convolutions and matrix products. For
# those TensorFlow calls routines that were tuned by hand for this processor, and XLA's own do not match them. (That is
# the likely reason; the record does not prove it.)
#
# Keras's default, `jit_compile="auto"`, turns XLA on with a GPU and leaves it off on a CPU; on JAX every step is
# compiled by XLA. The compiling is paid once for each shape: a last batch of another size compiles a second time.
#
# > **Trap: XLA asked for, and not given.** You set `jit_compile=True`. XLA cannot compile a few of Keras's layers, and
# > this model has one of them, a crop, at its front. So Keras leaves XLA off for the whole model.
#
# **Predict:** would the test above, which compares the weights, notice?

# %% tags=["trap"]
parts = [keras.layers.RandomCrop(14, 14), keras.layers.Flatten(), keras.layers.Dense(10)]
with_crop = keras.Sequential([keras.Input((16, 16, 1)), *parts])
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    with_crop.compile("sgd", loss, jit_compile=True)
warned = any("jit_compile" in str(warning.message) for warning in told)
print("asked for XLA, got", with_crop.jit_compile)
assert warned and not with_crop.jit_compile

# %% [markdown]
# <details><summary>Answer</summary>
#
# No: without XLA the weights are the same, so the test passes.
#
# </details>
#
# There is a warning, because you asked; the default, `"auto"`, leaves XLA out without a word. Crop the arrays before
# they reach the model instead, as notebook 07 does.
#
# **To catch it:** read `model.jit_compile` after `compile`.
#
# ## Mixed precision: half the bits where they suffice
#
# *Why:* what the layers compute fills most of the memory, and 16 bits take half of 32. Newer processors also multiply
# them faster. With [mixed precision](glossary.md) Keras keeps each weight in float32, casts it to 16 bits for the
# computation, and updates the float32 copy. What needs the bits stays in float32: here the softmax of the attention and
# the logits.
#
# A floating-point number has a sign, an exponent and digits. bfloat16 spends its bits on the exponent and keeps 8
# binary digits; float16 keeps 11 digits and has a much smaller range.
#
# **Predict:** which of the two comes closer to the float32 weights?

# %%
halves, names = {}, ("mixed_bfloat16", "mixed_float16")
for policy in names:
    keras.mixed_precision.set_global_policy(policy)
    with native_log_lines_hidden():  # TensorFlow's log has a line where float16 is slow
        model = new_model()
        halves[policy] = train(model)
    block = model.get_layer("block_0")
    kinds = block.linear1.variable_dtype, block.compute_dtype, model.output.dtype
    optimizer = type(model.optimizer).__name__
    print("{}: weights {}, computation {}, logits {},".format(policy, *kinds), optimizer)
    assert kinds == ("float32", policy.removeprefix("mixed_"), "float32")
keras.mixed_precision.set_global_policy("float32")
assert optimizer == "LossScaleOptimizer"  # of float16
distance = [np.linalg.norm(halves[policy] - plain) / np.linalg.norm(plain) for policy in names]
print(f"distance from the float32 weights: bfloat16 {distance[0]:.1e}, float16 {distance[1]:.1e}")
assert 1e-5 < distance[1] < distance[0] < 0.05

# %% [markdown]
# <details><summary>Answer</summary>
#
# float16 comes closer, by its three extra binary digits.
#
# </details>
#
# So mixed precision changes the result. That need not harm: training has noise of its own, from batches and dropout,
# and the CCT-7/3x1 that ships with this course was trained in bfloat16.
#
# The speed is another matter. In the record bfloat16 takes three quarters of the time, and float16 150 times as
# long: TensorFlow has fast routines for the one on this processor, and slow ones for the other. It says so in one line
# of its log, which this course hides; Keras says nothing.
#
# The `LossScaleOptimizer` that float16 got keeps small gradients from becoming 0 in float16. `compile` adds it by
# itself; a training loop of your own has to, see *What float16 cannot hold*.
#
# ## The input pipeline: make the next batch in the meantime
#
# *Why:* while the processor augments, an accelerator waits. With the work one batch ahead, a step costs the longer of
# the two times and not their sum. On paper: 0.3 s to make a batch, 0.5 s to train on it, five batches. In turn that is
# 5 x 0.8 = 4.0 s; one ahead it is 0.3 + 5 x 0.5 = 2.8 s.


# %%
def one_ahead(prepare, step, batches):
    """When the making of each batch begins, and its training: (batches,) each, in seconds."""
    made, trained = np.zeros(batches), np.full(batches, float(prepare))
    for batch in range(1, batches):
        made[batch] = trained[batch - 1]  # the worker starts when its last batch was taken
        trained[batch] = max(trained[batch - 1] + step, made[batch] + prepare)
    return made, trained


def draw_pipeline(prepare, step):
    in_turn = np.add.outer([0, prepare], (prepare + step) * np.arange(5))  # (2, batches)
    ahead = one_ahead(prepare, step, 5)
    return pictures.draw_overlap({"in turn": in_turn, "one batch ahead": ahead}, prepare, step)


assert np.isclose(one_ahead(0.3, 0.5, 5)[1][-1] + 0.5, 2.8)  # when the last of five is trained

# %% [markdown]
# **Predict:** now it is the other way round, 0.5 s to make and 0.3 s to train. How long do five batches take, one
# ahead? The second picture has the answer.

# %%
starts = [dict(prepare=0.3, step=0.5), dict(prepare=0.5, step=0.3)]
alt = """Two pairs of timelines. 0.3 s to make and 0.5 s to train: in turn 4.0 s, one batch ahead
2.8 s without a pause in training. 0.5 s to make and 0.3 s to train: 2.8 s again, and training
waits before each batch"""
box = cct.explore(draw_pipeline, starts, alt=alt, prepare=(0.1, 1.0, 0.1), step=(0.1, 1.0, 0.1))
total = {step: one_ahead(0.5, step, 5)[1][-1] + step for step in np.arange(1, 11) / 10}
saved = {step: 1 - total[step] / (5 * (0.5 + step)) for step in total}  # share of in turn
assert np.isclose(total[0.3], 2.8) and max(saved, key=saved.get) == 0.5

# %% [markdown]
# Things to try: with 0.5 s to make, at which time to train does being ahead save the largest share?
#
# <details><summary>Answers</summary>
#
# Again 2.8 s: 5 x 0.5 + 0.3, as now the making is the longer part, and the training is hidden behind it. Being ahead
# saves most where both are equal, 0.5 s each.
#
# </details>
#
# That is what you get beside a GPU, which leaves the processor alone. And with nothing but a processor? The record has
# batches of 64 photos, made in turn with the training and one ahead, by a thread of Python as in `cct.fit`.

# %%
pipeline = cpu["pipeline"]
against = pipeline["a thread ahead"] / pipeline["in turn"]
print(f"recorded: one batch ahead takes x {against:.2f} of the time in turn")
assert round(against, 2) == 0.84

# %% [markdown]
# Less than a fifth is saved. No processor is idle here: the step can use both cores itself, and whoever works ahead
# takes time from it.
#
# **To catch a slow pipeline:** time it alone, `for batch in data: pass`, beside the step alone. Beside a GPU it may
# take as long as the step, and no longer.
#
# ## Gradient accumulation: a large batch in small pieces
#
# *Why:* for every image of the batch, memory holds what the backward pass will need. The gradient of a batch of $n$
# images is the mean of the gradients of its images. So $k$ equal pieces can be computed one after another, and their
# mean taken:
#
# $$\underbrace{\nabla L}_{(\text{weights},)} = \frac{1}{n} \sum_{i=1}^{n} \nabla L_i
# = \frac{1}{k} \sum_{j=1}^{k} \Big( \frac{k}{n} \sum_{i \in \text{piece } j} \nabla L_i \Big)$$
#
# On paper: four images have the gradients 1, 4, 9, 16, with the mean 7.5. In two pieces: the means are 2.5 and 12.5,
# and their mean is 7.5. Keras's optimizers do this [accumulation](glossary.md) with one argument.
#
# **Predict:** 4 batches of 16 against one of 64, for 8 updates. How far apart are the weights?

# %%
assert np.mean([1, 4, 9, 16]) == np.mean([np.mean([1, 4]), np.mean([9, 16])]) == 7.5
four_times = keras.optimizers.SGD(0.1, gradient_accumulation_steps=4)
in_pieces = train(new_model(), batch=16, steps=32, optimizer=four_times)
difference, longer = abs(in_pieces - plain).max(), times["4 batches of 16 accumulated"]
less = cpu["bytes/16 images"]["bytes"] / cpu["bytes/64 images"]["bytes"]
print(f"4 x 16 accumulated against 64: {difference:.0e}")
print(f"recorded: x {longer:.2f} the time (2 blocks)", end=", ")
print(f"x {less:.2f} the memory for the backward pass (8 blocks)")
assert difference < 1e-5 and round(longer, 2) == 1.42 and round(less, 3) == 0.25

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights are as close as rounding allows.
#
# </details>
#
# So accumulation buys memory with time. The record has the time with the 2 blocks of CCT-2/3x2, the memory with 8
# blocks. The quarter holds for any number of blocks, as every image keeps as much as every other. (Layers that look
# across the batch, such as batch normalisation, would still see 16 images. CCT has none.)
#
# > **Trap: the schedule counts small batches.** A run has a cosine schedule of 8 updates. You cut each batch into 4
# > pieces and leave the schedule as it is.
#
# **Predict:** 8 small batches are 2 of the 8 updates. How much of the rate of 0.1 is left after them?

# %% tags=["trap"]
schedule = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=8)  # meant for 8 updates
optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=4)
train(new_model(), batch=16, steps=8, optimizer=optimizer)
print(f"updates {int(optimizer.iterations)}, learning rate {float(optimizer.learning_rate):.4f}")
assert int(optimizer.iterations) == 2 and float(optimizer.learning_rate) < 1e-6

# %% [markdown]
# <details><summary>Answer</summary>
#
# Nothing: Keras asks the schedule with the number of small batches, not of updates, so that it ends four times too
# early.
#
# </details>
#
# **To catch it:** print `optimizer.learning_rate` at the end of the first epoch. The cure is to count small batches in
# the schedule: `decay_steps=32` here.
#
# ## Rematerialisation: compute twice, store once
#
# *Why:* the backward pass needs what the forward pass computed: of each block norms, queries, keys, values, attention
# weights, the hidden layer of the MLP. Storing all of it is what fills the memory. You can keep the input of each block
# alone, and compute its inside once more when the backward pass arrives there. This is
# [rematerialisation](glossary.md), also called gradient checkpointing. In Keras, `keras.remat` wraps a function in this
# way. Here each block becomes such a function:


# %%
class RematBlock(cct.TransformerBlock):
    def call(self, tokens, training=None):
        inside = super().call
        return keras.remat(lambda x: inside(x, training=training))(tokens)


def rematerialised(model):
    def swap(layer):
        kind = RematBlock if isinstance(layer, cct.TransformerBlock) else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=swap)
    for mine, theirs in zip(copy.variables, model.variables, strict=True):
        mine.assign(theirs)  # weights, and the state of the random generators
    return copy


recomputed = train(rematerialised(new_model()))
print(f"rematerialised against plain: {abs(recomputed - plain).max():.0e}")
assert abs(recomputed - plain).max() < 1e-5

# %% [markdown]
# The weights are equal, but for rounding. And the gain? For a model of 8 blocks the record has the seconds of a step of
# 16 images, and the bytes that a forward pass of 64 images keeps for the backward pass, as JAX lists them.
#
# **Predict:** a backward pass costs about two forward passes. How many times as long does a step take, rematerialised?

# %%
longer = cpu["switch/8 blocks, rematerialised"]["seconds"] / cpu["switch/8 blocks"]["seconds"]
less = cpu["bytes/64 images, rematerialised"]["bytes"] / cpu["bytes/64 images"]["bytes"]
print(f"recorded: x {longer:.2f} the time, x {less:.2f} the memory for the backward pass")
macs = model_costs("cct_2_3x2_32", num_layers=8)["macs"]  # by part
inside = sum(macs[part] for part in ("attention projections", "attention products", "MLP"))
of_blocks = inside / sum(macs.values())
print(f"the blocks have {of_blocks:.0%} of the MACs of a forward pass")
assert round(longer, 2) == 1.20 and round(less, 2) == 0.20
assert round(of_blocks, 2) == 0.74 and round(1 + of_blocks / 3, 2) == 1.25

# %% [markdown]
# <details><summary>Answer</summary>
#
# At most 4 / 3: one forward pass, once more the forward pass, and a backward pass that is worth two, instead of three
# in all. But only the blocks run forward a second time, and they have 74 % of the MACs: that makes 1.25. The record has
# 1.20.
#
# </details>
#
# So a fifth is kept, for a fifth more time. The picture has both for 4 blocks; the inputs, which are small, are
# not drawn.

# %%
alt = """Two timelines of 4 blocks: forward passes, then backward passes twice as long. As it comes,
12 units of time and up to 4 insides in memory. Rematerialised, each block runs forward once more
before its backward pass: 16 units and 1 inside"""
cct.show(pictures.draw_recomputed(4), alt=alt)

# %% [markdown]
# > **Trap: a random mask that is drawn twice.** Recomputing must repeat the same dropout. Does it? One step with and
# > one without rematerialisation, same seed, is the test.

# %% tags=["trap"]
difference = {}
for rate in (0.0, 0.5):
    pair = []
    for wrap in (lambda model: model, rematerialised):
        model = wrap(new_model(attention_dropout=rate))
        pair.append(train(model, steps=1, optimizer=keras.optimizers.SGD(1.0)))
    difference[rate] = abs(pair[0] - pair[1]).max()
    print(f"dropout {rate}: one step apart by {difference[rate]:.0e}")
assert difference[0.0] < 1e-6 < 1e-5 < difference[0.5]

# %% [markdown]
# With dropout the weights differ. On TensorFlow, Keras draws a new mask the second time, so that the gradient belongs
# to another network than the loss. Nothing warns you. Set the dropout rates to 0 where you rematerialise.
#
# On JAX the same code stops with an error. A notebook has one backend, so you cannot see that here; a test of the
# course does, in `tests/test_scaling.py`.
#
# **To catch it:** take one step with and one without, same seed, as here.
#
# ## How cost grows
#
# *Why:* before a long run you measure short ones and extrapolate. How a step grows can be said before any measurement:
# a fixed part, which does not depend on the size (to start each operation, to update the weights); a part in proportion
# to it; and for tokens a part with the square, as attention compares every token with every other:
#
# $$t(n) = a + b\,n + c\,n^2$$
#
# A popular alternative is a power, $t = a\,n^p$: a straight line when both axes are logarithmic. Both are fitted to the
# first four of five measurements, and asked for the fifth, the largest.
#
# **Predict:** which of the two is nearer to it, and is the other one too high or too low?


# %%
def sizes_and_seconds(kind):  # -> sizes and seconds a step, (5,) each
    runs = {name: run["seconds"] for name, run in cpu.items() if name.startswith(f"{kind}/")}
    pairs = [(int(name.split("/")[1]), seconds) for name, seconds in runs.items()]
    return np.array(sorted(pairs)).T


poly = np.polynomial.polynomial
x, y = sizes_and_seconds("tokens")
few_x, few_y = x[:-1], y[:-1]  # without the largest
found = poly.polyfit(few_x, few_y, 2, w=1 / few_y)  # a, b, c; relative misses count
power = poly.polyfit(np.log(few_x), np.log(few_y), 1)  # log a and p, of a straight line
guesses = poly.polyval(x[-1], found), np.exp(poly.polyval(np.log(x[-1]), power))
assert [round(100 * (guess / y[-1] - 1)) for guess in guesses] == [-8, -49]
alt = """Seconds a step against tokens, on logarithmic axes. The curve of the arithmetic
passes near the last point; the straight line of the power lies far below it"""
cct.show(pictures.draw_growth({"tokens": (x, y, found, power)}), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The arithmetic is nearer, 8 % too low; the power is 49 % too low.
#
# </details>
#
# Why does the power fail? See what a step consists of at both ends of the fit.

# %%
few_tokens, many_tokens = (found * [1, n, n**2] for n in (64, 1024))  # seconds by part
few_tokens, many_tokens = few_tokens / few_tokens.sum(), many_tokens / many_tokens.sum()  # shares
print("fixed, in proportion, square:")
print("64 tokens:", few_tokens.round(2), " 1,024 tokens:", many_tokens.round(2))
assert round(few_tokens[0], 2) == 0.37 and round(many_tokens[2], 2) == 0.59

# %% [markdown]
# At 64 tokens 37 % of a step is fixed; at 1,024 the square has 59 %. One exponent for both is too small for what is to
# come.
#
# Leave the largest measurement out of every fit. Its miss is what your guess for a still larger run is worth.
#
# ## What memory holds
#
# *Why:* the first thing that a larger model meets is the end of the memory. A step holds 4 bytes each for a weight, its
# gradient and the two moments of Adam, that is 16 bytes a parameter, and what the forward pass keeps for each image.
# That follows from the shapes, so three numbers should give it: bytes a token (the tokenizer), a token and block, and a
# pair of tokens and block (the attention weights). They are fitted to the recorded bytes of seven models, from 1 to 8
# blocks and from 32 to 96 pixels:


# %%
def features(pixels, blocks):  # -> how many tokens; with blocks; pairs of tokens with blocks
    tokens = pixels**2 / 16
    return np.array([tokens, blocks * tokens, blocks * tokens**2])


kept = {name: run for name, run in cpu.items() if name.startswith("kept/")}
sizes = [features(*map(int, re.findall(r"\d+", name))) for name in kept]  # "kept/32 pixels, 8 blocks"
stored = np.array([run["bytes"] / run["images"] for run in kept.values()])  # (models,)
relative = np.array(sizes) / stored[:, None]  # (models, 3)
per_part = np.linalg.lstsq(relative, np.ones(7), rcond=None)[0]  # least relative squares
off = abs(relative @ per_part - 1).max()
print("bytes a token, a token and block, a pair and block:", per_part.round().astype(int))
print(f"off by at most {off:.1%}")
assert len(kept) == 7 and off < 0.01

# %% [markdown]
# The three numbers give all seven models to within 1 %.
#
# ## Will it fit?
#
# *Why:* now the whole step of CCT-2/3x2 can be worked out before it runs: this memory, and the MACs. Training takes
# three forward passes: the backward pass computes two products for each one of the forward pass.


# %%
def step_costs(image_side, blocks, batch, rematerialised):  # -> MACs by part, bytes by part, tokens
    costs = model_costs("cct_2_3x2_32", (image_side, image_side, 3), num_layers=blocks)
    counted = ("tokenizer", "attention projections", "attention products", "MLP")  # over 99 %
    macs = {part: 3 * batch * costs["macs"][part] for part in counted}
    assert sum(macs.values()) > 0.99 * 3 * batch * sum(costs["macs"].values())
    once, each, pairs = per_part * features(image_side, blocks)  # bytes of an image
    inside = each + pairs
    if rematerialised:  # of every block the input, 128 float32 a token; of one block the inside
        inside = blocks * 4 * 128 * costs["tokens"] + inside / blocks
    memory = {"weights, gradients, Adam": 16 * sum(costs["parameters"].values())}
    memory["kept for the backward pass"] = batch * (once + inside)
    return macs, memory, costs["tokens"]


def draw_step(image_side, blocks, batch, rematerialised):
    macs, memory, tokens = step_costs(image_side, blocks, batch, rematerialised)
    title = f"{image_side} x {image_side} pixels, {tokens:,} tokens, {blocks} blocks, {batch} images"
    return pictures.draw_costs(macs, memory, 16e9, title)


# %% [markdown]
# Things to try: with 2 blocks, at which image side do the products of attention cost more than all other MACs together?
# How many images fit into 16 GB at 128 pixels, with and without rematerialisation? The cell below the pictures counts.

# %%
start_at = dict(image_side=32, blocks=2, batch=128, rematerialised=False)
settings = [start_at, {**start_at, "image_side": 128}]
alt = """MACs and memory of a step by part. 32 pixels: the tokenizer has more than half of the MACs,
memory is far below 16 GB. 128 pixels: the products of attention have half of the MACs, and
memory reaches half of 16 GB"""
controls = dict(image_side=(32, 256, 32), blocks=(1, 14), batch=[64, 128, 256, 512, 1024])
box = cct.explore(draw_step, settings, alt=alt, **controls, rematerialised=False)

# %%
shares, fits = {}, {}
for side in (96, 128):
    macs = step_costs(side, 2, 1, False)[0]
    shares[side] = macs["attention products"] / sum(macs.values())
for again in (False, True):
    fixed, one_image = step_costs(128, 2, 1, again)[1].values()
    fits[again] = int((16e9 - fixed) / one_image)
print({side: f"{share:.1%}" for side, share in shares.items()}, fits)
assert shares[96] < 0.37 and 0.5 < shares[128] < 0.51 and fits == {False: 255, True: 411}

# %% [markdown]
# <details><summary>Answer</summary>
#
# From 128 pixels on: there they have just over half. 255 images fit as it is, and 411 rematerialised. That is less than
# twice as many: the inside of one block out of two is still there, and what the tokenizer keeps is not computed again.
#
# </details>
#
# ## For a second reading
#
# ### What float16 cannot hold
#
# *Why:* you write a training loop of your own, with a float16 model.
#
# The smallest number of float16 above 0 is $2^{-24}$, and whatever is below half of that becomes 0. On paper: the
# cross-entropy of a batch of $n$ images has for a logit the gradient
#
# $$\frac{\partial L}{\partial z} = \frac{p - t}{n}$$
#
# with the probability $p$ and the target $t$, 1 or 0. For a class that the model gives 0.001 % in a batch of 512 this
# is $10^{-5} / 512 = 2 \cdot 10^{-8}$, less than half of the smallest number, $3 \cdot 10^{-8}$. So it is lost.

# %%
smallest, tiny = float(np.finfo("float16").smallest_subnormal), 1e-5 / 512
print(f"smallest {smallest:.1e}; {tiny:.1e} becomes {np.float16(tiny)}")
assert smallest == 2.0**-24 and 1.9e-8 < tiny < smallest / 2 and np.float16(tiny) == 0

# %% [markdown]
# This happens late in training, when the model is sure of nearly all images. Compare a fresh model with one that trains
# until the median of the gradients of its logits is at most the smallest number of float16, all computed in float32:


# %%
def logit_gradients(model):  # -> (images, classes)
    probabilities = ops.softmax(model.predict(images, verbose=0))  # (512, 10)
    return (ops.convert_to_numpy(probabilities) - targets) / len(images)


fresh, learned = new_model(), new_model()
learned.compile(keras.optimizers.Adam(1e-2), loss)
while np.median(abs(logit_gradients(learned))) > smallest:
    learned.fit(images, targets, batch_size=64, epochs=10, verbose=0)
gradients = {"fresh": logit_gradients(fresh), "learned": logit_gradients(learned)}
median = {name: np.median(abs(values)) for name, values in gradients.items()}
print("median gradient:", ", ".join(f"{name} {value:.0e}" for name, value in median.items()))
assert median["fresh"] > 1e-4 and median["learned"] <= smallest

# %% [markdown]
# > **Trap: float16 without loss scaling.** The loop computes in float16 and takes the gradients of the loss. It learns,
# > at first.
#
# **Predict:** of the gradients of the model that has learned, do hardly any, a large part or nearly all become 0 in
# float16? The median tells. (The cell then tries the same gradients times 32,768, that is $2^{15}$.)

# %% tags=["trap"]
gradients["learned, x 32,768"] = gradients["learned"] * 2**15
zeros = {}
for name, values in gradients.items():
    kinds = [ops.convert_to_numpy(ops.cast(values, kind)) for kind in ("float16", "bfloat16")]
    zeros[name] = [(rounded == 0).mean() for rounded in kinds]
    print("{:17} 0 in float16 {:6.1%}, in bfloat16 {:.1%}".format(name, *zeros[name]))
assert 0.2 < zeros["learned"][0] < 0.7 and max(both[1] for both in zeros.values()) < 0.001
assert max(zeros["fresh"][0], zeros["learned, x 32,768"][0]) < 0.01
title = "What late gradients need, and what the formats hold"
figure = pictures.draw_number_formats(abs(gradients["learned"]).ravel(), 2.0**15, title)
alt = """Late gradients lie in large part below the range of float16,
and inside it when times 32,768"""
cct.show(figure, alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# A large part; of the same gradients times 32,768, and of the fresh model, hardly any.
#
# </details>
#
# The cure is [loss scaling](glossary.md): multiply the loss by a large number, so that all gradients are that much
# larger, and divide them by it in float32. The `LossScaleOptimizer` that `model.compile` adds under `mixed_float16`
# does so. In a loop of your own, take the gradients of `optimizer.scale_loss(loss)` and not of the loss; the optimizer
# divides. bfloat16 has the range of float32 and needs none of this.
#
# **To catch it:** count the zeros among the gradients, as here, late in training.
#
# ### Photos, with `tf.data`
#
# *Why:* your batches are made from files, and the thread of `cct.fit` is too slow for your GPU.
#
# `tf.data` makes batches with many threads, as long as the work is made of TensorFlow's own operations. Here it decodes
# a JPEG photo, cuts out a window of 224 x 224 pixels and shrinks it to 32 x 32:

# %%
file = tf.io.encode_jpeg(load_sample_image("china.jpg"))  # 427 x 640 pixels
corners = np.random.default_rng(0).integers(0, 200, (64, 2)).astype("int32")  # top and left


def cut(corner):  # decodes the window alone: (224, 224, 3) -> (32, 32, 3)
    window = tf.concat([corner, (224, 224)], 0)  # top, left, height, width
    photo = tf.io.decode_and_crop_jpeg(file, window, channels=3)
    return tf.image.resize(photo, (32, 32), antialias=True)


photos = tf.data.Dataset.from_tensor_slices(corners).map(cut, tf.data.AUTOTUNE)
(batch,) = photos.batch(64).prefetch(2).as_numpy_iterator()
assert batch.shape == (64, 32, 32, 3)

# %% [markdown]
# The record has the times for batches of 64 such photos: each part alone, then with a training step of CCT-2/3x2: in
# turn; with a thread of Python one batch ahead; with the loop of Python wrapped into `tf.data` by `tf.numpy_function`;
# and with `tf.data`'s own operations.

# %%
ratios = {name: value / pipeline["in turn"] for name, value in pipeline.items()}
for name in list(ratios)[2:-1]:  # without how many images and batches, and the load of the machine
    print(f"{name:32} x {ratios[name]:.2f} of in turn")
assert [round(ratio, 2) for name, ratio in ratios.items() if "with" in name] == [1.10, 1.11]
assert round(ratios["tf.data alone"] / ratios["Pillow alone"], 2) == 0.79

# %% [markdown]
# Both ways `tf.data` takes a tenth more time here than in turn: no processor is idle, and its threads seem to disturb
# the step more than they help. (Each way was measured once, over 12 batches.) Beside a GPU its own operations can pay:
# alone they make a batch in 0.79 of Pillow's time, as they decode the window only, on both cores.
#
# The same batches from `tf.data` give the same weights as arrays:

# %%
batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(64).prefetch(2)
model = new_model()
model.compile(keras.optimizers.SGD(0.1), loss)
_ = model.fit(batches, epochs=1, shuffle=False, verbose=0)
difference = abs(weights_of(model) - plain).max()
print(f"tf.data against arrays: {difference:.0e}")
assert difference < 1e-6

# %% [markdown]
# ### Every fourth input
#
# *Why:* with one input kept for each of many blocks, the inputs fill the memory.
#
# You can keep only the input of every $k$-th block, and compute the $k$ blocks from there on once more. Count one array
# a block: of $n$ blocks, $n / k$ inputs are kept, and $k$ outputs are there while such a segment is worked on. That is
# $n/k + k$ arrays at once.
#
# **Predict:** for 16 blocks, which $k$ needs fewest?

# %%
held = {every: 16 // every + every for every in (1, 2, 4, 8, 16)}
print(held)
assert min(held, key=held.get) == 4 and held[4] == 8 == 2 * 16**0.5
alt = """Rows of 17 squares. All kept: 17 arrays. Every fourth kept, four computed again: 8 arrays.
Only the input kept, 16 computed again: 17 arrays"""
cct.show(pictures.draw_kept(16, (1, 4, 16)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Every fourth: 4 + 4 = 8 arrays instead of 17. In general $k = \sqrt{n}$, with $2\sqrt{n}$ arrays.
#
# </details>
#
# ### `keras.RematScope`
#
# *Why:* Keras has a second way to rematerialise, which wraps nothing: a model that is built inside this scope. With
# `cct.build_cct` it fails, and only at the first step:

# %%
with keras.RematScope(mode="list_of_layers", layer_names=["block_0"]):
    scoped = new_model()
try:
    train(scoped)
    outcome = "it works"
except ValueError as error:
    outcome = re.search(r"The custom_gradient [\w ]+", str(error))[0]
print(textwrap.fill(outcome, 90))
assert "custom_gradient decorator" in outcome

# %% [markdown]
# The scope hands `training=True` on by its name, and TensorFlow's `tf.recompute_grad` takes no arguments by name in a
# compiled step. That is Keras 3.15; a later one may do better. So take one step before you plan with a switch.
#
# ### Which switch works where
#
# *Why:* this course trains with `cct.fit`, whose loop can be read; Keras's own is `model.fit`. Not every switch reaches
# both:
#
# | switch | in `model.fit` | in `cct.fit` |
# |---|---|---|
# | XLA | `compile(jit_compile=True)` | Keras's `"auto"`: on with a GPU, off on a CPU; on JAX always |
# | mixed precision | set the policy, then build the model | the same |
# | next batch in the meantime | give it a `tf.data.Dataset` | always, by one thread |
# | accumulation | `gradient_accumulation_steps=` of the optimizer | no: a `Recipe` has no such field |
# | rematerialisation | wrap the blocks, then `compile` | wrap the blocks, then call `cct.fit` |
#
# The last column, checked by two epochs of `cct.fit`, plain and with each switch that it takes:

# %%
recipe = Recipe(2, 64, "adamw", learning_rate=2e-3, weight_decay=0.03, augment="none")
few = digits._replace(x_train=digits.x_train[:512], y_train=digits.y_train[:512])
curves, apart = {}, {}
for name in ("plain", "rematerialised", "mixed_bfloat16"):
    keras.mixed_precision.set_global_policy(name if "mixed" in name else "float32")
    model = rematerialised(new_model()) if name == "rematerialised" else new_model()
    curves[name] = np.array(cct.fit(model, few, recipe, verbose=False)["loss"])
    apart[name] = abs(curves[name] - curves["plain"]).max()
    kind = model.get_layer("block_0").compute_dtype
    print(f"{name:15} {kind:9} losses from plain by {apart[name]:.0e}, XLA {model.jit_compile}")
    assert kind == ("bfloat16" if "mixed" in name else "float32")
keras.mixed_precision.set_global_policy("float32")
assert apart["rematerialised"] < 1e-4 and 1e-6 < apart["mixed_bfloat16"] < 0.05
assert build_optimizer(recipe, model).gradient_accumulation_steps is None

# %% [markdown]
# ### The fixed part on a GPU
#
# *Why:* the parts of a step say what to work on. How much of it is fixed?
#
# For this CPU the fit of *How cost grows* tells, now for 1 to 64 images in a batch, and without a square. Another
# record is of a GPU, an NVIDIA H100, with the same model and batches of 128 images, on JAX: a loop of `train_on_batch`,
# and one by hand around a compiled step, as `cct.fit` has it.

# %%
sizes, seconds = sizes_and_seconds("batch")
fixed, each_image = poly.polyfit(sizes[:-1], seconds[:-1], 1, w=1 / seconds[:-1])
miss = (fixed + sizes[-1] * each_image) / seconds[-1] - 1  # of the largest, 256 images
share = fixed / (fixed + 64 * each_image)
race = json.loads((results / "07_race_fit.json").read_text(encoding="utf-8"))
small = [run for run in race if run["setting"] == "small" and "H100" in run["device"]]
rates = small[0]["images_per_second"]
in_keras, by_hand = (128 / rates[loop][0] for loop in ("train_on_batch", "by hand"))  # seconds a step
print(f"CPU: {share:.0%} fixed, {1000 * each_image:.1f} ms an image")
print(f"H100: {1000 * in_keras:.1f} ms a step with train_on_batch, {1000 * by_hand:.1f} ms by hand")
assert len(small) == 1 and round(share, 2) == 0.07 and round(miss, 2) == 0.01
assert round(1 - by_hand / in_keras, 2) == 0.81 and round(by_hand / each_image, 1) == 1.3

# %% [markdown]
# On this CPU 7 % of a step with 64 images are fixed. (The guess of this fit for 256 images is 1 % too high.) The H100
# takes 1.3 times as long for a step of 128 images, by hand, as this CPU for one image. But with `train_on_batch` four
# fifths of its time go into what Python does around the step, while the GPU waits. No switch that speeds up the
# computing helps with that, only a larger batch or a loop that does less. On a fast device, look at the fixed part
# first.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in [solutions](solutions/13_one_machine.ipynb).

# %% [markdown]
# ### Exercise: How many workers keep the device busy?
#
# *Warm-up, 5 minutes.* A worker needs `prepare` milliseconds to make a batch, the device needs `step` milliseconds to
# train on it; both are whole numbers. Workers make batches at the same time, each on a core of its own. How many are
# enough so that the device never waits, once it has begun? Return an `int`.
#
# `workers_needed(1200, 500)` gives `3`, and `workers_needed(1000, 500)` gives `2`.


# %% tags=["exercise"]
def workers_needed(prepare, step):
    return 0  # your line here


cct.check("workers_needed", workers_needed)

# %% [markdown]
# ### Exercise: The gradient of a batch from unequal parts
#
# *10 minutes.* A batch was cut into parts with different numbers of images. From the mean gradient of each part,
# `(parts, weights)`, and the images in each, `counts`, `(parts,)`, to the mean gradient of the whole batch,
# `(weights,)`.
#
# `whole_gradient(np.array([[1.0], [5.0]]), np.array([3, 1]))` gives `[2.0]`.


# %% tags=["exercise"]
def whole_gradient(gradients, counts):
    return np.zeros(gradients.shape[1])  # your line here


cct.check("whole_gradient", whole_gradient)

# %% [markdown]
# ### Exercise: How far can gradients be scaled?
#
# *10 minutes.* Loss scaling (*What float16 cannot hold*, for a second reading) multiplies gradients, and the largest
# number of float16 is 65,504. Return the largest power of two by which all gradients, `(n,)`, positive and negative,
# can be multiplied so that none becomes infinite, as a float.
#
# `largest_scale(np.array([0.5, -3.0]))` gives `16384.0`.


# %% tags=["exercise"]
def largest_scale(gradients):
    return 0.0  # your lines here


cct.check("largest_scale", largest_scale)

# %% [markdown]
# ### Exercise: Which share of its peak did the card reach?
#
# *10 minutes.* A data sheet promises `peak` operations a second. A training ran at `images_per_second`, and one
# forward pass of one image takes `macs` multiply-accumulates. Which share of its peak did the device deliver, from 0
# to 1? Count a training step as three forward passes, and a multiply-accumulate as two operations.
#
# `share_of_peak(1e9, 100.0, 6e12)` gives `0.1`.


# %% tags=["exercise"]
def share_of_peak(macs, images_per_second, peak):
    return 0.0  # your line here


cct.check("share_of_peak", share_of_peak)

# %% [markdown]
# ### Exercise: Into how many pieces must the batch be cut?
#
# *15 minutes.* A device has `memory` bytes. Training with Adam takes 16 bytes a parameter, and each image of a batch
# `per_image` bytes more. You want updates of `batch` images. Into how many equal pieces must the batch be cut, at
# least, so that each piece fits? All arguments are whole numbers, and a single image always fits.
#
# `fewest_pieces(1000, 50, 10, 50)` gives `5`: 20 images fit, and 50 cannot be cut into 3 equal pieces.


# %% tags=["exercise"]
def fewest_pieces(memory, parameters, per_image, batch):
    return 0  # your lines here


cct.check("fewest_pieces", fewest_pieces)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(13)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Run the script on your machine. Which switches pay there?
# 2. Time `photos` (second reading) with 1, 2 and 4 parallel calls. Where does it stop getting faster, and why there?
# 3. Make a `RematBlock` that computes only the MLP again. How much of the memory does it save?
#
# ## Recap
#
# | switch | changes the result | memory | time in the record (CPU) |
# |---|---|---|---|
# | XLA | rounding | not measured | x 1.51 |
# | mixed bfloat16 | a little | less is kept (notebook 14 says how much) | x 0.77 |
# | mixed float16 | a little, with loss scaling | the same | x 154 |
# | next batch in the meantime | no | a batch or two more | x 0.84 |
# | 4 pieces accumulated | rounding | a quarter of what is kept | x 1.42 |
# | rematerialisation, 8 blocks | rounding, without dropout | x 0.20 of what is kept | x 1.20 |
#
# The times are of CCT-2/3x2 with its 2 blocks, but for the last line.
#
# - Turn one switch at a time and compare the weights. A switch is a claim about hardware: measure it on yours.
# - Accumulation and rematerialisation buy memory with time. XLA and 16 bits buy time on hardware made for them.
# - Cost grows by parts that can be named: fixed, in proportion, with the square. Fit these, leave out the largest
#   measurement, and see what the guess is worth.
# - Memory holds 16 bytes a parameter and what is kept for each image. So you know before the run whether it fits.
#
# **Difference from the paper:** the authors train in PyTorch, with its automatic mixed precision. **Difference from the
# [Keras example](https://keras.io/examples/vision/cct/):** it trains in float32, and the `RandomCrop` inside its model
# switches XLA off.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [mixed precision](https://arxiv.org/abs/1710.03740),
# [rematerialisation](https://arxiv.org/abs/1604.06174), [XLA](https://openxla.org/xla),
# [tf.data](https://www.tensorflow.org/guide/data_performance).
#
# Next: [14 Many machines](14_many_machines.ipynb). What when it outgrows my machine?

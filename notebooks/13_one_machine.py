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
# You turn on, one at a time, every switch that makes a training step faster or lets a larger one fit, test that the
# numbers stay the same, and see what each switch costs.
#
# 105 minutes to read, 1 minute to run; good places for a break are before *The input pipeline*, *Rematerialisation* and
# *How cost grows*. Builds on [notebook 06](06_compact_transformer.ipynb) and [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/13_one_machine.ipynb)

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
import io
import json
import time
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image
from sklearn.datasets import load_sample_image

from cct_helpers.environment import native_log_lines_hidden
from cct_helpers.plots import nb13_one_machine as pictures
from cct_helpers.recipes import Recipe, build_optimizer
from cct_helpers.topics.costs import model_costs

tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU would cut digits of float32 unasked

# %% [markdown]
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
# ## The rule of this notebook
#
# *Why:* a switch that makes training faster and the model worse is no gain. So each one is turned on and off on the
# same short run, and you ask two questions: are the numbers the same, and what did it cost?
#
# The run is eight steps of plain gradient descent on digits. Plain, because Adam divides each gradient by its own size
# and would hide a gradient that is, say, four times too large. Dropout is off, so that two runs can be compared number
# by number.

# %%
digits = cct.load_dataset("digits")
images = digits.x_train[:512].astype("float32")  # (512, 16, 16, 1)
targets = np.eye(10, dtype="float32")[digits.y_train[:512]]  # (512,) -> (512, 10)
loss = keras.losses.CategoricalCrossentropy(from_logits=True)
exact = dict(stochastic_depth=0.0, attention_dropout=0.0)


def new_model(**settings):
    keras.utils.set_random_seed(0)
    small = dict(input_shape=(16, 16, 1), normalization=(78, 96), num_layers=1, dim=32, hidden_channels=16)
    return cct.build_cct("cct_2_3x2_32", **(small | exact | settings))


def weights_of(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


# %%
def train(model, batch=64, steps=8, optimizer=None, **options):
    """Weights after `steps` batches in order, and the median seconds of a step."""
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, **options)
    seconds = []
    for step in range(steps):
        part, began = slice(step * batch, (step + 1) * batch), time.perf_counter()
        model.train_on_batch(images[part], targets[part])
        seconds.append(time.perf_counter() - began)
    return weights_of(model), np.median(seconds[steps // 4 :])


plain, plain_seconds = train(new_model())
again, _ = train(new_model())
moved = abs(plain - weights_of(new_model())).max()
print(f"{len(plain):,} weights, {1000 * plain_seconds:.0f} ms a step, moved by up to {moved:.3f}")
assert abs(plain - again).max() < 1e-6 and 0.015 < moved < 0.025

# %% [markdown]
# The same run twice gives the same weights, and they moved by up to 0.02, far more than rounding could. So a difference
# between two runs now has a cause.
#
# ## Five settings on one processor
#
# The milliseconds above are of the machine that ran this page, and those of so small a model say little of a larger
# one. A script measured CCT-2/3x2 on images of 32 x 32 pixels and left a record in the repository. All seconds below
# that are called recorded are from it; the next cell says on which machine.

# %%
results, measured = Path(root) / "notebooks" / "results", {}
for path in sorted(results.glob("13_?pu.json")):
    record = json.loads(path.read_text(encoding="utf-8"))
    measured[path.stem[3:].upper()] = record["results"]
    print(path.stem[3:].upper(), record["machine"])
if "GPU" not in measured:
    print("GPU: no record yet. To make it: KERAS_BACKEND=jax python notebooks/scripts/scaling_runs.py --gpu")

# %% [markdown]
# It has a step as it comes, which is called *off*, and five settings that guides to faster training name: two ways to
# compute with 16 bits, XLA, XLA together with 16 bits, and a batch in four small pieces. You need not know them yet.
#
# **Predict:** how many of the five make a step faster on this processor?

# %%
panels, update = {}, dict(CPU=64, GPU=1024)  # images in an update
for kind, runs in measured.items():
    own = {name[7:]: run for name, run in runs.items() if name.startswith("switch/")}
    panels[kind] = {name: run["seconds"] for name, run in own.items() if run["images"] == update[kind]}
cpu, on_cpu = measured["CPU"], panels["CPU"]
assert [name for name in on_cpu if on_cpu[name] < on_cpu["off"]] == ["mixed_bfloat16"] and len(on_cpu) == 6
assert round(on_cpu["mixed_bfloat16"] / on_cpu["off"], 2) == 0.74
assert round(on_cpu["mixed_float16"] / on_cpu["off"]) == 199
figure = pictures.draw_switches(panels, "On this CPU one switch makes a step faster: bfloat16")
alt = "Bars of the time of an update on the CPU: off 124 ms, bfloat16 shorter; XLA, XLA with bfloat16 and four small "
alt += "batches longer; float16 off the scale"
cct.show(figure, alt=alt)

# %% [markdown]
# One of them. That is the first lesson: a switch is a claim about hardware, so measure it on yours, in about a quarter
# of an hour: `python notebooks/scripts/scaling_runs.py`; with `--gpu` it fills a second column of this picture. You
# will now take the switches one by one.
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
fused, fused_seconds = train(new_model(), jit_compile=True)
print(f"largest difference {abs(fused - plain).max():.0e}")
print(f"a step: {1000 * plain_seconds:.0f} ms off, {1000 * fused_seconds:.0f} ms on, on this page's machine")
with_xla = on_cpu["XLA"] / on_cpu["off"]
print(f"recorded: x {with_xla:.2f} the time")
assert abs(fused - plain).max() < 5e-6 and round(with_xla, 2) == 1.82

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights are the same to five decimal places and more. (a + b) + c and a + (b + c) may differ in the last bit, and
# that is all that happens here.
#
# </details>
#
# In the record a step with XLA takes 1.82 times as long. Why slower? XLA saves where there is reading and writing to
# save. A step of CCT-2/3x2 spends most of its time in convolutions and matrix products, and for those TensorFlow calls
# routines that were tuned by hand for this processor, which XLA's own do not match. (That is the likely reason; the
# record does not prove it.) The printed times of this page's small model may go either way: they are eight steps on a
# machine that may be busy.
#
# The compiling is paid once for each shape: a last batch of another size compiles a second time. In Keras,
# `jit_compile="auto"` is the default. On TensorFlow it turns XLA on with a GPU and leaves it off on a CPU. On JAX every
# step is compiled by XLA.
#
# > **Trap: XLA asked for, and not given.** You set `jit_compile=True`. A few Keras layers cannot be compiled, and this
# > model has one of them, a crop, at its front.
#
# **Predict:** does it stop with an error, leave that layer out, or go without XLA?

# %% tags=["trap"]
parts = [keras.Input((16, 16, 1)), keras.layers.RandomCrop(14, 14), keras.layers.Flatten(), keras.layers.Dense(10)]
with_crop = keras.Sequential(parts)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    with_crop.compile("sgd", loss, jit_compile=True)
print("asked for XLA, got", with_crop.jit_compile)
assert not with_crop.jit_compile and any("jit_compile" in str(warning.message) for warning in told)

# %% [markdown]
# It goes without XLA, for the whole model. There is a warning, because you asked; the default, `"auto"`, would leave
# XLA out without a word. Crop the arrays before they reach the model instead, as notebook 07 does.
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
    with native_log_lines_hidden():  # some processors have no fast float16: one line of TensorFlow's log says so
        model = new_model()
        halves[policy], _ = train(model)
    block = model.get_layer("block_0")
    print(f"{policy}: weights {block.linear1.variable_dtype}, computation {block.compute_dtype}, ", end="")
    print(f"logits {model.output.dtype}, optimizer {type(model.optimizer).__name__}")
    assert block.linear1.variable_dtype == model.output.dtype == "float32" and block.compute_dtype == policy[6:]
assert type(model.optimizer).__name__ == "LossScaleOptimizer"  # of float16; more below
keras.mixed_precision.set_global_policy("float32")
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
# Neither is equal to float32: mixed precision is a switch that changes the result. That need not harm: training has
# noise of its own, from batches and dropout, and the CCT-7/3x1 that ships with this course was trained in bfloat16.
#
# The speed is another matter. In the first picture bfloat16 takes three quarters of the time, and float16 two hundred
# times as long: TensorFlow has fast routines for the one on this processor, and slow ones for the other. It says so in
# one line of its log, which this course hides; Keras says nothing.
#
# ### What float16 cannot hold
#
# float16 has another weakness. Its smallest number above 0 is $2^{-24}$, and whatever is below half of that becomes 0.
#
# Gradients are small. On paper: the cross-entropy of a batch of $n$ images has for a logit the gradient
#
# $$\frac{\partial L}{\partial z} = \frac{p - t}{n}$$
#
# with the probability $p$ and the target $t$, 1 or 0. For a class that the model gives 0.001 % in a batch of 512 this
# is $10^{-5} / 512 = 2 \cdot 10^{-8}$. Half of the smallest number is $3 \cdot 10^{-8}$. So it is lost.

# %%
smallest = float(np.finfo("float16").smallest_subnormal)
lost_gradient = np.float16(1e-5 / 512)
print(f"smallest {smallest:.1e}; 1e-5 / 512 = {1e-5 / 512:.1e} becomes {lost_gradient}")
assert smallest == 2.0**-24 and 1.9e-8 < 1e-5 / 512 < smallest / 2 and lost_gradient == 0

# %% [markdown]
# This happens late in training, when the model is sure of nearly all images. Here are a fresh model and one that learns
# the 512 images by heart, until the median of the gradients of its logits is below the smallest number of float16. All
# is computed in float32:


# %%
def logit_gradients(model):  # -> (images, classes), and the share of images that are right
    probabilities = ops.convert_to_numpy(ops.softmax(model.predict(images, verbose=0)))  # (512, 10)
    right = (probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean()
    return (probabilities - targets) / len(images), right


fresh, learned = new_model(), new_model()
learned.compile(keras.optimizers.Adam(1e-2), loss)
while np.median(np.abs(logit_gradients(learned)[0])) > smallest:
    learned.fit(images, targets, batch_size=64, epochs=10, verbose=0)
gradients = {}
for name, model in {"fresh": fresh, "learned": learned}.items():
    gradients[name], right = logit_gradients(model)
    median = np.median(np.abs(gradients[name]))
    print(f"{name}: {right:.0%} right, median gradient {median:.0e}")
    assert median > 1e-4 if name == "fresh" else median <= smallest and right > 0.99

# %% [markdown]
# > **Trap: float16 without loss scaling.** You write a training loop of your own, with a float16 model. It learns, at
# > first.
#
# **Predict:** by its median, do hardly any, a large part or nearly all of the gradients of the model that has learned
# become 0 in float16? (The cell then tries the same gradients times 32,768, that is $2^{15}$.)


# %% tags=["trap"]
def share_of_zeros(values, kind):
    return float(ops.mean(ops.cast(ops.cast(ops.convert_to_tensor(values), kind) == 0, "float32")))


shares = {}
for name, factor in (("fresh", 1), ("learned", 1), ("learned", 2**15)):
    shares[name, factor] = [share_of_zeros(gradients[name] * factor, kind) for kind in ("float16", "bfloat16")]
    print(f"{name}, times {factor:6,}: {shares[name, factor][0]:6.1%} become 0 in float16", end="")
    print(f", {shares[name, factor][1]:.1%} in bfloat16")
assert shares["fresh", 1][0] < 0.01 and 0.2 < shares["learned", 1][0] < 0.7 and shares["learned", 2**15][0] < 0.01
assert max(in_bfloat16 for _, in_bfloat16 in shares.values()) < 0.001
title = "A large part of late gradients falls out of float16; times 32,768 nearly all fit"
figure = pictures.draw_number_formats(np.abs(gradients["learned"]).ravel(), 2.0**15, title)
cct.show(figure, alt="Late gradients lie in large part below the range of float16, and inside it when times 32,768")

# %% [markdown]
# Of the fresh model hardly any become 0; of the one that has learned, a large part; of the same gradients times 32,768,
# hardly any again. The cure is [loss scaling](glossary.md): multiply the loss by a large number, so that all gradients
# are that much larger, and divide them by it in float32.
#
# `model.compile` does so by itself under `mixed_float16`: that is the `LossScaleOptimizer` which was printed above. In
# a loop of your own, take the gradients of `optimizer.scale_loss(loss)` and not of the loss; the optimizer divides.
# bfloat16 has the range of float32 and needs none of this.
#
# **To catch it:** count the zeros among the gradients, as here, late in training.
#
# So far the step itself was made faster. A good place to rest: what comes next is the work beside it.
#
# ## The input pipeline: make the next batch in the meantime
#
# *Why:* while the processor augments, an accelerator waits. With the work one batch ahead, a step costs the longer of
# the two times and not their sum. On paper: 0.3 s to make a batch, 0.5 s to train on it, five batches. In turn that is
# 5 x 0.8 = 4.0 s; one ahead it is 0.3 + 5 x 0.5 = 2.8 s.


# %%
def one_ahead(prepare, step, batches):  # -> when each batch is begun to be made, and to be trained, in seconds
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
alt = "Two timelines each. 0.3 s to make and 0.5 s to train: in turn 4.0 s, one batch ahead 2.8 s without a pause in "
alt += "training. 0.5 s to make and 0.3 s to train: 2.8 s again, training waits before each batch"
box = cct.explore(draw_pipeline, starts, alt=alt, prepare=(0.1, 1.0, 0.1), step=(0.1, 1.0, 0.1))
assert np.isclose(one_ahead(0.5, 0.3, 5)[1][-1] + 0.3, 2.8)

# %% [markdown]
# Things to try: which of the two times is worth making shorter? With 0.5 s to make, at which time to train does being
# ahead save the largest share?
#
# ### Photos, with `tf.data`
#
# `cct.fit` makes its batches in one thread of Python, a batch ahead. `tf.data` does it with many threads, as long as
# the work is made of TensorFlow's own operations. Here it decodes a JPEG photo, cuts out a window of 224 x 224 pixels
# and shrinks it to 32 x 32:

# %%
file = io.BytesIO()
Image.fromarray(load_sample_image("china.jpg")).save(file, "JPEG")  # 427 x 640 pixels
corners = np.random.default_rng(0).integers(0, 200, (64, 2)).astype("int32")  # (photos, 2), top and left


def cut(corner):
    photo = tf.io.decode_and_crop_jpeg(file.getvalue(), tf.concat([corner, (224, 224)], 0), channels=3)
    return tf.image.resize(photo, (32, 32), antialias=True)  # the photo: (224, 224, 3), the window alone is decoded


photos = tf.data.Dataset.from_tensor_slices(corners).map(cut, tf.data.AUTOTUNE).batch(64).prefetch(2)
(batch,) = photos.as_numpy_iterator()
assert batch.shape == (64, 32, 32, 3)

# %% [markdown]
# And the time? The record has batches of 64 such photos, each part alone, then a training step of CCT-2/3x2 with them:
# in turn; with a thread of Python one batch ahead, as in `cct.fit`; with the loop of Python wrapped into `tf.data` by
# `tf.numpy_function`; and with `tf.data`'s own operations.
#
# All are given as multiples of the step alone, since they were measured together and at another time than the first
# picture. The same step took 1.8 times as long then, and the record does not say why. So only compare times that were
# measured together.
#
# **Predict:** on two cores, with nothing but a processor to compute on, how much of the time does being ahead save?

# %%
alone, no_times = cpu["pipeline"]["step alone"], ("images", "batches", "load_before")
recorded = {name: value / alone for name, value in cpu["pipeline"].items() if name not in no_times}
for name, steps in recorded.items():
    print(f"{name:32} {steps:.2f}")
against = {name: steps / recorded["in turn"] for name, steps in recorded.items() if "ahead" in name or "with" in name}
print({name: f"x {factor:.2f} of in turn" for name, factor in against.items()})
assert [round(factor, 2) for factor in against.values()] == [0.82, 1.33, 1.33] and round(recorded["in turn"], 2) == 1.47
assert round(recorded["tf.data alone"] / recorded["Pillow alone"], 2) == 0.65
assert round(alone / on_cpu["off"], 1) == 1.8

# %% [markdown]
# <details><summary>Answer</summary>
#
# A thread ahead saves less than a fifth of the time: it takes 0.82 of what in turn takes. `tf.data` saves nothing here:
# both ways it takes a third more time than in turn.
#
# </details>
#
# In turn a batch costs 1.47 steps. If making it took no time at all, it would cost 1. That is not reached because no
# processor is idle: the step can use both cores itself, and whoever works ahead takes time from it. `tf.data`, with
# more threads, seems to disturb the step more than it helps. (Each way was measured once, over 12 batches.)
#
# Beside a GPU the step leaves the processor alone, and the timelines above are what you get. There `tf.data`'s own
# operations can pay: alone they make a batch in 0.65 of Pillow's time, as they decode the window only, on both cores.
#
# **To catch a slow pipeline:** time it alone, `for batch in data: pass`, beside the step alone. Beside a GPU it may
# take as long as the step, and no longer.
#
# One question is left: do the same batches from `tf.data` give the same weights as arrays?

# %%
batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(64).prefetch(2)
model = new_model()
model.compile(keras.optimizers.SGD(0.1), loss)
_ = model.fit(batches, epochs=1, shuffle=False, verbose=0)
print(f"tf.data against arrays: {abs(weights_of(model) - plain).max():.0e}")
assert abs(weights_of(model) - plain).max() < 1e-6

# %% [markdown]
# They do.
#
# ## Gradient accumulation: a large batch in small pieces
#
# *Why:* memory grows with the batch. The gradient of a batch of $n$ images is the mean of the gradients of its images.
# So $k$ equal pieces can be computed one after another, and their mean taken:
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
in_pieces, _ = train(new_model(), batch=16, steps=32, optimizer=four_times)
longer = on_cpu["4 batches of 16 accumulated"] / on_cpu["off"]
print(f"4 x 16 accumulated against 64: {abs(in_pieces - plain).max():.0e}; recorded: x {longer:.2f} the time")
assert abs(in_pieces - plain).max() < 1e-5 and round(longer, 2) == 1.31

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights are as close as rounding allows.
#
# </details>
#
# Accumulation saves memory and costs time: four small steps take 1.31 times as long as one large one. (Layers that look
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
# Nothing is left of it: Keras asks the schedule with the number of small batches, not of updates, so that it ends four
# times too early.
#
# **To catch it:** print `optimizer.learning_rate` at the end of the first epoch. The cure is to count small batches in
# the schedule: `decay_steps=32` here.
#
# Four switches are behind you, one is left, and it has the most parts: a good place to rest.
#
# ## Rematerialisation: compute twice, store once
#
# *Why:* the backward pass needs what the forward pass computed. Storing all of it is what fills the memory. You can
# keep only the input of every $k$-th block, and compute the $k$ blocks from there on once more when the backward pass
# arrives at them. This is [rematerialisation](glossary.md), also called gradient checkpointing.
#
# Of $n$ blocks, $n / k$ inputs are kept, and $k$ outputs are there while such a segment is worked on: $n/k + k$ arrays
# at once, at the price of one more forward pass.
#
# **Predict:** for 16 blocks, which $k$ needs fewest?

# %%
held = {every: 16 // every + every for every in (1, 2, 4, 8, 16)}
print(held)
assert min(held, key=held.get) == 4 and held[4] == 8 == 2 * 16**0.5
alt = "Rows of 17 squares. All kept: 17 arrays. Every fourth kept, four computed again: 8 arrays. Only the input kept, "
alt += "16 computed again: 17 arrays"
cct.show(pictures.draw_kept(16, (1, 4, 16)), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Every fourth: 4 + 4 = 8 arrays instead of 17. In general $k = \sqrt{n}$, with $2\sqrt{n}$ arrays
# ([Chen et al.](https://arxiv.org/abs/1604.06174)).
#
# </details>
#
# The picture counts one array a block. A real block makes many: norms, queries, keys, values, attention weights, the
# hidden layer of the MLP. So much is saved already with $k = 1$, if of each block the input alone is kept and its
# inside computed again. In Keras, `keras.remat` wraps a function in this way. Here each block becomes such a function:


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


recomputed, _ = train(rematerialised(new_model()))
print(f"rematerialised against plain: {abs(recomputed - plain).max():.0e}")
assert abs(recomputed - plain).max() < 1e-5

# %% [markdown]
# The weights are equal, but for rounding. And the gain? JAX can list what a forward pass keeps for the backward pass.
# The record has these bytes for 8 blocks with tokens of 128 numbers, at 32 pixels with 64 images, and, on TensorFlow,
# the seconds of such a model with 16 images.

# %%
kept = [cpu[f"bytes/64 images{kind}"]["bytes"] for kind in ("", ", rematerialised")]
seconds = [cpu[f"switch/8 blocks{kind}"]["seconds"] for kind in ("", ", rematerialised")]
print(f"64 images: {kept[0] / 1e6:.0f} MB, rematerialised {kept[1] / 1e6:.0f} MB, that is {kept[1] / kept[0]:.0%}")
print(f"16 images: {1000 * seconds[0]:.0f} ms a step, rematerialised {1000 * seconds[1]:.0f} ms", end="")
print(f", that is x {seconds[1] / seconds[0]:.2f}")
assert round(kept[1] / kept[0], 2) == 0.20 and round(seconds[1] / seconds[0], 2) == 1.36

# %% [markdown]
# A fifth of the memory for about a third more time: one forward pass more, beside a forward pass and a backward pass
# that is worth two.
#
# > **Trap: a random mask that is drawn twice.** Recomputing must repeat the same dropout.
#
# **Predict:** one step with and without rematerialisation, same seed. Are the weights the same with dropout?

# %% tags=["trap"]
difference = {}
for rate in (0.0, 0.5):
    pair = []
    for wrap in (lambda model: model, rematerialised):
        model = wrap(new_model(attention_dropout=rate))
        pair.append(train(model, steps=1, optimizer=keras.optimizers.SGD(1.0))[0])
    difference[rate] = abs(pair[0] - pair[1]).max()
    print(f"dropout {rate}: one step apart by {difference[rate]:.0e}")
assert difference[0.0] < 1e-6 < 1e-5 < difference[0.5]

# %% [markdown]
# With dropout they are not. On TensorFlow, Keras draws a new mask the second time, so that the gradient belongs to
# another network than the loss. Nothing warns you. (On JAX the same code stops with an error.) Set the dropout rates to
# 0 where you rematerialise.
#
# **To catch it:** take one step with and one without, same seed, as here.
#
# ## Which switch works where
#
# This course trains with `cct.fit`, whose loop can be read; Keras's own is `model.fit`. Not every switch reaches both:
#
# | switch | in `model.fit` | in `cct.fit` |
# |---|---|---|
# | XLA | `compile(jit_compile=True)` | Keras's `"auto"`: on with a GPU, off on a CPU; on JAX always |
# | mixed precision | set the policy, then build the model | the same |
# | next batch in the meantime | give it a `tf.data.Dataset` | always, by one thread |
# | accumulation | `gradient_accumulation_steps=` of the optimizer | no: a `Recipe` has no such field |
# | rematerialisation | wrap the blocks, then `compile` | wrap the blocks, then call `cct.fit` |
#
# The rows can be checked in one cell: two epochs of `cct.fit`, plain and with each switch that it takes.

# %%
recipe = Recipe(2, 64, "adamw", learning_rate=2e-3, weight_decay=0.03, augment="none")
few = digits._replace(x_train=digits.x_train[:512], y_train=digits.y_train[:512])
curves = {}
for name in ("plain", "rematerialised", "mixed_bfloat16"):
    keras.mixed_precision.set_global_policy(name if "mixed" in name else "float32")
    model = rematerialised(new_model()) if name == "rematerialised" else new_model()
    curves[name] = cct.fit(model, few, recipe, verbose=False)["loss"]
    kind = model.get_layer("block_0").compute_dtype
    print(f"{name:15} losses {np.round(curves[name], 4)}, {kind}, XLA {model.jit_compile}")
    assert kind == ("bfloat16" if "mixed" in name else "float32")
keras.mixed_precision.set_global_policy("float32")
assert np.allclose(curves["rematerialised"], curves["plain"], atol=1e-4)
assert 1e-6 < np.abs(np.subtract(curves["mixed_bfloat16"], curves["plain"])).max() < 0.05
assert build_optimizer(recipe, model).gradient_accumulation_steps is None

# %% [markdown]
# Keras has a second way to rematerialise, which wraps nothing: a model that is built inside `keras.RematScope`. With
# `cct.build_cct` it fails, and only at the first step:

# %%
with keras.RematScope(mode="list_of_layers", layer_names=["block_0"]):
    scoped = new_model()
try:
    outcome = f"apart by {abs(train(scoped)[0] - plain).max():.0e}"
except ValueError as error:
    outcome = next(line for line in str(error).splitlines() if "custom_gradient decorator" in line)
print(outcome)
assert "custom_gradient decorator" in outcome

# %% [markdown]
# The scope hands `training=True` on by its name, and TensorFlow's `tf.recompute_grad` takes no arguments by name in a
# compiled step. That is Keras 3.15; a later one may do better. So take one step before you plan with a switch.
#
# Those were the switches: a good place to rest. What is left is to foresee what a step will cost.
#
# ## How cost grows
#
# *Why:* before a long run you measure short ones and extrapolate. How a step grows can be said before any measurement:
# a fixed part, which does not depend on the size (to start each operation, to update the weights); a part in proportion
# to it; and for tokens a part with the square, as attention compares every token with every other:
#
# $$t(n) = a + b\,n + c\,n^2 \qquad (c = 0 \text{ for images and blocks})$$
#
# A popular alternative is a power, $t = a\,n^p$: a straight line when both axes are logarithmic. Both are fitted to the
# first four of five measurements, and asked for the fifth.
#
# **Predict:** batches of 1 to 64 images were measured. Which of the two is nearer for 256, and is the other one too
# high or too low?


# %%
def fit_parts(x, y, degree):  # -> a, b, c of a + b x + c x^2, as many as the degree says
    columns = np.stack([x**power for power in range(degree + 1)], axis=1)  # (n, degree + 1)
    return np.linalg.lstsq(columns / y[:, None], np.ones(len(y)), rcond=None)[0]  # least relative squares


grown, found = {}, {}
for kind, degree, label in (("tokens", 2, "tokens"), ("batch", 1, "images in a batch"), ("depth", 1, "blocks")):
    runs = [(int(name.split("/")[1]), run["seconds"]) for name, run in cpu.items() if name.startswith(f"{kind}/")]
    x, y = np.array(sorted(runs)).T
    found[kind] = fit_parts(x[:-1], y[:-1], degree)
    exponent, logarithm = np.polyfit(np.log(x[:-1]), np.log(y[:-1]), 1)  # a line through the logarithms
    guess, power = sum(part * x**n for n, part in enumerate(found[kind])), np.exp(logarithm) * x**exponent
    grown[label] = x, y, guess, power
    print(f"{label:18} parts {', '.join(f'{1000 * part:.2g}' for part in found[kind])} ms; exponent {exponent:.2f}")
alt = "Seconds a step against tokens, images and blocks, on logarithmic axes. The curve of the arithmetic passes near "
alt += "the last point; the straight line of the power lies below it, far below for tokens and images"
cct.show(pictures.draw_growth(grown), alt=alt)
misses = {label: [guess[-1] / y[-1] - 1, power[-1] / y[-1] - 1] for label, (_, y, guess, power) in grown.items()}
rounded = {label: [round(100 * miss) for miss in pair] for label, pair in misses.items()}
assert rounded == {"tokens": [4, -46], "images in a batch": [15, -35], "blocks": [9, -12]}

# %% [markdown]
# <details><summary>Answer</summary>
#
# The arithmetic is nearer: it guesses 15 % too much, the power 35 % too little.
#
# </details>
#
# For tokens the misses are 4 % and 46 %, for blocks both are about a tenth. Why does the power fail for tokens? See
# what a step consists of at both ends of the fit.

# %%
parts = [found["tokens"] * [1, tokens, tokens**2] for tokens in (64, 1024)]  # seconds: fixed, in proportion, square
few_tokens, many_tokens = (seconds / seconds.sum() for seconds in parts)  # shares of a step
print("64 tokens:", few_tokens.round(2), " 1,024 tokens:", many_tokens.round(2))
assert round(few_tokens[0], 2) == 0.45 and round(many_tokens[2], 2) == 0.75

# %% [markdown]
# At 64 tokens 45 % of a step is fixed; at 1,024 three quarters are the square. One exponent for both is too small for
# what is to come. Likewise the exponent below 1, as for images and blocks, is no law of nature: a fixed part makes the
# line flatter at its lower end.
#
# Leave the largest measurement out of every fit. Its miss is what your guess for a still larger run is worth.
#
# ### The fixed part on a GPU
#
# The parts also say what to work on. Of a step with 64 images on this CPU the fixed part is 4 %. Notebook 07 has a
# record of a GPU, an NVIDIA H100, with CCT-2/3x2 and batches of 128 images, on JAX: a loop of Keras's `train_on_batch`,
# and a loop by hand around one compiled step, as `cct.fit` has it on JAX.

# %%
share = found["batch"][0] / (found["batch"][0] + 64 * found["batch"][1])
race = json.loads((results / "07_race_fit.json").read_text(encoding="utf-8"))
(on_h100,) = [run["images_per_second"] for run in race if run["setting"] == "small" and "H100" in run["device"]]
each = {name: 1000 * 128 / rates[0] for name, rates in on_h100.items()}  # milliseconds a step
print(f"CPU: {share:.0%} fixed, {1000 * found['batch'][1]:.1f} ms an image")
print(f"H100: {each['train_on_batch']:.1f} ms a step with train_on_batch, {each['by hand']:.1f} ms by hand")
waits = 1 - each["by hand"] / each["train_on_batch"]
assert round(share, 2) == 0.04 and round(waits, 2) == 0.81
assert abs(each["by hand"] / (1000 * found["batch"][1]) - 1) < 0.05

# %% [markdown]
# The H100 takes as long for a step of 128 images as this CPU for one image. But with `train_on_batch` four fifths of
# the time go into what Python does around the step, while the GPU waits. No switch that speeds up the computing can
# help with that: only a larger batch can, or a loop that does less. On a fast device, look at the fixed part first.
#
# ### What memory holds
#
# *Why:* the first thing that a larger model meets is the end of the memory. A step holds 4 bytes each for a weight, its
# gradient and the two moments of Adam, that is 16 bytes a parameter, and what the forward pass keeps for each image. Of
# that there should be three parts: so many bytes a token (the tokenizer), a token and block, and a pair of tokens and
# block (the attention weights).
#
# **Predict:** these three numbers are fitted to the recorded bytes of seven models, from 1 to 8 blocks and from 32 to
# 96 pixels. How well do three numbers describe seven models: within 1 %, 10 % or 50 %?


# %%
def features(pixels, blocks):
    tokens = pixels**2 / 16
    return np.array([tokens, blocks * tokens, blocks * tokens**2])


sizes, stored = [], []
for name, run in cpu.items():
    if name.startswith("kept/"):
        pixels, blocks = (int(word.split()[0]) for word in name[5:].split(", "))
        sizes.append(features(pixels, blocks))
        stored.append(run["bytes"] / run["images"])
per_part = np.linalg.lstsq(np.array(sizes) / np.array(stored)[:, None], np.ones(len(stored)), rcond=None)[0]
off = np.abs(np.array(sizes) @ per_part / stored - 1).max()
print(f"{per_part.round().astype(int)} bytes: a token, a token and block, a pair and block; off by at most {off:.1%}")
assert len(stored) == 7 and off < 0.01  # seven models, each described by three numbers within 1 %

# %% [markdown]
# <details><summary>Answer</summary>
#
# Within 1 %: what is kept follows from the shapes.
#
# </details>
#
# ### Try it
#
# Now the whole step of CCT-2/3x2, by arithmetic: this memory, and the work. The MACs follow from the shapes, and
# training takes three forward passes: the backward pass computes two products for each one of the forward pass.


# %%
def draw_step(image_side, blocks, batch, rematerialised):
    costs = model_costs("cct_2_3x2_32", (image_side, image_side, 3), num_layers=blocks)
    counted = ("tokenizer", "attention projections", "attention products", "MLP")  # the rest is less than 1 %
    macs = {part: 3 * batch * costs["macs"][part] for part in counted}
    once, each, pairs = per_part * features(image_side, blocks)  # bytes of an image
    inside = each + pairs
    if rematerialised:  # the input of every block, and the inside of one
        inside = blocks * 4 * 128 * costs["tokens"] + inside / blocks
    parameters = sum(costs["parameters"].values())
    memory = {"weights, gradients, Adam": 16 * parameters, "kept for the backward pass": batch * (once + inside)}
    title = f"{image_side} x {image_side} pixels, {costs['tokens']} tokens, {blocks} blocks, {batch} images"
    return pictures.draw_costs(macs, memory, 16e9, title)


# %% [markdown]
# Things to try: at which image side do the products of attention cost more than all other MACs together? What is the
# largest batch that fits into 16 GB at 128 pixels, with and without rematerialisation?

# %%
start_at = dict(image_side=32, blocks=2, batch=128, rematerialised=False)
settings = [start_at, {**start_at, "image_side": 128}]
alt = "MACs and memory of a step by part. 32 pixels: the tokenizer has more than half of the MACs, memory is far below "
alt += "16 GB. 128 pixels: the products of attention have half of the MACs, and memory reaches half of 16 GB"
controls = dict(image_side=(32, 256, 32), blocks=(1, 14), batch=[16, 64, 128, 512, 1024], rematerialised=False)
box = cct.explore(draw_step, settings, alt=alt, **controls)

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/13_one_machine.ipynb).

# %% [markdown]
# ### Exercise: How many workers keep the device busy?
#
# *Warm-up, 5 minutes.* A worker needs `prepare` milliseconds to make a batch, the device needs `step` milliseconds to
# train on it; both are whole numbers. Workers make batches at the same time, each on a core of its own. How many are
# enough so that the device never waits, once it has begun?
#
# `workers_needed(900, 500)` gives `2`.


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
# *10 minutes.* The largest number of float16 is 65,504. Return the largest power of two by which all gradients, `(n,)`,
# positive and negative, can be multiplied so that none becomes infinite, as a float.
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
# 2. Time the pipeline of photos with 1, 2 and 4 parallel calls. Where does it stop getting faster, and why there?
# 3. Make a `RematBlock` that computes only the MLP again. How much of the memory does it save?
#
# ## Recap
#
# | switch | changes the result | memory | time in the record (CPU) |
# |---|---|---|---|
# | XLA | rounding | not measured | x 1.82 |
# | mixed bfloat16 | a little | about two thirds of what is kept (notebook 14) | x 0.74 |
# | mixed float16 | a little, with loss scaling | the same | x 199 |
# | next batch in the meantime | no | a batch or two more | x 0.82 by a thread, x 1.33 by `tf.data` |
# | 4 pieces accumulated | rounding | a quarter of what is kept | x 1.31 |
# | rematerialisation | rounding, without dropout | x 0.20 of what is kept | x 1.36 |
#
# - Turn one switch at a time and compare the weights. A switch is a claim about hardware: measure it on yours.
# - Accumulation and rematerialisation buy memory with time. XLA and 16 bits buy time on hardware made for them.
# - Cost grows by parts that can be named: fixed, in proportion, with the square. Fit these, leave out the largest
#   measurement, and see what the guess is worth.
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

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
# # 13. Scaling up
#
# *What when it outgrows my machine?*
#
# You turn on, one at a time, every switch that lets a bigger model train on the same machine, then use two devices and
# two processes, and work out what ImageNet would need before anyone pays for it.
#
# 25 minutes to read, 80 seconds to run. Builds on [notebook 06](06_compact_transformer.ipynb) and
# [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/13_scaling_up.ipynb)

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
import importlib.util
import json
import os
import signal
import subprocess
import tempfile
import time
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from cct_helpers.environment import native_log_lines_hidden
from cct_helpers.plots import nb13_scaling_up as pictures
from cct_helpers.topics.costs import model_costs

cpu = tf.config.list_physical_devices("CPU")[0]  # for later: one processor that TensorFlow takes for two devices
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

# %% [markdown]
# ## The rule of this notebook
#
# *Why:* a switch that makes training faster and the model worse is no gain. So each one is turned on and off on the
# same short run, and you ask two questions: are the numbers the same, and what did it cost?
#
# The run is eight steps of plain gradient descent on digits. Plain, because Adam divides each gradient by its own size
# and would hide a wrong factor. Dropout is off, so that two runs can be compared number by number.

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
assert abs(plain - again).max() < 1e-6

# %% [markdown]
# The same run twice gives the same weights. Now any difference has a cause. The milliseconds are of the machine that
# ran this page, and a model this small mostly measures overhead. A separate script measured a larger one; its record
# is in the repository, and the pictures below come from it: `python notebooks/scripts/scaling_runs.py` makes it again
# on your machine in about eight minutes.

# %%
record = json.loads((Path(root) / "notebooks" / "results" / "13_cpu.json").read_text(encoding="utf-8"))
measured, machine = record["results"], record["machine"]
print(", ".join(f"{name} {value}" for name, value in machine.items()), "\n" + record.get("note", ""))
switches = {name[7:]: run["seconds"] for name, run in measured.items() if name[:7] == "switch/" and run["images"] == 64}
figure = pictures.draw_switches(switches)
cct.show(figure, alt="Time of a step, off = 1, with XLA, two kinds of mixed precision, both, and four small batches")

# %% [markdown]
# ## XLA: one program instead of many operations
#
# *Why:* TensorFlow starts one routine for each operation, and each writes its result to memory for the next to read.
# XLA compiles the whole step into one program and joins neighbours: a bias, a GELU and a dropout in one pass.
#
# **Predict:** the compiler may reorder sums. Are the weights after eight steps the same to the last bit, to five
# digits, or not at all?

# %%
began = time.perf_counter()
fused, fused_seconds = train(new_model(), jit_compile=True)
seconds = time.perf_counter() - began
print(f"largest difference {abs(fused - plain).max():.0e}; all steps with compiling: {seconds:.1f} s")
print(f"a step: {1000 * plain_seconds:.0f} ms off, {1000 * fused_seconds:.0f} ms on")
assert abs(fused - plain).max() < 1e-5

# %% [markdown]
# To five digits and more. The compiling is paid once per shape: a last batch of another size compiles a second time.
# On a CPU there is little to gain, and the step can become slower, as in the picture above; on a GPU, where memory is
# the bottleneck, it pays more often.
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
# It goes without, for the whole model. There is a warning, because you asked; the default `jit_compile="auto"` gives
# none. Augment the arrays instead, as notebook 07 does.
#
# **To catch it:** read `model.jit_compile` after `compile`.
#
# ## Mixed precision: half the bits where they suffice
#
# *Why:* activations fill most of the memory, and 16 bits take half of 32. Newer processors also multiply them faster.
# Keras keeps each weight in float32, casts it to 16 bits for the computation, and updates the float32 copy. The parts
# that need the bits stay in float32: here the softmax of the attention and the logits.
#
# **Predict:** bfloat16 has 8 bits of precision, float16 has 11. Which comes closer to the float32 weights?

# %%
halves, names = {}, ("mixed_bfloat16", "mixed_float16")
for policy in names:
    keras.mixed_precision.set_global_policy(policy)
    with native_log_lines_hidden():  # some processors have no fast float16, and TensorFlow says so
        model = new_model()
        halves[policy], _ = train(model)
    block = model.get_layer("block_0")
    print(f"{policy}: weights {block.linear1.variable_dtype}, computation {block.compute_dtype}, ", end="")
    print(f"logits {model.output.dtype}, optimizer {type(model.optimizer).__name__}")
    assert block.linear1.variable_dtype == model.output.dtype == "float32" and block.compute_dtype == policy[6:]
keras.mixed_precision.set_global_policy("float32")
distance = [np.linalg.norm(halves[policy] - plain) / np.linalg.norm(plain) for policy in names]
print(f"distance from the float32 weights: bfloat16 {distance[0]:.1e}, float16 {distance[1]:.1e}")
assert 1e-5 < distance[1] < distance[0] < 0.05

# %% [markdown]
# float16, as its extra bits say. Neither is equal to float32: this is the one switch in this notebook that changes the
# result. A network trained with noise anyway rarely minds. The speed is another matter: look at both in the picture
# above. Where TensorFlow has no fast routine for a format on your processor, it falls back to a slow one in silence.
#
# The weakness of float16 is another one. Its smallest number is 6e-8, and what is below half of it becomes 0. The
# gradient of each activation is divided by the number of images, and it shrinks as the loss does.
#
# > **Trap: float16 without loss scaling.** You write a training loop of your own, with a float16 model.
#
# **Predict:** batch of 512, gradients of the last block's output. Which share becomes 0 at the start of training, and
# which when all of them are 100 times smaller, because nearly all images are right?

# %% tags=["trap"]
model, x = new_model(), images
with tf.GradientTape() as tape:
    for layer in model.layers[1:]:
        x = layer(x)  # the last one gives logits
        if layer.name == "block_0":
            tape.watch(x)
            tokens = x  # (512, tokens, dim)
    value = loss(targets, x)
sizes = np.abs(np.ravel(tape.gradient(value, tokens)))
sizes = sizes[sizes > 0]


def lost(kind, factor):
    rounded = ops.cast(ops.convert_to_tensor(sizes * factor), kind)
    return float(ops.mean(ops.cast(rounded == 0, "float32")))


# %%
shares = {factor: lost("float16", factor) for factor in (1, 0.01, 0.01 * 2**15)}
for factor, share in shares.items():
    print(f"times {factor:8}: {share:6.1%} become 0 in float16, {lost('bfloat16', factor):.1%} in bfloat16")
assert shares[1] < 0.1 < 0.5 < shares[0.01] and shares[0.01 * 2**15] < 0.01 and lost("bfloat16", 0.01) == 0
figure = pictures.draw_number_formats(0.01 * sizes, 2.0**15)
cct.show(figure, alt="Small gradients lie mostly below the range of float16, and inside it when times 32,768")

# %% [markdown]
# A few at the start, most of them at the end. The cure is to multiply the loss by a large number, and to divide the
# gradients by it in float32: the third line, times 32,768. `model.compile` does so by itself under `mixed_float16`;
# above it said `LossScaleOptimizer`. Your own loop must ask that optimizer to. bfloat16 has the range of float32 and
# needs none.
#
# **To catch it:** count the zeros among the gradients, as here, late in training.
#
# ## The input pipeline: make the next batch in the meantime
#
# *Why:* while the processor augments, an accelerator waits. With the work one batch ahead, a step costs the longer of
# the two times and not their sum. Drag the times in your head:


# %%
def one_ahead(prepare, step, batches):  # -> when each batch is begun to be made, and to be trained, in seconds
    made, trained = np.zeros(batches), np.full(batches, float(prepare))
    for batch in range(1, batches):
        made[batch] = trained[batch - 1]  # the worker starts when its last batch was taken
        trained[batch] = max(trained[batch - 1] + step, made[batch] + prepare)
    return made, trained


schedules = {"in turn": np.add.outer([0, 0.3], 0.8 * np.arange(5)), "one batch ahead": one_ahead(0.3, 0.5, 5)}
assert np.allclose([trained[-1] for _, trained in schedules.values()], [4 * 0.8 + 0.3, 0.3 + 4 * 0.5])
figure = pictures.draw_overlap(schedules, prepare=0.3, step=0.5)
cct.show(figure, alt="Two timelines: in turn, 4.0 s for five batches; one batch ahead, training never pauses, 2.8 s")
for name, value in measured["pipeline"].items():
    if name not in ("images", "batches", "load_before"):
        print(f"{name:30} {value:.3f} s a batch of {measured['pipeline']['images']}")

# %% [markdown]
# The lines above are from the record: JPEG photos, decoded, cropped and resized. On two cores that the training step
# fills alone, overlap has little to win: no processor is idle, and workers take their time from the step. The picture
# is what you get beside a GPU.
#
# **Predict:** `cct.fit` uses one thread and arrays. Do the same batches from `tf.data` give the same weights?

# %%
batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(64).prefetch(2)
model = new_model()
model.compile(keras.optimizers.SGD(0.1), loss)
_ = model.fit(batches, epochs=1, shuffle=False, verbose=0)
print(f"tf.data against arrays: {abs(weights_of(model) - plain).max():.0e}")
assert abs(weights_of(model) - plain).max() < 1e-6

# %% [markdown]
# ## Gradient accumulation: a large batch in small pieces
#
# *Why:* memory grows with the batch. The gradient of a batch is the mean of the gradients of its parts, so the parts
# can be computed one after another and added up. Keras optimizers do it with one argument.
#
# **Predict:** 4 batches of 16 against one of 64, for 8 updates. How far apart are the weights?

# %%
in_pieces, _ = train(
    new_model(), batch=16, steps=32, optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=4)
)
print(f"4 x 16 accumulated against 64: {abs(in_pieces - plain).max():.0e}")
assert abs(in_pieces - plain).max() < 1e-5

# %% [markdown]
# As close as rounding allows. It saves memory, not time. (Layers that look across the batch, such as batch
# normalization, would still see 16 images. CCT has none.)
#
# > **Trap: the schedule counts small batches.** You add 4 pieces to a run with a cosine schedule of 8 updates.
#
# **Predict:** 8 small batches are 2 of these 8 updates. How much of the rate of 0.1 is left after them?

# %% tags=["trap"]
schedule = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=8)  # meant for 8 updates
optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=4)
train(new_model(), batch=16, steps=8, optimizer=optimizer)
print(f"updates {int(optimizer.iterations)}, learning rate {float(optimizer.learning_rate):.4f}")
assert int(optimizer.iterations) == 2 and float(optimizer.learning_rate) < 1e-6

# %% [markdown]
# Nothing: the schedule is asked with the number of calls, not of updates, and ends four times too early.
#
# **To catch it:** print `optimizer.learning_rate` at the end of the first epoch. The cure is `decay_steps` in calls.
#
# ## Rematerialisation: compute twice, store once
#
# *Why:* the backward pass needs what the forward pass computed. Storing all of it is what fills the memory. You can
# keep only the input of each block and compute its inside again when the backward pass arrives there.
#
# By hand, for a chain of 16 layers $x \leftarrow \tanh(x W)$ and the loss $\sum x$. `every` says how often an $x$ is
# kept.

# %%
rng = np.random.default_rng(0)
chain = [rng.normal(size=(8, 8)) / 8**0.5 for _ in range(16)]
start = rng.normal(size=(4, 8))  # (batch, dim)


def gradient_of_first(every):
    """Gradient for the first matrix, and the most arrays held at once."""
    kept, x, most = {}, start, 0
    for i, w in enumerate(chain):
        if i % every == 0:
            kept[i] = x
        x = np.tanh(x @ w)
    backward = np.ones_like(x)
    for first in sorted(kept, reverse=True):
        inside = [kept.pop(first)]  # the segment once more
        for w in chain[first : first + every]:
            inside.append(np.tanh(inside[-1] @ w))
        most = max(most, len(kept) + len(inside))
        for i in reversed(range(len(inside) - 1)):
            before = backward * (1 - inside[i + 1] ** 2)  # back through tanh
            gradient, backward = inside[i].T @ before, before @ chain[first + i].T
    return gradient, most


# %%
results = {every: gradient_of_first(every) for every in (1, 2, 4, 8, 16)}
print({every: most for every, (_, most) in results.items()})
for gradient, _ in results.values():
    assert np.allclose(gradient, results[1][0])
assert min(results, key=lambda every: results[every][1]) == 4

# %% [markdown]
# The gradients are the same. Fewest arrays are held with every fourth of 16 kept, about $2\sqrt{16}$; the price is one
# more forward pass. (The idea is of [Chen et al.](https://arxiv.org/abs/1604.06174).) In Keras, `keras.remat` wraps a
# function. Here every block becomes one:


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
# JAX can list what a forward pass keeps for the backward pass. The record has the bytes, for 8 blocks of width 128 at
# 32 pixels:

# %%
size = {
    run["images"]: run["bytes"] for name, run in measured.items() if name.startswith("bytes/") and "remat" not in name
}
saved = measured["bytes/64 images, rematerialised"]["bytes"] / size[64]
seconds = [measured[f"switch/8 blocks{kind}"]["seconds"] for kind in ("", ", rematerialised")]
growth, _ = np.polyfit(np.log(list(size)), np.log(list(size.values())), 1)  # a line through the logarithms
print({f"{batch} images": f"{value / 1e6:.0f} MB" for batch, value in size.items()}, f"exponent {growth:.2f}")
print(f"64 images, recorded: {saved:.0%} of the memory, {seconds[1] / seconds[0]:.2f} times the seconds")
assert saved < 0.7 and 0.8 < growth < 1.25

# %% [markdown]
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
# No. On TensorFlow, Keras draws a new mask the second time, so that the gradient belongs to another network than the
# loss. Nothing warns you. (On JAX the same code stops with an error.) Set the rates to 0 where you rematerialise.
#
# **To catch it:** take one step with and one without, same seed, as here.
#
# ## Several devices
#
# *Why:* each device takes a part of the batch, computes its gradient, and all add up. First by hand, with one model
# and two halves of a batch:


# %%
def gradients_of(model, part):
    with tf.GradientTape() as tape:
        value = loss(targets[part], model(images[part]))
    return tape.gradient(value, [variable.value for variable in model.trainable_variables])


model = new_model()
whole, left, right = (gradients_of(model, part) for part in (slice(64), slice(32), slice(32, 64)))
for all_64, first, second in zip(whole, left, right, strict=True):
    np.testing.assert_allclose((first + second) / 2, all_64, atol=1e-6)
print("the mean of the halves' gradients is the gradient of the whole batch")

# %% [markdown]
# `MirroredStrategy` does this for every step: a copy of the model on each device, the batch of the data set split, the
# gradients averaged, so that all copies stay equal. The batch of the data set is the **global** batch.
#
# **Predict:** two devices against one, same global batch. How far apart?

# %%
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    mirrored = new_model()
    mirrored.compile(keras.optimizers.SGD(0.1), loss)
_ = mirrored.fit(batches, epochs=1, shuffle=False, verbose=0)
print(f"{strategy.num_replicas_in_sync} devices against one: {abs(weights_of(mirrored) - plain).max():.0e}")
assert strategy.num_replicas_in_sync == 2 and abs(weights_of(mirrored) - plain).max() < 1e-5

# %% [markdown]
# Rounding. Two traps wait here.
#
# > **Trap: `train_on_batch` does not split.** You have a loop of your own, and put the model under a strategy.
#
# **Predict:** of a batch of 64, how many images does each of two devices get, from `fit` and from `train_on_batch`?


# %% tags=["trap"]
def rows(target, logits):  # a "loss" that tells how many images a device got
    return ops.cast(ops.shape(logits)[0], "float32") + 0 * ops.sum(logits, axis=1)


with strategy.scope():
    counting = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    counting.compile("sgd", rows)
by_fit = counting.fit(batches, shuffle=False, verbose=0).history["loss"][0]
counting.reset_metrics()
by_batch = float(counting.train_on_batch(images[:64], targets[:64]))
print(f"images a device, of 64: fit {by_fit:.0f}, train_on_batch {by_batch:.0f}")
assert (by_fit, by_batch) == (32, 64)

# %% [markdown]
# Half of them from `fit`, all of them from `train_on_batch`. The result is right and the second device is wasted: no
# error, no speed. Use `fit` with a `tf.data.Dataset`.
#
# **To catch it:** let a loss count its rows once, as above.
#
# > **Trap: the learning rate belongs to the global batch.** Two devices with 64 images each make a batch of 128, and
# > half as many updates.
#
# **Predict:** which rate takes the model to where batch 64 took it with 0.1: the same, or twice as much?

# %% tags=["trap"]
apart = {}
for rate in (0.1, 0.2):
    weights, _ = train(new_model(), batch=128, steps=4, optimizer=keras.optimizers.SGD(rate))
    apart[rate] = np.linalg.norm(weights - plain)
    print(f"batch 128, rate {rate}: {apart[rate]:.3f} from the weights of batch 64 with rate 0.1")
assert apart[0.2] < 0.7 * apart[0.1]

# %% [markdown]
# Twice as much. With the old rate the model moves half as far. A common rule is to raise the rate in proportion to the
# batch ([Goyal et al.](https://arxiv.org/abs/1706.02677)), with a warm-up, until it stops working.
#
# **To catch it:** write the global batch beside the learning rate, in the recipe and in the log.
#
# ## Several processes, and one that dies
#
# *Why:* several machines means several processes that talk over a network. In Keras 3 that is `keras.distribution` on
# the JAX backend. (`tf.distribute.MultiWorkerMirroredStrategy` does not work with Keras 3, says
# [an issue of Keras](https://github.com/keras-team/keras/issues/20585).) The script
# [scripts/many_processes.py](scripts/many_processes.py) trains a CCT in any number of processes; on CPUs they add up
# their gradients with gloo. It can be read in five minutes.
#
# You run it with one process, then with two. In the third epoch you kill one of the two, as a power cut would, and go
# on with the one that is left: the same command, but for the number. Dropout is on this time: on JAX the mask is drawn
# for the whole batch, however it is split.
#
# **Predict:** how far is the broken run from the unbroken one?

# %%
script = Path(root) / "notebooks" / "scripts" / "many_processes.py"
scratch = tempfile.TemporaryDirectory()
quickly = os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # a short run waits for the compiler most


def run_script(name, *options, kill_after=None):
    command = [sys.executable, str(script), "--folder", f"{scratch.name}/{name}", "--epochs", "5", *options]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=quickly)
    numbers = []  # of the processes, as the system counts them
    with subprocess.Popen(command, **pipes) as running:
        for line in running.stdout:
            if line.startswith("started"):
                numbers = [int(word) for word in line.split()[2:]]
            elif line.startswith(("epoch", "resumed", "Process", "This", "JAX")):
                print(f"{name}: {line.strip()}")
            if kill_after and line.startswith(kill_after):
                os.kill(numbers[1], signal.SIGKILL)
    return running.returncode


# %% tags=["long"]
possible = importlib.util.find_spec("jax") and sys.platform != "win32"
failed = run_script("one")
if possible:
    killed = run_script("two", "--start", "2", kill_after="epoch 2/")
    failed += run_script("two")
    assert killed and not failed

# %% tags=["long"]
if possible:
    losses = {}
    for name in ("one", "two"):
        losses[name] = json.loads(Path(scratch.name, name, "history.json").read_text())["loss"]
    apart = np.abs(np.subtract(losses["one"], losses["two"])).max()
    print(f"one process unbroken, two and then one: losses of 5 epochs differ by at most {apart:.0e}")
    assert len(losses["two"]) == 5 and apart < 1e-3

# %% [markdown]
# Only rounding. Four things in the script make it so: every process has the same seed, every process draws the same
# batch and takes its own rows of it, one process alone writes the checkpoint, and all read it when they start again,
# however many they are.
#
# On a cluster the command is the same on each machine, but for its number. The folder must be one that all of them
# see:
#
#     python notebooks/scripts/many_processes.py --address node0:12345 --processes 4 --process 0 --folder shared/run
#
# Under SLURM, one line starts all of them:
#
#     srun --ntasks-per-node=1 sh -c 'python notebooks/scripts/many_processes.py --folder shared/run \
#         --address $(scontrol show hostnames $SLURM_NODELIST | head -1):12345 \
#         --processes $SLURM_NTASKS --process $SLURM_PROCID'
#
# ## How cost grows
#
# *Why:* before a long run you measure short ones and extrapolate. Over a range where one part dominates, the time
# follows a power: $t = a\,n^{p}$, a straight line when both axes are logarithmic, with slope $p$.
#
# **Predict:** attention compares every token with every other. Is the exponent for tokens 2?


# %%
def fit_growth(kind, fitted=4):  # recorded seconds over a size, and the power through the first points
    runs = [(int(name.split("/")[1]), run["seconds"]) for name, run in measured.items() if name.startswith(f"{kind}/")]
    x, y = np.array(sorted(runs)).T
    exponent, log_factor = np.polyfit(np.log(x[:fitted]), np.log(y[:fitted]), 1)  # a line through the logarithms
    line = np.exp(log_factor) * x**exponent
    words = f"exponent {exponent:.2f}\nfor {x[-1]:.0f}: says {line[-1]:.2f} s, was {y[-1]:.2f} s"
    return x, y, line, fitted, words


grown = {"tokens": fit_growth("tokens"), "images in a batch": fit_growth("batch"), "blocks": fit_growth("depth")}
cct.show(pictures.draw_growth(grown), alt="Seconds a step against tokens, batch and blocks, with a fitted line each.")
print("\n".join(f"{label:18} {fit[-1]}".replace("\nfor", ", for") for label, fit in grown.items()))

# %% [markdown]
# The largest point was left out of each fit, so the last two numbers show how far such a guess can be trusted. Below 1
# means a fixed cost is still in it: the optimizer and the start of each operation do not depend on the batch. For
# tokens the arithmetic says when the exponent must rise:

# %%
for side in (32, 96, 384):
    macs = [model_costs("cct_2_3x2_32", (n, n, 3), num_conv_layers=1)["macs"] for n in (side, 2 * side)]
    exponent = np.log(sum(macs[1].values()) / sum(macs[0].values())) / np.log(4)  # twice the side, 4 times the tokens
    share = macs[0]["attention products"] / sum(macs[0].values())
    print(f"{side**2 // 4:6} tokens: attention products {share:.0%} of the MACs, exponent {exponent:.2f}")
assert 1 < exponent < 2

# %% [markdown]
# Between 1 and 2, and 2 only in the limit. And processes? The record has the same 512 images in one process on one
# core, and in two on two cores:

# %%
one, two = (measured[f"processes/{processes}"]["seconds"] for processes in (1, 2))
print(f"an epoch: {one:.2f} s in one process, {two:.2f} s in two: {one / two:.2f} times as fast, of at most 2")

# %% [markdown]
# What is missing from 2 goes into adding up gradients, which does not shrink with the share of the batch. A step of a
# model this small is short, and the processes wait for each other in every one of them: below 1 they even lose. They
# pay when a step takes much longer than a talk between them.
#
# ## ImageNet, on paper
#
# *Why:* the authors trained CCT-14/7x2 on ImageNet for 310 epochs, with 8 devices of 128 images each ([their
# configuration](https://github.com/SHI-Labs/Compact-Transformers/tree/main/configs)). What would that cost you? The
# arithmetic has four assumptions, and they are arguments:
#
# - a step costs three forward passes, as the backward pass computes two products for each one;
# - one multiply-accumulate is two operations;
# - a device delivers a `share` of the speed on its data sheet, here 989 TFLOP/s for bfloat16 on an NVIDIA H100;
# - an hour of it costs `price` dollars.


# %%
def plan(costs, images=1_281_167, epochs=310, batch=128, per_image=0.0, peak=989e12, share=0.3, price=3.0):
    macs, parameters = sum(costs["macs"].values()), sum(costs["parameters"].values())
    hours = 2 * 3 * macs * images * epochs / (peak * share) / 3600
    memory = {"weights": 4 * parameters, "gradients": 4 * parameters, "two moments of Adam": 8 * parameters}
    return memory | {"activations": batch * per_image}, hours, hours * price


costs = model_costs("cct_14_7x2_224", num_classes=1000)
runs = {name.split("/")[1]: run for name, run in measured.items() if name.startswith("imagenet bytes/")}
per_image = {kind: run["bytes"] / run["images"] for kind, run in runs.items()}
memory, hours, dollars = plan(costs, per_image=per_image["float32"])
print(f"{sum(costs['macs'].values()) / 1e9:.2f}G MACs, {sum(costs['parameters'].values()):,} parameters")
print("an image:", ", ".join(f"{kind} {size / 1e6:.0f} MB" for kind, size in per_image.items()))
print(f"a device with 128 images: {sum(memory.values()) / 1e9:.0f} GB", end="; ")
print(f"the run: {hours:.1f} device hours, {dollars:.0f} dollars")
print({f"{share:.0%} of the data sheet": f"{plan(costs, share=share)[1]:.0f} hours" for share in (0.5, 0.1)})
fixed = sum(memory.values()) - memory["activations"]
assert 0.3e9 < fixed < 0.4e9 and memory["activations"] > 10 * fixed and 10 < hours < 15

# %% [markdown]
# The activations are the bulk: optimizer and weights together are a third of a gigabyte. Rematerialisation, 16 bits or
# a smaller batch decide whether the device is large enough, not the number of parameters. The least certain number is
# the share: small operations and data loading can push it far below 30 %. Measure it on ten steps before you rent a
# week.


# %%
def draw_budget(image_side, layers, batch, bits, epochs, devices):
    if batch % devices:
        raise ValueError(f"A global batch of {batch} cannot be shared equally by {devices} devices.")
    chosen = model_costs("cct_14_7x2_224", (image_side, image_side, 3), num_classes=1000, num_layers=layers)
    squares = [4 * 3 * 6 * n * chosen["tokens"] for n in (196, chosen["tokens"])]  # three arrays for each of 6 heads
    # The rest grows with blocks and tokens, from the recorded model with 14 and 196.
    stored = layers * (per_image["float32"] / 14 * chosen["tokens"] / 196 + squares[1] - squares[0])
    memory, hours, dollars = plan(chosen, epochs=epochs, batch=batch // devices, per_image=stored * bits / 32)
    title = f"{chosen['tokens']} tokens, {hours / devices:,.1f} hours on {devices} devices"
    return pictures.draw_plan(memory, 80e9, hours, dollars, title)


# %% [markdown]
# ## Try it
#
# Things to try: from 224 to 384 pixels; 28 layers instead of 14; one device instead of eight.

# %%
start_at = dict(image_side=224, layers=14, batch=1024, bits=32, epochs=310, devices=8)
plans = [start_at, {**start_at, "bits": 16}, {**start_at, "image_side": 384, "devices": 4}]
controls = dict(image_side=(96, 512, 32), layers=(2, 28), batch=[128, 256, 512, 1024, 2048], bits=[16, 32])
controls |= dict(epochs=(10, 310, 10), devices=[1, 2, 4, 8, 16])
box = cct.explore(draw_budget, plans, alt="Memory of one device by part, against 80 GB: three plans", **controls)

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/13_scaling_up.ipynb).

# %% [markdown]
# ### Exercise: The gradient of a batch from its parts
#
# *Warm-up, 5 minutes.* A batch was cut into parts with different numbers of images. From the mean gradient of each
# part, `(parts, weights)`, and the images in each, `counts`, `(parts,)`, to the mean gradient of the whole batch,
# `(weights,)`.
#
# `whole_gradient(np.array([[1.0], [5.0]]), np.array([3, 1]))` gives `[2.0]`.


# %% tags=["exercise"]
def whole_gradient(gradients, counts):
    return np.zeros(gradients.shape[1])  # your line here


cct.check("whole_gradient", whole_gradient)

# %% [markdown]
# ### Exercise: Which images does this process train on?
#
# *5 minutes.* Processes are counted from 0 and share a global batch equally, each with rows that follow each other.
# Return the row numbers of one process, `(batch // processes,)`.
#
# `rows_of(1, 2, 6)` gives `[3, 4, 5]`.


# %% tags=["exercise"]
def rows_of(process, processes, batch):
    return np.zeros(batch // processes, int)  # your lines here


cct.check("rows_of", rows_of)

# %% [markdown]
# ### Exercise: Which share of its peak did the card reach?
#
# *10 minutes.* A data sheet promises `peak` operations a second. A training ran at `images_per_second`, and one
# forward pass of one image takes `macs` multiply-accumulates. Which share of its peak did the device deliver, from 0
# to 1? Count a training step as three forward passes, as the notebook does.
#
# `share_of_peak(1e9, 100.0, 6e12)` gives `0.1`.


# %% tags=["exercise"]
def share_of_peak(macs, images_per_second, peak):
    return 0.0  # your line here


cct.check("share_of_peak", share_of_peak)

# %% [markdown]
# ### Exercise: How many processes are worth it?
#
# *10 minutes.* A step takes `seconds` on one process. With `p` processes the work is shared, and after it they add up
# their gradients, which costs `talk` seconds for every process beyond the first: `seconds / p + talk * (p - 1)`.
# Return the number of processes, from 1 to `most`, with the shortest step, the smallest such number if there are
# several.
#
# `fastest(1.0, 0.5, 4)` gives `1`: two processes take 1.0 s as well.


# %% tags=["exercise"]
def fastest(seconds, talk, most):
    return 0  # your lines here


cct.check("fastest", fastest)

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
# 1. Let every process in `scripts/many_processes.py` set its own seed, and look at the losses of two processes.
# 2. Find the epochs on ImageNet that 100 device hours buy, at 224 pixels and at 160.
#
# ## Recap
#
# - Turn one switch at a time and compare the weights. XLA, `tf.data`, accumulation, rematerialisation and devices leave
#   them equal up to rounding; mixed precision does not, and rarely matters.
# - Accumulation and rematerialisation buy memory with time. XLA and 16 bits buy time on hardware made for them.
# - The global batch decides what is learned: split it, accumulate it, but keep count of it for the learning rate.
# - Several processes need one seed, one writer, and a checkpoint that all can read. Then a death costs one epoch.
# - Time over a known range follows a power; leave the largest measurement out of the fit to see what a guess is worth.
# - ImageNet is arithmetic first: MACs x 6 x images x epochs, over what the device really delivers.
#
# **Difference from the paper:** the authors train CCT-14/7x2 with PyTorch on 8 devices under automatic mixed
# precision; nothing here was trained on ImageNet, and hours and dollars are estimates from the assumptions above.
#
# **Difference from the [Keras example](https://keras.io/examples/vision/cct/):** it trains on one device in float32,
# and the `RandomCrop` inside its model switches XLA off.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [authors' code](https://github.com/SHI-Labs/Compact-Transformers),
# [mixed precision](https://arxiv.org/abs/1710.03740), [rematerialisation](https://arxiv.org/abs/1604.06174),
# [large batches](https://arxiv.org/abs/1706.02677), [Keras distribution](https://keras.io/api/distribution/).
#
# This is the last notebook of the course.

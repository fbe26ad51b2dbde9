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
# # 14. Many machines
#
# *What when it outgrows my machine?*
#
# You share a batch between two devices and between two processes, kill one of them and go on, and work out what
# ImageNet would cost before anyone pays for it.
#
# 85 minutes to read, 1 minute to run. Builds on [notebook 13](13_one_machine.ipynb) and
# [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/14_many_machines.ipynb)

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
import importlib.util
import json
import os
import signal
import subprocess
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from cct_helpers.plots import nb14_many_machines as pictures
from cct_helpers.topics.costs import model_costs

# one processor that TensorFlow takes for two devices
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
# a GPU would cut digits of float32 unasked
tf.config.experimental.enable_tensor_float_32_execution(False)

# %% [markdown]
# **Which way through?** The main line goes from *Several devices* to *When do two processes win?*, about 30 minutes;
# then a good place for a break; and from *ImageNet, on paper* to *Try it*, about 30. What stands under *For a second
# reading* can wait until you train on several devices of your own: *Three traps*.
#
# ## Two questions first
#
# **1.** Four pieces of 16 images were accumulated, and the weights were those of a batch of 64. Why? (Notebook 13)
#
# <details><summary>Answer</summary>
#
# The gradient of a batch is the mean of the gradients of its images. The mean of the means of equal pieces is the same
# number.
#
# </details>
#
# **2.** Stochastic depth draws one mask for each image and not one for the whole batch. What would the latter do?
# (Notebook 04)
#
# <details><summary>Answer</summary>
#
# All images of a step would lose the same branches. So the step would be as noisy as with a single draw: the noise of
# the masks would not average out over the batch.
#
# </details>
#
# ## Several devices
#
# *Why:* notebook 13 computed the pieces of a batch one after the other. Two devices can compute two pieces at the same
# time. Each holds all weights, takes its part of the batch and computes its own gradient; all take the mean, so all
# make the same step and stay equal. This is [data parallelism](glossary.md):
#
# $$\nabla L = \frac{1}{p} \sum_{j=1}^{p} \nabla L_j, \qquad \nabla L,\ \nabla L_j: (\text{weights},)$$
#
# for $p$ devices with equal parts.

# %%
alt = """A batch of 64 images is split into two halves of 32. Each goes to a device with all weights,
which gives a gradient. The mean of both gradients gives the same step on both."""
cct.show(pictures.draw_data_parallel(), alt=alt)

# %% [markdown]
# First by hand, with one model and two halves of a batch. The model is the small one of notebook 13, without dropout,
# so that results can be compared number by number; the optimizer is plain gradient descent.

# %%
digits = cct.load_dataset("digits")
images = digits.x_train[:512].astype("float32")  # (512, 16, 16, 1)
targets = np.eye(10, dtype="float32")[digits.y_train[:512]]  # (512,) -> (512, 10)
loss = keras.losses.CategoricalCrossentropy(from_logits=True)


def new_model():
    keras.utils.set_random_seed(0)
    small = dict(input_shape=(16, 16, 1), normalization=(78, 96), num_layers=1)
    small |= dict(dim=32, hidden_channels=16, stochastic_depth=0.0, attention_dropout=0.0)
    return cct.build_cct("cct_2_3x2_32", **small)


def gradient_of(model, part):  # -> (weights,), all in one row
    with tf.GradientTape() as tape:
        value = loss(targets[part], model(images[part]))
    gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
    return np.concatenate([np.ravel(gradient) for gradient in gradients])


model = new_model()
whole, left, right = (gradient_of(model, slice(*rows)) for rows in ((0, 64), (0, 32), (32, 64)))
apart = abs((left + right) / 2 - whole).max()
print(f"mean of the halves' gradients against the gradient of the whole batch: {apart:.0e}")
assert apart < 1e-6

# %% [markdown]
# ### The same in Keras
#
# *Why:* a training needs this in every step, and you need not write it. With Keras on TensorFlow,
# `tf.distribute.MirroredStrategy` does it: a copy of the model on each device, the batch of the data set split, the
# gradients averaged. The batch of the data set is the [global batch](glossary.md), that of all devices together. (The
# two devices here are one processor that TensorFlow takes for two. Two GPUs would give the same numbers, but for
# rounding; the speed is another matter.)
#
# **Predict:** two devices against one, same global batch, eight steps. How far apart are the weights?


# %%
def weights_of(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def trained(model, rate=0.1, batch=64):
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch).prefetch(2)
    model.compile(keras.optimizers.SGD(rate), loss)
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    return weights_of(model)


start, alone = weights_of(new_model()), trained(new_model())
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    mirrored = trained(new_model())
apart, moved = abs(mirrored - alone).max(), abs(alone - start).max()
print(f"{strategy.num_replicas_in_sync} devices against one: {apart:.0e}; moved by up to {moved:.2f}")
assert strategy.num_replicas_in_sync == 2 and apart < 1e-5 < 0.01 < moved

# %% [markdown]
# <details><summary>Answer</summary>
#
# The weights differ by rounding alone, as the sums are taken in another order.
#
# </details>
#
# This holds for `fit`, for one global batch and without dropout. Before you train in another way, read *Three traps*.
#
# ## Several processes, and one that dies
#
# *Why:* several machines means several processes that talk over a network. In Keras 3 that is `keras.distribution` on
# the JAX backend:
#
# | | several devices, one process | several processes |
# |---|---|---|
# | TensorFlow | `MirroredStrategy` with `model.fit` | does not work with Keras 3 |
# | JAX | `keras.distribution.DataParallel` | the same, after `keras.distribution.initialize` |
# | PyTorch | `DistributedDataParallel`, by hand | the same |
#
# (TensorFlow has `tf.distribute.MultiWorkerMirroredStrategy` for it. With Keras 3.15 and TensorFlow 2.21 two workers
# both end with a ValueError about `PerReplica`, and [an issue of
# Keras](https://github.com/keras-team/keras/issues/20585) is open. On PyTorch one writes the loop; Keras has a [guide
# for each backend](https://keras.io/guides/distributed_training_with_jax/).)
#
# The script [scripts/many_processes.py](scripts/many_processes.py) trains a CCT in any number of processes. On CPUs
# they add up their gradients with gloo, a library for sums over a network; on GPUs JAX takes NVIDIA's NCCL. What
# matters is its function `train`, of about fifty lines. It trains with `train_on_batch`: each process is handed its own
# rows, so there is nothing to split.
#
# You run it with one process, then with two. In the third epoch you kill one of the two, as a power cut would, and go
# on with the one that is left: the same command, but for the number. Dropout is on this time.
#
# **Predict:** how far are the losses of the broken run from those of the unbroken one?

# %%
script = Path(root) / "notebooks" / "scripts" / "many_processes.py"
scratch = tempfile.TemporaryDirectory()
quickly = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # less waiting for the compiler


def run_script(name, *options, kill_after=None):
    """Show the lines of the script; after one that begins with `kill_after`, kill process 1."""
    folder = f"{scratch.name}/{name}"
    command = [sys.executable, str(script), "--folder", folder, "--epochs", "5", *options]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with subprocess.Popen(command, env=os.environ | quickly, **pipes) as running:
        for line in running.stdout:
            if line.startswith("started"):
                numbers = [int(word) for word in line.split()[2:]]  # of the processes, in the system
            elif line.startswith(("epoch", "resumed", "Process", "This", "JAX")):
                print(f"{name}: {line.strip()}")
            if kill_after and line.startswith(kill_after):
                os.kill(numbers[1], signal.SIGKILL)
    return running.returncode


# %% tags=["long"]
def losses_of(name):
    return json.loads(Path(scratch.name, name, "history.json").read_text())["loss"]


if importlib.util.find_spec("jax") and sys.platform != "win32":
    failed = run_script("one")
    killed = run_script("two", "--start", "2", kill_after="epoch 2/")
    failed += run_script("two")
    unbroken, broken = losses_of("one"), losses_of("two")
    apart = abs(np.subtract(unbroken, broken)).max()
    print(f"one process unbroken, two and then one: losses differ by at most {apart:.0e}")
    assert killed and not failed and len(broken) == 5 and apart < 1e-4
else:
    print("This needs JAX, on Linux or macOS: pip install jax. The losses differ by rounding alone.")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The losses differ by rounding alone. What was lost is the part of the third epoch before the kill: it was computed
# again from the last checkpoint.
#
# </details>
#
# Four things in the script make it so. Every process has the same seed. Every process draws the same batch and takes
# its own rows of it. One process alone writes the checkpoint. All read it when they start again, however many they are.
# Here is the frame of `train`:
#
# ```python
# keras.distribution.initialize(address, processes, process)  # they find each other
# keras.utils.set_random_seed(0)  # one seed
# keras.distribution.set_distribution(keras.distribution.DataParallel(...))
# ...  # model, optimizer, loss as with one process
# history, _ = checkpoint.load(model)  # all read
# for epoch in range(len(history["loss"]), epochs):
#     for pictures, targets in batches:  # the same in every process
#         model.train_on_batch(pictures[mine], targets[mine])  # own rows: the first exercise
#     if process == 0:
#         checkpoint.save(...)  # one writer
# ```
#
# On a cluster the command is the same on each machine, but for its number. The folder must be one that all of them
# see:
#
#     python notebooks/scripts/many_processes.py --address node0:12345 \
#         --processes 4 --process 0 --folder shared/run
#
# SLURM is what shares out the machines of most clusters. There, one line starts all of them:
#
#     srun --ntasks-per-node=1 sh -c 'python notebooks/scripts/many_processes.py \
#         --address $(scontrol show hostnames $SLURM_NODELIST | head -1):12345 \
#         --processes $SLURM_NTASKS --process $SLURM_PROCID --folder shared/run'
#
# A model whose weights do not fit on one device is a case for `keras.distribution.ModelParallel`, which splits the
# weights as well. No CCT of the paper is that large: the largest has 22 million.
#
# ## When do two processes win?
#
# *Why:* the sum of the gradients has to reach every process in every step: an *all-reduce*. In a *ring* each of $p$
# processes cuts its gradient into $p$ parts. The parts go round from neighbour to neighbour and are added up on the
# way. Here are three processes with the gradients a, b and c:

# %%
alt = """What three processes hold of three parts. Before: each its own, a, b or c. After one round:
one part of each is the sum of two. After two rounds: one part of each is the whole sum."""
cct.show(pictures.draw_ring("abc"), alt=alt)

# %% [markdown]
# Then the whole sums go round in the same way. So a process sends a part of $B / p$ bytes in each of $2\,(p - 1)$
# rounds:
#
# $$2\,\frac{p - 1}{p}\,B \quad \text{bytes a step, for a gradient of } B \text{ bytes.}$$
#
# For two processes and CCT-2/3x2:

# %%
weights = sum(model_costs("cct_2_3x2_32")["parameters"].values())
bytes_of_gradient = 4 * weights
bytes_sent = 2 * (2 - 1) / 2 * bytes_of_gradient  # by each process, in a step
print(f"{weights:,} parameters; each process sends {bytes_sent / 1e6:.1f} MB a step")
assert weights == 283_723 and round(bytes_sent / 1e6, 1) == 1.1

# %% [markdown]
# Its 283,723 parameters of 4 bytes make 1.1 MB, and each process sends 1.1 MB a step. The number of images does not
# appear.
#
# The record has two models on the same digits: the small one that you have just trained in one and in two processes,
# and a larger one with 256 numbers a token and 4 blocks. A process is kept to a core of its own, or to both.
#
# **Predict:** for which of the two models are two processes on two cores faster than one process on one core?

# %%
results = Path(root) / "notebooks" / "results"
record = json.loads((results / "14_cpu.json").read_text(encoding="utf-8"))
measured = record["results"]
print(*(f"{name} {value}" for name, value in record["machine"].items()), sep="\n")
print(record.get("note", ""))
ways = ("1 process, 1 core", "2 processes, 2 cores", "1 process, 2 cores")
seconds = {}
for size in ("small", "large"):
    seconds[size] = {way: measured[f"{size}/{way}"]["seconds"] for way in ways}
title = "An epoch in three ways; green: faster than one process on one core"
alt = """Seconds of an epoch. Small model: two processes take longer than one on one core.
Large model: two take less. One process on both cores is the fastest with either model"""
cct.show(pictures.draw_processes(seconds, title), alt=alt)

# %% [markdown]
# An epoch has 8 steps, 512 images in batches of 64. If nothing was lost, two processes would take half of a step each:

# %%
found = {}
for size, runs in seconds.items():
    one, two, both = (1000 * runs[way] / 8 for way in ways)  # milliseconds a step
    lost = two - one / 2
    print(f"{size}: {one:.0f} ms a step; two processes lose {lost:.0f} ms, {lost / one:.1f} of it")
    print(f"  {one / two:.2f} times as fast with two processes, {one / both:.2f} on both cores")
    speeds = round(one / two, 2), round(one / both, 2)
    found[size] = round(one), round(lost), round(lost / one, 1), *speeds
assert found["small"] == (16, 21, 1.3, 0.54, 1.71) and found["large"] == (272, 92, 0.3, 1.19, 1.75)

# %% [markdown]
# <details><summary>Answer</summary>
#
# For the large one: two processes are 1.19 times as fast as one, of at most 2. With the small one they reach 0.54 of
# the speed of one.
#
# </details>
#
# The processes meet in every step, to add up their gradients, and each waits for the other. A step of the small model
# takes 16 ms on one core. Two processes could take half of that and lose 21 ms on top, more than a whole step. Of the
# 272 ms of the large model they lose 92, a third: less than the half that they save. The longer the step takes, the
# smaller is the share of the sending: more processes pay where steps are long.
#
# Inside one machine there is a simpler way, and with both models it is the fastest: one process on both cores, whose
# threads share the memory and send nothing. Processes are for what one machine cannot hold, and for GPUs. On your
# machine `python notebooks/scripts/scaling_runs.py` measures all six, and what else this notebook and the last one have
# on record, in some twelve minutes.
#
# ## ImageNet, on paper
#
# *Why:* the authors trained CCT-14/7x2 on ImageNet for 310 epochs, with 8 devices of 128 images each ([their
# configuration](https://github.com/SHI-Labs/Compact-Transformers/tree/main/configs)). What would that cost you?
#
# The data sheet of an [NVIDIA H100](https://www.nvidia.com/en-us/data-center/h100/) promises 989 TFLOP/s in bfloat16
# (1 TFLOP/s is $10^{12}$ operations a second), 494 in TF32, a float32 with fewer digits, and 67 in float32. What
# does training really get? The [model card](glossary.md) of the shipped CCT-7/3x1 has its times: an H100, bfloat16,
# JAX, 47,500 images an epoch, at 32 pixels in the last epochs.
#
# **Predict:** 15,000 images a second, 1.18 GMACs each, two operations a MAC, a step as long as three forward passes.
# Which share of 989 TFLOP/s is that: about 1 %, 10 % or 50 %?

# %%
place = Path(root) / "cct_helpers" / "weights" / "cct_7_3x1_32_cifar10.json"
card = json.loads(place.read_text(encoding="utf-8"))
history = card["history"]
at = dict(zip(history["epoch"], history["seconds"], strict=True))  # epoch -> seconds since the start
first, last = min(epoch for epoch in at if epoch >= 110), max(at)  # at 32 pixels throughout
speed = card["train_images"] * (last - first) / (at[last] - at[first])  # validation included
macs = sum(model_costs("cct_7_3x1_32")["macs"].values())  # of one image, forward
delivered = 2 * 3 * macs * speed  # operations a second: two a MAC, three passes a step
share = delivered / 989e12
print(f"{card['device']}, {card['precision']}: {speed:,.0f} images a second")
print(f"{delivered / 1e12:.0f} TFLOP/s, {share:.1%} of the peak")
assert card["precision"] == "mixed_bfloat16" and "H100" in card["device"]
assert 15_000 < speed < 16_000 and round(macs / 1e9, 2) == 1.18
assert round(delivered / 1e12) == 111 and round(share, 2) == 0.11

# %% [markdown]
# <details><summary>Answer</summary>
#
# It is 11 % of the peak. Validation is in the time, and whether others shared the GPU the model card does not say: so
# it is a share that was reached, not the best one possible.
#
# </details>
#
# 11 % sounds poor. Yet it is 111 TFLOP/s, more than the 67 that the data sheet promises for float32 at its very best.
# (Where the rest goes was not measured. Likely places: products too small to fill the GPU, and norms, softmax and
# dropout, which wait for memory.)
#
# The bill has this form:
#
# $$\text{hours} = \frac{2 \cdot 3 \cdot \text{MACs} \cdot \text{images} \cdot \text{epochs}}
# {3600 \cdot \text{share} \cdot \text{peak}}$$
#
# with the MACs of one image in a forward pass, and the peak in operations a second. Two of its numbers are assumptions:
# that CCT-14 at 224 pixels reaches the share of CCT-7 at 32, and that an hour costs 3 dollars. A bill has one
# precision: it must not combine the speed of bfloat16 with the memory of float32.

# %%
PEAKS = {"bfloat16": 989e12, "float32": 67e12}  # operations a second, on the data sheet


def bill(costs, peak, share, images=1_281_167, epochs=310, price=3.0):
    """Hours on one device, and dollars."""
    hours = 2 * 3 * sum(costs["macs"].values()) * images * epochs / (3600 * share * peak)
    return hours, hours * price


costs = model_costs("cct_14_7x2_224", num_classes=1000)
all_macs, parameters = sum(costs["macs"].values()), sum(costs["parameters"].values())
hours, dollars = bill(costs, PEAKS["bfloat16"], share)
at_best, _ = bill(costs, PEAKS["float32"], 1.0)
print(f"{all_macs / 1e9:.2f} GMACs, {parameters:,} parameters")
print(f"bfloat16 at {share:.1%}: {hours:.0f} device hours, {dollars:.0f} dollars")
print(f"float32 at 100 %: {at_best:.0f} device hours")
assert (round(hours), round(dollars), round(at_best)) == (33, 99, 55)

# %% [markdown]
# 33 hours of one H100, about 100 dollars, under these two assumptions. For float32 no share was measured here, but none
# is needed: even at 100 % of its peak the training would take 55 hours. (With TF32, for which JAX and TensorFlow may
# decide by themselves, float32 arrays are multiplied faster: up to 494 TFLOP/s.) What this model and this batch really
# take on a GPU, one command measures: `KERAS_BACKEND=jax python notebooks/scripts/scaling_runs.py --gpu`.
#
# ### Does it fit?
#
# *Why:* a run that does not fit into the memory never starts. A step needs 16 bytes a parameter for weights, gradients
# and Adam's two moments, which stay in float32 under mixed precision, and what the forward pass keeps for each image.
# The record has the latter for three sizes of image, as JAX lists it. One part of it grows in proportion to the tokens,
# one with their square, so two numbers describe each kind of run. (Under bfloat16 a second copy of the weights, of 2
# bytes each, is kept as well; it does not grow with the images.)

# %%
sides = (128, 224, 384)
tokens = np.array([(side // 16) ** 2 for side in sides])
outside = costs["parameters"]["tokenizer"] + costs["parameters"]["head"]  # of the blocks
copies = {"mixed_bfloat16": parameters, "mixed_bfloat16, rematerialised": outside}  # of 2 bytes


def bytes_an_image(kind):  # -> (sides,); the record has two images in a batch
    stored = [measured[f"imagenet bytes/{kind}, {side} pixels"]["bytes"] for side in sides]
    return (np.array(stored) - 2 * copies.get(kind, 0)) / 2


columns = np.stack([tokens, tokens**2], axis=1)  # (sides, 2)
per_image = {}  # kind -> bytes a token, bytes a pair of tokens
for precision in ("float32", "mixed_bfloat16"):
    for kind in (precision, f"{precision}, rematerialised"):
        stored = bytes_an_image(kind)
        relative = columns / stored[:, None]
        found = np.linalg.lstsq(relative, np.ones(3), rcond=None)[0]  # least relative squares
        off = abs(relative @ found - 1).max()
        print(f"{kind:31} {stored[1] / 1e6:4.0f} MB an image at 224 pixels, off by at most {off:.1%}")
        assert off < 0.04
        per_image[kind.removeprefix("mixed_")] = found

# %% [markdown]
# Now the memory of a device with 128 images of 224 pixels, 196 tokens each.
#
# **Predict:** which takes more, the weights with their gradients and moments, or what the forward pass keeps?

# %%
at_224 = {kind: found @ [196, 196**2] for kind, found in per_image.items()}  # bytes an image
for kind, each in (("float32", 16), ("bfloat16", 18)):  # bytes a parameter
    fixed, kept = each * parameters, 128 * at_224[kind]
    again = at_224[f"{kind}, rematerialised"] / at_224[kind]
    print(f"{kind}: {fixed / 1e9:.2f} GB, and {kept / 1e9:.1f} GB for the images", end="")
    print(f", of which rematerialisation leaves {again:.0%}")
    assert kept > 25 * fixed and 0.07 < again < 0.105
assert round(at_224["bfloat16"] / at_224["float32"], 2) == 0.64

# %% [markdown]
# <details><summary>Answer</summary>
#
# What the forward pass keeps, by far: weights, gradients and moments are less than a twenty-fifth of it.
#
# </details>
#
# So 16 bits, a smaller batch or rematerialisation decide whether a device is large enough, not the number of
# parameters. 16 bits take 0.64 of the bytes and not half, as some numbers stay in float32, such as the softmax of
# attention. Rematerialisation leaves about a tenth, under 16 bits less.
#
# ### Eight devices
#
# *Why:* eight devices share the hours, as long as the sums of gradients travel fast enough.
#
# **Predict:** a step of 128 images a device takes about 40 ms. The gradient is 89 MB. Is a network of 10 Gbit/s fast
# enough?

# %%
gradient = 4 * parameters  # bytes
sent = 2 * 7 / 8 * gradient  # by each of 8 devices, in a ring
step = 2 * 3 * all_macs * 128 / delivered  # seconds
print(f"a step {1000 * step:.0f} ms, each device sends {sent / 1e6:.0f} MB:")
ethernet, nvlink = sent / (10e9 / 8), sent / 450e9  # seconds
print(f"  10 Gbit/s Ethernet: {1000 * ethernet:.1f} ms")
print(f"  NVLink of an H100, 450 GB/s each way: {1000 * nvlink:.1f} ms")
assert 3 * step < ethernet < 3.5 * step and nvlink < 0.01 * step
assert round(1000 * step) == 38 and round(gradient / 1e6) == 89

# %% [markdown]
# <details><summary>Answer</summary>
#
# No: sending takes more than three times as long as computing. Inside one machine, over NVLink, it takes less than a
# hundredth of the step. Between machines one needs a faster network, larger batches, or both.
#
# </details>

# %% [markdown]
# ## Try it
#
# *Why:* your own plan will have other numbers. Here is the bill as a picture: the memory of one device by its parts,
# the hours and the price.


# %%
def draw_plan(precision, image_side, batch, devices, epochs, rematerialised, share):
    if batch % devices:
        raise ValueError(f"A global batch of {batch} cannot be shared equally by {devices} devices.")
    chosen = model_costs("cct_14_7x2_224", (image_side, image_side, 3), num_classes=1000)
    hours, dollars = bill(chosen, PEAKS[precision], share, epochs=epochs)
    work = 4 / 3 if rematerialised else 1  # four passes instead of three
    kind = f"{precision}, rematerialised" if rematerialised else precision
    tokens, each = chosen["tokens"], batch // devices
    count = sum(chosen["parameters"].values())
    memory = {"weights": (6 if precision == "bfloat16" else 4) * count, "gradients": 4 * count}
    memory["two moments of Adam"] = 8 * count
    memory["kept for the backward pass"] = each * per_image[kind] @ [tokens, tokens**2]
    title = f"{kind}, {image_side} pixels, {each} images a device, "
    title += f"{share:.0%} of {PEAKS[precision] / 1e12:.0f} TFLOP/s"
    return pictures.draw_bill(memory, 80e9, work * hours, work * dollars, devices, title)


# %% [markdown]
# Change it. Things to try: go from 224 to 384 pixels, with and without rematerialisation. Which share would make
# float32 as fast as bfloat16 at 11 %? With one device in place of eight, does the batch of 1,024 still fit?

# %%
first = dict(precision="bfloat16", image_side=224, batch=1024, devices=8, epochs=310)
first |= dict(rematerialised=False, share=0.11)
larger = {**first, "image_side": 384, "rematerialised": True}
plans = [first, larger, {**first, "precision": "float32", "share": 1.0}]
alt = """Memory of one device against its 80 GB, nearly all of it kept for the backward pass:
12 GB and 34 hours in bfloat16; 3 GB and 151 hours at 384 pixels, rematerialised;
18 GB and 55 hours in float32 at 100 % of its peak"""
controls = dict(precision=["bfloat16", "float32"], image_side=(128, 448, 32))
controls |= dict(batch=[128, 256, 512, 1024, 2048], devices=[1, 2, 4, 8, 16])
controls |= dict(epochs=(10, 310, 10), rematerialised=False, share=(0.05, 1.0, 0.01))
box = cct.explore(draw_plan, plans, alt=alt, **controls)

# %%
for kind in ("bfloat16", "bfloat16, rematerialised"):
    at_384 = 128 * per_image[kind] @ [576, 576**2] / 1e9  # GB of a device; 576 tokens
    whole_batch = 1024 * at_224[kind] / 1e9
    print(f"{kind}: {at_384:.0f} GB at 384 pixels, {whole_batch:.0f} GB for 1,024 images at 224")
    assert (round(at_384), round(whole_batch)) == ((3, 7) if "remat" in kind else (47, 89))
assert round(0.11 * PEAKS["bfloat16"] / PEAKS["float32"], 1) == 1.6
assert round(bill(costs, PEAKS["bfloat16"], 0.11)[0]) == 34

# %% [markdown]
# <details><summary>Answer</summary>
#
# At 384 pixels the 128 images of a device need 47 GB, rematerialised 3 GB. No share would: 11 % of 989 TFLOP/s is 1.6
# times all of the 67. And no: 1,024 images need 89 GB on a single device; rematerialised they would fit, with 7 GB.
#
# </details>
#
# (The picture says 34 hours and not 33, as its share is 11 % and not 11.2 %.)

# %% [markdown]
# ## For a second reading
#
# ### Three traps
#
# *Why:* you train under a strategy. The equality of *The same in Keras* holds for `fit`, for one global batch and
# without dropout. Each of the three can go wrong.
#
# > **Trap: `train_on_batch` does not split.** You have a loop of your own, and put the model under a strategy.
#
# **Predict:** of a batch of 64, how many images does each of two devices get, from `fit` and from `train_on_batch`?


# %% tags=["trap"]
def rows(target, logits):  # a "loss" that tells how many images a device got
    return ops.cast(ops.shape(logits)[0], "float32") + 0 * ops.sum(logits, axis=1)


parts = [keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
with strategy.scope():
    counting = keras.Sequential(parts)
    counting.compile("sgd", rows)
history = counting.fit(images, targets, batch_size=64, shuffle=False, verbose=0).history
counting.reset_metrics()
by_fit, by_batch = history["loss"][0], float(counting.train_on_batch(images[:64], targets[:64]))
print(f"images a device, of 64: fit {by_fit:.0f}, train_on_batch {by_batch:.0f}")
assert (by_fit, by_batch) == (32, 64)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Half of them from `fit`, all of them from `train_on_batch`.
#
# </details>
#
# So with `train_on_batch` the result is right and the second device is wasted: no error, no speed.
# `cct.fit` calls `train_on_batch` on TensorFlow, so under a strategy it is wasteful too: use `model.fit` there.
#
# **To catch it:** let a loss count its rows once, as above.
#
# > **Trap: the learning rate belongs to the global batch.** Two devices with 64 images each make a batch of 128, and
# > half as many updates.
#
# **Predict:** which rate takes the model to where batch 64 took it with 0.1: the same, or twice as much?

# %% tags=["trap"]
distance, way = {}, {}
for rate in (0.1, 0.2):
    end = trained(new_model(), rate, batch=128)
    distance[rate] = np.linalg.norm(end - alone)
    way[rate] = np.linalg.norm(end - start) / np.linalg.norm(alone - start)
    print(f"batch 128, rate {rate}: moved {way[rate]:.0%} as far as batch 64 with rate 0.1", end="")
    print(f", and ends {distance[rate]:.3f} from its weights")
assert distance[0.2] < 0.5 * distance[0.1] and 0.55 < way[0.1] < 0.65 and 0.95 < way[0.2] < 1.05

# %% [markdown]
# <details><summary>Answer</summary>
#
# Twice as much: it ends at less than half of the distance.
#
# </details>
#
# With the old rate the model makes half as many steps and gets 0.6 times as far; with twice the rate it gets as far as
# before. A common rule is to raise the rate in proportion to the batch, with a warm-up
# ([Goyal et al.](https://arxiv.org/abs/1706.02677)). It holds up to some batch and not beyond.
#
# **To catch it:** write the global batch beside the learning rate, in the recipe and in the log.
#
# > **Trap: all devices draw the same dropout mask.** Now with dropout. Each device has a copy of the layer, with the
# > same random state: copies must stay equal.
#
# **Predict:** dropout sets some numbers of image 3 of the first half to 0. What happens to image 3 of the second half?

# %% tags=["trap"]
with strategy.scope():
    dropout = keras.layers.Dropout(0.5, seed=0)


def masks_of(layer):  # -> (devices, images, units): what two devices keep of 4 images of 12 ones
    results = strategy.run(lambda: layer(tf.ones((4, 12)), training=True))
    return np.stack([result.numpy() > 0 for result in strategy.experimental_local_results(results)])


drawn = [masks_of(dropout) for _ in range(3)]  # three steps
same = [bool(np.array_equal(*masks)) for masks in drawn]
print("the same on both devices:", same)
assert all(same) and not np.array_equal(drawn[0], drawn[1])

# %% [markdown]
# <details><summary>Answer</summary>
#
# It loses the same numbers, in every step: the masks change from step to step and never between the devices.
#
# </details>
#
# This is the mistake of notebook 04 again, one mask for several images. With $p$ devices there are $p$ times fewer
# masks, and their noise averages out over that many fewer. Nothing is wrong with the mean, so no loss shows it.
# Stochastic depth draws in the same way.
#
# **To catch it:** compare the masks of two devices, as above. The cure is a seed that holds the number of the device:


# %%
class OwnMasks(keras.layers.Dropout):
    def call(self, inputs, training=False):
        if not training:
            return inputs
        device = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = self.seed_generator.next()  # two whole numbers, the same on each device
        drawn = tf.random.stateless_uniform(ops.shape(inputs), seed + ops.cast(device, seed.dtype))
        return ops.where(drawn >= self.rate, inputs / (1 - self.rate), 0.0)


with strategy.scope():
    cured = OwnMasks(0.5, seed=0)
own = masks_of(cured)
before, now = ((first == second).mean() for first, second in (drawn[0], own))
print(f"entries that are the same on both devices: before {before:.0%}, now {now:.0%}")
assert before == 1 and 0.2 < now < 0.8  # of 48 draws, each the same by chance in half of the cases

# %%
title = "Devices with one seed drop the same; the device's number in the seed cures it"
alt = """Two pairs of random patterns. One seed for all: both devices have the same one.
Own seeds: the two differ"""
cct.show(pictures.draw_masks({"one seed for all": drawn[0], "own seeds": own}, title), alt=alt)

# %% [markdown]
# On JAX there is no such trap: `keras.distribution` computes one step for the whole batch and splits the arrays, so the
# mask is drawn for the whole batch, too.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/14_many_machines.ipynb).

# %% [markdown]
# ### Exercise: Which images does this process train on?
#
# *Warm-up, 5 minutes.* Processes are counted from 0 and share a global batch equally, each with rows that follow each
# other. Return the row numbers of one process, `(batch // processes,)`.
#
# `rows_of(1, 2, 6)` gives `[3, 4, 5]`.


# %% tags=["exercise"]
def rows_of(process, processes, batch):
    return np.zeros(batch // processes, int)  # your lines here


cct.check("rows_of", rows_of)

# %% [markdown]
# ### Exercise: Add up gradients around a ring
#
# *20 minutes.* Each of $n$ devices has cut its gradient into $n$ parts; here a part is one number, so `parts` is
# `(devices, parts)`. In round $r$, from 0, device $d$ sends its part $(d - r) \bmod n$ to device $(d + 1) \bmod n$,
# which adds it to its own; all send at the same time. Return what the devices hold after `rounds` rounds, `(devices,
# parts)`. Leave the argument as it is.
#
# `add_around_the_ring(np.array([[1.0, 2.0], [10.0, 20.0]]), 1)` gives `[[1.0, 22.0], [11.0, 20.0]]`: 22 and 11 are
# whole sums.


# %% tags=["exercise"]
def add_around_the_ring(parts, rounds):
    return np.zeros(parts.shape)  # your lines here


cct.check("add_around_the_ring", add_around_the_ring)

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
# ### Exercise: How many epochs does the money buy?
#
# *10 minutes.* You have `dollars`, and an hour of a device costs `price`. It delivers `delivered` operations a second.
# An image takes `macs` in a forward pass, and there are `images` in an epoch. Return how many whole epochs of training
# the money buys, as an `int`. Count as in the bill: two operations a multiply-accumulate, and three forward passes a
# step.
#
# `epochs_for(10, 2.0, 1e9, 900_000, 1e12)` gives `3`.


# %% tags=["exercise"]
def epochs_for(dollars, price, macs, images, delivered):
    return 0  # your lines here


cct.check("epochs_for", epochs_for)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(14)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Let every process in `scripts/many_processes.py` set its own seed, and look at the losses of two processes.
# 2. With `--dim` and `--layers`, find the model at which two processes begin to win over one on a single core.
# 3. Train one epoch under the strategy with dropout, with and without `OwnMasks` (*Three traps*), and compare the
#    spread of the losses.
#
# ## Recap
#
# | what | works in | look out for |
# |---|---|---|
# | `MirroredStrategy` | `model.fit` on TensorFlow | a loop of your own, another batch, dropout: *Three traps* |
# | `keras.distribution` | JAX, one process or many | in several: one seed, own rows, one writer, one folder |
#
# - The mean of the gradients of equal parts is the gradient of the whole batch. So two devices make the steps of one,
#   but for rounding.
# - Several processes need one seed, one writer, and a checkpoint that all can read. Then a process that dies costs at
#   most an epoch.
# - Sending does not grow with the batch: in the record a second process pays for steps of 272 ms and loses for those of
#   16 ms. One process on both cores beats two in either case.
# - A bill has one precision: its own memory, its own peak, and a share that was measured.
#
# From *For a second reading*:
#
# - The global batch decides what is learned: split it, but keep count of it for the learning rate.
# - Under `MirroredStrategy`, `fit` splits the batch; `train_on_batch` and `cct.fit` do not. All devices drop the same,
#   unless the seed holds the number of the device. On JAX the mask is drawn for the whole batch.
#
# **Difference from the paper:** the authors train CCT-14/7x2 with PyTorch on 8 devices under automatic mixed precision;
# nothing here was trained on ImageNet, and hours and dollars are estimates from the assumptions above. **Difference
# from the [Keras example](https://keras.io/examples/vision/cct/):** it trains on one device.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [authors' code](https://github.com/SHI-Labs/Compact-Transformers),
# [large batches](https://arxiv.org/abs/1706.02677), [Keras distribution](https://keras.io/api/distribution/).
#
# Next: [15 When it does not learn](15_when_it_does_not_learn.ipynb). Why does my loss not fall?

"""Race `cct.fit` on JAX against a hand-written loop: KERAS_BACKEND=jax python notebooks/scripts/race_fit.py SETTING ...

All take the same steps with the same batches, made by the same thread. The loop is one compiled function of Keras's
stateless calls, which nobody waits for before the end of the epoch; `train_on_batch` is `cct.fit` with a step as on the
other backends. Three epochs each, in the order A B C A B C; the first compiles and does not count. The setting "loop"
is for a CPU: a model that computes next to nothing, so that the time is the loop's own; the others are for an
accelerator. Each call adds its turns to notebooks/results/07_race_fit.json, or to the file that --record names.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import time
from pathlib import Path
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
from records import RESULTS, processor, write

import cct_helpers as cct
from cct_helpers import training
from cct_helpers.recipes import build_optimizer
from cct_helpers.training import _ahead, epoch_batches

RECORD = RESULTS / "07_race_fit.json"
EPOCHS = 3
RECIPE = dataclasses.replace(cct.RECIPES["paper_a"], epochs=EPOCHS, warmup_epochs=0, schedule="constant")
SETTINGS = {  # name -> model, its overrides, augmentation, batch, training images
    "loop": ("cct_2_3x2_32", dict(dim=8, num_heads=2, input_shape=(8, 8, 3)), "none", 2, 800),
    "small": ("cct_2_3x2_32", {}, "none", 128, 25_600),
    "small, crop and flip": ("cct_2_3x2_32", {}, "crop_flip", 128, 25_600),
    "large": ("cct_7_3x1_32", {}, "none", 128, 12_800),
}


def made_up(images, shape):
    """A data set of random pixels with so many training images of this shape."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images + 16, *shape)).astype("uint8")
    labels = rng.integers(0, 10, len(pixels))
    parts = pixels[:images], labels[:images], pixels[images:], labels[images:], pixels[:16], labels[:16]
    return cct.Dataset(*parts, class_names=tuple("abcdefghij"), name="random pixels")


def by_fit(model, data, recipe):
    """Images a second in each epoch of `cct.fit`."""
    return cct.fit(model, data, recipe, verbose=False)["images_per_second"]


def by_train_on_batch(model, data, recipe):
    """The same with the step of the other backends."""
    with mock.patch.object(training, "_jax_epoch_trainer", training._epoch_trainer):
        return by_fit(model, data, recipe)


def by_hand(model, data, recipe):
    """The same for a loop of our own."""
    optimizer = build_optimizer(recipe, model)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)

    def loss(trainable, other, images, targets):
        logits, other = model.stateless_call(trainable, other, images, training=True)
        return loss_of(targets, logits), (other, (logits.argmax(1) == targets.argmax(1)).mean())

    @jax.jit
    def step(state, images, targets):
        trainable, other, moments, totals = state
        (value, (other, top1)), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, other, images, targets)
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return trainable, other, moments, (totals[0] + value, totals[1] + top1)

    lists = model.trainable_variables, model.non_trainable_variables, optimizer.variables
    state = (*([variable.value for variable in variables] for variables in lists), (0.0, 0.0))
    speeds = []
    for epoch in range(recipe.epochs):
        done = 0
        for images, targets in _ahead(epoch_batches(data.x_train, data.y_train, 10, recipe, epoch)):
            state = step(state, images, targets)
            if not done:
                jax.block_until_ready(state)
                began = time.perf_counter()
            done += len(images)
        jax.block_until_ready(state)
        speeds.append((done - recipe.batch_size) / (time.perf_counter() - began))
    return speeds


RACERS = {"cct.fit": by_fit, "by hand": by_hand, "train_on_batch": by_train_on_batch}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", choices=SETTINGS, metavar="SETTING", help=f"of {', '.join(SETTINGS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", type=Path, default=RECORD)
    wanted = parser.parse_args()
    record = json.loads(wanted.record.read_text(encoding="utf-8")) if wanted.record.exists() else []
    kind = jax.devices()[0].device_kind
    device = f"{processor()}, {os.cpu_count()} cores" if kind == "cpu" else kind
    versions = {"python": platform.python_version(), "keras": keras.__version__, "jax": jax.__version__}
    for name in wanted.settings:
        variant, overrides, augment, batch, count = SETTINGS[name]
        recipe = dataclasses.replace(RECIPE, augment=augment, batch_size=batch)
        data = made_up(count, overrides.get("input_shape", (32, 32, 3)))
        speeds = {racer: [] for racer in RACERS}
        for _ in range(wanted.rounds):
            for racer, run in RACERS.items():
                keras.utils.set_random_seed(0)
                model = cct.build_cct(variant, normalization=((125.0,) * 3, (63.0,) * 3), **overrides)
                speeds[racer].append(round(statistics.median(run(model, data, recipe)[1:])))
                print(f"{name}: {racer} {speeds[racer][-1]} images/s", flush=True)
        run = {"setting": name, "device": device, "versions": versions, "batch": batch, "images_per_second": speeds}
        record.append(run)
        write(wanted.record, record)


if __name__ == "__main__":
    main()

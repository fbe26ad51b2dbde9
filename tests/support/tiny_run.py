"""A training run that takes a second, for tests that break it: a tiny CCT, every source of randomness switched on."""

import contextlib
import io
import os
import signal
import time
from unittest import mock

import keras
import numpy as np

import cct_helpers as cct
from cct_helpers import augment, training

RECIPE = cct.Recipe(
    epochs=3, batch_size=16, optimizer="adamw", learning_rate=3e-3, weight_decay=0.01, crop_padding=1, mixup=0.8
)
STEPS = 4  # batches an epoch


def model(seed=0):
    """A model whose weights and dropout follow from the seed."""
    keras.utils.set_random_seed(seed)
    sizes = dict(input_shape=(8, 8, 1), num_layers=2, dim=8, num_heads=2, num_conv_layers=1)
    rates = dict(stochastic_depth=0.3, attention_dropout=0.2, dropout=0.1)
    return cct.build_cct(num_classes=4, normalization=(128, 64), **sizes, **rates)


def data():
    """Classes that can be told apart: each is one noisy picture. 64 training and 16 validation images."""
    rng = np.random.default_rng(0)
    labels = np.arange(96) % 4
    images = rng.integers(60, 196, (4, 8, 8, 1))[labels] + rng.integers(-60, 60, (96, 8, 8, 1))
    x, y = np.split(images.astype("uint8"), [64, 80]), np.split(labels, [64, 80])
    return cct.Dataset(x[0], y[0], x[1], y[1], x[2], y[2], list("abcd"), "noisy pictures")


def run(folder=None, seed=0, verbose=False):
    """Train a fresh model; a run that is in `folder` already goes on instead. Returns the model and the history."""
    trained = model(seed)
    return trained, cct.fit(trained, data(), RECIPE, folder=folder, seed=1, verbose=verbose)


def same_but_for_times(history):
    """What two runs must have in common."""
    return {name: value for name, value in history.items() if name not in ("seconds", "images_per_second")}


@contextlib.contextmanager
def before_steps(action):
    """Inside, `action(images, targets, learning_rate)` comes before every training step of `cct.fit`."""
    plain = training.epoch_trainer

    def epoch_trainer(model):
        train = plain(model)

        def announced(batches, rates):
            for (images, targets), rate in zip(batches, rates, strict=True):
                action(images, targets, rate)
                yield images, targets

        return lambda batches, rates, after_step: train(announced(batches, rates), rates, after_step)

    with mock.patch.object(training, "epoch_trainer", epoch_trainer):
        yield


def interrupt_before(call):
    """The same, with a real interrupt signal before step `call`, counted from 1."""
    calls = iter(range(1, 1000))
    return before_steps(lambda *_: next(calls) == call and signal.raise_signal(signal.SIGINT))


def write_in_pieces(pause, pieces=20):
    """A `numpy.savez` for a slow disk: `pause(piece)` is called after each of the pieces."""
    at_once = np.savez

    def savez(file, **arrays):
        buffer = io.BytesIO()
        at_once(buffer, **arrays)
        for piece, part in enumerate(np.array_split(np.frombuffer(buffer.getvalue(), "uint8"), pieces)):
            file.write(part.tobytes())
            file.flush()
            pause(piece)

    return savez


# A kill at one of three places. Each epoch replaces two files, checkpoint.npz and then history.json.


def before_call(call, function, action):
    """`function`, with `action()` before its call number `call`, counted from 1."""
    calls = iter(range(1, 1000))

    def wrapped(*arguments, **options):
        if next(calls) == call:
            action()
        return function(*arguments, **options)

    return wrapped


def in_a_batch(wait):
    augment.random_crop = before_call(STEPS + 2, augment.random_crop, wait)


def half_a_checkpoint(wait):
    """In the middle of the file of the second epoch."""
    pieces = iter(range(1000))
    np.savez = write_in_pieces(lambda _: next(pieces) == 30 and wait())


def history_older_than_checkpoint(wait):
    os.replace = before_call(4, os.replace, wait)


PLACES = [in_a_batch, half_a_checkpoint, history_older_than_checkpoint]


def run_to(place, folder, connection):
    """In a process of its own: train up to one of `PLACES`, say so, and wait to be killed."""

    def wait():
        connection.send("here")
        time.sleep(600)

    place(wait)
    run(folder)

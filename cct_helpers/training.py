"""Training: augmented batches, and `fit` with its checkpoint and progress.

Keras and NumPy only, on every Keras backend. `fit` takes its steps one by one (`steps.py`) rather than by `model.fit`:
the loop can be read from top to bottom, a run can be resumed between any two epochs, and on TensorFlow no tf.data
pipeline stands between the arrays and the model (its autotuning makes a short `model.fit` wait for seconds after the
last batch).
"""

import contextlib
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import keras
import numpy as np

from cct_helpers import augment
from cct_helpers.checkpoint import Checkpoint, assign_values, copy_values
from cct_helpers.evaluation import check_images, evaluate
from cct_helpers.images import shrink, shrunk_sides
from cct_helpers.models import at_size
from cct_helpers.progress_line import Progress
from cct_helpers.recipes import RECIPES, Recipe, build_optimizer, learning_rates
from cct_helpers.steps import training_steps

CURVES = ("loss", "top1", "val_loss", "val_top1", "val_top5", "learning_rate", "images_per_second", "seconds")


def fit(model, data, recipe, *, folder=None, seed=0, verbose=True):
    """Train `model`, give it the weights of its best epoch by validation top-1, and return what happened.

    model: a Keras model from images (batch, height, width, channels) to logits (batch, classes).
    data: a `Dataset`. Only its training and validation part is used.
    recipe: a `Recipe`, or the name of one in `RECIPES`.
    folder: where to keep `checkpoint.npz` and `history.json`, both replaced whole after every epoch. A later call
        with the same folder, recipe, seed, data and model goes on after the last whole epoch and gives the curve of
        an unbroken run.
    seed: order and augmentation of the images. Weights and dropout are the model's own (`keras.utils.set_random_seed`).
    verbose: show a line an epoch.

    With a moving average (`recipe.ema`), validation sees the average of the weights, and that is what the model gets.
    Ctrl-C, or the stop button of a notebook, ends the run in good order: best weights so far, no traceback.

    Returns a dict with a list per curve, one entry an epoch: loss and top1 (of augmented training images), val_loss
    (smoothed like loss, so that the two can be compared), val_top1, val_top5 (left out for 5 classes or fewer),
    learning_rate (at the last step), images_per_second (in training; without the first batch, which may compile) and
    seconds (with validation). Accuracies are shares from 0 to 1. And best_epoch (from 1; None before the first is
    done), recipe (as a dict), seed and stopped (None, or a sentence). Raises ValueError for data that does not fit
    the model or the recipe, and for a folder that cannot be resumed.
    """
    recipe = _find_recipe(recipe)
    classes = _check(model, data, recipe, seed)
    steps = len(data.x_train) // recipe.batch_size
    rates = learning_rates(recipe, steps)
    optimizer = build_optimizer(recipe, model)
    optimizer.build(model.trainable_variables)
    scales = recipe.scale_of_epochs()
    sized = {scale: _at_scale(model, scale, optimizer, recipe) for scale in sorted(set(scales))}
    steps_at = {scale: training_steps(trained) for scale, trained in sized.items()}
    checkpoint = Checkpoint(folder, model, data, recipe, seed)
    history, best = checkpoint.load(model)
    if history is None:
        curves = [curve for curve in CURVES if classes > 5 or curve != "val_top5"]
        history = {curve: [] for curve in curves}
        as_json = json.loads(json.dumps(dataclasses.asdict(recipe)))
        history |= {"best_epoch": None, "recipe": as_json, "seed": int(seed)}
    history["stopped"] = None
    done = len(history["loss"])
    progress = Progress(verbose, recipe.epochs, steps, recipe.batch_size)
    if done:
        progress.line(f"resumed after epoch {done} of {recipe.epochs}")
    try:
        for epoch in range(done, recipe.epochs):
            trained, whole = sized[scales[epoch]], scales[epoch] == 1
            batches = epoch_batches(data.x_train, data.y_train, classes, recipe, epoch, seed)
            _seed_backend(seed, epoch)
            progress.start(epoch)
            started = perf_counter()
            with steps_at[scales[epoch]]() as take_step:
                for step, (images, targets) in enumerate(_ahead(batches)):
                    means = take_step(images, targets, rates[epoch * steps + step])
                    if step in (0, steps - 1):
                        means = np.asarray(means, float)  # on JAX this waits: the speed is taken between the two
                    progress.step(step + 1, *means)
            x_val = shrink(data.x_val, scales[epoch])
            with _averaged_weights(model, recipe):
                scores = evaluate(trained, x_val, data.y_val, label_smoothing=recipe.label_smoothing)
                seen = copy_values(model.weights)
            entry = dict(zip(("loss", "top1"), means.tolist(), strict=True))
            entry |= {f"val_{name}": score for name, score in scores.items()}
            entry |= {"learning_rate": float(rates[epoch * steps + step]), "seconds": perf_counter() - started}
            entry["images_per_second"] = progress.images_per_second
            for curve in history.keys() & entry.keys():
                history[curve].append(entry[curve])
            improved = not whole or _is_best(history, scales.index(1))
            if improved:
                history["best_epoch"], best = epoch + 1, seen
            checkpoint.save(model, best, history)
            progress.end(entry["loss"], entry["top1"], entry["val_top1"], improved)
    except KeyboardInterrupt:
        history["stopped"] = f"stopped in epoch {len(history['loss']) + 1} of {recipe.epochs}"
    if best is not None:
        assign_values(model.weights, best)
    if history["stopped"]:
        progress.line(_how_to_go_on(history, folder))
    return history


def epoch_batches(images, labels, classes, recipe, epoch, seed=0):
    """Yield the batches of epoch `epoch` (from 0): images (batch, height, width, channels), shrunk where the recipe
    says so, and targets (batch, classes), float32.

    Order and augmentation depend on (seed, epoch) alone, so that a resumed run sees what an unbroken one would have
    seen.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(images))
    scale = recipe.scale_of_epochs()[epoch]
    mixing = (recipe.mixup or recipe.cutmix) and (epoch < recipe.mixup_off_epoch or not recipe.mixup_off_epoch)
    for start in range(0, len(images) - recipe.batch_size + 1, recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        batch = augmented(shrink(images[chosen], scale), recipe, rng, scale)
        targets = np.eye(classes, dtype="float32")[labels[chosen]]
        if mixing:
            batch, targets = augment.mixup_cutmix(batch, targets, rng, recipe.mixup, recipe.cutmix)
        yield batch.astype("float32"), targets


def augmented(images, recipe, rng, scale=1):
    """`images` (n, height, width, channels) uint8 after the recipe's augmentation, drawn for each image on its own.

    scale: how far the images were shrunk before; a random crop is shrunk with them.
    """
    if recipe.augment == "auto_augment":
        images = np.stack([augment.auto_augment_cifar10(image, rng) for image in images])
    if recipe.augment == "rand_augment":
        images = np.stack([augment.random_resized_crop(image, rng, scale=recipe.crop_scale) for image in images])
    elif recipe.augment != "none":
        images = augment.random_crop(images, rng, round(recipe.crop_padding * scale))
    if recipe.flip and recipe.augment != "none":
        images = augment.random_flip(images, rng)
    if recipe.augment == "rand_augment":
        images = np.stack([augment.rand_augment(image, rng) for image in images])
    if recipe.erasing:
        images = augment.random_erasing(images, rng, recipe.erasing)
    return images


@contextlib.contextmanager
def _averaged_weights(model, recipe):
    """Inside, the model has the moving average of its weights, where the recipe asks for one; then its own again."""
    if not recipe.ema:
        yield
        return
    own = copy_values(model.trainable_variables)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    # On JAX a weight and its average are now one piece of memory, which the next step may give away: take it apart.
    assign_values(model.trainable_variables, copy_values(model.trainable_variables))
    try:
        yield
    finally:
        assign_values(model.trainable_variables, own)


def _ahead(batches):
    """The same batches, each made in a thread while the model works on the one before it."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


def _seed_backend(seed, epoch):
    """On PyTorch, Keras draws dropout from the global generator, which no variable holds: start it anew every epoch."""
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))


def _find_recipe(recipe):
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise ValueError(f"recipe must be a Recipe or one of {', '.join(RECIPES)}, but is {recipe!r}.")
    return RECIPES[recipe]


def _check(model, data, recipe, seed):
    if len(data.x_val) == 0:
        raise ValueError("The validation set is empty, but the best epoch is chosen on it: use validation=0.1 or so.")
    for part in ("train", "val"):
        classes = check_images(model, f"data.x_{part}", getattr(data, f"x_{part}"), getattr(data, f"y_{part}"))
    if recipe.batch_size > len(data.x_train):
        raise ValueError(
            f"batch_size is {recipe.batch_size}, but there are only {len(data.x_train)} training images: "
            "use dataclasses.replace(recipe, batch_size=...) with a smaller one."
        )
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number, 0 or more, but is {seed!r}.")
    return classes


def _at_scale(model, scale, optimizer, recipe):
    """The model for images of `scale` times the sides, compiled; all scales share their weights and the optimizer."""
    sized = model if scale == 1 else at_size(model, *shrunk_sides(model.input_shape[1:3], scale))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    sized.compile(optimizer, loss, metrics=[keras.metrics.CategoricalAccuracy(name="top1")])
    return sized


def _is_best(history, first):
    """Whether the last epoch is the best of those from `first` on, which saw whole images."""
    score = list(zip(history["val_top1"], (-loss for loss in history["val_loss"]), strict=True))[first:]
    return score[-1] > max(score[:-1], default=(-1.0, 0.0))


def _how_to_go_on(history, folder):
    best = history["best_epoch"]
    weights = f"The model has the weights of epoch {best}, the best so far." if best else "No epoch was finished."
    how = "Call fit again with the same folder to go on." if folder else "With folder=..., fit can go on after a stop."
    return f"{history['stopped']}. {weights} {how}"

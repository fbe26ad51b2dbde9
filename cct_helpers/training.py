"""Training: `fit`, then what it calls, in the order in which it calls it.

Keras and NumPy only, on every backend. Read `fit` first: batches, steps, validation, checkpoint, progress.

Why a loop of our own: it can be read, it goes on after a stop as if there had been none, and it begins sooner. Four
epochs of CCT on the digits take 4.8 s with `fit`, 7.4 s with `model.fit` on the same arrays and 8.6 s with `model.fit`
on a PyDataset of the same augmented batches (medians of 3, two cores, TensorFlow). Most of it is the first epoch, in
which functions are compiled: 2.4 s against 4.6 s and 4.9 s (notebooks/results/07_time_fit.json).
"""

import collections
import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import keras
import numpy as np

from cct_helpers import augment
from cct_helpers.images import shrink, shrunk_sides
from cct_helpers.models import at_size
from cct_helpers.recipes import RECIPES, Recipe, build_optimizer, learning_rates

CURVES = ("loss", "top1", "val_loss", "val_top1", "val_top5", "learning_rate", "images_per_second", "seconds")
STEPS_AHEAD = 8  # steps that JAX may be behind: more would only fill its memory with batches
UPDATE_SECONDS = 0.5  # between two updates of the line of progress


def fit(model, data, recipe, *, folder=None, seed=0, verbose=True):
    """Train `model`, give it the weights of its best epoch by validation top-1, and return what happened.

    With a moving average (`recipe.ema`), validation sees the average of the weights, and that is what the model gets.
    Ctrl-C, or the stop button of a notebook, ends the run in good order: best weights so far, no traceback.

    Args:
        model: a Keras model from images (batch, height, width, channels) to logits (batch, classes).
        data: a `Dataset`. Only its training and validation part is used.
        recipe: a `Recipe`, or the name of one in `RECIPES`.
        folder: where to keep `checkpoint.npz` and `history.json`, both replaced whole after every epoch. A later call
            with the same folder, recipe, seed, data and model goes on after the last whole epoch and gives the curve
            of an unbroken run.
        seed: order and augmentation of the images. Weights and dropout are the model's own
            (`keras.utils.set_random_seed`).
        verbose: show a line an epoch.

    Returns:
        A dict with a list per curve, one entry an epoch: loss and top1 (of augmented training images), val_loss
        (smoothed like loss, so that the two can be compared), val_top1, val_top5 (left out for 5 classes or fewer),
        learning_rate (at the last step), images_per_second (in training; without the first batch, which may compile)
        and seconds (with validation). Accuracies are shares from 0 to 1, losses nats. And best_epoch (from 1; None
        before the first is done), recipe (as a dict), seed and stopped (None, or a sentence).

    Raises:
        ValueError: for data that does not fit the model or the recipe, and for a folder that cannot be resumed.
    """
    recipe = _find_recipe(recipe)
    _check(model, data, recipe, seed)
    classes = model.output_shape[-1]
    steps = len(data.x_train) // recipe.batch_size
    rates = learning_rates(recipe, steps)
    optimizer = build_optimizer(recipe, model)
    optimizer.build(model.trainable_variables)
    scales = recipe.scale_of_epochs()
    sized = {scale: _at_scale(model, scale, optimizer, recipe) for scale in sorted(set(scales))}
    train_at = {scale: epoch_trainer(trained) for scale, trained in sized.items()}
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
            scale, own_rates = scales[epoch], rates[epoch * steps : (epoch + 1) * steps]
            batches = epoch_batches(data.x_train, data.y_train, classes, recipe, epoch, seed)
            _seed_backend(seed, epoch)
            progress.start(epoch)
            started = perf_counter()
            loss, top1 = train_at[scale](_ahead(batches), own_rates, progress.step)
            x_val = shrink(data.x_val, scale)
            with _averaged_weights(model, recipe):
                scores = evaluate(sized[scale], x_val, data.y_val, label_smoothing=recipe.label_smoothing)
                seen = copy_values(model.weights)
            entry = {"loss": loss, "top1": top1} | {f"val_{name}": score for name, score in scores.items()}
            entry |= {"learning_rate": float(own_rates[-1]), "images_per_second": progress.images_per_second}
            entry["seconds"] = perf_counter() - started
            for curve in history.keys() & entry.keys():
                history[curve].append(entry[curve])
            improved = scale < 1 or _is_best(history, scales.index(1))
            if improved:
                history["best_epoch"], best = epoch + 1, seen
            checkpoint.save(model, best, history)
            progress.end(loss, top1, scores["top1"], improved)
    except KeyboardInterrupt:
        history["stopped"] = f"stopped in epoch {len(history['loss']) + 1} of {recipe.epochs}"
    if best is not None:
        assign_values(model.weights, best)
    if history["stopped"]:
        progress.line(_how_to_go_on(history, folder))
    return history


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
        check_labelled(model, f"data.x_{part}", getattr(data, f"x_{part}"), getattr(data, f"y_{part}"))
    if recipe.batch_size > len(data.x_train):
        raise ValueError(
            f"batch_size is {recipe.batch_size}, but there are only {len(data.x_train)} training images: "
            "use dataclasses.replace(recipe, batch_size=...) with a smaller one."
        )
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number, 0 or more, but is {seed!r}.")


def _at_scale(model, scale, optimizer, recipe):
    """The model for images of `scale` times the sides, compiled; all scales share their weights and the optimizer."""
    sized = model if scale == 1 else at_size(model, *shrunk_sides(model.input_shape[1:3], scale))
    smoothing = recipe.label_smoothing
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, dtype="float32")
    sized.compile(optimizer, loss, metrics=[keras.metrics.CategoricalAccuracy(name="top1", dtype="float32")])
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


# Batches


def epoch_batches(images, labels, classes, recipe, epoch, seed=0):
    """The batches of one epoch, one after the other.

    Order and augmentation depend on (seed, epoch) alone, so that a resumed run sees what an unbroken one would have
    seen.

    Args:
        images: (n, height, width, channels) uint8.
        labels: (n,) whole numbers.
        classes: how many there are.
        recipe: a `Recipe`.
        epoch: counted from 0.
        seed: a whole number.

    Yields:
        images (batch, height, width, channels), shrunk where the recipe says so, and targets (batch, classes), float32.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(images))
    scale = recipe.scale_of_epochs()[epoch]
    mixing = (recipe.mixup or recipe.cutmix) and (epoch < recipe.mixup_off_epoch or not recipe.mixup_off_epoch)
    for start in range(0, len(images) - recipe.batch_size + 1, recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        batch = augment_batch(shrink(images[chosen], scale), recipe, rng, scale)
        targets = np.eye(classes, dtype="float32")[labels[chosen]]
        if mixing:
            batch, targets = augment.mixup_cutmix(batch, targets, rng, recipe.mixup, recipe.cutmix)
        yield batch.astype("float32"), targets


def augment_batch(images, recipe, rng, scale=1):
    """Images after the recipe's augmentation, drawn for each of them on its own.

    Args:
        images: (n, height, width, channels) uint8.
        recipe: a `Recipe`.
        rng: a NumPy Generator.
        scale: how far the images were shrunk before; a random crop is shrunk with them.

    Returns:
        The same shape and type.
    """
    if recipe.augment == "auto_augment":
        images = np.stack([augment.auto_augment_cifar10(image, rng) for image in images])
    if recipe.augment == "rand_augment":
        images = np.stack([augment.random_resized_crop(image, rng) for image in images])
    elif recipe.augment != "none":
        images = augment.random_crop(images, rng, round(recipe.crop_padding * scale))
    if recipe.flip and recipe.augment != "none":
        images = augment.random_flip(images, rng)
    if recipe.augment == "rand_augment":
        images = np.stack([augment.rand_augment(image, rng) for image in images])
    if recipe.erasing:
        images = augment.random_erasing(images, rng, recipe.erasing)
    return images


def _ahead(batches):
    """The same batches, each made in a thread while the model works on the one before it."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


# Steps


def epoch_trainer(model):
    """A function that trains a model for one epoch: `train(batches, rates, after_step)`.

    It takes batches of (images, targets), the learning rate of each step, and a function that is called after each
    step with the number of steps done and the means of loss and top-1 over them. It returns the last of these means.

    Args:
        model: compiled with a loss, one of Keras's optimizers (built) and the metric "top1".
    """
    several_devices = keras.distribution.distribution() is not None
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)  # float16
    changed = "train_on_batch" in vars(model) or type(model).train_step is not keras.Model.train_step
    if keras.config.backend() == "jax" and not several_devices and not scaled and not changed:
        return _jax_epoch_trainer(model)
    return _epoch_trainer(model)


def _epoch_trainer(model):
    """On any backend, with Keras's `train_on_batch`."""

    def train(batches, rates, after_step):
        sums = np.zeros(2)
        for done, ((images, targets), rate) in enumerate(zip(batches, rates, strict=True), 1):
            model.optimizer.learning_rate = rate
            model.reset_metrics()  # older Keras versions carry the mean over from batch to batch
            logs = model.train_on_batch(images, targets, return_dict=True)
            sums += logs["loss"], logs["top1"]
            after_step(done, *(sums / done))
        return tuple((sums / done).tolist())

    return train


def _jax_epoch_trainer(model):
    """On JAX, with Keras's stateless calls. `train_on_batch` takes every weight out of the model and puts it back at
    each step; on an accelerator that can take longer than the step itself (notebooks/results/07_race_fit.json).
    """
    import jax
    import jax.numpy as jnp

    optimizer = model.optimizer
    lists = model.trainable_variables, model.non_trainable_variables, optimizer.variables
    rate_at = [variable is optimizer.learning_rate for variable in optimizer.variables].index(True)

    def loss_of(trainable, other, images, targets):
        logits, other, added = model.stateless_call(trainable, other, images, training=True, return_losses=True)
        return model.loss(targets, logits) + sum(added), (other, logits)

    @jax.jit
    def step(state, sums, images, targets, rate):
        trainable, other, moments = state
        (loss, (other, logits)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            trainable, other, images, targets
        )
        moments = [rate if i == rate_at else value for i, value in enumerate(moments)]
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        top1 = (logits.argmax(axis=-1) == targets.argmax(axis=-1)).mean()
        return (trainable, other, moments), sums + jnp.stack([loss, top1])

    def train(batches, rates, after_step):
        state = tuple([variable.value for variable in variables] for variables in lists)
        sums, coming = jnp.zeros(2), collections.deque()
        try:
            for done, ((images, targets), rate) in enumerate(zip(batches, rates, strict=True), 1):
                state, sums = step(state, sums, images, targets, rate)
                coming.append(sums)
                if done in (1, len(rates)):
                    sums.block_until_ready()  # the speed is taken between these two
                elif len(coming) > STEPS_AHEAD:
                    coming.popleft().block_until_ready()
                after_step(done, *(sums / done))
        finally:
            for variables, values in zip(lists, state, strict=True):
                assign_values(variables, values)
        return tuple((np.asarray(sums) / done).tolist())

    return train


def _seed_backend(seed, epoch):
    """On PyTorch, Keras draws dropout from the global generator, which no variable holds: start it anew every epoch."""
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))


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


# Accuracy


def predict(model, images, batch_size=256):
    """The logits of a model in evaluation mode.

    Args:
        model: a Keras model from images to logits.
        images: (n, height, width, channels).
        batch_size: images computed at a time.

    Returns:
        A float32 array (n, classes).
    """
    images = np.asarray(images)
    logits = np.zeros((len(images), model.output_shape[-1]), "float32")
    size = min(batch_size, len(images))
    for start in range(0, len(images), batch_size):
        batch = images[start : start + size].astype("float32")
        missing = size - len(batch)  # the last batch is filled up, as another shape would be compiled anew
        batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        logits[start : start + size] = keras.ops.convert_to_numpy(model.predict_on_batch(batch))[: size - missing]
    return logits


def evaluate(model, images, labels, batch_size=256, label_smoothing=0.0):
    """Accuracy and mean cross-entropy of a model.

    Args:
        model: a Keras model from images to logits.
        images: (n, height, width, channels).
        labels: (n,) whole numbers from 0.
        batch_size: images computed at a time.
        label_smoothing: share of each target that is spread evenly over all classes.

    Returns:
        A dict of floats: top1 and top5, the shares of images whose label has the highest logit or one of the five
        highest, and loss, in nats.

    Raises:
        ValueError: where there are no images, or where these do not fit the labels or the model.
    """
    check_labelled(model, "images", images, labels)
    classes = model.output_shape[-1]
    logits = predict(model, images, batch_size).astype("float64")
    log_probabilities = logits - logits.max(axis=1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(axis=1, keepdims=True))
    targets = smooth(labels, classes, label_smoothing)
    ranked = np.argsort(-logits, axis=1, kind="stable") == np.asarray(labels)[:, None]
    return {
        "top1": float(ranked[:, 0].mean()),
        "top5": float(ranked[:, :5].any(axis=1).mean()),
        "loss": float(-(targets * log_probabilities).sum(axis=1).mean()),
    }


def smooth(labels, classes, smoothing):
    """Smoothed targets, (1 - smoothing) * one_hot + smoothing / classes: labels (n,) -> (n, classes)."""
    return (1 - smoothing) * np.eye(classes)[np.asarray(labels)] + smoothing / classes


def check_labelled(model, name, images, labels):
    """Raise ValueError, naming the data, where images or labels do not fit the model."""
    images, labels, expected = np.asarray(images), np.asarray(labels), tuple(model.input_shape[1:])
    fits = images.ndim == 4 and all(want in (None, have) for want, have in zip(expected, images.shape[1:], strict=True))
    if not fits:
        raise ValueError(
            f"{name} has images of shape {images.shape[1:]}, but the model takes {expected} (height, width, channels): "
            f"build it with input_shape={images.shape[1:]}."
        )
    if len(images) == 0 or labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Each image needs one whole number as its label: {name} has {len(images)} images, "
            f"its labels have shape {labels.shape} and type {labels.dtype}."
        )
    classes = model.output_shape[-1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"The labels of {name} go from {labels.min()} to {labels.max()}, but the model has {classes} outputs, for "
            f"labels 0 to {classes - 1}: build it with num_classes={labels.max() + 1}, and let labels start at 0."
        )


# Checkpoint


class Checkpoint:
    """All that a run needs to go on, in `folder`/checkpoint.npz; `folder`/history.json beside it is for people.

    The file holds the variables of the model (dropout's random state is among them) and of the optimizer, the weights
    of the best epoch, the history, and which run it is of: recipe, seed, shapes of the model's variables, and
    checksums of the data. With folder None nothing is saved.
    """

    def __init__(self, folder, model, data, recipe, seed):
        self.folder = folder and Path(folder)
        if not folder:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()  # a folder that takes no file is found out before training
        except OSError as error:
            raise ValueError(
                f"folder={str(folder)!r} cannot be made or written to ({error.strerror}): name another."
            ) from None
        arrays = [np.ascontiguousarray(part) for part in (data.x_train, data.y_train, data.x_val, data.y_val)]
        run = {
            "recipe": dataclasses.asdict(recipe),
            "seed": int(seed),
            "model": [list(v.shape) for v in model.variables],
            "data": [(part.shape, zlib.crc32(part)) for part in arrays],
        }
        self.run = json.loads(json.dumps(run))

    def load(self, model):
        """Give `model` and its optimizer the state after the last whole epoch.

        Returns (history, weights of the best epoch), or (None, None) where nothing was saved. Raises ValueError for a
        file that is damaged or belongs to another run; the model is then unchanged.
        """
        if not self.folder or not (self.folder / "checkpoint.npz").exists():
            return None, None
        path = self.folder / "checkpoint.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                saved = {name: file[name] for name in file.files}
            run, history = json.loads(str(saved["run"])), json.loads(str(saved["history"]))
            state = [saved[f"state_{i}"] for i in range(sum(name.startswith("state_") for name in saved))]
            best = [saved[f"best_{i}"] for i in range(len(model.weights))]
        except Exception as error:  # one flipped bit makes zipfile raise any of a dozen kinds
            raise ValueError(
                f"{path} is damaged ({error}): delete it to start again, or name another folder."
            ) from None
        different = [part for part in self.run if run.get(part) != self.run[part]]
        if different:
            raise ValueError(
                f"{path} belongs to a run with another {' and another '.join(different)}: "
                "call fit as that run did, or name another folder."
            )
        variables = [*model.variables, *model.optimizer.variables]
        if [value.shape for value in state] != [tuple(variable.shape) for variable in variables]:
            raise ValueError(
                f"{path} holds another optimizer's state, perhaps of another version of Keras (this is "
                f"{keras.__version__}): use the version that wrote it, or name another folder."
            )
        assign_values(variables, state)
        self._write_history(history)
        return history, best

    def save(self, model, best, history):
        """Replace the file of the epoch before."""
        if not self.folder:
            return
        state = copy_values([*model.variables, *model.optimizer.variables])
        arrays = {f"state_{i}": value for i, value in enumerate(state)}
        arrays |= {f"best_{i}": value for i, value in enumerate(best)}
        arrays |= {"run": np.array(json.dumps(self.run)), "history": np.array(json.dumps(history))}
        self._replace("checkpoint.npz", lambda file: np.savez(file, **arrays))
        self._write_history(history)

    def _write_history(self, history):
        path, text = self.folder / "history.json", json.dumps(history, indent=1).encode()
        if not path.exists() or path.read_bytes() != text:  # the same after a resume, but for a kill before this line
            self._replace("history.json", lambda file: file.write(text))

    def _replace(self, name, write):
        temporary = self.folder / f"{name}.part"
        try:
            with open(temporary, "wb") as file:
                write(file)
            os.replace(temporary, self.folder / name)
        except OSError as error:
            raise OSError(
                f"{self.folder / name} could not be written ({error.strerror or error}). What it held after the epoch "
                "before is still there: make room, then call fit again, which goes on from there."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


def copy_values(variables):
    """The values of Keras variables, as a list of NumPy arrays that later training steps leave alone."""
    return [np.array(keras.ops.convert_to_numpy(keras.ops.copy(variable))) for variable in variables]


def assign_values(variables, values):
    """Give each Keras variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


# Progress


class Progress:
    """Shows how far a training run is.

    In a notebook (JupyterLab, Colab, VS Code) all lines are one plain-text output that is updated in place, so a
    saved notebook has them once. In a terminal the line of the running epoch is rewritten; in a file or pipe each
    epoch is one printed line.
    `images_per_second` is the running epoch's speed, without its first batch, which may compile.
    """

    def __init__(self, verbose, epochs, steps, batch_size):
        self.verbose, self.epochs, self.steps, self.batch_size = verbose, epochs, steps, batch_size
        self.lines, self.display, self.live_width = [], None, 0
        self.in_notebook = _in_notebook()
        self.updates_in_place = verbose and (self.in_notebook or sys.stdout.isatty())
        self.epoch_seconds = None

    def start(self, epoch):
        """Begin epoch `epoch`, counted from 0."""
        self.epoch, self.started, self.last_shown = epoch, perf_counter(), 0.0

    def step(self, done, loss, top1):
        """`done` batches of this epoch are trained; loss and top1 are their means."""
        self.last_step = perf_counter()
        if done == 1:
            self.first_step = self.last_step
            self.images_per_second = self.batch_size / (self.last_step - self.started)
        else:
            self.images_per_second = (done - 1) * self.batch_size / (self.last_step - self.first_step)
        if self.updates_in_place and self.last_step - self.last_shown >= UPDATE_SECONDS:
            self.last_shown = self.last_step
            seconds_left = (self.steps - done) * self.batch_size / self.images_per_second
            seconds_left += (self.epoch_seconds or self._training_seconds()) * (self.epochs - self.epoch - 1)
            self._show_live(self._text(loss, top1, f"batch {done}/{self.steps}", seconds_left))

    def end(self, loss, top1, val_top1, improved):
        """The epoch is trained and validated; `improved` marks the best so far."""
        self.epoch_seconds = self._training_seconds() + perf_counter() - self.last_step
        validation = f"val {100 * val_top1:5.1f} % " + ("(best)" if improved else "      ")
        self.line(self._text(loss, top1, validation, self.epoch_seconds * (self.epochs - self.epoch - 1)))

    def line(self, text):
        """Show `text` as a line that stays."""
        self.lines.append(text)
        if self.verbose and self.in_notebook:
            self._update_display(self.lines)
        elif self.verbose:
            print("\r" * self.updates_in_place + text.ljust(self.live_width), flush=True)
            self.live_width = 0

    def _training_seconds(self):
        return self.steps * self.batch_size / self.images_per_second

    def _text(self, loss, top1, middle, seconds_left):
        width, minutes = len(str(self.epochs)), int(seconds_left) // 60
        left = f"{minutes // 60}:{minutes % 60:02d}:{int(seconds_left) % 60:02d}" if minutes >= 60 else ""
        return (
            f"epoch {self.epoch + 1:>{width}}/{self.epochs}  loss {loss:.3f}  train {100 * top1:5.1f} %  {middle}  "
            f"{self.images_per_second:7,.0f} images/s  {left or f'{minutes}:{int(seconds_left) % 60:02d}'} left"
        )

    def _show_live(self, text):
        if self.in_notebook:
            self._update_display([*self.lines, text])
        else:
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be rewritten
            print("\r" + text.ljust(self.live_width), end="", flush=True)
            self.live_width = len(text)

    def _update_display(self, lines):
        bundle = {"text/plain": "\n".join(lines)}
        if self.display is None:
            from IPython.display import display

            self.display = display(bundle, raw=True, display_id=True)
        else:
            self.display.update(bundle, raw=True)


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None

"""Train the models that ship with the course, on an accelerator, with Keras on JAX.

    KERAS_BACKEND=jax python notebooks/scripts/train_weights.py --data cifar10.npz --out FOLDER JOB [JOB ...]
    KERAS_BACKEND=jax python notebooks/scripts/train_weights.py --list

`cct.fit` trains the same models with the same recipes on any machine. This script exists because small models leave an
accelerator waiting for Python: it keeps the images on the device and runs each epoch as one compiled loop. Worker
processes make the augmented copies of the training images, a fresh one for every epoch.

Of the training images, 2,500 are held out for validation, as many of each class. A job of a shipped model takes some
eight minutes on one H100.

The weights of the last epoch and their exponential moving average are compared on validation; the better one is kept
and read once on the test images. Each job writes NAME.npz (float32, the authors' names) and NAME.json (the record).
"""

import argparse
import concurrent.futures
import dataclasses
import itertools
import json
import multiprocessing
import os
import pathlib
import platform
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import records  # noqa: F401  (puts the root of the repository on the path)

import cct_helpers as cct
from cct_helpers import augment
from cct_helpers.layers import MultiHeadSelfAttention
from cct_helpers.models import at_size

MEAN, STD = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units


@dataclasses.dataclass(frozen=True)
class Job:
    """One model and how it is trained. Rates are per step of `batch_size` images."""

    builder: str
    variant: str
    overrides: dict
    recipe: str  # "a": AutoAugment, crop, flip; "b": resized crop, flip, RandAugment
    epochs: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: float
    final_learning_rate: float = 0.0
    cooldown_epochs: int = 0
    mixing_epochs: int = 0  # MixUp or CutMix until then
    small_epochs: int = 0  # images of `small_side` pixels until then
    small_side: int = 24
    batch_size: int = 128
    optimizer: str = "adamw"
    hyperbolic_warmup: bool = False
    ema: float = 0.999
    seed: int = 0
    decay_all: bool = True  # False spares biases, norms, class token and position table
    copies: int = 0  # keep so many augmented copies on the device and go round them, each image mirrored at random
    teacher: str = ""  # learn this job's softened logits instead of the labels
    temperature: float = 2.0


A = dict(recipe="a", epochs=200, learning_rate=5e-4, weight_decay=3e-2, warmup_epochs=5, hyperbolic_warmup=True)
B = dict(
    recipe="b",
    epochs=300,
    learning_rate=55e-5,
    weight_decay=6e-2,
    warmup_epochs=10,
    final_learning_rate=1e-5,
    cooldown_epochs=10,
    mixing_epochs=175,
    decay_all=False,
)
LONG = dict(
    recipe="a",
    epochs=1000,
    learning_rate=2e-3,
    weight_decay=3e-2,
    warmup_epochs=10,
    batch_size=256,
    ema=0.9995,
    decay_all=False,
    copies=100,
)
MUON = {**LONG, "optimizer": "muon", "learning_rate": 4e-3, "weight_decay": 5e-2}
MUON_B = {**B, "optimizer": "muon", "batch_size": 256, "learning_rate": 2e-3, "weight_decay": 0.08}
NO_DROPOUT = {"attention_dropout": 0.0, "stochastic_depth": 0.0}

JOBS = {
    **{f"cct_2_3x2_32_cifar10_a{seed}": Job("build_cct", "cct_2_3x2_32", {}, **A, seed=seed) for seed in range(3)},
    "cvt_2_4_32_cifar10": Job("build_cvt", "cvt_2_4_32", {"mlp_ratio": 2}, **A),
    "vit_lite_2_4_32_cifar10": Job("build_vit_lite", "vit_2_4_32", {"mlp_ratio": 2}, **A),
    # Dropping attention weights costs a third of the step at 256 tokens and is left out here.
    "cct_7_3x1_32_cifar10": Job("build_cct", "cct_7_3x1_32", {"attention_dropout": 0.0}, **B, ema=0.9998),
    # Larger batches: 2.4 s an epoch on an H100, with --fast.
    "cct_7_3x1_32_cifar10_b256": Job(
        "build_cct",
        "cct_7_3x1_32",
        {"attention_dropout": 0.0},
        **{**B, "batch_size": 256, "learning_rate": 8e-4},
        ema=0.9998,
    ),
    # Muon instead of AdamW, and images of 24 x 24 pixels for the first 45 % of the schedule.
    "cct_7_3x1_32_cifar10_muon": Job(
        "build_cct", "cct_7_3x1_32", {"attention_dropout": 0.0}, **MUON_B, small_epochs=140, ema=0.9995
    ),
    "cct_2_3x2_32_cifar10_long": Job("build_cct", "cct_2_3x2_32", NO_DROPOUT, **LONG),
    "cct_2_3x2_32_cifar10_muon": Job("build_cct", "cct_2_3x2_32", NO_DROPOUT, **MUON),
    "cct_2_3x2_32_cifar10_distilled": Job(
        "build_cct", "cct_2_3x2_32", NO_DROPOUT, **{**MUON, "copies": 40}, teacher="cct_7_3x1_32_cifar10_muon"
    ),
}


def build(job):
    """The model of a job, freshly initialised; it takes raw pixels."""
    return getattr(cct, job.builder)(job.variant, normalization=(MEAN, STD), **job.overrides)


def use_fast_kernels():
    """Attention as one fused kernel and max-pooling by slices: the same functions, quicker on an accelerator."""

    def call(self, tokens, training=None):
        if self.dropout or tokens.dtype == "float32":
            return plain_call(self, tokens, training=training)
        qkv = keras.ops.reshape(self.qkv(tokens), (-1, tokens.shape[1], 3, self.num_heads, self.head_size))
        queries, keys, values = (jnp.squeeze(part, 2) for part in jnp.split(qkv, 3, axis=2))
        heads = jax.nn.dot_product_attention(queries, keys, values, implementation="cudnn")
        return self.projection(keras.ops.reshape(heads, (-1, tokens.shape[1], self.dim)))

    def max_pool(images, size, strides, padding):
        rows, columns = ((side - size) // strides + 1 for side in images.shape[1:3])
        ends = [strides * (count - 1) + 1 for count in (rows, columns)]
        for axis, end in zip((1, 2), ends, strict=True):
            parts = [jax.lax.slice_in_dim(images, i, i + end, strides, axis) for i in range(size)]
            images = jnp.maximum(jnp.maximum(parts[0], parts[1]), parts[2])
        return images

    plain_call, MultiHeadSelfAttention.call = MultiHeadSelfAttention.call, call
    keras.ops.max_pool = max_pool


def augmented(recipe, seed, epoch, path):
    """Write one augmented copy of the training images to `path`, drawn from (seed, epoch); return the path."""
    images = Shared.images
    rng = np.random.default_rng((seed, epoch))
    if recipe == "b":
        images = np.stack([augment.random_resized_crop(image, rng) for image in images])
        images = augment.random_flip(images, rng)
        images = np.stack([augment.rand_augment(image, rng) for image in images])
    else:
        images = np.stack([augment.auto_augment_cifar10(image, rng) for image in images])
        images = augment.random_crop(images, rng)
        images = augment.random_flip(images, rng)
    np.save(path, images)
    return path


class Shared:
    images = None  # the training images; set before the workers fork, so that they need not be sent


def augmented_epochs(pool, name, recipe, seed, ahead=12):
    """Yield augmented copies of the training images without end, made ahead by the pool's processes."""
    folder = pathlib.Path("/dev/shm") if pathlib.Path("/dev/shm").is_dir() else pathlib.Path(".")
    waiting = []
    try:
        for epoch in itertools.count():
            path = folder / f"{name}_{os.getpid()}_{epoch}.npy"
            waiting.append(pool.apply_async(augmented, (recipe, seed, epoch, path)))
            if len(waiting) > ahead:
                path = waiting.pop(0).get()
                images = np.load(path)
                path.unlink()
                yield images
    finally:
        for result in waiting:
            result.get().unlink()


def split(labels, held_out=2500, seed=0):
    """Places of the training and of the validation images, as many of the latter in each class."""
    rng, classes = np.random.default_rng(seed), np.unique(labels)
    chosen = [rng.permutation(np.flatnonzero(labels == label))[: held_out // len(classes)] for label in classes]
    validation = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def rates(job, start, end, steps):
    """The learning rate of `steps` steps from epoch `start` to epoch `end`: warm-up, cosine, cooldown."""
    epoch = start + (end - start) * np.arange(steps) / steps
    if job.hyperbolic_warmup:  # the authors' script changes the rate once an epoch
        epoch = np.full(steps, np.floor(start))
        warm = job.learning_rate / np.maximum(job.warmup_epochs - epoch, 1)
        progress = (epoch - job.warmup_epochs) / (job.epochs - job.warmup_epochs)
    else:  # timm's: the cosine counts from epoch 0, the warm-up replaces its start
        warm = 1e-5 + (job.learning_rate - 1e-5) * epoch / max(job.warmup_epochs, 1)
        progress = epoch / job.epochs
    cosine = (1 + np.cos(np.pi * np.clip(progress, 0, 1))) / 2
    cosine = job.final_learning_rate + (job.learning_rate - job.final_learning_rate) * cosine
    return np.where(epoch < job.warmup_epochs, warm, cosine).astype("float32")


def mix(images, targets, key, mixing):
    """MixUp (alpha 0.8) or CutMix (alpha 1), even odds, with the reversed batch; as `augment.mixup_cutmix`.

    Where `mixing` is false, images and targets stay as they are.
    """
    keys = jax.random.split(key, 5)
    cut = jax.random.bernoulli(keys[0])
    share = jnp.where(cut, jax.random.uniform(keys[1]), jax.random.beta(keys[2], 0.8, 0.8))
    share = jnp.where(mixing, share, 1.0)
    height, width = images.shape[1:3]
    inside = jnp.ones((), bool)
    sides = []
    for axis, (side, k) in enumerate(zip((height, width), keys[3:], strict=True)):
        length = jnp.floor(side * jnp.sqrt(1 - share)).astype(int)
        centre = jax.random.randint(k, (), 0, side)
        low, high = jnp.maximum(centre - length // 2, 0), jnp.minimum(centre + length // 2, side)
        places = jnp.arange(side)
        inside = inside & jnp.expand_dims((places >= low) & (places < high), 1 - axis)
        sides.append(high - low)
    box = inside[None, :, :, None]
    cut_images = jnp.where(box, images[::-1], images)
    mixed_images = share * images + (1 - share) * images[::-1]
    share = jnp.where(cut, 1 - sides[0] * sides[1] / (height * width), share)
    return jnp.where(cut, cut_images, mixed_images), share * targets + (1 - share) * targets[::-1]


def make_optimizer(job, variables):
    if job.optimizer == "muon":
        apart = ["(^|/)head/", "position", "class_token"]
        optimizer = keras.optimizers.Muon(1.0, weight_decay=job.weight_decay, exclude_layers=apart)
        optimizer.adam_weight_decay = job.weight_decay
    else:
        optimizer = keras.optimizers.AdamW(1.0, weight_decay=job.weight_decay, epsilon=1e-8)
    if not job.decay_all:
        tables = ("position/", "class_token/")
        optimizer.exclude_from_weight_decay(
            var_list=[v for v in variables if len(v.shape) < 2 or v.path.startswith(tables)]
        )
    optimizer.build(variables)
    return optimizer


def teacher_logits(job, out):
    """A function from images (n, 32, 32, 3) to the logits of the job's teacher, whose weights lie in `out`."""
    teacher = build(JOBS[job.teacher])
    cct.load_reference_weights(teacher, out / f"{job.teacher}.npz")
    trainable = [variable.value for variable in teacher.trainable_variables]
    other = [variable.value for variable in teacher.non_trainable_variables]
    forward = jax.jit(lambda images: teacher.stateless_call(trainable, other, images.astype("float32"))[0])
    return lambda images: jnp.concatenate([forward(images[i : i + 1250]) for i in range(0, len(images), 1250)])


def train(name, job, arrays, pool, out, precision="mixed_bfloat16", log_every=10, seconds=None):
    """Train one job from first to last epoch; write its weights and record, as yet without the test images.

    With `seconds`, the schedule runs from its start to its end in that time, in as many epochs as fit.
    """
    keras.mixed_precision.set_global_policy(precision)
    keras.utils.set_random_seed(job.seed)
    model = build(job)
    small = at_size(model, job.small_side, job.small_side) if job.small_epochs else model
    same = [[variable.path for variable in net.variables] for net in (model, small)]
    assert same[0] == same[1], "the model for small images orders its weights otherwise"
    x_train, y_train, x_val, y_val = arrays[:4]
    steps = len(x_train) // job.batch_size
    optimizer = make_optimizer(job, model.trainable_variables)
    rate_at = [variable.name for variable in optimizer.variables].index("learning_rate")
    state = [
        [variable.value for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    ]
    average = [jnp.array(value) for value in state[0]]
    labels = jax.nn.one_hot(y_train, 10)
    of_teacher = teacher_logits(job, out) if job.teacher else None

    def loss_of(trainable, other, images, targets, net):
        logits, other = net.stateless_call(trainable, other, images, training=True)
        if job.teacher:
            soft = jax.nn.softmax(targets / job.temperature)
            cross = jnp.sum(soft * jax.nn.log_softmax(logits / job.temperature), axis=-1)
            return -jnp.mean(cross) * job.temperature**2, other
        smooth = targets * 0.9 + 0.1 / targets.shape[1]
        return -jnp.mean(jnp.sum(smooth * jax.nn.log_softmax(logits), axis=-1)), other

    def run_epoch(carry, images, targets, key, rates, mixing, net):
        def step(carry, step_input):
            trainable, other, moments, average = carry
            places, key, rate = step_input
            moments = [rate if i == rate_at else value for i, value in enumerate(moments)]
            batch, wanted = images[places].astype("float32"), targets[places]
            if job.copies:
                mirrored = jax.random.bernoulli(key, shape=(len(places), 1, 1, 1))
                batch = jnp.where(mirrored, batch[:, :, ::-1], batch)
            if net is not model:
                batch = jax.image.resize(batch, (len(batch), job.small_side, job.small_side, 3), "linear")
            if job.mixing_epochs:
                batch, wanted = mix(batch, wanted, key, mixing)
            gradients_of = jax.value_and_grad(loss_of, has_aux=True)
            (loss, other), gradients = gradients_of(trainable, other, batch, wanted, net)
            trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
            average = [job.ema * old + (1 - job.ema) * new for old, new in zip(average, trainable, strict=True)]
            return (trainable, other, moments, average), loss

        shuffle, key = jax.random.split(key)
        order = jax.random.permutation(shuffle, len(targets))[: steps * job.batch_size].reshape(steps, job.batch_size)
        return jax.lax.scan(step, carry, (order, jax.random.split(key, steps), rates))

    run_epoch = jax.jit(run_epoch, donate_argnums=0, static_argnums=6)
    forward = jax.jit(
        lambda trainable, other, images: model.stateless_call(trainable, other, images, training=False)[0]
    )

    def logits_of(trainable, images):
        parts = [
            forward(trainable, carry[1], part.astype("float32")) for part in np.array_split(images, len(images) // 500)
        ]
        return np.concatenate([np.asarray(part, "float32") for part in parts])

    def top1(trainable, images, labels):
        return float((logits_of(trainable, images).argmax(1) == labels).mean())

    carry = (*state, average)
    total = job.epochs + job.cooldown_epochs
    made = augmented_epochs(pool, name, job.recipe, job.seed)
    kept = []

    def next_copy(epoch):
        """Images and targets of an epoch, on the device."""
        if job.copies and epoch >= job.copies:
            return kept[epoch % job.copies]
        images = jnp.asarray(next(made))
        copy = images, (of_teacher(images) if job.teacher else labels)
        if job.copies:
            kept.append(copy)
        return copy

    history = {"epoch": [], "schedule_epoch": [], "loss": [], "val_top1": [], "val_top1_average": [], "seconds": []}
    images, targets = next_copy(0)
    key = jax.random.key(job.seed)
    nets = [small, model] if job.small_epochs else [model]
    started = time.time()
    lowered = [run_epoch.lower(carry, images, targets, key, rates(job, 0, 1, steps), True, net) for net in nets]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        runs = list(threads.map(lambda traced: traced.compile(), lowered))
    top1(carry[0], x_val, y_val)
    print(f"{name} compiled in {time.time() - started:.0f} s", flush=True)
    began, schedule_epoch, epoch, taken, last = time.time(), 0.0, 0, 0.0, 0.0
    while schedule_epoch < total:
        ahead = last / seconds * total if seconds and epoch else 1.0
        run = runs[0] if schedule_epoch < job.small_epochs else runs[-1]
        step_rates = rates(job, schedule_epoch, schedule_epoch + ahead, steps)
        mixing = bool(schedule_epoch < job.mixing_epochs)
        carry, losses = run(carry, images, targets, jax.random.fold_in(key, epoch), step_rates, mixing)
        images, targets = next_copy(epoch + 1)  # while the device works on this epoch
        jax.block_until_ready(losses)
        before, taken = taken, time.time() - began
        epoch, last = epoch + 1, taken - before
        schedule_epoch = taken / seconds * total if seconds else epoch
        if epoch % log_every == 0 or schedule_epoch >= total or epoch == 2:
            row = (epoch, round(schedule_epoch, 2), float(losses.mean()), top1(carry[0], x_val, y_val))
            row = (*row, top1(carry[3], x_val, y_val), round(taken, 1))
            for column, value in zip(history, row, strict=True):
                history[column].append(value)
            print(f"{name} epoch {epoch} ({schedule_epoch:.1f}/{total}) loss {row[2]:.3f} val {row[3]:.4f} "
                  f"average {row[4]:.4f} {taken:.0f} s", flush=True)  # fmt: skip
            if epoch % 50 == 0:
                save(model, carry[3], out / f"{name}_partial.npz")
    made.close()

    use_average = history["val_top1_average"][-1] >= history["val_top1"][-1]
    chosen = carry[3] if use_average else carry[0]
    save(model, chosen, out / f"{name}.npz")
    (out / f"{name}_partial.npz").unlink(missing_ok=True)
    record = {
        "name": name,
        "job": dataclasses.asdict(job),
        "parameters": model.count_params(),
        "weights": "moving average" if use_average else "last epoch",
        "train_images": len(x_train),
        "val_images": len(x_val),
        "epochs": epoch,
        "seconds": round(taken, 1),
        "images_per_second": round(steps * job.batch_size * epoch / taken),
        "device": jax.devices()[0].device_kind,
        "precision": precision,
        "versions": {"python": platform.python_version(), "keras": keras.__version__, "jax": jax.__version__},
        "history": history,
    }
    (out / f"{name}.json").write_text(json.dumps(record, indent=1))


def score(name, job, arrays, out):
    """Read the trained weights of a job on the validation and the test images, and put that into its record."""
    keras.mixed_precision.set_global_policy("float32")
    _, _, x_val, y_val, x_test, y_test = arrays
    model = build(job)
    cct.load_reference_weights(model, out / f"{name}.npz")
    test = model.predict(x_test, batch_size=500, verbose=0)
    val_hits = model.predict(x_val, batch_size=500, verbose=0).argmax(1) == y_val
    hits = test.argmax(1) == y_test
    top5 = (np.argsort(test, 1)[:, -5:] == y_test[:, None]).any(1)
    path = out / f"{name}.json"
    record = json.loads(path.read_text()) | {
        "test_top1": float(hits.mean()),
        "test_top5": float(top5.mean()),
        "test_top1_per_class": [float(hits[y_test == label].mean()) for label in range(10)],
        "val_top1": float(val_hits.mean()),
    }
    path.write_text(json.dumps(record, indent=1))
    print(f"{name}: test {record['test_top1']:.4f} val {record['val_top1']:.4f}", flush=True)


def save(model, values, path):
    """Write values of the trainable variables under the authors' names, whole or not at all."""
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **cct.reference_weights(model))
    os.replace(temporary, path)


def load(path):
    """Training, validation and test arrays of an `.npz` with Keras's keys."""
    with np.load(path, allow_pickle=False) as data:
        x, y = data["x_train"], data["y_train"].ravel().astype(int)
        x_test, y_test = data["x_test"], data["y_test"].ravel().astype(int)
    training, validation = split(y)
    return x[training], y[training], x[validation], y[validation], x_test, y_test


def shortened(job, total):
    """The same job with its whole schedule, cooldown included, stretched or squeezed into `total` epochs."""
    share = total / (job.epochs + job.cooldown_epochs)
    cooldown = round(job.cooldown_epochs * share)
    return dataclasses.replace(
        job,
        epochs=total - cooldown,
        cooldown_epochs=cooldown,
        warmup_epochs=job.warmup_epochs * share,
        mixing_epochs=round(job.mixing_epochs * share),
        small_epochs=round(job.small_epochs * share),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", choices=[[], *JOBS], metavar="JOB")
    parser.add_argument("--list", action="store_true", help="print the names of the jobs")
    parser.add_argument("--data", type=pathlib.Path, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--epochs", type=int, help="squeeze or stretch the schedule into so many")
    parser.add_argument("--seconds", type=float, help="let the schedule of each job take so long")
    parser.add_argument("--images", type=int, help="only so many training images, for a trial")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--unscored", action="store_true", help="leave the test images for a later call without this")
    parser.add_argument("--fast", action="store_true", help="fused attention and sliced pooling (needs cuDNN)")
    wanted = parser.parse_args()
    if wanted.list or not wanted.jobs:
        print("\n".join(JOBS))
        return
    if wanted.fast:
        use_fast_kernels()
    arrays = load(wanted.data)
    if wanted.images:
        arrays = (arrays[0][: wanted.images], arrays[1][: wanted.images], *arrays[2:])
    wanted.out.mkdir(parents=True, exist_ok=True)
    Shared.images = arrays[0]
    with multiprocessing.get_context("fork").Pool(wanted.workers) as pool:
        for name in wanted.jobs:
            job = JOBS[name]
            record = wanted.out / f"{name}.json"
            if not record.exists():  # a stopped run goes on where it was
                if wanted.epochs:
                    job = shortened(job, wanted.epochs)
                train(name, job, arrays, pool, wanted.out, wanted.precision, seconds=wanted.seconds)
            if not wanted.unscored and "test_top1" not in json.loads(record.read_text()):
                score(name, job, arrays, wanted.out)


if __name__ == "__main__":
    main()

"""Measure what notebooks 13 and 14 report: python notebooks/scripts/scaling_runs.py

About twelve minutes on two quiet CPU cores. The results go to notebooks/results/13_cpu.json and 14_cpu.json when all of
a record are there; until then a file .begun beside it keeps those that are, and they are not measured again: stop and
start as you like, or name what is to be measured anew. Results of other code or another processor are dropped.

    python notebooks/scripts/scaling_runs.py --note "two shared cores"     # a note for the record
    python notebooks/scripts/scaling_runs.py --again pipeline large/       # these again, and all that begins so
    KERAS_BACKEND=jax python notebooks/scripts/scaling_runs.py --gpu       # one GPU, JAX only: 13_gpu, 14_gpu.json

Seconds are wall clock: the median over some steps of `train_on_batch`, after the steps that compile. Bytes are of what
the forward pass keeps for the backward pass, as JAX lists it; nothing is run for them, so they do not depend on what
else the machine does.
"""

import argparse
import contextlib
import datetime
import io
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import records
from records import RESULTS

QUIET = dict(stochastic_depth=0.0, attention_dropout=0.0)  # rematerialisation cannot repeat a random mask
DEEP = dict(num_layers=8, **QUIET)
PRECISIONS = ("float32", "mixed_bfloat16")
SCRIPT = records.ROOT / "notebooks" / "scripts" / "many_processes.py"


def cpu_jobs():
    """Record -> backend -> name -> (function, settings): what is measured on a CPU, in order."""
    return {"13_cpu": one_machine_jobs(), "14_cpu": many_machines_jobs()}


def one_machine_jobs():
    """The same for notebook 13: backend -> name -> (function, settings)."""
    on = {
        "off": {},
        "XLA": dict(xla=True),
        "mixed_bfloat16": dict(policy="mixed_bfloat16"),
        "mixed_float16": dict(policy="mixed_float16"),
        "XLA, mixed_bfloat16": dict(policy="mixed_bfloat16", xla=True),
        "4 batches of 16 accumulated": dict(batch=16, accumulate=4),
        "8 blocks": dict(batch=16, overrides=DEEP),
        "8 blocks, rematerialised": dict(batch=16, overrides=DEEP, remat=True),
    }
    jobs = {f"switch/{name}": (step_seconds, dict(batch=64) | settings) for name, settings in on.items()}
    jobs["pipeline"] = (pipeline_seconds, {})
    for side in (16, 32, 48, 64, 96):
        jobs[f"tokens/{side * side // 4}"] = (step_seconds, dict(batch=8, side=side, overrides={"num_conv_layers": 1}))
    for batch in (1, 4, 16, 64, 256):
        jobs[f"batch/{batch}"] = (step_seconds, dict(batch=batch))
    for layers in (1, 2, 4, 8, 16):
        jobs[f"depth/{layers}"] = (step_seconds, dict(batch=16, overrides={"num_layers": layers}))
    memory = {f"bytes/{batch} images": (stored_bytes, dict(batch=batch, overrides=DEEP)) for batch in (8, 16, 32, 64)}
    memory["bytes/64 images, rematerialised"] = (stored_bytes, dict(batch=64, overrides=DEEP, remat=True))
    for side, layers in ((32, 1), (32, 2), (32, 8), (48, 4), (64, 2), (64, 6), (96, 3)):
        sizes = dict(batch=2, side=side, overrides=QUIET | {"num_layers": layers})
        memory[f"kept/{side} pixels, {layers} blocks"] = (stored_bytes, sizes)
    return {"tensorflow": jobs, "jax": memory}


def many_machines_jobs():
    """The same for notebook 14."""
    shared = {}
    for model, sizes in {"small": {}, "large": dict(dim=256, layers=4)}.items():
        for processes, cores in ((1, 1), (2, 2), (1, 2)):
            name = f"{model}/{processes} process{'es' * (processes > 1)}, {cores} core{'s' * (cores > 1)}"
            shared[name] = (process_seconds, dict(processes=processes, cores=cores) | sizes)
    return {"jax": imagenet_memory() | shared}


def imagenet_memory():
    """What CCT-14/7x2 keeps for the backward pass: two precisions, with and without rematerialisation, three sizes."""
    kinds = {
        f"{policy}{', rematerialised' * remat}": dict(policy=policy, remat=remat)
        for policy in PRECISIONS
        for remat in (False, True)
    }
    jobs = {}
    for name, kind in kinds.items():
        for side in (128, 224, 384):
            large = dict(variant="cct_14_7x2_224", side=side, overrides=QUIET, classes=1000, batch=2)
            jobs[f"imagenet bytes/{name}, {side} pixels"] = (stored_bytes, large | kind)
    return jobs


def gpu_jobs():
    """The same for one GPU; on JAX every step is compiled by XLA."""
    on = {
        "XLA": {},
        "XLA, mixed_bfloat16": dict(policy="mixed_bfloat16"),
        "XLA, mixed_float16": dict(policy="mixed_float16"),
        "4 batches of 256 accumulated": dict(batch=256, accumulate=4),
        "8 blocks": dict(batch=256, overrides=DEEP),
        "8 blocks, rematerialised": dict(batch=256, overrides=DEEP, remat=True),
    }
    jobs = {f"switch/{name}": (step_seconds, dict(batch=1024) | settings) for name, settings in on.items()}
    for batch in (16, 64, 256, 1024, 4096):
        jobs[f"batch/{batch}"] = (step_seconds, dict(batch=batch, policy="mixed_bfloat16"))
    large = dict(variant="cct_14_7x2_224", side=224, classes=1000, batch=128)
    bill = {f"imagenet/{policy}": (step_seconds, large | dict(policy=policy)) for policy in PRECISIONS}
    return {"13_gpu": {"jax": jobs}, "14_gpu": {"jax": bill | imagenet_memory()}}


def compiled_model(variant="cct_2_3x2_32", side=32, classes=10, overrides=None, policy="float32", xla=False,
                   accumulate=None, remat=False):  # fmt: skip
    """A model ready to train, with the switches set."""
    import keras

    import cct_helpers as cct

    class RematBlock(cct.TransformerBlock):
        def call(self, tokens, training=None):
            return keras.remat(lambda x: cct.TransformerBlock.call(self, x, training=training))(tokens)

    def swapped(layer):
        block = isinstance(layer, cct.TransformerBlock)
        return (RematBlock if block else type(layer)).from_config(layer.get_config())

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(policy)
    model = cct.build_cct(variant, input_shape=(side, side, 3), num_classes=classes, **(overrides or {}))
    if remat:
        model = keras.models.clone_model(model, clone_function=swapped)
    optimizer = keras.optimizers.AdamW(1e-3, gradient_accumulation_steps=accumulate)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=xla if keras.backend.backend() == "tensorflow" else "auto")
    keras.mixed_precision.set_global_policy("float32")
    return model


def example(batch, side=32, classes=10, **_):
    """Random images (batch, side, side, 3) and one-hot targets (batch, classes)."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, side, side, 3)).astype("float32")
    return images, np.eye(classes, dtype="float32")[rng.integers(0, classes, batch)]


def step_seconds(batch, **settings):
    """Seconds for one update of the weights, and the images in it."""
    model, (images, targets) = compiled_model(**settings), example(batch, **settings)
    repeats = settings.get("accumulate") or 1
    taken = []
    while len(taken) < 4 or (sum(taken[2:]) < 4 and len(taken) < 22):
        began = time.perf_counter()
        for _ in range(repeats):
            loss = model.train_on_batch(images, targets)
        float(loss)  # waits for the device
        taken.append(time.perf_counter() - began)
    return {"seconds": statistics.median(taken[2:]), "steps": len(taken) - 2, "images": batch * repeats}


def pipeline_seconds(batch=64, batches=12):
    """Seconds a batch of 64 photos from JPEG, a window of them resized: the parts alone, in turn, and overlapped."""
    import numpy as np
    import tensorflow as tf
    from PIL import Image
    from sklearn.datasets import load_sample_image

    jpeg = io.BytesIO()
    Image.fromarray(load_sample_image("china.jpg")).save(jpeg, "JPEG")  # 640 x 427 pixels
    jpeg = jpeg.getvalue()
    _, targets = example(batch)
    model = compiled_model()
    corners = np.random.default_rng(0).integers(0, 200, (batches, batch, 2)).astype("int32")  # of each window

    def cut(corner):  # by Pillow
        left, top = map(int, corner)
        photo = Image.open(io.BytesIO(jpeg)).crop((left, top, left + 224, top + 224))
        return np.asarray(photo.resize((32, 32), Image.Resampling.BILINEAR))

    def cut_by_tensorflow(corner):
        window = tf.stack([corner[1], corner[0], 224, 224])
        return tf.image.resize(tf.io.decode_and_crop_jpeg(jpeg, window, channels=3), (32, 32), antialias=True)

    def prepare(places):
        return np.stack([cut(corner) for corner in places]).astype("float32")

    def python_inside():
        data = tf.data.Dataset.from_tensor_slices(corners)
        return data.map(lambda places: tf.numpy_function(prepare, [places], tf.float32), tf.data.AUTOTUNE).prefetch(2)

    def own_operations():
        data = tf.data.Dataset.from_tensor_slices(corners.reshape(-1, 2)).map(cut_by_tensorflow, tf.data.AUTOTUNE)
        return data.batch(batch).prefetch(2)

    def train(prepared):
        model.train_on_batch(prepared, targets)

    def in_turn():
        for places in corners:
            train(prepare(places))

    def thread():
        with ThreadPoolExecutor(1) as worker:
            coming = worker.submit(prepare, corners[0])
            for places in [*corners[1:], corners[0]]:
                prepared = coming.result()
                coming = worker.submit(prepare, places)
                train(prepared)

    def from_tf_data(data):
        for prepared in data:
            train(prepared.numpy())

    sample = prepare(corners[0])
    for _ in range(2):
        train(sample)
    parts = {
        "Pillow alone": lambda: [prepare(places) for places in corners],
        "tf.data alone": lambda: list(own_operations()),
        "step alone": lambda: [train(sample) for _ in range(batches)],
        "in turn": in_turn,
        "a thread ahead": thread,
        "tf.data with Python inside": lambda: from_tf_data(python_inside()),
        "tf.data with its own operations": lambda: from_tf_data(own_operations()),
    }
    return {"images": batch, "batches": batches} | {name: timed(part) / batches for name, part in parts.items()}


def timed(work):
    """Seconds that `work()` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def stored_bytes(batch, **settings):
    """Bytes that the forward pass keeps for the backward pass, weights and images not counted; JAX lists them."""
    import jax

    model, (images, targets) = compiled_model(**settings), example(batch, **settings)
    weights, others = ([v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables))

    def loss(weights):
        logits, _ = model.stateless_call(weights, others, images, training=True)
        return model.loss(targets, logits)

    lines = io.StringIO()
    with contextlib.redirect_stdout(lines):
        jax.ad_checkpoint.print_saved_residuals(loss, weights)
    kept = [line for line in lines.getvalue().splitlines() if "from the argument" not in line]
    return {"bytes": sum(map(size_of, kept)), "images": batch, "parameters": model.count_params()}


def size_of(line):
    """Bytes of an array that a line begins with, such as "f32[64,16,128] output of ..."."""
    bits, shape = re.match(r"[a-z]+(\d*)\[([\d,]*)\]", line).groups()
    return math.prod(int(side) for side in shape.split(",") if side) * int(bits or 8) // 8


def process_seconds(processes, cores, **sizes):
    """Seconds an epoch of notebook 14's script with so many processes, kept to so many cores."""
    given = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        pinned = ["taskset", "-c", ",".join(map(str, range(cores)))] if shutil.which("taskset") else []
        command = [*pinned, sys.executable, str(SCRIPT), "--epochs", "5", "--folder", folder, *given]
        subprocess.run([*command, "--start", str(processes)], check=True, capture_output=True)
        seconds = json.loads((Path(folder) / "history.json").read_text())["seconds"]
    return {"seconds": statistics.median(seconds[1:]), "images": 512, "pinned": bool(pinned)} | sizes


def run(jobs, path, whole, note=None, again=(), **device):
    """Run the jobs that the record at `path` does not have yet, and those that begin like one of `again`.

    Args:
        jobs: name -> (function, settings).
        path: of the record; until it is whole, its results are kept in a file .begun beside it.
        whole: names of all results of a whole record.
        note: for the record, or None.
        again: beginnings of names.
        **device: what the record says of the machine besides.
    """
    record = records.kept(path.stem, path)  # to compare its whole machine would load TensorFlow beside JAX
    if not record or record["machine"]["processor"] != records.processor():
        record = {
            "command": "python notebooks/scripts/scaling_runs.py",
            "fingerprint": records.fingerprint(path.stem),
            "machine": records.machine() | device,
            "results": {},
        }
    record |= {"date": str(datetime.date.today())} | ({"note": note} if note else {})
    for name, (measure, settings) in jobs.items():
        if name not in record["results"] or name.startswith(tuple(again)):
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            result = measure(**settings) | {"load_before": load and round(load, 1)}
            result = {key: float(f"{value:.4g}") if type(value) is float else value for key, value in result.items()}
            record["results"][name] = result
            records.keep(record, path, whole=record["results"].keys() >= set(whole))
            print(name, result, flush=True)


def main():
    """Measure with each backend in a process of its own, or on a GPU in this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="measure on one GPU, with KERAS_BACKEND=jax")
    parser.add_argument("--note", help="what else the machine did, for the record")
    parser.add_argument("--again", nargs="*", default=[], metavar="NAME", help="results to measure anew")
    parser.add_argument("--backend", choices=["tensorflow", "jax"], help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if wanted.gpu:
        import jax

        device = jax.devices()[0].device_kind
        for name, jobs in gpu_jobs().items():
            # The entry moves to records.py when its record is made.
            records.SOURCES[name] = {records.SCALING: [*records.SOURCES["13_cpu"][records.SCALING], "gpu_jobs"]}
            path = RESULTS / f"{name}.json"
            run(jobs["jax"], path, jobs["jax"], wanted.note, wanted.again, device=device)
    elif wanted.backend:
        for name, jobs in cpu_jobs().items():
            whole = [result for own in jobs.values() for result in own]
            run(jobs.get(wanted.backend, {}), RESULTS / f"{name}.json", whole, wanted.note, wanted.again)
    else:
        for backend in ("tensorflow", "jax"):
            options = ["--note", wanted.note] if wanted.note else []
            options += ["--again", *wanted.again] if wanted.again else []
            command = [sys.executable, __file__, "--backend", backend, *options]
            subprocess.run(command, cwd=records.ROOT, env=os.environ | {"KERAS_BACKEND": backend}, check=True)


if __name__ == "__main__":
    main()

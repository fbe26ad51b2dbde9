"""Train one CCT in several processes, each with its share of every batch: Keras on JAX.

Two processes on this machine, which find each other by themselves:

    python notebooks/scripts/many_processes.py --start 2 --folder runs/two

On a cluster, one process a machine. The command is the same everywhere but for the number of the process; the address
is that of process 0, the folder is one that all machines see:

    python notebooks/scripts/many_processes.py --address node0:12345 --processes 4 --process 0 --folder /shared/run

Without --start and --address it trains in one process, to compare with. After every epoch the folder has a checkpoint;
the same command goes on from there, with any number of processes that divides the batch.
"""

import argparse
import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

BATCH = 64  # images of all processes together: the learning rate belongs to this number


def train(folder, epochs, images, dim=32, layers=1, processes=1, process=0, address=None):
    """Train, and leave `checkpoint.npz` and `history.json` in `folder`. JAX is imported here, after the settings."""
    import cct_helpers as cct  # isort: skip  (first: it keeps the libraries' log lines off the screen)
    import jax
    import keras
    import numpy as np

    from cct_helpers.recipes import Recipe, build_optimizer, learning_rates
    from cct_helpers.training import Checkpoint, copy_values, epoch_batches

    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")  # how CPUs add up their gradients
        keras.distribution.initialize(address, processes, process)
    # Every process must build the same model: one seed for all, before the first variable. Keras would load TensorFlow
    # here too, to seed it, and every process would start seconds later: it looks once, and finds none.
    sys.modules["tensorflow"] = None
    keras.utils.set_random_seed(0)
    del sys.modules["tensorflow"]
    devices = keras.distribution.list_devices()
    if len(devices) > 1:  # with one it would change nothing, but JAX would compile the step twice
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))

    data = cct.load_dataset("digits")
    data = data._replace(x_train=data.x_train[:images], y_train=data.y_train[:images])
    recipe = Recipe(epochs, BATCH, "adamw", learning_rate=2e-3, weight_decay=0.03, crop_padding=1, flip=False)
    sizes = dict(input_shape=(16, 16, 1), normalization=(78, 96), num_layers=layers, dim=dim, hidden_channels=dim // 2)
    model = cct.build_cct("cct_2_3x2_32", **sizes)
    optimizer = build_optimizer(recipe, model)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    model.compile(optimizer, loss)
    optimizer.build(model.trainable_variables)

    checkpoint = Checkpoint(folder, model, data, recipe, seed=0)
    history, _ = checkpoint.load(model)
    history = history or {"loss": [], "seconds": []}
    if process == 0 and history["loss"]:
        print(f"resumed after epoch {len(history['loss'])} of {epochs}", flush=True)
    steps = images // BATCH
    rates = learning_rates(recipe, steps)
    share = BATCH // processes
    mine = slice(process * share, (process + 1) * share)
    for epoch in range(len(history["loss"]), epochs):
        total, began = 0.0, time.perf_counter()
        # All processes draw the same batch, as they have the same seed. Each trains on its own rows of it.
        for step, (pictures, targets) in enumerate(epoch_batches(data.x_train, data.y_train, 10, recipe, epoch)):
            optimizer.learning_rate = rates[epoch * steps + step]
            model.reset_metrics()
            # The loss of the whole batch. Equal weights change nothing, but Keras 3.10 cannot do without on JAX.
            total += float(model.train_on_batch(pictures[mine], targets[mine], sample_weight=np.ones(share, "float32")))
        history["loss"].append(total / steps)
        history["seconds"].append(time.perf_counter() - began)
        if process == 0:  # one writer
            checkpoint.save(model, copy_values(model.weights), history)
            print(f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  devices {len(devices)}", flush=True)


def start(processes, arguments):
    """Start `processes` copies of this script here and wait. Returns 0, or 1 when one of them failed."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    command = [sys.executable, __file__, *arguments, "--address", address, "--processes", str(processes)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}  # two processes would fight for one GPU
    running = [subprocess.Popen([*command, "--process", str(i)], env=environment) for i in range(processes)]
    print("started processes", *(process.pid for process in running), flush=True)
    try:
        while any(process.poll() is None for process in running):
            if any(process.poll() for process in running):
                break  # the others wait for its gradients and would wait for long
            time.sleep(0.05)
    finally:
        failed = [i for i, process in enumerate(running) if process.poll()]
        for process in running:
            process.kill()
            process.wait()
    if failed:
        print(
            f"Process {failed[0]} ended early, so all were stopped. The same command goes on from the last checkpoint."
        )
    return int(bool(failed))


def main():
    """Read the command line and train, or start the processes that do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="for checkpoint.npz and history.json")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=512, help="training images to use, of 1,293")
    parser.add_argument("--dim", type=int, default=32, help="numbers a token has: a larger model takes longer steps")
    parser.add_argument("--layers", type=int, default=1, help="transformer blocks")
    parser.add_argument("--start", type=int, help="start so many processes on this machine")
    parser.add_argument("--address", help="host:port of process 0")
    parser.add_argument("--processes", type=int, default=1, help="how many there are in all")
    parser.add_argument("--process", type=int, default=0, help="which one this is, from 0")
    wanted = parser.parse_args()
    processes = wanted.start or wanted.processes
    if importlib.util.find_spec("jax") is None:
        sys.exit("This script computes with JAX, which is not installed here: pip install jax")
    if processes > 1 and sys.platform == "win32":
        sys.exit("JAX cannot connect processes on Windows: run this in WSL, or on Linux or macOS.")
    if processes < 1 or BATCH % processes:
        sys.exit(f"A batch of {BATCH} images cannot be shared equally by {processes} processes: use 1, 2, 4, 8...")
    if processes > 1 and not wanted.start and not wanted.address:
        sys.exit("Several processes need --address host:port, the address of process 0, to find each other.")
    if not 0 <= wanted.process < processes:
        sys.exit(f"--process must be a number from 0 to {processes - 1}, but is {wanted.process}.")
    if wanted.start:
        numbers = ("epochs", "images", "dim", "layers")
        given = [f"--{name}={getattr(wanted, name)}" for name in numbers]
        sys.exit(start(wanted.start, [f"--folder={wanted.folder}", *given]))
    sizes = wanted.folder, wanted.epochs, wanted.images, wanted.dim, wanted.layers
    train(*sizes, wanted.processes, wanted.process, wanted.address)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ["KERAS_BACKEND"] = "jax"
    main()

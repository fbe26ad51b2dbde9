"""Do TensorFlow's oneDNN kernels make a training step faster on this processor?

    python notebooks/scripts/onednn_step.py

Steps of CCT-2/3x2 in batches of 64, on images of half and of full size, with the kernels (as the course sets them) and
without, by turns, each turn in a process of its own. Prints milliseconds an image, the median of the turns. A minute or
two; nothing is written.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

TURNS, WARM_UP, STEPS, BATCH, SIDES = 3, 3, 12, 64, (16, 32)


def measure():
    """Print the median milliseconds an image of a training step, for each of SIDES."""
    import records  # noqa: F401  (puts the root of the repository on the path)

    import cct_helpers as cct  # isort: skip  (before keras, which imports TensorFlow)
    import keras
    import numpy as np

    from cct_helpers.recipes import build_optimizer

    for side in SIDES:
        model = cct.build_cct(input_shape=(side, side, 3), attention_dropout=0.0, stochastic_depth=0.0)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(build_optimizer(cct.RECIPES["fast"], model), loss)
        images = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3)).astype("float32")
        targets, taken = np.eye(10, dtype="float32")[np.arange(BATCH) % 10], []
        for _ in range(WARM_UP + STEPS):
            began = time.perf_counter()
            model.train_on_batch(images, targets)
            taken.append(time.perf_counter() - began)
        print(1000 * statistics.median(taken[WARM_UP:]) / BATCH)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one-turn", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().one_turn:
        return measure()
    taken = {"1": [], "0": []}  # value of the setting -> turns -> milliseconds at each of SIDES
    for _ in range(TURNS):
        for value, turns in taken.items():
            command, setting = [sys.executable, __file__, "--one-turn"], {"TF_ENABLE_ONEDNN_OPTS": value}
            done = subprocess.run(command, env=os.environ | setting, check=True, stdout=subprocess.PIPE, text=True)
            turns.append([float(line) for line in done.stdout.splitlines()])
    for number, side in enumerate(SIDES):
        on, off = (statistics.median(turn[number] for turn in turns) for turns in taken.values())
        print(f"{side} pixels: {on:.2f} ms an image with oneDNN, {off:.2f} without, {off / on:.2f} times as long")


if __name__ == "__main__":
    main()

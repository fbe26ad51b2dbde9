"""Kill a training at random moments with SIGKILL, resume it each time, and compare with the run that nothing disturbs.

    python -m tests.benchmarks.kill_runs [--kills 20] [--seed 0]

The disk of the killed runs is slow, so that many kills fall into the write of a checkpoint. Prints a line for each kill
and exits with status 1 unless every resumed run ends with the same weights and the same history, bit for bit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests import tiny_run

ROOT = Path(__file__).parents[2]


def started(folder):
    """The training as a process of its own, once its first line says that it begins."""
    command = [sys.executable, "-m", "tests.tiny_run", folder]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    process = subprocess.Popen(command, **pipes)
    process.stdout.readline()
    return process


def seconds_of_epochs():
    """How long the first epoch takes, with its compiling, and how long the second one, when nobody disturbs them."""
    with tempfile.TemporaryDirectory() as folder, started(folder) as process:
        times = [time.perf_counter()]
        for _ in range(2):
            process.stdout.readline()
            times.append(time.perf_counter())
        process.wait()
        return np.diff(times)


def state_left_in(folder):
    """Epochs in the checkpoint that the kill left, and whether it fell into a write."""
    path = Path(folder) / "checkpoint.npz"
    writing = any(Path(folder).glob("*.part"))
    if not path.exists():
        return 0, writing
    with np.load(path) as file:
        return len(json.loads(str(file["history"]))["loss"]), writing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    unbroken, expected = tiny_run.run()
    first, later = seconds_of_epochs()
    print(f"a first epoch takes {first:.1f} s, a later one {later:.1f} s")
    equal = kill = 0
    while kill < arguments.kills:
        with tempfile.TemporaryDirectory() as folder:
            epoch = rng.integers(tiny_run.RECIPE.epochs)
            moment = rng.uniform(0, later if epoch else first)
            with started(folder) as process:
                for _ in range(epoch):
                    process.stdout.readline()
                time.sleep(moment)
                process.kill()
            epochs, writing = state_left_in(folder)
            if epochs == tiny_run.RECIPE.epochs:  # the last checkpoint was whole: the kill came too late to count
                continue
            kill += 1
            seed = 100 + kill if epochs else 0  # all state is in the file, where there is one
            model, history = tiny_run.run(folder, seed)
            same = tiny_run.same_but_for_times(history) == tiny_run.same_but_for_times(expected)
            same &= all(map(np.array_equal, model.get_weights(), unbroken.get_weights()))
            same &= sorted(path.name for path in Path(folder).iterdir()) == ["checkpoint.npz", "history.json"]
        equal += same
        place = f"{epochs} epochs saved{', in the middle of a write' if writing else ''}"
        result = f"{place}; resumed {'equal' if same else 'DIFFERENT'}"
        print(f"kill {kill:2d}, {moment:4.2f} s into epoch {epoch + 1}: {result}", flush=True)
    print(f"{equal} of {arguments.kills} resumed runs equal the unbroken one")
    sys.exit(equal != arguments.kills)


if __name__ == "__main__":
    main()

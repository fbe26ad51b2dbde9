"""Training in parts gives the numbers of training at once: devices, processes, a killed process, pieces of a batch.

The two-process tests run notebooks/scripts/many_processes.py as its reader would.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import scaling_runs

from cct_helpers.models import build_cct

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "notebooks" / "scripts" / "many_processes.py"
CONNECTS = sys.platform != "win32"  # JAX has no connection between CPU processes on Windows
QUICK = os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # a short run waits for the compiler most

# TensorFlow can be told once a process, before it computes anything, that its processor is two devices.
ON_TWO_DEVICES = """
import json, sys
sys.path.insert(0, sys.argv[1])
import cct_helpers as cct, keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rng = np.random.default_rng(0)
images, labels = rng.normal(size=(64, 8, 8, 1)).astype("float32"), rng.integers(0, 10, 64)
batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def trained(strategy, rate):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        sizes = dict(input_shape=(8, 8, 1), dim=16, hidden_channels=8, num_layers=1)
        model = cct.build_cct(**sizes, stochastic_depth=0.0, attention_dropout=0.0)
        model.compile(keras.optimizers.SGD(rate), loss)
    model.fit(batches, shuffle=False, verbose=0)
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one, other, start = (trained(*run) for run in ((tf.distribute.get_strategy(), 0.1), (two, 0.1), (two, 0.0)))
print(json.dumps([two.num_replicas_in_sync, float(abs(one - other).max()), float(abs(one - start).max())]))
"""

# Notebook 13 says what its blocks that are computed twice do on JAX.
REMATERIALISED = """
import sys
sys.path[:0] = sys.argv[1:]
from pathlib import Path
import cct_helpers as cct, keras, numpy as np
from records import function_of
rematerialised = function_of(Path(sys.argv[1], "notebooks", "13_one_machine.py"), "rematerialised")
sizes = dict(input_shape=(8, 8, 1), dim=16, hidden_channels=8, num_layers=1, stochastic_depth=0.0)
for rate in (0.0, 0.5):
    model = rematerialised(cct.build_cct(**sizes, attention_dropout=rate))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    try:
        model.train_on_batch(np.zeros((4, 8, 8, 1), "float32"), np.eye(10, dtype="float32")[:4])
        print(rate, "trains")
    except Exception as error:
        print(rate, type(error).__name__)
"""


def small_model():
    keras.utils.set_random_seed(0)
    sizes = dict(input_shape=(8, 8, 1), dim=16, hidden_channels=8, num_layers=2)
    return build_cct(**sizes, stochastic_depth=0.0, attention_dropout=0.0)


def many_processes(folder, *options, kill_after=None):
    """Run the script; kill its second process when a line starts with `kill_after`. Returns (exit status, lines)."""
    sizes = ["--dim", "16", "--layers", "2"]
    command = [sys.executable, str(SCRIPT), "--folder", str(folder), "--epochs", "5", *sizes, *options]
    lines, numbers = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=QUICK) as running:
        for line in running.stdout:
            lines.append(line.strip())
            if line.startswith("started processes"):
                numbers = [int(word) for word in line.split()[2:]]
            if kill_after and line.startswith(kill_after):
                os.kill(numbers[1], signal.SIGKILL)
    return running.returncode, lines


def losses(folder):
    return json.loads((folder / "history.json").read_text())["loss"]


@pytest.mark.whole
def test_two_devices_train_as_one():
    done = subprocess.run([sys.executable, "-c", ON_TWO_DEVICES, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    devices, difference, moved = json.loads(done.stdout.splitlines()[-1])
    assert devices == 2 and difference < 1e-5 and moved > 1e-3


@pytest.mark.whole
def test_dropout_in_a_rematerialised_block_is_an_error_on_jax():
    command = [sys.executable, "-c", REMATERIALISED, str(ROOT), str(SCRIPT.parent)]
    done = subprocess.run(command, capture_output=True, text=True, env=QUICK | {"KERAS_BACKEND": "jax"})
    assert done.returncode == 0, done.stderr[-3000:]
    without, with_dropout = done.stdout.splitlines()[-2:]
    assert without == "0.0 trains" and with_dropout.startswith("0.5 ") and with_dropout.endswith("Error")


@pytest.mark.whole  # notebook 14 does it too
def test_two_processes_train_as_one_and_go_on_after_one_is_killed(tmp_path):
    alone, lines = many_processes(tmp_path / "one")
    assert alone == 0, lines
    stopped, lines = many_processes(tmp_path / "two", "--start", "2", kill_after="epoch 2/")
    if not CONNECTS:
        assert stopped and "JAX cannot connect processes on Windows" in lines[-1]
        return
    assert stopped == 1 and "Process 1 ended early" in lines[-1], lines
    assert sum("devices 2" in line for line in lines) >= 2
    before = losses(tmp_path / "two")
    assert 2 <= len(before) < 5
    resumed, lines = many_processes(tmp_path / "two", "--start", "2")
    assert resumed == 0 and f"resumed after epoch {len(before)} of 5" in lines, lines
    whole, broken = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert broken[: len(before)] == before and whole[-1] < whole[0] - 0.02
    np.testing.assert_allclose(broken, whole, atol=1e-3)
    shapes = [sorted(np.load(tmp_path / name / "checkpoint.npz").files) for name in ("one", "two")]
    assert shapes[0] == shapes[1]
    for name in ("one", "two"):  # both are of the size that was asked for, two blocks with 16 numbers a token
        model = json.loads(str(np.load(tmp_path / name / "checkpoint.npz")["run"]))["model"]
        assert model.count([16, 48]) == 2
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["checkpoint.npz", "history.json"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--processes", "3", "--address", "localhost:1"], "cannot be shared equally by 3 processes"),
        (["--processes", "2"], "need --address host:port"),
        (["--processes", "2", "--process", "2", "--address", "localhost:1"], "from 0 to 1"),
    ],
)
def test_what_cannot_be_run_is_said_in_words(tmp_path, options, words):
    status, lines = many_processes(tmp_path, *options)
    assert status == 1 and (words in lines[-1] if CONNECTS else "Windows" in lines[-1])
    assert "Traceback" not in "\n".join(lines) and list(tmp_path.iterdir()) == []


def test_without_jax_the_script_says_what_to_install(tmp_path):
    code = (
        "import runpy, sys, importlib.util as util; found = util.find_spec; "
        "util.find_spec = lambda name, *rest: None if name == 'jax' else found(name, *rest); "
        f"sys.argv = ['many_processes.py', '--folder', {str(tmp_path)!r}]; "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install jax" in done.stderr and "Traceback" not in done.stderr


def test_jax_is_here_for_the_tests():
    assert importlib.util.find_spec("jax")


@pytest.mark.whole
def test_accumulated_pieces_train_as_the_whole_batch():
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(64, 8, 8, 1)).astype("float32"), rng.integers(0, 10, 64)
    loss, weights = keras.losses.SparseCategoricalCrossentropy(from_logits=True), []
    for batch, steps in ((32, None), (8, 4), (8, None)):
        model = small_model()
        model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps), loss)
        for start in range(0, 64, batch):
            model.train_on_batch(images[start : start + batch], labels[start : start + batch])
        weights.append(np.concatenate([np.ravel(weight) for weight in model.get_weights()]))
    np.testing.assert_allclose(weights[1], weights[0], atol=1e-5)
    assert abs(weights[2] - weights[0]).max() > 1e-3


def test_records_hold_what_their_script_measures():
    for record, backends in scaling_runs.cpu_jobs().items():
        path = scaling_runs.RESULTS / f"{record}.json"
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        assert results.keys() == {name for jobs in backends.values() for name in jobs}

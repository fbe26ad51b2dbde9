"""The same weights on three backends: the same forward pass. The same seed: the same run. Each in its own process."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers import augment, training
from cct_helpers.topics.text import build_text_cct
from tests.support import tiny_run

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
OTHERS = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]
SIZES = {
    "cct": (cct.build_cct, dict(variant="cct_2_3x2_32", input_shape=(12, 16, 3), dim=16)),
    "cct_stride": (cct.build_cct, dict(variant="cct_7_7x2_224", input_shape=(33, 24, 1), dim=16, num_layers=2)),
    "cvt": (cct.build_cvt, dict(variant="cvt_2_4_32_sine", input_shape=(8, 12, 3), dim=16)),
    "vit_lite": (cct.build_vit_lite, dict(variant="vit_2_4_32", input_shape=(8, 8, 3), dim=16)),
}


def build(name):
    builder, settings = SIZES[name]
    return builder(**settings, num_classes=4, num_heads=4, normalization=(100, 50))


def pixels(model):
    return np.random.default_rng(0).integers(0, 256, (3, *model.input_shape[1:]), "uint8")


def there(folder):
    """In a process of another backend: the first weights; then, with the weights in the folder, logits and maps."""
    np.savez(folder / "first.npz", *first_weights())
    results = {}
    for name in SIZES:
        model = cct.load_reference_weights(build(name), folder / f"{name}.npz")
        results |= {f"{name}_logits": cct.predict(model, pixels(model))}
        results |= {f"{name}_maps": cct.attention_maps(model, pixels(model))}
    np.savez(folder / "results.npz", **results)


def first_weights():
    """All weights of every model, as a seed draws them."""
    keras.utils.set_random_seed(7)
    text = build_text_cct(50, 16, num_classes=4, dim=16, num_heads=2)
    return [weight for model in (*map(build, SIZES), text) for weight in model.get_weights()]


def train(folder):
    """In a process of its own: the tiny run twice, for its history, its first and its last weights."""
    first = tiny_run.model().get_weights()
    runs = [tiny_run.run() for _ in range(2)]
    histories = [tiny_run.same_but_for_times(history) for _, history in runs]
    (folder / "histories.json").write_text(json.dumps(histories))
    for name, weights in (("first", first), *((f"last_{i}", model.get_weights()) for i, (model, _) in enumerate(runs))):
        np.savez(folder / f"{name}.npz", *weights)


def steps_on_jax(folder):
    """In a process on JAX: the tiny run by one compiled function and by `train_on_batch`; one stopped in epoch 1."""
    recipe = dataclasses.replace(tiny_run.RECIPE, ema=0.9, image_scales=((0.5, 1),))
    kinds, histories = {"compiled": training._jax_epoch_trainer, "by_batch": training._epoch_trainer}, {}
    for name, kind in kinds.items():
        calls = []
        training._jax_epoch_trainer = lambda model, kind=kind, calls=calls: calls.append(model) or kind(model)
        model = tiny_run.model()
        history = cct.fit(model, tiny_run.data(), recipe, verbose=False)
        assert len(calls) == 2  # one for each size of the images
        histories[name] = tiny_run.same_but_for_times(history)
        np.savez(folder / f"{name}.npz", *model.get_weights())
    training._jax_epoch_trainer = kinds["compiled"]
    crop, batches = augment.random_crop, iter(range(1, 100))

    def stopped(*arguments):
        if next(batches) == 3:
            raise KeyboardInterrupt
        return crop(*arguments)

    augment.random_crop = stopped
    model = tiny_run.model()
    histories["stopped"] = cct.fit(model, tiny_run.data(), tiny_run.RECIPE, verbose=False)
    np.savez(folder / "stopped.npz", *model.get_weights())
    np.savez(folder / "start.npz", *tiny_run.model().get_weights())
    (folder / "histories.json").write_text(json.dumps(histories))


def in_a_process(backend, function, folder):
    code = f"from pathlib import Path; from tests import test_backends as t; t.{function}(Path({str(folder)!r}))"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with the weights of every model, and what this process makes of them."""
    folder, results = tmp_path_factory.mktemp("weights"), {}
    keras.utils.set_random_seed(0)
    for name in SIZES:
        model = build(name)
        np.savez(folder / f"{name}.npz", **{key: 3 * array for key, array in cct.reference_weights(model).items()})
        cct.load_reference_weights(model, folder / f"{name}.npz")
        results |= {f"{name}_logits": cct.predict(model, pixels(model))}
        results |= {f"{name}_maps": cct.attention_maps(model, pixels(model))}
    return folder, results


@pytest.fixture(scope="module", params=[name for name in OTHERS if name != keras.backend.backend()])
def other(request, weights):
    """The name of another backend, when it has written its files into the folder of the weights."""
    in_a_process(request.param, "there", weights[0])
    return request.param


@pytest.mark.whole
def test_the_same_weights_give_the_same_forward_pass(weights, other):
    folder, here = weights
    with np.load(folder / "results.npz") as there:
        assert set(there.files) == set(here)
        for name, array in here.items():
            assert np.abs(array).max() > 0.05
            np.testing.assert_allclose(there[name], array, atol=1e-5, err_msg=f"{name} on {other}")


@pytest.mark.whole
def test_one_seed_gives_the_same_first_weights(weights, other):
    with np.load(weights[0] / "first.npz") as there:
        for name, weight in zip(there.files, first_weights(), strict=True):
            np.testing.assert_array_equal(there[name], weight, err_msg=f"{name} on {other}")


@pytest.mark.whole
def test_one_seed_gives_one_run_bit_for_bit(tmp_path):
    """Twice in another process and once in this one: the same first weights, history and last weights."""
    in_a_process(keras.backend.backend(), "train", tmp_path)
    first = tiny_run.model().get_weights()
    model, history = tiny_run.run()
    expected = json.loads(json.dumps(tiny_run.same_but_for_times(history)))
    assert json.loads((tmp_path / "histories.json").read_text()) == [expected] * 2
    for name, weights in (("first", first), ("last_0", model.get_weights()), ("last_1", model.get_weights())):
        with np.load(tmp_path / f"{name}.npz") as file:
            for i, weight in enumerate(weights):
                np.testing.assert_array_equal(file[f"arr_{i}"], weight)


@pytest.mark.whole
@pytest.mark.skipif("jax" not in OTHERS, reason="JAX is not installed")
def test_on_jax_one_compiled_step_does_what_train_on_batch_does(tmp_path):
    in_a_process("jax", "steps_on_jax", tmp_path)
    histories = json.loads((tmp_path / "histories.json").read_text())
    names = ("compiled", "by_batch", "stopped", "start")
    compiled, by_batch, stopped, start = (list(np.load(tmp_path / f"{name}.npz").values()) for name in names)
    for one, other in zip(compiled, by_batch, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert histories["compiled"].keys() == histories["by_batch"].keys()
    for curve in ("loss", "top1", "val_loss", "val_top1", "learning_rate"):
        np.testing.assert_allclose(histories["compiled"][curve], histories["by_batch"][curve], rtol=1e-5, err_msg=curve)
    assert histories["stopped"]["stopped"] == "stopped in epoch 1 of 3"
    assert any(not np.array_equal(*pair) for pair in zip(stopped, start, strict=True))  # it keeps what it had learned
    assert all(np.isfinite(weight).all() for weight in stopped)


def test_another_seed_gives_another_run():
    weights = [tiny_run.model(seed).get_weights()[0] for seed in (0, 1)]
    assert not np.array_equal(*weights)

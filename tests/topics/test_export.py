"""Exported models: each format computes what the Keras model does, nothing half-written stays, errors are clear."""

import importlib
import logging
import pathlib

import keras
import numpy as np
import onnx
import pytest

from cct_helpers import load_pretrained, predict
from cct_helpers.models import build_cct, build_vit_lite
from cct_helpers.topics import export

SUFFIXES = list(export.FORMATS)
SMALL = dict(dim=16, num_heads=2, num_layers=2, hidden_channels=8)


def images_for(model, n):
    return np.random.default_rng(1).integers(0, 256, (n, *model.input_shape[1:]), dtype=np.uint8)


def small_model(**changes):
    keras.utils.set_random_seed(0)
    return build_cct(**{**SMALL, "input_shape": (16, 24, 3), "num_classes": 4, "normalization": (120, 60), **changes})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A shipped model in every format: suffix -> path. The model."""
    model = load_pretrained("cct_2_3x2_32_cifar10")
    folder = tmp_path_factory.mktemp("exported")
    return model, {suffix: export.export(model, folder / f"model{suffix}") for suffix in SUFFIXES}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_shipped_model_gives_the_same_logits(exported, suffix):
    model, paths = exported
    run, images = export.load_exported(paths[suffix]), images_for(model, 100)
    logits = run(images)
    assert logits.dtype == np.float32 and logits.shape == (100, 10)
    assert np.abs(logits - predict(model, images)).max() < 1e-4
    assert np.abs(run(images[:1]) - logits[:1]).max() < 1e-4  # any number of images


@pytest.mark.whole
@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_other_models_too(tmp_path, suffix):
    models = [small_model(), small_model(position="sine", normalization=None)]
    models.append(build_vit_lite("vit_2_4_32", input_shape=(16, 24, 3), dim=16, num_heads=2))
    for model in models:
        images = images_for(model, 5)
        run = export.load_exported(export.export(model, tmp_path / f"m{suffix}"))
        assert np.abs(run(images) - predict(model, images)).max() < 1e-4


def test_an_export_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    for level in (logging.NOTSET, logging.INFO):
        monkeypatch.setattr(logging.root.manager, "disable", level)
        export.export(small_model(), tmp_path / "m.onnx")
        assert logging.root.manager.disable == level


@pytest.mark.whole
def test_dropout_is_off_and_repeated_calls_agree(tmp_path):
    model = small_model(dropout=0.5, stochastic_depth=0.5)
    images = images_for(model, 5)
    for suffix in SUFFIXES[1:]:
        run = export.load_exported(export.export(model, tmp_path / f"m{suffix}"))
        assert np.array_equal(run(images), run(images))
        assert np.abs(run(images) - predict(model, images)).max() < 1e-4


def test_onnx_has_one_input_with_a_name_and_a_free_batch(exported):
    _, paths = exported
    graph = onnx.load(paths[".onnx"]).graph
    shapes = {
        end.name: [size.dim_param or size.dim_value for size in end.type.tensor_type.shape.dim]
        for end in (*graph.input, *graph.output)
    }
    assert shapes == {"images": ["batch", 32, 32, 3], "logits": ["batch", 10]}


def test_keras_can_go_on_training_and_sizes_add_up(exported):
    model, paths = exported
    loaded = keras.saving.load_model(paths[".keras"])
    assert loaded.trainable_weights and loaded.count_params() == model.count_params()
    files = [path for path in paths[""].rglob("*") if path.is_file()]
    assert export.size_on_disk(paths[""]) == sum(path.stat().st_size for path in files) > 4 * model.count_params()
    assert export.size_on_disk(paths[".onnx"]) == paths[".onnx"].stat().st_size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, suffix, monkeypatch):
    target = tmp_path / f"model{suffix}"
    target.write_text("the old one")

    def breaks_off(model, path):
        pathlib.Path(path).write_text("half")
        raise RuntimeError("disk full")

    monkeypatch.setitem(export.WRITERS, export.FORMATS[suffix], breaks_off)
    with pytest.raises(RuntimeError, match="disk full"):
        export.export(small_model(), target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name] and target.read_text() == "the old one"


def test_export_replaces_a_file_and_a_folder(tmp_path):
    model = small_model()
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "old.txt").write_text("old")
    (tmp_path / "m.keras").write_text("old")
    for name in ("saved", "m.keras"):
        export.load_exported(export.export(model, tmp_path / name))
    assert not (tmp_path / "saved" / "old.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "saved"]


@pytest.mark.parametrize("name", ["model.h5", "model.pt"])
def test_unknown_suffix(tmp_path, name):
    for use in (lambda path: export.export(small_model(), path), export.load_exported):
        with pytest.raises(
            ValueError, match=f"{name} does not say a format.*.keras for Keras, no suffix for SavedModel"
        ):
            use(tmp_path / name)


def test_missing_folder_and_missing_file(tmp_path):
    with pytest.raises(ValueError, match="There is no folder .*nowhere to write m.onnx to"):
        export.export(small_model(), tmp_path / "nowhere" / "m.onnx")
    with pytest.raises(FileNotFoundError, match="no exported model at .*m.onnx"):
        export.load_exported(tmp_path / "m.onnx")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_damaged_file_is_named(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"no model")
    with pytest.raises(
        ValueError, match=rf"m{suffix} can't be opened as {export.FORMATS[suffix]} .*export the model again"
    ):
        export.load_exported(path)


@pytest.mark.parametrize(
    "suffix, missing, install",
    [
        (".onnx", "tf2onnx", "pip install tf2onnx onnx"),
        (".onnx", "onnxruntime", "pip install onnxruntime"),
        (".tflite", "ai_edge_litert", "pip install ai-edge-litert"),
    ],
)
def test_a_missing_package_says_what_to_install_and_writes_nothing(
    exported, tmp_path, monkeypatch, suffix, missing, install
):
    def import_module(name, package=None):
        if name.split(".")[0] == missing:
            raise ImportError(f"No module named {missing!r}")
        return found(name, package)

    found = importlib.import_module
    monkeypatch.setattr(export.importlib, "import_module", import_module)
    model, paths = exported
    with pytest.raises(ImportError, match=f"needs other packages .*{missing}.*{install}"):
        if missing == "tf2onnx":
            export.export(model, tmp_path / f"m{suffix}")
        else:
            export.load_exported(paths[suffix])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_another_backend_is_told_the_way(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="written with the TensorFlow backend, this is jax: save the model as .keras"):
        export.export(small_model(), tmp_path / f"m{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_an_operation_that_onnx_does_not_have_is_an_error(tmp_path):
    """tf2onnx logs it and writes a file that no runtime opens; here it must not get that far."""
    images = keras.Input((4, 4, 3))
    model = keras.Model(images, keras.ops.erfinv(keras.layers.Flatten()(images) * 0.01))
    with pytest.raises(Exception, match="Erfinv"):
        export.export(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.whole
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_path_may_hold_any_sign(tmp_path, suffix):
    folder = tmp_path / "100 % of #1, \u00fcber & more"
    folder.mkdir()
    model = small_model()
    images = images_for(model, 2)
    run = export.load_exported(export.export(model, folder / f"m #2 50%{suffix}"))
    assert np.abs(run(images) - predict(model, images)).max() < 1e-4
    assert [path.name for path in folder.iterdir()] == [f"m #2 50%{suffix}"]


def test_eight_bits_make_a_third_of_the_file_and_nearly_the_same_answers(exported, tmp_path):
    model, paths = exported
    images = images_for(model, 100)
    path = export.export(model, tmp_path / "small.tflite", eight_bits=True)
    assert export.size_on_disk(path) < 0.4 * export.size_on_disk(paths[".tflite"])
    logits, expected = export.load_exported(path)(images), predict(model, images)
    assert 1e-4 < np.abs(logits - expected).max() < 1
    assert np.mean(logits.argmax(axis=1) == expected.argmax(axis=1)) > 0.9


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".tflite"])
def test_eight_bits_are_for_litert_alone(tmp_path, suffix):
    with pytest.raises(ValueError, match="8 bits are written for LiteRT alone, not for .*: end the name with .tflite"):
        export.export(small_model(), tmp_path / f"m{suffix}", eight_bits=True)
    assert list(tmp_path.iterdir()) == []


def test_milliseconds_calls_once_more_than_it_counts():
    calls = []
    assert export.milliseconds(lambda images: calls.append(images), "images", repeats=3) >= 0
    assert calls == ["images"] * 4


@pytest.mark.whole
def test_exporting_writes_nothing_on_the_screen(tmp_path, capfd):
    model = small_model()
    for suffix in SUFFIXES:
        run = export.load_exported(export.export(model, tmp_path / f"m{suffix}"))
        run(images_for(model, 2))
    assert capfd.readouterr() == ("", "")

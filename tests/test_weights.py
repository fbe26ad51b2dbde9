"""Weights by the authors' names: from every kind of file, in and out again, and every way in which they do not fit."""

import argparse
import importlib.util
import io
import pickle
import shutil
import sys
import zipfile

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

import cct_helpers as cct
from cct_helpers.layers import sine_positions
from cct_helpers.weights import bare_names, read_state_dict
from tests.support.golden_cases import FOLDER, build, read

pytestmark = pytest.mark.any_backend

NAME = "cct_tiny_learned"
PTH = FOLDER / "cct_tiny_learned.pth"  # the weights of the .npz, written once with torch.save
PYTORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(scope="module")
def state():
    return read(NAME)[0]


@pytest.fixture(scope="module")
def shared_model():
    return build(NAME)


@pytest.fixture
def model(shared_model):
    """A model with weights that no file has."""
    shared_model.set_weights([np.full(weight.shape, 0.5, "float32") for weight in shared_model.weights])
    return shared_model


def assert_loaded(model, state):
    images, logits = read(NAME)[1], read(NAME)[3]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(images)), logits, atol=1e-4)


def assert_unchanged(model):
    assert all((weight == 0.5).all() for weight in model.get_weights())


# --- sources ---


def test_from_a_dict(model, state):
    assert cct.load_reference_weights(model, state) is model
    assert_loaded(model, state)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "weight/", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "model._orig_mod."],
)
def test_prefixes_are_dropped(model, state, prefix):
    cct.load_reference_weights(model, {prefix + name: array for name, array in state.items()})
    assert_loaded(model, state)


def test_a_prefix_is_dropped_only_where_every_name_has_it(model, state):
    some = {("module." if i else "") + name: array for i, (name, array) in enumerate(state.items())}
    with pytest.raises(ValueError, match="unexpected: module.classifier"):
        cct.load_reference_weights(model, some)
    assert_unchanged(model)
    assert bare_names({}) == {}


def write_npz(path, state):
    np.savez(path, **state)


def write_safetensors(path, state):
    save_file(state, path)


def write_pth(path, state):
    shutil.copy(PTH, path)


def write_nested_pth(path, state):
    import torch

    tensors = {name: torch.from_numpy(array).half().float() for name, array in state.items()}
    torch.save({"state_dict": tensors, "epoch": 3}, path)


def as_tensors(state):
    import torch

    return {name: torch.from_numpy(array.copy()) for name, array in state.items()}


def saver(change):
    """A writer for a file of PyTorch that holds what `change` makes of {name: tensor}."""

    def write(path, state):
        import torch

        torch.save(change(as_tensors(state)), path)

    return write


def by_the_authors(tensors):
    """What their train.py saves, timm's CheckpointSaver: settings as a Namespace beside the weights."""
    settings = argparse.Namespace(model="cct_2_3x2_32", lr=5e-4, aa="rand-m9", mean=(0.5, 0.5, 0.5), resume=None)
    optimizer = {"state": {0: {"step": 7}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    saved = {"epoch": 3, "arch": "cct_2", "state_dict": tensors, "optimizer": optimizer, "version": 2}
    return {**saved, "args": settings, "metric": 77.7}


def with_gradients(tensors):
    return {name: tensor.requires_grad_() for name, tensor in tensors.items()}


PYTORCH_FORMS = {
    "model_best.pth.tar": by_the_authors,
    "compiled.pth": lambda tensors: {f"_orig_mod.{name}": tensor for name, tensor in tensors.items()},
    "lightning.ckpt": lambda tensors: {"state_dict": {f"model.{name}": t for name, t in tensors.items()}, "epoch": 1},
    "other.pt": lambda tensors: {"model_state_dict": tensors, "loss": 1.0},
    "gradients.pth": with_gradients,
    "CAPITALS.PTH": dict,
}


@pytest.mark.parametrize("name", PYTORCH_FORMS if PYTORCH else [])
def test_every_form_of_a_pytorch_file(model, state, name, tmp_path, capsys):
    saver(PYTORCH_FORMS[name])(tmp_path / name, state)
    cct.load_reference_weights(model, tmp_path / name)
    assert_loaded(model, state)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", [with_gradients, dict] if PYTORCH else [])
def test_tensors_in_a_dict(model, state, change):
    cct.load_reference_weights(model, change(as_tensors(state)))
    assert_loaded(model, state)


@pytest.mark.parametrize("kind", ["bfloat16", "half", "double"] if PYTORCH else [])
def test_tensors_of_other_types(model, state, kind, tmp_path):
    tensors = {name: getattr(tensor, kind)() for name, tensor in as_tensors(state).items()}
    saver(lambda _: tensors)(tmp_path / "a.pth", state)
    for source in (tensors, tmp_path / "a.pth"):
        got = cct.reference_weights(cct.load_reference_weights(model, source))
        for name in got:
            np.testing.assert_array_equal(got[name], tensors[name].float().numpy())


@pytest.mark.parametrize("names", [("state_dict_ema", "state_dict"), ("model_ema", "model")] if PYTORCH else [])
def test_which_of_several_state_dicts_was_taken_is_said(model, state, names, tmp_path, capsys):
    averaged, plain = names

    def both(tensors):
        return {averaged: {name: tensor + 1 for name, tensor in tensors.items()}, plain: tensors}

    saver(both)(tmp_path / "a.pth", state)
    cct.load_reference_weights(model, tmp_path / "a.pth")
    assert_loaded(model, state)
    assert capsys.readouterr().out == f"a.pth has 2 state dicts: {plain!r} is taken, {averaged!r} left out.\n"


NO_WEIGHTS = {
    "list": (lambda tensors: list(tensors.values()), "it holds a list, not tensors by name: save model.state_dict"),
    "settings": (lambda tensors: {"lr": 0.1, "epochs": 3}, "tensors by name are wanted, but it has epochs, lr: save"),
    "nothing": (lambda tensors: {}, "tensors by name are wanted, but it has none"),
    "module": (
        lambda tensors: __import__("torch").nn.Linear(2, 2),
        "it holds more than tensors, an object of torch.nn.modules.linear.Linear, .*save the tensors alone",
    ),
}


@pytest.mark.parametrize("case", NO_WEIGHTS if PYTORCH else [])
def test_a_pytorch_file_without_tensors_by_name_says_what_it_holds(case, tmp_path):
    change, message = NO_WEIGHTS[case]
    saver(change)(tmp_path / "a.pth", {})
    with pytest.raises(ValueError, match=f"a.pth could not be read as weights: {message}") as caught:
        read_state_dict(tmp_path / "a.pth")
    assert "weights_only" not in str(caught.value)  # no advice to switch safety off


WRITERS = {"npz": write_npz, "safetensors": write_safetensors}
PYTORCH_WRITERS = {"pth": write_pth, "tar": write_nested_pth} if PYTORCH else {}


@pytest.mark.parametrize("kind", WRITERS | PYTORCH_WRITERS)
def test_from_a_file(model, state, kind, tmp_path):
    path = tmp_path / f"weights.{kind}"
    (WRITERS | PYTORCH_WRITERS)[kind](path, state)
    cct.load_reference_weights(model, path if kind == "npz" else str(path))
    if kind == "tar":  # rounded to 16 bits on the way
        got = cct.reference_weights(model)
        assert all((got[name] == state[name].astype("float16")).all() for name in got)
    else:
        assert_loaded(model, state)


@pytest.mark.parametrize("ending", ["pth", "pt", "bin", "tar", "ckpt"])
def test_without_pytorch_its_files_say_what_to_install(model, ending, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    shutil.copy(PTH, tmp_path / f"weights.{ending}")
    with pytest.raises(ImportError, match=f"weights.{ending} needs the package torch: pip install torch"):
        cct.load_reference_weights(model, tmp_path / f"weights.{ending}")
    assert_unchanged(model)


# --- files that cannot be read ---


def test_missing_file(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no weights file at .*nothing.npz"):
        cct.load_reference_weights(model, tmp_path / "nothing.npz")


def test_unknown_ending(tmp_path):
    (tmp_path / "weights.onnx").write_bytes(b"whatever")
    with pytest.raises(ValueError, match="weights.onnx: weights are read from .npz, .safetensors, .pth"):
        read_state_dict(tmp_path / "weights.onnx")


@pytest.mark.parametrize("kind", WRITERS | PYTORCH_WRITERS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_file(model, state, kind, share, tmp_path):
    path = tmp_path / f"weights.{kind}"
    (WRITERS | PYTORCH_WRITERS)[kind](path, state)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=f"weights.{kind} could not be read as weights .*fetch it again"):
        cct.load_reference_weights(model, path)
    assert_unchanged(model)


class RunsCode:
    def __reduce__(self):
        return print, ("this ran",)


def hostile_npz():
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.array([RunsCode()], dtype=object))
    return buffer.getvalue()


def hostile_pth():
    """A file in torch.save's own layout, whose pickle calls a function."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({"a": RunsCode()}, protocol=2))
        archive.writestr("weights/version", "3\n")
    return buffer.getvalue()


HOSTILE = {"npz": hostile_npz} | ({"pth": hostile_pth} if PYTORCH else {})


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_runs_code_is_refused(kind, tmp_path, capsys):
    path = tmp_path / f"weights.{kind}"
    path.write_bytes(HOSTILE[kind]())
    with pytest.raises(ValueError, match=f"weights.{kind} could not be read as weights"):
        read_state_dict(path)
    assert "this ran" not in capsys.readouterr().out


# --- weights that do not fit ---


def test_every_misfit_is_listed_and_nothing_is_changed(model, state):
    wrong = dict(state)
    del wrong["classifier.norm.weight"], wrong["classifier.blocks.1.linear1.bias"]
    wrong["classifier.class_emb"] = np.zeros((1, 1, 32), "float32")
    wrong["classifier.blocks.0.self_attn.qkv.weight"] = np.zeros((96, 16), "float32")
    with pytest.raises(ValueError, match="These weights do not fit cct_2_3x2_32") as caught:
        cct.load_reference_weights(model, wrong)
    text = str(caught.value)
    assert "missing: classifier.blocks.1.linear1.bias, classifier.norm.weight;" in text
    assert "unexpected: classifier.class_emb;" in text
    assert "of another shape: classifier.blocks.0.self_attn.qkv.weight (file (16, 96), model (32, 96)" in text
    assert_unchanged(model)


def test_a_checkpoint_of_another_size_is_refused(state):
    deeper = cct.build_cct(dim=32, num_layers=3, num_heads=2, mlp_ratio=2, input_shape=(16, 16, 3), num_classes=5)
    with pytest.raises(ValueError, match="missing: classifier.blocks.2.linear1.bias"):
        cct.load_reference_weights(deeper, state)


def test_a_learned_table_for_a_model_without_positions_is_refused(state):
    model = cct.build_cct(
        dim=32, num_layers=2, num_heads=2, mlp_ratio=2, input_shape=(16, 16, 3), num_classes=5, position="none"
    )
    with pytest.raises(ValueError, match="unexpected: classifier.positional_emb"):
        cct.load_reference_weights(model, state)


def test_a_head_that_lacks_its_weight_is_refused(model, state):
    with pytest.raises(ValueError, match="missing: classifier.fc.weight"):
        cct.load_reference_weights(model, {k: v for k, v in state.items() if k != "classifier.fc.weight"})
    assert_unchanged(model)


# --- another number of classes, another size of image ---


def test_another_number_of_classes_keeps_a_fresh_head_and_says_so(state, capsys):
    model = cct.build_cct(dim=32, num_layers=2, num_heads=2, mlp_ratio=2, input_shape=(16, 16, 3), num_classes=7)
    head = model.get_layer("head").get_weights()
    cct.load_reference_weights(model, state)
    said = capsys.readouterr().out
    assert "5 classes" in said and "the model 7" in said and said.count("\n") == 1
    for before, after in zip(head, model.get_layer("head").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    got = cct.reference_weights(model)
    for name in set(state) - {"classifier.fc.weight", "classifier.fc.bias"}:
        np.testing.assert_array_equal(got[name], state[name])


def test_an_equal_head_says_nothing(model, state, capsys):
    cct.load_reference_weights(model, state)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("family", ["cct", "vit"])
def test_positions_of_another_grid_are_resized(family, state):
    small, wide = (16, 16, 3), (24, 40, 3)
    if family == "cct":
        settings = dict(dim=32, num_layers=2, num_heads=2, mlp_ratio=2, num_classes=5)
        grids, extra = ((4, 4), (6, 10)), 0
        model = cct.build_cct(input_shape=wide, **settings)
    else:
        state = read("vit_lite_tiny")[0]
        settings = dict(dim=32, num_layers=2, num_heads=2, mlp_ratio=2, num_classes=5)
        grids, extra = ((4, 4), (6, 10)), 1
        model = cct.build_vit_lite("vit_2_4_32", input_shape=wide, **settings)
    assert np.prod(small[:2]) == 256 and state["classifier.positional_emb"].shape == (1, 16 + extra, 32)
    cct.load_reference_weights(model, state)
    got = cct.reference_weights(model)["classifier.positional_emb"]
    assert got.shape == (1, 60 + extra, 32)
    np.testing.assert_array_equal(got, cct.resize_positions(state["classifier.positional_emb"], *grids))
    assert np.isfinite(cct.predict(model, np.zeros((1, *wide)))).all()


def test_a_table_that_is_no_square_grid_is_refused(state):
    model = cct.build_cct(dim=32, num_layers=2, num_heads=2, mlp_ratio=2, input_shape=(24, 40, 3), num_classes=5)
    table = np.zeros((1, 15, 32), "float32")
    with pytest.raises(ValueError, match=r"classifier.positional_emb \(file \(1, 15, 32\), model \(1, 60, 32\)"):
        cct.load_reference_weights(model, {**state, "classifier.positional_emb": table})


def test_a_sine_table_in_the_file_is_accepted():
    weights = read("cct_tiny_sine")[0]
    assert "classifier.positional_emb" in weights
    model = cct.load_reference_weights(build("cct_tiny_sine"), weights)
    assert "classifier.positional_emb" not in cct.reference_weights(model)
    np.testing.assert_allclose(model.get_layer("position").table, weights["classifier.positional_emb"], atol=1e-6)


@pytest.mark.parametrize("rows", [16, 36])
def test_a_learned_table_is_not_dropped_by_a_model_with_sine_positions(rows):
    weights = read("cct_tiny_sine")[0]
    fixed = sine_positions(rows, 32)[None]
    half = fixed.astype("float16")
    cct.load_reference_weights(build("cct_tiny_sine"), {**weights, "classifier.positional_emb": half})
    learned = fixed + np.random.default_rng(0).normal(0, 0.2, fixed.shape).astype("float32")
    with pytest.raises(ValueError, match='sine positions: the table in the file is another one.*position="learned"'):
        cct.load_reference_weights(build("cct_tiny_sine"), {**weights, "classifier.positional_emb": learned})


# --- out again ---


@pytest.mark.parametrize(
    "case", ["cct_tiny_learned", "cct_tiny_sine", "cct_tiny_7x1_none", "cvt_tiny", "vit_lite_tiny"]
)
def test_reference_weights_is_the_inverse(case):
    weights = read(case)[0]
    got = cct.reference_weights(cct.load_reference_weights(build(case), weights))
    fixed = {"classifier.positional_emb"} if "sine" in case else set()
    assert set(got) == set(weights) - fixed
    for name in got:
        np.testing.assert_array_equal(got[name], weights[name])
        assert got[name].dtype == np.float32


# --- the authors' models for ImageNet, with random weights in their format ---


@pytest.mark.whole
@pytest.mark.parametrize(
    ("variant", "grid"),
    [("cct_7_7x2_224", 14), ("cct_7_7x2_224_sine", 14), ("cct_14_7x2_224", 14), ("cct_14_7x2_384", 24)],
)
def test_the_authors_imagenet_variants_from_a_file_to_other_classes_and_sizes(variant, grid, tmp_path, capsys):
    side = int(variant.split("_")[3])
    source = cct.build_cct(variant, num_classes=1000)
    state = {f"module.{name}": array for name, array in cct.reference_weights(source).items()}
    np.savez(tmp_path / "theirs.npz", **state)
    assert source.get_layer("position").grid == (grid, grid)
    mine = cct.build_cct(variant, input_shape=(96, 64, 3), num_classes=5, normalization=IMAGENET)
    cct.load_reference_weights(mine, tmp_path / "theirs.npz")
    assert "The file has 1000 classes, the model 5" in capsys.readouterr().out
    assert mine.get_layer("position").grid == (6, 4)
    whole = cct.build_cct(variant, num_classes=1000, normalization=IMAGENET)
    cct.load_reference_weights(whole, tmp_path / "theirs.npz")
    if side == 224 and "14" not in variant.split("_")[1]:
        pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3)).astype("float32")
        mean, std = (np.array(numbers) for numbers in IMAGENET)
        theirs = cct.predict(source, (pixels - mean) / std)
        np.testing.assert_allclose(cct.predict(whole, pixels), theirs, atol=1e-4)


IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])

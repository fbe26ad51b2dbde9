"""Whole models: the authors' parameter counts, saving, precision, any shape of image, and what they refuse."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.models import at_size
from tests.support.selection import first

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
as_array = keras.ops.convert_to_numpy  # of tensors of any backend
SMALL = dict(dim=16, num_layers=2, num_heads=2)
BUILDERS = {"cct": cct.build_cct, "cvt": cct.build_cvt, "vit": cct.build_vit_lite}
FAMILIES = {"cct": "cct_2_3x2_32", "cvt": "cvt_2_4_32", "vit": "vit_2_4_32"}

# variant: (classes, parameters with a learned position table, without one). From the authors' code, counted exactly.
COUNTS = {
    "cct_2_3x2_32": (10, 283_723, 275_531),
    "cct_4_3x2_32": (10, 482_123, 473_931),
    "cct_6_3x1_32": (10, 3_233_803, 3_168_267),
    "cct_6_3x2_32": (10, 3_326_923, 3_310_539),
    "cct_7_3x1_32": (10, 3_760_139, 3_694_603),
    "cct_7_3x2_32": (10, 3_853_259, 3_836_875),
    "cct_7_7x2_224": (102, 4_573_735, 4_523_559),
    "cct_14_7x2_224": (1000, 22_367_273, 22_292_009),
    "cct_14_7x2_384": (1000, 22_513_193, 22_292_009),
    "cvt_6_4_32": (10, 3_190_283, 3_190_283 - 64 * 256),
    "cvt_7_4_32": (10, 3_716_619, 3_716_619 - 64 * 256),
    "vit_6_4_32": (10, 3_190_538, 3_190_538 - 65 * 256),
    "vit_7_4_32": (10, 3_716_874, 3_716_874 - 65 * 256),
}


def build(family, **settings):
    return BUILDERS[family](FAMILIES[family], **{**SMALL, **settings})


def images_of(*shape):
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


# --- sizes ---


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters_equal_the_authors_to_the_digit(variant):
    classes, learned, without = COUNTS[variant]
    builder = BUILDERS[variant.split("_")[0]]
    model = builder(variant, num_classes=classes)
    assert model.count_params() == learned
    assert learned - model.get_layer("position").count_params() == without


@pytest.mark.parametrize("family", BUILDERS)
def test_only_learned_positions_have_parameters(family):
    count = {kind: build(family, position=kind).count_params() for kind in ("learned", "sine", "none")}
    assert count["learned"] - count["none"] == (65 if family == "vit" else 64) * 16
    assert count["sine"] == count["none"]
    sine = BUILDERS[family](f"{FAMILIES[family]}_sine", **SMALL)
    assert sine.get_layer("position").kind == "sine" and sine.count_params() == count["sine"]


def test_every_variant_of_the_authors_is_there():
    sine = {f"{name}_sine" for name in COUNTS}
    others = {f"{family}_{layers}_4_32{end}" for family in ("cvt", "vit") for layers in (2, 4) for end in ("", "_sine")}
    assert set(cct.VARIANTS) == set(COUNTS) | sine | others


@pytest.mark.parametrize(
    ("variant", "tokens", "side", "heads"),
    [
        ("cct_2_3x2_32", 64, 32, 2),
        ("cct_6_3x1_32", 256, 32, 4),
        ("cct_7_7x2_224", 196, 224, 4),
        ("cvt_2_4_32", 64, 32, 2),
    ],
)
def test_tokens_and_heads(variant, tokens, side, heads):
    model = BUILDERS[variant.split("_")[0]](variant, num_layers=1)
    assert model.input_shape == (None, side, side, 3)
    assert model.get_layer("tokenizer").output.shape[1] == tokens
    assert model.get_layer("block_0").num_heads == heads


def test_overrides_replace_sizes():
    model = cct.build_cct(num_layers=3, dim=24, num_heads=3, mlp_ratio=2, kernel_size=5, stride=2, padding=2)
    assert [layer.name for layer in model.layers if "block" in layer.name] == ["block_0", "block_1", "block_2"]
    assert model.get_layer("block_0").linear1.units == 48
    assert model.get_layer("tokenizer").convs[1].kernel.shape == (5, 5, 64, 24)
    assert cct.build_cvt("cvt_2_4_32", patch_size=8, num_layers=1).get_layer("tokenizer").output.shape[1] == 16


def test_layers_have_the_names_that_others_look_for():
    def names(family, **settings):
        return [layer.name for layer in build(family, **settings).layers if "block" not in layer.name]

    first = ["images", "normalization", "tokenizer"]
    assert names("cct", normalization=(0, 1)) == [*first, "position", "norm", "pooling", "head"]
    assert names("cvt", normalization=(0, 1)) == [*first, "position", "norm", "pooling", "head"]
    assert [
        n for n in names("vit", normalization=(0, 1)) if n in (*first, "class_token", "position", "norm", "head")
    ] == [
        *first,
        "class_token",
        "position",
        "norm",
        "head",
    ]


def test_stochastic_depth_grows_with_depth():
    blocks = [layer for layer in build("cct", num_layers=5, stochastic_depth=0.4).layers if "block" in layer.name]
    np.testing.assert_allclose([block.stochastic_depth for block in blocks], [0, 0.1, 0.2, 0.3, 0.4])
    for block in blocks:
        assert block.drop_attention.rate == block.drop_mlp.rate == block.stochastic_depth
    assert cct.build_cct(num_layers=2).get_layer("block_1").stochastic_depth == 0.1
    assert cct.build_cct(num_layers=2).get_layer("block_1").attention_dropout == 0.1


# --- images of any shape ---


@pytest.mark.parametrize("family", BUILDERS)
@pytest.mark.parametrize("shape", [(16, 24, 1), (24, 16, 3), (16, 16, 5)])
def test_non_square_images_with_any_number_of_channels(family, shape):
    model = build(family, input_shape=shape, num_classes=4)
    assert model(images_of(3, *shape)).shape == (3, 4)


@pytest.mark.parametrize("family", BUILDERS)
def test_any_batch_size(family):
    model = build(family, input_shape=(16, 16, 3))
    images = images_of(7, 16, 16, 3)
    together = as_array(model(images))
    one_by_one = np.concatenate([as_array(model(images[i : i + 1])) for i in range(7)])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    if family == "cct":
        np.testing.assert_allclose(model.predict(images, batch_size=3, verbose=0), together, atol=1e-5)


def test_training_differs_from_inference():
    model = build("cct", input_shape=(16, 16, 3), stochastic_depth=0.5)
    images = images_of(8, 16, 16, 3)
    still = as_array(model(images))
    np.testing.assert_array_equal(still, as_array(model(images, training=False)))
    assert not np.allclose(still, as_array(model(images, training=True)))


def test_normalization_takes_raw_pixels():
    mean, std = np.array([10.0, 100, 200]), np.array([50.0, 60, 70])
    plain = build("cct", input_shape=(16, 16, 3))
    raw = build("cct", input_shape=(16, 16, 3), normalization=(mean, std))
    raw.set_weights(plain.get_weights())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "uint8")
    np.testing.assert_allclose(
        as_array(raw(pixels)), as_array(plain(((pixels - mean) / std).astype("float32"))), atol=1e-4
    )


def test_one_mean_and_std_serve_all_channels():
    one = build("cct", input_shape=(16, 16, 3), normalization=(120, 60))
    three = build("cct", input_shape=(16, 16, 3), normalization=([120] * 3, [60] * 3))
    three.set_weights(one.get_weights())
    pixels = images_of(2, 16, 16, 3)
    np.testing.assert_allclose(as_array(one(pixels)), as_array(three(pixels)), atol=1e-6)


# --- saving ---

SAVED = {
    "cct_learned_normalized": dict(family="cct", normalization=([120, 110, 100], [60, 61, 62]), dropout=0.1),
    "cct_sine_wide": dict(family="cct", position="sine", input_shape=(16, 24, 3), kernel_size=7, stride=2, padding=3),
    "cvt_none": dict(family="cvt", position="none"),
    "vit_learned_normalized": dict(family="vit", normalization=(120, 60)),
    "vit_sine": dict(family="vit", position="sine"),
}

RELOAD = """
import sys
from pathlib import Path
import numpy as np
import cct_helpers
import keras
folder = Path(sys.argv[1])
for path in sorted(folder.glob("*.keras")):
    with np.load(path.with_suffix(".npz")) as stored:
        model = keras.models.load_model(path)
        np.save(path.with_suffix(".npy"), keras.ops.convert_to_numpy(model(stored["images"])))
"""


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory):
    """Logits of saved models, here and in a new process that reads the files: {name: (before, after)}."""
    folder = tmp_path_factory.mktemp("saved")
    before = {}
    for name, settings in SAVED.items():
        settings = {"input_shape": (16, 16, 3), **settings}
        images = images_of(3, *settings["input_shape"])
        model = build(settings.pop("family"), **settings)
        before[name] = as_array(model(images))
        model.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", images=images)
    quietly = ["-W", "error:The structure of:UserWarning"]  # that of Keras 3.10, of a list of one input
    command = [sys.executable, *quietly, "-c", RELOAD, str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return {name: (logits, np.load(folder / f"{name}.npy")) for name, logits in before.items()}


@pytest.mark.whole
@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model_gives_the_same_logits_in_a_new_process(reloaded, name):
    before, after = reloaded[name]
    assert np.abs(before).max() > 1e-3
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_reloaded_model_still_refuses_other_images(tmp_path):
    build("cct", input_shape=(16, 16, 3), normalization=(1, 2)).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"expected shape=\(None, 16, 16, 3\), found shape=\(2, 16, 16, 1\)"):
        model(images_of(2, 16, 16, 1))


# --- 16-bit numbers ---


@pytest.fixture(params=first(1, ["mixed_bfloat16", "mixed_float16"]))
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("family", BUILDERS)
def test_mixed_precision_trains_and_predicts(policy, family):
    model = build(family, input_shape=(16, 16, 3), normalization=(120, 60), num_layers=1)
    block = model.get_layer("block_0")
    assert block.compute_dtype == policy.removeprefix("mixed_") == block.attention.qkv.compute_dtype
    assert all(weight.dtype == "float32" for weight in model.trainable_weights)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(1e-3), loss=loss, run_eagerly=family != "cct")  # one compiled, two quick
    images, labels = images_of(8, 16, 16, 3), np.arange(8)
    before = model.get_weights()
    losses = [float(model.train_on_batch(images, labels)) for _ in range(3)]
    assert np.isfinite(losses).all()
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
    logits = model(images)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(as_array(logits)).all()


def test_mixed_precision_gives_nearly_the_float32_logits(policy):
    settings = dict(input_shape=(16, 16, 3), normalization=(120, 60))
    mixed = build("cct", **settings)
    keras.config.set_dtype_policy("float32")
    exact = build("cct", **settings)
    exact.set_weights([weight * 5 for weight in mixed.get_weights()])
    mixed.set_weights(exact.get_weights())
    images = images_of(4, 16, 16, 3)
    want, got = as_array(exact(images)), as_array(mixed(images))
    assert 0 < np.abs(want - got).max() < 0.1 * np.abs(want).max()


# --- bad input ---


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(variant="cct_2_3x2_23"), r"Unknown variant 'cct_2_3x2_23'. Did you mean 'cct_2_3x2_32'\? Known: cct_2"),
        (dict(variant="cvt_7_4_32"), "Unknown variant 'cvt_7_4_32'"),
        (dict(variant=None), "Unknown variant None"),
        (dict(depth=3), "cct_2_3x2_32 has no setting depth. It has attention_dropout, dim,"),
        (dict(patch_size=4), "has no setting patch_size"),
        (dict(dim=30, num_heads=4), "multiple of num_heads, got dim 30 and num_heads 4"),
        (dict(num_layers=0), "num_layers must be a whole number of at least 1, got 0"),
        (dict(num_heads=0), "num_heads must be a whole number of at least 1, got 0"),
        (dict(dim=2.5), "dim must be a whole number of at least 1, got 2.5"),
        (dict(num_classes=0), "num_classes must be a whole number of at least 1, got 0"),
        (dict(mlp_ratio=-1), "mlp_ratio must give the MLP at least 1 hidden unit, got -1 times dim 128"),
        (dict(stochastic_depth=-0.1), "stochastic_depth must be at least 0 and below 1, got -0.1"),
        (dict(attention_dropout=1), "attention_dropout must be at least 0 and below 1, got 1"),
        (dict(dropout=2), "dropout must be at least 0 and below 1, got 2"),
        (dict(position="rotary"), 'must be "learned", "sine" or "none", got \'rotary\''),
        (dict(input_shape=(4, 4, 3), kernel_size=9, padding=1), "4x4 pixels is too small for this tokenizer"),
        (dict(input_shape=(32, 32)), r"input_shape must be \(height, width, channels\)"),
        (dict(input_shape=32), r"input_shape must be \(height, width, channels\)"),
        (dict(input_shape=(32, 0, 3)), r"input_shape must be \(height, width, channels\)"),
        (dict(normalization=((1, 2), (1, 1))), "each one number or one for each of 3 channels"),
        (dict(normalization=5), r"normalization must be \(mean, std\)"),
        (dict(normalization=(1, 0)), "a std above 0 for every channel"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_bad_sizes_are_refused_in_words(settings, words):
    with pytest.raises(ValueError, match=words):
        cct.build_cct(**settings)


def test_the_other_families_refuse_alike():
    with pytest.raises(ValueError, match="30x32 pixels cannot be cut into patches of 4x4"):
        cct.build_cvt(input_shape=(30, 32, 3))
    with pytest.raises(ValueError, match="vit_7_4_32 has no setting kernel_size"):
        cct.build_vit_lite(kernel_size=3)


@pytest.mark.parametrize("family", BUILDERS)
@pytest.mark.parametrize("normalization", [None, (120, 60)])
@pytest.mark.parametrize("shape", [(2, 16, 16, 1), (2, 16, 16, 4), (2, 16, 12, 3), (16, 16, 3)])
def test_images_that_do_not_fit_are_refused(family, normalization, shape):
    model = build(family, input_shape=(16, 16, 3), normalization=normalization)
    with pytest.raises(ValueError, match="^Input 0 .*of layer .* expected .*found"):
        model(images_of(*shape))


@pytest.mark.parametrize("family", ["cct", "cvt", "vit_lite"])
@pytest.mark.parametrize("size", [(16, 16), (16, 32)])
def test_a_model_at_another_size_is_the_one_built_for_it_with_resized_positions(family, size):
    name = {"cct": "cct_2_3x2_32", "cvt": "cvt_2_4_32", "vit_lite": "vit_2_4_32"}[family]
    model, builder = getattr(cct, f"build_{family}")(name), getattr(cct, f"build_{family}")
    images = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
    state = cct.reference_weights(model)
    built = builder(name, input_shape=(*size, 3))
    table, layer = state["classifier.positional_emb"], built.get_layer("position")
    state["classifier.positional_emb"] = cct.resize_positions(table, model.get_layer("position").grid, layer.grid)
    cct.load_reference_weights(built, state)
    ours = keras.ops.convert_to_numpy(at_size(model, *size)(images))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(built(images)), atol=1e-5)


def test_a_model_at_another_size_shares_its_weights():
    model = cct.build_cct("cct_2_3x2_32")
    small = at_size(model, 16, 16)
    assert [id(v) for v in small.trainable_variables] == [id(v) for v in model.trainable_variables]
    with pytest.raises(ValueError, match="multiple|patch"):
        at_size(cct.build_cvt("cvt_2_4_32"), 30, 32)

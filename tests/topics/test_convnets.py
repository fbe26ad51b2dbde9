"""The ResNet is the paper's: its size to the digit, its shapes, its convolution, what a move does, how it trains."""

import dataclasses

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.models import at_size
from cct_helpers.topics.convnets import Convolution, build_resnet, cover, move, residual_block, resnet_costs

pytestmark = pytest.mark.any_backend

PUBLISHED = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}  # shortcuts without weights


def trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("depth", PUBLISHED)
def test_parameters_are_those_of_the_paper(depth):
    assert sum(resnet_costs(depth)["parameters"].values()) == PUBLISHED[depth]
    in_the_paper = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}[depth]  # millions, its table 6
    assert abs(PUBLISHED[depth] / 1e6 - in_the_paper) < 0.03


@pytest.mark.parametrize(
    ("depth", "settings"),
    [
        (20, {}),
        (8, dict(input_shape=(17, 30, 1), num_classes=7, width=5)),
        (14, dict(input_shape=(16, 16, 2), width=4, normalization=(120, 60))),
    ],
)
def test_costs_are_those_of_the_built_model(depth, settings):
    model = build_resnet(depth, **settings)
    normalization = settings.pop("normalization", None)
    costs = resnet_costs(depth, **settings)
    assert sum(costs["parameters"].values()) == trained(model)
    assert [layer.name for layer in model.layers[1:]] == ["normalization"] * bool(normalization) + [
        *("tokenizer", "pooling", "head")
    ]
    images = np.zeros((2, *model.input_shape[1:]), "float32")
    features = model.get_layer("tokenizer")(images)
    assert tuple(features.shape[1:3]) == costs["grid"] == model.get_layer("tokenizer").grid(*images.shape[1:3])
    macs = 0
    for layer in model.get_layer("tokenizer").layers:  # every weight of a kernel is used once at each place
        if isinstance(layer, Convolution):
            made = keras.Model(model.get_layer("tokenizer").input, layer.output)(images)
            macs += int(np.prod(made.shape[1:3])) * int(np.prod(layer.kernel.shape))
    assert macs == costs["macs"]["convolutions"]
    assert cct.predict(model, images).shape == (2, settings.get("num_classes", 10))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_convolution_is_that_of_keras(stride):
    images = np.random.default_rng(0).normal(size=(2, 9, 6, 3)).astype("float32")
    ours = Convolution(5, stride)
    made = keras.ops.convert_to_numpy(ours(images))
    keras_own = keras.layers.Conv2D(5, 3, padding="same", use_bias=False, data_format="channels_last")
    keras_own.build(images.shape)
    keras_own.kernel.assign(np.reshape(keras.ops.convert_to_numpy(ours.kernel), (3, 3, 3, 5)))
    wanted = keras.ops.convert_to_numpy(keras_own(images))[:, ::stride, ::stride]  # centred, as PyTorch's padding=1
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_a_shortcut_has_no_weights_and_drops_every_second_pixel():
    pixels = keras.Input((None, None, 2))
    block = keras.Model(pixels, residual_block(pixels, 3, stride=2))
    for layer in block.layers:
        if isinstance(layer, Convolution):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    images = np.random.default_rng(0).normal(size=(2, 5, 6, 2)).astype("float32")
    made = keras.ops.convert_to_numpy(block(images))
    np.testing.assert_allclose(made[..., :2], np.maximum(images[:, ::2, ::2], 0), atol=1e-6)
    assert made.shape == (2, 3, 3, 3) and not made[..., 2].any()


def test_a_move_by_the_step_of_the_network_moves_its_map_and_a_smaller_one_does_not():
    model = build_resnet(8, input_shape=(72, 72, 1), width=4)
    frame = np.zeros((3, 72, 72, 1), "float32")
    thing = np.random.default_rng(0).uniform(size=(8, 8, 1))
    for number, pixels in enumerate((0, 4, 2)):
        frame[number, 32:40, 32 + pixels : 40 + pixels] = thing
    tokens = keras.ops.convert_to_numpy(model.get_layer("tokenizer")(frame))
    np.testing.assert_allclose(tokens[1, :, 1:], tokens[0, :, :-1], atol=1e-6)
    logits = cct.predict(model, frame)
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-6)
    assert np.abs(logits[2] - logits[0]).max() > 1e-4


def test_sizes_share_their_weights():
    model = build_resnet(8, input_shape=(16, 16, 1), width=4)
    half = at_size(model, 8, 8)
    assert half.input_shape == (None, 8, 8, 1)
    assert {id(weight) for weight in half.weights} == {id(weight) for weight in model.weights}


@pytest.mark.whole
def test_fit_trains_it_with_muon_on_several_sizes_and_a_file_keeps_it(tmp_path):
    data = cct.load_dataset("digits")
    model = build_resnet(8, input_shape=(16, 16, 1), width=8, normalization=(78, 96))
    before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    recipe = dataclasses.replace(cct.RECIPES["quick"], epochs=4, image_scales=((0.5, 1),), learning_rate=5e-3)
    if tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 13):
        recipe = dataclasses.replace(recipe, optimizer="muon")
    history = cct.fit(model, data, recipe, verbose=False)
    after = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    assert all(not np.array_equal(old, new) for old, new in zip(before[2:], after[2:], strict=True))
    assert history["val_top1"][-1] > 0.3  # guessing gets a tenth
    model.save(tmp_path / "resnet.keras")
    loaded = keras.models.load_model(tmp_path / "resnet.keras")
    np.testing.assert_allclose(cct.predict(loaded, data.x_test), cct.predict(model, data.x_test), atol=1e-5)


def test_moved_images_have_moved_in_one_of_four_directions():
    images = np.random.default_rng(0).integers(1, 256, size=(40, 6, 7, 2)).astype("uint8")
    moved = move(images, 2, seed=3)
    assert moved.shape == images.shape and moved.dtype == images.dtype
    zeros = np.zeros_like
    ways = {"left": zeros(images), "right": zeros(images), "up": zeros(images), "down": zeros(images)}
    ways["left"][:, :, :-2], ways["right"][:, :, 2:] = images[:, :, 2:], images[:, :, :-2]
    ways["up"][:, :-2], ways["down"][:, 2:] = images[:, 2:], images[:, :-2]
    fits = np.array([(moved == way).all(axis=(1, 2, 3)) for way in ways.values()])
    assert (fits.sum(axis=0) == 1).all() and (fits.sum(axis=1) > 0).all()
    assert np.array_equal(move(images, 0), images) and np.array_equal(moved, move(images, 2, seed=3))


def test_covered_images_have_a_square_of_their_mean():
    images = np.random.default_rng(0).integers(0, 256, size=(9, 8, 6, 3)).astype("uint8")
    covered = cover(images, 3, seed=1)
    changed = (covered != images).any(axis=-1)  # (n, height, width)
    assert changed.any(axis=2).sum(axis=1).max() == changed.any(axis=1).sum(axis=1).max() == 3
    for image, whole, where in zip(covered, images, changed, strict=True):
        assert np.abs(image[where] - whole.mean(axis=(0, 1))).max() < 1
    assert np.array_equal(cover(images, 0), images)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build_resnet(18), "depth must be 6 n . 2 with n from 1, such as 8, 14, 20 or 56, got 18"),
        (lambda: build_resnet(2), "depth must be"),
        (lambda: build_resnet("20"), "depth must be"),
        (lambda: build_resnet(20, input_shape=(32, 32)), "input_shape must be .height, width, channels."),
        (lambda: build_resnet(20, width=0), "width must be a whole number of at least 1, got 0"),
        (lambda: build_resnet(20, num_classes=0), "num_classes must be a whole number"),
        (lambda: build_resnet(20, normalization=((1, 2), 3)), "normalization must be .mean, std."),
        (lambda: resnet_costs(21), "depth must be"),
        (lambda: move(np.zeros((1, 4, 5, 1)), 4), "pixels must be from 0 to 3 for these images, got 4"),
        (lambda: cover(np.zeros((1, 4, 5, 1)), 5), "side must be from 0 to 4 for these images, got 5"),
    ],
)
def test_wrong_input_is_one_clear_error(call, words):
    with pytest.raises(ValueError, match=words):
        call()

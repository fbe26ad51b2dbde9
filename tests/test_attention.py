"""Attention maps, rollout and pooling weights are those that the model itself uses."""

import keras
import numpy as np
import pytest

import cct_helpers as cct

pytestmark = pytest.mark.any_backend

as_array = keras.ops.convert_to_numpy  # of tensors of any backend
RNG = np.random.default_rng(0)
SMALL = dict(dim=16, num_layers=3, num_heads=2, input_shape=(16, 16, 3), num_classes=4)
BUILDERS = {"cct": (cct.build_cct, "cct_2_3x2_32"), "cvt": (cct.build_cvt, "cvt_2_4_32")}
BUILDERS["vit"] = (cct.build_vit_lite, "vit_2_4_32")


def build(family):
    """A small model whose attention and pooling are far from even."""
    keras.utils.set_random_seed(0)
    builder, variant = BUILDERS[family]
    model = builder(variant, **SMALL)
    for weight in model.weights:
        if "qkv" in weight.path or "score" in weight.path:
            weight.assign(weight * 25)
    return model


def images(count=5):
    return RNG.normal(size=(count, 16, 16, 3)).astype("float32")


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def output_of(model, layer, batch):
    return as_array(keras.Model(model.input, model.get_layer(layer).output)(batch))


@pytest.mark.parametrize("family", BUILDERS)
def test_maps_are_the_weights_inside_each_layer(family):
    model, batch = build(family), images()
    maps = cct.attention_maps(model, batch)
    tokens = 17 if family == "vit" else 16
    assert maps.shape == (3, 5, 2, tokens, tokens) and maps.dtype == np.float32
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    assert maps.max() > 3 / tokens
    entering = output_of(model, "position", batch)
    for layer in range(3):
        block = model.get_layer(f"block_{layer}")
        x = entering - entering.mean(axis=-1, keepdims=True)
        x = x / np.sqrt(entering.var(axis=-1, keepdims=True) + 1e-5)
        queries, keys, _ = np.split(x @ as_array(block.attention.qkv.kernel), 3, axis=-1)
        queries, keys = (part.reshape(5, tokens, 2, 8).transpose(0, 2, 1, 3) for part in (queries, keys))
        expected = softmax(queries @ keys.transpose(0, 1, 3, 2) / np.sqrt(8))
        np.testing.assert_allclose(maps[layer], expected, atol=1e-4)
        entering = output_of(model, f"block_{layer}", batch)


def test_entropy_is_in_bits_and_a_weight_of_zero_adds_nothing():
    weights = np.array([[[0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0]], [[0.5, 0.25, 0.25, 0], [0.5, 0, 0.5, 0]]])
    np.testing.assert_allclose(cct.entropy_bits(weights), [[2, 0], [1.5, 1]])
    assert not np.signbit(cct.entropy_bits(np.array([0, 1], "float32")))  # 0, which prints without a sign


def test_the_maps_carry_the_values_that_the_layer_returns():
    model, batch = build("cct"), images(2)
    maps = cct.attention_maps(model, batch)
    block = model.get_layer("block_0")
    normed = block.pre_norm(output_of(model, "position", batch))
    _, _, values = block.attention.queries_keys_values(normed)
    mixed = (maps[0] @ as_array(values)).transpose(0, 2, 1, 3).reshape(2, 16, 16)
    got, expected = block.attention.projection(mixed), block.attention(normed)
    np.testing.assert_allclose(as_array(got), as_array(expected), atol=1e-4)


def test_many_images_equal_one_at_a_time():
    model, batch = build("cct"), images(3)
    together, alone = cct.attention_maps(model, batch), cct.attention_maps(model, batch[1:2])
    np.testing.assert_allclose(together[:, 1:2], alone, atol=1e-5)


def test_maps_take_raw_pixels_and_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = cct.build_cct("cct_2_3x2_32", normalization=(120, 60), **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    pixels = RNG.integers(0, 256, (2, 16, 16, 3), "uint8")
    assert cct.attention_maps(model, pixels).dtype == np.float32
    np.testing.assert_allclose(cct.pooling_weights(model, pixels).sum(axis=1), 1, atol=0.02)


def random_maps(layers=3, batch=2, heads=4, tokens=5):
    return softmax(RNG.normal(size=(layers, batch, heads, tokens, tokens)) * 3)


def test_rollout_of_identity_maps_is_the_identity():
    maps = np.broadcast_to(np.eye(5), (3, 2, 4, 5, 5))
    np.testing.assert_allclose(cct.attention_rollout(maps), np.broadcast_to(np.eye(5), (2, 5, 5)))


def test_rollout_by_hand():
    maps = random_maps()
    rollout = cct.attention_rollout(maps)
    assert rollout.shape == (2, 5, 5)
    np.testing.assert_allclose(rollout.sum(axis=-1), 1, atol=1e-6)
    for image in range(2):
        first, second, third = (maps[layer, image].mean(axis=0) * 0.5 + 0.5 * np.eye(5) for layer in range(3))
        np.testing.assert_allclose(rollout[image], third @ (second @ first), atol=1e-6)


def test_rollout_of_one_layer_is_half_attention_half_self():
    maps = random_maps(layers=1, heads=1)
    np.testing.assert_allclose(cct.attention_rollout(maps), 0.5 * maps[0, :, 0] + 0.5 * np.eye(5))


@pytest.mark.parametrize("shape", [(2, 4, 5, 5), (3, 2, 4, 5, 6)])
def test_rollout_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"maps must be \(layers, batch, heads, tokens, tokens\)"):
        cct.attention_rollout(np.zeros(shape))


@pytest.mark.parametrize("family", ["cct", "cvt"])
def test_pooling_weights_reproduce_the_pooled_vector(family):
    model, batch = build(family), images()
    weights = cct.pooling_weights(model, batch)
    assert weights.shape == (5, 16) and weights.max() > 1.5 / 16
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    tokens, pooled = output_of(model, "norm", batch), output_of(model, "pooling", batch)
    np.testing.assert_allclose(np.einsum("bt,btd->bd", weights, tokens), pooled, atol=1e-4)


def test_pooling_weights_need_sequence_pooling():
    with pytest.raises(ValueError, match="has no sequence pooling: use a model from build_cct or build_cvt"):
        cct.pooling_weights(build("vit"), images())


@pytest.mark.parametrize("function", [cct.attention_maps, cct.pooling_weights])
@pytest.mark.parametrize("shape", [(16, 16, 3), (2, 16, 16, 1), (2, 8, 16, 3)])
def test_images_that_do_not_fit_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"takes images of shape \(batch, 16, 16, 3\), got"):
        function(build("cct"), np.zeros(shape, "float32"))

"""Layers and tokenizers: the numbers they must give, written out again in NumPy, and what they refuse."""

import math

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.layers import HeNormal, Normal, pad_zeros

pytestmark = pytest.mark.any_backend

as_array = keras.ops.convert_to_numpy  # of tensors of any backend
RNG = np.random.default_rng(0)


def random(*shape):
    return RNG.normal(size=shape).astype("float32")


def weights_of(layer):
    return [np.asarray(weight) for weight in layer.get_weights()]


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def layer_norm(tokens, gamma, beta):
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-5) * gamma + beta


def gelu(values):
    return values * 0.5 * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))


def filled(layer, shape):
    """The layer, built for `shape`, with random weights everywhere: zeros and ones would hide mistakes."""
    layer.build(shape)
    layer.set_weights([random(*weight.shape) * 0.5 for weight in layer.weights])
    return layer


# --- Linear ---


def test_linear_is_a_matrix_product_over_the_last_axis():
    layer = filled(cct.Linear(5), (None, 3, 4))
    kernel, bias = weights_of(layer)
    tokens = random(2, 3, 4)
    np.testing.assert_allclose(as_array(layer(tokens)), tokens @ kernel + bias, atol=1e-5)
    np.testing.assert_allclose(as_array(layer(tokens[:, 0])), tokens[:, 0] @ kernel + bias, atol=1e-5)


def test_linear_starts_as_the_authors_do():
    layer = cct.Linear(300)
    layer.build((None, 300))
    kernel, bias = weights_of(layer)
    assert abs(kernel.std() - 0.02) < 0.0005 and abs(kernel.mean()) < 0.0005
    assert not bias.any()


def test_first_weights_follow_the_seed_and_differ_without_one():
    def drawn(seed):
        keras.utils.set_random_seed(seed)
        layers = [cct.Linear(5), cct.Linear(5)]
        for layer in layers:
            layer.build((None, 4))
        return [weights_of(layer)[0] for layer in layers]

    (one, two), (again, _), (other, _) = drawn(0), drawn(0), drawn(1)
    np.testing.assert_array_equal(one, again)
    assert (one != two).all() and (one != other).all()
    same = [as_array(Normal(0.5, seed=3)((2, 3))) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    back = keras.initializers.deserialize(keras.initializers.serialize(Normal(0.5, seed=3)))
    np.testing.assert_array_equal(as_array(back((2, 3))), same[0])


def test_he_normal_has_the_spread_of_he_and_comes_back_from_its_config():
    kernel = as_array(HeNormal(seed=1)((5, 5, 8, 200)))
    assert abs(kernel.std() / math.sqrt(2 / 200) - 1) < 0.02  # 5 * 5 * 8 inputs
    back = keras.initializers.deserialize(keras.initializers.serialize(HeNormal(seed=1)))
    assert type(back) is HeNormal
    np.testing.assert_array_equal(as_array(back((5, 5, 8, 200))), kernel)


def test_a_file_of_before_he_normal_had_a_name_still_loads():
    saved = keras.initializers.serialize(Normal(0.5, seed=1))
    saved["config"]["stddev"] = None
    again = keras.initializers.deserialize(saved)
    np.testing.assert_array_equal(as_array(again((3, 4))), as_array(HeNormal(seed=1)((3, 4))))


@pytest.mark.parametrize("stddev", [0, -1, None, "wide", float("nan"), float("inf")])
def test_normal_refuses(stddev):
    with pytest.raises(ValueError, match="stddev must be a number above 0"):
        Normal(stddev)


# --- attention ---


def attention_by_hand(tokens, qkv, projection, bias, heads):
    batch, count, dim = tokens.shape
    queries, keys, values = (
        part.reshape(batch, count, heads, dim // heads).transpose(0, 2, 1, 3)
        for part in np.split(tokens @ qkv, 3, axis=-1)
    )
    weights = softmax(queries @ keys.transpose(0, 1, 3, 2) / math.sqrt(dim // heads))
    mixed = (weights @ values).transpose(0, 2, 1, 3).reshape(batch, count, dim)
    return weights, mixed @ projection + bias


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_by_hand(heads):
    layer = filled(cct.MultiHeadSelfAttention(heads), (None, 5, 8))
    tokens = random(3, 5, 8)
    weights, outputs = attention_by_hand(tokens, *weights_of(layer), heads)
    np.testing.assert_allclose(as_array(layer.attention_weights(tokens)), weights, atol=1e-5)
    np.testing.assert_allclose(as_array(layer(tokens)), outputs, atol=1e-4)


def test_attention_has_no_bias_on_queries_keys_and_values():
    layer = cct.MultiHeadSelfAttention(2)
    layer.build((None, 64, 128))
    assert layer.count_params() == 128 * 3 * 128 + 128 * 128 + 128 == 65_664


def test_attention_refuses_heads_that_do_not_divide_dim():
    with pytest.raises(ValueError, match="multiple of num_heads, got dim 10 and num_heads 4"):
        cct.MultiHeadSelfAttention(4)(random(1, 3, 10))
    for heads in (0, -1, 1.5):
        with pytest.raises(ValueError, match="num_heads must be a whole number"):
            cct.MultiHeadSelfAttention(heads)


@pytest.mark.parametrize("name", ["dropout", "output_dropout"])
def test_attention_drops_in_training_only(name):
    layer = filled(cct.MultiHeadSelfAttention(2, **{name: 0.5}), (None, 6, 8))
    tokens = random(2, 6, 8)
    still = as_array(layer(tokens, training=False))
    np.testing.assert_array_equal(still, as_array(layer(tokens)))
    first, second = as_array(layer(tokens, training=True)), as_array(layer(tokens, training=True))
    assert not np.allclose(first, still) and not np.allclose(first, second)
    assert (first == 0).any() == (name == "output_dropout")


# --- stochastic depth ---


def test_stochastic_depth_changes_nothing_at_inference():
    branch = random(8, 3, 4)
    np.testing.assert_array_equal(cct.StochasticDepth(0.9)(branch), branch)
    np.testing.assert_array_equal(cct.StochasticDepth(0.9)(branch, training=False), branch)
    np.testing.assert_array_equal(cct.StochasticDepth(0)(branch, training=True), branch)


def test_stochastic_depth_drops_whole_images_and_scales_the_others():
    branch = random(200, 3, 4)
    out = as_array(cct.StochasticDepth(0.25, seed=1)(branch, training=True))
    kept = np.array([image.any() for image in out])
    assert 0 < kept.sum() < 200
    np.testing.assert_allclose(out[kept], branch[kept] / 0.75, rtol=1e-5)


def test_stochastic_depth_keeps_the_mean():
    rate, draws = 0.3, 40_000
    out = as_array(cct.StochasticDepth(rate, seed=0)(np.ones((draws, 1), "float32"), training=True))
    standard_error = math.sqrt(rate / (1 - rate) / draws)
    assert abs(out.mean() - 1) < 5 * standard_error


def test_stochastic_depth_layers_draw_independently():
    keras.utils.set_random_seed(0)
    ones, rate = np.ones((4000, 1), "float32"), 0.5
    masks = [as_array(cct.StochasticDepth(rate)(ones, training=True))[:, 0] > 0 for _ in range(3)]
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert abs((masks[i] == masks[j]).mean() - 0.5) < 0.05


def test_stochastic_depth_draws_anew_at_each_call_and_repeats_with_a_seed():
    ones = np.ones((64, 1), "float32")
    one, other = cct.StochasticDepth(0.5, seed=3), cct.StochasticDepth(0.5, seed=3)
    first, second = as_array(one(ones, training=True)), as_array(one(ones, training=True))
    assert (first != second).any()
    np.testing.assert_array_equal(first, other(ones, training=True))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_rates_outside_0_to_1_are_refused(rate):
    with pytest.raises(ValueError, match="rate must be at least 0 and below 1"):
        cct.StochasticDepth(rate)
    for name in ("dropout", "attention_dropout", "stochastic_depth"):
        with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1"):
            cct.TransformerBlock(2, **{name: rate})


# --- transformer block ---


def test_block_is_the_authors_block():
    block = filled(cct.TransformerBlock(2, mlp_ratio=3), (None, 5, 8))
    x = random(2, 5, 8)
    attention = [np.asarray(w) for w in block.attention.get_weights()]
    linear1, linear2 = weights_of(block.linear1), weights_of(block.linear2)
    _, branch = attention_by_hand(layer_norm(x, *weights_of(block.pre_norm)), *attention, 2)
    h = layer_norm(x + branch, *weights_of(block.norm1))
    y = h + gelu(h @ linear1[0] + linear1[1]) @ linear2[0] + linear2[1]
    np.testing.assert_allclose(as_array(block(x)), y, atol=1e-4)


def test_block_has_the_authors_parameters():
    block = cct.TransformerBlock(2)
    block.build((None, 64, 128))
    assert block.count_params() == 99_200


@pytest.mark.parametrize(("ratio", "hidden"), [(1, 8), (0.5, 4), (2, 16)])
def test_mlp_ratio_sets_the_hidden_width(ratio, hidden):
    block = cct.TransformerBlock(2, ratio)
    block.build((None, 3, 8))
    assert block.linear1.units == hidden and block.linear2.units == 8


def test_mlp_ratio_must_leave_a_hidden_layer():
    for ratio in (0, -1, 0.01):
        with pytest.raises(ValueError, match=f"mlp_ratio must give .* at least 1 hidden unit, got {ratio} times dim 8"):
            cct.TransformerBlock(2, ratio)(random(1, 3, 8))


def test_the_two_branches_of_a_block_are_dropped_independently():
    keras.utils.set_random_seed(1)
    block = cct.TransformerBlock(2, stochastic_depth=0.5)
    ones = np.ones((4000, 1, 1), "float32")
    attention, mlp = (as_array(drop(ones, training=True)) for drop in (block.drop_attention, block.drop_mlp))
    assert abs((attention == mlp).mean() - 0.5) < 0.05


def test_a_block_that_drops_its_branches_leaves_its_middle_norm():
    block = filled(cct.TransformerBlock(2, stochastic_depth=0.999, attention_dropout=0), (None, 5, 8))
    x = random(2, 5, 8)
    np.testing.assert_allclose(as_array(block(x, training=True)), layer_norm(x, *weights_of(block.norm1)), atol=1e-4)


@pytest.mark.parametrize("name", ["dropout", "attention_dropout", "stochastic_depth"])
def test_each_rate_of_a_block_acts_in_training_only(name):
    rates = {"attention_dropout": 0, name: 0.5}
    block = filled(cct.TransformerBlock(2, **rates), (None, 5, 8))
    x = random(4, 5, 8)
    still = as_array(block(x))
    np.testing.assert_array_equal(still, as_array(block(x, training=False)))
    assert any(not np.allclose(still, as_array(block(x, training=True))) for _ in range(4))


@pytest.mark.parametrize("place", ["attention", "hidden", "output"])
def test_dropout_acts_at_three_places_of_a_block(place):
    block = filled(cct.TransformerBlock(2, dropout=0.5, attention_dropout=0), (None, 5, 8))
    drops = dict(attention=block.attention.drop_outputs, hidden=block.drop_hidden, output=block.drop_output)
    for name, drop in drops.items():
        assert drop.rate == 0.5
        drop.rate = 0.5 if name == place else 0
    x = random(4, 5, 8)
    assert not np.allclose(as_array(block(x)), as_array(block(x, training=True)))


# --- sequence pooling ---


def test_pooling_by_hand():
    layer = filled(cct.SequencePooling(), (None, 6, 4))
    tokens = random(3, 6, 4)
    kernel, bias = weights_of(layer)
    weights = softmax((tokens @ kernel)[..., 0] + bias)
    np.testing.assert_allclose(as_array(layer.weights_over_tokens(tokens)), weights, atol=1e-6)
    np.testing.assert_allclose(as_array(layer(tokens)), np.einsum("bt,btd->bd", weights, tokens), atol=1e-5)


def test_pooling_is_over_tokens_and_blind_to_its_bias_and_to_order():
    layer = filled(cct.SequencePooling(), (None, 6, 4))
    tokens = random(3, 6, 4)
    np.testing.assert_allclose(as_array(layer.weights_over_tokens(tokens)).sum(axis=1), 1, atol=1e-6)
    before = as_array(layer(tokens))
    np.testing.assert_allclose(as_array(layer(tokens[:, ::-1])), before, atol=1e-5)
    layer.score.bias.assign([7.0])
    np.testing.assert_allclose(as_array(layer(tokens)), before, atol=1e-5)


# --- tokenizers ---


def test_patch_tokenizer_is_a_matrix_product_with_each_patch():
    layer = filled(cct.PatchTokenizer(2, 5), (None, 4, 6, 3))
    images = random(2, 4, 6, 3)
    kernel, bias = weights_of(layer)
    # (batch, 4, 6, 3) -> (batch, 2, 3, 2, 2, 3) -> (batch, 6 patches, 12 numbers)
    patches = images.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 6, 12)
    np.testing.assert_allclose(as_array(layer(images)), patches @ kernel.reshape(12, 5) + bias, atol=1e-4)
    assert layer.grid(4, 6) == (2, 3)


@pytest.mark.parametrize(("height", "width"), [(5, 4), (4, 6), (0, 4)])
def test_patch_tokenizer_refuses_sides_that_are_not_multiples(height, width):
    layer = cct.PatchTokenizer(4, 8)
    with pytest.raises(ValueError, match=f"{height}x{width} pixels cannot be cut into patches of 4x4"):
        layer.grid(height, width)


def test_patch_tokenizer_refuses_when_it_is_called():
    with pytest.raises(ValueError, match="cannot be cut"):
        cct.PatchTokenizer(4, 8)(random(1, 4, 6, 3))


def convolve_and_pool(images, kernel, stride, padding):
    """Convolution, ReLU and max-pool 3x3 with stride 2, window by window."""
    size = kernel.shape[0]
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    maps = np.maximum(np.einsum("bhwcij,ijco->bhwo", windows, kernel), 0)
    edge = np.pad(maps, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(edge, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(-1, -2))


@pytest.mark.parametrize(
    ("size", "stride", "padding", "convs"),
    [(3, 1, 1, 2), (3, 1, 1, 1), (7, 2, 3, 1), (7, 2, 3, 2), (5, 1, 2, 3), (3, 1, 0, 1), (2, 2, 0, 1), (4, 3, 2, 1)],
)
@pytest.mark.parametrize(("height", "width"), [(12, 16), (13, 9)])
def test_conv_tokenizer_by_hand(size, stride, padding, convs, height, width):
    layer = cct.ConvTokenizer(5, size, stride, padding, convs, hidden_channels=4)
    images = random(2, height, width, 2)
    tokens = as_array(layer(images))
    expected = images
    for kernel in weights_of(layer):
        expected = convolve_and_pool(expected, kernel, stride, padding)
    assert layer.grid(height, width) == expected.shape[1:3]
    np.testing.assert_allclose(tokens, expected.reshape(2, -1, 5), atol=1e-4)


def test_conv_tokenizer_channels_and_start():
    layer = cct.ConvTokenizer(128, num_conv_layers=3, hidden_channels=64)
    layer.build((None, 16, 16, 3))
    shapes = [tuple(weight.shape) for weight in layer.weights]
    assert shapes == [(3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 128)]  # no biases
    expected = math.sqrt(2 / (9 * 64))
    assert abs(weights_of(layer)[2].std() / expected - 1) < 0.02


@pytest.mark.parametrize(
    ("settings", "side", "words"),
    [
        (dict(kernel_size=7, padding=0), 6, "6x6 pixels is too small .* convolution 1 gets 6x6 and needs at least 7"),
        (dict(kernel_size=5, padding=1), 4, "4x4 pixels is too small .* convolution 2 gets 1x1 and needs at least 3"),
    ],
)
def test_conv_tokenizer_refuses_images_that_are_too_small(settings, side, words):
    layer = cct.ConvTokenizer(8, **settings)
    with pytest.raises(ValueError, match=words):
        layer.grid(side, side)
    with pytest.raises(ValueError, match=words):
        layer(random(1, side, side, 3))


@pytest.mark.parametrize("name", ["dim", "kernel_size", "stride", "num_conv_layers", "hidden_channels"])
def test_conv_tokenizer_refuses_sizes_below_1(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        cct.ConvTokenizer(**{"dim": 8, name: 0})


@pytest.mark.parametrize("padding", [-1, 0.5, "same"])
def test_conv_tokenizer_refuses_padding_that_is_no_count(padding):
    with pytest.raises(ValueError, match="padding must be a whole number of at least 0"):
        cct.ConvTokenizer(8, padding=padding)


def test_pad_zeros_puts_zeros_on_all_four_sides():
    padded = as_array(pad_zeros(np.ones((1, 2, 3, 1), "float32"), 2))
    assert padded.shape == (1, 6, 7, 1) and padded.sum() == 6 and padded[0, 2:4, 2:5].all()


# --- class token and positions ---


def test_class_token_stands_first_in_every_image():
    layer, tokens = cct.ClassToken(), random(3, 4, 5)
    with_class = as_array(layer(tokens))
    assert with_class.shape == (3, 5, 5) and not with_class[:, 0].any()
    layer.token.assign(np.arange(5.0).reshape(1, 1, 5))
    with_class = as_array(layer(tokens))
    np.testing.assert_array_equal(with_class[:, 0], [np.arange(5.0)] * 3)
    np.testing.assert_array_equal(with_class[:, 1:], tokens)


def test_learned_positions_are_trained_and_start_as_the_authors_do():
    layer, tokens = cct.PositionEmbedding("learned", (10, 20)), random(2, 200, 32)
    out = as_array(layer(tokens))
    (table,) = weights_of(layer)
    assert table.shape == (1, 200, 32) and len(layer.trainable_weights) == 1
    assert abs(table.std() - 0.2) < 0.01
    np.testing.assert_allclose(out, tokens + table, atol=1e-6)


def test_sine_positions_are_fixed():
    layer, tokens = cct.PositionEmbedding("sine", (2, 3)), random(2, 6, 4)
    np.testing.assert_allclose(layer(tokens), tokens + cct.sine_positions(6, 4), atol=1e-6)
    assert layer.weights == []


@pytest.mark.parametrize("dim", [4, 5])
def test_sine_positions_by_hand(dim):
    table = cct.sine_positions(7, dim)
    for row in range(7):
        for column in range(dim):
            angle = row / 10000 ** (2 * (column // 2) / dim)
            expected = math.sin(angle) if column % 2 == 0 else math.cos(angle)
            assert abs(table[row, column] - expected) < 1e-6


def test_no_positions_change_nothing():
    tokens = random(2, 6, 4)
    np.testing.assert_array_equal(cct.PositionEmbedding("none", (2, 3))(tokens), tokens)


def test_position_errors():
    with pytest.raises(ValueError, match='must be "learned", "sine" or "none", got \'cosine\''):
        cct.PositionEmbedding("cosine")
    with pytest.raises(ValueError, match="A grid of 2x3 does not hold 8 tokens"):
        cct.PositionEmbedding("learned", (2, 3))(random(1, 8, 4))
    assert cct.PositionEmbedding("learned", (2, 3))(random(1, 7, 4)).shape == (1, 7, 4)  # with a class token


# Made once with PyTorch 2.13: torch.nn.functional.interpolate(table, size=(5, 4), mode="bilinear",
# align_corners=False), where table is torch.arange(9).reshape(1, 1, 3, 3) squared.
PYTORCH_3x3_TO_5x4 = [
    [0.0, 0.625, 2.125, 4.0],
    [3.6, 5.725, 9.025, 12.4],
    [9.0, 13.375, 19.375, 25.0],
    [25.2, 31.825, 40.525, 48.4],
    [36.0, 44.125, 54.625, 64.0],
]


def test_resized_positions_equal_pytorch():
    table = np.arange(9, dtype="float32").reshape(1, 9, 1) ** 2
    resized = cct.resize_positions(table, (3, 3), (5, 4))
    assert resized.shape == (1, 20, 1)
    np.testing.assert_allclose(resized.reshape(5, 4), PYTORCH_3x3_TO_5x4, atol=1e-4)


# The same the other way: from (5, 4) to (2, 3), where smoothing before sampling (antialias) would give other numbers.
PYTORCH_5x4_TO_2x3 = [[13.1667, 23.5, 37.1667], [176.5, 213.5, 253.8333]]


def test_shrunk_positions_equal_pytorch():
    table = np.arange(20, dtype="float32").reshape(1, 20, 1) ** 2
    resized = cct.resize_positions(table, (5, 4), (2, 3))
    np.testing.assert_allclose(resized.reshape(2, 3), PYTORCH_5x4_TO_2x3, atol=1e-3)


def test_resizing_keeps_a_class_row_and_an_equal_grid():
    table = random(1, 7, 4)
    np.testing.assert_allclose(cct.resize_positions(table, (2, 3), (2, 3)), table, atol=1e-6)
    resized = cct.resize_positions(table, (2, 3), (4, 3))
    assert resized.shape == (1, 13, 4)
    np.testing.assert_array_equal(resized[:, 0], table[:, 0])
    np.testing.assert_allclose(resized[:, 1:], cct.resize_positions(table[:, 1:], (2, 3), (4, 3)), atol=1e-6)


# --- shapes ---


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (cct.PatchTokenizer(4, 16), (2, 8, 12, 3)),
        (cct.ConvTokenizer(16, kernel_size=5, stride=2, padding=2, num_conv_layers=2), (2, 31, 20, 1)),
        (cct.ClassToken(), (2, 5, 4)),
        (cct.SequencePooling(), (2, 5, 4)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_shape_is_known_before_anything_is_computed(layer, shape):
    assert layer.compute_output_shape(shape) == tuple(layer(random(*shape)).shape)


# --- saving ---

EVERY_LAYER = [
    (cct.Linear, dict(units=4, use_bias=False)),
    (cct.MultiHeadSelfAttention, dict(num_heads=2, dropout=0.1, output_dropout=0.2)),
    (cct.StochasticDepth, dict(rate=0.25, seed=3)),
    (
        cct.TransformerBlock,
        dict(num_heads=4, mlp_ratio=2, dropout=0.1, attention_dropout=0.2, stochastic_depth=0.3),
    ),
    (cct.SequencePooling, dict(name="other")),
    (cct.PatchTokenizer, dict(patch_size=4, dim=16)),
    (
        cct.ConvTokenizer,
        dict(dim=16, kernel_size=5, stride=2, padding=2, num_conv_layers=3, hidden_channels=8),
    ),
    (cct.ClassToken, dict(name="other")),
    (cct.PositionEmbedding, dict(kind="sine", grid=(2, 3))),
]


@pytest.mark.parametrize(("kind", "arguments"), EVERY_LAYER, ids=lambda value: getattr(value, "__name__", ""))
def test_every_layer_comes_back_from_its_config(kind, arguments):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind(**arguments)))
    assert type(again) is kind
    assert {name: getattr(again, name) for name in arguments} == arguments

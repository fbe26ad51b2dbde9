"""Any legal size of a model builds, counts, runs and is saved; any illegal one is named. Hypothesis draws the sizes.

The same sizes in every run of the suite; `CCT_EXAMPLES=1000 python -m pytest tests/test_shapes.py` draws others.
"""

import os
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cct_helpers as cct
from cct_helpers.topics.costs import model_costs

pytestmark = pytest.mark.any_backend

BUILDERS = {"cct_2_3x2_32": cct.build_cct, "cvt_2_4_32": cct.build_cvt, "vit_2_4_32": cct.build_vit_lite}
EXAMPLES = int(os.environ.get("CCT_EXAMPLES", 0))


def drawn(examples):
    return settings(max_examples=EXAMPLES or examples, derandomize=not EXAMPLES, deadline=None, database=None)


def places(side, window, step):
    """How many windows fit into a side, by counting them."""
    return len(range(0, side - window + 1, step))


def token_grid(variant, size):
    """Rows and columns of tokens; a side of 0 where the image is too small."""
    sides = size["input_shape"][:2]
    if variant.startswith("cct"):
        for _ in range(size["num_conv_layers"]):
            sides = [places(side + 2 * size["padding"], size["kernel_size"], size["stride"]) for side in sides]
            sides = [places(side + 2, 3, 2) if side else 0 for side in sides]
        return sides
    return [places(side, size["patch_size"], size["patch_size"]) for side in sides]


def parameters(variant, size):
    """Trainable numbers of a model, counted from the paper's formulas and the authors' choice of biases."""
    dim, classes, channels = size["dim"], size["num_classes"], size["input_shape"][2]
    tokens = np.prod(token_grid(variant, size)) + variant.startswith("vit")
    hidden = int(dim * size["mlp_ratio"])
    if variant.startswith("cct"):
        widths = [channels, *[size["hidden_channels"]] * (size["num_conv_layers"] - 1), dim]
        count = sum(
            size["kernel_size"] ** 2 * before * after for before, after in zip(widths, widths[1:], strict=False)
        )
    else:
        count = (size["patch_size"] ** 2 * channels + 1) * dim
    count += tokens * dim if size["position"] == "learned" else 0
    attention = 3 * dim * dim + (dim + 1) * dim
    mlp = (dim + 1) * hidden + (hidden + 1) * dim
    count += size["num_layers"] * (attention + mlp + 2 * 2 * dim)
    count += 2 * dim  # the last norm
    count += dim if variant.startswith("vit") else dim + 1  # class token, or sequence pooling
    return count + (dim + 1) * classes


@st.composite
def legal_sizes(draw):
    """A variant and settings that fit together."""
    variant, whole = draw(st.sampled_from(sorted(BUILDERS))), lambda low, high: draw(st.integers(low, high))
    size = {"num_layers": whole(1, 2), "num_heads": whole(1, 4), "num_classes": whole(1, 5)}
    size["dim"] = size["num_heads"] * whole(1, 5)
    size["mlp_ratio"] = draw(st.sampled_from([0.5, 1, 1.7, 3]))
    size["position"] = draw(st.sampled_from(["learned", "sine", "none"]))
    if variant.startswith("cct"):
        size |= {"kernel_size": whole(1, 7), "stride": whole(1, 3), "padding": whole(0, 4)}
        size |= {"num_conv_layers": whole(1, 3), "hidden_channels": whole(1, 5)}
        sides = whole(1, 24), whole(1, 24)
    else:
        size["patch_size"] = whole(1, 6)
        sides = size["patch_size"] * whole(1, 4), size["patch_size"] * whole(1, 4)
    size["input_shape"] = (*sides, whole(1, 4))
    assume(min(token_grid(variant, size)) > 0 and int(size["dim"] * size["mlp_ratio"]) > 0)
    return variant, size


def assert_builds_counts_runs_and_comes_back(drawn_sizes):
    variant, size = drawn_sizes
    keras.utils.set_random_seed(0)
    model = BUILDERS[variant](variant, **size)
    assert model.get_layer("tokenizer").grid(*size["input_shape"][:2]) == tuple(token_grid(variant, size))
    assert model.count_params() == parameters(variant, size)
    assert sum(model_costs(variant, **size)["parameters"].values()) == parameters(variant, size)
    images = np.random.default_rng(0).normal(size=(2, *size["input_shape"])).astype("float32")
    logits = keras.ops.convert_to_numpy(model(images))
    assert logits.shape == (2, size["num_classes"]) and np.isfinite(logits).all()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        restored = keras.models.load_model(path)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(restored(images)), logits)


@drawn(8)
@given(legal_sizes())
def test_any_legal_model_builds_counts_runs_and_comes_back(drawn_sizes):
    assert_builds_counts_runs_and_comes_back(drawn_sizes)


@pytest.mark.whole
@drawn(40)
@given(legal_sizes())
def test_many_legal_models_build_count_run_and_come_back(drawn_sizes):
    assert_builds_counts_runs_and_comes_back(drawn_sizes)


NOT_A_SIZE = st.integers(max_value=0) | st.floats() | st.text(max_size=3) | st.just([3])
NOT_A_RATE = st.floats(min_value=1) | st.floats(max_value=-1e-9) | st.sampled_from([float("nan"), "0.1", None, [0.1]])
NOT_A_RATIO = st.floats(max_value=0.1) | st.sampled_from([float("nan"), float("inf"), "2", None, [2]])
NOT_A_SHAPE = st.sampled_from([(8, 8), (8, 8, 3, 1), (0, 8, 3), (8, -8, 3), (8, 8, 2.5), 8, "8x8", ("8", "8", "3")])
ILLEGAL = {
    **dict.fromkeys(["num_layers", "num_heads", "num_classes", "dim", "kernel_size", "stride"], NOT_A_SIZE),
    **dict.fromkeys(["num_conv_layers", "hidden_channels", "patch_size"], NOT_A_SIZE),
    "padding": st.integers(max_value=-1) | st.floats() | st.text(max_size=3),
    **dict.fromkeys(["stochastic_depth", "attention_dropout", "dropout"], NOT_A_RATE),
    "mlp_ratio": NOT_A_RATIO,
    "input_shape": NOT_A_SHAPE,
    "position": st.sampled_from(["learnt", "Sine", 2, ("none",)]),
    "normalization": st.sampled_from([(0, 0), (0, -1), (1, 2, 3), ([1, 2], [3, 4]), 5]),
}


@pytest.mark.parametrize("argument", ILLEGAL)
@drawn(8)
@given(st.data())
def test_any_illegal_argument_is_a_value_error_that_names_it(argument, data):
    variant = "cvt_2_4_32" if argument == "patch_size" else "cct_2_3x2_32"
    settings_ = {"input_shape": (8, 8, 3), "dim": 8, "num_heads": 2, argument: data.draw(ILLEGAL[argument])}
    with pytest.raises(ValueError, match=f"(?i){argument}"):
        BUILDERS[variant](variant, **settings_)


@drawn(40)
@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 7), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)
)
def test_an_image_too_small_for_the_tokenizer_says_what_to_change(height, width, kernel, stride, padding, convs):
    size = dict(kernel_size=kernel, stride=stride, padding=padding, num_conv_layers=convs)
    tokenizer = cct.ConvTokenizer(4, **size)
    expected = token_grid("cct", {**size, "input_shape": (height, width, 1)})
    if min(expected) > 0:
        assert tokenizer.grid(height, width) == tuple(expected)
        return
    with pytest.raises(ValueError, match=f"{height}x{width} pixels is too small.*kernel_size"):
        tokenizer.grid(height, width)


@drawn(20)
@given(st.integers(1, 40), st.integers(2, 12))
def test_heads_that_do_not_divide_dim_are_named(dim, heads):
    assume(dim % heads)
    with pytest.raises(ValueError, match=f"dim must be a multiple of num_heads, got dim {dim} and num_heads {heads}"):
        cct.build_cct(dim=dim, num_heads=heads)

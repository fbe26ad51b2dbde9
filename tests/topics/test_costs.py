"""Costs by arithmetic equal what Keras counts in the built model, and what the authors publish."""

import keras
import numpy as np
import pytest
from test_models import COUNTS

import cct_helpers as cct
from cct_helpers.topics.costs import COUNTED, model_costs

pytestmark = pytest.mark.any_backend

BUILDERS = {"cct": cct.build_cct, "cvt": cct.build_cvt, "vit": cct.build_vit_lite}
LEARNED = [name for name in cct.VARIANTS if not name.endswith("_sine")]
PRODUCTS = "attention products"

CHANGED = [
    ("cct_2_3x2_32", dict(input_shape=(40, 24, 1), num_classes=7, kernel_size=5, stride=2, padding=1, dim=48)),
    ("cct_2_3x2_32", dict(num_conv_layers=3, hidden_channels=20, mlp_ratio=2.5, dim=36, num_heads=3)),
    ("cct_2_3x2_32_sine", dict(num_layers=3, input_shape=(21, 34, 2))),
    ("cct_7_7x2_224", dict(num_layers=1, position="none")),
    ("cvt_2_4_32", dict(input_shape=(16, 24, 5), patch_size=8)),
    ("vit_2_4_32", dict(input_shape=(16, 24, 1), position="none")),
]


def build(variant, **settings):
    return BUILDERS[variant[:3]](variant, **settings)


@pytest.mark.parametrize("variant", LEARNED)
def test_parameters_of_every_variant_equal_the_built_model(variant):
    small = {"num_layers": 2}  # the layers are alike: two tell as much as fourteen, and are built sooner
    costs = model_costs(variant, num_classes=100, **small)
    assert tuple(costs["parameters"]) == tuple(costs["macs"]) == COUNTED
    assert sum(costs["parameters"].values()) == build(variant, num_classes=100, **small).count_params()


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters_equal_the_authors_to_the_digit(variant):
    classes, learned, without = COUNTS[variant]
    assert sum(model_costs(variant, num_classes=classes)["parameters"].values()) == learned
    assert sum(model_costs(variant, num_classes=classes, position="none")["parameters"].values()) == without


@pytest.mark.parametrize(("variant", "settings"), CHANGED)
def test_every_part_equals_the_layers_of_the_built_model(variant, settings):
    costs = model_costs(variant, **settings)
    model = build(variant, **settings)
    count = {layer.name: layer.count_params() for layer in model.layers}
    blocks = [layer for layer in model.layers if layer.name.startswith("block_")]
    assert costs["parameters"] == {
        "tokenizer": count["tokenizer"],
        "position": count["position"],
        "attention projections": sum(block.attention.count_params() for block in blocks),
        "attention products": 0,
        "MLP": sum(block.linear1.count_params() + block.linear2.count_params() for block in blocks),
        "norms": count["norm"] + sum(block.pre_norm.count_params() + block.norm1.count_params() for block in blocks),
        "pooling": count.get("pooling", 0) + count.get("class_token", 0),
        "head": count["head"],
    }
    rows, columns = costs["grid"]
    assert costs["tokens"] == model.get_layer("block_0").output.shape[1] == rows * columns + (variant[:3] == "vit")


@pytest.mark.parametrize(("variant", "settings"), CHANGED)
def test_macs_are_those_of_every_matrix_product(variant, settings, monkeypatch):
    """Count the products while the model runs on symbolic images, instead of by formula."""
    counted = {"linear": 0, "matmul": 0, "conv": 0}
    model = build(variant, **settings)
    dense, conv, matmul = keras.layers.Dense.call, keras.layers.Conv2D.call, keras.ops.matmul

    def counting_dense(layer, inputs):
        counted["linear"] += int(np.prod(inputs.shape)) * layer.units
        return dense(layer, inputs)

    def counting_conv(layer, inputs):
        outputs = conv(layer, inputs)
        counted["conv"] += int(np.prod(outputs.shape[1:])) * int(np.prod(layer.kernel.shape[:3]))
        return outputs

    def counting_matmul(left, right):
        counted["matmul"] += int(np.prod(left.shape)) * right.shape[-1]
        return matmul(left, right)

    monkeypatch.setattr(keras.layers.Dense, "call", counting_dense)
    monkeypatch.setattr(keras.layers.Conv2D, "call", counting_conv)
    monkeypatch.setattr("cct_helpers.layers.ops.matmul", counting_matmul)
    model(np.zeros((1, *model.input_shape[1:]), "float32"))
    macs = model_costs(variant, **settings)["macs"]
    assert macs["tokenizer"] == counted["conv"]
    assert sum(macs.values()) == sum(counted.values())


@pytest.mark.parametrize(
    ("variant", "classes", "published", "with_products"),
    [
        ("cct_2_3x2_32", 10, "0.0332", "0.0353"),
        ("cct_7_3x1_32", 10, "0.947", "1.182"),
        ("cct_14_7x2_224", 1000, "5.11", "5.52"),
    ],
)
def test_published_macs_leave_out_the_attention_products(variant, classes, published, with_products):
    macs = model_costs(variant, num_classes=classes)["macs"]
    total = sum(macs.values()) / 1e9
    digits = len(published.split(".")[1])
    assert f"{total - macs[PRODUCTS] / 1e9:.{digits}f}" == published
    assert f"{total:.{digits}f}" == with_products


def test_more_tokens_cost_attention_products_their_square():
    small, large = (model_costs("cct_2_3x2_32", (side, side, 3))["macs"] for side in (32, 64))
    assert large["MLP"] == 4 * small["MLP"]
    assert large[PRODUCTS] == 16 * small[PRODUCTS]


def test_no_model_is_built(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a model was built")

    monkeypatch.setattr(keras.Model, "__new__", refuse)
    monkeypatch.setattr(keras.layers.Layer, "add_weight", refuse)
    assert model_costs("cct_14_7x2_384")["tokens"] == 576
    assert model_costs("vit_7_4_32")["tokens"] == 65


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(variant="resnet"), "Unknown variant 'resnet'"),
        (dict(variant="cct_2_3x2_23"), r"Did you mean 'cct_2_3x2_32'\?"),
        (dict(depth=2), "has no setting depth"),
        (dict(dim=30, num_heads=4), "multiple of num_heads, got dim 30 and num_heads 4"),
        (dict(mlp_ratio=0), "at least 1 hidden unit"),
        (dict(padding=-1), "padding must be a whole number"),
        (dict(position="rotary"), "rotary"),
        (dict(input_shape=(2, 2, 3), kernel_size=7), "too small for this tokenizer"),
        (dict(variant="cvt_2_4_32", input_shape=(30, 32, 3)), "cannot be cut into patches"),
        (dict(input_shape=(32, 32)), "input_shape must be"),
    ],
)
def test_impossible_models_are_refused_as_the_builders_do(settings, words):
    with pytest.raises(ValueError, match=words):
        model_costs(**settings)

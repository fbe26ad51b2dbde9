"""The live model as a reader uses it: real Chromium, a file on disk, no network and no kernel.

What it needs: tests/support/browser.py.
"""

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.attention import tokens_entering
from cct_helpers.explorer import live_model, rounded
from cct_helpers.models import at_size
from tests.support.browser import launched, note_errors

# Everything of one pass, as plain lists; the pixels are set as they are, without the page's own rounding.
PASS = """async ([number, pixels, parts]) => {
    const model = models[number], all = (count) => [...Array(count).keys()];
    model.pixels.set(pixels);
    if (parts) setParts(model, parts);
    for (const _ of model.pass());
    const { layers, heads, classes } = model.spec;
    return {
        logits: [...model.logits()],
        tokens: all(model.stages).map((stage) => all(model.tokens).map((t) => [...model.numbers(stage, t)])),
        attention: all(layers).map((l) => all(heads).map((h) => all(model.tokens).map((t) => [...model.reads(l, h, t)]))),
        isRead: all(model.tokens).map((t) => [...model.isRead(layers - 1, heads - 1, t)]),
        pooling: model.pooling() && [...model.pooling()],
        votes: model.pooling() && all(classes).map((c) => [...model.votes(c)]),
        engine: kernel.engine,
    };
}"""


@pytest.fixture(scope="module")
def browser():
    with launched("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


@pytest.fixture
def visit(browser, tmp_path):
    """visit(html, width=..., ...) -> the frame of that page, from a file; errors on the console fail the test."""
    contexts, errors = [], []

    def open_page(html, width=1000, theme="light", head="", permissions=()):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(f"<!doctype html><meta charset='utf-8'>{head}{html}", encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", offline=True
        )
        context.grant_permissions(list(permissions))
        contexts.append(context)
        page = context.new_page()
        note_errors(page, errors)
        page.goto(path.as_uri())
        frame = page.locator("iframe").first.element_handle().content_frame()
        frame.locator("#live").wait_for(state="visible")
        frame.wait_for_function("() => seen && !working && !asked")
        return frame

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def as_sent(model):
    """Give the model the weights that the page gets, rounded to 8 bits."""
    for variable in model.trainable_weights:
        if len(variable.shape) > 1:
            codes, factors = rounded(keras.ops.convert_to_numpy(variable))
            variable.assign((codes * factors).reshape(variable.shape))
    return model


def shake(model, seed):
    """Weights away from their start, where logits are small, norms plain and pooling nearly even."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_weights:
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(value + 0.15 * rng.standard_normal(value.shape).astype("float32") * (1 + np.abs(value)))
    return model


def computed(model, images):
    """What Keras makes of one image, named as PASS names it."""
    blocks = [layer.name for layer in model.layers if layer.name.startswith("block_")]
    outputs = [
        model.get_layer("class_token" if "class_token" in [x.name for x in model.layers] else "tokenizer").output
    ]
    outputs += [model.get_layer(name).output for name in ["position", *blocks, "norm"]]
    tokens = [keras.ops.convert_to_numpy(part)[0] for part in keras.Model(model.input, outputs)(images)]
    result = {
        "logits": keras.ops.convert_to_numpy(model(images))[0],
        "tokens": np.stack(tokens),
        "attention": cct.attention_maps(model, images)[:, 0],
    }
    result["isRead"] = result["attention"][-1, -1].T
    if "pooling" in [layer.name for layer in model.layers]:
        result["pooling"] = cct.pooling_weights(model, images)[0]
        result["votes"] = cct.token_votes(model, images)[0].T
    return result


def assert_equal(got, wanted, tolerance=1e-3):
    for name, array in wanted.items():
        assert np.shape(got[name]) == array.shape, name
        scale = max(1.0, np.abs(array).max() / 10)  # float32 has seven digits
        np.testing.assert_allclose(got[name], array, atol=tolerance * scale, rtol=0, err_msg=name)


def drawn(seed):
    """A model of drawn sizes."""
    rng = np.random.default_rng(seed)

    def one_of(*values):
        return values[rng.integers(len(values))]

    heads = int(rng.integers(1, 5))
    sizes = dict(
        num_heads=heads, dim=heads * int(rng.integers(1, 14)), num_layers=int(rng.integers(1, 4)),
        mlp_ratio=float(one_of(0.5, 1, 2, 2.7)), num_classes=int(one_of(1, 2, 7, 10, 17, 100)),
        position=one_of("learned", "sine", "none"), stochastic_depth=0.0,
    )  # fmt: skip
    if sizes["dim"] * sizes["mlp_ratio"] < 1:
        sizes["mlp_ratio"] = 1.0
    channels = int(one_of(1, 3))
    if rng.random() < 0.7:
        mean, std = rng.uniform(50, 150, channels), rng.uniform(30, 90, channels)
        sizes["normalization"] = (mean.tolist(), std.tolist())
    family = one_of("cct", "cct", "cct", "cvt", "vit")
    if family == "cct":
        kernel = int(rng.integers(1, 8))
        sizes |= dict(
            kernel_size=kernel, stride=int(rng.integers(1, 3)), padding=int(rng.integers(0, kernel // 2 + 2)),
            num_conv_layers=int(rng.integers(1, 4)), hidden_channels=int(rng.integers(1, 40)),
        )  # fmt: skip
        shape = (int(rng.integers(8, 41)), int(rng.integers(8, 41)), channels)
        while True:
            try:
                return cct.build_cct("cct_2_3x2_32", input_shape=shape, **sizes), shape
            except ValueError:  # too small for this tokenizer
                shape = (shape[0] + 5, shape[1] + 7, channels)
    patch = int(one_of(2, 3, 4, 8))
    shape = (patch * int(rng.integers(1, 9)), patch * int(rng.integers(1, 9)), channels)
    build = cct.build_cvt if family == "cvt" else cct.build_vit_lite
    return build(f"{family}_2_4_32", patch_size=patch, input_shape=shape, **sizes), shape


def given_image(model, shape, seed):
    """An image as the model takes it, and the pixels 0 to 255 that the page makes of the same."""
    pixels = np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")
    if "normalization" in [layer.name for layer in model.layers]:
        return pixels[None], pixels, None
    ends = np.zeros((2, *shape), "float32")
    ends[0], ends[1] = -1.5, 2.25  # the range that the page learns from the pictures
    return (-1.5 + 3.75 * pixels / 255)[None], pixels, ends


# What it computes


@pytest.mark.parametrize("seed", range(16))
def test_a_pass_equals_keras(visit, seed):
    model, shape = drawn(seed)
    shake(model, seed)
    image, pixels, pictures = given_image(model, shape, seed)
    frame = visit(live_model(model, pictures))
    got = frame.evaluate(PASS, [0, pixels.ravel().tolist(), None])
    assert got["engine"] == "WebAssembly"
    wanted = computed(as_sent(model), image)
    assert np.abs(wanted["logits"]).max() > 0.05
    assert_equal(got, wanted)

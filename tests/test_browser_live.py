"""The live model as a reader uses it: real Chromium, a file on disk, no network and no kernel.

What it needs: tests/support/browser.py.
"""

import html
import http.server
import io
import re
import subprocess
import sys
import threading
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

import cct_helpers as cct
from cct_helpers.explorer import live_model, rounded
from cct_helpers.layers import resize_positions
from cct_helpers.models import at_size
from tests.support.browser import LIVE_KEYS, launched, note_errors, press_controls, settle
from tests.support.selection import first

ROOT = Path(__file__).resolve().parents[1]

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
        attention: all(layers).map((layer) => all(heads).map((head) => all(model.tokens).map(
            (t) => [...model.reads(layer, head, t)]))),
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
    """visit(page_html, width=..., ...) -> the frame of that page, from a file; errors on the console fail the test."""
    contexts, errors, harmless = [], [], []

    def open_page(
        page_html, width=1000, theme="light", head="", permissions=(), expected=None, offline=True, address=None
    ):
        harmless.extend([expected] if expected else [])
        path = tmp_path / f"page{len(contexts)}.html"
        whole = f"<!doctype html><meta charset='utf-8'>{head}{page_html}"
        path.write_text(whole, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", offline=offline
        )
        context.grant_permissions(list(permissions))
        contexts.append(context)
        page = context.new_page()
        note_errors(page, errors)
        if address is not None:  # as if that address gave this page, and nothing else
            context.route("**/*", lambda route: route.fulfill(body=whole if route.request.url == address else ""))
        page.goto(address or path.as_uri())
        frame = page.locator("iframe").first.element_handle().content_frame()
        frame.locator("#live").wait_for(state="visible")
        frame.wait_for_function("() => seen && !working && !asked")
        return frame

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if not any(re.search(pattern, error) for pattern in harmless)] == []


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


@pytest.mark.parametrize("seed", first(2, range(16)))
def test_a_pass_equals_keras(visit, seed):
    model, shape = drawn(seed)
    shake(model, seed)
    image, pixels, pictures = given_image(model, shape, seed)
    frame = visit(live_model(model, pictures))
    got = frame.evaluate(PASS, [0, pixels.ravel().tolist(), None])
    assert got["engine"] == "WebAssembly"
    wanted = computed(as_sent(model), image)
    assert np.abs(wanted["tokens"]).max() > 0.5
    assert_equal(got, wanted)


@pytest.mark.parametrize(
    "name", first(1, ["cct_2_3x2_32_cifar10", "cct_2_3x2_16_digits", "cvt_2_4_32_cifar10", "vit_lite_2_4_32_cifar10"])
)
def test_a_pass_of_a_shipped_model_equals_keras(visit, name):
    model = cct.load_pretrained(name)
    image, pixels, _ = given_image(model, model.input_shape[1:], 3)
    frame = visit(live_model(model))
    assert_equal(frame.evaluate(PASS, [0, pixels.ravel().tolist(), None]), computed(as_sent(model), image))


def test_a_pass_of_a_model_for_another_size_equals_keras(visit):
    model = at_size(cct.load_pretrained("cct_2_3x2_16_digits"), 20, 28)
    image, pixels, _ = given_image(model, model.input_shape[1:], 4)
    frame = visit(live_model(model))
    grid = model.get_layer("tokenizer").grid(20, 28)
    table = keras.ops.convert_to_numpy(model.get_layer("position").table)
    codes, factors = rounded(resize_positions(table, model.get_layer("position").grid, grid))
    as_sent(model)  # all but the table, which the page gets resized and then rounded
    got = frame.evaluate(PASS, [0, pixels.ravel().tolist(), None])
    tokens = np.asarray(got["tokens"])
    np.testing.assert_allclose(tokens[1] - tokens[0], codes * factors, atol=1e-5)
    assert_equal(
        {"tokens": tokens[0]},
        {
            "tokens": keras.ops.convert_to_numpy(model.get_layer("tokenizer")(model.get_layer("normalization")(image)))[
                0
            ]
        },
    )


def test_without_webassembly_it_computes_the_same(visit):
    model, shape = drawn(3)
    shake(model, 3)
    image, pixels, pictures = given_image(model, shape, 3)
    html = live_model(model, pictures).replace("&#x27;wasm-unsafe-eval&#x27;", "")
    assert html != live_model(model, pictures)
    frame = visit(html, expected=r"WebAssembly|Content Security Policy")
    got = frame.evaluate(PASS, [0, pixels.ravel().tolist(), None])
    assert got["engine"] == "JavaScript"
    assert_equal(got, computed(as_sent(model), image))


@pytest.mark.parametrize("off", first(1, ["head", "positions", "layer"]))
def test_parts_can_be_switched_off(visit, off):
    keras.utils.set_random_seed(5)
    model = shake(cct.build_cct("cct_2_3x2_32", input_shape=(16, 16, 1), dim=32, normalization=(100, 50)), 5)
    table = model.get_layer("position").table
    table.assign(np.random.default_rng(5).normal(size=table.shape))  # large enough to be missed
    image, pixels, _ = given_image(model, (16, 16, 1), 5)
    frame = visit(live_model(model))
    parts = {"positions": True, "layers": [True, True], "heads": [[True, True], [True, True]]}
    whole = frame.evaluate(PASS, [0, pixels.ravel().tolist(), parts])["logits"]
    as_sent(model)
    attention = model.get_layer("block_1").attention
    if off == "positions":
        parts["positions"] = False
        table.assign(np.zeros(table.shape))
        wanted = computed(model, image)["logits"]
    elif off == "head":
        parts["heads"][1][0] = False
        kernel = keras.ops.convert_to_numpy(attention.projection.kernel)
        attention.projection.kernel.assign(np.concatenate([np.zeros_like(kernel[:16]), kernel[16:]]))
        wanted = computed(model, image)["logits"]
    else:
        parts["layers"][0] = False
        tokens = model.get_layer("position")(model.get_layer("tokenizer")(model.get_layer("normalization")(image)))
        for name in ("block_1", "norm", "pooling", "head"):
            tokens = model.get_layer(name)(tokens)
        wanted = keras.ops.convert_to_numpy(tokens)[0]
    got = frame.evaluate(PASS, [0, pixels.ravel().tolist(), parts])["logits"]
    assert np.abs(np.subtract(got, whole)).max() > 0.01
    np.testing.assert_allclose(got, wanted, atol=1e-3)


# What a reader does


class Hand:
    """A reader's hands and eyes on one live model."""

    def __init__(self, frame):
        self.frame, self.page = frame, frame.page

    def settle(self):
        settle(self.frame)

    def seen(self):
        self.settle()
        return np.array(self.frame.evaluate("[...seen]"))

    def answer(self):
        self.settle()
        return np.array(self.frame.evaluate("[...probabilitiesOf(models[0])]"))

    def shown(self):
        """The percentages on the bars."""
        self.settle()
        return self.frame.locator(".bars .value").all_inner_texts()

    def place(self, x, y):
        """A point of the picture, from 0 to 1 both ways, on the page."""
        self.frame.locator("#picture").scroll_into_view_if_needed()
        box = self.frame.locator("#picture").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def stroke(self, start, end):
        self.page.mouse.move(*self.place(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.place(*end), steps=8)
        self.page.mouse.up()
        self.settle()

    def click(self, name):
        self.frame.get_by_role("button", name=name, exact=True).click()
        self.settle()

    def notice(self):
        return self.frame.locator("#notice").inner_text()


@pytest.fixture(scope="module")
def digits_page():
    model = cct.load_pretrained("cct_2_3x2_16_digits")
    return live_model(model, cct.load_dataset("digits").x_test[:3])


def test_drawing_changes_the_answer_and_undo_takes_it_back(visit, digits_page):
    hand = Hand(visit(digits_page))
    before, answer, shown = hand.seen(), hand.answer(), hand.shown()
    hand.stroke((0.2, 0.2), (0.8, 0.8))
    assert hand.seen().max() == 255 and np.abs(hand.seen() - before).max() > 200
    assert np.abs(hand.answer() - answer).max() > 0.2 and hand.shown() != shown
    blocks = hand.seen().reshape(8, 2, 8, 2)  # the data's own grain: every pixel doubled
    np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))
    hand.click("Undo")
    np.testing.assert_array_equal(hand.seen(), before)
    np.testing.assert_allclose(hand.answer(), answer, atol=1e-6)


@pytest.mark.whole
def test_erase_bring_back_empty_and_start_again(visit, digits_page):
    hand = Hand(visit(digits_page))
    before = hand.seen()
    hand.click("Erase")
    hand.frame.locator("#width").fill("5")
    for row in (0.1, 0.3, 0.5, 0.7, 0.9):
        hand.stroke((0.05, row), (0.95, row))
    assert hand.seen().sum() < 0.3 * before.sum()
    hand.click("Bring back")
    for row in (0.1, 0.3, 0.5, 0.7, 0.9):
        hand.stroke((0.05, row), (0.95, row))
    assert np.abs(hand.seen() - before).mean() < np.abs(before).mean() / 10
    hand.click("Empty")
    assert hand.seen().max() == 0
    hand.click("Swap light and dark")
    assert hand.seen().min() == 255
    hand.click("Start again")
    assert hand.seen().max() == 0  # the empty picture was opened: that is where it starts again
    hand.frame.get_by_role("button", name="Picture 1").click()
    np.testing.assert_array_equal(hand.seen(), before)


def test_squares_are_hidden_by_hand(visit, digits_page):
    hand = Hand(visit(digits_page))
    before = hand.seen().reshape(16, 16)
    hand.click("Hide squares")
    hand.stroke((0.3, 0.3), (0.4, 0.4))  # within one of four by four squares
    after = hand.seen().reshape(16, 16)
    np.testing.assert_allclose(after[4:8, 4:8], before.mean(), atol=1e-3)
    after[4:8, 4:8] = before[4:8, 4:8]
    np.testing.assert_array_equal(after, before)
    hand.stroke((0.3, 0.3), (0.3, 0.3))  # again: shown
    np.testing.assert_array_equal(hand.seen().reshape(16, 16), before)


def test_the_keyboard_draws_hides_and_leaves(visit, digits_page):
    hand = Hand(visit(digits_page))
    before = hand.seen().reshape(16, 16)
    picture = hand.frame.locator("#picture")
    picture.focus()
    for key in ("Control+Home", "Space", "Shift+ArrowRight", "Shift+ArrowRight"):
        picture.press(key)
    after = hand.seen().reshape(16, 16)
    assert after[0, :6].min() == 255 and np.array_equal(after[6:], before[6:])
    hand.frame.wait_for_function("() => byId('spoken').textContent.includes('drawn')")
    picture.press("Control+z")
    assert hand.seen().reshape(16, 16)[0, 4] < 255
    picture.press("Tab")
    assert hand.frame.evaluate("document.activeElement.id") != "picture"


def test_the_picture_moves(visit, digits_page):
    hand = Hand(visit(digits_page))
    before = hand.seen().reshape(16, 16)
    for _ in range(3):
        hand.click("Move right")
    hand.click("Move down")
    after = hand.seen().reshape(16, 16)
    np.testing.assert_array_equal(after[1:, 3:], before[:-1, :-3])
    assert hand.frame.locator("#moved").inner_text() == "3 right, 1 down"
    for _ in range(3):
        hand.click("Move left")
    hand.click("Move up")
    np.testing.assert_array_equal(hand.seen().reshape(16, 16), before)  # nothing was lost at the edge


def test_a_map_is_what_the_model_reads(visit, digits_page):
    hand = Hand(visit(digits_page))
    canvas = hand.frame.locator("figure canvas").first
    canvas.focus()
    canvas.press("Control+Home")
    canvas.press("ArrowRight")
    hand.settle()
    row = hand.frame.evaluate("[...readsOf(models[0], 1)]")
    best = int(np.argmax(row))
    text = hand.frame.locator(".line").inner_text()
    told = "itself" if best == 1 else f"row {best // 4}, column {best % 4}"
    assert f"The square in row 0, column 1 takes most from {told}" in text
    canvas.press("Enter")  # held: the pointer moves it no more
    hand.page.mouse.move(*hand.place(0.9, 0.9))
    hand.settle()
    assert "row 0, column 1" in hand.frame.locator(".line").inner_text()
    canvas.press("Escape")
    hand.page.mouse.move(*hand.place(0.88, 0.88))
    hand.settle()
    assert "row 3, column 3" in hand.frame.locator(".line").inner_text()


def test_before_and_after(visit, digits_page):
    hand = Hand(visit(digits_page))
    then = hand.answer()
    hand.click("Empty")
    hand.click("Undo")
    hand.stroke((0.1, 0.5), (0.9, 0.5))
    marks = hand.frame.evaluate("cards[0].bars.map(({ was }) => parseFloat(was.style.left) / 100)")
    np.testing.assert_allclose(marks, then, atol=1e-5)
    hand.click("Compare with this picture from now on")
    marks = hand.frame.evaluate("cards[0].bars.map(({ was }) => parseFloat(was.style.left) / 100)")
    np.testing.assert_allclose(marks, hand.answer(), atol=1e-5)


def test_squares_go_in_the_order_of_a_map(visit, digits_page):
    hand = Hand(visit(digits_page))
    hand.frame.locator("#deletion summary").click()
    hand.frame.wait_for_function("() => curve && curve.lines.length === 6")
    order = hand.frame.evaluate("curve.order")
    votes = hand.frame.evaluate("[...models[0].votes(topOf(models[0].logits()))]")
    assert order == sorted(range(16), key=lambda square: -votes[square])
    hand.frame.locator("#count").fill("5")
    hand.settle()
    assert np.flatnonzero(hand.frame.evaluate("[...state.hidden]")).tolist() == sorted(order[:5])
    line = hand.frame.evaluate("curve.lines[0]")
    np.testing.assert_allclose(line[5], hand.answer()[hand.frame.evaluate("curve.target")], atol=1e-5)
    assert "can be chance" in hand.frame.locator("#curve-line").inner_text()


# Pictures from outside


def as_file(image, kind="PNG", name="picture.png"):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return {"name": name, "mimeType": f"image/{kind.lower()}", "buffer": buffer.getvalue()}


def test_a_picture_is_opened(visit, digits_page):
    hand = Hand(visit(digits_page))
    photo = np.zeros((300, 400, 3), "uint8")
    photo[:, 200:] = (0, 255, 0)
    hand.frame.locator("#file").set_input_files(as_file(photo))
    hand.frame.wait_for_function("() => byId('notice').textContent.includes('shrunk')")
    seen = hand.seen().reshape(16, 16)
    np.testing.assert_allclose(seen[:, :7], 0, atol=3)
    np.testing.assert_allclose(seen[:, 9:], 0.587 * 255, atol=3)
    assert "“picture.png”, 400 × 300 pixels" in hand.notice()


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("cut.png", "image/png", b"\x89PNG\r\n\x1a\n cut short"),
        ("empty.jpg", "image/jpeg", b""),
        ("<img src=x onerror=alert(1)>.png", "image/png", b"<html>"),
        ("notes.txt", "text/plain", b"hello"),
        ("drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ],
)
def test_a_damaged_picture_gets_a_sentence(visit, digits_page, name, kind, content):
    hand = Hand(visit(digits_page))
    before = hand.seen()
    hand.frame.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    hand.frame.wait_for_function("() => byId('notice').textContent.includes('no picture that this browser can read')")
    assert name in hand.notice() and hand.frame.locator("#notice *").count() == 0
    np.testing.assert_array_equal(hand.seen(), before)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(visit, digits_page, way):
    hand = Hand(visit(digits_page))
    content = as_file(np.full((50, 50, 3), 200, "uint8"))["buffer"]
    hand.frame.evaluate(
        """([way, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], 'p.png', { type: 'image/png' }));
            document.dispatchEvent(way === 'drop' ? new DragEvent('drop', { dataTransfer: transfer, cancelable: true })
                : new ClipboardEvent('paste', { clipboardData: transfer, cancelable: true }));
        }""",
        [way, list(content)],
    )
    hand.frame.wait_for_function("() => byId('notice').textContent.includes('shrunk')")
    np.testing.assert_allclose(hand.seen(), 200, atol=1.5)


def test_the_camera_films_and_stops(visit, digits_page):
    hand = Hand(visit(digits_page, permissions=["camera"]))
    before = hand.seen()
    hand.frame.get_by_role("button", name="Camera").click()
    hand.frame.wait_for_function("() => camera && wanted > 5", timeout=20_000)
    hand.frame.get_by_role("button", name="Keep this picture").click()
    hand.settle()
    assert np.abs(hand.seen() - before).max() > 10 and hand.frame.evaluate("camera") is None


# Nothing leaves the page


@pytest.fixture
def witness():
    """(address, paths that were asked for) of a server that notes every request."""
    asked = []

    class Noting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


ATTEMPTS = """(address) => {
    fetch(`${address}/fetch`).catch(() => {});
    const request = new XMLHttpRequest();
    request.open('GET', `${address}/request`);
    request.send();
    new Image().src = `${address}/image`;
    const add = (tag, properties) => document.body.append(Object.assign(document.createElement(tag), properties));
    add('script', { src: `${address}/script` });
    add('link', { rel: 'stylesheet', href: `${address}/style` });
    add('iframe', { src: `${address}/frame` });
}"""


@pytest.mark.whole
@pytest.mark.parametrize("policy", [True, False])
def test_the_policy_refuses_any_request(visit, digits_page, witness, policy):
    address, asked = witness
    html = digits_page if policy else digits_page.replace("Content-Security-Policy", "nothing")
    frame = visit(html, expected="Content Security Policy|violates|CORS|net::ERR", offline=False)
    assert asked == []
    frame.evaluate(ATTEMPTS, address)
    frame.wait_for_timeout(1500)
    # Without the policy all six arrive: so the server would have seen them.
    wanted = set() if policy else {"/fetch", "/request", "/image", "/script", "/style", "/frame"}
    assert set(asked) == wanted


# By keyboard alone

# Every control that a reader sees, by what the sheet above calls it; switches and links have tests of their own.
CONTROLS = """(known) => [...document.querySelectorAll('button, input, select, summary, a[href], [tabindex="0"]')]
    .filter((one) => one.checkVisibility() && !one.disabled)
    .map((one) => known.find((name) => one.matches(name)) ?? (one.id || one.outerHTML))"""
NAMED = "(known) => known.find((name) => document.activeElement.matches(name)) ?? document.activeElement.outerHTML"
OTHERS = ["#open", "#camera", "#parts input", 'a[href^="#word-"]']


def test_every_control_works_by_keyboard(visit, digits_page):
    hand = Hand(visit(digits_page))
    assert press_controls(hand.frame) == list(LIVE_KEYS)
    with hand.page.expect_file_chooser():
        hand.frame.locator("#open").press("Enter")
    hand.frame.locator("#camera").press("Enter")
    hand.frame.wait_for_function("() => byId('notice').textContent.includes('camera')")
    hand.frame.locator("#parts").get_by_label("head 0").first.press("Space")
    assert hand.frame.evaluate("models[0].parts.heads[0][0]") is False
    hand.frame.locator("a[href='#word-token']").first.press("Enter")
    assert hand.frame.evaluate("document.activeElement.id") == "word-token"


def test_tab_reaches_every_control_and_leaves(visit, digits_page):
    frame = visit(digits_page)
    frame.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    known = [*LIVE_KEYS, *OTHERS]
    wanted = frame.evaluate(CONTROLS, known)
    assert set(wanted) == set(known) - {"#undo"}  # nothing to undo yet
    reached = []
    for _ in range(len(wanted) + 2):
        frame.page.keyboard.press("Tab")
        if frame.evaluate("document.activeElement === document.body"):
            break
        reached.append(frame.evaluate(NAMED, known))
    assert reached == wanted


def test_nothing_moves_by_itself(visit, digits_page):
    hand = Hand(visit(digits_page))
    hand.stroke((0.1, 0.1), (0.9, 0.9))
    assert hand.frame.evaluate("document.getAnimations().length") == 0
    moving = """[...document.querySelectorAll('*')].map((one) => getComputedStyle(one)).filter(
        (style) => parseFloat(style.transitionDuration) || style.animationName !== 'none').length"""
    assert hand.frame.evaluate(moving) == 0


# Words


JARGON = r"\b(tokens?|layers?|heads?|attention|logits?|pooling|votes?|embeddings?|transformer|softmax|CCT|ViT)\b"


def test_the_first_view_has_no_jargon(visit, digits_page):
    frame = visit(digits_page)
    for view in ("looks", "counts", "changes"):
        frame.locator(f"[data-view={view}]").click()
        frame.wait_for_function("() => !painting && !working")
        text = re.sub(r"\bMore: .*", "", frame.locator("main").inner_text())  # what is folded says its name
        assert "Draw" in text and re.findall(JARGON, text, re.IGNORECASE) == []


@pytest.mark.parametrize(
    ("address", "head", "theme", "target"),
    [
        ("http://course.test/08_looking_inside.html", "<script src='_static/glossary.js?v=1'></script>", None,
         "http://course.test/glossary.html#term-{}"),
        ("http://course.test/x/lab/tree/notebooks/08_looking_inside.ipynb", "", "true",
         "http://course.test/x/lab/tree/notebooks/glossary.md"),
        ("http://course.test/x/notebooks/notebooks/08_looking_inside.ipynb", "", "true",
         "http://course.test/x/edit/notebooks/glossary.md"),
        ("http://course.test/o/r/notebooks/08_looking_inside.ipynb", "", None, None),
        (None, "", None, None),
    ],
    ids=["site", "JupyterLab", "Jupyter Notebook", "another viewer", "a file"],
)  # fmt: skip
def test_words_lead_to_the_glossary_beside_the_page(visit, digits_page, address, head, theme, target):
    if theme:
        head += f"<body data-jp-theme-light='{theme}'>"
    frame = visit(digits_page, head=head, address=address, offline=address is None)
    inside = frame.locator("#inside a")
    wanted = [target and target.format(term) for term in ("token", "transformer-block", "multi-head-attention")]
    assert inside.evaluate_all("(links) => links.slice(0, 3).map((one) => one.target ? one.href : null)") == wanted
    there = frame.locator("dt a")
    terms = frame.evaluate("[...document.querySelectorAll('dt')].map((one) => one.dataset.term)")
    assert there.evaluate_all("(links) => links.map((one) => one.href)") == [
        target.format(term) for term in terms if target
    ]


def test_the_glossary_has_the_words_of_the_page(digits_page):
    page, glossary = html.unescape(digits_page), (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r'data-term="([^"]+)"', page)
    known = [
        re.sub(r"[^a-z0-9]+", "-", term.lower()) for term in re.findall(r"^- \*\*(.+?)\*\*", glossary, re.MULTILINE)
    ]
    assert len(terms) == 9 and set(terms) <= set(known)


# Around it


@pytest.mark.whole
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_cut_off_and_axe_finds_nothing(visit, digits_page, theme, width):
    frame = visit(digits_page, width=width, theme=theme)
    for opened in (False, True):
        frame.evaluate(
            "(opened) => document.querySelectorAll('details').forEach((one) => { one.open = opened; })", opened
        )
        frame.wait_for_timeout(300)
        if opened:  # the curve says what it shows once it is computed
            frame.wait_for_function("() => !byId('curve').ariaLabel.includes('being computed')")
        for direction in ("Width", "Height"):
            inside, shown = frame.evaluate(
                f"[document.documentElement.scroll{direction}, document.documentElement.client{direction}]"
            )
            assert inside <= shown, direction
        violations = Axe().run(frame).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []


@pytest.mark.whole
def test_two_models_side_by_side(visit):
    pair = {
        name: cct.load_pretrained(f"{name}_2_{size}_cifar10")
        for name, size in (("cct", "3x2_32"), ("vit_lite", "4_32"))
    }
    scene = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype("uint8")
    hand = Hand(visit(live_model(pair, scene, list("abcdefghij"))))
    assert hand.frame.locator("#models h2").all_inner_texts() == ["cct", "vit_lite"]
    for _ in range(4):
        hand.click("Move right")
    hand.click("What has changed")
    changes = hand.frame.evaluate("models.map((model, i) => [...changesOf(model, before[i])])")
    patches = np.array([np.nan if value is None else value for value in changes[1]]).reshape(8, 8)
    assert np.isnan(patches[:, 0]).all() and np.abs(patches[:, 1:]).max() < 1e-4  # one column on, and nothing else
    convolutions = np.array([np.nan if value is None else value for value in changes[0]]).reshape(8, 8)
    assert np.abs(convolutions[2:-2, 4:-2]).max() < 1e-4 < np.nanmax(convolutions)  # away from the border


def test_an_exported_notebook_answers(visit, digits_page, tmp_path):
    cell = nbformat.v4.new_code_cell("live", outputs=[])
    cell.outputs.append(nbformat.v4.new_output("display_data", data={"text/html": digits_page}))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "course.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "course.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    hand = Hand(visit((tmp_path / "course.html").read_text(encoding="utf-8"), expected="net::ERR"))
    answer = hand.answer()
    hand.stroke((0.2, 0.2), (0.8, 0.8))
    assert np.abs(hand.answer() - answer).max() > 0.2
    assert press_controls(hand.frame) == list(LIVE_KEYS)

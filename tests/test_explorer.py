"""The attention explorer's page, read back in Python: what it holds equals the arrays, and nothing breaks out of it."""

import base64
import json
import math
import re
import warnings
import zlib
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from IPython.display import HTML

import cct_helpers as cct
from cct_helpers.attention import attention_maps, attention_rollout, pooling_weights, token_votes
from cct_helpers.explorer import attention_explorer, explorer_html
from tests.support.selection import first

NASTY = "</script></iframe><b onclick='x'>\"cat\" & `${dog}` __BLOB__ __META__ \u2028 \u00e9"


class Elements(HTMLParser):
    """All start tags with their attributes, and the text inside each element with an id."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = dict(attributes).get("id")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def page_of(html):
    (frame,) = [attributes for tag, attributes in Elements(html).tags if tag == "iframe"]
    return frame["srcdoc"]


def read_back(html):
    """The page's data as (meta, arrays), decoded as the page decodes them."""
    texts = Elements(page_of(html)).texts
    meta = json.loads(texts["meta"])
    block = base64.b64decode(texts["blob"], validate=True)
    block = zlib.decompress(block, -15) if meta["packed"] else block
    parts = {
        name: np.frombuffer(block, np.dtype(kind).newbyteorder("<"), count, offset)
        for name, kind, offset, count in meta["parts"]
    }
    tokens = meta["grid"][0] * meta["grid"][1]
    arrays = {"image": parts["image"].reshape(meta["image"])}
    for name, shape in [("attention", (meta["layers"], meta["heads"], tokens, tokens)), ("rollout", (tokens, tokens))]:
        if name in parts:
            largest = parts[f"{name}_largest"].astype("float64").reshape(*shape[:-1], 1)
            codes = parts[name].reshape(shape)
            if meta["differences"]:
                codes = codes.cumsum(axis=-1, dtype="uint8").cumsum(axis=-2, dtype="uint8")
            arrays[name] = largest * (codes / meta["levels"]) ** 2
    if "pooling" in parts:
        arrays["pooling"] = parts["pooling"]
    if "votes" in parts:
        arrays["votes"] = parts["votes"].reshape(-1, tokens).T
    return meta, arrays


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype("float32")


def example(layers=2, heads=2, grid=(3, 5), classes=4, spread=2.0, seed=0):
    """Arguments of explorer_html: random arrays that fit each other."""
    rng = np.random.default_rng(seed)
    tokens = grid[0] * grid[1]
    return dict(
        image=rng.integers(0, 256, (9, 15, 3)).astype("uint8"),
        grid=grid,
        attention=softmax(spread * rng.standard_normal((layers, heads, tokens, tokens))),
        pooling=softmax(rng.standard_normal(tokens)),
        rollout=softmax(rng.standard_normal((tokens, tokens))),
        votes=rng.standard_normal((tokens, classes)).astype("float32"),
        class_names=[f"name {i}" for i in range(classes)],
        logits=rng.standard_normal(classes).astype("float32"),
    )


def assert_same(html, given):
    """Weights within 1 / levels of the row's largest; everything else exactly."""
    meta, arrays = read_back(html)
    for name in ("attention", "rollout"):
        bound = given[name].max(axis=-1, keepdims=True) / meta["levels"]
        assert np.all(np.abs(arrays[name] - given[name]) <= bound * (1 + 1e-5)), name
        np.testing.assert_allclose(arrays[name].max(axis=-1), given[name].max(axis=-1), rtol=1e-6)
    for name in ("image", "pooling", "votes"):
        np.testing.assert_array_equal(arrays[name], given[name])
    return meta


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = cct.build_cct("cct_2_3x2_32", normalization=(120.0, 60.0))
    for layer in (model.get_layer("pooling").score, model.get_layer("head")):  # away from uniform and from 0
        layer.kernel.assign(20 * layer.kernel.numpy())
        layer.bias.assign(np.linspace(-1, 2, len(layer.bias.numpy())))
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype("uint8")


# Votes


def test_votes_and_bias_add_up_to_the_logits(model, images):
    votes = token_votes(model, images)
    assert votes.shape == (3, 64, 10)
    bias = keras.ops.convert_to_numpy(model.get_layer("head").bias)
    logits = model.predict(images, verbose=0)
    assert np.abs(logits - bias).max() > 0.1
    np.testing.assert_allclose(votes.sum(axis=1) + bias, logits, atol=1e-4, rtol=0)


def test_no_votes_without_sequence_pooling():
    vit = cct.build_vit_lite("vit_2_4_32")
    with pytest.raises(ValueError, match="no sequence pooling"):
        token_votes(vit, np.zeros((1, 32, 32, 3)))


# What the page holds


def test_page_holds_the_arrays():
    given = example()
    meta = assert_same(explorer_html(**given, title="A title"), given)
    assert meta["levels"] == 255 and not meta["packed"]
    assert (meta["title"], meta["layers"], meta["heads"], meta["grid"]) == ("A title", 2, 2, [3, 5])
    assert meta["classes"] == given["class_names"]
    np.testing.assert_array_equal(np.float32(meta["logits"]), given["logits"])
    assert meta["largest_vote"] == np.abs(given["votes"]).max()


def test_page_of_a_model(model, images):
    html = attention_explorer(model, images[0], class_names=list("abcdefghij"))
    assert len(html.encode()) < 80_000
    maps = attention_maps(model, images[:1])
    meta = assert_same(
        html,
        dict(
            image=images[0],
            attention=maps[:, 0],
            rollout=attention_rollout(maps)[0],
            pooling=pooling_weights(model, images[:1])[0],
            votes=token_votes(model, images[:1])[0],
        ),
    )
    assert meta["grid"] == [8, 8] and meta["levels"] == 255 and not meta["packed"]
    assert meta["classes"] == list("abcdefghij")
    np.testing.assert_allclose(meta["logits"], model.predict(images[:1], verbose=0)[0], atol=1e-5)


def test_names_of_a_shipped_model_and_numbers_without():
    model = cct.build_cct("cct_2_3x2_32", input_shape=(16, 16, 1), num_classes=2)
    image = np.linspace(-1, 3, 256).reshape(16, 16, 1)  # not uint8: shown from the smallest to the largest
    meta, arrays = read_back(attention_explorer(model, image))
    assert meta["classes"] == ["class 0", "class 1"] and meta["grid"] == [4, 4]
    assert arrays["image"].ravel()[[0, -1]].tolist() == [0, 255] and np.all(
        np.diff(arrays["image"].ravel().astype(int)) >= 0
    )
    model.card = {"class_names": ["cat", "dog"]}
    assert read_back(attention_explorer(model, image))[0]["classes"] == ["cat", "dog"]


@pytest.mark.parametrize("spread", first(1, [1, 0.1, 2, 4]))
def test_size_at_256_tokens_7_layers_4_heads(spread):
    given = example(7, 4, (16, 16), 10, spread)
    html = explorer_html(**given)
    assert len(html.encode()) < 1_500_000
    assert assert_same(html, given)["levels"] >= 31


def test_smooth_maps_keep_more_levels():
    given = example(7, 4, (16, 16), 10)
    for name in ("attention", "rollout"):  # a running mean over neighbouring tokens, from and to
        smooth = sum(np.roll(given[name], (i, j), axis=(-1, -2)) for i in range(6) for j in range(6)) / 36
        given[name] = smooth.astype("float32")
    html = explorer_html(**given)
    assert len(html.encode()) < 1_500_000
    assert read_back(html)[0]["differences"]
    assert assert_same(html, given)["levels"] >= 95


def test_square_roots_keep_small_weights():
    weights = example(1, 4, (16, 16), spread=2)["attention"]
    linear = np.rint(255 * weights / weights.max(axis=-1, keepdims=True))
    _, arrays = read_back(explorer_html(np.zeros((16, 16, 1), "uint8"), (16, 16), weights))
    assert np.mean(linear == 0) > 1 / 3 and np.mean(arrays["attention"] == 0) < 0.002
    # Entropy, which the page prints, is that of the arrays to its two decimals.
    bits = [-(p * np.log2(np.where(p > 0, p, 1))).sum(axis=-1) for p in (weights, arrays["attention"])]
    assert np.abs(bits[0] - bits[1] / arrays["attention"].sum(axis=-1)).max() < 0.05


def test_attention_alone_is_enough():
    given = example()
    html = explorer_html(given["image"][..., :1], given["grid"], given["attention"])
    meta, arrays = read_back(html)
    assert set(arrays) == {"image", "attention"} and meta["classes"] == [] and meta["logits"] is None


# Safe and self-contained


def test_text_stays_text():
    given = {**example(), "class_names": [NASTY, "b", "c", "d"]}
    html = explorer_html(**given, title=NASTY)
    assert [tag for tag, _ in Elements(html).tags] == ["div", "iframe", "p"]
    assert Elements(html).tags[1][1].keys() == {"title", "srcdoc", "style"}
    assert Elements(html).tags[1][1]["title"] == NASTY
    meta = assert_same(html, given)
    assert meta["classes"][0] == NASTY and meta["title"] == NASTY
    plain = Elements(page_of(explorer_html(**example())))
    assert [tag for tag, _ in Elements(page_of(html)).tags] == [tag for tag, _ in plain.tags]
    # The page's script writes text only as text.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", page_of(html))


def test_nothing_is_loaded():
    page = page_of(explorer_html(**example()))
    assert "http" not in page.lower() and "//cdn" not in page
    assert not re.search(r"@import|url\(|\bimport\b|\brequire\b|fetch\(|XMLHttp|WebSocket", page)
    for _, attributes in Elements(page).tags:
        assert not {"src", "href", "data", "onclick", "onload"} & attributes.keys()


def test_two_on_one_page_share_no_names():
    outer = explorer_html(**example()) + explorer_html(**example(seed=1))
    frames = [attributes for tag, attributes in Elements(outer).tags if tag == "iframe"]
    assert len(frames) == 2
    assert not [attributes for _, attributes in Elements(outer).tags if {"id", "name"} & attributes.keys()]
    assert not re.search("<script|<style", outer)
    inner = [attributes["id"] for _, attributes in Elements(frames[0]["srcdoc"]).tags if "id" in attributes]
    assert len(inner) == len(set(inner)) > 10


def test_page_stands_for_itself_and_says_what_it_is():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # IPython warns about text that is one iframe
        HTML(explorer_html(**example()))
    page = page_of(explorer_html(**example()))
    assert "Where each token reads from" in page and "Random control" in page and "do not say why" in page
    assert "prefers-color-scheme: dark" in page and 'aria-live="polite"' in page
    assert not re.search(r"\banimation|\btransition|@keyframes|setInterval", page)  # nothing to reduce


# Errors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"grid": (4, 5)}, r"attention must be \(layers, heads, 20, 20\), for a grid of 4 x 5 = 20 tokens"),
        ({"grid": (3, 5, 1)}, "grid must be"),
        ({"grid": (0, 5)}, "grid must be"),
        ({"grid": 15}, "grid must be"),
        ({"image": np.zeros((9, 15, 3))}, "image must be .* uint8"),
        ({"image": np.zeros((9, 15), "uint8")}, "image must be"),
        ({"image": np.zeros((9, 15, 4), "uint8")}, "1 or 3 channels"),
        ({"attention": np.full((2, 15, 15), 1 / 15)}, "attention must be"),
        ({"attention": np.zeros((0, 2, 15, 15))}, "attention must be"),
        ({"attention": np.eye(15)[None, None] * -1}, "attention must not be negative"),
        ({"attention": np.full((1, 1, 15, 15), np.nan)}, "attention has 225 values that are not finite"),
        ({"attention": np.ones((1, 1, 15, 15))}, "Each row of attention must sum to 1, one sums to 15"),
        ({"pooling": np.full(14, 1 / 14)}, r"pooling must be \(15\)"),
        ({"pooling": np.eye(15)[0] - np.eye(15)[1]}, "pooling must not be negative"),
        ({"rollout": np.full((15, 14), 1 / 14)}, "rollout must be"),
        ({"rollout": np.full((15, 15), np.inf)}, "rollout has 225 values"),
        ({"votes": np.zeros((14, 4))}, "votes must be"),
        ({"votes": np.full((15, 4), np.inf)}, "votes has 60 values"),
        ({"votes": np.zeros((15, 3))}, "numbers of classes differ: votes has 3, logits has 4, class_names has 4"),
        ({"logits": np.zeros(5)}, "numbers of classes differ"),
        ({"logits": np.full(4, math.nan)}, "logits has 4 values"),
        ({"class_names": ["a"]}, "numbers of classes differ"),
    ],
)
def test_arrays_that_do_not_fit(change, words):
    with pytest.raises(ValueError, match=words):
        explorer_html(**{**example(), **change})


def test_tokens_in_a_single_row():
    assert explorer_html(**{**example(), "grid": (1, 15)})


def test_images_that_do_not_fit_the_model(model):
    with pytest.raises(ValueError, match="The model takes images of shape"):
        attention_explorer(model, np.zeros((16, 16, 3), "uint8"))
    with pytest.raises(ValueError, match="no sequence pooling"):
        attention_explorer(cct.build_vit_lite("vit_2_4_32"), np.zeros((32, 32, 3), "uint8"))

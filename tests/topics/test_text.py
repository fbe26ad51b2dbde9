"""The text CCT: padding changes nothing anywhere; names split without overlap; pictures; a typed name."""

import sys
import types

import ipywidgets
import keras
import numpy as np
import pytest
from keras import ops

import cct_helpers as cct
from cct_helpers import exercises, figures, widgets
from cct_helpers.topics import text
from tests.support.selection import first

VOCABULARY, CLASSES = 30, 4


def small(max_length, **sizes):
    settings = dict(num_layers=2, dim=16, num_heads=2, embedding_dim=8) | sizes
    keras.utils.set_random_seed(0)
    return text.build_text_cct(VOCABULARY, max_length, CLASSES, **settings)


def random_ids(length, batch=3, seed=0):
    return np.random.default_rng(seed).integers(1, VOCABULARY, (batch, length)).astype("int32")


def padded(ids, length):
    return np.pad(ids, ((0, 0), (0, length - ids.shape[1])))


def array(tensor):
    return ops.convert_to_numpy(tensor)


def tokenizer_with_weights(stride=2, kernel_size=3):
    layer = text.TextTokenizer(VOCABULARY, 16, 8, kernel_size, stride)
    layer.build((None, 9))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


# Padding changes nothing. Every test compares a text alone, without any padding, with the same text padded.


@pytest.mark.parametrize("length", [1, 2, 7, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [1, 3, 4, 5])
def test_padding_changes_no_token(length, stride, kernel_size):
    layer, ids = tokenizer_with_weights(stride, kernel_size), random_ids(length)
    alone, all_real = layer(ids)
    tokens, real = layer(padded(ids, 19))
    count = (length - 1) // stride + 1
    assert alone.shape == (3, count, 16) and array(all_real).all()
    assert array(real).sum(axis=1).tolist() == [count] * 3
    np.testing.assert_allclose(array(tokens)[:, :count], array(alone), atol=1e-5)
    assert not array(tokens)[:, count:].any()


def test_tokens_are_the_convolution_and_pool_written_out():
    layer, ids = tokenizer_with_weights(), random_ids(6)
    table, kernel = (array(weight) for weight in (layer.embedding.embeddings, layer.conv.kernel))
    vectors = np.pad(table[ids], ((0, 0), (1, 1), (0, 0)))
    features = np.stack([np.einsum("bke,ked->bd", vectors[:, i : i + 3], kernel) for i in range(6)], axis=1)
    features = np.pad(np.maximum(features, 0), ((0, 0), (1, 1), (0, 0)))
    expected = np.stack([features[:, i : i + 3].max(axis=1) for i in (0, 2, 4)], axis=1)
    np.testing.assert_allclose(array(layer(ids)[0]), expected, atol=1e-4)


def test_attention_reads_from_no_padding_and_is_else_that_without_a_mask():
    block = text.MaskedBlock(num_heads=2, mlp_ratio=2)
    plain = cct.TransformerBlock(num_heads=2, mlp_ratio=2)
    tokens = np.random.default_rng(0).normal(size=(2, 9, 16)).astype("float32")
    real = np.arange(9) < np.array([[5], [5]])
    block.build(tokens.shape)
    plain.build((2, 5, 16))
    plain.set_weights([10 * weight for weight in block.get_weights()])
    block.set_weights(plain.get_weights())
    weights = array(block.attention_weights(tokens, real))
    assert not weights[..., 5:].any()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    expected = array(plain.attention.attention_weights(plain.pre_norm(tokens[:, :5])))
    np.testing.assert_allclose(weights[:, :, :5, :5], expected, atol=1e-5)
    np.testing.assert_allclose(array(block(tokens, real))[:, :5], array(plain(tokens[:, :5])), atol=1e-4)


def test_pooling_gives_padding_no_weight_and_is_else_that_without_a_mask():
    pooling, plain = text.MaskedPooling(), cct.SequencePooling()
    tokens = np.random.default_rng(0).normal(size=(2, 9, 16)).astype("float32")
    real = np.arange(9) < np.array([[4], [7]])
    for layer in (pooling, plain):
        layer.build(tokens.shape)
        layer.set_weights([np.linspace(-1, 1, 16)[:, None], np.zeros(1)])
    weights = array(pooling.weights_over_tokens(tokens, real))
    assert not weights[~real].any()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    for row, count in enumerate((4, 7)):
        alone = array(plain(tokens[row : row + 1, :count]))
        np.testing.assert_allclose(array(pooling(tokens, real))[row], alone[0], atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")  # of one token, which is right here
@pytest.mark.parametrize("length", first(2, [1, 8, 7]))
@pytest.mark.parametrize("sizes", first(1, [{}, {"pool_stride": 1, "kernel_size": 4}, {"position": "none"}]), ids=str)
def test_padding_changes_no_logit(length, sizes):
    ids, alone = random_ids(length), small(length, **sizes)
    weights = [10 * weight for weight in alone.get_weights()]  # larger than at the start: every part counts
    alone.set_weights(weights)
    expected = text.look_inside(alone, ids)
    assert np.ptp(expected["logits"]) > 0.1
    for longer in (9, 20):
        model = small(longer, **sizes)
        model.set_weights(weights)
        found = text.look_inside(model, padded(ids, longer))
        count = expected["real"].shape[1]
        assert found["real"].sum(axis=1).tolist() == [count] * 3
        largest = np.abs(expected["logits"]).max()  # about 16: float32 rounds its sums by some 1e-6 of that
        np.testing.assert_allclose(found["logits"], expected["logits"], atol=2e-5 * largest)
        np.testing.assert_allclose(found["pooling"][:, :count], expected["pooling"], atol=1e-5)
        attention = found["attention"][..., :count, :count]
        np.testing.assert_allclose(attention, expected["attention"], atol=1e-5)
        assert not found["pooling"][:, count:].any() and not found["attention"][..., count:].any()


def test_texts_of_a_batch_do_not_touch_each_other():
    model = small(12)
    long, short = random_ids(12, batch=1), padded(random_ids(3, batch=1, seed=1), 12)
    together = array(model(np.concatenate([long, short])))
    np.testing.assert_allclose(together[1:], array(model(short)), atol=1e-5)


@pytest.mark.whole
def test_gradients_do_not_reach_the_padding_vector():
    model = small(12)
    before = array(model.get_layer("tokenizer").embedding.embeddings)
    text.compile_text_cct(model, 4, weight_decay=0.0)
    model.fit(padded(random_ids(5, batch=8), 12), np.arange(8) % CLASSES, epochs=4, verbose=0)
    after = array(model.get_layer("tokenizer").embedding.embeddings)
    assert np.array_equal(before[text.PADDING], after[text.PADDING])
    assert not np.array_equal(before[1:], after[1:])


def test_an_empty_row_gives_numbers():
    assert np.isfinite(array(small(8)(np.zeros((1, 8), "int32")))).all()


# The model


def test_the_names_of_the_layers_and_shapes():
    model = small(11)
    names = [layer.name for layer in model.layers[1:]]
    assert names == ["tokenizer", "position", "dropout", "block_0", "block_1", "norm", "pooling", "head"]
    found = text.look_inside(model, padded(random_ids(5), 11))
    assert found["attention"].shape == (2, 3, 2, 6, 6)
    assert found["pooling"].shape == found["real"].shape == (3, 6) and found["real"].dtype == bool
    assert found["logits"].shape == (3, CLASSES)
    np.testing.assert_allclose(found["logits"], array(model(padded(random_ids(5), 11))), atol=1e-6)


def test_the_sizes_are_those_published_for_the_authors_model():
    model = text.build_text_cct(2, 64, 4, num_layers=2, kernel_size=1, embedding_dim=300, position="none")
    assert model.count_params() - 2 * 300 == 237_701  # published as 0.238 M, beside the embedding
    sizes = dict(num_layers=6, dim=256, num_heads=4, mlp_ratio=2, kernel_size=4, embedding_dim=300, position="none")
    assert text.build_text_cct(2, 64, 4, **sizes).count_params() - 2 * 300 == 3_467_013  # 3.467 M


@pytest.mark.parametrize("position", first(1, ["learned", "sine", "none"]))
def test_save_and_reload(tmp_path, position):
    model, ids = small(9, position=position, stochastic_depth=0.2), padded(random_ids(5), 9)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(array(model(ids)), array(reloaded(ids)))
    assert np.array_equal(text.look_inside(model, ids)["pooling"], text.look_inside(reloaded, ids)["pooling"])


@pytest.mark.whole
def test_it_learns():
    ids = random_ids(6, batch=64)
    labels = ids[:, 5] % CLASSES  # the last letter decides
    model = small(9, stochastic_depth=0.0, attention_dropout=0.0)
    text.compile_text_cct(model, 160)
    model.fit(padded(ids, 9), labels, batch_size=16, epochs=40, verbose=0)
    assert np.mean(array(model(padded(ids, 9))).argmax(axis=1) == labels) > 0.9


@pytest.mark.parametrize(
    "settings, sentence",
    [
        (dict(dim=15), "multiple of num_heads"),
        (dict(pool_stride=0), "pool_stride"),
        (dict(kernel_size=0), "kernel_size"),
        (dict(dropout=1.0), "dropout"),
        (dict(stochastic_depth=-0.1), "stochastic_depth"),
        (dict(stochastic_depth=1.5, num_layers=1), "stochastic_depth"),
        (dict(position="sin"), "Position kind"),
        (dict(num_layers=0), "num_layers"),
    ],
)
def test_sizes_that_do_not_fit_get_one_clear_error(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        small(9, **settings)
    with pytest.raises(ValueError, match="max_length"):
        small(0)
    with pytest.raises(ValueError, match="steps"):
        text.compile_text_cct(small(9), 0)


# Names and ids


def test_no_name_and_no_thing_is_in_two_parts():
    data = text.load_names(["de", "nl", "fi"])
    parts = [set(names) for names in data[:6:2]]
    assert sum(map(len, parts)) == sum(map(len, data[:6:2])) == len(set.union(*parts))
    for language in ("de", "nl", "fi"):
        named = {thing: text.clean(name) for thing, name in text.names_of(language).items()}
        assert {data.class_names[label] for names, label in _pairs(data) if names in named.values()} == {
            text.LANGUAGES[language]
        }
    german, dutch = (
        {thing: text.clean(name) for thing, name in text.names_of(language).items()} for language in ("de", "nl")
    )
    part_of = {name: number for number, names in enumerate(parts) for name in names}
    both = [thing for thing in german.keys() & dutch.keys() if {german[thing], dutch[thing]} <= part_of.keys()]
    shared = [thing for thing in both if list(german.values()).count(german[thing]) == 1]
    assert len(shared) > 50
    assert sum(part_of[german[thing]] != part_of[dutch[thing]] for thing in shared) <= 0.02 * len(shared)


def _pairs(data):
    return [pair for i in (0, 2, 4) for pair in zip(data[i], data[i + 1], strict=True)]


def test_the_same_seed_gives_the_same_split_and_shares_are_kept():
    one, two, other = (text.load_names(["cs", "sk"], seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.x_test, two.x_test) and not np.array_equal(one.x_test, other.x_test)
    total = sum(map(len, one[:6:2]))
    assert 0.15 < len(one.x_test) / total < 0.25 and 0.06 < len(one.x_val) / total < 0.14
    assert one.class_names == ["Czech", "Slovak"] and one.y_train.dtype == np.int64


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((["de"],), "two or more"),
        ((["de", "de"],), "two or more"),
        ((["de", "klingon"],), "klingon"),
        ((["de", "tlh"],), "tlh"),
    ],
)
def test_languages_that_cannot_be_used(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        text.load_names(*arguments)


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (0, 0.2), (0.1, 0)])
def test_shares_that_leave_nothing(validation, test):
    with pytest.raises(ValueError, match="validation and test"):
        text.load_names(["de", "nl"], validation=validation, test=test)


def test_without_babel_one_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(ImportError, match="pip install babel"):
        text.load_names(["de", "nl"])


def test_encode():
    letters = text.alphabet(["Abba", "a c"])
    assert letters[:2] == "ab" and sorted(letters) == sorted("ab c")
    ids = text.encode([" ABé", "c"], letters, 5)
    assert ids.dtype == np.int32
    assert ids.tolist() == [[2, 3, text.UNKNOWN, 0, 0], [letters.index("c") + 2, 0, 0, 0, 0]]
    assert text.encode(["abba"], letters, 2).tolist() == [[2, 3]]
    combining = text.encode(["e\u0301"], "\u00e9", 2)  # e and an accent are one letter
    assert combining.tolist() == [[2, 0]]


@pytest.mark.parametrize("texts, sentence", [("abba", "list of texts"), (["ab", "  "], "at least one character")])
def test_texts_that_cannot_be_encoded(texts, sentence):
    with pytest.raises(ValueError, match=sentence):
        text.encode(texts, "ab", 4)


# Reviews: the real ones need a network


def fake_imdb(load_data):
    return types.SimpleNamespace(imdb=types.SimpleNamespace(load_data=load_data))


def test_reviews_are_cut_padded_and_split(monkeypatch):
    def load_data(num_words):
        def reviews(n):
            made = np.empty(n, object)
            made[:] = [[1] + [i + 2] * (i % 7) for i in range(n)]
            return made, np.arange(n) % 2

        assert num_words == 50
        return reviews(20), reviews(10)

    monkeypatch.setattr(keras, "datasets", fake_imdb(load_data))
    data = text.load_reviews(4, 50, validation=0.2)
    assert [len(part) for part in data[:6]] == [16, 16, 4, 4, 10, 10]
    assert data.x_train.dtype == np.int32 and data.x_test.shape == (10, 4)
    assert data.x_test[2].tolist() == [1, 4, 4, 0] and data.x_test[5].tolist() == [1, 7, 7, 7]
    seen = {row.tobytes() for row in data.x_train[data.x_train[:, 1] > 0]}
    assert not seen & {row.tobytes() for row in data.x_val[data.x_val[:, 1] > 0]}


@pytest.mark.whole
def test_reviews_are_compared_from_the_data_to_two_accuracies(monkeypatch):
    """Twenty made-up reviews: what was liked holds the word 5, the rest the word 6."""

    def load_data(num_words):
        labels = np.arange(20) % 2
        made = np.empty(20, object)
        made[:] = [
            [1, *rng.integers(7, 30, 4), 5 + label, *rng.integers(7, 30, i % 5)] for i, label in enumerate(labels)
        ]
        return (made, labels), (made[:10], labels[:10])

    rng = np.random.default_rng(0)
    monkeypatch.setattr(keras, "datasets", fake_imdb(load_data))
    by_cct, by_words = text.compare_on_reviews(12, 30, epochs=1)
    assert 0 <= by_cct <= 1 and by_words > 0.8


def test_reviews_without_a_network(monkeypatch):
    def load_data(num_words):
        raise OSError("no route to host")

    monkeypatch.setattr(keras, "datasets", fake_imdb(load_data))
    with pytest.raises(ConnectionError, match="could not be downloaded .OSError.*load_names"):
        text.load_reviews()


# The typed name


def test_a_text_can_be_typed_into_explore():
    def draw(name):
        if not name:
            raise ValueError("type a name")
        return figures.draw_message(name)

    box = widgets.explore(draw, [dict(name="oslo")], "oslo", name="a name")
    field, picture = box.children
    assert isinstance(field, ipywidgets.Text) and field.value == "oslo"
    field.value = "bergen"
    assert picture.value == figures.to_png(figures.draw_message("bergen"))
    field.value = ""
    assert picture.value == figures.to_png(figures.draw_message("type a name"))


def test_the_exercise_agrees_with_the_package():
    layer = tokenizer_with_weights()
    ids = np.concatenate([padded(random_ids(count, batch=1), 11) for count in (3, 6, 7)])
    token_counts = exercises.all_exercises()["token_counts"].truth
    assert token_counts(ids, 2).tolist() == array(layer.real_tokens(ids)).sum(axis=1).tolist() == [2, 3, 4]

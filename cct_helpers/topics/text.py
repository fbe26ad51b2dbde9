"""Text for a CCT: texts as arrays of ids, a tokenizer along the sequence, and layers that keep the padding out.

Every backend. Texts have different lengths; a batch needs one. The gap is filled with padding,
and every layer here takes a mask beside the tokens, `real`, so that padding changes no number of the result.
Paper: Hassani et al., Escaping the Big Data Paradigm with Compact Transformers, https://arxiv.org/abs/2104.05704
"""

import functools
import unicodedata
from collections import Counter

import keras
import numpy as np
from keras import ops
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cct_helpers.data import Dataset
from cct_helpers.layers import (
    HeNormal,
    Linear,
    Normal,
    PositionEmbedding,
    SavableLayer,
    SequencePooling,
    TransformerBlock,
    as_rate,
    check_heads,
    check_positive,
)

PADDING, UNKNOWN = 0, 1  # the ids of a place without a letter, and of a letter that is not in the vocabulary
LANGUAGES = {
    "en": "English", "fr": "French", "de": "German", "nl": "Dutch", "da": "Danish", "nb": "Norwegian", "sv": "Swedish",
    "es": "Spanish", "pt": "Portuguese", "it": "Italian", "ro": "Romanian", "cs": "Czech", "sk": "Slovak",
    "pl": "Polish", "hr": "Croatian", "sl": "Slovenian", "fi": "Finnish", "et": "Estonian", "lv": "Latvian",
    "lt": "Lithuanian", "hu": "Hungarian", "tr": "Turkish", "ru": "Russian", "uk": "Ukrainian",
}  # fmt: skip


def clean(text):
    """Small letters, each accented letter as one character (Unicode NFC)."""
    return unicodedata.normalize("NFC", str(text).strip().lower())


def names_of(language):
    """What a language calls the world's languages and territories, from Unicode's CLDR through Babel.

    Args:
        language: a CLDR code, such as "fr".

    Returns:
        A dict from codes to names.

    Raises:
        ValueError: for a language that is not in Babel.
        ImportError: without Babel.
    """
    try:
        from babel import Locale, UnknownLocaleError
    except ImportError as error:
        raise ImportError("The names come with Babel, which JupyterLab installs. Run: pip install babel") from error
    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"Babel has no names in {language!r}: use codes like {', '.join(LANGUAGES)}.") from error
    countries = {f"territory {code}": name for code, name in locale.territories.items() if not code.isdigit()}
    return countries | {f"language {code}": name for code, name in locale.languages.items()}


def load_names(languages=None, *, seed=0, validation=0.1, test=0.2):
    """Names of languages and territories, and the language that each is written in, as a `Dataset`.

    Split by the thing that is named: what all languages call Estonia is in one part, so no name is in two. A name that
    two of the languages share ("Angola") says nothing about its language and is left out.

    Args:
        languages: CLDR codes of the languages to tell apart; the 24 of `LANGUAGES` when None.
        seed: decides which things go to which part.
        validation: share of the things.
        test: share of the things.

    Returns:
        A `Dataset`: the x of each part is an array of (n,) strings in small letters, the y of (n,) int64 labels.

    Raises:
        ValueError: for an unknown or repeated language and for shares that leave a part empty.
    """
    languages = list(LANGUAGES if languages is None else languages)
    if len(languages) < 2 or len(set(languages)) < len(languages):
        raise ValueError(f"languages must be two or more different CLDR codes, got {languages}.")
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise ValueError(f"validation and test must be above 0 and below 1 together, got {validation} and {test}.")
    owners, thing_of = {}, {}
    for label, language in enumerate(languages):
        for thing, name in names_of(language).items():
            owners.setdefault(clean(name), set()).add(label)
            thing_of.setdefault(clean(name), thing)
    rows = [(name, min(labels), thing_of[name]) for name, labels in owners.items() if len(labels) == 1]
    names, labels, things = (np.array(column) for column in zip(*rows, strict=True))
    kinds = np.unique(things)
    share = np.random.default_rng(seed).permutation(len(kinds))[np.searchsorted(kinds, things)] / len(kinds)
    in_test, in_train = share < test, share >= test + validation
    parts = [part for chosen in (in_train, ~in_train & ~in_test, in_test) for part in (names[chosen], labels[chosen])]
    return Dataset(*parts, [LANGUAGES.get(language, language) for language in languages], "names")


def load_reviews(max_length=256, vocabulary_size=20_000, *, seed=0, validation=0.1):
    """Film reviews (keras.datasets.imdb, 50,000, downloaded once) as word ids, and whether the writer liked the film.

    Args:
        max_length: words that are kept of a review.
        vocabulary_size: words that have an id of their own, the most common ones.
        seed: decides which reviews are held out.
        validation: share of the training reviews that is.

    Returns:
        A `Dataset`: the x of each part is (n, max_length) int32 with the first words of each review, 0 for padding, 2
        for a word that is not in the vocabulary.

    Raises:
        ConnectionError: when the reviews can't be downloaded.
    """
    try:
        (x_train, y_train), test = keras.datasets.imdb.load_data(num_words=vocabulary_size)
    except Exception as error:  # whatever the download met
        raise ConnectionError(
            f"The film reviews could not be downloaded ({type(error).__name__}). They need a network once; "
            "without one, load_names() works everywhere."
        ) from error
    order = np.random.default_rng(seed).permutation(len(x_train))
    held_out = round(validation * len(x_train))
    in_val, in_train = order[:held_out], order[held_out:]
    parts = ((x_train[in_train], y_train[in_train]), (x_train[in_val], y_train[in_val]), test)
    arrays = [array for x, y in parts for array in (fill_up(x, max_length), np.asarray(y, "int64"))]
    return Dataset(*arrays, ["did not like it", "liked it"], "reviews")


def compare_on_reviews(max_length=256, vocabulary_size=20_000, epochs=3):
    """Train a text CCT, and a logistic regression on TF-IDF of words, on film reviews.

    Args:
        max_length, vocabulary_size: as for `load_reviews`.
        epochs: of the CCT.

    Returns:
        Test accuracy of the CCT and of the regression, two numbers from 0 to 1.

    Raises:
        ConnectionError: as `load_reviews`.
    """
    data = load_reviews(max_length, vocabulary_size)
    model = build_text_cct(vocabulary_size, max_length, 2, kernel_size=4, dropout=0.1)
    compile_text_cct(model, epochs * (len(data.x_train) // 64 + 1), learning_rate=1e-3)
    model.fit(data.x_train, data.y_train, 64, epochs, validation_data=(data.x_val, data.y_val), verbose=2)
    train, test = ([" ".join(map(str, row[row > 0])) for row in part] for part in (data.x_train, data.x_test))
    words = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=3, token_pattern=r"\d+"), LogisticRegression(C=10, max_iter=300)
    )
    words.fit(train, data.y_train)
    return model.evaluate(data.x_test, data.y_test, verbose=0)[1], words.score(test, data.y_test)


def alphabet(texts):
    """The characters of the texts, most common first: a str whose character i has the id i + 2."""
    return "".join(letter for letter, _ in Counter("".join(map(clean, texts))).most_common())


def encode(texts, letters, max_length):
    """Texts as ids, filled up with `PADDING`, 0, at the end. What is longer is cut.

    Args:
        texts: list of n str.
        letters: from `alphabet`; a character that is not among them gets `UNKNOWN`, 1.
        max_length: ids of each text.

    Returns:
        An int32 array (n, max_length).

    Raises:
        ValueError: for a single str and for a text without a character.
    """
    if isinstance(texts, str):
        raise ValueError(f"encode takes a list of texts: [{texts!r}], not {texts!r} itself.")
    id_of = {letter: i + 2 for i, letter in enumerate(letters)}
    return fill_up([[id_of.get(letter, UNKNOWN) for letter in clean(text)] for text in texts], max_length)


def fill_up(sequences, max_length):
    """Lists of ids -> (n, max_length) int32: the first ids of each, then zeros. ValueError for an empty list."""
    check_positive(max_length=max_length)
    padded = np.full((len(sequences), max_length), PADDING, "int32")
    for row, sequence in zip(padded, sequences, strict=True):
        if len(sequence) == 0:
            raise ValueError("A text needs at least one character: there is nothing to read in an empty one.")
        row[: len(sequence)] = sequence[:max_length]
    return padded


def masked_softmax(scores, real):
    """Softmax over the last axis, float32; entries where `real` is False get no weight at all."""
    return ops.softmax(ops.where(real, ops.cast(scores, "float32"), -1e9), axis=-1)


@keras.saving.register_keras_serializable("cct_helpers")
class TextTokenizer(SavableLayer):
    """Turn a padded sequence of ids into tokens: MaxPool(ReLU(Conv1D(embedding))), with the mask carried along.

    Like the paper's tokenizer for images, along one axis. Padding is set to zero before the convolution and after it,
    which is what the convolution and the pool see beyond the end of a sequence anyway. A token is real if the place in
    its middle is, `real_tokens`; this keeps the number of real tokens the same however long the padding is.

    Args:
        vocabulary_size: ids go from 0, the padding, to vocabulary_size - 1.
        dim: numbers per token.
        embedding_dim: numbers per letter or word before the convolution.
        kernel_size: letters or words that the convolution sees at a time.
        pool_stride: step of the pool, which takes the largest of 3; 1 gives a token for each letter.

    Returns:
        When called with ids (batch, length): tokens (batch, tokens, dim) and real (batch, tokens) bool, with
        tokens = (length - 1) // pool_stride + 1.

    Raises:
        ValueError: for sizes below 1.
    """

    config_names = ("vocabulary_size", "dim", "embedding_dim", "kernel_size", "pool_stride")

    def __init__(self, vocabulary_size, dim, embedding_dim=64, kernel_size=3, pool_stride=2, **kwargs):
        super().__init__(**kwargs)
        sizes = vocabulary_size, dim, embedding_dim, kernel_size, pool_stride
        check_positive(**dict(zip(self.config_names, sizes, strict=True)))
        self.vocabulary_size, self.dim, self.embedding_dim, self.kernel_size, self.pool_stride = sizes
        self.embedding = keras.layers.Embedding(
            vocabulary_size, embedding_dim, embeddings_initializer=Normal(0.03), dtype=self.dtype_policy
        )
        self.conv = keras.layers.Conv1D(
            dim,
            kernel_size,
            padding="same",
            use_bias=False,
            kernel_initializer=HeNormal(),
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.embedding.build(input_shape)
        self.conv.build((*input_shape, self.embedding_dim))

    def real_tokens(self, ids):
        """Which tokens stand on a letter and not on padding: (batch, length) -> (batch, tokens) bool."""
        return ops.not_equal(ids[:, :: self.pool_stride], PADDING)

    def call(self, ids):
        # (batch, length, 1)
        real = ops.cast(ops.not_equal(ids, PADDING), self.compute_dtype)[:, :, None]
        features = ops.relu(self.conv(self.embedding(ids) * real)) * real  # (batch, length, dim)
        features = ops.pad(features, [[0, 0], [1, 1], [0, 0]])
        # (batch, tokens, dim)
        tokens = ops.max_pool(features, 3, strides=self.pool_stride, padding="valid")
        real = self.real_tokens(ids)
        return tokens * ops.cast(real, tokens.dtype)[:, :, None], real


@keras.saving.register_keras_serializable("cct_helpers")
class MaskedBlock(TransformerBlock):
    """`TransformerBlock` for padded sequences: no token reads from a token of padding.

    Returns:
        When called with tokens (batch, tokens, dim) and real (batch, tokens) bool: (batch, tokens, dim).
    """

    def attention_weights(self, tokens, real):
        """The weights alone, for tokens that enter the block: -> (batch, heads, tokens, tokens)."""
        queries, keys, _ = self.attention.queries_keys_values(self.pre_norm(tokens))
        return self.weights_from(queries, keys, real)

    def weights_from(self, queries, keys, real):
        """As in the attention without a mask, but the columns of padding are zero."""
        scores = ops.matmul(
            queries * self.attention.head_size**-0.5,
            ops.transpose(keys, (0, 1, 3, 2)),
        )
        return ops.cast(masked_softmax(scores, real[:, None, None]), scores.dtype)

    def call(self, tokens, real, training=None):
        attention = self.attention
        queries, keys, values = attention.queries_keys_values(self.pre_norm(tokens))
        weights = attention.drop_weights(self.weights_from(queries, keys, real), training=training)
        heads = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # -> (batch, tokens, heads, head size)
        branch = attention.projection(ops.reshape(heads, (-1, tokens.shape[1], attention.dim)))
        branch = attention.drop_outputs(branch, training=training)
        tokens = self.norm1(tokens + self.drop_attention(branch, training=training))
        return tokens + self.drop_mlp(self.mlp(tokens, training=training), training=training)


@keras.saving.register_keras_serializable("cct_helpers")
class MaskedPooling(SequencePooling):
    """`SequencePooling` for padded sequences: padding has weight zero.

    Returns:
        When called with tokens (batch, tokens, dim) and real (batch, tokens) bool: (batch, dim).
    """

    def compute_output_shape(self, tokens_shape, real_shape):
        return super().compute_output_shape(tokens_shape)

    def weights_over_tokens(self, tokens, real):
        """The share of each token in the mean: -> (batch, tokens), every row sums to 1."""
        scores = ops.squeeze(self.score(tokens), axis=-1)  # (batch, tokens, 1) -> (batch, tokens)
        return ops.cast(masked_softmax(scores, real), scores.dtype)

    def call(self, tokens, real):
        weights = self.weights_over_tokens(tokens, real)[:, None]  # (batch, tokens) -> (batch, 1, tokens)
        return ops.squeeze(ops.matmul(weights, tokens), axis=1)  # (batch, 1, dim) -> (batch, dim)


def build_text_cct(
    vocabulary_size, max_length, num_classes, *, num_layers=2, dim=128, num_heads=2, mlp_ratio=1, embedding_dim=64,
    kernel_size=3, pool_stride=2, position="sine", dropout=0.0, attention_dropout=0.1, stochastic_depth=0.1,
):  # fmt: skip
    """Build a CCT for text.

    Layers are named as in `build_cct`: "tokenizer", "position", "block_0"..., "norm", "pooling", "head". The defaults
    of the encoder are the authors' text_cct_2 (their src/text/cct.py). The other arguments are those of
    `TextTokenizer`, `PositionEmbedding` and `TransformerBlock`; `dropout` also falls on the tokens that enter the first
    block.

    Args:
        vocabulary_size: ids go from 0, the padding, to vocabulary_size - 1.
        max_length: ids of a text.
        num_classes: number of logits.

    Returns:
        A keras.Model, ids (batch, max_length), padded with 0 at the end -> logits (batch, num_classes).

    Raises:
        ValueError: for sizes and rates that do not fit together.
    """
    check_positive(max_length=max_length, num_classes=num_classes, num_layers=num_layers, num_heads=num_heads)
    check_heads(dim, num_heads)
    as_rate("stochastic_depth", stochastic_depth)
    ids = keras.Input((max_length,), dtype="int32", name="ids")
    tokens, real = TextTokenizer(vocabulary_size, dim, embedding_dim, kernel_size, pool_stride, name="tokenizer")(ids)
    x = PositionEmbedding(position, name="position")(tokens)
    x = keras.layers.Dropout(as_rate("dropout", dropout), name="dropout")(x)
    for i, rate in enumerate(np.linspace(0, stochastic_depth, num_layers)):
        x = MaskedBlock(num_heads, mlp_ratio, dropout, attention_dropout, rate, name=f"block_{i}")(x, real)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = MaskedPooling(name="pooling")(x, real)
    return keras.Model(ids, Linear(num_classes, dtype="float32", name="head")(x), name=f"text_cct_{num_layers}")


def _blocks(model):
    return [layer for layer in model.layers if isinstance(layer, MaskedBlock)]


@functools.lru_cache(maxsize=1)  # a widget looks into one model again and again, and a new one would be compiled anew
def _with_insides(model):
    return keras.Model(
        model.input, [model.get_layer("pooling").input, model.output, *(b.input for b in _blocks(model))]
    )


def look_inside(model, ids):
    """What a text CCT reads from where.

    Args:
        model: from `build_text_cct`.
        ids: (batch, max_length).

    Returns:
        A dict of NumPy arrays: attention (layers, batch, heads, tokens, tokens), pooling (batch, tokens), real (batch,
        tokens) bool and logits (batch, classes).
    """
    blocks, pooling = _blocks(model), model.get_layer("pooling")
    (tokens, real), logits, *entering = _with_insides(model).predict_on_batch(ids)
    attention = ops.stack([block.attention_weights(*given) for block, given in zip(blocks, entering, strict=True)])
    found = {
        "attention": attention,
        "pooling": pooling.weights_over_tokens(tokens, real),
        "real": real,
        "logits": logits,
    }
    return {name: ops.convert_to_numpy(array) for name, array in found.items()}


def compile_text_cct(model, steps, *, learning_rate=4e-3, weight_decay=0.05):
    """Prepare a text CCT for `model.fit`: AdamW, a tenth of the steps warm-up, then a cosine to 0; targets are labels.

    Args:
        model: from `build_text_cct`.
        steps: of the whole training.
        learning_rate: the highest.
        weight_decay: as in `Recipe`.

    Raises:
        ValueError: for fewer than 1 step.
    """
    check_positive(steps=steps)
    rates = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=learning_rate, warmup_steps=steps // 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rates, weight_decay=weight_decay), loss, metrics=["accuracy"])

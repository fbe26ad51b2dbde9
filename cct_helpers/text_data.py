"""Texts as arrays of ids: names of languages and territories, film reviews, an alphabet, padding."""

import unicodedata
from collections import Counter

import keras
import numpy as np

from cct_helpers.data import Dataset
from cct_helpers.layers import check_positive

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
    """What a language calls the world's languages and territories: {code: name}, from Unicode's CLDR through Babel.

    Raises ValueError for a language that is not in Babel and ImportError without Babel.
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
        validation, test: shares of the things.

    The x of each part is an array of (n,) strings in small letters, the y of (n,) int64 labels. Raises ValueError for
    an unknown or repeated language and for shares that leave a part empty.
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

    The x of each part is (n, max_length) int32 with the first words of each review, 0 for padding, 2 for a word beyond
    the `vocabulary_size` most common ones. Raises ConnectionError when the reviews can't be downloaded.
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
    arrays = [array for x, y in parts for array in (pad(x, max_length), np.asarray(y, "int64"))]
    return Dataset(*arrays, ["did not like it", "liked it"], "reviews")


def alphabet(texts):
    """The characters of the texts, most common first: a str whose character i has the id i + 2."""
    return "".join(letter for letter, _ in Counter("".join(map(clean, texts))).most_common())


def encode(texts, letters, max_length):
    """Texts as ids: list of n str -> (n, max_length) int32, filled up with `PADDING`, 0, at the end.

    A character that is not in `letters` (from `alphabet`) gets `UNKNOWN`, 1. What is longer is cut. Raises ValueError
    for a single str and for a text without a character.
    """
    if isinstance(texts, str):
        raise ValueError(f"encode takes a list of texts: [{texts!r}], not {texts!r} itself.")
    id_of = {letter: i + 2 for i, letter in enumerate(letters)}
    return pad([[id_of.get(letter, UNKNOWN) for letter in clean(text)] for text in texts], max_length)


def pad(sequences, max_length):
    """Lists of ids -> (n, max_length) int32: the first ids of each, then zeros. ValueError for an empty list."""
    check_positive(max_length=max_length)
    padded = np.full((len(sequences), max_length), PADDING, "int32")
    for row, sequence in zip(padded, sequences, strict=True):
        if len(sequence) == 0:
            raise ValueError("A text needs at least one character: there is nothing to read in an empty one.")
        row[: len(sequence)] = sequence[:max_length]
    return padded

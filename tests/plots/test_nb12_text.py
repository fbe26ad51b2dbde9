"""The pictures of notebook 12: every bar and every letter stands at its token."""

import warnings

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from cct_helpers.figures import BLUE, GREEN, ORANGE, to_png
from cct_helpers.plots import nb12_text as pictures


def labels_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_bar_for_each_token_and_a_tick_for_each_letter():
    weights = np.array([0.2, 0.3, 0.5, 0.0, 0.0])
    figure = pictures.draw_padding("new yo", {"one": weights, "two": weights / 2}, stride=2, length=10)
    top, bottom = figure.axes
    assert [bar.get_height() for bar in top.patches] == weights.tolist()
    assert top.get_ylim() == bottom.get_ylim()  # one scale
    assert [ax.get_title() for ax in (top, bottom)] == ["one", "two"]
    assert [text.get_text() for text in top.texts] == ["0 % of the weight on padding"]
    assert labels_of(bottom.xaxis)[:6] == list("new\u2423yo")
    assert top.patches[2].get_facecolor() != top.patches[3].get_facecolor()
    alone = pictures.draw_padding("yo", {"one": weights[:2]})
    assert labels_of(alone.axes[0].xaxis) == list("yo")  # without padding


def test_the_reading_shows_weights_tokens_and_the_likeliest_classes_in_order():
    probabilities = np.array([0.1, 0.7, 0.2])
    figure = pictures.draw_reading("abcde", [0.4, 0.5, 0.1], np.eye(3), probabilities, ["x", "y", "z"], stride=2)
    left, middle, right, bar = figure.axes
    assert bar.get_ylim() == middle.images[0].get_clim() == (0, 1)
    other = pictures.draw_reading("abcde", [0.3, 0.4, 0.3], np.eye(3) / 2, probabilities, ["x", "y", "z"], stride=2)
    assert other.axes[0].get_ylim() == left.get_ylim() and other.axes[1].images[0].get_clim() == (0, 1)  # one scale
    assert figure.get_suptitle() == "\u201cabcde\u201d is taken for y, with a probability of 70 %"
    assert labels_of(right.yaxis) == ["y", "z", "x"]
    assert labels_of(middle.xaxis) == labels_of(middle.yaxis) == ["\u00b7ab", "bcd", "de\u00b7"]
    assert [bar.get_height() for bar in left.patches] == [0.4, 0.5, 0.1]
    assert [bar.get_x() + bar.get_width() / 2 for bar in left.patches] == pytest.approx([0, 2, 4])  # "a", "c" and "e"
    assert left.lines[0].get_ydata()[0] == pytest.approx(1 / 3) and labels_of(left.xaxis) == list("abcde")


def test_the_windows_of_a_pool_are_three_letters():
    assert pictures.windows_of("abcde", 2) == ["\u00b7ab", "bcd", "de\u00b7"]
    assert pictures.windows_of("ab", 1) == ["\u00b7ab", "ab\u00b7"]


def test_the_tokenizer_shows_each_letter_and_what_one_token_sees():
    sizes = ("(length,)", "(length, e)", "(length, dim)", "(tokens, dim)")
    figure = pictures.draw_tokenizer("greenland", 20, sizes, kernel_size=5, stride=2, token=2)
    (ax,) = figure.axes
    assert len(ax.patches) == 3 * 20 + 10
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if len(text) == 1 and text != "0"] == [*"greenland"]
    assert texts.count("0") == 3 * 11 + 5 and all(any(size in text for text in texts) for size in sizes)
    colours = [patch.get_facecolor() for patch in ax.patches]
    orange, green, blue = (to_rgba(colour) for colour in (ORANGE, GREEN, BLUE))
    assert [colours.count(colour) for colour in (orange, green, blue)] == [1, 3, 7 + 7]


def test_accuracy_over_length_has_a_line_a_method_and_the_counts():
    figure = pictures.draw_over_length(["1 to 3", "4 to 9"], {"a": [0.5, 0.7], "b": [0.2, 0.8]}, [30, 4], "far apart")
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["+30", "-10"] and ax.get_title() == "far apart"
    assert [line.get_ydata().tolist() for line in ax.lines] == [[50, 70], [20, 80]]
    assert labels_of(ax.xaxis) == ["1 to 3\n30", "4 to 9\n4"]


@pytest.mark.parametrize("tokens", [1, 9, 16])
def test_a_reading_has_room_for_every_weight(tokens):
    """A short name and a long one, long names of languages: no text may lie on another."""
    name, classes = "\u65e5" * 2 * tokens, ["Portuguese"] * 5
    for largest in np.linspace(1 / tokens, 1, 6):  # the fixture looks for flaws
        weights = np.array([largest, *[(1 - largest) / max(tokens - 1, 1)] * (tokens - 1)])
        pictures.draw_reading(name, weights, np.eye(tokens), np.full(5, 0.2), classes, stride=2)


def test_a_letter_that_the_font_lacks_is_a_box_without_a_warning():
    assert pictures.letters_of("z\u00fc \u0436\u65e5") == ["z", "\u00fc", "\u2423", "\u0436", "\u25af"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_png(pictures.draw_reading("\u65e5", [1.0], np.eye(1), np.ones(1), ["x"]))

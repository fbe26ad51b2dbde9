"""Pictures of a model show the numbers they are given."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from cct_helpers.figures import ORANGE, to_png
from cct_helpers.plots import nb06_compact_transformer as pictures

PARAMETERS = {"tokenizer": 300, "mlp": 100, "head": 0}
MACS = {"tokenizer": 2_000_000, "mlp": 1_000_000, "head": 1_000_000}
RNG = np.random.default_rng(0)


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(to_png(figure))).convert("RGB"))


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1k"), (283_723, "284k"), (35.3e6, "35.3M"), (1.182e9, "1.18G")]
)
def test_shorten(number, text):
    assert pictures.shorten(number) == text


def test_costs_are_shares_of_both_totals():
    (axes,) = pictures.draw_costs(PARAMETERS, MACS, 64).axes
    bars = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
    np.testing.assert_allclose(bars, [(0, 75), (0, 50), (75, 25), (50, 25), (100, 0), (75, 25)])
    assert [text.get_text() for text in axes.texts] == ["300", "2M", "100", "1M", "1M"]
    assert axes.get_title() == "64 tokens, 400 parameters, 4M MACs an image"
    assert axes.get_xlabel() == "share of the model (%)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(PARAMETERS)


def test_every_part_of_the_costs_has_its_own_colour():
    (axes,) = pictures.draw_costs(PARAMETERS, MACS, 64).axes
    assert len({patch.get_facecolor() for patch in axes.patches}) == len(PARAMETERS)


@pytest.mark.parametrize("message", [None, "the tokenizer does half of the work"])
def test_nothing_of_the_costs_is_cut_off(message):
    figure = pictures.draw_costs(PARAMETERS, MACS, 64, message)
    assert figure.axes[0].get_title().startswith(message or "64 tokens")
    drawn = pixels(figure)
    edges = [drawn[:2], drawn[-2:], drawn[:, :2], drawn[:, -2:]]
    assert all((edge == 255).all() for edge in edges)


def test_like_tokens_get_like_colours():
    tokens = np.repeat(RNG.normal(size=(2, 16)), 6, axis=0) + 0.001 * RNG.normal(size=(12, 16))
    colours = pictures.colour_tokens(tokens, (3, 4))
    assert colours.shape == (3, 4, 3) and colours.min() >= 0 and colours.max() <= 1
    flat = colours.reshape(12, 3)
    assert np.ptp(flat[:6, 0]) < 0.1 and np.ptp(flat[6:, 0]) < 0.1
    assert abs(flat[0, 0] - flat[6, 0]) > 0.8


PHOTO = RNG.integers(0, 256, (96, 96, 3), "uint8")
SMALL = RNG.integers(0, 256, (32, 32, 3), "uint8")


@pytest.fixture
def overview():
    tokens, attention, weights = RNG.normal(size=(64, 16)), RNG.dirichlet(np.ones(64)), RNG.dirichlet(np.ones(64))
    probabilities = np.array([0.1, 0.5, 0.05, 0.2, 0.08, 0.07])
    seen = PHOTO, SMALL, tokens, attention, weights, probabilities
    return pictures.draw_overview(*seen, "abcdef", (8, 8), (13, -6, 4), (2, 3))


def test_overview_outlines_what_the_token_sees(overview):
    image, tokens, attention = overview.axes[:3]
    for axes, place in [
        (image, (-6 + 4 * 3, -6 + 4 * 2, 13)),  # left, top and side of the field, in pixels of the small image
        (tokens, (3, 2, 1)),
        (attention, (36, 24, 12)),
    ]:
        boxes = {(box.get_x() + 0.5, box.get_y() + 0.5, box.get_width()) for box in axes.patches}
        assert boxes == {place}


def test_overview_shows_the_image_that_the_model_gets(overview):
    np.testing.assert_array_equal(overview.axes[0].images[0].get_array(), SMALL)
    assert "32 x 32 pixels" in overview.axes[0].get_title()
    assert [ax.images[0].get_array().shape for ax in overview.axes[2:4]] == [(96, 96)] * 2  # veils over the fine photo
    assert all("x uniform" in ax.get_xlabel() for ax in overview.axes[2:4])


def test_overview_names_the_likeliest_classes(overview):
    bars = overview.axes[4]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["b", "d", "a"]
    np.testing.assert_allclose([patch.get_width() for patch in bars.patches], [50, 20, 10])
    assert bars.get_xlabel() == "probability (%)"


def test_overview_fits_its_frame_and_is_white(overview):
    drawn = pixels(overview)
    assert (drawn[:2] == 255).all() and (drawn[-2:] == 255).all() and (drawn[:, :2] == 255).all()
    words = " ".join(text.get_text() for text in overview.texts)
    assert all(part in words for part in ("tokenizer", "attention", "pooling", "head"))
    assert overview.get_suptitle() == ""


def test_overview_has_room_for_a_title():
    seen = PHOTO, SMALL, RNG.normal(size=(64, 16)), *RNG.dirichlet(np.ones(64), 2), np.array([0.1, 0.5, 0.4])
    figure = pictures.draw_overview(*seen, "abc", (8, 8), (13, -6, 4), (2, 3), title="From image to class")
    assert figure.get_suptitle() == "From image to class"
    figure.draw_without_rendering()
    title, first = figure._suptitle.get_window_extent(), figure.axes[0].title.get_window_extent()
    assert title.y0 > first.y1


FAMILY = {"ViT-Lite": (65, 1000, 2000), "CVT": (64, 3000, 4000), "CCT": (63, 5000, 6000)}


@pytest.fixture
def family():
    figure = pictures.draw_family(FAMILY)
    return figure, figure.axes[0]


def test_the_family_shows_two_changes_in_orange(family):
    _, axes = family
    orange = [box for box in axes.patches if box.get_facecolor() == to_rgba(ORANGE)]
    words = {text.get_position(): text.get_text() for text in axes.texts}
    centres = [(box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2) for box in orange]
    found = [next(text for place, text in words.items() if np.allclose(place, centre)) for centre in centres]
    assert found == ["weighted mean\nof all tokens", "2 x (convolution,\nReLU, max-pool)"]
    frames = [box for box in axes.patches if box.get_edgecolor() == to_rgba(ORANGE)]
    assert len(frames) == 2  # two windows of CCT's row
    assert frames[0].get_x() + frames[0].get_width() > frames[1].get_x() + 0.1  # which overlap


def test_the_family_has_one_class_token_and_the_numbers_of_each(family):
    figure, axes = family
    assert sum(box.get_facecolor() == to_rgba("black") for box in axes.patches) == 1
    words = [text.get_text() for text in axes.texts]
    for tokens, parameters, macs in FAMILY.values():
        assert any(text.startswith(f"{tokens} tokens") for text in words)
        assert f"{parameters:,} parameters\n{pictures.shorten(macs)} MACs" in words
    assert min(text.get_fontsize() for text in axes.texts) >= 9
    drawn = pixels(figure)
    assert all((edge == 255).all() for edge in (drawn[:2], drawn[-2:], drawn[:, :2], drawn[:, -2:]))

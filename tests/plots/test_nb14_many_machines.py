"""The pictures of notebook 14 show what they were given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import GREEN, GREY, ORANGE, to_png
from cct_helpers.plots import nb14_many_machines as pictures


def assert_draws(figure):
    assert to_png(figure).startswith(b"\x89PNG")


def test_data_parallel_names_both_halves_and_their_mean():
    figure = pictures.draw_data_parallel()
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    for part in ("batch of 64", "images 0 to 31", "images 32 to 63", "device 0", "device 1", "mean of the"):
        assert part in words
    assert_draws(figure)


def test_masks_are_drawn_a_row_a_way_and_a_column_a_device():
    masks = {"one": np.eye(4)[None].repeat(2, axis=0), "two": np.stack([np.zeros((4, 4)), np.ones((4, 4))])}
    figure = pictures.draw_masks(masks, "a message")
    shown = [ax.images[0].get_array() for ax in figure.axes]
    for given, wanted in zip(shown, [*masks["one"], *masks["two"]], strict=True):
        np.testing.assert_array_equal(given, wanted)
    assert {ax.images[0].get_clim() for ax in figure.axes} == {(0, 1)}  # one scale
    assert [ax.get_title() for ax in figure.axes] == [f"{way}, device {n}" for way in masks for n in (0, 1)]
    assert_draws(figure)


def test_a_ring_of_three_ends_with_one_whole_sum_a_process():
    figure = pictures.draw_ring("abc")
    stages = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert stages[0] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert stages[1] == ["a", "a", "a+c", "a+b", "b", "b", "c", "b+c", "c"]
    assert [stages[2].index("a+b+c", 3 * row) - 3 * row for row in range(3)] == [1, 2, 0]
    assert stages[2].count("a+b+c") == 3
    assert [ax.get_title() for ax in figure.axes] == ["before", "after 1 round", "after 2 rounds"]
    green = [to_hex(patch.get_facecolor()).upper() == GREEN for patch in figure.axes[2].patches]
    assert green == [text == "a+b+c" for text in stages[2]]
    assert_draws(figure)


def test_processes_are_compared_with_the_first_of_their_model():
    seconds = {"small": {"one": 0.2, "two": 0.5}, "large": {"one": 8.0, "two": 5.0}}
    figure = pictures.draw_processes(seconds, "a message")
    for ax, (model, runs) in zip(figure.axes, seconds.items(), strict=True):
        assert ax.get_title() == f"{model} model"
        np.testing.assert_allclose([bar.get_width() for bar in ax.patches], list(runs.values()))
    colours = [[to_hex(bar.get_facecolor()).upper() for bar in ax.patches] for ax in figure.axes]
    assert colours == [[GREY, ORANGE], [GREY, GREEN]]
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert words == ["0.20 s", "0.50 s, 0.40 times as fast", "8.00 s", "5.00 s, 1.60 times as fast"]
    assert_draws(figure)


@pytest.mark.parametrize(("limit", "words"), [(12e9, "fits"), (8e9, "does not fit")])
def test_a_bill_says_whether_it_fits(limit, words):
    memory = {"weights": 1e9, "kept for the backward pass": 9e9}
    figure = pictures.draw_bill(memory, limit, 12.34, 56.7, 2, "a plan")
    assert figure.axes[0].get_xlabel().endswith(f": {words}")
    assert figure.axes[0].get_title(loc="left") == "a plan\n12.3 device hours (6.2 on each of 2), 57 dollars"
    assert_draws(figure)

"""The pictures of notebook 11: what is drawn where."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers import figures
from cct_helpers.plots import nb11_your_own_images as pictures


def test_ways_show_every_run_and_the_mean_of_the_chosen_classes():
    accuracies = {"a": np.array([[0.2, 0.4, 0.9], [0.4, 0.6, 0.5]]), "b": np.array([[1.0, 1.0, 1.0]])}
    figure = pictures.draw_ways(accuracies, rare=[2])
    every, rare = figure.axes
    points, line = every.lines[:2]
    assert points.get_xdata() == pytest.approx([50, 50]) and rare.lines[0].get_xdata() == pytest.approx([90, 50])
    assert line.get_xdata() == pytest.approx([50, 50]) and rare.lines[1].get_xdata() == pytest.approx([70, 70])
    assert [label.get_text() for label in every.get_yticklabels()] == ["a", "b"]
    assert every.get_ylim() == (1.5, -0.5)  # the first at the top
    assert "(%)" in every.get_xlabel() and rare.get_title() == "the rare classes"
    assert figures.to_png(figure).startswith(b"\x89PNG")


def test_answer_shows_the_best_classes_with_their_shares():
    probabilities, weights = np.array([0.1, 0.7, 0.2]), np.full(6, 1 / 6)
    image, seen = np.zeros((40, 20, 3), "uint8"), np.zeros((8, 12, 3), "uint8")
    figure = pictures.draw_answer(image, seen, probabilities, ["ant", "bee", "cow"], weights, (2, 3))
    photo, model, bars = figure.axes
    assert "40 x 20" in photo.get_title() and "1.0 x uniform" in model.get_title()
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([70, 20, 10])
    assert [to_hex(bar.get_facecolor()) for bar in bars.patches] == [figures.ORANGE.lower()] + [
        figures.GREY.lower()
    ] * 2
    assert [label.get_text() for label in bars.get_yticklabels()] == ["bee", "cow", "ant"]
    assert [text.get_text() for text in bars.texts] == ["70 %", "20 %", "10 %"]
    assert [text.get_position()[0] for text in bars.texts] == pytest.approx([67, 23, 13])  # inside a long bar
    assert [text.get_ha() for text in bars.texts] == ["right", "left", "left"] and bars.texts[0].get_color() == "black"
    two = pictures.draw_answer(image, seen, np.array([0.4, 0.6]), ["ant", "bee"], weights, (2, 3))
    four = pictures.draw_answer(image, seen, np.array([0.4, 0.3, 0.2, 0.1]), list("abcd"), weights, (2, 3))
    assert len(four.axes[2].patches) == 3  # the best three
    assert len(two.axes[2].patches) == 2

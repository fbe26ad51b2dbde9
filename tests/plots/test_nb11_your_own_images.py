"""The pictures of notebook 11: what is drawn where."""

import numpy as np
import pytest

from cct_helpers import figures
from cct_helpers.plots import nb11_your_own_images as pictures


def test_ways_show_every_run_and_the_mean_of_the_chosen_classes():
    accuracies = {"a": np.array([[0.2, 0.4, 0.9], [0.4, 0.6, 0.5]]), "b": np.array([[1.0, 1.0, 1.0]])}
    figure = pictures.draw_ways(accuracies, rare=[2])
    every, rare = figure.axes
    for ax, runs in ((every, [50, 50]), (rare, [90, 50])):
        mean, dots = ax.lines[:2]
        assert dots.get_xdata() == pytest.approx(runs) and mean.get_xdata() == pytest.approx([np.mean(runs)])
    assert [label.get_text() for label in every.get_yticklabels()] == ["a", "b"]
    assert every.get_ylim() == (1.5, -0.5)  # the first at the top
    assert "(%)" in every.get_xlabel() and rare.get_title() == "the rare classes"


def test_answer_shows_what_the_model_gets_and_its_best_classes():
    probabilities, weights = np.array([0.1, 0.7, 0.2]), np.full(6, 1 / 6)
    image, seen = np.zeros((40, 20, 3), "uint8"), np.full((8, 12, 3), 9, "uint8")
    figure = pictures.draw_answer(image, seen, probabilities, ["ant", "bee", "cow"], weights, (2, 3))
    photo, model, bars = figure.axes
    assert "40 x 20" in photo.get_title() and "1.0 x uniform" in model.get_title()
    np.testing.assert_array_equal(model.images[0].get_array(), figures.fade(seen))
    assert [label.get_text() for label in bars.get_yticklabels()] == ["bee", "cow", "ant"]

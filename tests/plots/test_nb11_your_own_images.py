"""The pictures of notebook 11: what is drawn where."""

import numpy as np
import pytest

from cct_helpers import figures
from cct_helpers.plots import nb11_your_own_images as pictures


def test_ways_show_every_run_and_the_mean_of_the_chosen_classes():
    accuracies = {"a": np.array([[0.2, 0.4, 0.9], [0.4, 0.6, 0.5]]), "b": np.array([[1.0, 1.0, 1.0]])}
    figure = pictures.draw_ways(accuracies, rare=[2], message="b is best")
    every, rare = figure.axes
    for ax, runs in ((every, [50, 50]), (rare, [90, 50])):
        mean, dots = ax.lines[:2]
        assert dots.get_xdata() == pytest.approx(runs) and mean.get_xdata() == pytest.approx([np.mean(runs)])
    assert [label.get_text() for label in every.get_yticklabels()] == ["a", "b"]
    assert every.get_ylim() == (1.5, -0.5)  # the first at the top
    assert "(%)" in every.get_xlabel() and rare.get_title() == "the rare classes"
    assert figure.get_suptitle() == "b is best"


def test_a_survey_shows_sizes_classes_and_the_broken_files_by_name():
    sizes = np.array([[32, 24], [32, 24], [64, 48]])
    counts = {"train": {"cat": 2, "dog": 1}, "test": {"dog": 3}}
    figure = pictures.draw_survey(sizes, counts, ["train/cat/bad.png: cut short"], size=(32, 24))
    left, right = figure.axes
    assert left.collections[0].get_offsets().tolist() == [[24, 32], [48, 64]]  # width, height
    small, large = left.collections[0].get_sizes()
    assert small > large  # there are two of the first
    assert [bar.get_height() for bar in right.patches] == [2, 1, 0, 3] and right.patches[3].get_y() == 1
    assert "3 files of 2 sizes" in left.get_title() and "2 classes of 2 to 4 images" in right.get_title()
    assert "bad.png: cut short" in figure.get_supxlabel()
    assert left.lines[0].get_xydata().tolist() == [[24, 32]]


def test_a_survey_of_much_names_the_first_and_counts_the_rest():
    counts = {"": {f"class {i}": 1 for i in range(40)}}
    figure = pictures.draw_survey(np.zeros((0, 2)), counts, [f"{i}.png" for i in range(10)])
    assert "5.png\nand 4 more" in figure.get_supxlabel() and "6.png" not in figure.get_supxlabel()
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == []


def test_the_start_says_what_becomes_of_each_part():
    texts = [text.get_text() for text in pictures.draw_start((32, 32, 10), (64, 48, 3)).axes[0].texts]
    assert "32 x 32\nnow\n64 x 48\npixels" in texts and "10 classes\nnow\n3" in texts
    assert texts.count("copied") == 3 and sum(text.startswith("resized") for text in texts) == 1
    assert any("the head is new" in text for text in texts)


def test_the_worst_class_is_orange_and_has_its_number_of_images():
    figure = pictures.draw_class_scores(np.array([0.9, np.nan, 0.2]), np.array([19, 4, 5]), ["a", "b", "c"])
    (ax,) = figure.axes
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([90, 0, 20])
    assert ax.patches[2].get_facecolor() != ax.patches[0].get_facecolor() == ax.patches[1].get_facecolor()
    assert "classes differ" in ax.get_title() and ax.lines[0].get_ydata()[0] == pytest.approx(55)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a\n19", "b\n4", "c\n5"]
    (alike,) = pictures.draw_class_scores(np.ones(2), np.array([5, 5]), ["a", "b"]).axes
    assert alike.get_title() == "Every class does as well as the mean"


def test_splits_show_which_frames_are_tested_and_every_score():
    tested = np.array([[True, False, False], [False, False, True]])
    frames = np.zeros((2, 2, 8, 8, 3), "uint8")
    figure = pictures.draw_splits(frames, {"one": tested, "other": ~tested}, ["cat", "mug"], {"a b": [0.5, 1.0]})
    photos, one, other, _, scores = figure.axes
    assert len(photos.images) == 4 and [label.get_text() for label in photos.get_yticklabels()] == ["cat", "mug"]
    assert one.collections[0].get_offsets().tolist() == other.collections[1].get_offsets().tolist() == [[0, 0], [2, 1]]
    mean, dots = scores.lines[:2]
    assert dots.get_xdata() == pytest.approx([50, 100]) and mean.get_xdata() == pytest.approx([75])
    assert figure.get_suptitle().endswith(": 75 % a b")


def test_a_photo_is_shown_at_its_own_sizes():
    figure = pictures.draw_at_sizes([np.zeros((side, side, 3), "uint8") for side in (4, 16)], "16 is enough")
    assert figure.get_suptitle() == "16 is enough"
    assert [ax.get_title() for ax in figure.axes] == ["4 x 4", "16 x 16"]
    assert [ax.images[0].get_array().shape[0] for ax in figure.axes] == [4, 16]


def test_choices_show_every_run_of_every_line():
    curve = ("n", {"x": {5: [0.5, 0.7], 10: [0.8, 0.8]}, "y": {5: [0.1, 0.3], 10: [0.2, 0.2]}})
    named = ("right (%)", {"": {"nothing": [0.5, 0.6], "first this, then that": [1.0, 1.0]}})
    figure = pictures.draw_choices({"one": curve, "two": curve, "three": curve, "four": named})
    line, mean, dots = figure.axes[0].lines[:3]
    assert line.get_ydata() == pytest.approx([60, 80]) and dots.get_ydata() == pytest.approx([50, 70, 80, 80])
    assert len(figure.axes[0].lines) == 6 and figure.axes[0].get_xscale() == "log"
    last = figure.axes[3]
    assert [label.get_text() for label in last.get_yticklabels()] == ["nothing", "first this,\nthen that"]
    assert last.lines[1].get_xdata() == pytest.approx([50, 60, 100, 100])
    two = pictures.draw_choices({"one": curve, "two": named})
    assert len(two.axes) == 2 and two.get_figheight() == figure.get_figheight() / 2
    assert pictures.draw_choices({"one": curve, "two": named}, "x is better").get_suptitle() == "x is better"


def test_every_choice_of_every_line_has_a_tick_and_the_legend_covers_no_dot():
    curve = ("n", {"shipped weights": {0.1: [0.9], 1: [1.0]}, "from scratch": {1: [0.5], 10: [1.0]}})
    named = ("right (%)", {"": {"nothing": [0.5]}})
    figure = pictures.draw_choices({"one": curve, "two": curve, "three": curve, "four": named})
    figure.canvas.draw()
    for ax in figure.axes[:3]:
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.1", "1", "10"]
        legend = ax.get_legend().get_window_extent()
        assert ax.bbox.x0 < legend.x0 and legend.x1 < ax.bbox.x1
        dots = np.concatenate([ax.transData.transform(line.get_xydata()) for line in ax.lines])
        assert len(dots) == 12 and dots[:, 1].max() < legend.y0


def test_answer_shows_what_the_model_gets_and_its_best_classes():
    probabilities, weights = np.array([0.1, 0.7, 0.2]), np.full(6, 1 / 6)
    image, seen = np.zeros((40, 20, 3), "uint8"), np.full((8, 12, 3), 9, "uint8")
    figure = pictures.draw_answer(image, seen, probabilities, ["ant", "bee", "cow"], weights, (2, 3))
    photo, model, bars = figure.axes
    assert "40 x 20" in photo.get_title() and "1.0 x uniform" in model.get_title()
    assert figure.get_suptitle() == "It says bee, with a probability of 70 %"
    np.testing.assert_array_equal(model.images[0].get_array(), figures.fade(seen))
    assert [label.get_text() for label in bars.get_yticklabels()] == ["bee", "cow", "ant"]

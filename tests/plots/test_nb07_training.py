"""Pictures of notebook 07 show the numbers they are given, with labelled axes."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

from cct_helpers.figures import new_figure, to_png
from cct_helpers.plots import nb07_training as pictures
from cct_helpers.recipes import RECIPES

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 8, 6, 3), dtype="uint8")


def shown(axes):
    """The array of the image in `axes`."""
    return np.asarray(axes.images[0].get_array())


def lines(axes):
    """Label -> y values of the lines in `axes`."""
    return {line.get_label(): np.asarray(line.get_ydata(), float) for line in axes.lines}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def assert_draws(figure):
    assert isinstance(figure, Figure)
    assert to_png(figure).startswith(b"\x89PNG")


def test_crop_shows_what_the_window_holds():
    figure = pictures.draw_crop(IMAGES[0], padding=2, top=0, left=4)
    image, padded, crop = map(shown, figure.axes)
    middle = figure.axes[1]
    np.testing.assert_array_equal(image, IMAGES[0])
    assert padded.shape == (12, 10, 3) and padded[:2].max() == 0
    np.testing.assert_array_equal(crop, padded[0:8, 4:10])
    np.testing.assert_array_equal(middle.images[1].get_array(), IMAGES[0])  # over the hatches
    assert middle.images[1].get_extent() == [1.5, 7.5, 9.5, 1.5] and middle.patches[0].get_hatch()
    window = middle.patches[-1]
    assert (window.get_x(), window.get_y(), window.get_width(), window.get_height()) == (3.5, -0.5, 6, 8)
    assert figure.axes[2].images[0].get_extent() == [3.5, 9.5, 7.5, -0.5]
    assert figure.get_suptitle() == "The window at row 0, column 4 moves the picture down by 2 and left by 2"
    assert {(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())) for ax in figure.axes} == {(10.5, 12.5)}  # one scale
    assert_draws(figure)


def test_crop_says_where_nothing_moved():
    figure = pictures.draw_crop(IMAGES[0], padding=2, top=3, left=2)
    assert figure.get_suptitle().endswith("moves the picture up by 1 and not right")


@pytest.mark.parametrize("place", [(-1, 0), (0, 5)])
def test_crop_refuses_a_window_outside(place):
    with pytest.raises(ValueError, match="between 0 and 2 \\* padding = 4"):
        pictures.draw_crop(IMAGES[0], 2, *place)


@pytest.mark.parametrize("places", [3, 9])
def test_offsets_are_shares_with_no_move_in_the_middle(places):
    counts = np.ones((2, places, places), int)
    counts[1, 0, -1] = 5
    figure = pictures.draw_offsets(counts, ["one", "two"], "even, uneven")
    assert figure.get_suptitle() == "even, uneven"
    np.testing.assert_allclose(shown(figure.axes[1]), 100 * counts[1] / counts[1].sum())
    assert (
        figure.axes[0].get_xlabel() == "moved right (pixels)" and figure.axes[0].get_ylabel() == "moved down (pixels)"
    )
    expected = 100 / places**2  # and a standard deviation of that share
    chance = 100 * np.sqrt((1 - 1 / places**2) / places**2 / counts[0].sum())
    bar = figure.axes[-1].get_ylabel()
    assert bar == f"share of images (%)\nexpected: {expected:.1f} ± {chance:.1f}"
    numbers = [text.get_color() for text in figure.axes[1].texts]
    assert numbers == (["white"] * 2 + ["black"] + ["white"] * 6 if places == 3 else [])  # dark on bright, and back
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[places // 2] == "0" and labels[-1] == str(places // 2)
    assert_draws(figure)


def test_smoothing_marks_the_lowest_loss_inside_the_range():
    margins = np.linspace(0, 10, 11)
    losses = {"one hot": -margins, "smoothed": (margins - 4) ** 2, "less": (margins - 1) ** 2}
    figure = pictures.draw_smoothing(margins, losses)
    lowest = [text for text in texts(figure.axes[0]) if text.startswith("lowest")]
    assert lowest == ["lowest: 0.00 at 4.0", "lowest: 0.00 at 1.0"]  # one hot has its lowest at the border
    assert [text for text in texts(figure.axes[0]) if text not in lowest] == ["one hot", "smoothed", "less"]  # upwards
    np.testing.assert_array_equal(lines(figure.axes[0])["one hot"], -margins)
    assert "nats" in figure.axes[0].get_ylabel()
    assert_draws(figure)


def test_schedule_counts_steps_from_one_and_epochs_above():
    rates = np.linspace(0, 1e-3, 40)
    figure = pictures.draw_schedule(rates, 10, {"constant": np.full(40, 5e-4)})
    other, line = figure.axes[0].lines  # this schedule on top
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 41))
    np.testing.assert_array_equal(line.get_ydata(), rates)
    assert other.get_label() == "constant" and line.get_label() == "this schedule"
    assert texts(figure.axes[0]) == ["constant", "this schedule"]  # from the lowest end up
    assert figure.get_suptitle() == "Highest at step 40, 0.001; 0.001 at the end"
    assert_draws(figure)
    top = figure.axes[0].child_axes[0]
    np.testing.assert_allclose(np.array(top.get_xlim()) * 10, figure.axes[0].get_xlim())


def test_history_has_percent_and_the_best_epoch():
    history = {
        "loss": [2.0, 1.0, 0.5],
        "val_loss": [1.9, 1.2, 1.3],
        "top1": [0.3, 0.5, 0.8],
        "val_top1": [0.2, 0.6, 0.5],
    }
    figure = pictures.draw_history({**history, "best_epoch": 2}, "it learns")
    assert figure.get_suptitle() == "it learns"
    loss, top1 = figure.axes
    np.testing.assert_allclose(lines(top1)["validation"], [20, 60, 50])
    np.testing.assert_allclose(lines(loss)["training, augmented"], history["loss"])
    np.testing.assert_allclose(lines(top1)["best epoch, 2"], [60])
    np.testing.assert_allclose(lines(loss)["best epoch, 2"], [1.2])
    assert texts(loss) == ["best epoch, 2", "training, augmented", "validation"]
    assert texts(top1) == ["best epoch, 2", "validation", "training, augmented"]  # names from the lowest up
    assert "%" in top1.get_ylabel() and "nats" in loss.get_ylabel()
    assert_draws(figure)


def test_history_of_one_epoch():
    history = {"loss": [2.0], "val_loss": [1.9], "top1": [0.3], "val_top1": [0.2], "best_epoch": 1}
    assert_draws(pictures.draw_history(history, "one epoch"))


def raced(seconds, top1, scales, test):
    """A run as the record has it."""
    history = {"seconds": seconds, "val_top1": top1, "recipe": {"image_scales": scales}}
    return {"history": history, "test": {"top1": test}}


def test_the_race_shows_each_recipe_each_run_and_each_image_size():
    fast = [raced([60, 60, 120], [0.5, 0.6, top1], [[0.5, 2]], 0.76) for top1 in (0.77, 0.78)]
    old = raced([480, 480, 2880], [0.4, 0.5, 0.75], [], 0.74)
    figure = pictures.draw_race({"fast": fast, "old": [old]}, 76.45)
    ax = figure.axes[0]
    sizes = [f"validation, images of {side} px" for side in (16, 24, 32)]
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == [*sizes, "test, read once"]
    assert texts(ax) == ["fast", "old", "76.45 %, reported in 2021"]  # a name a recipe, not one a run
    star, curve, small, middle, large = ax.lines[:5]
    assert [line.get_marker() for line in (star, small, middle, large)] == ["*", "^", "s", "o"]
    np.testing.assert_allclose(star.get_xydata(), [[4, 76]])
    np.testing.assert_allclose(curve.get_ydata(), [50, 60, 77])
    np.testing.assert_allclose(small.get_xdata(), [1, 2])
    assert len(middle.get_xdata()) == 0 and list(large.get_xdata()) == [4]
    second, slow = ax.lines[6], ax.lines[11]
    assert curve.get_color() == second.get_color() != slow.get_color()
    np.testing.assert_allclose(slow.get_xdata(), [8, 16, 64])
    assert list(ax.lines[-1].get_ydata()) == [76.45] * 2
    assert ax.get_title() == "The accuracy of 2021 after 4 minutes instead of 64"
    assert ax.get_xscale() == "log" and "log scale" in ax.get_xlabel()
    assert_draws(figure)


def test_the_loop_names_what_happens_how_often():
    recipe = dataclasses.replace(RECIPES["quick"], epochs=15, batch_size=64)
    ax = pictures.draw_loop(recipe, 300, (16, 16, 1), 10).axes[0]
    words = texts(ax)
    assert words[0] == "300 steps make gradients, 15 looks at validation choose, one test reports"
    assert "every step\n(300 times)" in words and "every epoch\n(15 times)" in words and "once" in words
    assert "training images\n(64, 16, 16, 1)" in words and "model: logits\n(64, 10)" in words
    assert "after 20 steps" in words and "after 15 epochs" in words
    assert len(ax.patches) == 11 and len({patch.get_facecolor() for patch in ax.patches}) == 3
    assert min(text.get_fontsize() for text in ax.texts) >= 9
    assert_draws(ax.figure)


@pytest.mark.parametrize(
    ("name", "changes", "augmentation", "optimizer"),
    [
        ("quick", {}, "crop", "AdamW"),
        ("fast", {}, "crop, flip", "Muon"),
        ("quick", {"augment": "none"}, "none", "AdamW"),
    ],
)
def test_the_loop_shows_what_the_recipe_says(name, changes, augmentation, optimizer):
    recipe = dataclasses.replace(RECIPES[name], **changes)
    words = texts(pictures.draw_loop(recipe, 300, (16, 16, 1), 10).axes[0])
    assert f"augment:\n{augmentation}" in words and f"{optimizer}:\nmove weights" in words


def test_readings_are_named_at_their_ends():
    points = {"on test": np.array([0, 2, 4.2]), "on validation": np.array([0, 0.1, 0.04])}
    figure = pictures.draw_readings([1, 2, 3], points)
    np.testing.assert_array_equal(lines(figure.axes[0])["on test"], points["on test"])
    assert texts(figure.axes[0]) == ["on validation: +0.0", "on test: +4.2"]
    assert figure.axes[0].get_legend() is None
    assert_draws(figure)


def test_names_of_lines_that_end_together_are_moved_apart():
    figure, ax = new_figure()
    ax.set(xlabel="x", ylabel="y")
    ax.plot([0, 1], [[0, 0, 0], [1, 1, 10]])
    pictures.name_lines(ax, {"one": (1, 1, "blue"), "two": (1, 1, "red"), "far": (1, 10, "green")}, apart=0.2)
    (_, one), (_, two), (_, far) = [text.get_position() for text in ax.texts]
    np.testing.assert_allclose(two - one, 0.2)
    np.testing.assert_allclose(far, ax.transLimits.transform((0, 10))[1])
    assert [text.xy for text in ax.texts] == [(1, 1), (1, 1), (1, 10)]  # the thin lines lead to the ends
    assert_draws(figure)


def test_names_of_lines_stay_below_the_title():
    figure, ax = new_figure()
    ax.set(xlabel="x", ylabel="y")
    ax.plot([0, 1], [[0, 0], [10, 10]])
    pictures.name_lines(ax, {"one": (1, 10, "blue"), "two": (1, 10, "red")}, apart=0.2)
    np.testing.assert_allclose([text.get_position()[1] for text in ax.texts], [0.8, 1.0])

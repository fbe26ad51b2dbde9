"""Pictures of notebook 07 show the numbers they are given, with labelled axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cct_helpers import figures
from cct_helpers.figures import to_png
from cct_helpers.plots import nb07_training as pictures

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
    np.testing.assert_array_equal(image, IMAGES[0])
    assert padded.shape == (12, 10, 3) and padded[:2].max() == 0
    np.testing.assert_array_equal(crop, padded[0:8, 4:10])
    outline, window = figure.axes[1].patches
    assert (outline.get_x(), outline.get_y()) == (1.5, 1.5)  # where the image lies in the padding
    assert (window.get_x(), window.get_y(), window.get_width(), window.get_height()) == (3.5, -0.5, 6, 8)
    assert_draws(figure)


@pytest.mark.parametrize("place", [(-1, 0), (0, 5)])
def test_crop_refuses_a_window_outside(place):
    with pytest.raises(ValueError, match="between 0 and 2 \\* padding = 4"):
        pictures.draw_crop(IMAGES[0], 2, *place)


def test_before_after_pairs_originals_with_copies():
    figure = pictures.draw_before_after(IMAGES, IMAGES[:, :, ::-1], "pairs", names=("as it is", "mirrored"))
    above, below = figure.axes
    assert len(above.images) == len(below.images) == 7
    np.testing.assert_array_equal(above.images[2].get_array(), IMAGES[2])
    np.testing.assert_array_equal(below.images[2].get_array(), IMAGES[2, :, ::-1])
    assert above.images[2].get_extent() == below.images[2].get_extent()
    assert [above.get_ylabel(), below.get_ylabel()] == ["as it is", "mirrored"]
    assert_draws(figure)


def test_before_after_refuses_other_shapes():
    with pytest.raises(ValueError, match="each original needs one copy"):
        pictures.draw_before_after(IMAGES, IMAGES[:3])


@pytest.mark.parametrize("places", [3, 9])
def test_offsets_are_shares_with_no_move_in_the_middle(places):
    counts = np.ones((2, places, places), int)
    counts[1, 0, -1] = 5
    figure = pictures.draw_offsets(counts, ["one", "two"])
    np.testing.assert_allclose(shown(figure.axes[1]), 100 * counts[1] / counts[1].sum())
    assert (
        figure.axes[0].get_xlabel() == "moved right (pixels)" and figure.axes[0].get_ylabel() == "moved down (pixels)"
    )
    assert figure.axes[-1].get_ylabel() == "share of the images (%)"  # the bar of colours
    numbers = [text.get_color() for text in figure.axes[1].texts]
    assert numbers == (["white"] * 2 + ["black"] + ["white"] * 6 if places == 3 else [])  # dark on bright, and back
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[places // 2] == "0" and labels[-1] == str(places // 2)
    assert_draws(figure)


def test_smoothing_marks_the_lowest_loss_inside_the_range():
    margins = np.linspace(0, 10, 11)
    losses = {"one hot": -margins, "smoothed": (margins - 4) ** 2, "less": (margins - 1) ** 2}
    figure = pictures.draw_smoothing(margins, losses, 0.1)
    assert texts(figure.axes[0]) == ["lowest at 4.0", "lowest at 1.0"]  # one hot has its lowest at the border
    np.testing.assert_array_equal(lines(figure.axes[0])["one hot"], -margins)
    assert "nats" in figure.axes[0].get_ylabel()
    assert_draws(figure)


def test_schedule_counts_steps_from_one_and_epochs_above():
    rates = np.linspace(0, 1e-3, 40)
    figure = pictures.draw_schedule(rates, 10, {"constant": np.full(40, 5e-4)})
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 41))
    np.testing.assert_array_equal(line.get_ydata(), rates)
    assert "constant" in lines(figure.axes[0])
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
    figure = pictures.draw_history({**history, "best_epoch": 2})
    loss, top1 = figure.axes
    np.testing.assert_allclose(lines(top1)["validation"], [20, 60, 50])
    np.testing.assert_allclose(lines(loss)["training, augmented"], history["loss"])
    np.testing.assert_allclose(lines(top1)["best epoch, 2"], [60])
    np.testing.assert_allclose(lines(loss)["best epoch, 2"], [1.2])
    assert "%" in top1.get_ylabel() and "nats" in loss.get_ylabel()
    assert_draws(figure)


def test_history_of_one_epoch():
    history = {"loss": [2.0], "val_loss": [1.9], "top1": [0.3], "val_top1": [0.2], "best_epoch": 1}
    assert_draws(pictures.draw_history(history))


def test_confusion_rows_are_true_classes():
    counts = np.array([[8, 2], [0, 5]])
    figure = pictures.draw_confusion(counts, ["cat", "dog"])
    ax = figure.axes[0]
    np.testing.assert_allclose(shown(ax), [[80, 20], [0, 100]])
    written = {(text.get_position(), text.get_text()) for text in ax.texts}
    assert written == {((0, 0), "8"), ((1, 0), "2"), ((1, 1), "5")}  # zeros are left blank
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert_draws(figure)


def test_confusion_without_images_of_a_class():
    assert_draws(pictures.draw_confusion(np.array([[3, 0], [0, 0]]), ["cat", "dog"]))


@pytest.mark.parametrize("count", [0, 2, 7])
def test_errors_say_guess_confidence_and_truth(count):
    guesses, truths = [f"guess {i}" for i in range(count)], [f"truth {i}" for i in range(count)]
    figure = figures.draw_errors(IMAGES[:count], guesses, truths, np.linspace(0.9, 0.5, count))
    titled = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert len(titled) == count
    if count:
        assert titled[0] == "says guess 0, 90 %\nis truth 0"
    assert_draws(figure)


def test_optimism_draws_each_gain():
    figure = pictures.draw_optimism([1, 2, 3], {"test": [0, 1, 2], "validation": [0, 0, 0.1]})
    np.testing.assert_array_equal(lines(figure.axes[0])["test"], [0, 1, 2])
    assert "percentage points" in figure.axes[0].get_ylabel()
    assert_draws(figure)


def test_comparison_writes_mean_and_spread():
    figure = pictures.draw_comparison({"CCT": [98.0, 99.0, 97.0], "ViT-Lite": [90.0], "CVT": [94.0, 96.0]})
    assert texts(figure.axes[0]) == ["98.00 ± 1.00", "90.00", "95.00 ± 1.41"]  # one run has no spread
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [98, 99, 97])
    assert np.all(figure.axes[0].lines[0].get_xdata() < 0) and figure.axes[0].texts[0].get_position() == (0.24, 98)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["CCT", "ViT-Lite", "CVT"]
    assert_draws(figure)


def test_the_race_shows_each_recipe_each_run_and_each_image_size():
    fast = [([1, 2, 4], [50, 60, 77], [16, 16, 32], 76), ([1.1, 2.1, 4.2], [51, 61, 78], [16, 16, 32], 79)]
    figure = pictures.draw_race({"fast": fast, "old": [([8, 16, 64], [40, 50, 75], [32, 32, 32], 74)]}, 76.45)
    ax = figure.axes[0]
    sizes = [f"validation, images of {side} px" for side in (16, 32)]
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["fast", "old", *sizes, "test, read once"]  # a name a recipe, not one a run
    star, curve, small, large = ax.lines[:4]
    assert [line.get_marker() for line in (star, small, large)] == ["*", "^", "s"]
    np.testing.assert_array_equal(star.get_xydata(), [[4, 76]])
    np.testing.assert_array_equal(curve.get_ydata(), [50, 60, 77])
    np.testing.assert_array_equal(large.get_xdata(), [4])
    second, old = ax.lines[5], ax.lines[9]
    assert curve.get_color() == second.get_color() != old.get_color() and list(old.get_xdata()) == [8, 16, 64]
    assert list(ax.lines[-1].get_ydata()) == [76.45] * 2
    assert ax.get_xscale() == "log" and "logarithmic" in ax.get_xlabel() and "76.45 %" in texts(ax)
    assert_draws(figure)

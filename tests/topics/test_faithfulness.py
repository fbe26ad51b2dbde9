"""Tests of maps against removal: on models whose use of the image is known by construction."""

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.topics import faithfulness

pytestmark = pytest.mark.any_backend

GRID = (2, 3)  # not square, squares of 2 x 4 pixels
IMAGE = np.random.default_rng(0).integers(1, 255, (4, 12, 3), dtype="uint8")
NUMBERS = np.repeat(np.repeat(np.arange(6).reshape(GRID), 2, axis=0), 4, axis=1)
GREY = np.zeros_like(IMAGE, "float32")


def reads(square):
    """A model that answers class 1 with the brightness of one square, 0 to 1, and class 0 with the rest."""

    def predict(images):
        share = images[:, NUMBERS == square].mean(axis=(1, 2)) / 255
        return np.stack([1 - share, share], axis=1)

    return predict


def bright(square):
    """An image in which the model that reads `square` is sure of class 1."""
    image = IMAGE.copy()
    image[NUMBERS == square] = 250
    return image


def test_each_pixel_belongs_to_the_square_it_lies_on():
    assert np.array_equal(faithfulness.token_of_pixel(4, 12, GRID), NUMBERS)


@pytest.mark.parametrize("height, width", [(5, 12), (4, 10)])
def test_a_grid_that_does_not_divide_the_image_is_refused(height, width):
    with pytest.raises(ValueError, match=f"2 x 3 tokens does not divide an image of {height} x {width} pixels"):
        faithfulness.token_of_pixel(height, width, GRID)


def test_without_replaces_the_first_squares_and_no_other_pixel():
    order = [4, 0, 5, 1, 2, 3]
    removed = faithfulness.remove_squares(IMAGE, order, [0, 1, 3, 6], GRID, GREY)
    assert removed.shape == (4, 4, 12, 3) and removed.dtype == "float32"
    for image, gone in zip(removed, ([], [4], [4, 0, 5], order), strict=True):
        hidden = np.isin(NUMBERS, gone)
        assert np.all(image[hidden] == 0) and np.array_equal(image[~hidden], IMAGE[~hidden])


def test_mean_fill_is_the_mean_colour_everywhere():
    fill = faithfulness.mean_fill(IMAGE)
    assert fill.shape == IMAGE.shape
    np.testing.assert_allclose(fill[3, 7], IMAGE.reshape(-1, 3).mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_blurred_fill_takes_detail_and_keeps_the_mean(channels):
    image = np.random.default_rng(1).integers(0, 255, (16, 16, channels), dtype="uint8")
    fill = faithfulness.blurred_fill(image)
    assert fill.shape == image.shape and fill.std() < image.std() / 4
    np.testing.assert_allclose(fill.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=6)


def test_order_of_puts_the_largest_first():
    assert faithfulness.order_of([[0.1, 0.7, -0.2], [3, 1, 2]]).tolist() == [[1, 0, 2], [0, 2, 1]]


def test_random_orders_are_different_permutations_and_repeatable():
    one, other = (faithfulness.random_orders(50, 6, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
    assert np.array_equal(np.sort(one, axis=1), np.tile(np.arange(6), (50, 1)))
    assert len(np.unique(one, axis=0)) > 30


def test_centre_map_is_largest_in_the_middle():
    values = faithfulness.centre_map((3, 5))
    assert values.sum() == pytest.approx(1) and values.argmax() == 7


@pytest.mark.parametrize("grid", [(8, 8), (3, 5), (1, 6)])
def test_centre_map_is_symmetric_to_the_last_bit(grid):
    """Else the order of squares at the same distance would depend on how a processor rounds."""
    values = faithfulness.centre_map(grid).reshape(grid)
    assert np.array_equal(values, values[::-1]) and np.array_equal(values, values[:, ::-1])
    assert grid != (8, 8) or (np.array_equal(values, values.T) and len(np.unique(values)) == 9)


def test_deletion_curve_falls_when_the_square_that_is_read_goes():
    orders = [[2, 0, 1, 3, 4, 5], [0, 1, 2, 3, 4, 5], [0, 1, 3, 4, 5, 2]]
    curves = faithfulness.deletion_curves(reads(2), bright(2), orders, GRID, GREY, range(7))
    full = 250 / 255
    for curve, place in zip(curves, (0, 2, 5), strict=True):
        np.testing.assert_allclose(curve, np.where(np.arange(7) <= place, full, 0), atol=1e-5)


def test_deletion_follows_the_class_of_the_whole_image():
    dark = bright(2)
    dark[NUMBERS == 2] = 5  # the model answers class 0, and goes on to
    (curve,) = faithfulness.deletion_curves(reads(2), dark, [[2, 0, 1, 3, 4, 5]], GRID, GREY, [0, 2, 4, 6])
    np.testing.assert_allclose(curve, [1 - 5 / 255, 1, 1, 1], atol=1e-5)


def test_area_is_the_mean_height():
    assert faithfulness.area([0.3, 0.3, 0.3], [0, 1, 4]) == pytest.approx(0.3)
    assert faithfulness.area([[1, 0.5, 0], [1, 0, 0]], [0, 2, 4]) == pytest.approx([0.5, 0.25])
    assert faithfulness.area([1, 0, 0], [0, 1, 4]) == pytest.approx(0.125)  # a point after a quarter counts for less


@pytest.mark.parametrize("tokens", [6, 16, 64, 256])
def test_removal_goes_from_none_to_all_and_is_finer_at_the_start(tokens):
    counts = faithfulness.removal_counts(tokens)
    assert counts[0] == 0 and counts[-1] == tokens and np.all(np.diff(counts) > 0)
    assert tokens // 8 in counts or tokens < 8
    if tokens == 64:
        assert counts.tolist() == [0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64]


@pytest.mark.parametrize("square", [0, 4])
def test_occlusion_finds_the_square_that_is_read(square):
    values = faithfulness.occlusion_map(reads(square), bright(square), GRID, GREY)
    np.testing.assert_allclose(values, np.eye(6)[square] * 250 / 255, atol=1e-5)


def test_occlusion_is_negative_where_a_square_speaks_against_the_class():
    def predict(images):
        left, right = (images[:, NUMBERS == square].mean(axis=(1, 2)) / 255 for square in (0, 2))
        return np.stack([left, right], axis=1) / (left + right + 1e-9)[:, None]

    image = np.full((4, 12, 3), 50, "uint8")
    image[NUMBERS == 0] = 200
    values = faithfulness.occlusion_map(predict, image, GRID, GREY)
    assert values[0] > 0.5 and values[2] < -0.1 and np.allclose(values[[1, 3, 4, 5]], 0)


def test_compare_orders_ranks_a_true_map_above_random_above_a_wrong_one():
    images = np.stack([bright(2), bright(2)[::-1, :, ::-1].copy(), bright(2)])
    maps = {"true": np.tile(np.eye(6)[2], (3, 1)), "wrong": np.tile(-np.eye(6)[2], (3, 1))}
    rng = np.random.default_rng(0)
    curves, occlusion = faithfulness.compare_orders(reads(2), images, maps, GRID, lambda i: GREY, rng, counts=range(7))
    assert set(curves) == {"true", "wrong", "occlusion", "random"} and occlusion.shape == (3, 6)
    assert all(curve.shape == (3, 7) for curve in curves.values())
    areas = {
        name: faithfulness.area(curve, range(7))[[0, 2]] for name, curve in curves.items()
    }  # those that show class 1
    assert np.all(areas["true"] < areas["random"]) and np.all(areas["random"] < areas["wrong"])
    assert np.allclose(areas["occlusion"], areas["true"])
    assert not np.array_equal(curves["random"][0], curves["random"][2])  # new random orders for each image


def test_compare_orders_averages_the_curves_of_a_control_with_several_orders():
    images = bright(2)[None]
    first, last = np.eye(6)[2], -np.eye(6)[2]
    maps = {"first": first[None], "last": last[None], "both": np.stack([first, last])[None]}
    found, _ = faithfulness.compare_orders(
        reads(2), images, maps, GRID, lambda i: GREY, np.random.default_rng(0), counts=range(7)
    )
    np.testing.assert_allclose(found["both"], (found["first"] + found["last"]) / 2)
    assert np.abs(found["first"] - found["last"]).max() > 0.5


def test_moved_keeps_neighbours_and_leaves_no_map_in_place():
    maps = np.random.default_rng(0).normal(size=(50, 6))
    moved = faithfulness.moved(maps, GRID, np.random.default_rng(1))
    assert moved.shape == (50, faithfulness.OTHERS, 6)
    steps = set()
    for one, several in zip(maps, moved, strict=True):
        for other in several:
            rolled = {
                (down, right): np.roll(one.reshape(GRID), (down, right), axis=(0, 1)).ravel()
                for down in range(2)
                for right in range(3)
            }
            (step,) = [step for step, values in rolled.items() if np.array_equal(values, other)]
            steps.add(step)
    assert steps == {(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)}


def test_maps_of_a_model_and_their_controls():
    keras.utils.set_random_seed(0)
    model = cct.build_cct("cct_2_3x2_32", input_shape=(8, 12, 1), dim=16, hidden_channels=8, num_classes=3)
    images = np.random.default_rng(0).normal(size=(5, 8, 12, 1)).astype("float32")
    maps = faithfulness.maps_of(model, images, np.random.default_rng(0), mine=np.arange(30.0).reshape(5, 6))
    predicted = cct.predict(model, images).argmax(axis=1)
    np.testing.assert_allclose(maps["votes"][3], cct.token_votes(model, images)[3, :, predicted[3]], atol=1e-5)
    np.testing.assert_allclose(maps["pooling weights"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(maps["last attention"].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(maps["rollout"].sum(axis=1), 1, atol=1e-5)
    assert maps["another image's mine"][0, :, 0].tolist() == [24, 18, 12]  # images 4, 3 and 2, never image 0
    assert {name: np.ndim(values) for name, values in maps.items() if np.ndim(values) == 3} == {
        name: 3 for name in maps if name.startswith("another") or name == "votes, moved"
    }
    assert np.ptp(maps["centre"], axis=0).max() == 0


def test_largest_shared_counts_tokens_whatever_their_rank():
    one, other = np.array([[9, 5, 1, 0], [1, 2, 3, 4]]), np.array([[4, 7, 0, 5], [1, 2, 3, 4]])
    assert faithfulness.largest_shared(one, other, 2).tolist() == [1, 2]
    assert faithfulness.largest_shared(one, other, 4).tolist() == [4, 4]


def test_spearman_sees_order_alone():
    x = np.array([1.0, 2, 3, 4, 5])
    assert faithfulness.spearman(x, x**3) == pytest.approx(1)
    assert faithfulness.spearman(x, -np.exp(x)) == pytest.approx(-1)
    assert faithfulness.spearman(x, [2, 1, 4, 3, 5]) == pytest.approx(1 - 6 * 4 / (5 * 24))
    assert faithfulness.spearman(np.stack([x, x]), np.stack([x, -x])) == pytest.approx([1, -1])
    assert faithfulness.spearman(x, np.ones(5)) == 0


def test_bootstrap_interval_has_the_width_of_theory_and_is_repeatable():
    values = np.random.default_rng(0).normal(3, 2, size=400)
    mean, low, high = faithfulness.bootstrap_interval(values, np.random.default_rng(1))
    assert mean == values.mean() and low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.1)
    assert (mean, low, high) == faithfulness.bootstrap_interval(values, np.random.default_rng(1))
    assert faithfulness.bootstrap_interval(values, np.random.default_rng(1), level=0.5)[1] > low

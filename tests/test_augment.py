"""Augmentation: what each function may change, what it must keep, and equality with Pillow and hand-computed truth."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from cct_helpers import augment

PER_IMAGE = [augment.auto_augment_cifar10, augment.rand_augment, augment.random_resized_crop]
PER_BATCH = [augment.random_crop, augment.random_flip, augment.random_erasing]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("function", PER_BATCH)
def test_batch_functions_keep_shape_dtype_and_input(function, dtype, channels):
    images = noise(40, 9, 7, channels).astype(dtype)
    before = images.copy()
    result = function(images, rng())
    assert result.shape == images.shape and result.dtype == images.dtype
    assert (images == before).all() and (result != images).any()
    assert not np.shares_memory(result, images)
    assert (result == function(images, rng())).all()


@pytest.mark.parametrize("function", [*PER_BATCH, lambda images, rng: augment.mixup_cutmix(images, np.eye(3), rng)])
def test_batch_functions_want_four_axes(function):
    with pytest.raises(ValueError, match=r"\(n, height, width, channels\), but have \(3, 8, 8\)"):
        function(noise(3, 8, 8), rng())


def test_random_crop_is_a_shift_with_zeros_drawn_for_each_image():
    images = noise(500, 8, 6, 3)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    shifts = set()
    for image, wide in zip(augment.random_crop(images, rng(), padding=2), padded, strict=True):
        places = [(t, left) for t in range(5) for left in range(5) if (wide[t : t + 8, left : left + 6] == image).all()]
        assert len(places) == 1
        shifts.add(places[0])
    assert len(shifts) == 25


def test_random_flip_mirrors_about_half_of_the_images():
    images = noise(400, 4, 6, 1)
    result = augment.random_flip(images, rng())
    same = (result == images).all(axis=(1, 2, 3))
    mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all() and 150 < mirrored.sum() < 250


def test_random_erasing_fills_one_rectangle_of_the_right_size_with_noise():
    images = np.full((2000, 20, 30, 3), 1000.0, "float32")
    erased = augment.random_erasing(images, rng(), probability=0.25)
    changed = (erased != 1000).any(axis=3)
    hit = changed.any(axis=(1, 2))
    assert 400 < hit.sum() < 600
    for mask in changed[hit]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == height * width
        assert 0.01 < height * width / 600 < 0.37
    values = erased[changed]
    assert abs(values.mean()) < 0.02 and abs(values.std() - 1) < 0.02
    assert (augment.random_erasing(images, rng(), probability=0) == images).all()


def test_random_erasing_of_uint8_draws_around_the_mean_pixel():
    erased = augment.random_erasing(np.zeros((300, 32, 32, 3), "uint8"), rng(), probability=1)
    values = erased[(erased != 0).any(axis=3)]
    assert abs(values.mean() - 125) < 3 and abs(values.std() - 62) < 4


@pytest.mark.parametrize("shape", [(32, 32, 3), (32, 32, 1), (12, 20, 3), (20, 12, 1)])
@pytest.mark.parametrize("function", PER_IMAGE)
def test_image_functions_keep_shape_dtype_and_input(function, shape):
    image = noise(*shape)
    before = image.copy()
    results = [function(image, rng(seed)) for seed in range(100)]
    assert all(result.shape == shape and result.dtype == np.uint8 for result in results)
    assert not any(np.shares_memory(result, image) for result in results)
    assert (image == before).all()
    assert len({result.tobytes() for result in results}) > 5
    assert all((result == function(image, rng(seed))).all() for seed, result in enumerate(results[:10]))


@pytest.mark.parametrize("image", [np.zeros((8, 8, 3)), np.zeros((8, 8), "uint8"), np.zeros((8, 8, 4), "uint8")])
@pytest.mark.parametrize("function", PER_IMAGE)
def test_image_functions_name_what_they_want(function, image):
    with pytest.raises(ValueError, match=r"must be uint8 \(height, width, 1 or 3\), but is"):
        function(image, rng())


def test_cifar10_policy_has_25_sub_policies_and_its_marginals():
    steps = [step for sub_policy in augment.CIFAR10_POLICY for step in sub_policy]
    assert len(augment.CIFAR10_POLICY) == 25 and len(steps) == 50
    counts = {name: sum(step[0] == name for step in steps) for name in {step[0] for step in steps}}
    assert counts == {
        **{"Invert": 3, "Contrast": 2, "Rotate": 1, "TranslateX": 2, "Sharpness": 5, "ShearY": 2, "TranslateY": 5},
        **{"AutoContrast": 7, "Equalize": 9, "Posterize": 1, "Color": 5, "Brightness": 4, "Solarize": 4},
    }
    assert sum(step[1] for step in steps) == pytest.approx(26.5)


def test_auto_augment_uses_every_sub_policy_at_its_probability_and_level(monkeypatch):
    calls = []
    monkeypatch.setattr(
        augment,
        "apply_operation",
        lambda name, image, strength, rng, **how: calls.append((name, strength, *how.values())) or image,
    )
    draws = rng()
    for _ in range(20000):
        augment.auto_augment_cifar10(noise(2, 2, 3), draws)
    expected = {}
    for step, probability, level in (step for sub_policy in augment.CIFAR10_POLICY for step in sub_policy):
        expected[step, level / 9] = expected.get((step, level / 9), 0) + probability / 25 * 20000
    for key, count in expected.items():
        assert sum(call[:2] == key for call in calls) == pytest.approx(count, abs=5 * np.sqrt(count) + 1)
    assert {call[2:] for call in calls} == {((128, 128, 128), Image.Resampling.NEAREST)}


def test_rand_augment_draws_operations_evenly_at_a_clipped_normal_strength(monkeypatch):
    calls = []
    monkeypatch.setattr(
        augment,
        "apply_operation",
        lambda name, image, strength, rng, **how: calls.append((name, strength, *how.values())) or image,
    )
    draws = rng()
    for _ in range(6000):
        augment.rand_augment(noise(2, 2, 3), draws)
    names, strengths, fills, filters = zip(*calls, strict=True)
    assert len(calls) == pytest.approx(6000, abs=250)  # 2 operations an image, each with probability 1/2
    assert set(names) == set(augment.RAND_AUGMENT_OPERATIONS) and len(set(names)) == 15
    assert all(names.count(name) == pytest.approx(400, abs=100) for name in names[:50])
    assert max(strengths) == 1 and np.mean(strengths) == pytest.approx(0.9, abs=0.01)
    assert np.std(strengths) == pytest.approx(0.05, abs=0.01)
    assert set(fills) == {(125, 123, 114)}
    assert set(filters) == {Image.Resampling.BILINEAR, Image.Resampling.BICUBIC}


class Draws:
    """A generator whose `random` gives one number: below 1/2 the direction is positive."""

    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


def applied(name, image, strength, positive=True):
    return augment.apply_operation(name, image, strength, Draws(0.1 if positive else 0.9), fill=(9, 8, 7))


def smooth():
    """A picture with few grey values, for which equalising and stretching do something."""
    return (noise(32, 32, 3) // 3 + 40).astype("uint8")


@pytest.mark.parametrize(
    "image",
    [
        noise(32, 32, 3),
        smooth(),
        np.full((6, 5, 3), 77, "uint8"),
        noise(4, 4, 3),
        noise(1, 1, 3),
        noise(4, 4, 3) % 2 + 9,
    ],
)
def test_equalize_and_auto_contrast_are_those_of_pillow(image):
    picture = Image.fromarray(image)
    assert (augment.equalize(image) == np.asarray(ImageOps.equalize(picture))).all()
    assert (augment.auto_contrast(image) == np.asarray(ImageOps.autocontrast(picture))).all()


def test_pointwise_operations_are_those_of_pillow():
    image = noise(32, 32, 3)
    picture = Image.fromarray(image)
    assert (applied("Invert", image, 0.5) == np.asarray(ImageOps.invert(picture))).all()
    for level, bits in ((0, 8), (3, 7), (4, 6), (7, 5), (9, 4)):
        assert (applied("Posterize", image, level / 9) == np.asarray(ImageOps.posterize(picture, bits))).all()
    for strength, bits in ((0, 4), (0.3, 3), (0.9, 1)):
        assert (applied("PosterizeIncreasing", image, strength) == np.asarray(ImageOps.posterize(picture, bits))).all()
    assert (applied("PosterizeIncreasing", image, 1.0) == 0).all()
    for strength, threshold in ((0, 256), (0.5, 128), (0.9, 26), (1, 0)):
        assert (applied("Solarize", image, strength) == np.asarray(ImageOps.solarize(picture, threshold))).all()
    assert (applied("SolarizeAdd", image, 0.9) == np.where(image < 128, image.astype(int) + 99, image)).all()


@pytest.mark.parametrize("name", ["Color", "Contrast", "Brightness", "Sharpness"])
def test_enhancing_operations_go_both_ways(name):
    image = smooth()
    enhancer = getattr(ImageEnhance, name)(Image.fromarray(image))
    assert (applied(name, image, 1) == np.asarray(enhancer.enhance(1.9))).all()
    assert (applied(name, image, 1, positive=False) == np.asarray(enhancer.enhance(1 - 0.9))).all()
    assert (applied(name, image, 0) == image).all()


def test_color_leaves_a_grey_image_alone():
    image = noise(8, 8, 1)
    assert (applied("Color", image, 1) == image).all()


@pytest.mark.parametrize("name, share", [("TranslateX", 150 / 331), ("TranslateXRel", 0.45)])
def test_translations_move_by_a_share_of_the_side_and_fill(name, share):
    image = noise(40, 20, 3)
    moved = round(0.6 * share * 20)
    result = applied(name, image, 0.6)
    assert (result[:, : 20 - moved] == image[:, moved:]).all() and (result[:, 20 - moved :] == (9, 8, 7)).all()
    result = applied(name, image, 0.6, positive=False)
    assert (result[:, moved:] == image[:, : 20 - moved]).all() and (result[:, :moved] == (9, 8, 7)).all()
    sideways = applied(name.replace("X", "Y"), image.transpose(1, 0, 2).copy(), 0.6, positive=False)
    assert (sideways.transpose(1, 0, 2) == result).all()


def test_rotation_and_shear_have_the_right_size_and_direction():
    image = noise(33, 33, 3)
    assert (applied("Rotate", image, 1) == np.asarray(Image.fromarray(image).rotate(30, fillcolor=(9, 8, 7)))).all()
    back = np.asarray(Image.fromarray(image).rotate(-30, fillcolor=(9, 8, 7)))
    assert (applied("Rotate", image, 1, positive=False) == back).all()
    sheared = applied("ShearX", image, 1)  # row y comes from 0.3 (y + 1/2) pixels further right
    for y in range(33):
        shift = int(0.5 + 0.3 * (y + 0.5))
        assert (sheared[y, : 33 - shift] == image[y, shift:]).all() and (sheared[y, 33 - shift :] == (9, 8, 7)).all()
    tall = applied("ShearY", image.transpose(1, 0, 2).copy(), 1)
    assert (tall.transpose(1, 0, 2) == sheared).all()


def test_grey_images_are_filled_with_one_grey():
    assert applied("TranslateX", np.zeros((10, 10, 1), "uint8"), 1).max() == 8  # the mean of (9, 8, 7)


def test_random_resized_crop_cuts_the_share_and_shape_asked_for():
    rows, columns = np.mgrid[0:64, 0:64] * 4
    image = np.stack([rows, columns, rows], axis=-1).astype("uint8")
    for seed in range(200):
        result = augment.random_resized_crop(image, rng(seed), scale=(0.25, 0.5), ratio=(0.5, 2)).astype(int)
        height, width = ((np.ptp(result[..., axis]) / 4 + 1) for axis in (0, 1))
        assert 0.2 < height * width / 64**2 < 0.56 and 0.4 < width / height < 2.4
    whole = augment.random_resized_crop(image, rng(), scale=(1, 1), ratio=(1, 1))
    assert (whole == image).all()


def test_random_resized_crop_that_can_not_fit_takes_the_centre():
    image = np.repeat(np.arange(40, dtype="uint8")[None, :, None], 10, axis=0).repeat(3, axis=2)  # value = column
    result = augment.random_resized_crop(image, rng(), scale=(1, 1), ratio=(1, 1))
    assert result.min() >= 14 and result.max() <= 25 and result.shape == image.shape  # columns 15 to 24


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mixup_blends_images_and_targets_by_one_share(dtype, seed):
    images, targets = noise(6, 4, 5, 3).astype(dtype), np.eye(6)
    before = images.copy()
    mixed, soft = augment.mixup_cutmix(images, targets, rng(seed), cutmix_alpha=0)
    assert mixed.dtype == soft.dtype == np.float32 and (images == before).all() and (targets == np.eye(6)).all()
    share = soft[0, 0]
    assert 0 < share < 1
    np.testing.assert_allclose(soft, share * np.eye(6) + (1 - share) * np.eye(6)[::-1], atol=1e-6)
    np.testing.assert_allclose(
        mixed, share * before.astype(float) + (1 - share) * before[::-1].astype(float), atol=1e-3
    )


def test_cutmix_share_is_the_area_of_the_box():
    images, targets = noise(4, 16, 24, 3).astype("float32"), np.eye(4)
    shares = set()
    for seed in range(200):
        mixed, soft = augment.mixup_cutmix(images, targets, rng(seed), mixup_alpha=0)
        swapped = (mixed != images).any(axis=3)
        assert (mixed[swapped] == images[::-1][swapped]).all()
        rows, columns = (np.flatnonzero(swapped[0].any(axis=axis)) for axis in (1, 0))
        assert swapped[0].sum() == len(rows) * len(columns)
        share = 1 - swapped[0].mean()
        np.testing.assert_allclose(soft, share * np.eye(4) + (1 - share) * np.eye(4)[::-1], atol=1e-6)
        shares.add(share)
    assert len(shares) > 50 and 0.6 < np.mean(list(shares)) < 0.85


def test_mixing_switches_between_the_two_and_can_be_turned_off():
    images, targets = noise(4, 16, 16, 3), np.eye(4)
    fractions = []
    for switch in (0, 0.5, 1):
        results = [augment.mixup_cutmix(images, targets, rng(seed), switch=switch)[0] for seed in range(300)]
        fractions.append(
            np.mean([(mixed == mixed.astype("uint8")).all() for mixed in results])
        )  # CutMix keeps integers
    assert fractions[0] < 0.05 and 0.4 < fractions[1] < 0.6 and fractions[2] == 1
    mixed, soft = augment.mixup_cutmix(images, targets, rng(), mixup_alpha=0, cutmix_alpha=0)
    assert (mixed == images).all() and (soft == targets).all()


@pytest.mark.parametrize("targets", [np.arange(4), np.eye(3)])
def test_mixing_wants_one_row_of_targets_an_image(targets):
    with pytest.raises(ValueError, match=r"targets must have the shape \(4, classes\), but have"):
        augment.mixup_cutmix(noise(4, 8, 8, 3), targets, rng())

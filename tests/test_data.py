"""Data sets: what is loaded, how it is split, and one clear error for each thing that can be wrong."""

import pathlib
import urllib.error
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import cct_helpers.data as data
from cct_helpers.data import load_dataset


@pytest.fixture(autouse=True)
def no_choice_from_outside(monkeypatch):
    monkeypatch.delenv("CCT_DATA", raising=False)
    monkeypatch.delenv("CCT_PROFILE", raising=False)


def rows(images):
    return {image.tobytes() for image in images}


def saved(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def folder_of_images(root, classes=("cat", "dog"), n=10, size=(8, 6), mode="RGB", suffix=".png"):
    """Class folders of noise; `size` is (height, width)."""
    rng = np.random.default_rng(len(str(root)))
    shape = size if mode == "L" else (*size, 3)
    for name in classes:
        for i in range(n):
            picture = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).convert(mode)
            saved(picture, root / name / f"{i}{suffix}")
    return root


def npz(path, **changes):
    """A good .npz of 3 classes; a key set to None is left out."""
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (60, 5, 4, 3), dtype=np.uint8),
        "y_train": np.arange(60) % 3,
        "x_test": rng.integers(0, 256, (9, 5, 4, 3), dtype=np.uint8),
        "y_test": np.arange(9) % 3,
    }
    np.savez(path, **{key: value for key, value in {**arrays, **changes}.items() if value is not None})
    return path


# digits, and what every data set has in common


def test_digits_are_doubled_pixels_in_three_stratified_parts():
    digits = load_dataset("digits")
    assert digits.name == "digits" and digits.class_names == [str(i) for i in range(10)]
    assert digits.x_train.shape == (1293, 16, 16, 1) and len(digits.x_val) == 144 and len(digits.x_test) == 360
    for images, labels in zip(digits[:6:2], digits[1:6:2], strict=True):
        assert images.dtype == np.uint8 and labels.dtype == np.int64 and images.flags.c_contiguous
        assert len(images) == len(labels) and np.ptp(np.bincount(labels, minlength=10)) <= len(labels) // 50 + 2
    assert (digits.x_train[:, ::2, ::2] == digits.x_train[:, 1::2, 1::2]).all()
    assert digits.x_train.min() == 0 and digits.x_train.max() == 255


def test_digits_parts_share_no_image():
    digits = load_dataset("digits")
    train, val, test = rows(digits.x_train), rows(digits.x_val), rows(digits.x_test)
    assert len(train | val | test) == 1797 and len(train) + len(val) + len(test) == 1797


def test_seed_chooses_the_validation_images_and_never_the_test_images():
    first, again, other = load_dataset("digits", seed=1), load_dataset("digits", seed=1), load_dataset("digits", seed=2)
    for a, b in zip(first[:6], again[:6], strict=True):
        assert (a == b).all()
    assert rows(first.x_val) != rows(other.x_val)
    assert (first.x_test == other.x_test).all() and (first.y_test == other.y_test).all()
    assert rows(first.x_train) | rows(first.x_val) == rows(other.x_train) | rows(other.x_val)


def test_labels_stay_with_their_images():
    from sklearn.datasets import load_digits

    truth = {
        np.round(i * 255 / 16).astype("uint8").tobytes(): t for i, t in zip(*load_digits(return_X_y=True), strict=True)
    }
    digits = load_dataset("digits")
    for images, labels in zip(digits[:6:2], digits[1:6:2], strict=True):
        assert [truth[image[::2, ::2].tobytes()] for image in images] == labels.tolist()


def test_validation_is_the_share_of_the_training_part():
    assert len(load_dataset("digits", validation=0.5).x_val) == 719  # of 1,437


@pytest.mark.parametrize("validation", [0, 1, -0.1, 10])
def test_validation_must_be_a_share(validation):
    with pytest.raises(ValueError, match="validation is a share of the images between 0 and 1, not"):
        load_dataset("digits", validation=validation)


def test_seed_must_be_an_integer():
    with pytest.raises(TypeError, match="integer"):
        load_dataset("digits", seed=0.5)


# which data set


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        FileNotFoundError, match="no data set 'cifar11': give digits or cifar10, or the path of an .npz or"
    ):
        load_dataset("cifar11")


def test_other_file_is_neither_npz_nor_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="notes.txt is neither an .npz file nor a folder of class folders"):
        load_dataset(tmp_path / "notes.txt")


def test_profile_and_cct_data_choose_without_a_name(monkeypatch, tmp_path):
    monkeypatch.setenv("CCT_PROFILE", "quick")
    assert load_dataset().name == "digits"
    monkeypatch.setenv("CCT_PROFILE", "full")
    monkeypatch.setattr(data, "_load_cifar10", data._load_digits)
    assert load_dataset().name == "cifar10"
    monkeypatch.setenv("CCT_DATA", str(npz(tmp_path / "mine.npz")))
    assert load_dataset().name == "mine.npz"
    assert load_dataset("digits").name == "digits"


@pytest.mark.parametrize("name", ["digits", "missing", "good.npz"])
def test_image_size_is_for_folders(name, tmp_path):
    npz(tmp_path / "good.npz")
    with pytest.raises(ValueError, match="image_size changes the images of a folder"):
        load_dataset(tmp_path / name if name == "good.npz" else name, image_size=(8, 8))


# CIFAR-10


def test_cifar10_comes_from_keras(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (200, 3, 32, 32), dtype=np.uint8).transpose(0, 2, 3, 1), np.arange(200)[:, None] % 10
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((x, y.astype("uint8")), (x[:50], y[:50])))
    cifar = load_dataset("cifar10")
    assert cifar.name == "cifar10" and cifar.class_names[0] == "airplane" and cifar.class_names[9] == "truck"
    assert cifar.x_train.shape == (180, 32, 32, 3) and cifar.y_val.shape == (20,) and cifar.y_val.dtype == np.int64
    assert all(part.flags.c_contiguous for part in cifar[:6]) and (cifar.x_test == x[:50]).all()


@pytest.fixture
def keras_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path / "keras"))
    cache = tmp_path / "keras" / "datasets"
    cache.mkdir(parents=True)
    (cache / "other.npz").write_text("somebody else's")
    return cache


def broken_off(url, path, progress):
    pathlib.Path(path).write_bytes(b"half")
    raise urllib.error.URLError("no route")


def corrupted(url, path, progress):
    pathlib.Path(path).write_bytes(b"a page that asks for a password")


@pytest.mark.parametrize("download", [broken_off, corrupted])
def test_failed_download_names_the_ways_on_and_leaves_nothing(monkeypatch, keras_cache, download):
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", download)
    with pytest.raises(ConnectionError, match="CIFAR-10 could not be downloaded.*CCT_DATA.*npz.*folder.*'digits'"):
        load_dataset("cifar10")
    assert [path.name for path in keras_cache.iterdir()] == ["other.npz"]


@pytest.mark.parametrize(
    "error, raised", [(OSError("disk full"), ConnectionError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_interrupted_unpacking_leaves_nothing_new(monkeypatch, keras_cache, error, raised):
    archive = keras_cache / "cifar-10-batches-py-target_archive"
    archive.write_bytes(b"of an earlier day")

    def unpack():
        (keras_cache / "cifar-10-batches-py-target" / "inner").mkdir(parents=True)
        raise error

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", unpack)
    with pytest.raises(raised):
        load_dataset("cifar10")
    assert sorted(path.name for path in keras_cache.iterdir()) == [archive.name, "other.npz"]


# .npz


@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_npz_keeps_test_and_splits_validation_off_train(tmp_path, shape):
    path = npz(tmp_path / "a.npz", y_train=(np.arange(60) % 3).reshape(shape).astype("uint8"))
    loaded, source = load_dataset(path, validation=0.2), np.load(path)
    assert loaded.x_train.shape == (48, 5, 4, 3) and loaded.x_val.shape == (12, 5, 4, 3)
    assert loaded.y_train.shape == (48,) and loaded.y_train.dtype == np.int64
    assert np.bincount(loaded.y_val).tolist() == [4, 4, 4]
    assert (loaded.x_test == source["x_test"]).all() and (loaded.y_test == source["y_test"]).all()
    assert loaded.class_names == ["0", "1", "2"] and loaded.name == "a.npz"


def test_npz_class_names_and_missing_channel_axis(tmp_path):
    grey = {"x_train": np.zeros((60, 5, 4), "uint8"), "x_test": np.zeros((9, 5, 4), "uint8")}
    loaded = load_dataset(str(npz(tmp_path / "a.npz", **grey, class_names=np.array(["ant", "bee", "cow"]))))
    assert loaded.x_train.shape == (54, 5, 4, 1) and loaded.class_names == ["ant", "bee", "cow"]


BAD_NPZ = {
    "missing keys": (
        dict(x_test=None, y_test=None),
        "lacks x_test, y_test: it has x_train, y_train and needs x_train, y_",
    ),
    "python objects": (
        dict(y_train=np.array([{}] * 60)),
        "can't be read as an .npz of plain arrays, without Python objects",
    ),
    "float images": (dict(x_train=np.zeros((60, 5, 4, 3))), "x_train of .* must be uint8 images .*, but is float64"),
    "flat images": (
        dict(x_test=np.zeros((9, 60), "uint8")),
        r"x_test of .* must be uint8 images .*, but is uint8 \(9, 60\)",
    ),
    "no images": (dict(x_test=np.zeros((0, 5, 4, 3), "uint8")), r"x_test of .* must be uint8 images"),
    "other size": (
        dict(x_test=np.zeros((9, 5, 5, 3), "uint8")),
        r"images \(5, 4, 3\) in x_train but \(5, 5, 3\) in x_test",
    ),
    "float labels": (
        dict(y_train=np.zeros(60)),
        "y_train of .* must be 60 integers from 0, one an image, but is float64",
    ),
    "too few labels": (
        dict(y_test=np.arange(8) % 3),
        r"y_test of .* must be 9 integers from 0, one an image, but is int64 \(8,\)",
    ),
    "one-hot labels": (dict(y_test=np.eye(9, dtype=int)), r"y_test of .* must be 9 integers .* but is int64 \(9, 9\)"),
    "negative labels": (dict(y_train=np.arange(60) % 3 - 1), "y_train of .* must be 60 integers from 0.*lowest -1"),
    "label without name": (dict(class_names=np.array(["a", "b"])), "the label 2, but class_names for 0..1 only"),
    "labels from 1": (
        dict(y_train=np.arange(60) % 3 + 1),
        "class '0' has 0 images, but a validation part needs 2 or more",
    ),
    "lonely class": (
        dict(y_train=np.array([0] * 30 + [1] * 29 + [2])),
        "class '2' has 1 images, but a validation part needs 2",
    ),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_bad_npz(tmp_path, case):
    changes, message = BAD_NPZ[case]
    with pytest.raises(ValueError, match=message):
        load_dataset(npz(tmp_path / "bad.npz", **changes))


def test_npz_too_small_for_the_share(tmp_path):
    with pytest.raises(
        ValueError, match="share of 0.01 parts 60 images into 59 and 1; both parts need one for each of the 3"
    ):
        load_dataset(npz(tmp_path / "a.npz"), validation=0.01)


@pytest.mark.parametrize("content", [b"", b"no zip", "truncated"])
def test_file_that_is_no_npz(tmp_path, content):
    path = npz(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:3000] if content == "truncated" else content)
    with pytest.raises(ValueError, match="a.npz can't be read as an .npz"):
        load_dataset(path)


# folders


def test_folder_without_test_gives_a_fifth_of_each_class_to_it(tmp_path):
    root = folder_of_images(tmp_path / "pets", classes=("dog", "cat", "Emu"), n=20)
    loaded, other = load_dataset(root, seed=0), load_dataset(str(root), seed=5)
    assert loaded.class_names == ["Emu", "cat", "dog"] and loaded.name == "pets"
    assert loaded.x_test.shape == (12, 8, 6, 3) and np.bincount(loaded.y_test).tolist() == [4, 4, 4]
    assert len(loaded.x_train) == 43 and len(loaded.x_val) == 5
    assert (loaded.x_test == other.x_test).all() and rows(loaded.x_val) != rows(other.x_val)
    dogs = {np.asarray(Image.open(path)).tobytes() for path in (root / "dog").iterdir()}
    everything = zip(
        (*loaded.x_train, *loaded.x_val, *loaded.x_test), (*loaded.y_train, *loaded.y_val, *loaded.y_test), strict=True
    )
    assert {image.tobytes() for image, label in everything if label == 2} == dogs


def test_folder_with_train_and_test(tmp_path):
    folder_of_images(tmp_path / "train", n=12)
    folder_of_images(tmp_path / "test", n=3)
    folder_of_images(tmp_path / "val", n=3, size=(2, 2))
    loaded = load_dataset(tmp_path)
    assert (len(loaded.x_train), len(loaded.x_val), len(loaded.x_test)) == (21, 3, 6)
    test = {np.asarray(Image.open(path)).tobytes() for path in (tmp_path / "test").rglob("*.png")}
    assert rows(loaded.x_test) == test


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".gif", ".webp"])
def test_folder_reads_the_usual_formats(tmp_path, suffix):
    assert load_dataset(folder_of_images(tmp_path, suffix=suffix), validation=0.2).x_test.shape == (4, 8, 6, 3)


def test_grey_folder_keeps_one_channel_and_a_mixed_one_becomes_rgb(tmp_path):
    root = folder_of_images(tmp_path, mode="L", n=12)
    assert load_dataset(root, validation=0.2).x_train.shape[1:] == (8, 6, 1)
    saved(Image.new("RGB", (6, 8), (1, 2, 3)), root / "cat" / "colour.png")
    mixed = load_dataset(root, validation=0.2)
    images = np.concatenate([mixed.x_train, mixed.x_val, mixed.x_test])
    assert images.shape == (25, 8, 6, 3) and (images == (1, 2, 3)).all(axis=(1, 2, 3)).sum() == 1
    assert (images[..., 0] == images[..., 2]).all(axis=(1, 2)).sum() == 24


@pytest.mark.parametrize(
    "mode, suffix", [("RGBA", ".png"), ("P", ".png"), ("CMYK", ".jpg"), ("P+transparency", ".png")]
)
def test_other_modes_become_rgb_without_a_warning(tmp_path, mode, suffix):
    root = folder_of_images(tmp_path, n=12)
    picture = Image.new("RGB", (6, 8), (255, 0, 0)).convert(mode.split("+")[0])
    (root / "cat" / "0.png").unlink()
    options = {"transparency": b"\x00\x80\xff"} if "+" in mode else {}
    picture.save(root / "cat" / f"red{suffix}", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_dataset(root, validation=0.2)
    images = np.concatenate([loaded.x_train, loaded.x_val, loaded.x_test]).astype(int)
    assert (abs(images - (255, 0, 0)) <= 2).all(axis=(1, 2, 3)).sum() == 1


def test_camera_orientation_is_followed(tmp_path):
    root = folder_of_images(tmp_path, n=12)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees: the file is 8 wide and 6 high, the picture 6 wide and 8 high
    Image.new("RGB", (8, 6)).save(root / "cat" / "photo.jpg", exif=exif)
    assert load_dataset(root, validation=0.2).x_train.shape[1:] == (8, 6, 3)


def test_images_of_several_sizes_are_an_error_or_resized(tmp_path):
    root = folder_of_images(tmp_path, n=12)
    saved(Image.new("RGB", (9, 7), (5, 6, 7)), root / "dog" / "odd.png")
    with pytest.raises(
        ValueError, match=r"0.png is 8 high, 6 wide, but .*odd.png is 7 high, 9 wide; pass image_size=\(h"
    ):
        load_dataset(root)
    resized = load_dataset(root, image_size=(4, 5), validation=0.2)
    images = np.concatenate([resized.x_train, resized.x_val, resized.x_test])
    assert images.shape == (25, 4, 5, 3) and (images == (5, 6, 7)).all(axis=(1, 2, 3)).sum() == 1
    source = Image.open(root / "cat" / "0.png").resize((5, 4), Image.Resampling.BILINEAR)
    assert np.asarray(source).tobytes() in rows(images)


@pytest.mark.parametrize("image_size", [(0, 4), (4,), (4, 4, 3)])
def test_image_size_must_be_two_lengths(tmp_path, image_size):
    with pytest.raises(ValueError, match=r"image_size must be \(height, width\) in pixels, not"):
        load_dataset(folder_of_images(tmp_path), image_size=image_size)


def test_hidden_files_other_files_and_links_out_are_not_read(tmp_path):
    root = folder_of_images(tmp_path / "pets", n=12)
    outside = folder_of_images(tmp_path / "outside", n=1, size=(3, 3))
    (root / "cat" / ".hidden.png").write_bytes(b"no image")
    (root / "cat" / "notes.txt").write_text("no image")
    (root / ".git").mkdir()
    (root / "cat" / "linked.png").symlink_to(outside / "cat" / "0.png")
    (root / "linked").symlink_to(outside / "cat")
    (root / "cat" / "again.png").symlink_to(root / "cat" / "1.png")
    loaded = load_dataset(root, validation=0.2)
    assert loaded.class_names == ["cat", "dog"] and sum(map(len, loaded[:6:2])) == 25


def test_train_and_test_must_come_together_with_the_same_classes(tmp_path):
    folder_of_images(tmp_path / "train")
    with pytest.raises(ValueError, match="has train/ alone: it needs train/ and test/, or class folders and neither"):
        load_dataset(tmp_path)
    folder_of_images(tmp_path / "test", classes=("cat", "emu"))
    with pytest.raises(
        ValueError, match=r"other classes in train/ than in test/.*'train': \['dog'\], 'test': \['emu'\]"
    ):
        load_dataset(tmp_path)
    (tmp_path / "train").rename(tmp_path / "training")
    with pytest.raises(ValueError, match="has test/ alone"):
        load_dataset(tmp_path)


def test_folder_needs_two_classes_with_images(tmp_path):
    with pytest.raises(ValueError, match=r"needs a folder for each of two or more classes, but has \[\]"):
        load_dataset(tmp_path)
    folder_of_images(tmp_path, classes=("cat",))
    with pytest.raises(ValueError, match=r"needs a folder for each of two or more classes, but has \['cat'\]"):
        load_dataset(tmp_path)
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"class folder .*dog holds no image \(.png"):
        load_dataset(tmp_path)


def test_folder_too_small_to_split(tmp_path):
    with pytest.raises(
        ValueError, match="a test share of 0.2 parts 4 images into 3 and 1; both parts need one for each"
    ):
        load_dataset(folder_of_images(tmp_path, n=2))
    (tmp_path / "cat" / "0.png").unlink()
    with pytest.raises(ValueError, match="class 'cat' has 1 images, but a test part needs 2 or more of each class"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "no image", "other format", "16 bits", "too large"])
def test_image_that_can_not_be_read_is_named(tmp_path, damage, monkeypatch):
    root = folder_of_images(tmp_path, n=4, size=(40, 40))
    path = root / "dog" / "bad.png"
    if damage == "truncated":
        path.write_bytes((root / "dog" / "0.png").read_bytes()[:2000])
    elif damage == "no image":
        path.write_text("not an image")
    elif damage == "other format":
        Image.new("RGB", (40, 40)).save(path, format="TIFF")
    elif damage == "16 bits":
        Image.fromarray(np.full((40, 40), 40000, "uint16")).save(path)
    else:
        monkeypatch.setattr(
            Image, "MAX_IMAGE_PIXELS", 2000
        )  # a warning from 2,000 pixels, Pillow's own error from 4,000
        Image.new("RGB", (60, 60)).save(path)
    with pytest.raises(ValueError, match=r"bad.png (can't be read as an image|has more than)"):
        load_dataset(root)

"""Data sets: what is loaded, how it is split, and one clear error for each thing that can be wrong."""

import pathlib
import shutil
import tempfile
import unicodedata
import urllib.error
import warnings
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

import cct_helpers.data as data
from cct_helpers.data import load_dataset
from cct_helpers.images import default_size
from cct_helpers.npz import NPZ_KEYS


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
    rng = np.random.default_rng(zlib.crc32(f"{root}{classes}".encode()))
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
        FileNotFoundError,
        match="no data set 'cifar11': give digits, cifar10, .*mnist, or the path of an .npz or a folder",
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
    monkeypatch.setattr(data, "_load_from_keras", lambda name: data._load_digits())
    assert load_dataset().name == "cifar10"
    monkeypatch.setenv("CCT_DATA", str(npz(tmp_path / "mine.npz")))
    assert load_dataset().name == "mine.npz"
    assert load_dataset("digits").name == "digits"


@pytest.mark.parametrize("name", ["digits", "good.npz"])
def test_image_size_and_channels_are_for_every_data_set(name, tmp_path):
    npz(tmp_path / "good.npz")
    plain, changed = (
        load_dataset(tmp_path / name if name == "good.npz" else name, **options)
        for options in ({}, {"image_size": (9, 12), "channels": 1 if name == "good.npz" else 3})
    )
    assert changed.x_train.shape[1:] == (9, 12, 1 if name == "good.npz" else 3)
    if name == "good.npz":
        grey = np.asarray(Image.fromarray(plain.x_test[0]).convert("L").resize((12, 9), Image.Resampling.BILINEAR))
        assert abs(changed.x_test[0, ..., 0].astype(int) - grey).max() <= 1
    else:
        assert (changed.x_val[..., 0] == changed.x_val[..., 2]).all()


@pytest.mark.parametrize("text, size", [("20x12", (20, 12)), ("16", (16, 16)), (" 20 X 12 ", (20, 12))])
def test_cct_size_is_the_size_of_cct_data_alone(monkeypatch, tmp_path, text, size):
    monkeypatch.setenv("CCT_SIZE", text)
    monkeypatch.setenv("CCT_PROFILE", "quick")
    assert load_dataset().x_train.shape[1:3] == (16, 16)  # the digits, whatever CCT_SIZE says
    monkeypatch.setenv("CCT_DATA", str(folder_of_images(tmp_path / "pets")))
    assert load_dataset().x_train.shape[1:3] == size
    assert load_dataset(image_size=(4, 5)).x_train.shape[1:3] == (4, 5)
    assert load_dataset(tmp_path / "pets").x_train.shape[1:3] == (8, 6)


@pytest.mark.parametrize("text", ["64x", "x64", "big", "4x64", "0", "-64", "64x64x3", "1e3"])
def test_a_size_that_is_none_is_refused(monkeypatch, tmp_path, text):
    monkeypatch.setenv("CCT_SIZE", text)
    monkeypatch.setenv("CCT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="CCT_SIZE is HEIGHTxWIDTH in pixels, at least 8, such as 64x64, not"):
        load_dataset()


def test_a_path_may_have_quotation_marks_and_be_meant_from_where_jupyter_started(monkeypatch, tmp_path):
    folder_of_images(tmp_path / "my pets")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PWD", str(tmp_path))  # the shell's folder, which a kernel inherits
    monkeypatch.setenv("CCT_DATA", '"my pets"')
    assert load_dataset().name == "my pets"
    monkeypatch.setenv("CCT_DATA", "my dogs")
    with pytest.raises(FileNotFoundError, match=f"no data set 'my dogs'.*looked in .*elsewhere, {tmp_path}, "):
        load_dataset()


@pytest.mark.parametrize("name", ["pets.zip", "pets.tar.gz", "pets.RAR"])
def test_a_packed_folder_is_to_be_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        ValueError, match="neither an .npz file nor a folder of class folders: unpack it, and give the f"
    ):
        load_dataset(tmp_path / name)


def test_an_address_is_not_fetched():
    with pytest.raises(FileNotFoundError, match="nothing is fetched from an address"):
        load_dataset("https://example.org/pets.npz")


# Keras's data sets


def test_cifar10_comes_from_keras(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (200, 3, 32, 32), dtype=np.uint8).transpose(0, 2, 3, 1), np.arange(200)[:, None] % 10
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((x, y.astype("uint8")), (x[:50], y[:50])))
    cifar = load_dataset("cifar10")
    assert cifar.name == "cifar10" and cifar.class_names[0] == "airplane" and cifar.class_names[9] == "truck"
    assert cifar.x_train.shape == (180, 32, 32, 3) and cifar.y_val.shape == (20,) and cifar.y_val.dtype == np.int64
    assert all(part.flags.c_contiguous for part in cifar[:6]) and (cifar.x_test == x[:50]).all()


@pytest.mark.parametrize("name, classes", [("mnist", 10), ("fashion_mnist", 10), ("cifar100", 100)])
def test_other_small_data_sets_by_name(monkeypatch, name, classes):
    rng, colour = np.random.default_rng(0), (3,) * (name == "cifar100")
    x = rng.integers(0, 256, (4 * classes, 8, 8, *colour), dtype=np.uint8)
    y = (np.arange(len(x)) % classes).astype("uint8")
    y = y[:, None] if colour else y
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: ((x, y), (x[:classes], y[:classes])))
    loaded = load_dataset(name)
    assert loaded.name == name and len(set(loaded.class_names)) == classes
    assert loaded.x_test.shape == (classes, 8, 8, 3 if colour else 1) and loaded.y_test.tolist() == list(range(classes))
    if name == "cifar100":
        assert loaded.class_names == sorted(loaded.class_names) and loaded.class_names[-1] == "worm"


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


def test_npz_with_a_validation_part_keeps_it(tmp_path):
    rng = np.random.default_rng(1)
    val = rng.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    loaded = load_dataset(npz(tmp_path / "a.npz", x_val=val, y_val=np.arange(6) % 3), seed=3)
    assert len(loaded.x_train) == 60 and (loaded.x_val == val).all() and loaded.y_val.tolist() == [0, 1, 2] * 2


def test_npz_class_names_and_missing_channel_axis(tmp_path):
    grey = {"x_train": np.zeros((60, 5, 4), "uint8"), "x_test": np.zeros((9, 5, 4), "uint8")}
    loaded = load_dataset(str(npz(tmp_path / "a.npz", **grey, class_names=np.array(["ant", "bee", "cow"]))))
    assert loaded.x_train.shape == (54, 5, 4, 1) and loaded.class_names == ["ant", "bee", "cow"]


X, Y, TEST, TEST_Y = (np.load(npz(pathlib.Path(tempfile.mkdtemp()) / "a.npz"))[key] for key in NPZ_KEYS)
NAMES = np.array(["ant", "bee", "cow"])


def named(images, labels, **more):
    """An .npz under other names: a function from part to key for images and for labels."""
    return (
        {"x_train": None, "y_train": None, "x_test": None, "y_test": None}
        | {images("train"): X, labels("train"): Y, images("test"): TEST, labels("test"): TEST_Y}
        | more
    )


READ_NPZ = {  # changes: what is said, the class names
    "names of medical images": (named("{}_images".format, "{}_labels".format), "", "012"),
    "capitals": (named("X_{}".format, "Y_{}".format), "", "012"),
    "camels": (named("{}X".format, "{}Y".format), "", "012"),
    "long names": (named("{}-data".format, "{}-targets".format), "", "012"),
    "channels first": (
        dict(x_train=X.transpose(0, 3, 1, 2), x_test=TEST.transpose(0, 3, 1, 2)),
        "channels came first",
        "012",
    ),
    "one-hot": (dict(y_train=np.eye(3)[Y], y_test=np.eye(3)[TEST_Y]), "labels were one-hot rows", "012"),
    "labels from 1": (dict(y_train=Y + 1, y_test=TEST_Y + 1), "labels 1, 2, 3 numbered from 0", "123"),
    "labels from 1 with names": (
        dict(y_train=Y + 1, y_test=TEST_Y + 1, class_names=NAMES),
        "1 to 3 made 0 to 2",
        NAMES,
    ),
    "labels with gaps": (
        dict(y_train=Y * 10 - 1, y_test=TEST_Y * 10 - 1),
        "labels -1, 9, 19 numbered",
        ["-1", "9", "19"],
    ),
    "texts": (dict(y_train=NAMES[Y], y_test=NAMES[TEST_Y]), "labels ant, bee, cow numbered", NAMES),
    "bytes": (dict(y_train=NAMES[Y].astype("S"), y_test=NAMES[TEST_Y].astype("S")), "ant, bee, cow numbered", NAMES),
    "whole floats": (dict(y_train=Y.astype("float32"), y_test=TEST_Y.astype("float32")), "", "012"),
    "floats to 1": (dict(x_train=(X / 255).astype("float32"), x_test=TEST / 255), "from 0 to 1 made 0 to 255", "012"),
    "floats to 255": (dict(x_train=X.astype("float32"), x_test=TEST.astype("float32")), "from 0 to 255 made", "012"),
    "larger integers": (dict(x_train=X.astype("int64"), x_test=TEST.astype("uint16")), "from 0 to 255 made", "012"),
}


@pytest.mark.parametrize("case", READ_NPZ)
def test_npz_as_people_save_them(tmp_path, capsys, case):
    changes, said, names = READ_NPZ[case]
    loaded, plain = load_dataset(npz(tmp_path / "a.npz", **changes)), load_dataset(npz(tmp_path / "b.npz"))
    printed = capsys.readouterr().out
    assert said in printed and printed.count("\n") == bool(said)
    assert loaded.class_names == list(names)
    for ours, theirs in zip(loaded[:6], plain[:6], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target")])
def test_npz_without_parts_is_split(tmp_path, keys):
    np.savez(tmp_path / "a.npz", **dict(zip(keys, (X, Y), strict=True)))
    loaded = load_dataset(tmp_path / "a.npz")
    assert [len(part) for part in loaded[:6:2]] == [43, 5, 12]


def test_npz_says_which_pictures_of_the_test_are_in_the_training_part(tmp_path, capsys):
    load_dataset(npz(tmp_path / "a.npz", x_test=np.concatenate([TEST[:7], X[4:6]])))
    assert "2 of the 9 pictures of x_test are in x_train too (x_test[7] = x_train[4])" in capsys.readouterr().out


BAD_NPZ = {
    "missing keys": (
        dict(x_train=None, x_test=None),
        "lacks x_test, x_train: it has y_train, y_test and needs x_train, y_",
    ),
    "one key twice": (
        dict(train_images=X),
        "has x_train and train_images, which mean the same|train_images and x_train",
    ),
    "python objects": (
        dict(y_train=np.array([{}] * 60)),
        r"can't be read as an .npz of plain arrays, without Python objects.*array.astype\(str\)",
    ),
    "normalised images": (
        dict(x_train=X / 60 - 2.0, x_test=TEST / 60 - 2.0),
        r"float64 from -2 to 2.25, not 0 to 255.*\(x \* std \+ mean\)",
    ),
    "images from -1": (
        dict(x_train=X / 127.5 - 1, x_test=TEST / 127.5 - 1),
        r"from -1 to 1, not 0 to 255.*\(\(x \+ 1\) \* 127.5\)",
    ),
    "not a number": (
        dict(x_train=np.full((60, 5, 4, 3), np.nan), x_test=TEST / 255),
        "from nan to nan|nan, not 0 to 255",
    ),
    "16 bits": (dict(x_train=X.astype("uint16") * 257), r"uint16 from 0 to 65535, not 0 to 255.*x / 257"),
    "flat images": (
        dict(x_test=np.zeros((9, 64), "uint8")),
        r"x_test of .* must be uint8 images .*, but is uint8 \(9, 64\): rows of pixels, which x.reshape\(-1, 8, 8\) m",
    ),
    "images last": (
        dict(x_train=np.moveaxis(X, 0, -1)),
        r"x_train of .* \(5, 4, 3, 60\), its images along the last axis",
    ),
    "four channels": (
        dict(x_train=np.zeros((60, 5, 4, 4), "uint8")),
        r"so 4 channels: 1 \(grey\) or 3 \(RGB\) can be read",
    ),
    "no images": (dict(x_test=np.zeros((0, 5, 4, 3), "uint8")), r"x_test of .* must be uint8 images"),
    "other size": (
        dict(x_test=np.zeros((9, 5, 5, 3), "uint8")),
        r"images \(5, 4, 3\) in x_train but \(5, 5, 3\) in x_test",
    ),
    "amounts": (dict(y_train=np.arange(60) / 8), "y_train of .* float64 with values such as 0.125: classes are wanted"),
    "too few labels": (
        dict(y_test=np.arange(8) % 3),
        r"y_test of .* must be 9 integers from 0, one an image, but is int64 \(8,\)",
    ),
    "soft labels": (
        dict(y_train=np.full((60, 3), 1 / 3), y_test=np.full((9, 3), 1 / 3)),
        r"y_train of .* is float64 \(60, 3\), but its rows are not one-hot",
    ),
    "one-hot and not": (dict(y_test=np.eye(3)[TEST_Y]), r"y_train of .* its rows are not one-hot"),
    "label without name": (dict(class_names=np.array(["a", "b"])), "the label 2, but class_names for 0..1 only"),
    "negative label": (dict(y_train=Y - 1, class_names=NAMES), "the label -1, but class_names for 0..2 only"),
    "label of the test alone": (dict(y_test=TEST_Y + 2), "y_test of .* has the label 3, which no training image has"),
    "one class": (dict(y_train=Y * 0, y_test=TEST_Y * 0), "has images of one class, 0: two or more are needed"),
    "lonely class": (
        dict(y_train=np.array([0] * 30 + [1] * 29 + [2])),
        "class '2' has 1 images, but a validation part needs 2 or more",
    ),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_bad_npz(tmp_path, case):
    changes, message = BAD_NPZ[case]
    with pytest.raises(ValueError, match=message):
        load_dataset(npz(tmp_path / "bad.npz", **changes))


def test_each_part_has_each_class(tmp_path):
    rare = dict(y_train=np.array([0] * 40 + [1] * 17 + [2] * 3))
    for seed in range(5):
        loaded = load_dataset(npz(tmp_path / "a.npz", **rare), validation=0.01, seed=seed)
        assert np.bincount(loaded.y_val).tolist() == [1, 1, 1] and np.bincount(loaded.y_train).tolist() == [39, 16, 2]


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
    loaded = load_dataset(tmp_path)
    assert (len(loaded.x_train), len(loaded.x_val), len(loaded.x_test)) == (21, 3, 6)
    test = {np.asarray(Image.open(path)).tobytes() for path in (tmp_path / "test").rglob("*.png")}
    assert rows(loaded.x_test) == test


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".TIFF", ".ppm"])
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


def test_images_of_several_sizes_become_64_pixels_unless_a_size_is_said(tmp_path, capsys):
    root = folder_of_images(tmp_path / "pets", n=12)
    saved(Image.new("RGB", (9, 7), (5, 6, 7)), root / "dog" / "odd.png")
    assert load_dataset(root).x_train.shape[1:] == (64, 64, 3)
    said = capsys.readouterr().out
    assert said.startswith(
        "pets: 25 images of 2 sizes made 64 x 64 pixels, stretched up to 1.3 times (another size: CCT"
    )
    resized = load_dataset(root, image_size=(4, 5), validation=0.2)
    images = np.concatenate([resized.x_train, resized.x_val, resized.x_test])
    assert images.shape == (25, 4, 5, 3) and (images == (5, 6, 7)).all(axis=(1, 2, 3)).sum() == 1
    source = Image.open(root / "cat" / "0.png").resize((5, 4), Image.Resampling.BILINEAR)
    assert np.asarray(source).tobytes() in rows(images) and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([(28, 28)], (28, 28)),
        ([(64, 48)] * 3, (64, 48)),
        ([(480, 640)], (48, 64)),
        ([(4032, 3024), (1024, 768)], (64, 48)),
        ([(4032, 3024), (3024, 4032)], (64, 64)),
        ([(20, 20), (30, 30)], (64, 64)),
        ([(10, 2000)], (4, 64)),
    ],
)
def test_the_size_where_nobody_says_one(sizes, expected):
    assert default_size(sizes) == expected


@pytest.mark.parametrize("image_size", [(0, 4), (4,), (4, 4, 3), (4.5, 4), "64x64", 64])
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


@pytest.mark.parametrize("n", [3, 5])
def test_three_images_of_a_class_are_enough(tmp_path, n):
    for seed in range(4):
        loaded = load_dataset(folder_of_images(tmp_path, n=n), seed=seed)
        for labels in loaded[1:6:2]:
            assert np.bincount(labels, minlength=2).min() >= 1
        assert np.bincount(loaded.y_test).tolist() == [1, 1] and sum(map(len, loaded[:6:2])) == 2 * n


def test_two_images_of_a_class_are_too_few(tmp_path):
    folder_of_images(tmp_path, n=5)
    for i in range(3):
        (tmp_path / "cat" / f"{i}.png").unlink()
    with pytest.raises(
        ValueError, match="class 'cat' has 2 images, but a test part needs 3 or more.*one to learn from, o"
    ):
        load_dataset(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "no image", "other format", "16 bits", "16 bits TIFF", "too large"])
def test_image_that_can_not_be_read_is_named(tmp_path, damage, monkeypatch):
    root = folder_of_images(tmp_path, n=4, size=(40, 40))
    path = root / "dog" / "bad.png"
    if damage == "truncated":
        path.write_bytes((root / "dog" / "0.png").read_bytes()[:2000])
    elif damage == "no image":
        path.write_text("not an image")
    elif damage == "other format":
        Image.new("RGB", (40, 40)).save(path, format="ICO")
    elif damage == "16 bits TIFF":
        Image.fromarray(np.full((40, 40), 40000, "uint16")).save(path, format="TIFF")
    elif damage == "16 bits":
        Image.fromarray(np.full((40, 40), 40000, "uint16")).save(path)
    else:
        monkeypatch.setattr(
            Image, "MAX_IMAGE_PIXELS", 2000
        )  # a warning from 2,000 pixels, Pillow's own error from 4,000
        Image.new("RGB", (60, 60)).save(path)
    with pytest.raises(ValueError, match=r"bad.png (can't be read as an image|has more than)"):
        load_dataset(root)


# layouts


def parts_of(loaded):
    """For each part, the class names of its images, in order."""
    return [[loaded.class_names[label] for label in labels] for labels in loaded[1:6:2]]


def moved(loaded, *sizes):
    assert [len(part) for part in loaded[:6:2]] == list(sizes) and loaded.class_names == ["cat", "dog"]


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING", "training_set", "train-images"])
@pytest.mark.parametrize("test", ["test", "Testing", "test set"])
def test_parts_by_other_names(tmp_path, train, test):
    folder_of_images(tmp_path / train, n=12)
    folder_of_images(tmp_path / test, n=3)
    moved(load_dataset(tmp_path), 21, 3, 6)


@pytest.mark.parametrize("val", ["val", "valid", "Validation", "dev"])
def test_val_is_the_validation_part_with_and_without_a_test_part(tmp_path, val, capsys):
    folder_of_images(tmp_path / "train", n=12)
    folder_of_images(tmp_path / val, n=4)
    moved(load_dataset(tmp_path), 19, 8, 5)
    assert "no test part, so 20% of the training part are kept for it" in capsys.readouterr().out
    folder_of_images(tmp_path / "test", n=3)
    moved(load_dataset(tmp_path, seed=3), 24, 8, 6)
    assert capsys.readouterr().out == ""
    source = {np.asarray(Image.open(path)).tobytes() for path in (tmp_path / val).rglob("*.png")}
    assert rows(load_dataset(tmp_path, seed=1).x_val) == source


def test_parts_inside_classes(tmp_path):
    for name in ("cat", "dog"):
        for part, n in (("train", 12), ("test", 3)):
            folder_of_images(tmp_path / name, classes=(part,), n=n)
            (tmp_path / name / part).rename(tmp_path / name / f"{part}ing")
    loaded = load_dataset(tmp_path)
    moved(loaded, 21, 3, 6)
    dogs = {np.asarray(Image.open(path)).tobytes() for path in (tmp_path / "dog" / "testing").iterdir()}
    assert rows(loaded.x_test[loaded.y_test == 1]) == dogs


@pytest.mark.parametrize("inside", ["pets", "pets/images", "archive/pets/images"])
def test_a_folder_that_is_too_deep_is_found(tmp_path, inside, capsys):
    folder_of_images(tmp_path / inside, n=10)
    (tmp_path / "__MACOSX" / "pets").mkdir(parents=True)
    moved(load_dataset(tmp_path), 14, 2, 4)
    assert f"read from {inside}/; left out: __MACOSX/\n" in capsys.readouterr().out


def test_class_folders_may_be_too_deep_in_a_part(tmp_path):
    folder_of_images(tmp_path / "data" / "train" / "images", n=12)
    folder_of_images(tmp_path / "data" / "test" / "images", n=3)
    moved(load_dataset(tmp_path), 21, 3, 6)


def test_what_is_left_out_is_said_in_one_line(tmp_path, capsys):
    root = folder_of_images(tmp_path / "pets", n=10)
    (root / "cat" / "notes.txt").write_text("x")
    (root / "dog" / "raw.cr2").write_bytes(b"x")
    (root / "labels.csv").write_text("x")
    (root / ".DS_Store").write_text("x")
    load_dataset(root)
    assert capsys.readouterr().out == "pets: left out: cat/notes.txt, dog/raw.cr2, labels.csv\n"
    (root / "more.csv").write_text("x")
    load_dataset(root)
    assert capsys.readouterr().out == "pets: left out: cat/notes.txt, dog/raw.cr2, labels.csv, ... (4 in all)\n"


def test_a_test_part_without_labels_is_left_out_and_that_is_said(tmp_path, capsys):
    folder_of_images(tmp_path / "train", n=10)
    folder_of_images(tmp_path, classes=("test", "extra"), n=3)
    moved(load_dataset(tmp_path), 14, 2, 4)
    said = capsys.readouterr().out
    assert "left out: extra/, test/ (no class folders); no test part" in said


def test_a_class_may_be_called_train(tmp_path):
    folder_of_images(tmp_path, classes=("bus", "train", "car"), n=10)
    assert load_dataset(tmp_path).class_names == ["bus", "car", "train"]


def test_train_alone_is_split(tmp_path, capsys):
    folder_of_images(tmp_path / "train")
    moved(load_dataset(tmp_path), 14, 2, 4)
    assert "no test part" in capsys.readouterr().out


def test_parts_must_have_the_same_classes_and_mean_different_things(tmp_path):
    folder_of_images(tmp_path / "test", classes=("cat", "emu"))
    with pytest.raises(ValueError, match="has test/ but no train/: there is nothing to learn from"):
        load_dataset(tmp_path)
    folder_of_images(tmp_path / "train")
    with pytest.raises(ValueError, match="not the same classes in each part: train/ lacks emu; test/ lacks dog"):
        load_dataset(tmp_path)
    folder_of_images(tmp_path / "Training")
    with pytest.raises(ValueError, match="has Training/ and train/, which mean the same part: keep one of them"):
        load_dataset(tmp_path)


def test_images_without_class_folders_are_to_be_moved(tmp_path):
    folder_of_images(tmp_path, classes=("all",), n=10)
    for path in (tmp_path / "all").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "labels.csv").write_text("x")
    with pytest.raises(ValueError, match="10 images lie beside: move each.*not from a table such as labels.csv"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("parts", ["train and test", "val and test"])
def test_the_same_picture_in_two_parts_is_an_error(tmp_path, parts):
    for part in ("train", "val", "test"):
        folder_of_images(tmp_path / part, n=4)
    one, other = parts.split(" and ")
    Image.open(tmp_path / one / "cat" / "2.png").save(tmp_path / other / "cat" / "again.bmp")
    with pytest.raises(
        ValueError, match=f"^{one}/cat/2.png and {other}/cat/again.bmp are the same picture in two parts"
    ):
        load_dataset(tmp_path)


def test_equal_pictures_and_folders_in_class_folders_stay_in_one_part(tmp_path, capsys):
    root = tmp_path / "pets"
    for name in ("cat", "dog"):
        for thing in range(5):
            folder_of_images(root / name, classes=(f"{name}{thing}",), n=4)
            saved(Image.new("RGB", (6, 8), (thing, ord(name[0]), 0)), root / name / f"{name}{thing}" / "0.png")
        saved(Image.open(root / name / f"{name}1" / "1.png"), root / name / "copy.bmp")
    where = {np.asarray(Image.open(path)).tobytes(): path.parent for path in root.rglob("*.png")}
    for seed in range(3):
        loaded = load_dataset(root, seed=seed, validation=0.25)
        assert "2 pictures are there twice; equal ones stay in one part; 10 folders inside" in capsys.readouterr().out
        things = [{where[row] for row in rows(part)} for part in loaded[:6:2]]
        assert sum(map(len, things)) == 10 == len(set.union(*things)) and sum(map(len, loaded[:6:2])) == 42
        assert [len(part) for part in things][2] == 2
    with pytest.raises(ValueError, match="class 'cat' has 1 different images or folders, but a test part needs 3"):
        for thing in range(1, 5):
            shutil.rmtree(root / "cat" / f"cat{thing}")
        (root / "cat" / "copy.bmp").unlink()
        load_dataset(root)


def test_names_are_the_same_however_their_umlauts_are_written(tmp_path):
    for part, form in (("train", "NFC"), ("test", "NFD")):
        folder_of_images(tmp_path / part, classes=(unicodedata.normalize(form, "Bär"), "dog"), n=6)
    assert load_dataset(tmp_path).class_names == ["Bär", "dog"]


@pytest.mark.parametrize("name", ["my pets", "Gärten & Höfe", "100 % #1", "a;b'c"])
def test_paths_may_have_any_letters_and_be_read_only(tmp_path, name):
    root = folder_of_images(tmp_path / name)
    for folder in (root / "cat", root / "dog", root):
        folder.chmod(0o555)
    try:
        assert load_dataset(root).name == name and sorted(path.name for path in tmp_path.iterdir()) == [name]
    finally:
        for folder in (root, root / "cat", root / "dog"):
            folder.chmod(0o755)

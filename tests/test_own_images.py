"""Images as people have them: every kind of odd or broken file, fine-tuning from shipped weights, and the upload."""

import base64
import datetime
import io
import sys
import types
import warnings

import ipywidgets
import keras
import numpy as np
import pytest
from PIL import Image, features

from cct_helpers import figures, images, weights, widgets
from cct_helpers.data import Dataset, load_dataset
from cct_helpers.images import read_class_folders, read_picture
from cct_helpers.layers import resize_positions
from cct_helpers.recipes import Recipe
from cct_helpers.topics import own_images
from cct_helpers.topics.own_images import survey
from cct_helpers.training import fit
from tests.support.selection import first

SHIPPED = "cct_2_3x2_32_cifar10"


@pytest.fixture
def folder(tmp_path):
    """Two classes of 12 noise images, 8 high and 6 wide."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(12):
            noise(rng).save(tmp_path / "pets" / name / f"{i:02}.png")
    return tmp_path / "pets"


def noise(rng, height=8, width=6):
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def truncated(folder):
    content = (folder / "cat" / "00.png").read_bytes()
    (folder / "dog" / "bad.png").write_bytes(content[: len(content) // 2])


def web_page(folder):
    (folder / "dog" / "bad.jpg").write_text("<html>404</html>")


def empty(folder):
    (folder / "dog" / "bad.gif").write_bytes(b"")


def sixteen_bits(folder):
    Image.fromarray(np.full((8, 6), 40000, "uint16")).save(folder / "dog" / "bad.png")


def one_pixel(folder):
    Image.new("RGB", (1, 1)).save(folder / "dog" / "bad.png")


def one_row(folder):
    Image.new("RGB", (8, 1)).save(folder / "dog" / "bad.png")


def in_two_classes(folder):
    (folder / "dog" / "bad.png").write_bytes((folder / "cat" / "03.png").read_bytes())


def in_two_classes_and_formats(folder):
    Image.open(folder / "cat" / "03.png").save(folder / "dog" / "bad.bmp")


BAD = {  # what is done to a good folder: what the error must say beside the file's name
    truncated: "can't be read as an image",
    web_page: "can't be read as an image",
    empty: "can't be read as an image",
    sixteen_bits: r"has more than 8 bits a channel \(Pillow's mode I(;16)?\): save it with 8",
    one_pixel: "is 1 high, 1 wide, in pixels: there is nothing to learn from it, leave it out",
    one_row: "is 1 high, 8 wide, in pixels: there is nothing to learn from it",
    in_two_classes: "03.png and .*bad.png are the same picture in two classes: delete the wrong one",
    in_two_classes_and_formats: "03.png and .*bad.bmp are the same picture in two classes",
}


@pytest.mark.parametrize("damage", BAD, ids=lambda damage: damage.__name__)
def test_a_bad_file_is_one_clear_error_and_the_survey_goes_on(folder, damage):
    damage(folder)
    with pytest.raises(ValueError, match=rf"(?s)bad.*{BAD[damage]}|{BAD[damage]}") as raised:
        load_dataset(folder, image_size=(8, 6))
    assert "bad." in str(raised.value)
    problems = {file.path: file.problem for file in survey(folder) if file.problem}
    assert len(problems) == 1 and "dog/bad" in "".join(problems) and str(folder) not in "".join(problems.values())
    assert len(survey(folder)) == 25


@pytest.mark.parametrize("factor", [1.5, 3], ids=["Pillow warns", "Pillow refuses"])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(folder, monkeypatch, factor):
    side = 60
    Image.new("1", (side, side)).save(folder / "dog" / "bad.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(side * side / factor))
    monkeypatch.setattr(images.ImageOps, "exif_transpose", lambda picture: pytest.fail("the pixels were asked for"))
    with pytest.raises(ValueError, match=r"bad.png has more than [\d,]+ pixels: make it smaller, or leave it out"):
        read_picture(folder / "dog" / "bad.png")


def test_large_photos_are_made_small_one_by_one(folder, monkeypatch):
    """A thousand photos at full size would not fit into memory."""
    events = []
    resize, read = Image.Image.resize, images.read_picture
    monkeypatch.setattr(images, "read_picture", lambda path: events.append("read") or read(path))
    monkeypatch.setattr(Image.Image, "resize", lambda *a, **k: events.append("resize") or resize(*a, **k))
    read_class_folders(folder, image_size=(4, 4))
    assert events == ["read", "resize"] * 24


def test_cmyk_and_a_wrong_suffix_are_read_by_their_content(folder):
    red = Image.new("RGB", (6, 8), (255, 0, 0))
    red.convert("CMYK").save(folder / "dog" / "cmyk.jpg")
    red.save(folder / "dog" / "really_a_gif.jpg", format="GIF")
    loaded = read_class_folders(folder)[0].astype(int)
    assert (abs(loaded - (255, 0, 0)) <= 3).all(axis=(1, 2, 3)).sum() == 2
    kinds = {file.path: file.kind for file in survey(folder)}
    assert kinds["dog/cmyk.jpg"] == "JPEG CMYK" and kinds["dog/really_a_gif.jpg"] == "GIF P"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_frame_is_read(folder, suffix):
    first, *rest = [Image.new("RGB", (6, 8), (80 * i, 0, 0)) for i in range(3)]
    options = {"lossless": True} if suffix == ".webp" else {}
    first.save(folder / "dog" / f"moves{suffix}", save_all=True, append_images=rest, **options)
    assert np.asarray(read_picture(folder / "dog" / f"moves{suffix}")).max() == 0
    (note,) = [file.note for file in survey(folder) if "moves" in file.path]
    assert note.startswith("the first of 3 frames is read")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_laid_on_white(tmp_path, mode):
    """What is stored under a transparent pixel is not in the picture."""
    half = Image.new("L", (6, 8), 0)
    half.paste(255, (0, 0, 3, 8))  # opaque on the left
    picture = Image.new({"LA": "L"}.get(mode, "RGB"), (6, 8), 60 if mode == "LA" else (60, 60, 60))
    if mode == "P":
        picture = half.point(lambda v: v // 255).convert("P")
        picture.putpalette([200, 0, 0, 60, 60, 60])
        picture.save(tmp_path / "a.png", transparency=0)
    else:
        picture.putalpha(half)
        picture.save(tmp_path / "a.png")
    pixels = np.asarray(read_picture(tmp_path / "a.png"))
    assert (pixels[:, :3] == 60).all() and (pixels[:, 3:] == 255).all()
    assert pixels.ndim == (2 if mode == "LA" else 3)


def test_links_that_go_in_circles_or_out_or_nowhere_are_not_followed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    noise(np.random.default_rng(9)).save(outside / "secret.png")
    (folder / "all").symlink_to(folder)
    (folder / "cat" / "up").symlink_to(folder / "cat")
    (folder / "again").symlink_to(folder / "dog")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "cat" / "secret.png").symlink_to(outside / "secret.png")
    (folder / "cat" / "gone.png").symlink_to(folder / "cat" / "nothing.png")
    (folder / "cat" / "self.png").symlink_to(folder / "cat" / "self.png")
    (folder / "cat" / "ping.png").symlink_to(folder / "cat" / "pong.png")
    (folder / "cat" / "pong.png").symlink_to(folder / "cat" / "ping.png")
    pictures = read_class_folders(folder)
    assert pictures.class_names == ["cat", "dog"] and np.bincount(pictures.labels).tolist() == [12, 12]
    unread = {file.path for file in survey(folder) if file.note.startswith("not read")}
    inside = {f"cat/{name}" for name in ("up/", "secret.png", "gone.png", "self.png", "ping.png", "pong.png")}
    assert unread == inside | {"all/", "again/", "elsewhere/"}


def test_a_folder_with_the_name_of_an_image_is_not_read(folder):
    (folder / "cat" / "holiday.png").mkdir()
    assert len(read_class_folders(folder)[0]) == 24


def test_a_root_that_is_a_circle_is_no_data_set(tmp_path):
    (tmp_path / "me").symlink_to(tmp_path / "me")
    with pytest.raises(FileNotFoundError, match="no data set"):
        load_dataset(tmp_path / "me")
    with pytest.raises(ValueError, match="me is not a folder"):
        survey(tmp_path / "me")


def test_one_class_and_no_images(folder):
    for path in (folder / "dog").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"the class folder .*dog holds no image \(.png, .jpg"):
        load_dataset(folder)
    (folder / "dog").rmdir()
    with pytest.raises(ValueError, match=r"needs a folder for each of two or more classes, but has \['cat'\]"):
        load_dataset(folder)
    (folder / "empty").mkdir()
    assert survey(folder / "empty") == []


def test_channels_and_sizes_are_what_was_asked_for(folder):
    grey, colour = (read_class_folders(folder, channels=n)[0] for n in (1, 3))
    assert grey.shape == (24, 8, 6, 1) and colour.shape == (24, 8, 6, 3)
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert read_class_folders(folder)[0].shape == (24, 8, 6, 1)
    tripled = load_dataset(folder, channels=3, image_size=(10, 4), validation=0.2).x_train
    assert tripled.shape[1:] == (10, 4, 3) and (tripled[..., 0] == tripled[..., 2]).all()
    with pytest.raises(ValueError, match="channels must be 1 for grey, 3 for RGB or None, not 4"):
        load_dataset(folder, channels=4)


def test_survey_counts_twins_notes_and_both_halves(folder, tmp_path):
    (folder / "cat" / "twin.png").write_bytes((folder / "cat" / "00.png").read_bytes())
    (folder / "cat" / "notes.txt").write_text("hello")
    (folder / "cat" / ".hidden.png").write_text("hidden")
    found = {file.path: file for file in survey(folder)}
    assert found["cat/twin.png"].note == "the same picture as cat/00.png" and not found["cat/twin.png"].problem
    assert found["cat/notes.txt"].note.startswith("not read") and "cat/.hidden.png" not in found
    assert found["dog/03.png"] == own_images.ImageFile("dog/03.png", "dog", 8, 6, "PNG RGB", "", "")
    halves = tmp_path / "halves"
    halves.mkdir()
    (halves / "test").mkdir()
    folder.rename(halves / "train")
    surveyed = survey(halves)
    assert {file.path.split("/")[0] for file in surveyed if file.kind} == {"train"}
    assert "not read" in {file.path: file.note for file in surveyed}["test/ (no class folders)"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        survey(halves)


def test_survey_says_what_reading_does_to_transparent_parts(folder):
    Image.new("RGBA", (6, 8)).save(folder / "cat" / "glass.png")
    (note,) = [file.note for file in survey(folder) if "glass" in file.path]
    assert note == "transparent parts are laid on white"


def photo(seed=0, side=96):
    from skimage import data as photos

    return Image.fromarray(photos.chelsea()[20 * seed : 20 * seed + 160, 100:260]).resize((side, side))


def test_survey_finds_near_copies_and_says_where(tmp_path):
    for name, seed in (("train/cat", 0), ("train/dog", 5), ("test/cat", 6), ("test/dog", 4)):
        (tmp_path / name).mkdir(parents=True)
        photo(seed).save(tmp_path / name / "a.png")
    photo(0).resize((80, 80)).save(tmp_path / "train" / "cat" / "smaller.jpg", quality=70)
    photo(0).save(tmp_path / "test" / "cat" / "again.jpg", quality=60)
    photo(5).resize((60, 60)).save(tmp_path / "train" / "cat" / "wrong.png")
    notes = {file.path: file.note for file in survey(tmp_path) if file.note}
    assert notes == {
        "train/cat/smaller.jpg": "nearly the same picture as train/cat/a.png",
        "test/cat/again.jpg": "nearly the same picture as train/cat/a.png, in another part",
        "train/dog/a.png": "nearly the same picture as train/cat/wrong.png, in another class",
    }


def test_survey_names_both_files_of_a_leak(tmp_path):
    for i, part in enumerate(("train", "test")):
        for j, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            photo(2 * i + j).save(tmp_path / part / name / "a.png")
    (tmp_path / "test" / "dog" / "b.png").write_bytes((tmp_path / "train" / "dog" / "a.png").read_bytes())
    problems = {file.path: file.problem for file in survey(tmp_path) if file.problem}
    assert problems == {"test/dog/b.png": "the same picture as train/dog/a.png, in another part"}


HEIC_HEAD = b"\0\0\0\x20ftypheic\0\0\0\0mif1heic"
AVIF_HEAD = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1"


@pytest.mark.parametrize("suffix", [".heic", ".jpg"])  # phones and people rename them
@pytest.mark.parametrize(
    "kind, head, package", [("HEIF", HEIC_HEAD, "pillow-heif"), ("AVIF", AVIF_HEAD, "pillow-avif")]
)
def test_a_format_without_its_plugin_says_what_to_install(folder, monkeypatch, suffix, kind, head, package):
    Image.init()
    monkeypatch.setattr(Image, "OPEN", {name: found for name, found in Image.OPEN.items() if name != kind})
    for module in ("pillow_heif", "pillow_avif"):
        monkeypatch.setitem(sys.modules, module, None)  # as if they were not installed
    (folder / "dog" / f"bad{suffix}").write_bytes(head)
    with pytest.raises(
        ValueError, match=rf"bad{suffix} can't be read as an image: .*pip install {package}.* save it as J"
    ):
        load_dataset(folder)


def test_heic_is_read_through_the_plugin(folder, monkeypatch):
    """With the package where it is installed, else with a stand-in that registers Pillow's reader of PNG for HEIC."""
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        photo().save(folder / "dog" / "new.heic", quality=95)
    except ImportError:
        Image.init()
        monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
        monkeypatch.setattr(Image, "ID", list(Image.ID))
        png, _ = Image.OPEN["PNG"]

        def register_heif_opener():
            Image.register_open("HEIF", png, lambda prefix: prefix.startswith(b"\x89PNG"))

        stand_in = types.SimpleNamespace(register_heif_opener=register_heif_opener)
        monkeypatch.setitem(sys.modules, "pillow_heif", stand_in)
        photo().save(folder / "dog" / "new.heic", format="PNG")
    difference = np.asarray(read_picture(folder / "dog" / "new.heic"), int) - np.asarray(photo(), int)
    assert abs(difference).mean() < 4
    assert [file.path for file in survey(folder) if file.problem] == []


def test_avif_is_read_where_pillow_can(folder):
    path = folder / "dog" / "bad.avif"
    if features.check("avif"):
        photo().save(path, quality=90)
        assert abs(np.asarray(read_picture(path), int) - np.asarray(photo(), int)).mean() < 4
    else:
        path.write_bytes(AVIF_HEAD)
        with pytest.raises(ValueError, match="it is AVIF; pip install pillow-avif-plugin"):
            read_picture(path)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "P", "LA"])
def test_tiff_in_eight_bits_is_read(tmp_path, mode):
    photo().convert(mode).save(tmp_path / "scan.tif", compression="tiff_lzw")
    read = read_picture(tmp_path / "scan.tif")
    assert read.mode == ("L" if mode in ("1", "L", "LA") else "RGB")
    if mode not in ("1", "P"):
        expected = photo().convert(read.mode)
        assert abs(np.asarray(read, int) - np.asarray(expected, int)).mean() < 6


def test_a_tiff_with_several_pages_gives_the_first(folder):
    first, second = photo(0), photo(3)
    first.save(folder / "dog" / "pages.tif", save_all=True, append_images=[second])
    assert np.array_equal(np.asarray(read_picture(folder / "dog" / "pages.tif")), np.asarray(first))
    assert "the first of 2 pages is read" in {file.path: file.note for file in survey(folder)}["dog/pages.tif"]


def test_a_raw_photo_by_another_name_is_told_from_a_broken_file(folder):
    (folder / "dog" / "bad.tif").write_bytes(b"II*\0" + b"\0" * 60)
    with pytest.raises(ValueError, match="it is a TIFF or a raw photo that Pillow can't read; save it as PNG or JPEG"):
        load_dataset(folder)


def test_shrunk_to_the_same_size_images_stay_as_they_are():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(images.shrink(pictures, 1), pictures)


# From trained weights


def some_data(shape=(24, 32, 3), classes=10, counts=None):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), counts if counts is not None else 4)
    x = rng.integers(0, 256, (len(y), *shape), dtype=np.uint8)
    return Dataset(x, y, x, y, x, y, [str(i) for i in range(classes)], "some")


@pytest.mark.parametrize("name", first(1, weights.pretrained_names()))
def test_a_start_has_the_shipped_weights_but_for_head_and_grid(name):
    trained = weights.load_pretrained(name)
    channels = trained.input_shape[3]
    model = own_images.start_from(name, some_data((24, 32, channels)))
    assert model.input_shape == (None, 24, 32, channels) and model.output_shape == (None, 10)
    ours, theirs = weights.reference_weights(model), weights.reference_weights(trained)
    for key in theirs:
        if key.startswith("classifier.fc"):
            assert not np.array_equal(ours[key], theirs[key])  # ten classes as well, but other ones
        elif key == "classifier.positional_emb":
            grid = model.get_layer("position").grid
            assert np.allclose(ours[key], resize_positions(theirs[key], trained.get_layer("position").grid, grid))
        else:
            assert np.array_equal(ours[key], theirs[key]), key
    mean = model.get_layer("normalization").get_config()["mean"]
    assert mean == trained.get_layer("normalization").get_config()["mean"]


def test_grey_images_are_told_how_to_become_rgb():
    with pytest.raises(ValueError, match="trained on 3 channels, your images have 1: load the folder with channels=3"):
        own_images.start_from(SHIPPED, some_data((32, 32, 1)))
    with pytest.raises(ValueError, match="no shipped model 'resnet'"):
        own_images.start_from("resnet", some_data())


def test_frozen_layers_stay_and_the_head_learns():
    keras.utils.set_random_seed(0)
    data = some_data((16, 16, 3), classes=3)
    model = own_images.freeze_all_but_head(own_images.start_from(SHIPPED, data))
    before = weights.reference_weights(model)
    fit(model, data, Recipe(2, 4, "adamw", 1e-2, 0.1, augment="none"), verbose=False)
    after = weights.reference_weights(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"classifier.fc.weight", "classifier.fc.bias"}


def test_balanced_repeats_the_rare_and_keeps_the_rest():
    data = some_data((2, 2, 1), classes=3, counts=[10, 4, 1])
    evened = own_images.balanced(data, seed=1)
    assert np.bincount(evened.y_train).tolist() == [10, 10, 10]
    number = {image.tobytes(): i for i, image in enumerate(data.x_train)}
    used = np.bincount([number[image.tobytes()] for image in evened.x_train], minlength=15)
    assert (used[:10] == 1).all() and set(used[10:14]) == {2, 3} and used[14] == 10
    labels = {image.tobytes(): label for image, label in zip(data.x_train, data.y_train, strict=True)}
    assert all(labels[x.tobytes()] == y for x, y in zip(evened.x_train, evened.y_train, strict=True))
    assert evened.x_val is data.x_val and evened.y_test is data.y_test
    again, other = own_images.balanced(data, seed=1), own_images.balanced(data, seed=2)
    assert (again.x_train == evened.x_train).all() and (other.y_train != evened.y_train).any()


def test_class_accuracies_are_recalls():
    labels = np.array([0, 0, 0, 0, 1, 1])
    logits = np.eye(3)[[0, 0, 0, 1, 1, 0]]
    found = own_images.class_accuracies(logits, labels)
    assert found[:2].tolist() == [0.75, 0.5] and np.isnan(found[2])
    lazy = own_images.class_accuracies(np.eye(2)[[0] * 6], labels)
    assert lazy.mean() == 0.5  # right on two thirds of the images, and knows nothing


CARD = dict(purpose="digits", sources="a desk", training="14 epochs", limits="none known", files={"m.onnx": b"model"})


def test_model_card_has_the_counts_the_accuracies_and_the_hash():
    data = some_data((24, 32, 3), classes=2, counts=[3, 1])
    text = own_images.model_card("My digits", data=data, accuracies=np.array([1.0, 0.5]), **CARD)
    assert "| 0 | 3 | 3 | 3 | 100% |" in text and "| 1 | 1 | 1 | 1 | 50% |" in text
    assert "Balanced accuracy on the test images: 75.0%." in text and "24 x 32 pixels, 3 channels" in text
    assert "`m.onnx`: SHA-256 9372c470eeadd5ec" in text
    for name in ("purpose", "sources", "training", "limits"):
        with pytest.raises(ValueError, match=f"The model card has no {name}"):
            own_images.model_card("My digits", data=data, accuracies=np.ones(2), **{**CARD, name: " "})


# The upload


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def drop(upload, name, content):
    """What the browser sends, in the form of the ipywidgets that is installed."""
    if int(ipywidgets.__version__[0]) == 7:
        upload.set_trait("value", {name: {"metadata": {"name": name}, "content": content}})
    else:
        now = datetime.datetime.now(datetime.timezone.utc)
        file = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
        upload.value = ({**file, "last_modified": now},)


def draw(image):
    if image.shape[0] == 5:
        raise ValueError("five rows are not possible here.")
    assert image.dtype == np.uint8 and image.shape[2] == 3
    figure, axes = figures.new_figure(width=1, height=1)
    figures.draw_image(axes, image)
    return figure


def test_both_forms_of_an_upload_are_understood():
    seven = {"a.png": {"metadata": {"name": "a.png"}, "content": b"one"}}
    eight = ({"name": "a.png", "content": memoryview(b"one")},)
    assert widgets.read_upload(seven) == widgets.read_upload(eight) == [("a.png", b"one")]
    assert widgets.read_upload({}) == widgets.read_upload(()) == []


def test_a_dropped_image_is_drawn_and_a_bad_one_is_explained(monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "in_notebook", lambda: True)
    monkeypatch.setattr(widgets, "display", lambda what, raw=False: shown.append(what))
    first, mine = (np.asarray(noise(np.random.default_rng(seed))) for seed in (1, 2))
    box = widgets.drop_image(draw, first, "a small picture")
    upload, picture = box.children
    assert shown[0]["text/plain"] == "a small picture" and shown[1] is box and upload.multiple is False
    assert picture.value == figures.to_png(draw(first))
    assert base64.b64encode(picture.value).decode() in shown[0]["text/html"]
    drop(upload, "mine.png", png(Image.fromarray(mine)))
    assert picture.value == figures.to_png(draw(mine))
    drop(upload, "page.png", b"<html>")
    unread = "page.png can't be read as an image: "
    assert picture.value != figures.to_png(draw(mine))
    with pytest.raises(ValueError, match=unread):
        read_picture(io.BytesIO(b"<html>"), "page.png")
    drop(upload, "five.png", png(noise(np.random.default_rng(3), height=5)))
    assert picture.value == figures.to_png(figures.draw_message("five rows are not possible here."))
    grey = Image.fromarray(mine).convert("L")
    drop(upload, "grey.png", png(grey))
    assert picture.value == figures.to_png(draw(np.asarray(grey.convert("RGB"))))


def test_nothing_is_displayed_in_a_script(monkeypatch):
    monkeypatch.setattr(widgets, "in_notebook", lambda: False)
    monkeypatch.setattr(widgets, "display", lambda *_: pytest.fail("displayed"))
    widgets.drop_image(draw, np.zeros((4, 4, 3), "uint8"), "")

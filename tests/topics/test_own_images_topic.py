"""Starting from the authors' files, folders to try it on, what a survey and a record are summed up to."""

import json

import keras
import numpy as np
import pytest
import records

import cct_helpers as cct
from cct_helpers import images, weights
from cct_helpers.data import Dataset
from cct_helpers.models import VARIANTS
from cct_helpers.topics import own_images

FLOWERS = "cct_7_7x2_224_flowers102.pth"


def some_data(side, classes=3, each=2, channels=3):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), each)
    x = rng.integers(0, 256, (len(y), side, side, channels), dtype=np.uint8)
    return Dataset(x, y, x, y, x, y, [f"class {i}" for i in range(classes)], "some")


# The authors' files


def test_every_file_of_the_authors_names_a_variant_and_an_address():
    for name, file in own_images.AUTHORS_FILES.items():
        assert file.variant in VARIANTS and name.startswith(file.variant.split("_sine")[0])
        assert own_images.address_of(name) == f"https://shi-labs.com/projects/cct/checkpoints/{file.folder}/{name}"
        assert f"[{name}]({own_images.address_of(name)})" in own_images.files_table()
    known = own_images.AUTHORS_FILES["cct_14_7x2_224_imagenet.pth"]
    np.testing.assert_allclose(known.normalization[0], 255 * np.array([0.485, 0.456, 0.406]))
    np.testing.assert_allclose(known.normalization[1], 255 * np.array([0.229, 0.224, 0.225]))
    np.testing.assert_allclose(own_images.FLOWERS[0], 255 * np.array([0.4353, 0.3773, 0.2872]))
    np.testing.assert_allclose(own_images.CIFAR10[1], 255 * np.array([0.2470, 0.2435, 0.2616]))


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["cct_7_7x2_224_learned.pth", FLOWERS])
def test_from_a_file_to_a_model_that_trains_at_224_pixels(tmp_path, monkeypatch, kind):
    """Random weights in the authors' format, with the prefix that their training on several GPUs leaves."""
    learned = own_images.AuthorsFile("cct_7_7x2_224", 102, own_images.IMAGENET, "nothing")
    monkeypatch.setitem(own_images.AUTHORS_FILES, "cct_7_7x2_224_learned.pth", learned)
    file = own_images.AUTHORS_FILES[kind]
    keras.utils.set_random_seed(1)
    theirs = cct.build_cct(file.variant, num_classes=102)  # takes normalised images, as the authors' code does
    state = weights.reference_weights(theirs)
    np.savez(tmp_path / "weights.npz", **{f"module.{name}": array for name, array in state.items()})

    data = some_data(224)
    model = own_images.start_from_file(tmp_path / "weights.npz", data, kind)
    assert model.input_shape == (None, 224, 224, 3) and model.output_shape == (None, 3)
    mean, std = (np.array(part) for part in file.normalization)
    normalised = ((data.x_train[:2] - mean) / std).astype("float32")
    expected = own_images.pooled(theirs, normalised)
    np.testing.assert_allclose(own_images.pooled(model, data.x_train[:2]), expected, atol=2e-4)

    recipe = cct.Recipe(1, 3, "adamw", 5e-5, 0.05, augment="none")
    history = cct.fit(model, data, recipe, verbose=False)
    assert np.isfinite(history["loss"]).all()


def test_a_file_for_other_sizes_and_with_as_many_classes_keeps_the_new_head(tmp_path):
    """The table is resized, and ten classes of CIFAR-10 do not become ten of another kind."""
    shipped = cct.load_pretrained("cct_7_3x1_32_cifar10")
    state = weights.reference_weights(shipped)
    np.savez(tmp_path / "mine.npz", **state)
    model = own_images.start_from_file(
        tmp_path / "mine.npz", some_data(24, classes=10), "cct_7_3x1_32_cifar10_300epochs.pth"
    )
    ours = weights.reference_weights(model)
    assert not np.array_equal(ours["classifier.fc.weight"], state["classifier.fc.weight"])
    assert ours["classifier.positional_emb"].shape[1] == 12 * 12
    np.testing.assert_array_equal(ours["classifier.norm.weight"], state["classifier.norm.weight"])


def test_an_unknown_file_and_grey_images_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"kind is 'best.pth', and known are cct_14_7x2_224_imagenet.pth"):
        own_images.start_from_file(tmp_path / "best.pth", some_data(32))
    with pytest.raises(ValueError, match="RGB images: load the folder with channels=3"):
        own_images.start_from_file(tmp_path / FLOWERS, some_data(32, channels=1))
    with pytest.raises(FileNotFoundError, match="no weights file at .*flowers102.pth"):
        own_images.start_from_file(tmp_path / FLOWERS, some_data(32))


# Folders to try it on


def test_frames_of_one_object_lie_in_one_folder_and_are_never_parted(tmp_path):
    folder = own_images.write_frames(tmp_path / "frames", count=4)
    frames = images.read_class_folders(folder, (32, 32))
    assert frames.images.shape == (32, 32, 32, 3) and frames.class_names == ["alive", "made"]
    assert [str(i) for i in frames.groups] == [str(i) for i in np.repeat(range(8), 4)]
    read = [path.parent.name for path in sorted(folder.rglob("*.jpg"))]
    assert list(dict.fromkeys(read)) == own_images.object_names()
    data = cct.load_dataset(folder, image_size=(32, 32), validation=0.2)
    kept = {image.tobytes(): int(group) for image, group in zip(frames.images, frames.groups, strict=True)}
    objects = [{kept[image.tobytes()] for image in part} for part in (data.x_train, data.x_val, data.x_test)]
    assert not objects[0] & objects[1] and not objects[0] & objects[2] and not objects[1] & objects[2]


def test_digits_as_photos_are_of_every_kind_and_the_broken_ones_are_found(tmp_path):
    folder = own_images.write_digits(tmp_path / "photos", [6] * 10, 5)
    found = own_images.survey(folder)
    assert {file.kind for file in found} == {"PNG L", "JPEG RGB", "PNG RGBA", "JPEG CMYK", "GIF P"}
    sizes, counts, problems = own_images.summary(found)
    assert sizes.shape == (110, 2) and problems == []
    assert counts == {part: {str(digit): n for digit in range(10)} for part, n in (("test", 5), ("train", 6))}
    broken = own_images.write_broken(folder)
    assert [name for name, path in broken.items() if not own_images.opens(path)] == ["page.png"]
    sizes, counts, problems = own_images.summary(own_images.survey(folder))
    assert {text.split(": ")[0] for text in problems} == {f"train/5/{name}" for name in broken}
    assert len(sizes) == 111 and counts["train"]["5"] == 7  # the three among the fives can be read, and is a problem
    copied = folder / "train" / "0" / "again.png"
    copied.write_bytes((folder / "train" / "0" / "000.png").read_bytes())
    remarks = own_images.remarks(own_images.survey(folder))
    assert remarks[:5] == problems and remarks[5].startswith("train/0/again.png: the same picture as train/0/000.png")
    assert own_images.remarks(own_images.survey(folder), most=2) == [*remarks[:2], f"and {len(remarks) - 2} more"]


def test_a_head_is_trained_on_the_others_alone():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    vectors = rng.normal(size=(40, 5)) + 4 * labels[:, np.newaxis]
    tested = np.arange(40) % 4 == 0
    assert own_images.score_heads(vectors, labels, [tested, ~tested]) == [1, 1]
    vectors, labels = rng.normal(size=(200, 300)), rng.integers(0, 2, 200)  # noise that a head can learn by heart
    tested = np.arange(200) % 2 == 0
    (score,) = own_images.score_heads(vectors, labels, [tested])
    assert score < 0.7


# Records


def test_runs_are_sorted_by_line_and_choice():
    runs = [
        dict(question="a", setting=dict(n=n, start=start), seed=seed, accuracy=n + seed / 10)
        for n in (1, 2)
        for start in ("x", "y")
        for seed in (0, 1)
    ]
    runs.append(dict(question="b", setting=dict(n=1), seed=0, accuracy=9))
    table = own_images.runs_by_choice(runs, "a", "n", "start")
    assert table == {line: {1: [1, 1.1], 2: [2, 2.1]} for line in ("x", "y")}
    assert own_images.runs_by_choice(runs, "b", "n") == {"": {1: [9]}}
    ways = own_images.accuracies_by_way(
        [dict(way="w", class_accuracies=[1, 0]), dict(way="w", class_accuracies=[0, 0])]
    )
    assert ways["w"].tolist() == [[1, 0], [0, 0]]


def test_the_table_of_costs_is_in_milliseconds_and_megabytes():
    cost = dict(side=32, variant="v", tokens=1024, macs=35e6, answer_seconds=0.002, train_seconds=0.01, train_bytes=4e6)
    assert own_images.costs_table([cost]).splitlines()[-1] == "| 32 | v | 1,024 | 35 | 2 | 10 | 4 |"


def test_the_record_of_choices_has_every_run_once():
    from own_images import COSTS, QUESTIONS, SEEDS

    record = json.loads((records.RESULTS / "11_choices.json").read_text(encoding="utf-8"))
    made = [(run["question"], json.dumps(run["setting"]), run["seed"]) for run in record["runs"]]
    asked = [(name, json.dumps(each), seed) for name, own in QUESTIONS.items() for each in own for seed in SEEDS]
    assert sorted(made) == sorted(asked)
    assert [(cost["side"], cost["variant"]) for cost in record["costs"]] == COSTS
    panels = own_images.panels_of_choices(own_images.lines_of_choices(record["runs"]))
    choices = {name: list(line) for _, lines in panels.values() for name, line in lines.items() if name}
    assert choices["shipped weights"] == choices["from scratch"] == [5, 10, 20, 40]
    assert choices["all layers"] == [0.0003, 0.001, 0.003, 0.01] and choices["head alone"] == [0.001, 0.01, 0.03]
    assert [*panels["What to freeze?"][1][""]][::4] == ["nothing", "all but the head"]

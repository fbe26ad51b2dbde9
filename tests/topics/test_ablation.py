"""The grid of notebook 09: it resumes, it says what is wrong with its files, and every changed model can be trained."""

import dataclasses
import json
import os

import keras
import numpy as np
import pytest

import cct_helpers as cct
from cct_helpers.models import at_size
from cct_helpers.topics.ablation import PARTS, POOLINGS, TWO_PARTS, build_parts, by_setting, run_grid, table
from cct_helpers.topics.costs import model_costs
from tests.support.selection import first

SETTINGS = {"plain": {}, "wide": {"dim": 64, "sides": (1, 2)}}
SMALL = dict(input_shape=(16, 16, 1), dim=16, hidden_channels=8)


class Train:
    """A training of no time that remembers its calls and fails at one of them."""

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = [], fails_at

    def __call__(self, setting, seed):
        self.calls.append((setting, seed))
        if len(self.calls) == self.fails_at:
            raise KeyboardInterrupt
        return {"val_top1": 0.5 + 0.1 * seed + 0.01 * len(setting), "losses": [2.0, 1.0]}


# The runner


def test_all_settings_come_with_the_first_seed_first(tmp_path):
    train = Train()
    runs = run_grid(train, SETTINGS, range(2), tmp_path / "new" / "folder")
    assert train.calls == [(setting, seed) for seed in range(2) for setting in SETTINGS.values()]
    assert [(run["name"], run["seed"]) for run in runs] == [("plain", 0), ("wide", 0), ("plain", 1), ("wide", 1)]
    assert runs[3] == {
        "name": "wide",
        "seed": 1,
        "setting": {"dim": 64, "sides": [1, 2]},
        "val_top1": 0.62,
        "losses": [2.0, 1.0],
    }
    files = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert files == {"plain_s0.json", "wide_s0.json", "plain_s1.json", "wide_s1.json"}


def test_nothing_is_trained_twice(tmp_path):
    first = run_grid(Train(), SETTINGS, range(2), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert run_grid(None, SETTINGS, range(2), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_stopped_grid_goes_on_where_it_was(fails_at, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_grid(Train(fails_at), SETTINGS, range(2), tmp_path)
    assert len(list(tmp_path.iterdir())) == fails_at - 1
    again = Train()
    runs = run_grid(again, SETTINGS, range(2), tmp_path)
    assert len(again.calls) == 4 - (fails_at - 1)
    assert runs == run_grid(Train(), SETTINGS, range(2), tmp_path / "at once")


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        run_grid(lambda setting, seed: {"top1": np.float32(0.5)}, {"plain": {}}, [0], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_run_appears_only_when_its_file_is_whole(tmp_path, monkeypatch):
    def power_is_gone(source, target):
        raise OSError("no power")

    monkeypatch.setattr(os, "replace", power_is_gone)
    with pytest.raises(OSError, match="no power"):
        run_grid(Train(), {"plain": {}}, [0], tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_file_that_was_half_written_is_not_taken(tmp_path):
    (tmp_path / "plain_s0.part").write_text('{"name": "pl', encoding="utf-8")  # as a killed process leaves it
    train = Train()
    run_grid(train, {"plain": {}}, [0], tmp_path)
    assert len(train.calls) == 1 and {path.name for path in tmp_path.iterdir()} == {"plain_s0.json"}


@pytest.mark.parametrize("content", ["", '{"name": "pla', "[1, 2]", '{"name": "plain"}', "\x00\x01"])
def test_damaged_file_is_named(content, tmp_path):
    (tmp_path / "plain_s0.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"plain_s0\.json is damaged .*: delete it, and its run is trained again"):
        run_grid(Train(), {"plain": {}}, [0], tmp_path)


def test_file_of_another_setting_is_refused(tmp_path):
    run_grid(Train(), {"plain": {"dim": 32}}, [0], tmp_path)
    with pytest.raises(ValueError, match="was made with {'dim': 32}, not {'dim': 64}: delete it or choose another"):
        run_grid(Train(), {"plain": {"dim": 64}}, [0], tmp_path)


# The runs as numbers


def test_rows_and_table_agree(tmp_path):
    runs = run_grid(Train(), SETTINGS, range(3), tmp_path)
    found = by_setting(runs)
    assert list(found) == ["plain", "wide"]
    np.testing.assert_allclose(found["wide"], (0.52, 0.62, 0.72))
    assert by_setting(runs[:3])["plain"].shape == (2,)  # rows may differ in length
    names, values = table(runs)
    assert names == ["plain", "wide"] and values.shape == (2, 3)
    np.testing.assert_allclose(values, [[0.5, 0.6, 0.7], [0.52, 0.62, 0.72]])
    np.testing.assert_allclose(table(runs, lambda run: run["losses"][-1])[1], np.ones((2, 3)))


def test_table_wants_the_same_seeds_everywhere(tmp_path):
    runs = run_grid(Train(), SETTINGS, range(2), tmp_path)
    with pytest.raises(ValueError, match=r"same seeds: plain has \[0, 1\], wide has \[0\]\. Finish the grid"):
        table(runs[:3])


# The models


def parameters_of(setting):
    """By arithmetic: what build_cct has, and what another pooling adds to it."""
    rest = {key: value for key, value in setting.items() if key != "pooling"}
    extra = {"average": -129, "class_token": -129 + 128 + 128}  # score; class token and its row of the position table
    return sum(model_costs(**rest)["parameters"].values()) + extra.get(setting.get("pooling"), 0)


@pytest.mark.parametrize("name", first(4, PARTS | TWO_PARTS))
def test_every_part_builds_and_has_its_parameters(name):
    setting = (PARTS | TWO_PARTS)[name]
    model = build_parts(**setting)
    assert model.input_shape == (None, 32, 32, 3) and model.output_shape == (None, 10)
    assert model.count_params() == parameters_of(setting)
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    logits = model.predict_on_batch(images)
    assert logits.shape == (3, 10) and np.isfinite(logits).all() and np.abs(np.diff(logits, axis=0)).min() > 0
    np.testing.assert_allclose(at_size(model, 32, 32).predict_on_batch(images), logits, atol=1e-5)
    assert at_size(model, 16, 16).predict_on_batch(images[:, ::2, ::2]).shape == (3, 10)


def test_one_part_is_changed_at_a_time():
    assert PARTS["as_it_is"] == {}
    for name, setting in PARTS.items():
        assert len(set(setting) - {"padding"}) == (name != "as_it_is")
    for name, setting in TWO_PARTS.items():
        one, other = name.split("+")
        assert setting == PARTS[one] | PARTS[other] and not set(PARTS[one]) & set(PARTS[other])


@pytest.mark.whole
@pytest.mark.parametrize("pooling", POOLINGS[1:])
def test_other_poolings_train_on_growing_images_and_is_saved(pooling, tmp_path):
    digits = cct.load_dataset("digits")
    part = {name: getattr(digits, name)[:32] for name in ("x_train", "y_train", "x_val", "y_val")}
    recipe = dataclasses.replace(cct.RECIPES["quick"], epochs=2, batch_size=16, image_scales=((0.5, 1),))
    keras.utils.set_random_seed(0)
    model = build_parts(pooling=pooling, normalization=(78, 96), **SMALL)
    before = [weight.copy() for weight in model.get_weights()]
    cct.fit(model, digits._replace(**part), recipe, seed=0, verbose=False)
    moved = [not np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True)]
    paths = [weight.path for weight in model.weights]
    still = {path for path, changed in zip(paths, moved, strict=True) if not changed}
    assert all("normalization" in path or "seed" in path or "pooling" in path for path in still), still
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(cct.predict(again, digits.x_test[:8]), cct.predict(model, digits.x_test[:8]), atol=1e-5)


def test_pooling_by_average_is_the_mean_of_the_tokens():
    model = build_parts(pooling="average", **SMALL)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype("float32")
    tokens = keras.Model(model.input, model.get_layer("norm").output).predict_on_batch(images)
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(model.predict_on_batch(images), tokens.mean(axis=1) @ kernel + bias, atol=1e-5)


def test_class_token_alone_is_read():
    model = build_parts(pooling="class_token", **SMALL)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype("float32")
    tokens = keras.Model(model.input, model.get_layer("norm").output).predict_on_batch(images)
    assert tokens.shape[1] == 4 * 4 + 1
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(model.predict_on_batch(images), tokens[:, 0] @ kernel + bias, atol=1e-5)


def test_unknown_pooling_lists_the_known_ones():
    with pytest.raises(ValueError, match="pooling must be one of sequence, average, class_token, got 'max'"):
        build_parts(pooling="max")
    with pytest.raises(ValueError, match="has no setting depth"):
        build_parts(depth=3)


# The records


@pytest.mark.parametrize("record", ["09_parts", "09_ladder", "09_from_the_top"])
def test_records_are_complete(record, request):
    path = request.config.rootpath / "notebooks" / "results" / f"{record}.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    seeds, scores = by_setting(whole["runs"], "seed"), by_setting(whole["runs"])
    assert all(row.tolist() == list(range(5 if name == "as_it_is" else 3)) for name, row in seeds.items())
    assert all(np.all((row > 0.1) & (row < 1)) for row in scores.values())
    assert whole["test_images"] == 10_000 and whole["machine"]["keras"] and whole["recipe"]["epochs"] > 1
    if record == "09_parts":
        assert list(scores) == list(PARTS | TWO_PARTS)
        for run in whole["runs"]:
            assert run["setting"] == (PARTS | TWO_PARTS)[run["name"]]
            assert run["parameters"] == parameters_of(run["setting"])

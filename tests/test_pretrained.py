"""The trained models that come with the course: whole, as their cards say, and refused when damaged."""

import json
import shutil

import numpy as np
import pytest
from ship_weights import fixed_images

import cct_helpers as cct
from cct_helpers import weights

pytestmark = pytest.mark.any_backend


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of one shipped model that a test may damage; returns its name and folder."""
    name = "cvt_2_4_32_cifar10"
    for ending in ("npz", "json"):
        shutil.copy(weights.SHIPPED / f"{name}.{ending}", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    return name, tmp_path


def test_the_promised_models_are_there():
    on_cifar10 = {"cct_2_3x2_32_cifar10", "cct_7_3x1_32_cifar10", "cvt_2_4_32_cifar10", "vit_lite_2_4_32_cifar10"}
    assert on_cifar10 | {"cct_2_3x2_16_digits"} <= set(weights.pretrained_names())


def test_the_model_of_the_digits_reads_them():
    data = cct.load_dataset("digits")
    model = cct.load_pretrained("cct_2_3x2_16_digits")
    top1 = cct.evaluate(model, data.x_test, data.y_test)["top1"]
    assert top1 == pytest.approx(model.card["test_top1"], abs=0.006) and top1 > 0.96


@pytest.mark.parametrize("name", weights.pretrained_names())
def test_a_shipped_model_gives_the_logits_on_its_card(name):
    model = cct.load_pretrained(name)
    logits = cct.predict(model, fixed_images(model.input_shape[1:]))
    np.testing.assert_allclose(logits, model.card["logits_of_fixed_images"], atol=1e-3)
    assert model.count_params() == model.card["parameters"]
    assert model.output_shape[-1] == len(model.card["class_names"])


@pytest.mark.parametrize("name", weights.pretrained_names())
def test_a_card_says_what_was_trained_and_measured(name):
    card = weights.read_card(name)
    for key in ("data", "training", "epochs", "seconds", "device", "reproduce", "val_top1", "test_top1", "history"):
        assert card[key], key
    per_class = card["test_top1_per_class"]
    assert np.mean(per_class) == pytest.approx(card["test_top1"], abs=1e-6 if "cifar10" in name else 2e-3)


def test_the_file_is_half_precision_and_small():
    path = weights.SHIPPED / "cct_2_3x2_32_cifar10.npz"
    assert path.stat().st_size < 600_000
    assert {array.dtype for array in weights.read_state_dict(path).values()} == {np.dtype("float16")}


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no shipped model 'cct_9'.*cct_2_3x2_32_cifar10"):
        cct.load_pretrained("cct_9")


def test_a_corrupted_truncated_or_missing_file_is_refused(shipped):
    name, folder = shipped
    path = folder / f"{name}.npz"
    whole = path.read_bytes()
    assert cct.load_pretrained(name).count_params() > 0
    for damaged in (whole[:1000] + b"?" + whole[1001:], whole[:-100], None):
        path.write_bytes(damaged) if damaged else path.unlink()
        with pytest.raises(ValueError, match=f"{name}.npz are missing, damaged or of another version"):
            cct.load_pretrained(name)


def test_a_card_of_another_version_or_damaged_is_refused(shipped):
    name, folder = shipped
    path = folder / f"{name}.json"
    text = path.read_text()
    path.write_text(json.dumps({**json.loads(text), "format": 99}))
    with pytest.raises(ValueError, match="has format 99, this package reads 1"):
        cct.load_pretrained(name)
    path.write_text(text[:50])
    with pytest.raises(ValueError, match=f"card {name}.json is damaged"):
        cct.load_pretrained(name)

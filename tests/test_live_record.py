"""What the live model's page says of its cost is what the record measured, with the weights that are shipped."""

import json

import pytest
from records import RESULTS

import cct_helpers as cct
from cct_helpers.explorer import live_model

RECORD = json.loads((RESULTS / "00_live_model.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORD["price"])
def test_eight_bits_cost_at_most_a_tenth_of_a_point(name):
    price = RECORD["price"][name]
    assert price["sha256"] == cct.load_pretrained(name).card["sha256"], "run live_speed.py"
    whole = price["images"] != 1000  # the largest model was measured on a part
    assert abs(price["float32"]["top1"] - price["card_top1"]) < (0.002 if whole else 0.02)
    assert price["8 bits"]["top1"] > price["float32"]["top1"] - 0.001 - 1e-9


@pytest.mark.parametrize(("name", "most"), [("cct_2_3x2_32_cifar10", 500_000), ("cct_2_3x2_16_digits", 500_000)])
def test_a_page_is_small(name, most):
    assert len(live_model(cct.load_pretrained(name)).encode()) < most
